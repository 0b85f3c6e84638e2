package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/store/storetest"
	"github.com/writ-project/writ/internal/writtest"
)

// office is two replicas whose people ask and approve at either.
type office struct {
	*replicas
	token api.Token // nadia's sign-in
	a, b  *writtest.Server

	began chan struct{} // closed at the first answer of success

	mu    sync.Mutex
	nadia [2]*api.Client // approves, at a and at b
}

// nadiaAt is the approver at one replica, wherever that listens by now.
func (o *office) nadiaAt(i int) *api.Client {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.nadia[i]
}

// restart kills replica b and starts it anew.
func (o *office) restart(t *testing.T) {
	t.Helper()
	o.b.Kill()
	b, err := o.launch(t, "b", place{})
	if err != nil {
		t.Errorf("it did not come back: %v", err)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b, o.nadia[1] = b, api.NewClient(b.Admin, o.token)
}

const asked = 20 // requests that are approved at once

func openOffice(t *testing.T, r *replicas, other place) *office {
	t.Helper()
	o := &office{replicas: r, a: r.start(t, "a"), began: make(chan struct{})}
	o.a.MustRun(t, "apply", "-f", "../../docs/examples/people", "--yes")
	o.b = r.startAt(t, "b", other)
	o.token = signedIn(t, o.a, "nadia")
	o.nadia = [2]*api.Client{api.NewClient(o.a.Admin, o.token), api.NewClient(o.b.Admin, o.token)}
	return o
}

// ask files requests, and returns their ids.
func (o *office) ask(t *testing.T, n int) []string {
	t.Helper()
	ivan := api.NewClient(o.a.Admin, signedIn(t, o.a, "ivan"))
	var ids []string
	for range n {
		v, err := ivan.Submit(t.Context(), api.SubmitRequest{
			Grant:         &api.GrantOrder{Identity: "analytics", Entitlement: "nova-family", Duration: identity.Duration(time.Hour)},
			Justification: "reports",
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, v.ID)
	}
	return ids
}

// approveAll has each request approved at both replicas at once, again and again
// until the answer is that it is over. It returns how many answers were of success.
func (o *office) approveAll(t *testing.T, ids []string) (yes int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all sync.WaitGroup
	var mu sync.Mutex
	begun := sync.OnceFunc(func() { close(o.began) })
	defer begun()
	for _, id := range ids {
		for at := range o.nadia {
			all.Go(func() {
				n, err := approveUntilOver(ctx, func() *api.Client { return o.nadiaAt(at) }, id, begun)
				if err != nil {
					t.Errorf("request %s: %v", id, err)
				}
				mu.Lock()
				defer mu.Unlock()
				yes += n
			})
		}
	}
	all.Wait()
	return yes
}

func approveUntilOver(ctx context.Context, at func() *api.Client, id string, begun func()) (yes int, last error) {
	for ctx.Err() == nil {
		c := at()
		attempt, cancel := context.WithTimeout(ctx, 10*time.Second)
		_, err := c.Decide(attempt, id, 0, api.DecideRequest{Verdict: request.Approve})
		if err == nil {
			yes++
			begun()
		}
		v, seen := c.Request(attempt, id)
		cancel()
		if seen == nil && v.State.Over() {
			return yes, nil
		}
		last = errors.Join(err, seen)
		time.Sleep(100 * time.Millisecond)
	}
	return yes, errors.Join(ctx.Err(), last)
}

// agree holds what became of the requests against both replicas, the log and the
// store: each was approved once, by one word, and led to one grant.
func (o *office) agree(t *testing.T, ids []string) {
	t.Helper()
	for name, s := range map[string]*writtest.Server{"a": o.a, "b": o.b} {
		within(t, patience, "replica "+name+" has no open act", func() bool { return len(openActs(t, o.path(name))) == 0 })
		outcomes := make(map[string]bool)
		for _, id := range ids {
			var v governance.RequestView
			within(t, patience, "replica "+name+" tells of request "+id, func() bool { // also by connections that an outage broke
				var err error
				v, err = admin(t, s).Request(t.Context(), id)
				return err == nil
			})
			if v.State != request.Approved || len(v.Decisions) != 1 || outcomes[v.Outcome] {
				t.Errorf("replica %s: request %s is %s by %d words, and led to %q", name, id, v.State, len(v.Decisions), v.Outcome)
			}
			outcomes[v.Outcome] = true
		}
		var given []governance.GrantView
		within(t, patience, "replica "+name+" lists the grants", func() bool {
			var err error
			given, err = every(0, query("identity", "analytics"), func(q url.Values) (api.List[governance.GrantView], error) { return admin(t, s).Grants(t.Context(), q) })
			return err == nil
		})
		if len(given) != len(ids)+1 { // and the demo's
			t.Errorf("replica %s: %d grants, want %d", name, len(given), len(ids)+1)
		}
	}
	o.endAndVerify(t)
}

// endAndVerify stops the replicas and starts them: a store that the log does not
// vouch for as a whole does not start.
func (o *office) endAndVerify(t *testing.T) {
	t.Helper()
	for name, s := range map[string]*writtest.Server{"a": o.a, "b": o.b} {
		s.Terminate()
		if err := s.Exit(patience); err != nil {
			t.Errorf("replica %s stopped with %v\n%s", name, err, s.Stderr())
		}
		if got := writtest.Run(t, o.path(name), "audit", "verify", o.path(name)); got.Code != 0 {
			t.Errorf("the log of replica %s: %d\n%s%s", name, got.Code, got.Stdout, got.Stderr)
		}
	}
	again := o.start(t, "a")
	if s := again.Stderr(); strings.Contains(s, "acts that were open") {
		t.Errorf("acts were left open:\n%s", s)
	}
	again.MustRun(t, "status", "--ready")
}

// openActs are the control records of a log that no outcome follows.
func openActs(t *testing.T, dir string) map[uint64]string {
	t.Helper()
	open := make(map[uint64]string)
	for _, kind := range []string{"control", "control_outcome"} {
		got := writtest.Run(t, dir, "audit", "tail", dir, "-n", "0", "--kind", kind, "--json")
		if got.Code != 0 {
			t.Fatalf("reading the log: %+v", got)
		}
		for line := range strings.Lines(got.Stdout) {
			var e struct {
				Index  uint64
				Record auditlog.Record
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			if e.Record.Outcome != nil {
				delete(open, e.Record.Outcome.Intent)
			} else {
				open[e.Index] = e.Record.Control.Action
			}
		}
	}
	return open
}

// Both replicas approve the same requests at once; the database lets one of them
// go first each time.
func TestTwoReplicasApproveAtOnce(t *testing.T) {
	o := openOffice(t, newReplicas(t, "5s"), place{})
	ids := o.ask(t, asked)
	if yes := o.approveAll(t, ids); yes != asked {
		t.Errorf("%d answers of success to %d requests", yes, asked)
	}
	o.agree(t, ids)
}

// The database dies in the middle of it and comes back, and then the network of
// one replica does.
func TestS27_NoApprovalIsLostOrDoubledWhenTheDatabaseDies(t *testing.T) {
	db := storetest.StartOwn(t)
	wire := storetest.Through(t, db.DSN)
	o := openOffice(t, newReplicasOn(t, "5s", db.DSN), place{dsn: wire.DSN})
	ids := o.ask(t, asked)
	var outages sync.WaitGroup
	outages.Go(func() {
		<-o.began
		db.Crash(t)
		time.Sleep(300 * time.Millisecond)
		db.Start(t)
		for range 3 {
			time.Sleep(300 * time.Millisecond)
			wire.Cut()
			time.Sleep(300 * time.Millisecond)
			wire.Mend()
		}
	})
	t.Logf("%d answers of success to %d requests", o.approveAll(t, ids), asked)
	outages.Wait()
	o.agree(t, ids)
}

// A replica that is killed in the middle leaves nothing half done: neither for the
// other one, nor for itself when it comes back.
func TestS27_NoApprovalIsLostOrDoubledWhenAReplicaDies(t *testing.T) {
	o := openOffice(t, newReplicas(t, "2s"), place{})
	ids := o.ask(t, asked)
	var kills sync.WaitGroup
	kills.Go(func() {
		<-o.began
		for range 3 {
			o.restart(t)
			time.Sleep(100 * time.Millisecond)
		}
	})
	t.Logf("%d answers of success to %d requests", o.approveAll(t, ids), asked)
	kills.Wait()
	o.agree(t, ids)
}
