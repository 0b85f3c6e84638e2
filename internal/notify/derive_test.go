package notify

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/sod"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

func TestR13_TheRequesterHearsEveryStepAndTheOutcome(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		var got recorder
		k := w.keeper("a", hook, &got)
		w.pass(k)
		r := w.submitted("r1")
		w.commit(manifest.Create, manifest.Request, "r1", &r)
		w.pass(k)
		r = w.decided(r, "ann", request.Approve, "fine")
		w.commit(manifest.Update, manifest.Request, "r1", &r)
		w.pass(k)
		r = w.decided(r, "bob", request.Deny, "not this week")
		last := w.commit(manifest.Close, manifest.Request, "r1", &r)
		w.pass(k)
		want := []string{RequestSubmitted, RequestNeeds, RequestDecided, RequestNeeds, RequestDecided, RequestEnded}
		if d := cmp.Diff(want, got.types()); d != "" {
			t.Fatal(d)
		}
		for i, to := range [][]string{
			{"requester:rita", "sponsor:olga", "sponsor:sam@example.com"}, {"approvers:ann", "approvers:bob"},
			{"requester:rita"}, {"approvers:bob"}, {"requester:rita"}, {"requester:rita", "sponsor:olga", "sponsor:sam@example.com"},
		} {
			if d := cmp.Diff(to, toldTo(got.sent[i].Event)); d != "" {
				t.Errorf("%s: %s", want[i], d)
			}
		}
		end := got.sent[5].Event
		if d := end.Data; d.State != "denied" || d.By != "bob" || d.Via != "console" || !strings.Contains(d.Reason, "not this week") ||
			d.Version != last || d.Record.Index != w.n || d.Link != "https://writ.example.com/requests/r1" {
			t.Errorf("the outcome is told as %+v", d)
		}
	})
}

// Changes that follow faster than they are told lose nothing: what is behind is
// told from what the request has become, and nothing twice.
func TestNothingIsLostOrToldTwiceWhenChangesAreFast(t *testing.T) {
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	var got recorder
	k := w.keeper("a", hook, &got)
	w.pass(k)
	r := w.submitted("r1")
	w.commit(manifest.Create, manifest.Request, "r1", &r)
	r = w.decided(r, "ann", request.Approve, "")
	w.commit(manifest.Update, manifest.Request, "r1", &r)
	r = w.decided(r, "bob", request.Approve, "")
	w.commit(manifest.Close, manifest.Request, "r1", &r)
	w.pass(k)
	w.pass(k)
	if d := cmp.Diff([]string{RequestSubmitted, RequestDecided, RequestDecided, RequestEnded}, got.types()); d != "" {
		t.Error(d)
	}
}

func TestEveryOutcomeIsTold(t *testing.T) {
	now := time.Now().UTC()
	for state, end := range map[request.State]func(request.Request) (request.Request, error){
		request.Cancelled: func(r request.Request) (request.Request, error) { return r.Cancel("no longer needed", now) },
		request.Failed:    func(r request.Request) (request.Request, error) { return r.Fail("the identity is gone", now) },
		request.Expired: func(r request.Request) (request.Request, error) {
			r, _ = r.Tick(now.Add(2 * time.Hour))
			return r, nil
		},
	} {
		w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
		var got recorder
		k := w.keeper("a", hook, &got)
		w.pass(k)
		r := w.submitted("r1")
		w.commit(manifest.Create, manifest.Request, "r1", &r)
		r, err := end(r)
		if err != nil || r.State != state {
			t.Fatalf("%s: %v %s", state, err, r.State)
		}
		w.commit(manifest.Close, manifest.Request, "r1", &r)
		w.pass(k)
		last := got.sent[len(got.sent)-1].Event
		if last.Type != RequestEnded || last.Data.State != string(state) || !slices.Contains(toldTo(last), "requester:rita") {
			t.Errorf("%s is told as %+v", state, last)
		}
	}
}

// grantOf is a grant of the people's road.
func grantOf(name string, state rights.GrantState, origin string, now time.Time) *rights.Grant {
	return &rights.Grant{
		ID: name, Identity: "agent", Entitlement: "chat", NotBefore: now, NotAfter: now.Add(8 * time.Hour), Origin: origin, State: state,
		From: &rights.Provenance{Request: "r1", Requester: "rita", Approvers: []string{"ann"}},
	}
}

func TestTheLifeOfAGrantIsTold(t *testing.T) {
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	var got recorder
	k := w.keeper("a", hook, &got)
	w.pass(k)
	now := time.Now().UTC()
	step := func(op manifest.Op, g *rights.Grant) {
		w.commit(op, manifest.Grant, g.ID, g)
		w.pass(k)
	}
	step(manifest.Create, grantOf("g", rights.GrantActivating, rights.OriginRequested, now)) // not everywhere yet
	step(manifest.Update, grantOf("g", rights.GrantActive, rights.OriginRequested, now))
	step(manifest.Update, grantOf("g", rights.GrantActive, rights.OriginRequested, now)) // something else about it
	revoking := grantOf("g", rights.GrantRevoking, rights.OriginRequested, now)
	revoking.End = rights.EndRevoked
	step(manifest.Update, revoking)
	failed := *revoking
	failed.State, failed.Detail = rights.GrantRevokeFailed, "replica b is silent"
	step(manifest.Update, &failed)
	ended := *revoking
	ended.State = rights.GrantEnded
	step(manifest.Close, &ended)
	step(manifest.Create, grantOf("e", rights.GrantActivating, rights.OriginBreakGlass, now))
	if d := cmp.Diff([]string{GrantActivated, GrantFailed, GrantEnded, EmergencyTaken}, got.types()); d != "" {
		t.Fatal(d)
	}
	want := []string{"owner:erik", "requester:rita", "sponsor:olga", "sponsor:sam@example.com"}
	for _, p := range got.sent {
		if d := cmp.Diff(want, toldTo(p.Event)); d != "" {
			t.Errorf("%s: %s", p.Event.Type, d)
		}
	}
	if d := got.sent[2].Event.Data; d.State != "revoked" || d.Grant != "g" || d.Request != "r1" {
		t.Errorf("the end is told as %+v", d)
	}
}

func TestWhatElseIsTold(t *testing.T) {
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	var got recorder
	k := w.keeper("a", hook, &got)
	w.pass(k)
	now := time.Now().UTC()
	q := &rights.Quarantine{ID: "q", Target: rights.Target{Kind: rights.TargetIdentity, Name: "agent"}, Reason: "odd calls", By: "ann", At: now}
	o := &operator.Operator{ID: "ann", Email: "ann@example.com", Roles: []operator.Held{{Role: operator.Approver}, {Role: operator.Auditor}}}
	tok := &operator.Token{ID: "t", Operator: "ann", Scopes: []string{"*"}, Created: now, Expires: now.Add(time.Hour), Digest: strings.Repeat("ab", 32)}
	del := &operator.Delegation{ID: "d", From: "ann", To: "bob", NotBefore: now, NotAfter: now.Add(time.Hour)}
	waiver := &sod.Waiver{ID: "w", Rule: "rule", Subject: "Identity/agent", Reason: "x", Approvers: []string{"ann"}, Request: "r", From: now, Expires: now.Add(time.Hour)}
	val := &bedrock.Validation{ID: "v", Model: haiku, Kind: bedrock.PromptHandling, By: "erik", At: now, Expires: now.Add(90 * 24 * time.Hour)}
	for _, r := range []manifest.Resource{
		{Kind: manifest.Quarantine, Name: "q", Spec: q}, {Kind: manifest.Delegation, Name: "d", Spec: del}, {Kind: manifest.Waiver, Name: "w", Spec: waiver},
		{Kind: manifest.Token, Name: "t", Spec: tok},
	} {
		w.commit(manifest.Create, r.Kind, r.Name, r.Spec)
		w.pass(k)
		w.commit(manifest.Close, r.Kind, r.Name, r.Spec)
		w.pass(k)
	}
	w.commit(manifest.Create, manifest.Operator, "ann", o)
	w.pass(k)
	w.commit(manifest.Delete, manifest.Operator, "ann", nil)
	w.commit(manifest.Create, manifest.Validation, "v", val)
	w.commit(manifest.Create, manifest.PolicyKind, "p", &manifest.Policy{ID: "p", Text: "x"}) // not told
	w.pass(k)
	want := []string{QuarantineSet, QuarantineLifted, DelegationBegun, DelegationEnded, WaiverGranted, WaiverEnded, TokenIssued, TokenEnded,
		OperatorChanged, OperatorChanged, ValidationAttested}
	if d := cmp.Diff(want, got.types()); d != "" {
		t.Fatal(d)
	}
	for _, p := range got.sent {
		text, err := json.Marshal(p)
		if err != nil || strings.Contains(string(text), tok.Digest) {
			t.Errorf("%s tells a secret: %s %v", p.Event.Type, text, err)
		}
	}
}

func TestWhatRunsOutIsToldAhead(t *testing.T) {
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	var got recorder
	k := w.keeper("a", hook, &got)
	now := time.Now().UTC()
	w.pass(k)
	g := grantOf("g", rights.GrantActive, rights.OriginRequested, now.Add(-7*time.Hour-30*time.Minute))
	far := grantOf("far", rights.GrantActive, rights.OriginRequested, now)
	w.commit(manifest.Create, manifest.Grant, "g", g)
	w.commit(manifest.Create, manifest.Grant, "far", far)
	for range 3 { // a minute apart
		k.looked = time.Time{}
		w.pass(k)
	}
	if d := cmp.Diff([]string{GrantActivated, GrantActivated, GrantExpiring}, got.types()); d != "" {
		t.Error(d)
	}
	if s := got.sent[2].Event; s.Subject != "Grant/g" || s.Data.Command != "writ grant extend g" {
		t.Errorf("told as %+v", s)
	}
	v := bedrock.Validation{ID: "v", Model: haiku, Kind: bedrock.PromptHandling, By: "erik"}
	ids := map[string]bool{}
	for _, c := range []struct {
		left time.Duration
		want string
	}{
		{31 * 24 * time.Hour, ""}, {29 * 24 * time.Hour, ValidationExpiring}, {8 * 24 * time.Hour, ValidationExpiring},
		{6 * 24 * time.Hour, ValidationExpiring}, {time.Hour, ValidationExpiring}, {-time.Hour, ValidationExpired}, {-31 * 24 * time.Hour, ""},
	} {
		v.Expires = now
		e, ok := validationEvent(&v, now.Add(-c.left))
		if ok != (c.want != "") || ok && e.Type != c.want {
			t.Errorf("%v before the end: %v %s", c.left, ok, e.Type)
		}
		if ok {
			ids[e.ID] = true
		}
	}
	if len(ids) != 4 {
		t.Errorf("the end is told %d times, want four: at 30 days, 7 days, 1 day and after", len(ids))
	}
}

func TestS17_TheSponsorHearsOfImpersonation(t *testing.T) {
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	var got recorder
	k := w.keeper("a", hook, &got)
	w.pass(k)
	for range 2 {
		if err := k.n.Impersonated(t.Context(), Impersonation{Identity: "agent", Operator: "ann", Session: "s1", Until: time.Now(), Record: store.Ref{Shard: "0", Index: 7}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.n.Drifted(t.Context(), "g", "agent", "b", 3); err != nil {
		t.Fatal(err)
	}
	w.pass(k)
	if d := cmp.Diff([]string{Impersonated, GrantDrifted}, got.types()); d != "" {
		t.Fatal(d)
	}
	if e := got.sent[0].Event; e.Data.Record.Index != 7 || !slices.Contains(toldTo(e), "sponsor:sam@example.com") {
		t.Errorf("told as %+v", e)
	}
}

func TestEnvelopeIsACloudEvent(t *testing.T) {
	e := Event{ID: idOf("x"), Type: RequestEnded, Subject: "Request/r", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Data: Data{Summary: "s"}, To: []Recipient{{Requester, "rita"}}}
	text, err := e.envelope("writ.example/log/0")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"specversion": "1.0", "id": e.ID, "source": "writ.example/log/0", "type": "org.writ.request.ended.v1", "subject": "Request/r",
		"time": "2026-01-02T03:04:05Z", "datacontenttype": "application/json", "data": map[string]any{"summary": "s"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
