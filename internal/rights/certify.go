package rights

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/certificate"
	"github.com/writ-project/writ/internal/diagram"
	"github.com/writ-project/writ/internal/glob"
)

// ErrNoCertificate says that an answer, right as it may be, has no certificate:
// it depends on how two free keys compare, on what is too coarse to rely on, or
// is larger than the checker takes.
var ErrNoCertificate = errors.New("no certificate")

func uncertified(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrNoCertificate}, args...)...)
}

// Certified answers a case, with a certificate of the answer. Without one, the
// error says why, and the answer stands.
func Certified(u Universe, c *Case) (Answer, *certificate.Certificate, error) {
	f := NewFrame(u)
	f.Add(c)
	f.Close()
	a := f.Answer(c)
	cert, err := f.Certify(c, a)
	return a, cert, err
}

// CompareCertified compares two sets of policies as Compare does, with a
// certificate for each action; of NEW_ACCESS one, of the request that is new.
// The error says why some action has none; the verdict stands.
func CompareCertified(u Universe, base, next Policies, actions []string) (Comparison, []*certificate.Certificate, error) {
	all := Comparison{Verdict: NoNewAccess}
	var certs []*certificate.Certificate
	var missing error
	for _, action := range actions {
		checks := []Check{{Action: action}}
		old, fresh := Case{Layers: base.Layers, Known: base.Known, Checks: checks}, Case{Layers: next.Layers, Known: next.Known, Checks: checks}
		f := alone(u, &old, &fresh)
		x := f.Compare(&old, &fresh)
		all = all.or(func() Comparison { return x })
		cert, err := f.CertifyComparison(&old, &fresh, x)
		if x.Verdict == NewAccess && err == nil {
			return all, []*certificate.Certificate{cert}, nil
		}
		if err != nil {
			missing = errors.Join(missing, fmt.Errorf("%s: %w", action, err))
			continue
		}
		certs = append(certs, cert)
	}
	return all, certs, missing
}

// alone is a frame of these cases only.
func alone(u Universe, cases ...*Case) *Frame {
	f := NewFrame(u)
	for _, c := range cases {
		f.Add(c)
	}
	f.Close()
	return f
}

// Certify makes the certificate of an answer to a case, whatever other cases
// the frame holds. The checker has accepted it.
func (f *Frame) Certify(c *Case, a Answer) (*certificate.Certificate, error) {
	m, err := newCertifier(f.u, c)
	if err != nil {
		return nil, err
	}
	all := m.whole(c)
	at := m.asked()
	m.cell(certificate.Allowed, m.space.And(all.Must, m.possible))
	m.cell(certificate.Denied, m.space.Diff(m.possible, all.May))
	m.cell(certificate.Undetermined, m.space.And(m.possible, m.space.Diff(all.May, all.Must)))
	m.cert.Answer.Decision = decisions[a.Decision]
	if a.Decision == Allowed || a.Decision == Conditional {
		m.cert.Answer.Witness, _ = m.pick(m.space.And(all.Must, at))
	}
	return m.finish()
}

// decisions are the words that certificates have for decisions.
var decisions = map[Decision]string{
	Allowed: string(certificate.Allowed), Conditional: certificate.Conditional, Undetermined: string(certificate.Undetermined),
	ImplicitDeny: string(certificate.Denied), ExplicitDeny: string(certificate.Denied),
}

// CertifyComparison makes the certificate of what comparing two cases came to:
// of NEW_ACCESS of one request that is new, otherwise of all requests. The
// checker has accepted it.
func (f *Frame) CertifyComparison(old, fresh *Case, x Comparison) (*certificate.Certificate, error) {
	m, err := newCertifier(f.u, old, fresh)
	if err != nil {
		return nil, err
	}
	m.cert.Question.Now = "" // it is about all of time
	a, b := m.whole(old), m.whole(fresh)
	m.cert.Answer.Comparison = string(x.Verdict)
	if x.Verdict == NewAccess {
		return m.request(m.space.And(m.space.Diff(b.Must, a.May), m.possible))
	}
	outcomes := func(x Bounds) map[certificate.Verdict]diagram.Node {
		return map[certificate.Verdict]diagram.Node{
			certificate.Allowed: x.Must, certificate.Denied: m.space.Not(x.May), certificate.Undetermined: m.space.Diff(x.May, x.Must),
		}
	}
	verdicts := map[certificate.Verdict]diagram.Node{}
	for v, where := range outcomes(a) {
		for w, there := range outcomes(b) {
			verdict := certificate.Compare(v, w)
			verdicts[verdict] = m.space.Or(verdicts[verdict], m.space.And(m.possible, m.space.And(where, there)))
		}
	}
	for _, v := range slices.Sorted(maps.Keys(verdicts)) {
		m.cell(v, verdicts[v])
	}
	return m.finish()
}

// certifier is a certificate in the making, over a frame of its own.
type certifier struct {
	*Frame
	fns  [][]*function // by case and check
	cert *certificate.Certificate
	err  error
}

func newCertifier(u Universe, cases ...*Case) (*certifier, error) {
	m := &certifier{Frame: alone(u, cases...), cert: &certificate.Certificate{Version: certificate.Version}}
	for _, c := range cases {
		var fns []*function
		for i := range c.Checks {
			fns = append(fns, m.build(c, &c.Checks[i]))
		}
		m.fns = append(m.fns, fns)
	}
	switch err := m.Frame.err(); {
	case err != nil:
		return nil, uncertified("%v", err)
	case len(m.doubts) > 0:
		return nil, uncertified("%s", m.doubts[0])
	case len(m.opaque) > 0:
		return nil, uncertified("it depends on how two free keys compare with one another")
	}
	if err := m.question(); err != nil {
		return nil, err
	}
	return m, m.tables()
}

// question writes down what is asked.
func (m *certifier) question() error {
	q := &m.cert.Question
	q.Correlated = m.u.Correlated
	if !m.u.Now.IsZero() {
		q.Now = m.u.Now.UTC().Format(time.RFC3339Nano)
	}
	within, without := maps.Clone(m.within), map[string][]glob.Pattern{}
	if m.open != nil {
		d := m.domain()
		within[certificate.ResourceKey], without[certificate.ResourceKey] = d.Within, d.Without
	}
	var err error
	if q.Within, err = shapesOf(within); err != nil {
		return err
	}
	if q.Without, err = shapesOf(without); err != nil {
		return err
	}
	for _, c := range m.cases {
		q.Sides = append(q.Sides, sideOf(c))
	}
	return nil
}

func shapesOf(bounds map[string][]glob.Pattern) (map[string][]certificate.Shape, error) {
	out := map[string][]certificate.Shape{}
	for key, patterns := range bounds {
		for _, p := range patterns {
			s, ok := shapeOf(p)
			if !ok {
				return nil, uncertified("what %s is bounded by cannot be written down", key)
			}
			out[key] = append(out[key], s)
		}
	}
	return out, nil
}

// shapeOf writes a pattern down, if that can be done.
func shapeOf(p glob.Pattern) (certificate.Shape, bool) {
	text, err := awsiam.ParseText(p.String(), true, true)
	whole, fixed := text.Fixed()
	if err != nil || !fixed {
		return certificate.Shape{}, false
	}
	segments, ok := whole.SegmentWise()
	switch {
	case whole.Equal(p):
		return certificate.Shape{Pattern: p.String()}, true
	case ok && segments.Equal(p):
		return certificate.Shape{Pattern: p.String(), Segments: true}, true
	}
	return certificate.Shape{}, false
}

func sideOf(c *Case) certificate.Side {
	s := certificate.Side{Principal: certificate.Principal(c.Principal), Known: valuesOf(c.Known)}
	l := c.Layers
	s.Layers = certificate.Layers{Identity: write(l.Identity), SCPs: writeLevels(l.SCPs), Boundary: writeOne(l.Boundary), Sessions: write(l.Sessions), Endpoint: writeOne(l.Endpoint)}
	for i := range c.Checks {
		k := &c.Checks[i]
		s.Checks = append(s.Checks, certificate.Request{
			Action: k.Action, Resource: k.Resource, Account: k.Account, Known: valuesOf(k.Known),
			Policy: writeOne(k.Policy), Trust: k.Trust, RCPs: writeLevels(k.RCPs),
		})
	}
	return s
}

func write(docs []*awsiam.Document) []certificate.Document {
	if docs == nil {
		return nil
	}
	out := make([]certificate.Document, len(docs))
	for i, d := range docs {
		out[i] = certificate.Write(d)
	}
	return out
}

func writeLevels(levels [][]*awsiam.Document) (out [][]certificate.Document) {
	for _, level := range levels {
		out = append(out, write(level))
	}
	return out
}

func writeOne(d *awsiam.Document) *certificate.Document {
	if d == nil {
		return nil
	}
	out := certificate.Write(d)
	return &out
}

func valuesOf(ctx awsiam.Context) map[string]certificate.Value {
	out := make(map[string]certificate.Value, len(ctx))
	for k, v := range ctx {
		out[k] = valueOf(v)
	}
	return out
}

func valueOf(v awsiam.Value) certificate.Value {
	if absentValue(v) && v.Doubt == "" {
		return certificate.Value{Absent: true}
	}
	return certificate.Value{Values: v.Items, Several: v.Multi, Doubt: v.Doubt}
}

// tables writes down the atoms of every key, in the order of the variables.
func (m *certifier) tables() error {
	vectors := 1
	add := func(key certificate.Key) {
		m.cert.Keys = append(m.cert.Keys, key)
		vectors = min(vectors*len(key.Atoms), certificate.MaxVectors+1)
	}
	for _, v := range m.vars {
		key := certificate.Key{Name: v.key}
		for _, a := range v.atoms {
			key.Atoms = append(key.Atoms, valueOf(a.value))
		}
		add(key)
	}
	if m.open != nil {
		key := certificate.Key{Name: certificate.ResourceKey}
		for _, name := range m.open.names {
			key.Atoms = append(key.Atoms, valueOf(awsiam.One(name)))
		}
		add(key)
	}
	if vectors > certificate.MaxVectors {
		return uncertified("its tables have more than %d combinations", certificate.MaxVectors)
	}
	return m.impossible()
}

// impossible adds the cells that facts exclude, each fact what those before it
// leave.
func (m *certifier) impossible() error {
	rest := diagram.Node(diagram.True)
	exclude := func(fact string, ok diagram.Node) {
		m.cubes(certificate.Cell{Verdict: certificate.Impossible, Fact: fact}, m.space.Diff(rest, ok))
		rest = m.space.And(rest, ok)
	}
	if m.u.Correlated {
		for _, k := range awsiam.Correlations() {
			exclude(k.Fact, m.correlated(k))
		}
		if m.open != nil && m.byKey[regionKey] != nil {
			exclude(certificate.RegionFact, m.open.region(m.Frame))
		}
	}
	if rest != m.possible {
		return errors.New("the certificate's facts are not those of the answer")
	}
	return m.err
}

// correlated is where a fact holds: between two free keys, or one and what a
// case knows of the other.
func (m *certifier) correlated(k awsiam.Correlation) diagram.Node {
	ok := diagram.Node(diagram.True)
	for _, c := range m.cases {
		n := diagram.Node(diagram.False)
		a, b := m.held(k.A, c), m.held(k.B, c)
		if a == nil || b == nil || m.byKey[k.A] == nil && m.byKey[k.B] == nil {
			continue
		}
		for _, x := range a {
			for _, y := range b {
				if k.Holds(x.value, y.value) {
					n = m.space.Or(n, m.space.And(x.where, y.where))
				}
			}
		}
		ok = m.space.And(ok, n)
	}
	return ok
}

// holding is a value that a key can have, and where it does.
type holding struct {
	value awsiam.Value
	where diagram.Node
}

// held are the values that a key can have in a case; none when nothing is said.
func (m *certifier) held(key string, c *Case) (out []holding) {
	if v := m.byKey[key]; v != nil {
		for i, a := range v.atoms {
			out = append(out, holding{a.value, m.space.In(v.index, diagram.SetOf(i))})
		}
	} else if value, known := c.Known[key]; known {
		out = append(out, holding{value, diagram.True})
	}
	return out
}

// asked is what is possible at the time asked about.
func (m *certifier) asked() diagram.Node {
	r := reading{Frame: m.Frame, at: m.possible}
	r.now()
	return r.at
}

// cell adds the cells in which all requests come to a verdict.
func (m *certifier) cell(v certificate.Verdict, where diagram.Node) {
	m.cubes(certificate.Cell{Verdict: v}, where)
}

func (m *certifier) cubes(like certificate.Cell, where diagram.Node) {
	cubes, ok := m.space.CubesOf(where, certificate.MaxVectors)
	if !ok {
		m.err = uncertified("its cells are too many")
		return
	}
	for _, cube := range cubes {
		c := like
		for _, l := range cube {
			if c.Where == nil {
				c.Where = map[string][]int{}
			}
			c.Where[m.cert.Keys[l.Var].Name] = slices.Collect(l.Atoms.All())
		}
		if c.Verdict != certificate.Impossible {
			c.Statements = m.deciding(m.space.Product(cube))
		}
		m.cert.Cells = append(m.cert.Cells, c)
	}
}

// deciding are the statements that decide somewhere in a cell: those that deny,
// where a check is denied by them; elsewhere those that allow, as far as it may
// be allowed.
func (m *certifier) deciding(cell diagram.Node) []certificate.Ref {
	seen := map[certificate.Ref]bool{}
	for side, fns := range m.fns {
		for i, fn := range fns {
			via := m.via(m.cases[side], &m.cases[side].Checks[i])
			denied := m.space.And(cell, fn.denied.Must)
			allowed := m.space.Diff(m.space.And(cell, fn.allowed.May), fn.denied.Must)
			m.refs(seen, side, fn.denies, via, denied, func(b Bounds) diagram.Node { return b.Must })
			m.refs(seen, side, fn.allows, via, allowed, func(b Bounds) diagram.Node { return b.May })
		}
	}
	return slices.SortedFunc(maps.Keys(seen), certificate.Ref.Compare)
}

func (m *certifier) refs(seen map[certificate.Ref]bool, side int, clauses []clause, via, where diagram.Node, at func(Bounds) diagram.Node) {
	for _, cl := range clauses {
		there := where
		if cl.ref.Layer == awsiam.EndpointLayer {
			there = m.space.And(where, via)
		}
		if m.space.And(there, at(cl.at)) != diagram.False {
			seen[certificate.Ref{Side: side, Layer: cl.ref.Layer, Level: cl.ref.Level, Document: cl.ref.Document, Index: cl.ref.Index}] = true
		}
	}
}

// via is where a check's call comes through a VPC endpoint.
func (m *certifier) via(c *Case, k *Check) diagram.Node {
	value, known := over(c.Known, k.Known)[endpointKey]
	v := m.byKey[endpointKey]
	switch {
	case known && absentValue(value) && value.Doubt == "" || !known && v == nil:
		return diagram.False
	case known:
		return diagram.True
	}
	return m.space.In(v.index, diagram.SetOf(0).Complement(len(v.atoms)))
}

// request makes the certificate one of a single request.
func (m *certifier) request(new diagram.Node) (*certificate.Certificate, error) {
	vector, ok := m.pick(new)
	if !ok {
		return nil, errors.New("the new request is not in the certificate's frame")
	}
	cube := diagram.Cube{}
	for i := range m.cert.Keys {
		cube = append(cube, diagram.Literal{Var: i, Atoms: diagram.SetOf(vector[i])})
		m.cert.Keys[i].Atoms = m.cert.Keys[i].Atoms[vector[i] : vector[i]+1]
		m.cert.Answer.Witness = append(m.cert.Answer.Witness, 0)
	}
	if v := m.byKey[regionKey]; v != nil && m.open != nil && m.u.Correlated {
		if name := m.open.names[vector[m.open.index]]; name != "*" {
			m.cert.Keys[v.index].Atoms[0] = valueOf(awsiam.One(regionOf(name)))
		}
	}
	m.cert.Cells = []certificate.Cell{{Verdict: certificate.CandidateOnly, Statements: m.deciding(m.space.Product(cube))}}
	return m.finish()
}

// finish seals the certificate and has the checker accept it.
func (m *certifier) finish() (*certificate.Certificate, error) {
	if m.err != nil {
		return nil, m.err
	}
	if err := m.Frame.err(); err != nil {
		return nil, uncertified("%v", err)
	}
	if err := m.cert.Seal(); err != nil {
		return nil, err
	}
	data, err := m.cert.Encode()
	if err == nil {
		m.cert, err = certificate.Decode(data)
	}
	if err == nil {
		err = m.cert.Verify(m.u.Facts)
	}
	switch {
	case errors.Is(err, certificate.ErrBeyond):
		return nil, uncertified("%v", err)
	case err != nil:
		return nil, fmt.Errorf("the checker does not accept the certificate: %w", err)
	}
	return m.cert, nil
}
