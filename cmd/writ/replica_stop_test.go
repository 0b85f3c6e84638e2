package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
	"github.com/writ-project/writ/internal/writtest"
)

const (
	patience  = 60 * time.Second
	stopped   = "support-agent.support-conversations"          // the demo's grant that is revoked
	agents    = "us.anthropic.claude-sonnet-4-5-20250929-v1:0" // what agents call
	longLease = "8s"                                           // so that the word is asked for well before it ends
)

// slowBedrock says ten tokens a second; its small models do not say much.
func slowBedrock(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{ownKey}, TokensPerSecond: 10,
		Answer: func(model, _ string) string {
			if strings.Contains(model, "nova") {
				return "yes"
			}
			return strings.Repeat("and so on ", 500)
		},
	})
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return "http://" + l.Addr().String()
}

// wordByWord is a stream as its reader counts it.
type wordByWord struct {
	said  chan string // the frames' event types
	ended chan error
}

func listen(t *testing.T, req *http.Request) *wordByWord {
	t.Helper()
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(resp.Body)
		t.Fatalf("the stream: %d %s", resp.StatusCode, b)
	}
	w := &wordByWord{make(chan string, 10_000), make(chan error, 1)}
	go func() {
		for d := eventstream.NewDecoder(); ; {
			m, err := d.Decode(resp.Body, nil)
			if err != nil {
				w.ended <- err
				return
			}
			if e := m.Headers.Get(":event-type"); e != nil {
				w.said <- e.String()
			}
		}
	}()
	return w
}

// output waits for n frames of output.
func (w *wordByWord) output(t *testing.T, n int) {
	t.Helper()
	late := time.After(patience)
	for n > 0 {
		select {
		case e := <-w.said:
			if e == "contentBlockDelta" {
				n--
			}
		case err := <-w.ended:
			t.Fatalf("the stream ended: %v", err)
		case <-late:
			t.Fatal("the stream says nothing")
		}
	}
}

// rest is how much output came until the stream's end.
func (w *wordByWord) rest(t *testing.T) (frames int) {
	t.Helper()
	select {
	case <-w.ended:
	case <-time.After(patience):
		t.Fatal("the stream goes on")
	}
	close(w.said)
	for e := range w.said {
		if e == "contentBlockDelta" {
			frames++
		}
	}
	return frames
}

// revokeNow takes the right away at one replica and does not wait for the others.
func revokeNow(t *testing.T, at *writtest.Server, grant string) governance.Revocation {
	t.Helper()
	var out governance.Revocation
	text := at.MustRun(t, "revoke", "grant", grant, "--reason", "leak", "--no-wait", "--json")
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

func spreadOf(t *testing.T, s governance.Spread, name string) governance.ReplicaSpread {
	t.Helper()
	for _, r := range s.Replicas {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("replica %s is not among %+v", name, s.Replicas)
	return governance.ReplicaSpread{}
}

// fencedInTime asks until everyone is said to know, and holds every answer against
// the database's clock: the silent replica is never counted out before its lease
// has ended.
func fencedInTime(t *testing.T, at *writtest.Server, db *store.DB, done time.Time, revision int64, silent string) {
	t.Helper()
	c := admin(t, at)
	within(t, patience, "the silent replica's lease ends", func() bool {
		s, err := c.Spread(t.Context(), revision)
		if err != nil {
			t.Fatal(err)
		}
		now, _, err := db.Clock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r := spreadOf(t, s, silent)
		if r.Knows {
			t.Fatalf("it is said to know: %+v", r)
		}
		if (s.Everyone || r.Fenced) && !now.After(r.Until) {
			t.Fatalf("at %v it is counted out, and its lease lasts: %+v", now, r)
		}
		if s.Everyone && !r.Fenced {
			t.Fatalf("everyone is said to know, and it may decide: %+v", s)
		}
		return s.Everyone
	})
	t.Logf("shown as revoked %v after it was done: the lease of a silent replica is %s", time.Since(done).Round(10*time.Millisecond), longLease)
}

// TestS19_AStoppedReplicaIsNotShownAsRevokedUntilItsLeaseEnds: and when it goes on
// it does not decide on what it knew.
func TestS19_AStoppedReplicaIsNotShownAsRevokedUntilItsLeaseEnds(t *testing.T) {
	r := newReplicas(t, longLease)
	db := storetest.MustOpen(t, r.dsn)
	a := r.start(t, "a")
	b := r.startAt(t, "b", place{upstream: slowBedrock(t)})
	keys, others := a.Session(t, "support-agent"), a.Session(t, "analytics")
	connectedInTime(t, a, b)
	call := func(path string) *http.Request {
		return writtest.Sign(t, keys, writtest.Request{URL: b.Gateway + "/model/" + writtest.Escape(agents) + "/" + path, Body: writtest.Say("hello")})
	}
	open := listen(t, call("converse-stream"))
	open.output(t, 3)
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(b.PID, s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	t.Cleanup(func() { _ = syscall.Kill(b.PID, syscall.SIGCONT) })
	done, got := time.Now(), revokeNow(t, a, stopped)
	if s := spreadOf(t, got.Spread, "b"); got.Spread.Everyone || s.Knows || s.Fenced {
		t.Errorf("the stopped replica's lease lasts, and the answer is %+v", got.Spread)
	}
	fencedInTime(t, a, db, done, got.Spread.Revision, "b")
	within(t, patience, "the grant has ended", func() bool {
		g, err := admin(t, a).Grant(t.Context(), stopped)
		return err == nil && g.Standing == "revoked"
	})
	for len(open.said) > 0 { // what had left before it was stopped
		<-open.said
	}
	answers := make(chan int, 8)
	for range cap(answers) { // these wait for it, and are its first
		req := call("converse")
		go func() {
			resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
			if err != nil {
				answers <- 0
				return
			}
			_ = resp.Body.Close()
			answers <- resp.StatusCode
		}()
	}
	time.Sleep(200 * time.Millisecond) // until they are in its queues
	signal(syscall.SIGCONT)
	for range cap(answers) {
		if got := <-answers; got != http.StatusForbidden && got != http.StatusServiceUnavailable {
			t.Errorf("going on, it answered %d", got)
		}
	}
	if n := open.rest(t); n > 1 { // one may have been judged before it was stopped
		t.Errorf("%d more frames of the stream that was open", n)
	}
	within(t, patience, "it serves what others have", func() bool { return allowed(t, b, others) })
	if got := writtest.Do(t, call("converse")); got.Status != http.StatusForbidden {
		t.Errorf("of the revoked right it says %d %s", got.Status, got.Body)
	}
}

// connectedInTime says how long a connected replica takes to know.
func connectedInTime(t *testing.T, a, b *writtest.Server) {
	t.Helper()
	began := time.Now()
	got, err := admin(t, a).Quarantine(t.Context(), api.StopOrder{Target: rights.Target{Kind: rights.TargetTag, Name: "drill"}, Reason: "drill"})
	if err != nil {
		t.Fatal(err)
	}
	within(t, patience, "both know", func() bool {
		s, err := admin(t, a).Spread(t.Context(), got.Spread.Revision)
		return err == nil && s.Everyone && spreadOf(t, s, "a").Knows && spreadOf(t, s, "b").Knows
	})
	t.Logf("two connected replicas are shown to know after %v", time.Since(began).Round(time.Millisecond))
}

// TestS19_AReplicaCutOffFromTheDatabaseDecidesUntilItsLeaseEnds: on what it knows,
// and says that it does not any more, and why; then it takes up where the others are.
func TestS19_AReplicaCutOffFromTheDatabaseDecidesUntilItsLeaseEnds(t *testing.T) {
	r := newReplicas(t, longLease)
	db := storetest.MustOpen(t, r.dsn)
	wire := storetest.Through(t, r.dsn)
	a := r.start(t, "a")
	b := r.startAt(t, "b", place{dsn: wire.DSN})
	others := a.Session(t, "analytics")
	for _, c := range []struct {
		cut             func()
		identity, grant string
		first, calls    string // an identity that has not called yet, and its model
	}{
		{wire.Hold, "support-agent", stopped, "invoice-triage", "amazon.nova-pro-v1:0"},
		{wire.Cut, "sales-agent", "sales-agent.sales-drafting", "ci-summariser", "anthropic.claude-haiku-4-5-20251001-v1:0"},
	} {
		keys := a.Session(t, c.identity)
		calls := func() int { return b.Converse(t, keys, agents, writtest.Say("hello")).Status }
		if got := calls(); got != http.StatusOK || !allowed(t, b, others) {
			t.Fatalf("%s at replica b: %d", c.identity, got)
		}
		first := a.Session(t, c.first)
		c.cut()
		if !allowed(t, b, others) {
			t.Error("it stopped deciding when it was cut off")
		}
		// A first call of the day needs a salt to be recorded with. It does not hang.
		if got := b.Converse(t, first, c.calls, writtest.Say("hello")); got.Status < 500 {
			t.Errorf("a call that cannot be recorded: %d %s", got.Status, got.Body)
		}
		done, got := time.Now(), revokeNow(t, a, c.grant)
		if s := spreadOf(t, got.Spread, "b"); got.Spread.Everyone || s.Knows || s.Fenced {
			t.Errorf("the lease of the one that is cut off lasts, and the answer is %+v", got.Spread)
		}
		within(t, patience, "it refuses", func() bool { return called(t, b, others).Status == http.StatusServiceUnavailable })
		saysWhy(t, b)
		fencedInTime(t, a, db, done, got.Spread.Revision, "b")
		wire.Mend()
		mended := time.Now()
		within(t, patience, "it serves again", func() bool { return allowed(t, b, others) })
		if got := calls(); got != http.StatusForbidden {
			t.Errorf("the right that was taken away meanwhile: %d", got)
		}
		t.Logf("it serves again %v after it was connected", time.Since(mended).Round(10*time.Millisecond))
		b.MustRun(t, "status", "--ready")
	}
}

// saysWhy looks at where operators look.
func saysWhy(t *testing.T, s *writtest.Server) {
	t.Helper()
	if got := s.Run(t, "status", "--ready"); got.Code != 1 || !strings.Contains(got.Stderr, snapshot.ErrFenced.Error()) {
		t.Errorf("writ status --ready: %+v", got)
	}
	if got := s.MustRun(t, "status"); !strings.Contains(got, "NO: ") || !strings.Contains(got, snapshot.ErrFenced.Error()) {
		t.Errorf("writ status: %s", got)
	}
	resp, err := http.Get(s.Admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/readyz is %d", resp.StatusCode)
	}
}
