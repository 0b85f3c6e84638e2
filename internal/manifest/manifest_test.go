package manifest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// awkward generates text that YAML likes to misread.
func awkward() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "true", "no", "null", "~", "1", "0x1F", "1e3", ".inf", "2026-01-01", "- a", "a: b", "#c", " lead", "trail ", "a\nb", "a\n", "\n", "a\n\n\n", " a\nb", "\ta", "'", `"`, `\`, "é", "日本", "&a", "*a", "!t", "%", "@", "`", "{", "[", "|", ">", "?", ":", "a #b", "---", "...", "\u2028", "\U0001F600", "=", "<<", "0o7", "1_000", "+1", "12:30", "\x7f", "\u0085", "a\r\nb", "forbid (principal, action, resource)\nwhen { true };\n"}),
		rapid.StringMatching(`[ -~\n\t]{0,30}`),
		rapid.String(),
	)
}

func list() *rapid.Generator[[]string] {
	return rapid.Map(rapid.SliceOfN(awkward(), 0, 3), func(s []string) []string {
		if len(s) == 0 {
			return nil
		}
		return s
	})
}

func name() *rapid.Generator[string] {
	return rapid.StringMatching(`[a-z0-9]([a-z0-9._-]{0,6}[a-z0-9])?`)
}

func instant() *rapid.Generator[time.Time] {
	return rapid.Map(rapid.Int64Range(0, 4e15), func(us int64) time.Time { return time.UnixMicro(us).UTC() })
}

// resources generates a resource of any kind that Parse would accept.
func resources() *rapid.Generator[Resource] {
	return rapid.Custom(func(t *rapid.T) Resource {
		r := Resource{Kind: rapid.SampledFrom([]Kind{Network, Identity, DataLabel, Entitlement, Budget, Grant, PolicyKind}).Draw(t, "kind"), Name: name().Draw(t, "name")}
		switch r.Kind {
		case Network:
			r.Spec = &identity.Network{CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}, TrustedProxy: rapid.Bool().Draw(t, "proxy")}
		case Identity:
			r.Spec = &identity.Identity{Kind: rapid.SampledFrom(identity.Kinds).Draw(t, "k"), Environment: "e" + awkward().Draw(t, "env"), Team: awkward().Draw(t, "team"), Purposes: list().Draw(t, "purposes"), Epoch: rapid.Uint32().Draw(t, "epoch"), MaxSession: identity.Duration(rapid.Int64Range(0, int64(12*time.Hour)).Draw(t, "max"))}
		case DataLabel:
			r.Name = strings.ReplaceAll(r.Name, ".", "-")
			r.Spec = &dataclass.CustomLabel{Title: awkward().Draw(t, "title"), Level: rapid.SampledFrom([]string{"", "internal", "restricted"}).Draw(t, "level"), Regulated: rapid.Bool().Draw(t, "regulated"), Words: []string{"x" + rapid.StringMatching(`[ -~é日]{0,6}y`).Draw(t, "word")}, Patterns: []string{`\bPN-[0-9]{6}\b`}}
		case Entitlement:
			r.Spec = &rights.Entitlement{Title: awkward().Draw(t, "title"), Models: []string{"amazon.nova-lite-v1:0"}, Conditions: rights.Conditions{Purposes: list().Draw(t, "p"), MaxTokens: rapid.Int64().Draw(t, "tokens"), Data: rights.Data{Forbid: list().Draw(t, "forbid"), Redact: rapid.Bool().Draw(t, "redact"), Output: rapid.SampledFrom([]*rights.Output{nil, {}, {Regulated: true, Forbid: []string{"health"}}}).Draw(t, "output")}}}
		case Budget:
			usd, calls := budget.Money(rapid.Int64Range(0, 1<<62).Draw(t, "usd")), rapid.Int64Range(0, 1<<62).Draw(t, "calls")
			r.Spec = &budget.Budget{Title: awkward().Draw(t, "title"), Per: rapid.SampledFrom([]string{"", budget.PerTeam}).Draw(t, "per"), Covers: budget.Covers{Models: rapid.SampledFrom([][]string{nil, {"amazon.nova-lite-v1:0", "family:x"}}).Draw(t, "models")},
				Terms: budget.Terms{Limits: budget.Limits{USD: &usd, Requests: &calls}, Window: budget.Month, TimeZone: "Europe/Berlin", Notify: []int{90}}}
		case Grant:
			r.Spec = &rights.Grant{Identity: name().Draw(t, "i"), Entitlement: name().Draw(t, "e"), NotBefore: instant().Draw(t, "from"), NotAfter: instant().Draw(t, "to"), Reason: awkward().Draw(t, "reason")}
		case PolicyKind:
			r.Spec = &Policy{Text: "x" + awkward().Draw(t, "text")}
		}
		r.settle()
		return r
	})
}

var compareNetworks = cmp.Options{cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()}

func TestEveryResourceSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := resources().Draw(t, "r")
		spec, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(r.Kind, r.Name, spec)
		if err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
		if d := cmp.Diff(r, back, compareNetworks); d != "" {
			t.Fatal(d)
		}
		if r.Digest() != back.Digest() {
			t.Fatal("digest differs")
		}
	})
}

func TestEveryResourceSurvivesYAML(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream strings.Builder
		want := rapid.SliceOfN(resources(), 1, 3).Draw(t, "rs")
		for _, r := range want {
			doc, err := r.YAML()
			if err != nil {
				t.Fatal(err)
			}
			stream.WriteString("---\n" + string(doc))
		}
		back, err := Parse("x.yaml", []byte(stream.String()))
		if err != nil {
			t.Fatalf("%v\n%s", err, stream.String())
		}
		if d := cmp.Diff(want, back, compareNetworks, cmpopts.IgnoreFields(Resource{}, "File", "Line")); d != "" {
			t.Fatalf("%s\n%s", d, stream.String())
		}
	})
}

func TestEncodeIsCanonical(t *testing.T) {
	a, _ := Parse("a.yaml", []byte("apiVersion: writ/v1\nkind: Identity\nname: a\nspec: {kind: agent, environment: <prod>, shared: false}"))
	b, _ := Parse("b.yaml", []byte("kind: Identity\napiVersion: writ/v1\nspec:\n  environment: \"<prod>\"\n  kind: 'agent'\nname: a\n"))
	spec, err := a[0].Encode()
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"kind":"agent","environment":"<prod>"}`; string(spec) != want {
		t.Errorf("encoded %s, want %s", spec, want)
	}
	if a[0].Digest() != b[0].Digest() {
		t.Error("the same resource has two digests")
	}
}

func TestDigestSeparatesItsParts(t *testing.T) {
	seen := map[[32]byte]string{}
	for _, c := range [][3]string{{"A", "bc", "d"}, {"Ab", "c", "d"}, {"A", "b", "cd"}, {"A", "bc", ""}, {"", "Abc", "d"}} {
		d := DigestOf(Kind(c[0]), c[1], []byte(c[2]))
		if other, ok := seen[d]; ok {
			t.Errorf("%v and %s have one digest", c, other)
		}
		seen[d] = fmt.Sprint(c)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, spec := range []string{"", "{", "null", "[]", `{"kind":"agent","environment":"p","extra":1}`, `{"kind":"agent","environment":"p"} {}`,
		`{"kind":"agent","kind":"agent","environment":"p"}`, `{"Kind":"agent","environment":"p"}`, `{"kind":"robot","environment":"p"}`, `{"environment":"p"}`} {
		if r, err := Decode(Identity, "a", []byte(spec)); err == nil {
			t.Errorf("%s was read as %+v", spec, r.Spec)
		}
	}
	if _, err := Decode("Robot", "a", []byte("{}")); err == nil {
		t.Error("an unknown kind was accepted")
	}
	if _, err := Decode(Identity, "Not A Name", []byte(`{"kind":"agent","environment":"p"}`)); err == nil {
		t.Error("an unfit name was accepted")
	}
}

func TestParseKind(t *testing.T) {
	for in, want := range map[string]Kind{"Identity": Identity, "identities": Identity, "policies": PolicyKind, "grants": Grant, "MODEL": Model} {
		if got, err := ParseKind(in); err != nil || got != want {
			t.Errorf("%q is %q, %v", in, got, err)
		}
	}
	if _, err := ParseKind("secrets"); err == nil {
		t.Error("an unknown kind was accepted")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a.yaml", sample)
	for _, c := range refused {
		f.Add("a.yaml", "apiVersion: writ/v1\nkind: Identity\nname: a\nspec:\n"+c.spec)
	}
	f.Add("a.cedar", "permit (principal, action, resource);")
	f.Fuzz(func(t *testing.T, file, text string) {
		got, err := Parse(file, []byte(text))
		for _, p := range Problems(err) {
			if p.Error() == "" {
				t.Error("a problem says nothing")
			}
		}
		for _, r := range got {
			spec, err := r.Encode()
			if err != nil {
				t.Fatalf("%s parsed but does not encode: %v", r.ID(), err)
			}
			if _, err := Decode(r.Kind, r.Name, spec); err != nil {
				t.Fatalf("%s parsed but its JSON does not: %v", r.ID(), err)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add("Identity", "a", []byte(`{"kind":"agent","environment":"p"}`))
	f.Add("Grant", "a", []byte(`{"identity":"a","entitlement":"b","notAfter":"2027-01-01T00:00:00Z"}`))
	f.Add("Model", "amazon.nova-lite-v1:0", []byte(`{"price":{"input":0.06}}`))
	f.Fuzz(func(t *testing.T, kind, name string, spec []byte) {
		r, err := Decode(Kind(kind), name, spec)
		if err != nil {
			return
		}
		canonical, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(r.Kind, r.Name, canonical)
		if err != nil || again.Digest() != r.Digest() {
			t.Fatalf("%s does not settle: %v", canonical, err)
		}
	})
}
