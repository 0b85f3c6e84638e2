package manifest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// closely is Decode without its glance.
func closely(spec string) (*rights.Grant, error) {
	g := &rights.Grant{}
	if err := unmarshal([]byte(spec), g); err != nil {
		return nil, err
	}
	r := Resource{Kind: Grant, Name: "", Spec: g}
	r.settle()
	return g, nil
}

// sameGrant fails when the glance reads what Decode refuses, or otherwise.
func sameGrant(t interface{ Fatalf(string, ...any) }, spec string) (glanced bool) {
	g, ok := canonicalGrant([]byte(spec))
	if !ok {
		return false
	}
	want, err := closely(spec)
	if err != nil {
		t.Fatalf("%s: read at a glance, and refused in full: %v", spec, err)
	}
	if d := cmp.Diff(want, g); d != "" {
		t.Fatalf("%s: %s", spec, d)
	}
	return true
}

func grantDrawn(t *rapid.T) *rights.Grant {
	plain := slices.Repeat([]string{"a", "agent-1", "x y", "<&>"}, 10)
	word := rapid.SampledFrom(append(plain, "", "with \"quotes\"", "ünïcode", "tab\t"))
	at := func(label string) time.Time {
		return time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, label), rapid.SampledFrom([]int64{0, 0, 0, 5}).Draw(t, label+" ns")).UTC()
	}
	g := &rights.Grant{
		Identity: word.Draw(t, "identity"), Entitlement: word.Draw(t, "entitlement"), NotAfter: at("after"), Origin: word.Draw(t, "origin"),
		Reason: word.Draw(t, "reason"), State: rights.GrantState(word.Draw(t, "state")), Duration: identity.Duration(rapid.Int64Range(0, 1<<55).Draw(t, "duration")),
		End: rights.EndReason(rapid.SampledFrom([]string{"", "", "expired"}).Draw(t, "end")),
	}
	if rapid.Bool().Draw(t, "begins") {
		g.NotBefore = at("before")
	}
	if rapid.Bool().Draw(t, "spends") {
		spend := rapid.Int64Range(-1, 1<<40).Draw(t, "spend")
		g.Narrow = &rights.Narrowing{SpendUSD: &spend, NoTools: rapid.IntRange(0, 3).Draw(t, "tools") == 0}
	}
	if rapid.Bool().Draw(t, "from") {
		g.From = &rights.Provenance{Request: word.Draw(t, "request"), Requester: word.Draw(t, "requester"), Approvers: rapid.SliceOfN(word, 0, 3).Draw(t, "approvers"), Pin: word.Draw(t, "pin")}
	}
	return g
}

// TestAGrantReadAtAGlanceIsTheGrant: whatever the quick reading takes, the full
// one reads the same.
func TestAGrantReadAtAGlanceIsTheGrant(t *testing.T) {
	glances := 0
	rapid.Check(t, func(t *rapid.T) {
		spec, err := Resource{Kind: Grant, Spec: grantDrawn(t)}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		text := string(spec)
		if i := rapid.IntRange(-3*len(text), len(text)-1).Draw(t, "bend at"); i >= 0 {
			text = text[:i] + rapid.SampledFrom([]string{"", " ", `"`, "x", "{", ",", `\`, "0"}).Draw(t, "bend") + text[i+1:]
		}
		if sameGrant(t, text) {
			glances++
		}
	})
	if glances == 0 {
		t.Error("nothing was read at a glance")
	}
}

// TestWhatARequestLeavesIsReadAtAGlance: the form that a million of them have.
func TestWhatARequestLeavesIsReadAtAGlance(t *testing.T) {
	spend := int64(200)
	spec, err := Resource{Kind: Grant, Spec: &rights.Grant{
		Identity: "agent-1", Entitlement: "chat", NotBefore: time.Unix(1_800_000_000, 0).UTC(), NotAfter: time.Unix(1_800_100_000, 0).UTC(),
		Origin: rights.OriginRequested, Reason: "as asked", State: rights.GrantActive, Duration: identity.Duration(time.Hour),
		Narrow: &rights.Narrowing{SpendUSD: &spend},
		From:   &rights.Provenance{Request: "r1", Requester: "dana", Approvers: []string{"erin", "frank"}, Pin: strings.Repeat("0", 64)},
	}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !sameGrant(t, string(spec)) {
		t.Errorf("%s is not", spec)
	}
}

func FuzzGrantAtAGlance(f *testing.F) {
	f.Add(`{"identity":"a","entitlement":"b","notAfter":"2027-01-01T00:00:00Z"}`)
	f.Add(`{"identity":"a","entitlement":"b","notBefore":"2026-01-01T00:00:00Z","notAfter":"2027-01-01T00:00:00Z","state":"active","duration":"1h0m0s","narrow":{"spendUSD":20},"from":{"request":"r","requester":"d","approvers":["e"],"pin":"0"}}`)
	f.Fuzz(func(t *testing.T, spec string) { sameGrant(t, spec) })
}
