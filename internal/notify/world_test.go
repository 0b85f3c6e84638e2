package notify

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

const (
	haiku      = "anthropic.claude-haiku-4-5-20251001-v1:0"
	testSecret = Secret("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
)

// world is a store with an organisation, and sinks that remember.
type world struct {
	t     *testing.T
	db    *store.DB
	state *snapshot.Snapshot
	n     uint64 // records used
}

func newWorld(t *testing.T, db *store.DB) *world {
	t.Helper()
	person := func(id string, roles ...operator.Role) manifest.Resource {
		o := &operator.Operator{ID: id, Email: id + "@example.com"}
		for _, r := range roles {
			o.Roles = append(o.Roles, operator.Held{Role: r})
		}
		return manifest.Resource{Kind: manifest.Operator, Name: id, Spec: o}
	}
	gone := person("gone", operator.Approver)
	gone.Spec.(*operator.Operator).Disabled = true
	robot := person("robot", operator.Approver)
	robot.Spec.(*operator.Operator).Kind = operator.Automation
	state, err := snapshot.Of([]manifest.Resource{
		{Kind: manifest.Identity, Name: "agent", Spec: &identity.Identity{ID: "agent", Kind: identity.Agent, Environment: "prod", Sponsor: "sam@example.com", Owner: "olga"}},
		{Kind: manifest.Entitlement, Name: "chat", Spec: &rights.Entitlement{ID: "chat", Models: []string{haiku}, Owner: "erik"}},
		person("ann", operator.Approver), person("bob", operator.Approver), person("rita", operator.Requester),
		person("olga"), person("erik"), gone, robot,
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, db: db, state: state}
}

// commit writes one change, and returns its revision.
func (w *world) commit(op manifest.Op, kind manifest.Kind, name string, spec any) int64 {
	w.t.Helper()
	c := store.Change{Op: op, Kind: kind, Name: name}
	if op != manifest.Delete {
		text, err := manifest.Resource{Kind: kind, Name: name, Spec: spec}.Encode()
		if err != nil {
			w.t.Fatal(err)
		}
		c.Spec = text
	}
	rev, err := w.db.Revision(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.n++
	rev, err = w.db.Commit(w.t.Context(), store.Commit{Record: store.Ref{Shard: "0", Index: w.n}, Expect: rev, Changes: []store.Change{c}})
	if err != nil {
		w.t.Fatal(err)
	}
	return rev
}

// recorder is a sender that remembers, and fails when told to.
type recorder struct {
	mu   sync.Mutex
	sent []parcel
	fail func(parcel) error
}

func (r *recorder) send(_ context.Context, p parcel) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		if err := r.fail(p); err != nil {
			return err
		}
	}
	r.sent = append(r.sent, p)
	return nil
}

// types are the types of what was sent, in order, without prefix and version.
func (r *recorder) types() []string {
	var out []string
	for _, p := range r.sent {
		out = append(out, p.Event.Type)
	}
	return out
}

// keeper makes the keeper of one sink of a replica, which sends to a recorder.
func (w *world) keeper(replica string, sink Sink, to *recorder) *keeper {
	w.t.Helper()
	n, err := New(Config{
		Store: w.db, State: func() *snapshot.Snapshot { return w.state }, Sinks: []Sink{sink}, Source: "writ.example/log/0",
		Replica: replica, Link: "https://writ.example.com/",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	n.keepers[0].send = to
	return n.keepers[0]
}

var hook = Sink{Name: "hook", Kind: WebhookSink, URL: "https://hooks.example.com/writ", Secret: testSecret}

func (w *world) pass(k *keeper) {
	w.t.Helper()
	if err := k.pass(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// submitted is a request for a grant that waits for ann or bob.
func (w *world) submitted(id string) request.Request {
	w.t.Helper()
	now := time.Now().UTC()
	r, err := request.New(request.ForGrant, request.Ask{Grant: &request.GrantAsk{Identity: "agent", Entitlement: "chat", Duration: 8 * time.Hour}},
		request.Party{Operator: "rita", Person: "rita@example.com", Via: "cli"}, request.Words{Justification: "the demo <b>tomorrow</b>"}, now)
	if err != nil {
		w.t.Fatal(err)
	}
	r.ID = id
	stage := request.Stage{Name: "owner", Approvers: []string{"role:approver"}, Needed: 2, Denials: 1, Eligible: []string{"ann", "bob"}}
	if r, err = r.Submit([]request.Stage{stage}, map[string]string{"Entitlement/chat": strings.Repeat("0", 64)}, now.Add(time.Hour), now); err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) decided(r request.Request, by string, v request.Verdict, reason string) request.Request {
	w.t.Helper()
	r, err := r.Decide(request.Decision{
		Stage: r.Stage, Round: r.Round, By: request.Party{Operator: by, Person: by + "@example.com", Via: "console"}, Verdict: v, Reason: reason,
	}, time.Now().UTC())
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// told lists whom an event concerns, as audience:name.
func toldTo(e Event) []string {
	var out []string
	for _, r := range e.To {
		out = append(out, r.Audience+":"+r.Name)
	}
	slices.Sort(out)
	return out
}

var errDown = errors.New("it is down")
