package policy

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// manyGrants is a bundle of n grants over n/10 identities, at least one, each
// of which holds grants of ten different entitlements.
func manyGrants(b *testing.B, n int) *Bundle {
	b.Helper()
	w := newTestWorld(b)
	w.Identities = nil
	models := []string{sonnetUS, haiku, sonnet, novaLite, novaPro, llama, "family:amazon.titan", "family:cohere.command", "provider:mistral", "us." + llama}
	for i, m := range models {
		w.Entitlements = append(w.Entitlements, rights.Entitlement{ID: fmt.Sprintf("e%d", i), Models: []string{m},
			Conditions: rights.Conditions{Networks: []string{"partner-egress"}, Environments: []string{"prod"}, MaxTokens: 4096}})
	}
	for i := range n {
		id := fmt.Sprintf("agent-%d", i/10)
		if i%10 == 0 {
			w.Identities = append(w.Identities, id)
		}
		g := grantOf(fmt.Sprintf("e%d", i%10))
		g.ID, g.Identity = fmt.Sprintf("g%d", i), id
		w.Grants = append(w.Grants, g)
	}
	return w.rule("org", `@id("residency") forbid (principal, action in Writ::Action::"Invoke", resource) when { context.request.regions.contains("eu-west-1") };`).bundle()
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprintf("grants=%d", n), func(b *testing.B) {
			bundle := manyGrants(b, n)
			r := testCall(b, bundle.catalogue, "Converse", sonnetUS, capsWithTokens(1024))
			r.Identity = &identity.Identity{ID: fmt.Sprintf("agent-%d", n/20), Kind: identity.Agent, Environment: "prod"}
			r.Session.Identity = r.Identity.ID
			if d := bundle.Decide(r); d.Permit == nil || len(d.Legs) != 4 {
				b.Fatalf("%s with %d legs: %v", d.Code, len(d.Legs), d.Reasons)
			}
			b.ReportAllocs()
			for b.Loop() {
				if d := bundle.Decide(r); d.Permit == nil {
					b.Fatal(d.Code)
				}
			}
		})
	}
}

// BenchmarkDecideApart is a decision under a rule that tells the legs apart,
// for a caller who is new each time: nothing kept from earlier calls fits but
// the legs.
func BenchmarkDecideApart(b *testing.B) {
	w := newTestWorld(b).may("chat", rights.Conditions{Networks: []string{"partner-egress"}, MaxTokens: 4096}, sonnetUS)
	bundle := w.rule("org", `forbid (principal, action in Writ::Action::"Invoke", resource) when { context.leg.region == "eu-west-1" };`).bundle()
	r := testCall(b, bundle.catalogue, "Converse", sonnetUS, capsWithTokens(1024))
	r.Prompt = dataclass.Declared(dataclass.PersonalContact)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Session.Issued = noon.Add(-time.Duration(i%100_000) * time.Second)
		r.Origin.Addr = netip.AddrFrom4([4]byte{127, byte(i >> 16), byte(i >> 8), byte(i)})
		if d := bundle.Decide(r); d.Permit == nil {
			b.Fatal(d.Code)
		}
	}
}

func BenchmarkDigestOf(b *testing.B) {
	header := http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}, "User-Agent": {"Boto3/1.40.1 md/Botocore#1.40.1"}}
	body := bedrock.NewBody([]byte("{}"))
	b.ReportAllocs()
	for b.Loop() {
		DigestOf("POST", "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse", account, region, header, body)
	}
}

func BenchmarkNewBundle(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		b.Run(fmt.Sprintf("grants=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				manyGrants(b, n)
			}
		})
	}
}

func BenchmarkWith(b *testing.B) {
	bundle := manyGrants(b, 100_000)
	g := grantOf("e1")
	g.ID, g.Identity = "g501", "agent-50"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bundle.With(nil, []*rights.Grant{&g}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFirstCall is the compilation of one identity's ten grants.
func BenchmarkFirstCall(b *testing.B) {
	bundle := manyGrants(b, 10)
	h := bundle.roster.holder("agent-0")
	b.ReportAllocs()
	for b.Loop() {
		fresh := &holder{grants: h.grants, deps: h.deps}
		fresh.compile()
	}
}

func BenchmarkCheckQuestion(b *testing.B) {
	bundle := manyGrants(b, 10)
	r := testCall(b, bundle.catalogue, "Converse", sonnetUS, capsWithTokens(1024))
	f, err := factsOf(&r, bundle.atlas)
	if err != nil {
		b.Fatal(err)
	}
	q := query{Principal: newUID(identityType, "agent"), Action: actInvoke, Resource: newUID(modelType, sonnet), Context: f.prompted(r.Legs[0])}
	b.ReportAllocs()
	for b.Loop() {
		if err := theVocabulary().CheckQuery(q); err != nil {
			b.Fatal(err)
		}
	}
}
