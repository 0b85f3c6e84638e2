// Package gateway is the machines' road: it stands in front of Bedrock for
// unmodified AWS SDKs and lets a call through only by right.
//
// ServeHTTP reads top to bottom as the request path: parse, authenticate,
// identify, resolve, classify, decide, admit, forward, inspect, settle. Each
// step is one file, leaves its facts on the exchange, and may end it with a
// refusal; what no step understands is refused. What of an answer waits for a human
// is kept back in hold*.go, and fetched there by a later call. Forwarding needs a
// policy.Permit, which only a decision can make, and a durable record of the
// intent.
//
// The package trusts the snapshot, the key ring and the journal it is given,
// and nothing that arrives on the wire.
package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/meter"
	"github.com/writ-project/writ/internal/proof"
	"github.com/writ-project/writ/internal/sigv4"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/upstream"
)

// Config assembles a Gateway. Every field without a stated default is required.
type Config struct {
	State     *snapshot.Source          // the rules and identities decided upon
	Ring      func() *credential.Ring   // opens and seals sessions; asked per call, since keys rotate
	Journal   *journal.Journal          // records; no record, no call
	Upstream  *upstream.Client          // Bedrock
	Meter     *meter.Meter              // keeps account of budgets; nil: nothing is metered, and what a budget covers is refused
	Exchange  *proof.Exchange           // proofs in, sessions out, for the STS endpoint
	Salt      SaltFunc                  // salts of content commitments
	Holds     Holds                     // keeps what waits for a human; nil: a call whose answer would have to wait is refused
	KeySet    func() []byte             // public keys of receipts, as a JWK set; nil: they are not served
	Store     *store.DB                 // remembers asynchronous invocations; nil: they are not served
	Instance  auditlog.Instance         // how records name this replica
	LogOf     func(shard string) string // names another replica's log; nil: there is one
	Log       *slog.Logger              // operations, never content
	Account   string                    // the AWS account that rights are for which name none, 12 digits
	Accounts  map[string][]string       // accounts called, with the regions each is called in (none: Regions); nil: Account only
	Partition string                    // aws, aws-us-gov or aws-cn
	Home      string                    // region of calls that name none (bearer tokens)
	Regions   []string                  // regions a caller may call, Home among them
	Limits    Limits                    // zero means DefaultLimits
	Strict    bool                      // hold the last frame of a stream until its outcome is durable (security S27)
	Observe   func(Observation)         // told of every finished exchange, for metrics; nil: nobody
	Hosts     []string                  // names, beside loopback's, by which credentials may be asked for (security S13)
	// Observing returns the window of observe mode that is open, if any; nil: none ever is.
	Observing func(now time.Time) (Window, bool)
	Console   string // where people ask for rights, a URL; empty: refusals name the command only
	Detailed  bool   // refusals tell callers every reason: development only (security S20)
}

// SaltFunc returns the salt under which an identity's content of a day is
// committed to. Erasing it erases what the commitments could prove.
type SaltFunc func(ctx context.Context, identity string, day time.Time) ([]byte, error)

// Limits bounds what a request may take before and while it is served.
type Limits struct {
	Body         int64         // bytes of one body
	InFlight     int64         // bytes of all bodies held at once
	SourceFlight int64         // … of one source
	Answer       int64         // bytes of one unary answer
	BodyTime     time.Duration // to send a body
	FrameTime    time.Duration // for the client to take one frame or answer
	// HoldTime is how long a stream that stalls keeps back what might be the
	// beginning of something sensitive: then it is decided on as it stands.
	HoldTime  time.Duration
	Strangers Strangers // what the unauthenticated may cost
}

// DefaultLimits follow Bedrock's own: a body is at most 25 MB.
var DefaultLimits = Limits{
	Body: 25_000_000, InFlight: 1 << 30, SourceFlight: 256 << 20, Answer: 64 << 20,
	BodyTime: 60 * time.Second, FrameTime: 60 * time.Second, HoldTime: 2 * time.Second,
}

// Gateway serves the runtime and STS wires, and container credentials. It is safe for concurrent use.
type Gateway struct {
	cfg       Config
	flight    *inFlight
	open      *openCalls
	before    *refusedBefore
	strangers *strangers
	salts     *salts
	keys      *sigv4.Keys
	memory    *classifier.Memory
	worlds    worlds
	instance  *auditlog.Instance
	// background outlives requests: an outcome is recorded also when the
	// client has gone.
	background context.Context
	draining   atomic.Bool
	serving    context.Context // ends when the server is to stop: then nobody is waited for
	endWaits   context.CancelFunc
}

// New makes a Gateway. Run must be started beside it.
func New(cfg Config) *Gateway {
	if cfg.Limits == (Limits{}) {
		cfg.Limits = DefaultLimits
	}
	g := &Gateway{
		cfg:        cfg,
		flight:     newInFlight(cfg.Limits.InFlight, cfg.Limits.SourceFlight),
		open:       newOpenCalls(),
		strangers:  newStrangers(cfg.Limits.Strangers),
		salts:      newSalts(cfg.Salt),
		keys:       sigv4.NewKeys(4096),
		memory:     classifier.NewMemory(8192),
		instance:   &cfg.Instance,
		background: context.Background(),
	}
	g.serving, g.endWaits = context.WithCancel(context.Background())
	g.before = newRefusedBefore(cfg.Log, g.recordBefore)
	return g
}

// Run writes the aggregated refusals until ctx ends.
func (g *Gateway) Run(ctx context.Context) { g.before.run(ctx) }

// Reconsider judges every open call by the current rules and cuts those that
// would no longer be let through. It is called when anything was taken away,
// and returns how many calls it ended.
func (g *Gateway) Reconsider() int {
	state := g.cfg.State.Current()
	return g.open.cut("the right was withdrawn", func(c *Call) bool { return !c.reconsider(state) })
}

// Cut ends the open calls that match picks and returns how many.
func (g *Gateway) Cut(why string, match func(*Call) bool) int { return g.open.cut(why, match) }

// Open is the number of calls in progress.
func (g *Gateway) Open() int { return g.open.len() }

// Ready reports why no call would be let through now, or nil.
func (g *Gateway) Ready() error {
	if g.draining.Load() {
		return errStopping
	}
	if g.cfg.State.Current() == nil {
		return errors.New("no rules are loaded yet")
	}
	if err := g.cfg.State.Fresh(time.Now()); err != nil {
		return err
	}
	if m := g.cfg.Meter; m != nil && m.Err() != nil {
		return m.Err()
	}
	return g.cfg.Journal.Err()
}

// ServeHTTP serves one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(g, w, r)
	defer x.done()
	if r.Method == http.MethodPost && r.URL.Path == "/" {
		x.serveSTS()
		return
	}
	if strings.HasPrefix(r.URL.Path, ownPath) {
		x.serveOwn()
		return
	}
	if !x.walk(x.parse, x.authenticate, x.identify, x.resolve, x.classify, x.decide) {
		return
	}
	if id, ok := x.collects(); ok {
		x.collect(id)
		return
	}
	if !x.walk(x.admit, x.forward) {
		return
	}
	x.inspect()
	_ = x.settle() // logged there; the answer has been given
}

// walk goes step by step, and reports whether none refused.
func (x *exchange) walk(steps ...func() *refusal) bool {
	for _, step := range steps {
		if refused := step(); refused != nil {
			x.refuse(refused)
			return false
		}
	}
	return true
}
