package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/cedarset"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// What the memo test draws from: every fact that may differ between calls, with
// rules that read it and rules that do not.

var memoConditions = []string{
	"", `when { context.request.maxTokens < 100 }`, `when { context.request.bytes < 150 }`,
	`when { context.session.age < 90 }`, `when { context.session has age && context.session.age > 120 }`,
	`when { context.time.hour < 12 }`, `unless { context.time.weekday == 3 }`,
	`when { context.time.now < datetime("2026-11-18T12:00:00.500Z") }`,
	`when { datetime("2026-11-18T12:00:00Z") <= context.time.now }`,
	`when { context.time.now == datetime("2026-11-18T12:00:00.002Z") }`,
	`when { context.time.now.toTime() < duration("12h") }`, // a clock that turns cannot describe
	`when { context.time.now < resource.validUntil }`,
	`when { context.asserted.metadata.contains("ticket=1") }`,
	`when { context.asserted has purpose && context.asserted.purpose == "support" }`,
	`when { context.asserted.classes.contains("health") }`,
	`when { context.request.tools.contains("a") }`,
	`when { context.request.toolDigests.contains("a@` + strings.Repeat("00", 32) + `") }`,
	`when { context.request.extras.contains("thinking") }`,
	`when { context.request.guardrail.present && !context.request.guardrail.async }`,
	`when { context.request.serviceTier == "flex" }`, `when { context.request.latency == "optimized" }`,
	`when { context.request.unknownContent.isEmpty() }`,
	`when { context.network has ip && context.network.ip.isInRange(ip("127.0.0.0/8")) }`, `when { context.network.names.contains("office") }`,
	`when { context.session.impersonated }`, `when { context.session.binding == "b" }`,
	`when { principal.purposes.contains("support") }`, `when { principal.shared }`, `when { principal has sponsor }`,
	`when { context.leg.region == "us-west-2" }`,
}

// memoLaw draws organisation rules over those conditions.
func memoLaw(t *rapid.T) string {
	var law strings.Builder
	for i := range rapid.IntRange(1, 3).Draw(t, "rules") {
		action := rapid.SampledFrom([]string{`action in Writ::Action::"Invoke"`, `action == Writ::Action::"oblige:hold_answer"`}).Draw(t, "action")
		effect := "permit"
		if strings.HasSuffix(action, `"Invoke"`) {
			effect = rapid.SampledFrom([]string{"permit", "forbid"}).Draw(t, "effect")
		}
		condition := rapid.SampledFrom(memoConditions).Draw(t, "condition")
		if effect == "permit" && strings.Contains(condition, "asserted") {
			condition = ""
		}
		fmt.Fprintf(&law, "@id(\"r%d\") %s (principal, %s, resource) %s;\n", i, effect, action, condition)
	}
	return law.String()
}

// memoStyle is what the calls of one workload have in common.
type memoStyle struct {
	model   string
	caps    bedrock.Capabilities
	changes []func(*Request)
	times   []time.Duration
}

func drawStyle(t *rapid.T) memoStyle {
	return memoStyle{
		model: rapid.SampledFrom([]string{sonnetUS, sonnetUS, haiku, imported}).Draw(t, "model"),
		caps: bedrock.Capabilities{
			MaxTokens: rapid.SampledFrom([]int64{50, 50, 0, 500}).Draw(t, "tokens"),
			Extras:    rapid.SampledFrom([][]string{nil, nil, {"thinking"}}).Draw(t, "extras"),
		},
		changes: rapid.SliceOfN(rapid.SampledFrom(memoChanges), 1, 3).Draw(t, "changes"),
		times: rapid.SliceOfN(rapid.SampledFrom([]time.Duration{
			-2 * time.Hour, -50 * time.Minute, -time.Second, 0, 1, time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond, 499 * time.Millisecond,
			500 * time.Millisecond, 501 * time.Millisecond, time.Minute, 2 * time.Minute, 59*time.Minute + 59*time.Second, time.Hour, time.Hour + time.Millisecond, 25 * time.Hour,
		}), 1, 3).Draw(t, "times"),
	}
}

// call draws one that differs from its neighbours in a fact or two.
func (s memoStyle) call(t *rapid.T, w *testWorld) Request {
	r := w.callWith(s.model, s.caps)
	if rapid.Bool().Draw(t, "changed") {
		rapid.SampledFrom(s.changes).Draw(t, "change")(&r)
	}
	r.Now = noon.Add(rapid.SampledFrom(s.times).Draw(t, "after noon"))
	r.Digest = Digest{byte(rapid.IntRange(1, 200).Draw(t, "digest"))}
	return r
}

var memoChanges = []func(*Request){
	func(r *Request) { r.BodyBytes = 200 },
	func(r *Request) { r.Asserted.Metadata = map[string]string{"ticket": "1"} },
	func(r *Request) { r.Asserted.Metadata = map[string]string{"ticket": "2", "other": "1"} },
	func(r *Request) { r.Asserted.Purpose = "support" },
	func(r *Request) { r.Asserted.Purpose = "sales" },
	func(r *Request) { r.Asserted.Classes = []string{"health"} },
	func(r *Request) { r.Prompt = dataclass.Declared(dataclass.Health) },
	func(r *Request) { r.Prompt = dataclass.Unscanned("no_classifier") },
	func(r *Request) { r.Caps.Tools = []bedrock.Tool{{Name: "a"}} },
	func(r *Request) { r.Caps.Tools = []bedrock.Tool{{Name: "a", Digest: [32]byte{1}}} },
	func(r *Request) { r.Caps.Guardrail = &bedrock.Guardrail{ID: guardrail1, Version: "1"} },
	func(r *Request) { r.Caps.Guardrail = &bedrock.Guardrail{ID: guardrail1, Version: "1", Async: true} },
	func(r *Request) { r.Caps.ServiceTier = "flex" },
	func(r *Request) { r.Caps.Latency = "optimized" },
	func(r *Request) { r.Caps.UnknownContent = []string{"messages.content.new"} },
	func(r *Request) { r.Origin.Networks = []string{"office"} },
	func(r *Request) { r.Origin.Addr = r.Origin.Addr.Next() },
	func(r *Request) { r.Session.Binding = "b" },
	func(r *Request) { r.Session.Proof = "local_admin" },
	func(r *Request) { r.Session.Issued = noon.Add(-100 * time.Second) },
	func(r *Request) { i := *r.Identity; i.Shared = true; r.Identity = &i },
	func(r *Request) { i := *r.Identity; i.Purposes = nil; r.Identity = &i },
	func(r *Request) { i := *r.Identity; i.Sponsor = "ada"; r.Identity = &i },
	func(r *Request) { i := *r.Identity; i.State = "quarantined"; r.Identity = &i },
	func(r *Request) {
		i := *r.Identity
		i.ID, r.Session.Identity = "other", "other"
		r.Identity = &i
	},
}

func memoWorld(t *testing.T, rt *rapid.T) *testWorld {
	w := newTestWorld(t)
	w.may("chat", rights.Conditions{MaxTokens: 100, Data: rights.Data{Unscanned: true}}, sonnetUS)
	if rapid.Bool().Draw(rt, "aged") {
		w.may("fresh", rights.Conditions{MaxSessionAge: identity.Duration(2 * time.Minute), HoldAnswer: true}, haiku)
	}
	w.may("priced", rights.Conditions{}, imported)
	w.Validations = allValidations(noon.Add(-time.Hour), noon.Add(rapid.SampledFrom([]time.Duration{500 * time.Millisecond, time.Minute}).Draw(rt, "validated for")))
	return w.rule("org", memoLaw(rt))
}

// A decision that is remembered is the one that would be made. The grants
// change between calls too, as they do in a living installation.
func TestS6_RememberedDecisionsAreTheOnesThatWouldBeMade(t *testing.T) {
	hits := 0
	rapid.Check(t, func(rt *rapid.T) {
		w := memoWorld(t, rt)
		b, style := w.bundle(), drawStyle(rt)
		for range rapid.IntRange(1, 25).Draw(rt, "calls") {
			if rapid.IntRange(0, 9).Draw(rt, "regrant") == 0 {
				b = regranted(rt, b, w)
			}
			r := style.call(rt, w)
			want, answer := b.decideAnew(&r)
			if e, _ := b.recall(&r, b.roster.holder(r.Identity.ID)); e != nil {
				hits++
			}
			got := b.Decide(r)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(Permit{})); diff != "" {
				rt.Fatalf("anew − remembered + at %s:\n%s\n%s", r.Now, diff, w.Organisation[0].Text)
			}
			if got.Permit != nil && !cmp.Equal(got.Permit.answer, answer) {
				rt.Fatalf("the permit releases by %v, want %v", got.Permit.answer, answer)
			}
		}
	})
	if hits < 100 {
		t.Errorf("only %d calls met a decision that was remembered: the test draws too widely to say anything", hits)
	}
}

// regranted changes or takes away one of the agent's grants.
func regranted(t *rapid.T, b *Bundle, w *testWorld) *Bundle {
	g := rapid.SampledFrom(w.Grants).Draw(t, "grant")
	var added []*rights.Grant
	if rapid.Bool().Draw(t, "kept") {
		changed := g
		changed.NotAfter = noon.Add(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Minute, time.Hour}).Draw(t, "until"))
		added = append(added, &changed)
	}
	next, err := b.With([]*rights.Grant{&g}, added)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// Each thing that rules can read is needed: a reader that overlooks it gives
// the first call's answer to the second.
func TestS6_OverlookedReadsAreCaught(t *testing.T) {
	for name, tc := range map[string]struct {
		rule   string
		change func(*Request)
		forget func(*reads)
	}{
		"age":      {`when { context.session.age > 90 }`, func(r *Request) { r.Session.Issued = noon.Add(-100 * time.Second) }, func(r *reads) { r.age = false }},
		"bytes":    {`when { context.request.bytes > 150 }`, func(r *Request) { r.BodyBytes = 200 }, func(r *reads) { r.bytes = false }},
		"calendar": {`when { context.time.hour < 12 }`, func(r *Request) { r.Now = noon.Add(-time.Minute) }, func(r *reads) { r.calendar = false }},
		"metadata": {`when { context.asserted.metadata.contains("a=b") }`, func(r *Request) { r.Asserted.Metadata = map[string]string{"a": "b"} }, func(r *reads) { r.metadata = false }},
		"clock":    {`when { context.time.now.toTime() < duration("12h") }`, func(r *Request) { r.Now = noon.Add(-time.Millisecond) }, func(r *reads) { r.clock = false }},
		"turns":    {`when { context.time.now > datetime("2026-11-18T12:00:01Z") }`, func(r *Request) { r.Now = noon.Add(2 * time.Second) }, func(r *reads) { r.turns = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t).may("chat", rights.Conditions{}, haiku).
				rule("org", `forbid (principal, action in Writ::Action::"Invoke", resource) `+tc.rule+`;`)
			first, second := w.call(haiku), w.call(haiku, tc.change)
			honest, forgetful := w.bundle(), w.bundle()
			tc.forget(&forgetful.roster.holder("agent").reads)
			w.permits(honest, first)
			w.denies(honest, second, CodeForbid)
			w.permits(forgetful, first)
			if d := forgetful.Decide(second); d.Code != CodePermit {
				t.Errorf("code %s: what the rule reads made no difference, so this test shows nothing", d.Code)
			}
		})
	}
}

func TestReadsOf(t *testing.T) {
	at := func(s string) int64 {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixMilli()
	}
	for condition, want := range map[string]reads{
		``:                                       {},
		`when { context.request.maxTokens > 3 }`: {},
		`when { context.session.proof == "oidc" }`:                                            {},
		`when { context.session.age > 3 }`:                                                    {age: true},
		`when { context["session"]["age"] > 3 }`:                                              {age: true},
		`when { context.session has age }`:                                                    {age: true},
		`when { context.session == context.session }`:                                         {age: true},
		`unless { context.request.bytes > 3 }`:                                                {bytes: true},
		`when { context.time.hour > 3 }`:                                                      {calendar: true},
		`when { {t: context.time}.t.hour > 3 }`:                                               {calendar: true, clock: true},
		`when { context.asserted.metadata.contains("a=b") }`:                                  {metadata: true},
		`when { context.asserted has purpose }`:                                               {},
		`when { context.time.now < datetime("2026-01-01") }`:                                  {turns: []int64{at("2026-01-01T00:00:00Z")}},
		`when { datetime("2026-01-01T00:00:00Z") != context.time.now }`:                       {turns: []int64{at("2026-01-01T00:00:00Z")}},
		`when { context.time.now < resource.validUntil }`:                                     {},
		`when { context.time.now < context.request.model.validUntil }`:                        {clock: true},
		`when { context.time.now.offset(duration("1h")) < datetime("2026-01-01") }`:           {clock: true},
		`when { context.time.now.toDate() == datetime("2026-01-01") }`:                        {clock: true},
		`when { context has time }`:                                                           {calendar: true, clock: true},
		`when { [context].contains(context) }`:                                                {age: true, calendar: true, bytes: true, metadata: true, clock: true},
		`when { (if true then context else context).session.age > 3 }`:                        {age: true, calendar: true, bytes: true, metadata: true, clock: true},
		`when { true && (context.request.tools.contains("a") || context.request.bytes > 2) }`: {bytes: true},
	} {
		parsed, err := cedarset.Parse("p", "permit (principal, action, resource) "+condition+";")
		if err != nil {
			t.Fatalf("%s: %v", condition, err)
		}
		if diff := cmp.Diff(want, readsOf(treeOf(parsed[0])), cmp.AllowUnexported(reads{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", condition, diff)
		}
	}
}

// A caller cannot make the memo grow: what is too long is decided anew.
func TestS16_LongCallsAreNotRemembered(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, sonnetUS)
	b := w.bundle()
	r := w.call(sonnetUS)
	r.Asserted.Purpose = strings.Repeat("x", maxMemoKey)
	b.Decide(r)
	if e, c := b.recall(&r, b.roster.holder("agent")); e != nil || c.key != "" {
		t.Error("a call of 8 KiB is remembered")
	}
}
