package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/analyse"
	"github.com/writ-project/writ/internal/estate"
)

func written(t *testing.T, a madeAccount) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := a.write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestMadeAccountsAreAlwaysTheSame(t *testing.T) {
	first := written(t, madeAccount{3, 50})
	if !bytes.Equal(first, written(t, madeAccount{3, 50})) {
		t.Error("an account differs from itself")
	}
	if bytes.Equal(first, written(t, madeAccount{4, 50})) {
		t.Error("two accounts are alike")
	}
}

func TestMadeAccountsHoldWhatTheySay(t *testing.T) {
	const n = 4000
	var d details
	if err := json.Unmarshal(written(t, madeAccount{0, n}), &d); err != nil {
		t.Fatal(err)
	}
	all := append(slices.Clone(d.UserDetailList), d.RoleDetailList...)
	share := func(has func(e entity, s statement) bool) float64 {
		count := 0
		for _, e := range all {
			for _, p := range append(e.UserPolicyList, e.RolePolicyList...) {
				if slices.ContainsFunc(p.PolicyDocument.Statement, func(s statement) bool { return has(e, s) }) {
					count++
				}
			}
		}
		return 100 * float64(count) / n
	}
	models := func(_ entity, s statement) bool {
		return s.Effect == allow && strings.Contains(strings.Join(s.Resource, " "), "foundation-model/")
	}
	for name, c := range map[string]struct{ got, want float64 }{
		"principals":         {100 * float64(len(all)) / n, 100},
		"roles":              {100 * float64(len(d.RoleDetailList)) / n, 85},
		"model grants":       {share(models), 30},
		"… conditional":      {share(func(e entity, s statement) bool { return models(e, s) && s.Condition != nil }), 10},
		"NotAction":          {share(func(_ entity, s statement) bool { return s.NotAction != nil }), 2},
		"Deny":               {share(func(_ entity, s statement) bool { return s.Effect == "Deny" }), 10},
		"may assume a role":  {share(func(_ entity, s statement) bool { return s.Action.match("sts:AssumeRole") }), 2},
		"boundaries":         {share(func(e entity, s statement) bool { return e.PermissionsBoundary != nil }), 3},
		"bedrock:* attached": {share(func(e entity, s statement) bool { return len(e.AttachedManagedPolicies) > 0 }), 4},
		"bedrock:* inline": {share(func(_ entity, s statement) bool {
			return s.Effect == allow && slices.Equal(s.Action, words{"bedrock:*"})
		}), 4},
	} {
		if c.got < c.want-1.5 || c.got > c.want+1.5 {
			t.Errorf("%s: %.1f %%, want %.0f", name, c.got, c.want)
		}
	}
}

// loaded reads made accounts as Writ does.
func loaded(t *testing.T, accounts, principals int) (dir string, a *analyse.Analysis) {
	t.Helper()
	dir = t.TempDir()
	scp := filepath.Join(t.TempDir(), "scp.json")
	if _, err := writeAccounts(dir, accounts, principals); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(scp, []byte(regionPolicy), 0o644); err != nil {
		t.Fatal(err)
	}
	e, err := estate.Load(context.Background(), estate.Sources{Accounts: []string{dir}, SCPs: []string{scp}})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Problems) > 0 {
		t.Fatalf("%d problems, the first is %+v", len(e.Problems), e.Problems[0])
	}
	return dir, analyse.New(analyse.Config{Estate: e, Now: time.Now()})
}

func TestWritReadsEveryMadePrincipal(t *testing.T) {
	if _, a := loaded(t, 3, 40); len(a.Estate.Accounts) != 3 || len(a.Principals()) != 120 {
		t.Errorf("%d accounts, %d principals", len(a.Estate.Accounts), len(a.Principals()))
	}
}

// What the naive evaluator does not read, it takes for "can": it is comparable
// only if it never finds less than Writ, nor everything.
func TestTheNaiveEvaluatorFindsNoLessThanWrit(t *testing.T) {
	dir, a := loaded(t, 1, 300)
	n, err := readNaive(filepath.Join(dir, "account-000.json"))
	if err != nil {
		t.Fatal(err)
	}
	naive := map[string]*naivePrincipal{}
	for i := range n.principals {
		naive[n.principals[i].arn] = &n.principals[i]
	}
	m, err := a.Matrix(t.Context(), a.Principals(), everyTarget(a.Catalogue, madeAccount{}.id()), nil)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := matrixCells(a.Estate.Accounts[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	var both, more, neither int
	for i, p := range m.Principals {
		for j, c := range cells {
			writ, other := m.At(i, j/len(m.Actions), j%len(m.Actions)).Can(), naive[p.ARN].cell(&c) == '1'
			switch {
			case writ && !other:
				t.Fatalf("%s can call %s on %s, and the naive evaluator denies it", p.ARN, c.Action, c.Target)
			case writ:
				both++
			case other:
				more++
			default:
				neither++
			}
		}
	}
	if both == 0 || more == 0 || neither < both {
		t.Errorf("%d cells that both find, %d that only the naive evaluator finds, %d that neither does", both, more, neither)
	}
}

func TestEveryTargetIsCalledWhereItCanBe(t *testing.T) {
	_, a := loaded(t, 1, 1)
	all := everyTarget(a.Catalogue, madeAccount{}.id())
	if len(all) != len(a.Catalogue.Models())+len(a.Catalogue.Profiles()) {
		t.Errorf("%d targets", len(all))
	}
	for _, target := range all {
		p, ok := a.Catalogue.Profile(target.ID)
		if ok && len(p.Destinations) > 0 && len(p.Destinations[target.Region]) == 0 {
			t.Errorf("%s cannot be called in %s", target.ID, target.Region)
		}
	}
}

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "a", true}, {"a", "b", false}, {"*", "", true}, {"*", "a:b/c", true},
		{"a*c", "abbc", true}, {"a*c", "abb", false}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"*b*", "abc", true}, {"**a", "a", true},
	} {
		if got := globs(c.pattern, c.text); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.text, got)
		}
	}
}

func TestWordsMayBeOneWord(t *testing.T) {
	var s statement
	if err := json.Unmarshal([]byte(`{"Action": "a", "Resource": ["b", "c"]}`), &s); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(statement{Action: words{"a"}, Resource: words{"b", "c"}}, s); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(s)
	if err != nil || string(text) != `{"Effect":"","Action":"a","Resource":["b","c"]}` {
		t.Errorf("%s: %v", text, err)
	}
}

func TestHolders(t *testing.T) {
	own, chained, err := holders([]byte(`{"principal":"a","hops":0}` + "\n" + `{"principal":"b","hops":2}` + "\n" + `{"principal":"c","hops":0}`))
	if err != nil || !slices.Equal(own, []string{"a", "c"}) || chained != 1 {
		t.Errorf("%v, %d: %v", own, chained, err)
	}
	if _, _, err := holders([]byte("usage")); err == nil {
		t.Error("what is no answer was read")
	}
}

func TestDifferences(t *testing.T) {
	a, b := differences([]string{"a", "b", "c"}, []string{"b", "d", "e", "f"})
	if a != 2 || b != 3 {
		t.Errorf("%d missing, %d more", a, b)
	}
}

func TestCompareMatrices(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	writ := file("writ", "role/a 0110\nrole/b 0001\n")
	missing, more, err := compareMatrices(writ, file("other", "role/a 1010\nrole/b 0101\n"))
	if err != nil || missing != 1 || more != 2 {
		t.Errorf("%d missing, %d more: %v", missing, more, err)
	}
	for _, text := range []string{"role/a 0110\n", "role/c 0110\nrole/b 0001\n"} {
		if _, _, err := compareMatrices(writ, file("strange", text)); err == nil {
			t.Errorf("compared with %q", text)
		}
	}
}

func TestCountFindings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	long := strings.Repeat("x", 1<<17)
	text := `{"findings":[` + "\n" + `{"rule":"A","severity":"high","detail":"` + long + `"},` + "\n" + `{"rule":"B","severity":"low"}],` + "\n" + `"notEvaluable":[` + "\n" + `{"rule":"C","reason":"no input"}]}`
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := countFindings(path); err != nil || n != 2 {
		t.Errorf("%d: %v", n, err)
	}
}
