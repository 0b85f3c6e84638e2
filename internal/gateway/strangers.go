package gateway

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/proof"
)

// Strangers bounds what callers may cost who have proved nothing (security
// S16). Failures are charged, successes are not: a source that floods is
// answered shortly, and those who prove themselves pass beside it, behind the
// same address too. Zero means the field's value in DefaultStrangers.
type Strangers struct {
	// Failures a source may cause at once, refilled at so many a minute;
	// beyond it each is answered 429 without more work.
	Failures int
	// AllFailures is the same for all sources together.
	AllFailures int
	// Openings is how many tokens are opened in a second, all sources
	// together, for sources whose failures are spent.
	Openings int
	// Unproven is how many body bytes one session of one source may have us
	// read before its signatures prove it, refilled within a minute. Who has a
	// session's token but not its secret gets no more than this.
	Unproven int64
}

// DefaultStrangers leave honest mistakes room. They are judgement, not measured.
var DefaultStrangers = Strangers{Failures: 600, AllFailures: 30_000, Openings: 20_000, Unproven: 128 << 20}

func (s Strangers) orDefault() Strangers {
	d := DefaultStrangers
	if s.Failures > 0 {
		d.Failures = s.Failures
	}
	if s.AllFailures > 0 {
		d.AllFailures = s.AllFailures
	}
	if s.Openings > 0 {
		d.Openings = s.Openings
	}
	if s.Unproven > 0 {
		d.Unproven = s.Unproven
	}
	return d
}

// maxStrangers is how many sources, and how many sessions, are told apart;
// beyond it they share one budget.
const maxStrangers = 4096

// smallBody is what a session that has not failed may send unproven without
// being counted, so that ordinary calls take no lock here.
const smallBody = 64 << 10

// bucket is a budget that refills by itself.
type bucket struct {
	level float64
	at    time.Time
}

// rate is a budget's size, and how much of it comes back in a second.
type rate struct{ size, perSecond float64 }

func perMinute(n float64) rate { return rate{n, n / 60} }

func (b *bucket) refill(r rate, now time.Time) {
	if b.at.IsZero() {
		b.level = r.size
	} else if d := now.Sub(b.at).Seconds(); d > 0 {
		b.level = min(r.size, b.level+d*r.perSecond)
	}
	b.at = now
}

// take spends n if it is there.
func (b *bucket) take(r rate, n float64, now time.Time) bool {
	b.refill(r, now)
	if b.level < n {
		return false
	}
	b.level -= n
	return true
}

// presenter is who presented a session without having proved it yet.
type presenter struct {
	source  netip.Prefix
	session string
}

// strangers keeps the budgets of the unauthenticated.
type strangers struct {
	failures, allFailures, openings, unproven rate

	mu       sync.Mutex
	all      bucket // failures of everybody
	opened   bucket
	sources  *ledger[netip.Prefix]
	sessions *ledger[presenter]
	// suspects is the number of sessions on record, read without the lock:
	// where it is 0, small bodies are nobody's debt.
	suspects atomic.Int64
	// calm: no source is on record, so that no token needs a budget.
	calm atomic.Bool
}

func newStrangers(s Strangers) *strangers {
	s = s.orDefault()
	out := &strangers{
		failures: perMinute(float64(s.Failures)), allFailures: perMinute(float64(s.AllFailures)),
		openings: rate{float64(s.Openings), float64(s.Openings)}, unproven: perMinute(float64(s.Unproven)),
		sources: newLedger[netip.Prefix](), sessions: newLedger[presenter](),
	}
	out.calm.Store(true)
	return out
}

// failed charges a failure to its source and reports whether it is worth an
// answer of its own: false once the budget of the source, or everybody's, is spent.
func (s *strangers) failed(source netip.Prefix, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calm.Store(false)
	one := s.sources.of(source, s.failures, now).take(s.failures, 1, now)
	return one && s.all.take(s.allFailures, 1, now)
}

// mayOpen reports whether a source's token is to be opened: always, until its
// failures are spent, and then while processor time for suspects is left.
func (s *strangers) mayOpen(source netip.Prefix, now time.Time) bool {
	if s.calm.Load() {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all.refill(s.allFailures, now)
	b, known := s.sources.rows[source]
	if !known && len(s.sources.rows) >= maxStrangers {
		b, known = &s.sources.others, true
	}
	if known {
		if b.refill(s.failures, now); b.level >= s.failures.size && b != &s.sources.others {
			delete(s.sources.rows, source)
			s.calm.Store(len(s.sources.rows) == 0 && s.all.level >= s.allFailures.size)
		}
	}
	if (!known || b.level >= 1) && s.all.level >= 1 {
		return true
	}
	return s.opened.take(s.openings, 1, now)
}

// lend charges n body bytes to a session before they are read, and reports
// whether it may have them. repay gives them back once the session is proved.
func (s *strangers) lend(p presenter, n int64, now time.Time) (lent, ok bool) {
	if n <= smallBody && s.suspects.Load() == 0 {
		return false, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, suspect := s.sessions.rows[p]; !suspect && n <= smallBody && len(s.sessions.rows) < maxStrangers {
		return false, true
	}
	ok = s.sessions.of(p, s.unproven, now).take(s.unproven, float64(n), now)
	s.suspects.Store(int64(len(s.sessions.rows)))
	return ok, ok
}

func (s *strangers) repay(p presenter, n int64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.sessions.of(p, s.unproven, now)
	b.refill(s.unproven, now)
	if b.level = min(s.unproven.size, b.level+float64(n)); b.level >= s.unproven.size {
		delete(s.sessions.rows, p)
	}
	s.suspects.Store(int64(len(s.sessions.rows)))
}

// disproved puts a session on record whose signature did not verify: from here
// on its small bodies count too.
func (s *strangers) disproved(p presenter, n int64, lent bool, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.sessions.of(p, s.unproven, now)
	b.refill(s.unproven, now)
	if lent {
		n = 0 // charged already
	}
	b.level = max(0, b.level-float64(n)-smallBody)
	s.suspects.Store(int64(len(s.sessions.rows)))
}

// ledger is a bounded map of budgets. Those that are full again are forgotten:
// forgetting them gives nobody anything.
type ledger[K comparable] struct {
	rows   map[K]*bucket
	others bucket    // shared by those for whom no room is left
	swept  time.Time // when room was last made
}

func newLedger[K comparable]() *ledger[K] { return &ledger[K]{rows: make(map[K]*bucket)} }

func (l *ledger[K]) of(key K, r rate, now time.Time) *bucket {
	if b, ok := l.rows[key]; ok {
		return b
	}
	if len(l.rows) >= maxStrangers && now.Sub(l.swept) > time.Second {
		l.swept = now
		for k, b := range l.rows {
			if b.refill(r, now); b.level >= r.size {
				delete(l.rows, k)
			}
		}
	}
	if len(l.rows) >= maxStrangers {
		return &l.others
	}
	b := &bucket{}
	b.refill(r, now)
	l.rows[key] = b
	return b
}

// chargedTo is the source that a request is charged to: the client's address, or
// the connection's where that cannot be read.
func (x *exchange) chargedTo() netip.Prefix {
	if x.origin.Addr.IsValid() {
		return identity.SourceOf(x.origin.Addr)
	}
	return identity.SourceOf(x.origin.Peer)
}

func (x *exchange) presenter() presenter {
	return presenter{x.chargedTo(), x.proven.session.ID}
}

// mayOpen refuses to open tokens for a source that has failed too often, once
// the processor time set aside for such sources is spent.
func (x *exchange) mayOpen() *refusal {
	if x.g.strangers.mayOpen(x.chargedTo(), x.began) {
		return nil
	}
	return tooMany()
}

// lend has a session's body read before its signature can be verified, within
// what such sessions may cost.
func (x *exchange) lend() *refusal {
	if x.proven.whole {
		return nil
	}
	var ok bool
	if x.lent, ok = x.g.strangers.lend(x.presenter(), x.r.ContentLength, x.began); !ok {
		return refuse("throttled", bedrock.Error{
			Type: bedrock.ThrottlingException, Message: "too many bytes of this session are unproven", RetryAfter: time.Second,
		})
	}
	return nil
}

// judged settles what a session was lent, once its signature was verified or not.
func (x *exchange) judged(ok bool) {
	switch {
	case !ok:
		x.g.strangers.disproved(x.presenter(), x.r.ContentLength, x.lent, time.Now())
	case x.lent:
		x.g.strangers.repay(x.presenter(), x.r.ContentLength, time.Now())
	}
	x.lent = false
}

// stranger charges a refusal to its source when no session of ours was even
// presented, and makes it short once the source's budget is spent.
func (x *exchange) stranger(r *refusal) *refusal {
	if x.proven.session.ID != "" || r.kind == "not_ready" || r.kind == "throttled" {
		return r
	}
	if x.g.strangers.failed(x.chargedTo(), x.began) {
		return r
	}
	x.w.Header().Set("Connection", "close") // also the next one would come to nothing
	return tooMany()
}

func tooMany() *refusal {
	return refuse("throttled", bedrock.Error{
		Type: bedrock.ThrottlingException, Message: "too many requests without valid credentials", RetryAfter: 5 * time.Second,
	})
}

// strangersProof is stranger for the doors where proofs are exchanged. What a
// flood is told is not worth a line of the operational log either.
func (x *exchange) strangersProof(err error) (answer error, loud bool) {
	var r *proof.Refusal
	errors.As(err, &r)
	if x.proven.session.ID != "" || r != nil && (r.Reason == proof.NotRecorded || r.Reason == proof.NotSealed) {
		return err, true
	}
	if x.g.strangers.failed(x.chargedTo(), x.began) {
		return err, true
	}
	return &proof.Refusal{Reason: proof.Throttled, Err: errors.New("the source's failures are spent")}, false
}
