package analyse

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

// subject is a principal as the rules see it. Where the input lacks one of its
// documents, every decision is undetermined, and nothing could be found any
// more; so rules look at what the documents say that are there, and BR-DATA-01
// names the others.
type subject struct {
	*estate.Principal                   // without the documents that the input lacks
	whole             *estate.Principal // as the estate has it
	row               []Cell
	like              string // equal for subjects whose rights are equal
}

// subjects gathers what rules share, once in a scan.
type subjects struct {
	once, walk sync.Once
	all        []*subject
	holders    []Holder
	mu         sync.Mutex
	checks     map[string][]Checks // of every cell of an account's rows
}

func (s *scan) subjects() []*subject {
	s.shared.once.Do(func() { s.shared.all = s.gather() })
	return s.shared.all
}

// invokers are the subjects that can invoke something. The roles of the gateway
// are among them only on request: they are meant to be wide.
func (s *scan) invokers(gateway bool) (out []*subject) {
	for _, x := range s.subjects() {
		if slices.ContainsFunc(x.row, Cell.Can) && (gateway || !slices.Contains(s.opts.Gateway, x.ARN)) {
			out = append(out, x)
		}
	}
	return out
}

func (s *scan) gather() []*subject {
	width := len(s.matrix.Targets) * len(s.matrix.Actions)
	all := make([]*subject, len(s.matrix.Principals))
	var partly []*estate.Principal
	var at []int
	like := likenesses{s: s, docs: map[*awsiam.Document]*docLikeness{}}
	for i, p := range s.matrix.Principals {
		all[i] = &subject{Principal: known(p), whole: p, row: s.matrix.cells[i*width:][:width]}
		all[i].like = like.of(all[i].Principal)
		if all[i].Principal != p {
			partly, at = append(partly, all[i].Principal), append(at, i)
		}
	}
	m, err := s.Matrix(s.ctx, partly, s.matrix.Targets, nil)
	if err != nil { // the context's: the scan ends with it
		return nil
	}
	for i, n := range at {
		all[n].row = m.cells[i*width:][:width]
	}
	return all
}

// known is a principal without the identity policies and the boundary that the
// input lacks; itself, if it lacks none.
func known(p *estate.Principal) *estate.Principal {
	lacks := func(d *awsiam.Document) bool { return d.Doubt != "" }
	bound := p.Boundary == nil || !lacks(p.Boundary)
	if bound && !slices.ContainsFunc(p.Identity, lacks) {
		return p
	}
	q := *p
	q.Identity = slices.DeleteFunc(slices.Clone(p.Identity), lacks)
	if !bound {
		q.Boundary = nil
	}
	return &q
}

// cell is what a subject may do with a target, by the number of the action.
func (s *scan) cell(x *subject, target, action int) Cell {
	return x.row[target*len(s.matrix.Actions)+action]
}

// first is the first target that a subject can invoke, by either action, and
// that want accepts; -1 if none.
func (s *scan) first(x *subject, want func(target int) bool) (target, action int) {
	for i, c := range x.row {
		if t := i / len(s.matrix.Actions); c.Can() && want(t) {
			return t, i % len(s.matrix.Actions)
		}
	}
	return -1, -1
}

// ask answers for one target with every leg, given more of the keys.
func (s *scan) ask(x *subject, target, action int, more awsiam.Context) rights.Answer {
	return s.answer(x.Principal, s.checksOf(x.Principal.Principal.Account)[target*len(s.matrix.Actions)+action], more)
}

// checksOf are the checks of all cells of an account's rows.
func (s *scan) checksOf(account string) []Checks {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	if list, ok := s.shared.checks[account]; ok {
		return list
	}
	list := make([]Checks, 0, len(s.matrix.Targets)*len(s.matrix.Actions))
	for _, t := range s.matrix.Targets {
		for _, action := range s.matrix.Actions {
			c, err := s.Checks(Question{Action: action, Resource: t.ID, Region: t.Region}, account)
			if err != nil { // the matrix would have ended with it
				c.Doubt = err.Error()
			}
			list = append(list, c)
		}
	}
	if s.shared.checks == nil {
		s.shared.checks = map[string][]Checks{}
	}
	s.shared.checks[account] = list
	return list
}

// any answers for an action on any resource that inference is authorised on:
// all models there are and will be, in every region.
func (s *scan) any(p *estate.Principal, action string, layers awsiam.Layers, more awsiam.Context) rights.Answer {
	c := s.Case(p, []rights.Check{{Action: action, Known: s.Facts.Absent(action)}}, more)
	c.Layers = layers
	return rights.Solve(s.universe(), c)
}

// on answers for an action on one resource.
func (s *scan) on(p *estate.Principal, action, resource string, more awsiam.Context) rights.Answer {
	checks, err := s.single(action, resource, "")
	if err != nil {
		return rights.Answer{Decision: rights.Undetermined, Doubts: []string{err.Error()}}
	}
	return s.answer(p, checks, more)
}

// only is a principal's layers with all of its own denies, and those of its own
// allows that keep wants.
func (s *scan) only(p *estate.Principal, keep func(*awsiam.Document, *awsiam.Statement) bool) awsiam.Layers {
	l := s.Layers(p)
	l.Identity = nil
	for _, d := range s.Layers(p).Identity {
		e := *d
		e.Statements = nil
		for i := range d.Statements {
			if st := &d.Statements[i]; st.Effect == awsiam.Deny || keep(d, st) {
				e.Statements = append(e.Statements, *st)
			}
		}
		l.Identity = append(l.Identity, &e)
	}
	return l
}

// sweep looks at one of all subjects that are alike, and reports what it finds
// for each of them.
func (s *scan) sweep(list []*subject, severity report.Severity, yield func(report.Finding), look func(*subject) []hit) {
	at := map[string]int{}
	var groups [][]*subject
	for _, x := range list {
		i, ok := at[x.like]
		if !ok {
			i = len(groups)
			at[x.like], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], x)
	}
	hits := make([][]hit, len(groups))
	_ = inParallel(s.ctx, len(groups), func(i int) { hits[i] = look(groups[i][0]) })
	for i, g := range groups {
		for _, x := range g {
			for _, h := range hits[i] {
				yield(s.finding(x.Principal, g[0].Principal, h, severity))
			}
		}
	}
}

// likenesses say whose rights are equal: those whose policies have the same
// statements in the same places, as far as rules look at them, and for whom the
// keys hold the same that the statements refer to.
type likenesses struct {
	s       *scan
	docs    map[*awsiam.Document]*docLikeness
	actions []string
}

type docLikeness struct {
	text string
	keys []string // condition keys that it refers to
}

func (l *likenesses) of(p *estate.Principal) string {
	var b strings.Builder
	b.WriteString(p.Principal.Account)
	if len(p.Account.Resource) > 0 { // its policies may name principals
		return b.String() + " " + p.ARN
	}
	layers := l.s.Layers(p)
	b.WriteString(" " + string(p.Kind) + " " + strconv.FormatBool(p.ServiceLinked))
	var keys []string
	add := func(kind string, docs ...*awsiam.Document) {
		for i, d := range docs {
			if d == nil {
				continue
			}
			x := l.document(d)
			keys = append(keys, x.keys...)
			if x.text != "" {
				b.WriteString("\n" + kind + strconv.Itoa(i) + x.text)
			}
		}
	}
	add("identity", layers.Identity...)
	add("boundary", layers.Boundary)
	add("session", layers.Sessions...)
	add("endpoint", layers.Endpoint)
	for _, level := range layers.SCPs {
		add("scp", level...)
	}
	l.values(&b, p, keys)
	return b.String()
}

// values writes what the keys hold that policies refer to.
func (l *likenesses) values(b *strings.Builder, p *estate.Principal, keys []string) {
	slices.Sort(keys)
	ctx := l.s.Known(p)
	for _, k := range slices.Compact(keys) {
		v, known := ctx[k]
		if family, _, member := strings.Cut(k, "/"); !known && member {
			_, known = ctx[family+"/*"]
		}
		b.WriteString("\n" + k + "=" + strconv.FormatBool(known) + strings.Join(v.Items, ","))
		if k == "aws:userid" {
			b.WriteString(p.UniqueID)
		}
	}
}

func (l *likenesses) document(d *awsiam.Document) *docLikeness {
	if x := l.docs[d]; x != nil {
		return x
	}
	x := &docLikeness{}
	for i := range d.Statements {
		st := &d.Statements[i]
		if !l.matters(st) {
			continue
		}
		x.text += "\n" + strconv.Itoa(i) + string(statementText(st)) + d.Version + st.Doubts.First()
		for j := range st.Resources {
			x.keys = append(x.keys, st.Resources[j].Variables()...)
		}
		for j := range st.Conditions {
			c := &st.Conditions[j]
			x.keys = append(x.keys, c.Name())
			for _, t := range c.Texts() {
				x.keys = append(x.keys, t.Variables()...)
			}
		}
	}
	if d.Doubt != "" {
		x.text += "\n" + d.Name + d.Doubt
	}
	l.docs[d] = x
	return x
}

// matters reports whether a statement can be about something that rules ask.
func (l *likenesses) matters(st *awsiam.Statement) bool {
	if l.actions == nil {
		l.actions = append(l.s.actions(), someAction)
	}
	return slices.ContainsFunc(l.actions, func(a string) bool { return st.MatchAction(a) != awsiam.False })
}

// actions are all actions that have to do with invocation.
func (s *scan) actions() (names []string) {
	for _, class := range []awsiam.ActionClass{awsiam.ClassInvoke, awsiam.ClassDoor, awsiam.ClassGate, awsiam.ClassIndirect, awsiam.ClassEscalate, awsiam.ClassHide, awsiam.ClassLoosen, awsiam.ClassOther} {
		for _, a := range s.Facts.Actions(class) {
			names = append(names, a.Name)
		}
	}
	return names
}
