// Package proof exchanges proofs made outside for sessions of our own: an OIDC
// token, a client certificate with a SPIFFE ID or a container token goes in at
// the STS or the container-credentials endpoint, short-lived credentials come
// out.
//
// It trusts the configured issuers and nothing in a proof until its signature
// is verified: the issuer a token names is only looked up, and only a
// configured one is ever contacted (security S12); a certificate is held against
// the bundle of the trust domain that it names, and no other. It promises that a session
// belongs to exactly one identity, through exactly one binding (S11), that it
// lasts no longer than identity and binding allow, that it is recorded before
// its credentials leave (S10), and that a refusal tells its caller nothing
// about the configuration (S20).
//
// A session may outlive the token it was exchanged for, as at AWS: the token
// proves who asks now, the binding's cap says for how long the answer counts.
// Whatever happens to the identity meanwhile is checked at every use.
package proof

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/identity"
)

// Config is what an Exchange needs. Durations and counts that are zero mean
// the stated default.
type Config struct {
	// Record makes a mint durable in the audit log and returns its index.
	// Required. It is called before Seal, and its failure means no session.
	Record func(context.Context, Mint) (index uint64, err error)
	// Shard is of the log that Record writes, as sessions carry it; empty: the
	// installation's first.
	Shard string
	// Seal turns a session into credentials. Required. It fills in the key
	// epoch and changes nothing else.
	Seal func(identity.Session) (Credentials, error)
	// Ring opens container tokens. Optional: without it none is accepted.
	Ring func() *credential.Ring
	// Log is told of trust bundles that were replaced, or cannot be read.
	// Optional: nobody is told.
	Log *slog.Logger
	// Now is the clock. Optional: time.Now.
	Now func() time.Time
	// PerSource limits proofs from one address (one /64 for IPv6): so many at
	// once, refilled at so many a minute. Default 600.
	PerSource int
	// Total limits signature verifications from all sources together, in the
	// same way. Default 6000.
	Total int
	// StaleKeys is how long after their last good fetch an issuer's keys are
	// believed while the issuer cannot be reached. Default one hour.
	StaleKeys time.Duration
	// FetchTimeout bounds one fetch of an issuer's keys, discovery included.
	// Default five seconds.
	FetchTimeout time.Duration
	// ProofLifetime is the longest time from iat to exp that a token may
	// claim. Default 24 hours.
	ProofLifetime time.Duration
}

const (
	defaultPerSource     = 600
	defaultTotal         = 6000
	defaultStaleKeys     = time.Hour
	defaultFetchTimeout  = 5 * time.Second
	defaultProofLifetime = 24 * time.Hour
)

func (c *Config) fill() error {
	if c.Record == nil || c.Seal == nil {
		return errors.New("proof: Record and Seal are required")
	}
	if c.PerSource < 0 || c.Total < 0 || c.StaleKeys < 0 || c.FetchTimeout < 0 || c.ProofLifetime < 0 {
		return errors.New("proof: a negative limit")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.PerSource = orDefault(c.PerSource, defaultPerSource)
	c.Total = orDefault(c.Total, defaultTotal)
	c.StaleKeys = orDefault(c.StaleKeys, defaultStaleKeys)
	c.FetchTimeout = orDefault(c.FetchTimeout, defaultFetchTimeout)
	c.ProofLifetime = orDefault(c.ProofLifetime, defaultProofLifetime)
	return nil
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// World is the part of a snapshot that an exchange decides on. Everything in
// it has passed its Validate.
type World struct {
	Issuers  map[string]identity.Issuer // by resource name
	Bindings []identity.Binding
	Identity func(id string) (*identity.Identity, bool)
	Networks *identity.Networks
	// Stopped names the quarantine that keeps an identity from proving itself from
	// an origin, or presenting a session (empty: none yet); "" where there is
	// none. Nil: nothing is quarantined.
	Stopped func(i *identity.Identity, session string, from identity.Origin) string
}

// Exchange turns proofs into sessions. It is safe for concurrent use.
type Exchange struct {
	cfg      Config
	keys     *keyrings
	bundles  *bundles
	budget   *budget
	repeats  *repeats
	regulars *regulars
	flight   singleflight.Group // mints in progress, by fingerprint
}

// New returns an Exchange, or an error when the configuration cannot work.
func New(cfg Config) (*Exchange, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	return &Exchange{
		cfg:      cfg,
		keys:     newKeyrings(cfg.Now, cfg.StaleKeys, cfg.FetchTimeout),
		bundles:  newBundles(cfg.Now, cfg.Log),
		budget:   newBudget(cfg.PerSource, cfg.Total),
		repeats:  newRepeats(),
		regulars: newRegulars(),
	}, nil
}

// WebIdentityRequest asks for a session in exchange for an OIDC token.
type WebIdentityRequest struct {
	Token Token
	// RoleARN selects the identity whose name is its last path segment; its
	// account and path confer nothing. Empty selects whichever single identity
	// the proof satisfies.
	RoleARN     string
	Identity    string          // selects the identity in RoleARN's place; empty likewise
	SessionName string          // the caller's word, recorded as such
	Duration    time.Duration   // zero means AWS's default of one hour
	Form        Form            // of the credential wanted, for the record
	Origin      identity.Origin // where the request came from
}

// DefaultDuration is how long a session lasts when the caller does not say.
const DefaultDuration = time.Hour

// WebIdentity verifies a token, finds the one identity it proves, and mints a
// session for it. Every error is a *Refusal.
//
// The same request from the same origin within a minute is answered with the
// same session and no second record (security S11). The proof is verified and
// bound again all the same: the memory saves a flush, never a check.
func (x *Exchange) WebIdentity(ctx context.Context, w World, req WebIdentityRequest) (Minted, error) {
	now := x.cfg.Now()
	if !x.budget.source(req.Origin, now) && !x.regulars.may(req, now) {
		return Minted{}, refuse(Throttled, errors.New("too many proofs from this source"))
	}
	p, err := x.verify(ctx, w, req.Token, now)
	if err != nil {
		return Minted{}, err
	}
	return x.exchange(ctx, w, p, req, now)
}

// exchange mints a session for the one identity that a verified proof proves.
func (x *Exchange) exchange(ctx context.Context, w World, p verified, req WebIdentityRequest, now time.Time) (Minted, error) {
	b, err := w.bind(p, req)
	if err != nil {
		return Minted{}, err
	}
	x.regulars.note(req, p.claims, now)
	if err := w.stopped(b.identity, "", req.Origin); err != nil {
		return Minted{}, err
	}
	m := Mint{
		Session:     x.session(p, b, req, now),
		RoleARN:     req.RoleARN,
		SessionName: req.SessionName,
		Audience:    b.binding.Audience,
		Form:        req.Form,
		Origin:      req.Origin,
	}
	if !m.Session.Issued.Before(m.Session.Expires) {
		return Minted{}, refuse(ProofExpired, errors.New("less than a second of the certificate is left"))
	}
	return x.repeat(ctx, w, fingerprint(req, m), m, now)
}

// repeat is once, and never hands out again a session that is quarantined.
func (x *Exchange) repeat(ctx context.Context, w World, key [32]byte, m Mint, now time.Time) (Minted, error) {
	minted, err := x.once(ctx, key, m, now)
	if err != nil {
		return Minted{}, err
	}
	if id, _ := w.Identity(minted.Session.Identity); id != nil {
		if err := w.stopped(id, minted.Session.ID, m.Origin); err != nil {
			return Minted{}, err
		}
	}
	return minted, nil
}

// stopped refuses what is quarantined.
func (w World) stopped(i *identity.Identity, session string, from identity.Origin) error {
	if w.Stopped == nil {
		return nil
	}
	if q := w.Stopped(i, session, from); q != "" {
		return refuse(Quarantined, fmt.Errorf("quarantine %s stops identity %s from here", q, i.ID))
	}
	return nil
}

// session is what a bound proof entitles to, before it is recorded. It does not
// outlive a certificate.
func (x *Exchange) session(p verified, b bound, req WebIdentityRequest, now time.Time) identity.Session {
	s := newSession(b.identity, now, b.limit(req.Duration))
	if p.kind == identity.ProofSPIFFE && p.claims.expires.Before(s.Expires) {
		s.Expires = p.claims.expires.UTC().Truncate(time.Second)
	}
	s.Binding = b.binding.ID
	s.Proof = p.kind
	s.Issuer = p.claims.issuer
	s.Subject = p.claims.subject
	s.ProofID = proofID(req.Token)
	s.Networks = b.networks
	return s
}

// bound is a verified proof's one identity, and how it got there.
type bound struct {
	binding  *identity.Binding
	identity *identity.Identity
	networks []netip.Prefix
}

// limit is the session's length: what was asked, clamped. Asking for more is
// no error, because SDKs cannot ask for less than 900 s; the answer's
// Expiration tells.
func (b bound) limit(asked time.Duration) time.Duration {
	if asked == 0 {
		asked = DefaultDuration
	}
	d := min(asked, b.identity.SessionLimit())
	if c := time.Duration(b.binding.MaxSession); c > 0 {
		d = min(d, c)
	}
	return d
}

// proofID identifies a proof in records without giving it away.
func proofID(t Token) string {
	sum := sha256.Sum256([]byte(t))
	return hex.EncodeToString(sum[:16])
}

// bind finds the one binding that a verified proof satisfies and checks that
// its identity may have a session from here.
func (w World) bind(p verified, req WebIdentityRequest) (bound, error) {
	if req.Duration < 0 {
		return bound{}, refuse(MalformedRequest, fmt.Errorf("duration %v is negative", req.Duration))
	}
	name := req.Identity
	if req.RoleARN != "" {
		role, err := ParseRole(req.RoleARN)
		if err != nil {
			return bound{}, refuse(RoleUnknown, err)
		}
		name = role.Name
	}
	b, err := w.choose(p, name)
	if err != nil {
		return bound{}, err
	}
	id, err := w.live(b.Identity)
	if err != nil {
		return bound{}, err
	}
	nets, err := w.reach(b.Networks)
	if err != nil {
		return bound{}, err
	}
	if len(b.Networks) > 0 && !(req.Origin.Addr.IsValid() && identity.Within(nets, req.Origin.Addr)) {
		return bound{}, refuse(OutsideNetwork, fmt.Errorf("binding %s: %v is not in %v", b.ID, req.Origin.Addr, b.Networks))
	}
	return bound{binding: b, identity: id, networks: nets}, nil
}

// choose finds the one binding satisfied by the proof, among those of the
// identity asked for, if any is. Two bindings of one identity are two answers: which
// caps and networks would count is not for us to guess.
func (w World) choose(p verified, name string) (*identity.Binding, error) {
	var found []*identity.Binding
	var awsOnly string
	for i := range w.Bindings {
		b := &w.Bindings[i]
		if name != "" && b.Identity != name || !p.satisfies(b) {
			continue
		}
		if p.claims.forAWS() && !b.AllowAWSAudience {
			awsOnly = b.ID
			continue
		}
		found = append(found, b)
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, refuse(BindingAmbiguous, fmt.Errorf("bindings %s and %s are both satisfied", found[0].ID, found[1].ID))
	case awsOnly != "":
		return nil, refuse(AWSAudience, fmt.Errorf("binding %s does not accept tokens that also work at AWS", awsOnly))
	}
	return nil, refuse(NoBinding, fmt.Errorf("no binding for issuer %s, subject %q and these claims", p.issuer.ID, p.claims.subject))
}

// live finds an identity that may hold sessions.
func (w World) live(name string) (*identity.Identity, error) {
	id, ok := w.Identity(name)
	if !ok {
		return nil, refuse(IdentityUnknown, fmt.Errorf("identity %s does not exist", name))
	}
	if id.Current().Halted() {
		return nil, refuse(IdentityHalted, fmt.Errorf("identity %s is %s", name, id.Current()))
	}
	return id, nil
}

// reach resolves network names. Names that resolve to no range are refused: an
// empty list in a session would mean anywhere.
func (w World) reach(names []string) ([]netip.Prefix, error) {
	if len(names) == 0 {
		return nil, nil
	}
	if w.Networks == nil {
		return nil, refuse(OutsideNetwork, errors.New("no networks are known"))
	}
	nets, err := w.Networks.Prefixes(names)
	if err == nil && len(nets) == 0 {
		err = fmt.Errorf("networks %v hold no address", names)
	}
	if err != nil {
		return nil, refuse(OutsideNetwork, err)
	}
	return nets, nil
}
