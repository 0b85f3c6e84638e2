package upstream

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
)

// How long sessions last, and how long before their end they are replaced.
const (
	// Shortest is the least that STS grants.
	Shortest = 15 * time.Minute
	// Longest is the most that it grants where Writ's own credentials are a
	// role's session already (role chaining).
	Longest = time.Hour

	refreshAhead = 5 * time.Minute  // at most; a quarter of its life for a short one
	lastUse      = 30 * time.Second // a session this near its end is as good as ended
	doubtful     = time.Minute      // after a change of rules, until what is not used is dropped
	tryAgain     = time.Second      // after a failure, so that a failing STS is not stormed
)

// Bounds of what is kept.
const (
	maxSessions       = 4096
	sessionsOfOne     = 256 // of one identity: it cannot crowd out the others
	flightsOfOne      = 16  // of one identity, at once
	longestNameOfRole = 64
)

// errBusy refuses an identity that asks for many different sessions at once.
var errBusy = errors.New("too many sessions are being made for this identity")

// Sessions are credentials per grant (security S3): a role's session for one
// identity, by its grants, that may do the legs of a call and nothing else,
// and whose SourceIdentity is the identity. CloudTrail alone then tells who
// called, and Bedrock's own IAM refuses what the permit does not cover.
//
// What a session may do comes from the permit and from nowhere else. Sessions
// are kept until shortly before they end, found by everything they depend on,
// and dropped when a right ends. Sessions are safe for concurrent use.
type Sessions struct {
	role   Role
	client *sts.Client
	now    func() time.Time

	mu      sync.Mutex // guards what follows
	entries map[key]*list.Element
	recent  list.List // of *session, the last used first
	held    map[string]int
	flights map[string]int
	last    failure
	epoch   uint64 // raised when rules change; see doubt
}

// failure is why the last session was not to be had.
type failure struct {
	at  time.Time
	err error
}

// key is a digest over everything that a session depends on.
type key [sha256.Size]byte

// session is one kept session, or one that is being made.
type session struct {
	key      key
	identity string
	grants   []string
	vended
	flight *flight
	failed failure
	epoch  uint64 // under which a permit last named it
}

// vended is what a flight brings; the zero value is none.
type vended struct {
	aws.Credentials
	refresh time.Time // when to begin to replace them
}

// usable reports whether credentials may still sign a request.
func (c *vended) usable(now time.Time) bool { return now.Before(c.Expires.Add(-lastUse)) }

// flight is one question to STS; done is closed once the rest is set.
type flight struct {
	done chan struct{}
	got  vended
	err  error
}

// NewSessions checks the role; it asks STS for nothing yet. A nil clock means
// time.Now.
func NewSessions(r Role, now func() time.Time) (*Sessions, error) {
	if RoleAccount(r.ARN) == "" {
		return nil, fmt.Errorf("%q is not the ARN of a role", r.ARN)
	}
	client, err := r.STS.with(r.Base)
	if err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	return &Sessions{
		role: r, client: client, now: now,
		entries: map[key]*list.Element{}, held: map[string]int{}, flights: map[string]int{},
	}, nil
}

// keyOf covers identity, grants and legs; every field is preceded by its
// length, so that no two different permits share an encoding.
func keyOf(p *policy.Permit, legs []rights.Leg) key {
	b := make([]byte, 0, 1024)
	add := func(s string) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...) }
	add(p.Account())
	add(p.Identity())
	grants := p.Grants()
	b = binary.BigEndian.AppendUint32(b, uint32(len(grants)))
	for _, g := range grants {
		add(g)
	}
	for _, l := range legs {
		add(l.Action)
		add(l.Resource)
	}
	return sha256.Sum256(b)
}

// retrieve returns credentials for a permitted call, made now if need be.
func (s *Sessions) retrieve(ctx context.Context, p *policy.Permit) (aws.Credentials, error) {
	legs := p.Legs()
	k := keyOf(p, legs)
	now := s.now()
	s.mu.Lock()
	if err := ctx.Err(); err != nil {
		// Asked under the lock: a call that was cut before drop makes no session after it.
		s.mu.Unlock()
		return aws.Credentials{}, err
	}
	kept := s.find(k, p)
	switch {
	case kept.usable(now):
		creds := kept.Credentials
		if !now.Before(kept.refresh) {
			_, _ = s.begin(kept, p, legs) // in the background; its failure shows in last
		}
		s.mu.Unlock()
		return creds, nil
	case kept.flight == nil && now.Before(kept.failed.at.Add(tryAgain)) && kept.failed.err != nil:
		err := kept.failed.err
		s.mu.Unlock()
		return aws.Credentials{}, err
	}
	f, err := s.begin(kept, p, legs)
	s.mu.Unlock()
	if err != nil {
		return aws.Credentials{}, err
	}
	select {
	case <-f.done:
		return f.got.Credentials, f.err
	case <-ctx.Done():
		return aws.Credentials{}, ctx.Err()
	}
}

// find returns the entry of a key, made and put first if need be. s.mu is held.
func (s *Sessions) find(k key, p *policy.Permit) *session {
	if e, ok := s.entries[k]; ok {
		s.recent.MoveToFront(e)
		kept := e.Value.(*session)
		kept.epoch = s.epoch
		return kept
	}
	made := &session{key: k, identity: p.Identity(), grants: p.Grants(), epoch: s.epoch}
	s.entries[k] = s.recent.PushFront(made)
	s.held[made.identity]++
	if s.held[made.identity] > sessionsOfOne {
		s.evict(func(old *session) bool { return old.identity == made.identity })
	} else if len(s.entries) > maxSessions {
		s.evict(func(*session) bool { return true })
	}
	return made
}

// evict removes the entry used longest ago that match picks. s.mu is held.
func (s *Sessions) evict(match func(*session) bool) {
	for e := s.recent.Back(); e != nil; e = e.Prev() {
		if match(e.Value.(*session)) {
			s.remove(e)
			return
		}
	}
}

func (s *Sessions) remove(e *list.Element) {
	old := s.recent.Remove(e).(*session)
	delete(s.entries, old.key)
	if s.held[old.identity]--; s.held[old.identity] == 0 {
		delete(s.held, old.identity)
	}
}

// begin asks STS, once for all who wait. The question outlives who asked
// first, and what comes of it is kept only if the entry still is. s.mu is held.
func (s *Sessions) begin(kept *session, p *policy.Permit, legs []rights.Leg) (*flight, error) {
	if kept.flight != nil {
		return kept.flight, nil
	}
	if s.flights[kept.identity] >= flightsOfOne {
		return nil, errBusy
	}
	f := &flight{done: make(chan struct{})}
	kept.flight = f
	s.flights[kept.identity]++
	w, err := wantedFor(p, legs, s.now())
	go func() {
		if err == nil {
			f.got, err = s.fetch(w)
		}
		f.err = err
		s.land(kept, f)
		close(f.done)
	}()
	return f, nil
}

func (s *Sessions) fetch(w wanted) (vended, error) {
	began := s.now()
	got, err := s.role.assume(context.Background(), s.client, w)
	if err != nil {
		return vended{}, err
	}
	life := got.Expires.Sub(began)
	if life <= lastUse {
		return vended{}, fmt.Errorf("assuming %s: STS answered with a session that has ended", s.role.ARN)
	}
	return vended{Credentials: got, refresh: got.Expires.Add(-min(refreshAhead, life/4))}, nil
}

func (s *Sessions) land(kept *session, f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept.flight = nil
	if s.flights[kept.identity]--; s.flights[kept.identity] == 0 {
		delete(s.flights, kept.identity)
	}
	if f.err != nil {
		kept.failed = failure{s.now(), f.err}
		kept.refresh = kept.failed.at.Add(tryAgain)
		s.last = kept.failed
		return
	}
	kept.vended, kept.failed = f.got, failure{}
}

// wantedFor is the session that a permit is worth.
func wantedFor(p *policy.Permit, legs []rights.Leg, now time.Time) (wanted, error) {
	text, err := SessionPolicy(legs)
	if err != nil {
		return wanted{}, err
	}
	life := Longest
	if until := p.Until(); !until.IsZero() {
		life = min(max(until.Sub(now).Truncate(time.Second), Shortest), Longest)
	}
	return wanted{name: sessionName(p.Grants(), p.Identity()), source: sourceIdentity(p.Identity()), policy: text, life: life}, nil
}

// sourceIdentity is an identity as STS takes one: names are of the same
// letters, and STS wants two at least.
func sourceIdentity(identity string) string {
	if len(identity) < 2 {
		return identity + "="
	}
	return identity
}

// sessionName names the grant a session is for, and how many more there are;
// without a grant, the identity. CloudTrail shows it behind the role's name.
func sessionName(grants []string, identity string) string {
	if len(grants) == 0 {
		return sourceIdentity(identity)
	}
	more := ""
	if n := len(grants) - 1; n > 0 {
		more = fmt.Sprintf("+%d", n)
	}
	name := grants[0]
	return sourceIdentity(name[:min(len(name), longestNameOfRole-len(more))] + more)
}

// drop forgets the sessions that match picks, those that are being made too.
func (s *Sessions) drop(match func(identity string, grants []string) bool) int {
	return s.forget(func(old *session) bool { return match(old.identity, slices.Clone(old.grants)) })
}

// doubt is for a change of rules that might have ended any right: a session
// that no permit names within a while is dropped. Dropping all at once would
// have every right in use ask STS in the same second.
func (s *Sessions) doubt() {
	s.mu.Lock()
	s.epoch++
	epoch := s.epoch
	s.mu.Unlock()
	time.AfterFunc(doubtful, func() { s.sweep(epoch) })
}

// sweep drops the sessions that no permit has named since an epoch began.
func (s *Sessions) sweep(epoch uint64) int {
	return s.forget(func(old *session) bool { return old.epoch < epoch })
}

func (s *Sessions) forget(match func(*session) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for e := s.recent.Front(); e != nil; {
		next := e.Next()
		if match(e.Value.(*session)) {
			s.remove(e)
			n++
		}
		e = next
	}
	return n
}

// standing is how many sessions are kept, and why the last one was not to be had.
func (s *Sessions) standing() (kept int, last failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for e := s.recent.Front(); e != nil; e = e.Next() {
		if e.Value.(*session).usable(now) {
			kept++
		}
	}
	return kept, s.last
}
