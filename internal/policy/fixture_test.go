package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

const (
	haiku      = "anthropic.claude-haiku-4-5-20251001-v1:0"
	sonnet     = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	sonnetUS   = "us." + sonnet
	novaLite   = "amazon.nova-lite-v1:0"
	novaPro    = "amazon.nova-pro-v1:0"
	llama      = "meta.llama3-1-70b-instruct-v1:0"
	imported   = "arn:aws:bedrock:us-east-1:111122223333:imported-model/pricing0001"
	guardrail1 = "arn:aws:bedrock:us-east-1:111122223333:guardrail/abc123"
	account    = "111122223333"
	region     = "us-east-1"
)

// noon is the present of every test: a Wednesday.
var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

// clean is a prompt that was read in full and holds nothing.
var clean = dataclass.Label{Redactable: true}

func testNetworks() *identity.Networks {
	return identity.NewNetworks([]identity.Network{
		{ID: "partner-egress", CIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		{ID: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
	})
}

func testCatalogue(t testing.TB) *bedrock.Catalogue {
	t.Helper()
	cat, err := bedrock.Embedded().With([]bedrock.Model{{
		ID: imported, Kind: bedrock.ImportedModel, Base: llama, Regions: []string{region},
		Requires: bedrock.ValidationKinds,
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// grantOf is a grant of an entitlement of the same name to agent, in force at noon.
func grantOf(name string) rights.Grant {
	return rights.Grant{ID: "g-" + name, Identity: "agent", Entitlement: name, NotAfter: noon.Add(time.Hour)}
}

// world is a set of sources that tests add to.
type testWorld struct {
	t testing.TB
	Sources
}

func newTestWorld(t testing.TB) *testWorld {
	t.Helper()
	return &testWorld{t: t, Sources: Sources{
		Catalogue: testCatalogue(t), Networks: testNetworks(), Identities: []string{"agent", "other"},
	}}
}

// may grants agent an entitlement to models under conditions.
func (w *testWorld) may(name string, c rights.Conditions, models ...string) *testWorld {
	w.Entitlements = append(w.Entitlements, rights.Entitlement{ID: name, Models: models, Conditions: c})
	w.Grants = append(w.Grants, grantOf(name))
	return w
}

// rule adds a document of organisation rules.
func (w *testWorld) rule(name, text string) *testWorld {
	w.Organisation = append(w.Organisation, Document{Name: name, Text: text})
	return w
}

func (w *testWorld) bundle() *Bundle {
	w.t.Helper()
	b, err := NewBundle(w.Sources)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// call is an invocation by agent at noon from loopback with a clean prompt.
func (w *testWorld) call(model string, change ...func(*Request)) Request {
	return w.callWith(model, bedrock.Capabilities{}, change...)
}

// callWith resolves the legs from the capabilities too.
func (w *testWorld) callWith(model string, caps bedrock.Capabilities, change ...func(*Request)) Request {
	w.t.Helper()
	return testCall(w.t, w.Catalogue, bedrock.Converse, model, caps, change...)
}

func testCall(t testing.TB, cat *bedrock.Catalogue, op bedrock.Operation, model string, caps bedrock.Capabilities, change ...func(*Request)) Request {
	t.Helper()
	legs, err := rights.Legs(rights.Invocation{Operation: op, ModelID: model, Region: region, Account: account, Caps: caps}, cat)
	if err != nil {
		t.Fatal(err)
	}
	r := Request{
		Identity: &identity.Identity{ID: "agent", Kind: identity.Agent, Environment: "prod", Purposes: []string{"support"}},
		Session:  identity.Session{Identity: "agent", Proof: identity.ProofOIDC, Issuer: "https://idp.example", Issued: noon.Add(-time.Minute)},
		Origin:   identity.Origin{Addr: netip.MustParseAddr("127.0.0.1"), Networks: []string{"partner-egress"}},
		Now:      noon, Operation: op, Region: region, Caps: caps, BodyBytes: 100, Legs: legs, Prompt: clean,
		Digest: Digest{1},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func (w *testWorld) permits(b *Bundle, r Request) Decision {
	w.t.Helper()
	d := b.Decide(r)
	if d.Code != CodePermit || d.Permit == nil || !d.Permit.Covers(r.Digest) {
		w.t.Errorf("code %s, want a permit; reasons %v, errors %v", d.Code, d.Reasons, d.Errors)
	}
	return d
}

func (w *testWorld) denies(b *Bundle, r Request, code string) Decision {
	w.t.Helper()
	d := b.Decide(r)
	if d.Code != code || d.Permit != nil {
		w.t.Errorf("code %s with permit %v, want %s without; reasons %v, errors %v", d.Code, d.Permit != nil, code, d.Reasons, d.Errors)
	}
	return d
}

func capsWithTokens(n int64) bedrock.Capabilities { return bedrock.Capabilities{MaxTokens: n} }

// allValidations are the three that the imported model requires.
func allValidations(at, expires time.Time) []bedrock.Validation {
	var out []bedrock.Validation
	for _, kind := range bedrock.ValidationKinds {
		out = append(out, bedrock.Validation{ID: "v-" + kind, Model: imported, Kind: kind, By: "risk", At: at, Expires: expires})
	}
	return out
}
