package grant

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return noon.Add(d) }

func person(name string) request.Party {
	return request.Party{Operator: name, Person: name + "@example.com"}
}

func waiting(t testing.TB, edit func(*request.GrantAsk)) request.Request {
	t.Helper()
	ask := &request.GrantAsk{Identity: "bot", Entitlement: "chat", Duration: 8 * time.Hour}
	if edit != nil {
		edit(ask)
	}
	r, err := request.New(request.ForGrant, request.Ask{Grant: ask}, person("ann"), request.Words{Justification: "incident 7"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	r.ID = "req-1"
	stage := request.Stage{Name: "team", Approvers: []string{"role:approver"}, Needed: 1, Denials: 1, Eligible: []string{"ben"}}
	if r, err = r.Submit([]request.Stage{stage}, nil, after(1000*time.Hour), noon); err != nil {
		t.Fatal(err)
	}
	return r
}

func approved(t testing.TB, edit func(*request.GrantAsk), decide func(*request.Decision)) request.Request {
	t.Helper()
	d := request.Decision{By: person("ben"), Verdict: request.Approve}
	if decide != nil {
		decide(&d)
	}
	r, err := waiting(t, edit).Decide(d, after(time.Hour))
	if err != nil || r.State != request.Approved {
		t.Fatalf("%s: %v", r.State, err)
	}
	return r
}

func granted(t testing.TB, r request.Request, now time.Time) rights.Grant {
	t.Helper()
	g, err := FromRequest(r, "g", strings.Repeat("ab", 32), now)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Validate(rights.Entitlement{ID: "chat"}); err != nil {
		t.Errorf("the grant is not valid: %v", err)
	}
	return g
}

func scheduled(t testing.TB) rights.Grant {
	t.Helper()
	return granted(t, approved(t, func(a *request.GrantAsk) { a.Start = after(24 * time.Hour) }, nil), after(2*time.Hour))
}

func TestR5_TheClockRunsFromActivation(t *testing.T) {
	g := granted(t, approved(t, nil, nil), after(5*time.Hour))
	if g.State != rights.GrantActivating || !g.NotBefore.Equal(after(5*time.Hour)) || !g.NotAfter.Equal(after(13*time.Hour)) {
		t.Errorf("approved late: %s from %v to %v", g.State, g.NotBefore, g.NotAfter)
	}
	g = scheduled(t)
	if g.State != rights.GrantScheduled || Live(g, after(3*time.Hour)) || Live(g, after(25*time.Hour)) {
		t.Fatalf("a scheduled one is %s and live", g.State)
	}
	if _, err := Activate(g, after(24*time.Hour-1)); !errors.Is(err, ErrTooEarly) {
		t.Errorf("before its time: %v", err)
	}
	g, err := Activate(g, after(26*time.Hour))
	if err != nil || g.State != rights.GrantActivating || !g.NotBefore.Equal(after(26*time.Hour)) || !g.NotAfter.Equal(after(34*time.Hour)) {
		t.Errorf("activated late: %s from %v to %v: %v", g.State, g.NotBefore, g.NotAfter, err)
	}
}

func TestAGrantIsNotBegunAfterTheTimeItWasApprovedFor(t *testing.T) {
	if _, err := Activate(scheduled(t), after(32*time.Hour)); !errors.Is(err, ErrTooLate) {
		t.Errorf("scheduled: %v", err)
	}
	r := approved(t, func(a *request.GrantAsk) { a.Start = after(10 * time.Minute); a.Duration = 20 * time.Minute }, nil)
	if _, err := FromRequest(r, "g", "", after(time.Hour)); !errors.Is(err, ErrTooLate) {
		t.Errorf("approved: %v", err)
	}
}

func TestR10_AGrantGivesWhatItsApprovalsSaid(t *testing.T) {
	asked := &rights.Narrowing{Models: []string{"a", "b"}}
	r := approved(t, func(a *request.GrantAsk) { a.Narrow = asked }, func(d *request.Decision) {
		d.Narrow, d.Duration = &rights.Narrowing{Models: []string{"b"}, NoTools: true}, time.Hour
	})
	want := rights.Grant{
		ID: "g", Identity: "bot", Entitlement: "chat", Origin: rights.OriginRequested, State: rights.GrantActivating,
		NotBefore: after(2 * time.Hour), NotAfter: after(3 * time.Hour), Duration: identity.Duration(time.Hour),
		Narrow: &rights.Narrowing{Models: []string{"b"}, NoTools: true},
		From:   &rights.Provenance{Request: "req-1", Requester: "ann", Approvers: []string{"ben"}, Pin: strings.Repeat("ab", 32)},
	}
	if d := cmp.Diff(want, granted(t, r, after(2*time.Hour))); d != "" {
		t.Error(d)
	}
}

func TestOnlyAnApprovedRequestForAGrantLeadsToOne(t *testing.T) {
	w := waiting(t, nil)
	withdrawn, _ := w.Cancel("", noon)
	for _, r := range []request.Request{w, withdrawn, {}} {
		if g, err := FromRequest(r, "g", "", noon); err == nil {
			t.Errorf("%s leads to %+v", r.State, g)
		}
	}
	if _, err := FromRequest(approved(t, nil, nil), "No Name", "", noon); err == nil {
		t.Error("a grant without a name is made")
	}
}

func TestR17_AnEmergencyIsMarked(t *testing.T) {
	r := approved(t, func(a *request.GrantAsk) { a.Emergency = true }, nil)
	if g := granted(t, r, after(time.Hour)); g.Origin != rights.OriginBreakGlass {
		t.Errorf("its origin is %s", g.Origin)
	}
}

// TestTheMachine holds the table of steps against one written out by hand.
func TestTheMachine(t *testing.T) {
	in, late := after(2*time.Hour), after(100*time.Hour)
	moves := map[string]func(rights.Grant) (rights.Grant, error){
		"activate":        func(g rights.Grant) (rights.Grant, error) { return Activate(g, in) },
		"confirm":         Confirmed,
		"fail activation": func(g rights.Grant) (rights.Grant, error) { return FailActivation(g, "the identity is gone") },
		"revoke":          func(g rights.Grant) (rights.Grant, error) { return Revoke(g, rights.EndRevoked, in) },
		"fail revocation": func(g rights.Grant) (rights.Grant, error) { return RevokeFailed(g, "replica b is silent") },
		"end":             func(g rights.Grant) (rights.Grant, error) { return Ended(g, in) },
		"expire":          func(g rights.Grant) (rights.Grant, error) { return Expire(g, late) },
	}
	want := map[rights.GrantState]map[string]rights.GrantState{
		"":                           {"revoke": rights.GrantRevoking, "expire": rights.GrantEnded},
		rights.GrantScheduled:        {"activate": rights.GrantActivating, "fail activation": rights.GrantActivationFailed, "revoke": rights.GrantRevoking, "expire": rights.GrantEnded},
		rights.GrantActivating:       {"confirm": rights.GrantActive, "fail activation": rights.GrantActivationFailed, "revoke": rights.GrantRevoking, "expire": rights.GrantEnded},
		rights.GrantActive:           {"revoke": rights.GrantRevoking, "expire": rights.GrantEnded},
		rights.GrantActivationFailed: {"activate": rights.GrantActivating, "revoke": rights.GrantRevoking, "expire": rights.GrantEnded},
		rights.GrantRevoking:         {"fail revocation": rights.GrantRevokeFailed, "end": rights.GrantEnded},
		rights.GrantRevokeFailed:     {"end": rights.GrantEnded},
		rights.GrantEnded:            {},
	}
	for state, row := range want {
		for name, move := range moves {
			g := rights.Grant{ID: "g", State: state, NotBefore: after(time.Hour), NotAfter: after(9 * time.Hour), Duration: identity.Duration(8 * time.Hour)}
			got, err := move(g)
			to, can := row[name]
			switch {
			case can && (err != nil || got.State != to):
				t.Errorf("%s: %s gives %s: %v", Word(state), name, got.State, err)
			case !can && (!errors.Is(err, ErrState) || cmp.Diff(g, got) != ""):
				t.Errorf("%s: %s gives %s: %v", Word(state), name, got.State, err)
			}
		}
	}
}

func TestARevocationSaysWhy(t *testing.T) {
	g := granted(t, approved(t, nil, nil), after(2*time.Hour))
	for _, reason := range []rights.EndReason{"", rights.EndExpired, "annoyed"} {
		if _, err := Revoke(g, reason, after(3*time.Hour)); err == nil {
			t.Errorf("%q is a reason", reason)
		}
	}
	if _, err := Revoke(g, rights.EndRevoked, after(10*time.Hour)); !errors.Is(err, ErrState) {
		t.Errorf("after its end: %v", err)
	}
	g, _ = Revoke(g, rights.EndOffboarded, after(3*time.Hour))
	g, _ = RevokeFailed(g, strings.Repeat("ü", maxDetail))
	if len(g.Detail) > maxDetail || !strings.HasPrefix(g.Detail, "üü") {
		t.Errorf("it failed since %q", g.Detail)
	}
	g, err := Ended(g, after(4*time.Hour))
	if err != nil || g.End != rights.EndOffboarded || !g.NotAfter.Equal(after(4*time.Hour)) || g.Validate(rights.Entitlement{ID: "chat"}) != nil {
		t.Errorf("%s until %v: %v, %v", g.End, g.NotAfter, err, g.Validate(rights.Entitlement{ID: "chat"}))
	}
}

func TestAGrantThatFailedToActivateKeepsItsWindow(t *testing.T) {
	g := granted(t, approved(t, nil, nil), after(2*time.Hour))
	failed, err := FailActivation(g, "the entitlement is gone")
	if err != nil || Live(failed, after(3*time.Hour)) {
		t.Fatalf("%s is live: %v", failed.State, err)
	}
	again, err := Activate(failed, after(5*time.Hour))
	if err != nil || !again.NotAfter.Equal(g.NotAfter) || !again.NotBefore.Equal(g.NotBefore) || again.Detail != "" {
		t.Errorf("it is in force again until %v, not %v: %v", again.NotAfter, g.NotAfter, err)
	}
}

func TestR8_RevokedIsShownOnlyOnceItHasEnded(t *testing.T) {
	at := after(3 * time.Hour)
	live := rights.Grant{NotBefore: after(time.Hour), NotAfter: after(9 * time.Hour)}
	with := func(s rights.GrantState, end rights.EndReason) rights.Grant {
		g := live
		g.State, g.End = s, end
		return g
	}
	for _, c := range []struct {
		name    string
		g       rights.Grant
		at      time.Time
		drifted bool
		want    string
	}{
		{"from files", live, at, false, "active"},
		{"before its time", live, noon, false, "scheduled"},
		{"after its time", live, after(9 * time.Hour), false, "expired"},
		{"drifted", live, at, true, "drifted"},
		{"activating", with(rights.GrantActivating, ""), at, true, "activating"},
		{"active", with(rights.GrantActive, ""), at, false, "active"},
		{"scheduled", with(rights.GrantScheduled, ""), at, false, "scheduled"},
		{"scheduled, and a snapshot has it", with(rights.GrantScheduled, ""), at, true, "drifted"},
		{"failed", with(rights.GrantActivationFailed, ""), at, false, "activation_failed"},
		{"failed, and time passed", with(rights.GrantActivationFailed, ""), after(9 * time.Hour), false, "expired"},
		{"revoking", with(rights.GrantRevoking, rights.EndRevoked), at, true, "revoking"},
		{"revoking, and time passed", with(rights.GrantRevoking, rights.EndRevoked), after(9 * time.Hour), false, "revoking"},
		{"revoke failed", with(rights.GrantRevokeFailed, rights.EndRevoked), at, true, "revoke_failed"},
		{"ended", with(rights.GrantEnded, rights.EndRevoked), at, false, "revoked"},
		{"ended, and a snapshot has it", with(rights.GrantEnded, rights.EndRevoked), at, true, "drifted"},
		{"superseded", with(rights.GrantEnded, rights.EndSuperseded), at, false, "superseded"},
	} {
		if got := Standing(c.g, c.at, c.drifted); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestR6_OverlappingGrantsAreCounted(t *testing.T) {
	g := func(id, who, what string, s rights.GrantState) rights.Grant {
		return rights.Grant{ID: id, Identity: who, Entitlement: what, State: s, NotBefore: noon, NotAfter: after(time.Hour)}
	}
	all := []rights.Grant{
		g("z", "bot", "chat", rights.GrantActive), g("a", "bot", "chat", ""), g("ending", "bot", "chat", rights.GrantRevoking),
		g("later", "bot", "chat", rights.GrantScheduled), g("other", "bot", "embed", rights.GrantActive),
		g("else", "cat", "chat", rights.GrantActive), g("this", "bot", "chat", rights.GrantActive),
	}
	names := func(now time.Time) (out []string) {
		for _, o := range Overlaps(all, all[6], now) {
			out = append(out, o.ID)
		}
		return out
	}
	if d := cmp.Diff([]string{"a", "z"}, names(noon)); d != "" {
		t.Error(d)
	}
	if got := names(after(time.Hour)); got != nil {
		t.Errorf("after their end: %v", got)
	}
}
