package gateway_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/meter"
	"github.com/writ-project/writ/internal/proof"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/upstream"
	"github.com/writ-project/writ/internal/writtest"
)

// inside is a gateway in the test's own process, for what the configuration
// file cannot set and the outside cannot break.
type inside struct {
	*gateway.Gateway
	journal *journal.Journal
	seen    *fakebedrock.Recorder
	addr    string
	token   string // support-agent's bearer token

	mu   sync.Mutex
	told []gateway.Observation
}

// newInside assembles a gateway; bend changes its configuration.
// books is where the gateways in this process keep account of their budgets: one
// database for all of them, since to make one costs more than most tests.
var books = sync.OnceValue(func() *store.DB {
	db, err := store.Open(context.Background(), "sqlite:"+filepath.Join(whole.TempDir(), "money.db"))
	if err != nil {
		whole.Fatal(err)
	}
	whole.Cleanup(func() { _ = db.Close() })
	return db
})

var meters atomic.Int64

// metered keeps account of the sample organisation's budgets.
func metered(t *testing.T, log *journal.Journal) *meter.Meter {
	t.Helper()
	shard := fmt.Sprintf("test-%d", meters.Add(1))
	m := meter.New(meter.Config{Store: books(), Replica: shard, Shard: shard, Head: func() uint64 { return log.Head().Size }})
	if _, err := m.Recover(t.Context(), log.Scan); err != nil {
		t.Fatal(err)
	}
	return m
}

func newInside(t *testing.T, maxAge time.Duration, bend func(*gateway.Config)) *inside {
	t.Helper()
	in := &inside{seen: new(fakebedrock.Recorder)}
	log := slog.New(slog.DiscardHandler)
	var err error
	in.journal, err = journal.Open(t.Context(), journal.Config{
		Dir: t.TempDir(), Origin: "test.example/log", Key: ed25519.NewKeyFromSeed(make([]byte, 32)), Logger: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.journal.Close() }) // some tests close it before
	ring := newRing(t)
	cfg := gateway.Config{
		State: organisation(t, maxAge), Ring: func() *credential.Ring { return ring }, Journal: in.journal, Upstream: in.standIn(t),
		Exchange: noExchange(t), Salt: func(context.Context, string, time.Time) ([]byte, error) { return make([]byte, 32), nil },
		Instance: auditlog.Instance{ID: "test"}, Log: log,
		Account: demo.Account, Partition: "aws", Home: "us-east-1", Regions: []string{"us-east-1"},
		Observe: in.observe, Meter: metered(t, in.journal),
	}
	bend(&cfg)
	in.Gateway = gateway.New(cfg)
	in.serve(t, log)
	in.token = sealed(t, ring)
	return in
}

func (in *inside) serve(t *testing.T, log *slog.Logger) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in.addr = l.Addr().String()
	srv := gateway.NewServer(in.Gateway, nil, log)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

func (in *inside) observe(o gateway.Observation) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.told = append(in.told, o)
}

// standIn starts a stand-in whose answer is as long as the prompt asks for.
func (in *inside) standIn(t *testing.T) *upstream.Client {
	t.Helper()
	srv := httptest.NewServer(fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{{AccessKeyID: upstreamKeyID, SecretAccessKey: "x"}}, Recorder: in.seen, Fault: faultOf,
		Answer: func(_, prompt string) string {
			if strings.Contains(prompt, "at length") {
				return strings.Repeat("so many words ", 1<<16)
			}
			if strings.Contains(prompt, "[[") {
				return prompt // a script
			}
			return "stand-in"
		},
	}))
	t.Cleanup(srv.Close)
	up, err := upstream.New(upstream.Config{Account: demo.Account, Endpoint: srv.URL, Credentials: credentials.NewStaticCredentialsProvider(upstreamKeyID, "x", "")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	return up
}

// organisation is the sample organisation, read once; it is stale after maxAge.
func organisation(t *testing.T, maxAge time.Duration) *snapshot.Source {
	t.Helper()
	return reorganised(t, maxAge, func(*manifest.Resource) {})
}

// reorganised is the sample organisation with its resources edited.
func reorganised(t *testing.T, maxAge time.Duration, edit func(*manifest.Resource)) *snapshot.Source {
	t.Helper()
	all, err := demo.Organisation("http://127.0.0.1:1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var rows []store.Row
	for _, r := range all {
		edit(&r)
		spec, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		c := store.Change{Op: manifest.Create, Kind: r.Kind, Name: r.Name, Spec: spec}
		rows = append(rows, store.Row{Change: c, Stored: c.Digest(), Revision: 1})
	}
	source, err := snapshot.Open(t.Context(), snapshot.Config{
		Load:       func(context.Context, int64) ([]store.Row, int64, error) { return rows, 1, nil },
		Watch:      func(context.Context) <-chan struct{} { return nil },
		Authorised: func(store.Ref, store.Change) error { return nil },
		MaxAge:     maxAge,
	})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func newRing(t *testing.T) *credential.Ring {
	t.Helper()
	ring, err := credential.NewRing(credential.RingConfig{Keys: []credential.Key{
		credential.NewKey(1, credential.SealPurpose, 0, time.Now()), credential.NewKey(1, credential.DerivePurpose, 0, time.Now()),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func sealed(t *testing.T, ring *credential.Ring) string {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	b, err := ring.SealBearer(identity.Session{
		ID: "session", Identity: "support-agent", Proof: identity.ProofOIDC, Binding: "support-agent", Issuer: "demo", Subject: "demo:support-agent",
		ProofID: strings.Repeat("0", 32), Issued: now, Expires: now.Add(15 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Token.Reveal()
}

func noExchange(t *testing.T) *proof.Exchange {
	t.Helper()
	x, err := proof.New(proof.Config{
		Record: func(context.Context, proof.Mint) (uint64, error) { return 0, errors.New("no mints here") },
		Seal: func(identity.Session) (proof.Credentials, error) {
			return proof.Credentials{}, errors.New("no mints here")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (in *inside) text(operation, body string) string {
	return rawCall("/model/"+writtest.Escape(sonnet)+"/"+operation, in.addr, in.token, "", body)
}

func (in *inside) call(t *testing.T, operation, body string) writtest.Answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+in.addr+"/model/"+writtest.Escape(sonnet)+"/"+operation, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+in.token)
	return writtest.Do(t, req)
}

// outcomes reads how calls ended from the journal.
func (in *inside) outcomes(t *testing.T) (out []auditlog.Outcome) {
	t.Helper()
	err := in.journal.Scan(t.Context(), 0, func(_ uint64, entry []byte) error {
		r, err := auditlog.ParseRecord(entry)
		if err == nil && r.Kind == auditlog.KindOutcome {
			out = append(out, *r.Outcome)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func ordinary(*gateway.Config) {}

func TestSlowBodiesAreGivenUp(t *testing.T) {
	t.Parallel()
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Limits = gateway.DefaultLimits
		c.Limits.BodyTime = 100 * time.Millisecond
	})
	text := in.text("converse", writtest.Say("very slow"))
	got := sayTo(t, in.addr, text[:len(text)-1], false)
	if len(got) != 1 || got[0].Status != 400 {
		t.Errorf("answered %+v, want 400", got)
	}
	if n := len(in.seen.Requests()); n != 0 {
		t.Errorf("%d requests reached Bedrock", n)
	}
}

// Bodies that are held up count against the budget until they are given up.
func TestS16_BodiesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Limits = gateway.DefaultLimits
		c.Limits.InFlight, c.Limits.SourceFlight = 1000, 1000
	})
	// An unfinished body holds the room, unless the other came first: then it
	// is the one refused, and has to be sent again.
	hold := func() net.Conn {
		c, err := net.Dial("tcp", in.addr)
		if err != nil {
			t.Fatal(err)
		}
		text := in.text("converse", writtest.Say(strings.Repeat("x", 700)))
		if _, err := io.WriteString(c, text[:len(text)-1]); err != nil {
			t.Fatal(err)
		}
		return c
	}
	var c net.Conn
	var refused writtest.Answer
	eventually(t, "another body finds no room", func() bool {
		if c != nil {
			c.Close()
		}
		c = hold()
		for range 20 {
			if refused = in.call(t, "converse", writtest.Say(strings.Repeat("y", 700))); refused.Status == 429 {
				return true
			}
		}
		return false
	})
	if refused.ErrorType() != "ThrottlingException" || refused.Header.Get("X-Amz-Retry-After") == "" {
		t.Errorf("answered %+v", refused)
	}
	if a := in.call(t, "converse", writtest.Say("small")); a.Status != 200 {
		t.Errorf("a body that fits: answered %d %s", a.Status, a.Body)
	}
	c.Close()
	eventually(t, "the room is given back", func() bool { return in.call(t, "converse", writtest.Say(strings.Repeat("z", 700))).Status == 200 })
}

// A client that takes no frame holds neither the gateway nor Bedrock.
func TestSlowReadersAreGivenUp(t *testing.T) {
	t.Parallel()
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Limits = gateway.DefaultLimits
		c.Limits.FrameTime = 200 * time.Millisecond
	})
	c, err := net.Dial("tcp", in.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, in.text("converse-stream", marked("answer at length", ""))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the call ends", func() bool { return len(in.outcomes(t)) == 1 && in.Open() == 0 })
	if o := in.outcomes(t)[0]; o.Ended != "client_gone" {
		t.Errorf("recorded as %+v", o)
	}
}

func TestNoJournalNoCall(t *testing.T) {
	t.Parallel()
	in := newInside(t, 0, ordinary)
	if a := in.call(t, "converse", writtest.Say("hello")); a.Status != 200 || in.Ready() != nil {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	if err := in.journal.Close(); err != nil {
		t.Fatal(err)
	}
	in.seen.Reset()
	for _, operation := range []string{"converse", "converse-stream"} {
		if a := in.call(t, operation, writtest.Say("hello")); a.Status != 503 || a.ErrorType() != "ServiceUnavailableException" {
			t.Errorf("%s: answered %d %s", operation, a.Status, a.Body)
		}
	}
	if n := len(in.seen.Requests()); n != 0 {
		t.Errorf("%d requests reached Bedrock", n)
	}
}

func TestStaleRulesStopEveryCall(t *testing.T) {
	t.Parallel()
	in := newInside(t, 200*time.Millisecond, ordinary)
	eventually(t, "the rules are stale", func() bool { return in.Ready() != nil })
	if a := in.call(t, "converse", writtest.Say("hello")); a.Status != 503 || a.ErrorType() != "ServiceUnavailableException" {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	if got := sayTo(t, in.addr, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", false); len(got) != 1 || got[0].Status != 503 {
		t.Errorf("STS answered %+v", got)
	}
	if n := len(in.seen.Requests()); n != 0 {
		t.Errorf("%d requests reached Bedrock", n)
	}
}

func TestSaltThatCannotBeHadStopsTheCall(t *testing.T) {
	t.Parallel()
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Salt = func(context.Context, string, time.Time) ([]byte, error) { return nil, errors.New("store gone") }
	})
	if a := in.call(t, "converse", writtest.Say("hello")); a.Status != 503 || len(in.seen.Requests()) != 0 {
		t.Errorf("answered %d %s, %d requests reached Bedrock", a.Status, a.Body, len(in.seen.Requests()))
	}
}

// In strict mode the outcome is durable before the end of the answer is out.
func TestS27_StrictModeHoldsTheEndUntilItIsRecorded(t *testing.T) {
	t.Parallel()
	in := newInside(t, 0, func(c *gateway.Config) { c.Strict = true })
	for i, c := range []struct{ operation, body string }{
		{"converse", writtest.Say("hello")}, {"converse-stream", writtest.Say("hello")}, {"invoke-with-response-stream", messagesBody("hello", "")},
	} {
		if a := in.call(t, c.operation, c.body); a.Status != 200 || a.Err != nil {
			t.Fatalf("%s: answered %d %s %v", c.operation, a.Status, a.Body, a.Err)
		}
		out := in.outcomes(t) // no waiting
		if len(out) != i+1 || out[i].Ended != "complete" || out[i].StopReason == "" || out[i].Bytes == 0 {
			t.Errorf("%s: recorded %+v", c.operation, out)
		}
	}
}

func TestAnswersBeyondTheLimitAreNotPassedOn(t *testing.T) {
	t.Parallel()
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Limits = gateway.DefaultLimits
		c.Limits.Answer = 100
	})
	if a := in.call(t, "converse", writtest.Say("hello")); a.Status != 503 || strings.Contains(a.Body, "stand-in") {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	eventually(t, "the outcome is recorded", func() bool { return len(in.outcomes(t)) == 1 })
	if o := in.outcomes(t)[0]; o.Ended != "upstream_error" || o.Status != 200 {
		t.Errorf("recorded as %+v", o)
	}
}

// What metrics are told has few values, whatever callers send.
func TestObservationsHaveFewValues(t *testing.T) {
	t.Parallel()
	in := newInside(t, 0, ordinary)
	in.call(t, "converse", writtest.Say("hello"))
	for i := range 5 {
		in.call(t, fmt.Sprintf("operation-%d", i), "{}")
		in.call(t, "converse", fmt.Sprintf(`{"field%d":1}`, i))
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	operations, results := map[string]bool{}, map[string]bool{}
	for _, o := range in.told {
		operations[o.Operation], results[o.Result] = true, true
		if o.Status == 0 || o.Result == "" || o.Total < o.Added {
			t.Errorf("observed %+v", o)
		}
	}
	if len(in.told) != 11 || len(operations) != 2 || len(results) > 4 {
		t.Errorf("%d observations of %v with %v", len(in.told), operations, results)
	}
}

func TestReasonsAreToldOnlyWhereConfigured(t *testing.T) {
	t.Parallel()
	for _, detailed := range []bool{true, false} {
		in := newInside(t, 0, func(c *gateway.Config) { c.Detailed = detailed })
		a := in.call(t, "converse", marked("x", `,"requestMetadata":{"writ.purpose":"payroll"}`))
		if a.Status != 403 || strings.Contains(a.Body, "the purpose stated is not one") != detailed {
			t.Errorf("detailed %v: answered %d %s", detailed, a.Status, a.Body)
		}
	}
}
