package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

const elsewhere = "444455556666"

// in makes a call one in an account, of a gateway at home in another.
func in(account, home string) func(*Request) {
	return func(r *Request) { r.Account, r.Home = account, home }
}

func TestAnEntitlementPermitsInItsOwnAccountOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		entitled    string
		allow, deny []string
	}{
		"none named: the gateway's own":    {"", []string{account}, []string{elsewhere, ""}},
		"another":                          {elsewhere, []string{elsewhere}, []string{account, ""}},
		"the gateway's own, by its number": {account, []string{account}, []string{elsewhere, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t).may("chat", rights.Conditions{}, sonnetUS)
			w.Entitlements[0].Account = tc.entitled
			b := w.bundle()
			for _, a := range tc.allow {
				d := w.permits(b, w.call(sonnetUS, in(a, account)))
				if d.Permit.Account() != a {
					t.Errorf("the permit is for %q, want %q", d.Permit.Account(), a)
				}
			}
			for _, a := range tc.deny {
				w.denies(b, w.call(sonnetUS, in(a, account)), CodeDefaultDeny)
			}
		})
	}
}

// The model of one account and the guardrail of another are two rights, which
// do not add up to one.
func TestS3_RightsOfTwoAccountsDoNotMix(t *testing.T) {
	w := newTestWorld(t).may("model", rights.Conditions{}, haiku)
	w.may("object", rights.Conditions{Objects: []string{"s3://docs/*"}}, haiku)
	w.Entitlements[1].Account = elsewhere
	b := w.bundle()
	call := w.callWith(haiku, capsWithObject("s3://docs/a"))
	for _, a := range []string{account, elsewhere} {
		call.Account, call.Home = a, account
		d := b.Decide(call)
		if (d.Permit != nil) != (a == elsewhere) {
			t.Errorf("in %s: %s", a, d.Code)
		}
	}
}

func TestRulesSpeakOfAccounts(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	w.rule("home", `forbid (principal, action, resource) when { context.request.account != "111122223333" || !context.request.home };`)
	w.may("there", rights.Conditions{}, haiku)
	w.Entitlements[1].Account = elsewhere
	b := w.bundle()
	w.permits(b, w.call(haiku, in(account, account)))
	w.denies(b, w.call(haiku, in(elsewhere, account)), CodeForbid)
}

func TestAccountsOfAnIdentity(t *testing.T) {
	w := newTestWorld(t).may("a", rights.Conditions{}, haiku).may("b", rights.Conditions{}, haiku).may("c", rights.Conditions{}, haiku)
	w.Entitlements[1].Account, w.Entitlements[2].Account = elsewhere, elsewhere
	b := w.bundle()
	if d := cmp.Diff([]string{"", elsewhere}, b.Accounts("agent")); d != "" {
		t.Error(d)
	}
	if got := b.Accounts("other"); got != nil {
		t.Errorf("an identity without grants has %q", got)
	}
	for home, want := range map[string][]string{account: {account, elsewhere}, elsewhere: {elsewhere}} {
		if d := cmp.Diff(want, b.AccountsAt(home, "agent")); d != "" {
			t.Errorf("at %s: %s", home, d)
		}
	}
	if d := cmp.Diff([]string{account}, b.AccountsAt(account, "other")); d != "" {
		t.Error(d)
	}
	g := grantOf("a")
	b, err := b.With([]*rights.Grant{&g}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{elsewhere}, b.Accounts("agent")); d != "" {
		t.Error(d)
	}
	// Our own, named by its number, comes first all the same.
	w = newTestWorld(t).may("a", rights.Conditions{}, haiku).may("b", rights.Conditions{}, haiku)
	w.Entitlements[0].Account, w.Entitlements[1].Account = account, elsewhere
	if d := cmp.Diff([]string{elsewhere, account}, w.bundle().AccountsAt(elsewhere, "agent")); d != "" {
		t.Error(d)
	}
}

// The permit holds all that credentials for the call depend on.
func TestThePermitSaysWhatItRestsOn(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, sonnetUS)
	r := w.call(sonnetUS, in(account, account))
	d := w.permits(w.bundle(), r)
	p := d.Permit
	if p.Identity() != "agent" || !p.Until().Equal(d.Until) || p.Until().IsZero() || cmp.Diff(r.Legs, p.Legs()) != "" {
		t.Errorf("identity %q, until %v, legs %v", p.Identity(), p.Until(), p.Legs())
	}
	p.Legs()[0].Resource = "changed"
	if p.Legs()[0].Resource == "changed" {
		t.Error("the permit's legs can be changed")
	}
}

func capsWithObject(uri string) bedrock.Capabilities { return bedrock.Capabilities{S3: []string{uri}} }

// A case of `writ policy test` may be about another account than the gateway's.
func TestCasesNameTheirAccount(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, sonnetUS)
	w.Entitlements[0].Account = elsewhere
	cases, err := ParseCases([]byte("- {name: away, identity: agent, model: " + quotedSonnet + ", account: \"444455556666\", expect: permit}\n- {name: home, identity: agent, model: " + quotedSonnet + ", expect: deny}\n"))
	if err != nil {
		t.Fatal(err)
	}
	who := map[string]*identity.Identity{"agent": {ID: "agent", State: identity.Governed}}
	for _, r := range w.bundle().Try(cases, Bench{Identities: who, Region: region, Account: account, Now: noon}) {
		if !r.Passed {
			t.Errorf("%s: %v", r.Case.Name, r.Failures)
		}
	}
}

const quotedSonnet = `"` + sonnetUS + `"`

// Whatever an entitlement gives, it gives in its own account; asynchronous
// invocations too.
func TestS3_EveryOperationIsPermittedInItsOwnAccountOnly(t *testing.T) {
	c := rights.Conditions{Outputs: []string{"s3://results/*"}, Guardrails: []string{guardrail1 + ":1"}, Data: rights.Data{Unscanned: true}}
	for _, entitled := range []string{"", account, elsewhere} {
		w := newTestWorld(t).entitled("all", bedrock.Actions(), c, haiku)
		w.Entitlements[0].Account = entitled
		b := w.bundle()
		for _, op := range bedrock.Operations() {
			var caps bedrock.Capabilities
			switch op {
			case bedrock.StartAsyncInvoke:
				caps.Output, caps.Tags = &bedrock.Output{URI: "s3://results/a"}, []string{"a=b"}
			case bedrock.ApplyGuardrail:
				caps.Guardrail = &bedrock.Guardrail{ID: "abc123", Version: "1"}
			}
			model := haiku
			if !op.Invokes() && op != bedrock.GetAsyncInvoke {
				model = ""
			}
			for _, where := range []string{account, elsewhere} {
				d := b.Decide(testCall(t, w.Catalogue, op, model, caps, in(where, account)))
				if want := where == entitled || where == account && entitled == ""; (d.Permit != nil) != want {
					t.Errorf("%s in %s by an entitlement for %q: %s", op, where, entitled, d.Code)
				}
			}
		}
	}
}

// Observe mode lets a call through in the account and region that it is for.
func TestObserveModesPermitIsForTheAccountCalled(t *testing.T) {
	w := newTestWorld(t).may("away", rights.Conditions{}, haiku)
	w.Entitlements[0].Account = elsewhere
	until := noon.Add(time.Hour)
	for _, where := range []string{account, elsewhere} {
		r := w.call(haiku, in(where, account))
		d := w.bundle().Observe(r, until)
		if d.Permit == nil || d.Permit.Account() != where || d.Permit.Region() != region || d.Permit.Identity() != "agent" || cmp.Diff(r.Legs, d.Permit.Legs()) != "" {
			t.Fatalf("in %s: %s, %+v", where, d.Code, d.Permit)
		}
		if d.Permit.Observed() != (where == account) || len(d.Permit.Grants()) != len(d.Grants) || d.Permit.Observed() != (len(d.Grants) == 0) {
			t.Errorf("in %s: observed %v by %v", where, d.Permit.Observed(), d.Permit.Grants())
		}
	}
}
