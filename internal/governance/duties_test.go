package governance

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/sod"
	"github.com/writ-project/writ/internal/store"
)

// sponsored makes the administrator a sponsor: who configures what is invoked
// would answer for who invokes it.
func sponsored(t *testing.T, h *hall) {
	t.Helper()
	i, _ := h.state.Current().Identity("stranger")
	next := *i
	next.Sponsor, next.Owner = "adam@example.com", "dana@example.com"
	h.apply(t, manifest.Resource{Kind: manifest.Identity, Name: "stranger", Spec: &next})
}

func TestDutiesThatWouldMeetAreRefusedWhenAsked(t *testing.T) {
	h := openHall(t)
	sponsored(t, h)
	_, err := h.office.Submit(t.Context(), h.as(t, "dana"), askGrant("stranger", "chat"))
	var duties *DutiesError
	if !errors.As(err, &duties) {
		t.Fatalf("got %v", err)
	}
	if !slices.ContainsFunc(duties.Conflicts, func(c sod.Conflict) bool {
		return c.Rule == "change-model-invoke" && c.Subject == "Operator/adam"
	}) {
		t.Errorf("conflicts %+v", duties.Conflicts)
	}
	p, err := h.office.Preview(t.Context(), h.as(t, "dana"), askGrant("stranger", "chat"))
	if err != nil || len(p.Conflicts) == 0 {
		t.Errorf("the preview does not say so: %+v, %v", p, err)
	}
}

func TestAWaiverIsTheOnlyWayAroundAndEnds(t *testing.T) {
	h := openHall(t)
	sponsored(t, h)
	ctx := t.Context()
	_, err := h.office.Submit(ctx, h.as(t, "dana"), askGrant("stranger", "chat"))
	var duties *DutiesError
	if !errors.As(err, &duties) {
		t.Fatalf("got %v", err)
	}
	waived := make(map[string]bool)
	for _, c := range duties.Conflicts {
		if waived[c.Rule] {
			continue // several models, one rule
		}
		waived[c.Rule] = true
		ask := &request.WaiverAsk{Rule: c.Rule, Subject: c.Subject, Duration: 48 * time.Hour, Compensating: "every change is reviewed by two"}
		r := h.submit(t, "dana", Submission{Ask: request.Ask{Waiver: ask}, Justification: "one administrator is left"})
		h.tries(t, "adam", r.ID, store.ErrNotFound) // it is about them
		h.approve(t, "alex", r.ID)
	}
	r := h.submit(t, "dana", askGrant("stranger", "chat"))
	if len(r.Conflicts) == 0 || len(sod.Preventing(r.Conflicts)) > 0 {
		t.Errorf("what the waiver excuses is not shown as such: %+v", r.Conflicts)
	}
	h.approve(t, "alex", r.ID)
	found, _, err := h.office.Conflicts(ctx, h.as(t, "ada"))
	if err != nil || !slices.ContainsFunc(found, func(c sod.Conflict) bool { return c.Subject == "Operator/adam" && c.Waiver != "" }) {
		t.Errorf("found %+v, %v", found, err)
	}
	h.pass(49 * time.Hour)
	h.round(t)
	if _, err := h.office.Submit(ctx, h.as(t, "dana"), askGrant("stranger", "chat")); !errors.As(err, &duties) {
		t.Errorf("after the waivers: %v", err)
	}
	if left := h.state.Current().Waivers(); len(left) > 0 {
		t.Errorf("%d waivers live on", len(left))
	}
}

func TestDutiesThatMeetAlreadyAreFound(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "chat"))
	h.approve(t, "alex", r.ID)
	dana := operator.Operator{ID: "dana", Email: "dana@example.com", Roles: []operator.Held{{Role: operator.Requester}, {Role: operator.Administrator}}}
	h.apply(t, manifest.Resource{Kind: manifest.Operator, Name: "dana", Spec: &dana}) // behind the people's road
	found, gaps, err := h.office.Conflicts(t.Context(), h.as(t, "ada"))
	if err != nil || !slices.ContainsFunc(found, func(c sod.Conflict) bool { return c.Subject == "Operator/dana" && c.Waiver == "" }) {
		t.Errorf("found %+v, %v", found, err)
	}
	if !slices.ContainsFunc(gaps, func(g sod.Gap) bool { return g.Duty == sod.ChangeGuardrail }) {
		t.Errorf("what cannot be judged is not said: %+v", gaps)
	}
	if _, _, err := h.office.Conflicts(t.Context(), h.as(t, "pat")); !errors.Is(err, ErrForbidden) {
		t.Errorf("pat reads who conflicts: %v", err)
	}
}

func TestAConflictThatCameUpWhileItWaitedStopsTheApproval(t *testing.T) {
	h := openHall(t)
	i, _ := h.state.Current().Identity("stranger")
	next := *i
	next.Owner = "dana@example.com"
	h.apply(t, manifest.Resource{Kind: manifest.Identity, Name: "stranger", Spec: &next})
	r := h.submit(t, "dana", askGrant("stranger", "chat"))
	dana := operator.Operator{ID: "dana", Email: "dana@example.com", Roles: []operator.Held{{Role: operator.Requester}, {Role: operator.Administrator}}}
	h.apply(t, manifest.Resource{Kind: manifest.Operator, Name: "dana", Spec: &dana})
	h.tries(t, "alex", r.ID, ErrDuties)
	if got := h.live("stranger"); len(got) > 0 {
		t.Errorf("live: %v", got)
	}
}

func TestR8_RevokedIsSaidOnlyWhenEveryReplicaKnows(t *testing.T) {
	h := openHall(t)
	r := h.approve(t, "alex", h.submit(t, "dana", askGrant("bot", "chat")).ID)
	name := r.Outcome[len("Grant/"):]
	far := store.Replica{Name: "far", Shard: "far", Boot: "b", Started: h.now, Lease: time.Hour}
	if _, err := h.db.Renew(t.Context(), far); err != nil {
		t.Fatal(err)
	}
	h.round(t)
	if g, _ := h.office.Grant(t.Context(), h.as(t, "dana"), name); g.Standing != string(rights.GrantActivating) {
		t.Errorf("active although a replica does not know: %s", g.Standing)
	}
	out, err := h.office.Revoke(t.Context(), h.as(t, "rita"), Order{Target: rights.Target{Kind: rights.TargetGrant, Name: name}, Reason: "drill"})
	if err != nil || out.Spread.Everyone {
		t.Fatalf("%+v, %v", out.Spread, err)
	}
	h.round(t)
	if g, _ := h.office.Grant(t.Context(), h.as(t, "dana"), name); g.Standing != string(rights.GrantRevoking) {
		t.Errorf("standing %q while a replica does not know", g.Standing)
	}
	if got := h.live("bot"); len(got) > 0 {
		t.Errorf("what is being revoked confers %v here", got)
	}
	far.Revision = out.Spread.Revision
	if _, err := h.db.Renew(t.Context(), far); err != nil {
		t.Fatal(err)
	}
	h.round(t)
	if g, _ := h.office.Grant(t.Context(), h.as(t, "dana"), name); g.Standing != string(rights.EndRevoked) {
		t.Errorf("standing %q although everyone knows", g.Standing)
	}
}

func TestR19_ADecisionIsOnRecordBeforeItTakesEffect(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "chat"))
	h.approve(t, "alex", r.ID)
	row, _, err := h.db.Last(t.Context(), manifest.Request, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.ledger.Control(t.Context(), row.Record)
	if err != nil || c.Actor != "alex" || c.Action != "request.decide" || c.Target != "request/"+r.ID || len(c.Changes) != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	for _, g := range h.state.Current().GrantsOf("bot") {
		grant, err := h.db.Get(t.Context(), manifest.Grant, g.ID)
		if err != nil || grant.Record != row.Record {
			t.Errorf("the grant stands on %v, the decision on %v, %v", grant.Record, row.Record, err)
		}
	}
}

func TestATokenThatExpiresBetweenStagesDecidesNoMore(t *testing.T) {
	h := openHall(t)
	secret, _, err := h.office.IssueToken(t.Context(), h.as(t, "sam"), TokenOrder{Scopes: []string{"decide", "view.right"}, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	r := h.submit(t, "dana", askGrant("bot", "grave"))
	by, err := h.office.Bearer(t.Context(), secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.office.Decide(t.Context(), by, r.ID, Verdict{Verdict: request.Approve}); err != nil {
		t.Fatal(err)
	}
	h.pass(2 * time.Hour)
	if _, err := h.office.Bearer(t.Context(), secret.Reveal()); !errors.Is(err, ErrUnknown) {
		t.Errorf("the token opens after its time: %v", err)
	}
	if v, _ := h.office.Request(t.Context(), h.as(t, "ada"), r.ID); v.Stage != 1 {
		t.Errorf("what it decided while it lived is gone: stage %d", v.Stage)
	}
}

// TestWhoRaisesABudgetDoesNotSpendFromIt: nor does who answers for what spends; who
// may release is found where it is their own, and refused one by one.
func TestWhoRaisesABudgetDoesNotSpendFromIt(t *testing.T) {
	v := openVault(t, rights.Hold{})
	limit := budget.Money(budget.Dollar)
	one := func(name string, covers budget.Covers) manifest.Resource {
		return manifest.Resource{Kind: manifest.Budget, Name: name, Spec: &budget.Budget{
			ID: name, Covers: covers, Terms: budget.Terms{Window: budget.Month, Limits: budget.Limits{USD: &limit}},
		}}
	}
	v.put(t, manifest.Create, one("all", budget.Covers{}), one("others", budget.Covers{Identities: []string{"stranger"}}), one("finance", budget.Covers{Teams: []string{"finance"}}))
	f := v.office.facts(v.state.Current())
	spends := func(held []sod.Held) (out []string) {
		for _, h := range held {
			if h.Duty == sod.Spend {
				out = append(out, h.Object)
			}
		}
		return out
	}
	want := []string{"Budget/all", "Budget/finance"}
	for name, held := range map[string][]sod.Held{"the identity": f.Identities["payer"], "its sponsor": f.Persons["dana"], "its deputy": f.Persons["vera"]} {
		if got := spends(held); !slices.Equal(got, want) {
			t.Errorf("%s spends from %v, want %v", name, got, want)
		}
	}
	dana := operator.Operator{ID: "dana", Email: "dana@example.com", Roles: []operator.Held{{Role: operator.Administrator}}}
	v.apply(t, manifest.Resource{Kind: manifest.Operator, Name: "dana", Spec: &dana})
	found, _, err := v.office.Conflicts(t.Context(), v.as(t, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	for rule, subject := range map[string]string{"raise-budget-spend": "Operator/dana", "hold-own": "Operator/vera"} {
		if !slices.ContainsFunc(found, func(c sod.Conflict) bool { return c.Rule == rule && c.Subject == subject }) {
			t.Errorf("%s of %s is not found: %+v", rule, subject, found)
		}
	}
	if slices.ContainsFunc(found, func(c sod.Conflict) bool { return c.Rule == "hold-own" && c.Subject != "Operator/vera" }) {
		t.Errorf("who is near to nothing that waits is found: %+v", found)
	}
}
