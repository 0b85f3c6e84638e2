package rights

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/certificate"
)

// mutation is a kind of change to a certificate. It calls try once for each
// place where the change can be made, which then makes it to a copy.
type mutation struct {
	name string
	// never: no change of this kind leaves a certificate true. Of the others, one
	// may be accepted only if the oracle finds it true still: a value for another
	// of its class, a statement that decides nothing, and the like.
	never bool
	each  func(c *certificate.Certificate, try func(func(c *certificate.Certificate)))
}

var mutations = []mutation{
	{"a value is another", false, mutateAtoms},
	{"a value is dropped", false, func(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
		eachAtom(c, func(i, j int) {
			try(func(c *certificate.Certificate) { c.Keys[i].Atoms = slices.Delete(c.Keys[i].Atoms, j, j+1) })
		})
	}},
	{"a value is dropped and the cells follow", false, func(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
		eachAtom(c, func(i, j int) { try(func(c *certificate.Certificate) { dropAtom(c, i, j) }) })
	}},
	{"a value stands twice", true, func(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
		eachAtom(c, func(i, j int) {
			try(func(c *certificate.Certificate) { c.Keys[i].Atoms = append(c.Keys[i].Atoms, c.Keys[i].Atoms[j]) })
		})
	}},
	{"a key is dropped", true, func(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
		for i := range c.Keys {
			try(func(c *certificate.Certificate) { dropKey(c, i) })
		}
	}},
	{"an effect is flipped", false, onStatements(func(s map[string]any, try func(func(map[string]any))) {
		try(func(s map[string]any) {
			s["Effect"] = map[any]string{"Allow": "Deny", "Deny": "Allow"}[s["Effect"]]
		})
	})},
	{"an action is another", false, onStatements(changeWords("Action", "bedrock:Nothing"))},
	{"a resource is another", false, onStatements(changeWords("Resource", "arn:aws:bedrock:*::nothing/*"))},
	{"a condition's value is another", false, onStatements(changeConditions)},
	{"a condition is dropped", false, onStatements(func(s map[string]any, try func(func(map[string]any))) {
		if s["Condition"] != nil {
			try(func(s map[string]any) { delete(s, "Condition") })
		}
	})},
	{"a statement is dropped or added", false, mutateLists},
	{"a verdict is another", true, mutateVerdicts},
	{"a cell is another set", true, mutateCubes},
	{"a cell is dropped or doubled", true, func(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
		for i := range c.Cells {
			try(func(c *certificate.Certificate) { c.Cells = slices.Delete(c.Cells, i, i+1) })
			try(func(c *certificate.Certificate) { c.Cells = append(c.Cells, c.Cells[i]) })
		}
	}},
	{"a cell lists other statements", true, mutateRefs},
	{"the claim is another", true, mutateClaim},
	{"the question is another", false, mutateQuestion},
}

func eachAtom(c *certificate.Certificate, do func(i, j int)) {
	for i := range c.Keys {
		for j := range c.Keys[i].Atoms {
			do(i, j)
		}
	}
}

// mutateAtoms puts near and far values in the place of each.
func mutateAtoms(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
	eachAtom(c, func(i, j int) {
		v := c.Keys[i].Atoms[j]
		others := []certificate.Value{{Absent: true}, {Values: []string{"mutant"}}, {Values: []string{"a", "mutant"}, Several: true}}
		for n := range v.Values {
			for _, s := range nearby(v.Values[n]) {
				w := certificate.Value{Values: slices.Clone(v.Values), Several: v.Several}
				w.Values[n] = s
				slices.Sort(w.Values)
				others = append(others, w)
			}
		}
		for _, w := range others {
			if fmt.Sprint(w) != fmt.Sprint(v) {
				try(func(c *certificate.Certificate) { c.Keys[i].Atoms[j] = w })
			}
		}
	})
}

// nearby are values near one: of its type, and in its class or just outside.
func nearby(s string) []string {
	out := []string{s + "x", "x" + s, strings.ToUpper(s), strings.TrimSuffix(s, s[max(0, len(s)-1):])}
	if n, err := strconv.Atoi(s); err == nil {
		out = append(out, strconv.Itoa(n+1), strconv.Itoa(n-1))
	}
	if d, err := time.Parse(time.RFC3339, s); err == nil {
		out = append(out, d.Add(time.Second).Format(time.RFC3339), d.Add(-time.Second).Format(time.RFC3339))
	}
	if p, err := awsiam.ParsePrefix(s); err == nil {
		out = append(out, p.Addr().Next().String(), p.Addr().Prev().String())
	}
	return out
}

func dropAtom(c *certificate.Certificate, i, j int) {
	key := c.Keys[i].Name
	c.Keys[i].Atoms = slices.Delete(c.Keys[i].Atoms, j, j+1)
	var cells []certificate.Cell
	for _, cell := range c.Cells {
		if list, ok := cell.Where[key]; ok {
			list = slices.DeleteFunc(slices.Clone(list), func(n int) bool { return n == j })
			for n := range list {
				if list[n] > j {
					list[n]--
				}
			}
			if cell.Where[key] = list; len(list) == 0 {
				continue
			}
		}
		cells = append(cells, cell)
	}
	c.Cells = cells
	if c.Answer.Witness != nil && c.Answer.Witness[i] > j {
		c.Answer.Witness[i]--
	}
}

// dropKey takes a key out, and of the cells those with its first value.
func dropKey(c *certificate.Certificate, i int) {
	key := c.Keys[i].Name
	c.Keys = slices.Delete(c.Keys, i, i+1)
	c.Cells = slices.DeleteFunc(c.Cells, func(cell certificate.Cell) bool {
		list, ok := cell.Where[key]
		delete(cell.Where, key)
		return ok && list[0] != 0
	})
	if c.Answer.Witness != nil {
		c.Answer.Witness = slices.Delete(c.Answer.Witness, i, i+1)
	}
}

// certPolicies are all documents of a certificate.
func certPolicies(c *certificate.Certificate) (out []*certificate.Document) {
	for i := range c.Question.Sides {
		s := &c.Question.Sides[i]
		for _, list := range append([][]certificate.Document{s.Layers.Identity, s.Layers.Sessions}, s.Layers.SCPs...) {
			for j := range list {
				out = append(out, &list[j])
			}
		}
		for _, d := range []*certificate.Document{s.Layers.Boundary, s.Layers.Endpoint} {
			if d != nil {
				out = append(out, d)
			}
		}
		for j := range s.Checks {
			if s.Checks[j].Policy != nil {
				out = append(out, s.Checks[j].Policy)
			}
		}
	}
	return out
}

func statementsOf(d *certificate.Document) (list []any, rewrite func([]any)) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(d.Text), &doc); err != nil {
		panic(err)
	}
	return doc["Statement"].([]any), func(list []any) {
		doc["Statement"] = list
		text, _ := json.Marshal(doc)
		d.Text = string(text)
	}
}

// onStatements makes changes to each statement of each policy.
func onStatements(each func(s map[string]any, try func(func(map[string]any)))) func(*certificate.Certificate, func(func(*certificate.Certificate))) {
	return func(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
		for p, d := range certPolicies(c) {
			list, _ := statementsOf(d)
			for i, s := range list {
				each(s.(map[string]any), func(change func(map[string]any)) {
					try(func(c *certificate.Certificate) {
						list, rewrite := statementsOf(certPolicies(c)[p])
						change(list[i].(map[string]any))
						rewrite(list)
					})
				})
			}
		}
	}
}

func changeWords(name, other string) func(map[string]any, func(func(map[string]any))) {
	return func(s map[string]any, try func(func(map[string]any))) {
		for _, name := range []string{name, "Not" + name} {
			words, _ := s[name].([]any)
			for i := range words {
				try(func(s map[string]any) { s[name].([]any)[i] = other })
			}
		}
	}
}

func changeConditions(s map[string]any, try func(func(map[string]any))) {
	conditions, _ := s["Condition"].(map[string]any)
	for op, keys := range conditions {
		for key, values := range keys.(map[string]any) {
			for i, v := range values.([]any) {
				for _, other := range append(nearby(v.(string)), map[string]string{"true": "false", "false": "true"}[v.(string)]) {
					try(func(s map[string]any) { s["Condition"].(map[string]any)[op].(map[string]any)[key].([]any)[i] = other })
				}
			}
		}
	}
}

func mutateLists(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
	for p, d := range certPolicies(c) {
		list, _ := statementsOf(d)
		change := func(how func(list []any) []any) {
			try(func(c *certificate.Certificate) {
				list, rewrite := statementsOf(certPolicies(c)[p])
				rewrite(how(list))
			})
		}
		for i := range list {
			change(func(list []any) []any { return slices.Delete(list, i, i+1) })
		}
		for _, effect := range []string{"Allow", "Deny"} {
			for _, action := range []string{"*", "s3:GetObject"} {
				s := map[string]any{"Effect": effect, "Action": action, "Resource": "*", "Principal": "*"}
				change(func(list []any) []any { return append(list, s) })
				change(func(list []any) []any { return append([]any{s}, list...) })
			}
		}
	}
}

func mutateVerdicts(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
	for i := range c.Cells {
		for _, v := range []certificate.Verdict{certificate.Impossible, certificate.Allowed, certificate.Denied, certificate.Undetermined, certificate.Both, certificate.Neither, certificate.BaseOnly, certificate.CandidateOnly, certificate.NotNew, ""} {
			if v != c.Cells[i].Verdict {
				try(func(c *certificate.Certificate) { c.Cells[i].Verdict = v })
			}
		}
		try(func(c *certificate.Certificate) { c.Cells[i].Fact += "because" })
	}
}

// mutateCubes widens and narrows cells. Those that have no key are everything.
func mutateCubes(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
	for i, cell := range c.Cells {
		for k, key := range c.Keys {
			list, limited := cell.Where[key.Name]
			for j := range key.Atoms {
				switch at, has := slices.BinarySearch(list, j); {
				case limited && has:
					try(func(c *certificate.Certificate) {
						c.Cells[i].Where[key.Name] = slices.Delete(c.Cells[i].Where[key.Name], at, at+1)
					})
				case limited:
					try(func(c *certificate.Certificate) {
						c.Cells[i].Where[key.Name] = slices.Insert(slices.Clone(list), at, j)
					})
				case len(key.Atoms) > 1:
					try(func(c *certificate.Certificate) {
						if c.Cells[i].Where == nil {
							c.Cells[i].Where = map[string][]int{}
						}
						c.Cells[i].Where[c.Keys[k].Name] = []int{j}
					})
				}
			}
			if limited && len(list) < len(key.Atoms) {
				try(func(c *certificate.Certificate) { delete(c.Cells[i].Where, key.Name) })
			}
		}
	}
}

func mutateRefs(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
	for i, cell := range c.Cells {
		try(func(c *certificate.Certificate) {
			c.Cells[i].Statements = append(c.Cells[i].Statements, certificate.Ref{Side: 9, Layer: "zone", Document: "none"})
		})
		for j := range cell.Statements {
			for _, change := range []func(r *certificate.Ref){
				func(r *certificate.Ref) { r.Index += 7 }, func(r *certificate.Ref) { r.Level++ }, func(r *certificate.Ref) { r.Side = 1 - r.Side },
				func(r *certificate.Ref) { r.Document += "x" }, func(r *certificate.Ref) { r.Layer = "other" },
			} {
				try(func(c *certificate.Certificate) { change(&c.Cells[i].Statements[j]) })
			}
			try(func(c *certificate.Certificate) { c.Cells[i].Statements = slices.Delete(c.Cells[i].Statements, j, j+1) })
		}
	}
}

func mutateClaim(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
	for _, claim := range []string{string(certificate.Allowed), certificate.Conditional, string(certificate.Undetermined), string(certificate.Denied), certificate.NewAccess, certificate.NoNewAccess, certificate.Undecided, ""} {
		if claim != c.Answer.Decision {
			try(func(c *certificate.Certificate) { c.Answer.Decision = claim })
		}
		if claim != c.Answer.Comparison {
			try(func(c *certificate.Certificate) { c.Answer.Comparison = claim })
		}
	}
	if c.Answer.Witness == nil {
		try(func(c *certificate.Certificate) { c.Answer.Witness = make([]int, len(c.Keys)) })
		return
	}
	try(func(c *certificate.Certificate) { c.Answer.Witness = nil })
	try(func(c *certificate.Certificate) { c.Answer.Witness = append(c.Answer.Witness, 0) })
	for i := range c.Answer.Witness {
		try(func(c *certificate.Certificate) { c.Answer.Witness[i] = -1 })
		try(func(c *certificate.Certificate) { c.Answer.Witness[i] = len(c.Keys[i].Atoms) })
	}
}

func mutateQuestion(c *certificate.Certificate, try func(func(*certificate.Certificate))) {
	try(func(c *certificate.Certificate) { c.Question.Correlated = !c.Question.Correlated })
	try(func(c *certificate.Certificate) { c.Question.Now = "2030-06-01T00:00:00Z" })
	for i := range c.Question.Sides {
		side := func(c *certificate.Certificate) *certificate.Side { return &c.Question.Sides[i] }
		try(func(c *certificate.Certificate) { side(c).Principal.Account = "444455556666" })
		try(func(c *certificate.Certificate) { side(c).Layers.Sessions = []certificate.Document{} })
		try(func(c *certificate.Certificate) { side(c).Layers.Boundary = nil })
		try(func(c *certificate.Certificate) { side(c).Layers.SCPs = append(side(c).Layers.SCPs, nil) })
		try(func(c *certificate.Certificate) { side(c).Layers.Identity = nil })
		for _, key := range slices.Sorted(maps.Keys(c.Question.Sides[i].Known)) {
			try(func(c *certificate.Certificate) { delete(side(c).Known, key) })
			try(func(c *certificate.Certificate) { side(c).Known[key] = certificate.Value{Values: []string{"mutant"}} })
		}
		for j := range c.Question.Sides[i].Checks {
			try(func(c *certificate.Certificate) { side(c).Checks[j].Action = "bedrock:Nothing" })
			try(func(c *certificate.Certificate) { side(c).Checks[j].Resource = "arn:aws:bedrock:us-east-1::nothing/x" })
			try(func(c *certificate.Certificate) { side(c).Checks[j].Resource = "" })
			try(func(c *certificate.Certificate) { side(c).Checks[j].Account = "444455556666" })
			try(func(c *certificate.Certificate) { side(c).Checks[j].Policy = nil })
			try(func(c *certificate.Certificate) { side(c).Checks[j].Trust = !side(c).Checks[j].Trust })
		}
	}
}

func TestAChangedCertificateIsRejectedUnlessItIsTrueStill(t *testing.T) {
	certs := specimens(t)
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			rejected, still := 0, 0
			for _, name := range slices.Sorted(maps.Keys(certs)) {
				m.each(certs[name], func(change func(*certificate.Certificate)) {
					c, err := mutated(t, certs[name], change)
					switch {
					case errors.Is(err, errSame):
					case err != nil:
						rejected++
					case m.never:
						t.Errorf("%s: accepted: %s", name, difference(certs[name], c))
					default:
						still++
						if err := oracleOf(c).untrue(); err != nil {
							t.Errorf("%s: accepted, but %v: %s", name, err, difference(certs[name], c))
						}
					}
				})
			}
			if t.Log(rejected, "rejected,", still, "true still"); rejected < 10 {
				t.Error("hardly anything was tried")
			}
		})
	}
}

func TestAnotherSidChangesNothing(t *testing.T) {
	rename := onStatements(func(s map[string]any, try func(func(map[string]any))) {
		try(func(s map[string]any) { s["Sid"] = "Renamed" })
	})
	for name, cert := range specimens(t) {
		rename(cert, func(change func(*certificate.Certificate)) {
			if _, err := mutated(t, cert, change); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestAFlippedBitIsRejectedByTheDigest(t *testing.T) {
	data, err := specimens(t)["time"].Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		for bit := range 8 {
			data[i] ^= 1 << bit
			if certificate.Check(data) == nil {
				t.Errorf("byte %d: %.40q is accepted", i, data[max(0, i-20):])
			}
			data[i] ^= 1 << bit
		}
	}
}

var errSame = errors.New("nothing is changed")

// mutated is a changed copy with a fresh digest, and what the checker says.
func mutated(t *testing.T, c *certificate.Certificate, change func(*certificate.Certificate)) (*certificate.Certificate, error) {
	t.Helper()
	before, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := certificate.Decode(before)
	if err != nil {
		t.Fatal(err)
	}
	change(again)
	if err := again.Seal(); err != nil {
		t.Fatal(err)
	}
	after, err := again.Encode()
	if err != nil || string(after) == string(before) {
		return again, errSame
	}
	return again, certificate.Check(after)
}

// difference is where two certificates begin to differ.
func difference(a, b *certificate.Certificate) string {
	x, _ := a.Encode()
	y, _ := b.Encode()
	i := 0
	for i < min(len(x), len(y)) && x[i] == y[i] {
		i++
	}
	return fmt.Sprintf("%.80s ... was %.80s", y[max(0, i-20):], x[max(0, i-20):])
}
