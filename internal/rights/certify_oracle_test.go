package rights

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/certificate"
)

// oracle decides the requests of a certificate without the checker: it has
// awsiam.Evaluate decide each, and knows a complete table to compare with.
type oracle struct {
	cert  *certificate.Certificate
	cases []*Case
}

func oracleOf(cert *certificate.Certificate) *oracle {
	o := &oracle{cert: cert}
	for i := range cert.Question.Sides {
		o.cases = append(o.cases, caseOf(&cert.Question.Sides[i]))
	}
	return o
}

// caseOf is the case that a side was made of.
func caseOf(s *certificate.Side) *Case {
	c := &Case{Principal: awsiam.Principal(s.Principal), Known: contextOf(s.Known)}
	l := &s.Layers
	c.Layers = awsiam.Layers{Identity: docsOf(l.Identity), SCPs: levelsOf(l.SCPs), Boundary: docOf(l.Boundary), Sessions: docsOf(l.Sessions), Endpoint: docOf(l.Endpoint)}
	for _, k := range s.Checks {
		c.Checks = append(c.Checks, Check{Action: k.Action, Resource: k.Resource, Account: k.Account, Known: contextOf(k.Known), Policy: docOf(k.Policy), Trust: k.Trust, RCPs: levelsOf(k.RCPs)})
	}
	return c
}

func contextOf(known map[string]certificate.Value) awsiam.Context {
	ctx := awsiam.Context{}
	for k, v := range known {
		ctx[k] = certValue(v)
	}
	return ctx
}

func certValue(v certificate.Value) awsiam.Value {
	return awsiam.Value{Items: v.Values, Multi: v.Several, Doubt: v.Doubt}
}

func docOf(d *certificate.Document) *awsiam.Document {
	if d == nil {
		return nil
	}
	doc, _ := awsiam.Parse(d.Name, []byte(d.Text), awsiam.Position{})
	return doc
}

func docsOf(docs []certificate.Document) []*awsiam.Document {
	if docs == nil {
		return nil
	}
	out := []*awsiam.Document{}
	for i := range docs {
		out = append(out, docOf(&docs[i]))
	}
	return out
}

func levelsOf(levels [][]certificate.Document) (out [][]*awsiam.Document) {
	for _, l := range levels {
		out = append(out, docsOf(l))
	}
	return out
}

func (o *oracle) universe() Universe {
	now, _ := time.Parse(time.RFC3339, o.cert.Question.Now)
	return Universe{Facts: awsiam.EmbeddedFacts(), Correlated: o.cert.Question.Correlated, Now: now}
}

// complete is a certificate of the same question that the algebra makes anew,
// whose tables stand for every request.
func (o *oracle) complete() (*certificate.Certificate, error) {
	if len(o.cases) == 1 {
		_, cert, err := Certified(o.universe(), o.cases[0])
		return cert, err
	}
	f := alone(o.universe(), o.cases...)
	x := f.Compare(o.cases[0], o.cases[1])
	return f.CertifyComparison(o.cases[0], o.cases[1], x)
}

// decision is what one request comes to on all sides, and by which statements.
func (o *oracle) decision(values map[string]certificate.Value) (certificate.Verdict, []certificate.Ref) {
	var verdicts []certificate.Verdict
	refs := map[certificate.Ref]bool{}
	for side, c := range o.cases {
		verdict := certificate.Allowed
		for i := range c.Checks {
			d := certEvaluate(c, &c.Checks[i], values)
			for _, r := range d.Statements {
				refs[certificate.Ref{Side: side, Layer: r.Layer, Level: r.Level, Document: r.Document, Index: r.Index}] = true
			}
			switch {
			case d.Outcome == awsiam.ImplicitDeny || d.Outcome == awsiam.ExplicitDeny:
				verdict = certificate.Denied
			case d.Outcome == awsiam.Undetermined && verdict == certificate.Allowed:
				verdict = certificate.Undetermined
			}
		}
		verdicts = append(verdicts, verdict)
	}
	list := slices.SortedFunc(maps.Keys(refs), func(a, b certificate.Ref) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	if len(verdicts) == 1 {
		return verdicts[0], list
	}
	return certificate.Compare(verdicts[0], verdicts[1]), list
}

func certEvaluate(c *Case, k *Check, values map[string]certificate.Value) awsiam.Decision {
	ctx, resource := over(c.Known, k.Known), k.Resource
	for key, v := range values {
		switch {
		case key == certificate.ResourceKey && resource == "":
			resource = v.Values[0]
		case key != certificate.ResourceKey && !isKnown(over(c.Known, k.Known), key):
			ctx[key] = certValue(v)
		}
		if key == timeKey {
			ctx[epochKey] = epoch(certValue(v))
		}
	}
	return awsiam.Evaluate(c.request(k, ctx, resource), c.layers(k))
}

// certVectors goes through the combinations of a table.
func certVectors(keys []certificate.Key, do func(values map[string]certificate.Value, at map[string]int)) {
	values, at := map[string]certificate.Value{}, map[string]int{}
	var walk func(i int)
	walk = func(i int) {
		if i == len(keys) {
			do(values, at)
			return
		}
		for j, v := range keys[i].Atoms {
			values[keys[i].Name], at[keys[i].Name] = v, j
			walk(i + 1)
		}
	}
	walk(0)
}

// untrue says what of a certificate is not true, on what the plain evaluator
// says of its own requests and of those of a complete table. Nil: it is true.
func (o *oracle) untrue() error {
	counts, err := o.cells()
	if err != nil {
		return err
	}
	if got := claimOf(counts, len(o.cases)); got != cmp.Or(o.cert.Answer.Decision, o.cert.Answer.Comparison) {
		return fmt.Errorf("the claim is %s", got)
	}
	if o.cert.Answer.Comparison == certificate.NewAccess {
		return nil // the one request is all that it says
	}
	full, err := o.complete()
	if err != nil {
		return err
	}
	return o.stands(full)
}

// cells compares each cell with its requests, and counts the verdicts at the
// time asked about.
func (o *oracle) cells() (map[certificate.Verdict]int, error) {
	counts := map[certificate.Verdict]int{}
	refs := make([]map[certificate.Ref]bool, len(o.cert.Cells))
	var wrong error
	certVectors(o.cert.Keys, func(values map[string]certificate.Value, at map[string]int) {
		in := -1
		for i, c := range o.cert.Cells {
			inside := true
			for key, atoms := range c.Where {
				inside = inside && slices.Contains(atoms, at[key])
			}
			if inside && in >= 0 {
				wrong = fmt.Errorf("cells %d and %d overlap", in, i)
			}
			if inside {
				in = i
			}
		}
		if in < 0 {
			wrong = fmt.Errorf("no cell has %v", values)
			return
		}
		cell := &o.cert.Cells[in]
		if refs[in] == nil {
			refs[in] = map[certificate.Ref]bool{}
		}
		if fact := o.impossible(values); (cell.Verdict == certificate.Impossible) != (fact != "") && cell.Fact != certificate.RegionFact {
			wrong = fmt.Errorf("cell %d: %q", in, fact)
		}
		if cell.Verdict == certificate.Impossible {
			return
		}
		verdict, list := o.decision(values)
		if verdict != cell.Verdict {
			wrong = fmt.Errorf("cell %d is %s", in, verdict)
		}
		for _, r := range list {
			refs[in][r] = true
		}
		if now := o.cert.Question.Now; now == "" || values[timeKey].Values == nil || sameTime(values[timeKey].Values[0], now) {
			counts[verdict]++
		}
	})
	for i, c := range o.cert.Cells {
		if len(refs[i]) != len(c.Statements) {
			wrong = fmt.Errorf("cell %d: other statements", i)
		}
		for _, r := range c.Statements {
			if !refs[i][r] {
				wrong = fmt.Errorf("cell %d: %v does not decide", i, r)
			}
		}
	}
	return counts, wrong
}

func sameTime(a, b string) bool {
	x, _ := awsiam.ParseDate(a)
	y, _ := awsiam.ParseDate(b)
	return x.Equal(y)
}

func (o *oracle) impossible(values map[string]certificate.Value) string {
	if !o.cert.Question.Correlated {
		return ""
	}
	for _, c := range o.cases {
		ctx := over(c.Known, nil)
		for key, v := range values {
			ctx[key] = certValue(v)
		}
		if fact := ctx.Impossible(); fact != "" {
			return fact
		}
	}
	return ""
}

func claimOf(counts map[certificate.Verdict]int, sides int) string {
	switch n := counts; {
	case sides == 2 && n[certificate.CandidateOnly] > 0:
		return certificate.NewAccess
	case sides == 2 && n[certificate.Undetermined] > 0:
		return certificate.Undecided
	case sides == 2:
		return certificate.NoNewAccess
	case n[certificate.Allowed]+n[certificate.Undetermined] == 0:
		return string(certificate.Denied)
	case n[certificate.Allowed] == 0:
		return string(certificate.Undetermined)
	case n[certificate.Denied]+n[certificate.Undetermined] == 0:
		return string(certificate.Allowed)
	}
	return certificate.Conditional
}

// stands reports whether the tables stand for every request of a complete one:
// for each of its values there is one with which every request comes to the
// same.
func (o *oracle) stands(full *certificate.Certificate) error {
	for _, key := range full.Keys {
		i := slices.IndexFunc(o.cert.Keys, func(k certificate.Key) bool { return k.Name == key.Name })
		if i < 0 {
			return fmt.Errorf("no table of %s", key.Name)
		}
		like := make([][]bool, len(key.Atoms)) // by value of the complete table, and of this
		for j := range like {
			like[j] = slices.Repeat([]bool{true}, len(o.cert.Keys[i].Atoms))
		}
		certVectors(full.Keys, func(values map[string]certificate.Value, at map[string]int) {
			want := fmt.Sprint(o.decision(values))
			for j, v := range o.cert.Keys[i].Atoms {
				other := maps.Clone(values)
				other[key.Name] = v
				like[at[key.Name]][j] = like[at[key.Name]][j] && fmt.Sprint(o.decision(other)) == want
			}
		})
		for j := range like {
			if !slices.Contains(like[j], true) {
				return fmt.Errorf("nothing stands for %v of %s", key.Atoms[j], key.Name)
			}
		}
	}
	return nil
}

func TestTheOracleFindsCertificatesTrue(t *testing.T) {
	for name, cert := range specimens(t) {
		if err := oracleOf(cert).untrue(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
