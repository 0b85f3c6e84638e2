package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/upstream"
	"github.com/writ-project/writ/internal/writtest"
)

// newFenced is a gateway whose lease, of a length, is renewed once and never
// again, and a stand-in that holds its answers after two writes.
func newFenced(t *testing.T, length time.Duration, bend func(*gateway.Config)) (*inside, *changing, chan struct{}) {
	t.Helper()
	var once atomic.Bool
	leased := func(cfg *snapshot.Config) {
		cfg.Lease = &snapshot.Lease{For: length, Renew: func(context.Context, int64) error {
			if once.Swap(true) {
				return errors.New("the database is gone")
			}
			return nil
		}}
	}
	gate := make(chan struct{})
	var c *changing
	in := newInside(t, 0, func(cfg *gateway.Config) {
		cfg.Upstream = heldUpstream(t, gate)
		c = newChanging(t, leased) // last of all: the lease counts from here
		cfg.State = c.source
		bend(cfg)
	})
	return in, c, gate
}

func heldUpstream(t *testing.T, gate chan struct{}) *upstream.Client {
	t.Helper()
	bedrock := fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{{AccessKeyID: upstreamKeyID, SecretAccessKey: "x"}}, Recorder: new(fakebedrock.Recorder),
	})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bedrock.ServeHTTP(&held{ResponseWriter: w, gate: gate, left: holdAfter(r), gone: r.Context().Done()}, r)
	}))
	t.Cleanup(srv.Close)
	up, err := upstream.New(upstream.Config{Account: demo.Account, Endpoint: srv.URL, Credentials: credentials.NewStaticCredentialsProvider(upstreamKeyID, "x", "")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	return up
}

// holdAfter is how many writes of an answer are let through: none of a whole one.
func holdAfter(r *http.Request) int {
	if strings.HasSuffix(r.URL.Path, "stream") {
		return 2
	}
	return 0
}

// ended waits until the lease has ended.
func ended(c *changing) {
	for c.source.Fresh(time.Now()) == nil {
		time.Sleep(time.Millisecond)
	}
}

// comesTo waits for the one outcome that there is to be.
func (in *inside) comesTo(t *testing.T, end string) {
	t.Helper()
	eventually(t, "the outcome is recorded", func() bool { return len(in.outcomes(t)) > 0 })
	if out := in.outcomes(t); len(out) != 1 || out[0].Ended != end {
		t.Errorf("outcomes %+v, want one %s", out, end)
	}
}

// TestS19_AFencedReplicaRefusesVisibly: new calls and mints are refused, and
// readiness says why.
func TestS19_AFencedReplicaRefusesVisibly(t *testing.T) {
	t.Parallel()
	in, c, _ := newFenced(t, time.Millisecond, ordinary)
	ended(c)
	a := in.call(t, "converse", writtest.Say("too late"))
	if a.Status != 503 || !strings.Contains(a.Body, "lease") {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	if err := in.Ready(); !errors.Is(err, snapshot.ErrFenced) {
		t.Errorf("readiness says %v", err)
	}
}

// TestS19_ALeaseThatEndsBeforeForwardingIsSeen: the intent is recorded, and
// nothing leaves.
func TestS19_ALeaseThatEndsBeforeForwardingIsSeen(t *testing.T) {
	t.Parallel()
	var c *changing
	var in *inside
	var gate chan struct{}
	in, c, gate = newFenced(t, time.Second, func(cfg *gateway.Config) {
		cfg.Salt = func(context.Context, string, time.Time) ([]byte, error) {
			ended(c) // the intent takes until then to be recorded
			return make([]byte, 32), nil
		}
	})
	close(gate)
	a := in.call(t, "converse", writtest.Say("fenced on the way"))
	if a.Status != 503 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	in.comesTo(t, "refused")
}

// TestS19_AFencedReplicaPassesOnNothingMore: neither the next piece of a stream
// nor a whole answer that comes once the lease has ended.
func TestS19_AFencedReplicaPassesOnNothingMore(t *testing.T) {
	t.Parallel()
	t.Run("stream", func(t *testing.T) {
		in, c, gate := newFenced(t, 2*time.Second, ordinary)
		go func() {
			ended(c)
			close(gate)
		}()
		st := begin(t, in.asking(t, sonnet, "converse-stream", writtest.Say("cut by the end of the lease")))
		st.cutShort(t, "cannot be known")
		in.comesTo(t, "cut")
	})
	t.Run("whole answer", func(t *testing.T) {
		in, c, gate := newFenced(t, 2*time.Second, ordinary)
		go func() {
			ended(c)
			close(gate)
		}()
		a := in.call(t, "converse", writtest.Say(strings.Repeat("a long question ", 1<<12)))
		if a.Status != 403 || !strings.Contains(a.Body, "cannot be known") {
			t.Errorf("answered %d %.200s", a.Status, a.Body)
		}
	})
}
