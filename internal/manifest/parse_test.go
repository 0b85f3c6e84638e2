package manifest

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

const sample = `# The support team's agent.
apiVersion: writ/v1
kind: Identity
name: support-agent
spec:
  kind: agent
  environment: prod
  maxSession: 15m
  purposes: [support, "answer mails"]
---
apiVersion: writ/v1
kind: Grant
name: support-agent.converse
spec:
  identity: support-agent
  entitlement: converse
  notAfter: 2027-01-01T00:00:00+02:00
---
# nothing here
---
{apiVersion: writ/v1, kind: Network, name: office, spec: {cidrs: [10.0.0.0/8, "2001:db8::/32"], trustedProxy: true}}
`

func TestParseReadsDocuments(t *testing.T) {
	got, err := Parse("org.yaml", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 {
		t.Fatalf("%d resources, want 3", len(got))
	}
	want := &identity.Identity{ID: "support-agent", Kind: identity.Agent, Environment: "prod", MaxSession: identity.Duration(15 * time.Minute), Purposes: []string{"support", "answer mails"}}
	if d := cmp.Diff(want, got[0].Spec); d != "" {
		t.Errorf("identity differs:\n%s", d)
	}
	grant := &rights.Grant{ID: "support-agent.converse", Identity: "support-agent", Entitlement: "converse", NotAfter: time.Date(2026, 12, 31, 22, 0, 0, 0, time.UTC)}
	if d := cmp.Diff(grant, got[1].Spec); d != "" {
		t.Errorf("grant differs:\n%s", d)
	}
	if n := got[2].Spec.(*identity.Network); len(n.CIDRs) != 2 || !n.TrustedProxy {
		t.Errorf("network is %+v", n)
	}
	for i, line := range []int{2, 11, 21} {
		if got[i].Line != line || got[i].File != "org.yaml" {
			t.Errorf("%s stands at %s:%d, want line %d", got[i].ID(), got[i].File, got[i].Line, line)
		}
	}
}

// refused lists documents that must not pass, with the place and a part of the complaint.
var refused = []struct {
	name, spec string
	line, col  int
	text, hint string
}{
	{"unknown field", "  kind: agent\n  environment: prod\n  maxSesion: 15m", 7, 3, `unknown field "maxSesion"`, "maxSession"},
	{"wrong case", "  Kind: agent\n  environment: prod", 5, 3, `unknown field "Kind"`, "known here: kind, environment"},
	{"duplicate key", "  kind: agent\n  kind: workload\n  environment: prod", 6, 3, `field "kind" is given twice`, ""},
	{"number for text", "  kind: agent\n  environment: 7", 6, 16, "environment: want text, not a number", "quotes"},
	{"boolean for text", "  kind: agent\n  environment: true", 6, 16, "environment: want text, not true or false", "quotes"},
	{"text for boolean", "  kind: agent\n  environment: prod\n  shared: \"yes\"", 7, 11, "shared: want true or false, not text", ""},
	{"text for list", "  kind: agent\n  environment: prod\n  purposes: support", 7, 13, "purposes: want a list, not text", ""},
	{"list item of another type", "  kind: agent\n  environment: prod\n  purposes: [a, 2]", 7, 17, "purposes[1]: want text, not a number", "quotes"},
	{"bad duration", "  kind: agent\n  environment: prod\n  maxSession: soon", 7, 15, "maxSession", ""},
	{"number for duration", "  kind: agent\n  environment: prod\n  maxSession: 15", 7, 15, "maxSession: want a duration such as 15m, not a number", ""},
	{"negative epoch", "  kind: agent\n  environment: prod\n  epoch: -1", 7, 10, "epoch: want a whole number, not below 0, not -1", ""},
	{"epoch too large", "  kind: agent\n  environment: prod\n  epoch: 4294967296", 7, 10, "epoch: 4294967296 is out of range", ""},
	{"fraction for whole number", "  kind: agent\n  environment: prod\n  epoch: 1.5", 7, 10, "epoch", ""},
	{"octal", "  kind: agent\n  environment: prod\n  epoch: 0o17", 7, 10, "0o17", "quotes"},
	{"leading zero", "  kind: agent\n  environment: prod\n  epoch: 017", 7, 10, "017", "quotes"},
	{"null", "  kind: agent\n  environment: prod\n  team:", 7, 9, "empty value", "leave it out"},
	{"tilde", "  kind: agent\n  environment: prod\n  team: ~", 7, 9, "empty value", "leave it out"},
	{"anchor", "  kind: agent\n  environment: &e prod", 6, 16, "anchors", ""},
	{"alias", "  kind: agent\n  environment: *e", 6, 16, "", ""},
	{"merge", "  <<: {kind: agent}\n  environment: prod", 5, 3, "anchors", ""},
	{"tag", "  kind: agent\n  environment: !!str prod", 6, 16, "tags", ""},
	{"key that is a number", "  kind: agent\n  7: prod", 6, 3, "name must be text", ""},
	{"invalid value", "  kind: robot\n  environment: prod", 5, 9, `kind "robot"`, ""},
	{"spec that is a list", "  - kind", 5, 3, "want a mapping, not a list", ""},
}

func TestParseRefuses(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			doc := "apiVersion: writ/v1\nkind: Identity\nname: a\nspec:\n" + c.spec + "\n"
			got, err := Parse("a.yaml", []byte(doc))
			if err == nil || len(got) != 0 {
				t.Fatalf("accepted: %+v", got)
			}
			p := Problems(err)[0]
			if p.File != "a.yaml" || p.Line != c.line || p.Column != c.col {
				t.Errorf("at %s:%d:%d, want %d:%d\n%v", p.File, p.Line, p.Column, c.line, c.col, err)
			}
			if !strings.Contains(p.Text, c.text) || !strings.Contains(p.Hint, c.hint) {
				t.Errorf("says %q, hint %q; want %q, %q", p.Text, p.Hint, c.text, c.hint)
			}
		})
	}
}

func TestParseRefusesFrames(t *testing.T) {
	for name, c := range map[string]struct{ doc, want string }{
		"no apiVersion":   {"kind: Identity\nname: a\nspec: {}", "apiVersion"},
		"other version":   {"apiVersion: writ/v2\nkind: Identity\nname: a\nspec: {}", `apiVersion "writ/v2"`},
		"no kind":         {"apiVersion: writ/v1\nname: a\nspec: {}", "kind is required"},
		"unknown kind":    {"apiVersion: writ/v1\nkind: Identiy\nname: a\nspec: {}", `kind "Identiy": want one of`},
		"no name":         {"apiVersion: writ/v1\nkind: Identity\nspec: {}", "name is required"},
		"bad name":        {"apiVersion: writ/v1\nkind: Grant\nname: ../a\nspec: {identity: a, entitlement: b, notAfter: 2027-01-01T00:00:00Z}", `a.yaml:3:7: Grant/../a: name "../a"`},
		"no spec":         {"apiVersion: writ/v1\nkind: Identity\nname: a", "spec is required"},
		"stray field":     {"apiVersion: writ/v1\nkind: Identity\nname: a\nmetadata: {}\nspec: {}", `unknown field "metadata"`},
		"not a mapping":   {"- a", "want a mapping"},
		"text only":       {"hello", "want a mapping"},
		"end marker":      {"a: b\n...\nc: d", "a.yaml:2: document end"},
		"two in one":      {"--- a\n--- b\n", "want a mapping"},
		"directive":       {"%YAML 1.2\n---\na: b", "a.yaml:"},
		"syntax":          {"apiVersion: writ/v1\nkind: [Identity\nname: a", "a.yaml:"},
		"not UTF-8":       {"kind: \xff", "not UTF-8"},
		"deep brackets":   {strings.Repeat("[", 100000), "nested"},
		"deep entries":    {strings.Repeat("- ", 100000) + "a", "nested"},
		"deep by indents": {deepMapping(200), "nested"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse("a.yaml", []byte(c.doc))
			if err == nil || len(got) != 0 {
				t.Fatalf("accepted: %+v", got)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("says %q, want %q", err, c.want)
			}
		})
	}
}

func deepMapping(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String() + strings.Repeat(" ", n) + "a: b\n"
}

func TestParseReportsEveryProblemAndKeepsTheSound(t *testing.T) {
	doc := sample + "---\napiVersion: writ/v1\nkind: Identity\nname: b\nspec: {kind: agent}\n---\nkind: x\n"
	got, err := Parse("a.yaml", []byte(doc))
	if len(got) != 3 || len(Problems(err)) != 2 {
		t.Fatalf("%d sound, %d problems: %v", len(got), len(Problems(err)), err)
	}
}

func TestProblemShowsTheLine(t *testing.T) {
	_, err := Parse("a.yaml", []byte("apiVersion: writ/v1\nkind: Identity\nname: a\nspec:\n  kind: agent\n  environment: 7\n"))
	want := `a.yaml:6:16: Identity/a: environment: want text, not a number
    6 |   environment: 7
      |                ^
  hint: put the value in quotes`
	if d := cmp.Diff(want, err.Error()); d != "" {
		t.Error(d)
	}
}

func TestCedarFilesArePolicies(t *testing.T) {
	got, err := Parse("rules/no-shared.cedar", []byte("forbid (principal, action, resource);\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Resource{{Kind: PolicyKind, Name: "no-shared", Spec: &Policy{ID: "no-shared", Text: "forbid (principal, action, resource);\n"}, File: "rules/no-shared.cedar", Line: 1}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := Parse("No Shared.cedar", []byte("forbid (principal, action, resource);")); err == nil {
		t.Error("a policy with an unfit name was accepted")
	}
	if _, err := Parse("empty.cedar", []byte(" \n")); err == nil {
		t.Error("an empty policy was accepted")
	}
}

func TestLoadDir(t *testing.T) {
	doc := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("apiVersion: writ/v1\nkind: Identity\nname: " + name + "\nspec: {kind: agent, environment: prod}\n")}
	}
	got, err := LoadDir(fstest.MapFS{
		"b/two.yml": doc("two"), "a.yaml": doc("one"), "notes.md": {Data: []byte("# notes")},
		".git/x.yaml": doc("hidden"), "b/.hidden.yaml": doc("hidden"), "z.cedar": {Data: []byte("forbid (principal, action, resource);")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range got {
		ids = append(ids, r.ID())
	}
	if d := cmp.Diff([]string{"Identity/one", "Identity/two", "Policy/z"}, ids); d != "" {
		t.Error(d)
	}
	got, err = LoadDir(fstest.MapFS{"a.yaml": doc("one"), "b.yaml": {Data: []byte("kind: [")}, "c.yaml": {Data: []byte("a: b")}})
	if len(got) != 1 || len(Problems(err)) != 2 {
		t.Errorf("%d sound, problems %v", len(got), err)
	}
}
