package governance

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// hall is a lodge where people ask one another for rights, with its clerk.
type hall struct {
	*lodge
	clerk *Clerk
}

func (h *hall) pass(d time.Duration) { h.now = h.now.Add(d) }

// company are the people of the hall. al is alex's second account, robo a program,
// and finn approves the lowest tier only.
func company() []manifest.Resource {
	held := func(roles ...operator.Role) (out []operator.Held) {
		for _, r := range roles {
			out = append(out, operator.Held{Role: r})
		}
		return out
	}
	all := []operator.Operator{
		{ID: "dana", Roles: held(operator.Requester)},
		{ID: "owen", Roles: held(operator.Requester, operator.Approver)},
		{ID: "alex", Roles: held(operator.Approver, operator.Requester)},
		{ID: "al", Person: "alex@example.com", Roles: held(operator.Approver, operator.Requester)},
		{ID: "sam", Roles: held(operator.Approver)},
		{ID: "pat"},
		{ID: "rita", Roles: held(operator.Remediator)},
		{ID: "ada", Roles: held(operator.Auditor)},
		{ID: "bea", Roles: held(operator.BreakGlass)},
		{ID: "adam", Roles: held(operator.Administrator)},
		{ID: "robo", Kind: operator.Automation, Roles: held(operator.Approver, operator.Requester), Teams: []string{"support"}},
		{ID: "finn", Roles: []operator.Held{{Role: operator.Approver, Tiers: []string{"low"}}}},
	}
	var out []manifest.Resource
	for _, op := range all {
		op.Email = op.ID + "@example.com"
		out = append(out, manifest.Resource{Kind: manifest.Operator, Name: op.ID, Spec: &op})
	}
	return out
}

// offers are the identities and entitlements of the hall.
func offers() []manifest.Resource {
	day := identity.Duration(24 * time.Hour)
	hour := identity.Duration(time.Hour)
	ent := func(e rights.Entitlement) manifest.Resource {
		e.Models = []string{sonnet}
		return manifest.Resource{Kind: manifest.Entitlement, Name: e.ID, Spec: &e}
	}
	bot := func(id, sponsor, owner string) manifest.Resource {
		return manifest.Resource{Kind: manifest.Identity, Name: id, Spec: &identity.Identity{
			ID: id, Kind: identity.Agent, Environment: "prod", Team: "support", Sponsor: sponsor + "@example.com", Owner: owner, Tags: []string{"blue"},
		}}
	}
	return []manifest.Resource{
		bot("bot", "dana", ""), bot("cousin", "dana", "owen@example.com"), bot("stranger", "zoe", ""),
		ent(rights.Entitlement{ID: "chat", RiskTier: "medium", MaxDuration: day, Access: rights.Access{BreakGlass: hour}}),
		ent(rights.Entitlement{ID: "small", RiskTier: "low", MaxDuration: day, Access: rights.Access{Automatic: []rights.Automatic{
			{Name: "short", Verdict: rights.VerdictApprove},
			{Name: "never-long", Verdict: rights.VerdictDeny, When: rights.Filter{Longer: hour}},
		}}}),
		ent(rights.Entitlement{ID: "grave", RiskTier: "high", MaxDuration: day, Access: rights.Access{Stages: []rights.Stage{
			{Name: "team", Approvers: []string{"operator:sam", "operator:owen"}},
			{Name: "security", Approvers: []string{"role:approver"}, Needed: 2, Timeout: day, Escalate: []string{"operator:alex"}},
		}}}),
	}
}

func openHall(t *testing.T) *hall {
	t.Helper()
	dir := t.TempDir()
	return openHallOn(t, "sqlite:"+filepath.Join(dir, "writ.db"), dir)
}

func openHallOn(t *testing.T, dsn, dir string) *hall {
	t.Helper()
	h := &hall{lodge: openLodge(t, dsn, dir).attach(t)}
	h.apply(t, append(offers(), company()...)...)
	h.clerk = NewClerk(h.office, slog.New(slog.DiscardHandler))
	return h
}

// as is an operator at the command line.
func (h *hall) as(t *testing.T, name string) Actor {
	t.Helper()
	if name == LocalAdmin {
		return Local("cli")
	}
	return h.actor(t, name)
}

// apply makes resources what they are wanted to be, whatever they widen.
func (h *hall) apply(t *testing.T, wanted ...manifest.Resource) {
	t.Helper()
	current, revision, err := h.db.Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := Plan{Changes: manifest.Plan(current, wanted, false), Revision: revision}
	if _, _, err := h.office.Apply(t.Context(), Local("cli"), "apply", p); err != nil {
		t.Fatal(err)
	}
	if err := h.state.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func askGrant(who, what string) Submission {
	return Submission{Ask: request.Ask{Grant: &request.GrantAsk{Identity: who, Entitlement: what, Duration: 4 * time.Hour}}, Justification: "needed for the launch"}
}

func (h *hall) submit(t *testing.T, by string, in Submission) RequestView {
	t.Helper()
	r, err := h.office.Submit(t.Context(), h.as(t, by), in)
	if err != nil {
		t.Fatalf("%s asks: %v", by, err)
	}
	return r
}

func (h *hall) approve(t *testing.T, by, id string) RequestView {
	t.Helper()
	r, err := h.office.Decide(t.Context(), h.as(t, by), id, Verdict{Verdict: request.Approve})
	if err != nil {
		t.Fatalf("%s approves: %v", by, err)
	}
	return r
}

func (h *hall) tries(t *testing.T, by, id string, want error) {
	t.Helper()
	_, err := h.office.Decide(t.Context(), h.as(t, by), id, Verdict{Verdict: request.Approve})
	if !errors.Is(err, want) {
		t.Errorf("%s approves: got %v, want %v", by, err, want)
	}
}

func (h *hall) round(t *testing.T) {
	t.Helper()
	if err := h.clerk.CatchUp(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// live are the entitlements that an identity's grants confer now.
func (h *hall) live(who string) []string {
	var out []string
	for _, g := range h.state.Current().GrantsOf(who) {
		if g.State.Confers() && h.now.Before(g.NotAfter) {
			out = append(out, g.Entitlement)
		}
	}
	return out
}

func TestARequestBecomesAGrantThatEnds(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "chat"))
	if r.State != request.InStage || !slices.Contains(r.Eligible, "alex") || slices.Contains(r.Eligible, "dana") {
		t.Fatalf("submitted: %v, eligible %v", r.State, r.Eligible)
	}
	if got := h.live("bot"); len(got) > 0 {
		t.Fatalf("a request alone gives %v", got)
	}
	h.pass(30 * time.Minute)
	r = h.approve(t, "alex", r.ID)
	if r.State != request.Approved || r.Outcome == "" {
		t.Fatalf("approved: %v %q", r.State, r.Outcome)
	}
	name := r.Outcome[len("Grant/"):]
	g, err := h.office.Grant(t.Context(), h.as(t, "dana"), name)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.NotAfter.Sub(g.NotBefore); got != 4*time.Hour || !g.NotBefore.Equal(h.now) {
		t.Errorf("the clock runs from %v for %v: want 4h from activation (R5)", g.NotBefore, got)
	}
	h.round(t)
	if g, _ = h.office.Grant(t.Context(), h.as(t, "dana"), name); g.Standing != string(rights.GrantActive) {
		t.Errorf("standing %q, want active", g.Standing)
	}
	h.pass(4 * time.Hour)
	h.round(t)
	g, err = h.office.Grant(t.Context(), h.as(t, "dana"), name)
	if err != nil || g.Standing != string(rights.EndExpired) || g.Ended.IsZero() {
		t.Errorf("after its time: %q, ended %v, %v", g.Standing, g.Ended, err)
	}
	if got := h.live("bot"); len(got) > 0 {
		t.Errorf("an ended grant gives %v", got)
	}
	if _, err := h.db.Get(t.Context(), manifest.Grant, name); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an ended grant lives on: %v", err)
	}
}
