package proof

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/identity"
)

const redacted = "[redacted]"

// Credentials are a sealed session in the three parts SDKs know, and the only
// secret this package hands out. They redact themselves wherever they are
// printed; the writers of this package read the fields.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expires         time.Time
}

func (c Credentials) String() string {
	return fmt.Sprintf("credentials %s %s", c.AccessKeyID, redacted)
}

// Format implements fmt.Formatter: no verb prints a secret.
func (c Credentials) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON implements json.Marshaler, without the secrets.
func (c Credentials) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// Form is what a session is sealed as.
type Form string

// The forms. The zero Form is FormSession.
const (
	FormSession   Form = "session"   // an access key with a session token, to sign with
	FormBearer    Form = "bearer"    // one token, to call with
	FormContainer Form = "container" // one token, to get sessions with
)

// Mint is what is recorded before a session's credentials exist.
type Mint struct {
	Session     identity.Session // Record and KeyEpoch are not known yet
	RoleARN     string           // as asked; empty when none was
	SessionName string           // the caller's word
	Audience    string           // the audience that the binding accepted; empty for others than tokens
	Form        Form
	From        *uint64 // the record of the container token that it was got with; nil: none was
	FromShard   string  // of that record's log
	Origin      identity.Origin
}

// Minted is a recorded, sealed session.
type Minted struct {
	Session     identity.Session
	Credentials Credentials
	RoleARN     string
	SessionName string
	Audience    string
	Repeated    bool // the session of an equal request less than a minute ago
}

// newSession starts a session. Times are whole seconds, the unit in which
// credentials and records carry them.
func newSession(id *identity.Identity, now time.Time, ttl time.Duration) identity.Session {
	issued := now.UTC().Truncate(time.Second)
	return identity.Session{
		ID:       rand.Text(),
		Identity: id.ID,
		Issued:   issued,
		Expires:  issued.Add(ttl),
		Epoch:    id.Epoch,
	}
}

// mint records, then seals: a token that nobody recorded never exists
// (security S10).
func (x *Exchange) mint(ctx context.Context, m Mint) (Minted, error) {
	index, err := x.cfg.Record(ctx, m)
	if err != nil {
		return Minted{}, refuse(NotRecorded, err)
	}
	m.Session.Record, m.Session.Shard = index, x.cfg.Shard
	c, err := x.cfg.Seal(m.Session)
	if err != nil {
		return Minted{}, refuse(NotSealed, err)
	}
	return Minted{Session: m.Session, Credentials: c, RoleARN: m.RoleARN, SessionName: m.SessionName, Audience: m.Audience}, nil
}

// once mints, unless an equal request did so less than a minute ago or is
// doing so now.
func (x *Exchange) once(ctx context.Context, key [32]byte, m Mint, now time.Time) (Minted, error) {
	if kept, ok := x.repeats.get(key, now); ok {
		return kept, nil
	}
	// A caller that hangs up must not take the others' session with it.
	ctx = context.WithoutCancel(ctx)
	leader := false
	v, err, _ := x.flight.Do(string(key[:]), func() (any, error) {
		leader = true
		if kept, ok := x.repeats.get(key, now); ok {
			return kept, nil
		}
		out, err := x.mint(ctx, m)
		if err == nil {
			x.repeats.put(key, out, now)
		}
		return out, err
	})
	out, _ := v.(Minted)
	out.Repeated = out.Repeated || (err == nil && !leader)
	return out, err
}

// LocalRequest asks for a session on behalf of an identity, by the right
// `impersonate` (security S17). That the operator has the right is the
// caller's to check.
type LocalRequest struct {
	Identity string
	Operator string          // who asks; becomes the session's subject
	TTL      time.Duration   // zero means the identity's maximum; more is refused
	Origin   identity.Origin // where the operator is; for the record
	Form     Form
	// Networks names where the credential may be used, Source an address from
	// which it may; both only narrow. A container token that is given neither
	// may be used where the identity may, else where the operator is.
	Networks []string
	Source   netip.Addr
}

// Local mints a session of kind local_admin. It goes no further than the
// identity's own: when each of its bindings is limited to networks, so is the
// session. A caller that wants another form of credential, such as a bearer
// token, seals the returned session, which is recorded. Every error is a
// *Refusal.
func (x *Exchange) Local(ctx context.Context, w World, req LocalRequest) (Minted, error) {
	if req.Operator == "" {
		return Minted{}, refuse(MalformedRequest, errors.New("operator is required"))
	}
	id, err := w.live(req.Identity)
	if err == nil {
		err = w.stopped(id, "", req.Origin)
	}
	if err != nil {
		return Minted{}, err
	}
	ttl, limit := req.TTL, id.SessionLimit()
	if req.Form == FormContainer {
		limit = min(limit, credential.MaxContainer)
	}
	if ttl == 0 {
		ttl = limit
	}
	if ttl < time.Second || ttl > limit {
		return Minted{}, refuse(TooLong, fmt.Errorf("a session of %v: identity %s allows 1s to %v", req.TTL, id.ID, limit))
	}
	nets, err := w.narrowed(id.ID, req)
	if err != nil {
		return Minted{}, err
	}
	s := newSession(id, x.cfg.Now(), ttl)
	s.Proof = identity.ProofLocalAdmin
	s.Subject = req.Operator
	s.Networks = nets
	return x.mint(ctx, Mint{Session: s, Form: req.Form, Origin: req.Origin})
}

// narrowed is where a local credential may be used: within what confines the
// identity, and within what the request names.
func (w World) narrowed(name string, req LocalRequest) ([]netip.Prefix, error) {
	confined, err := w.confines(name)
	if err != nil {
		return nil, err
	}
	var asked []netip.Prefix
	switch {
	case len(req.Networks) > 0 && req.Source.IsValid():
		return nil, refuse(MalformedRequest, errors.New("name networks or a source address, not both"))
	case len(req.Networks) > 0:
		asked, err = w.reach(req.Networks)
	case req.Source.IsValid():
		asked = single(req.Source)
	case len(confined) > 0 || req.Form != FormContainer:
		return confined, nil
	default:
		asked = single(req.Origin.Addr)
	}
	if err != nil {
		return nil, err
	}
	for _, p := range asked {
		if len(confined) > 0 && !slices.ContainsFunc(confined, func(c netip.Prefix) bool { return c.Bits() <= p.Bits() && c.Contains(p.Addr()) }) {
			return nil, refuse(OutsideNetwork, fmt.Errorf("%v is outside the networks that the bindings of %s are limited to", p, name))
		}
	}
	return asked, nil
}

// single is one address as a network; any loopback address stands for this
// machine, whose processes are not told apart by it.
func single(a netip.Addr) []netip.Prefix {
	if a.IsLoopback() {
		return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	if !a.IsValid() || a.Zone() != "" {
		return nil
	}
	a = a.Unmap()
	return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}
}

// confines returns the networks that an identity's bindings are limited to,
// or none if one of them, or the lack of any, leaves it unlimited.
func (w World) confines(name string) ([]netip.Prefix, error) {
	var names []string
	for _, b := range w.Bindings {
		if b.Identity != name {
			continue
		}
		if len(b.Networks) == 0 {
			return nil, nil
		}
		names = append(names, b.Networks...)
	}
	slices.Sort(names)
	return w.reach(slices.Compact(names))
}

// appendField adds one length-prefixed field, so that no two lists of fields
// have the same bytes.
func appendField(b []byte, field string) []byte {
	b = binary.AppendUvarint(b, uint64(len(field)))
	return append(b, field...)
}
