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
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
	"github.com/writ-project/writ/internal/writtest"
)

const (
	patience  = 60 * time.Second
	stopped   = "support-agent.support-conversations" // the demo's grant that is revoked
	longLease = "8s"                                  // so that the word is asked for well before it ends
)

// slowBedrock answers in streams of ten tokens a second.
func slowBedrock(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{ownKey}, TokensPerSecond: 10,
		Answer: func(string, string) string { return strings.Repeat("and so on ", 500) },
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
// has ended. It returns when the lease ended.
func fencedInTime(t *testing.T, at *writtest.Server, db *store.DB, revision int64, silent string) {
	t.Helper()
	c, began := admin(t, at), time.Now()
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
	t.Logf("shown as revoked %v after it was done: the lease of a silent replica is %s", time.Since(began).Round(10*time.Millisecond), longLease)
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
		return writtest.Sign(t, keys, writtest.Request{URL: b.Gateway + "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/" + path, Body: writtest.Say("hello")})
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
	got := revokeNow(t, a, stopped)
	if s := spreadOf(t, got.Spread, "b"); got.Spread.Everyone || s.Knows || s.Fenced {
		t.Errorf("the stopped replica's lease lasts, and the answer is %+v", got.Spread)
	}
	fencedInTime(t, a, db, got.Spread.Revision, "b")
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
