// Package credential is our session formats: how a session becomes AWS-shaped
// credentials or a bearer token, and how it is read back without a database.
//
// A session is sealed with XChaCha20-Poly1305 under a random nonce:
//
//	writs.v1.BASE64URL( seal key id, 2 bytes | nonce, 24 | sealed( derive key id, 2 | access key id, 20 | session ) )
//	writb.v1.BASE64URL( seal key id, 2 bytes | nonce, 24 | sealed( session ) )
//	writc.v1.BASE64URL( seal key id, 2 bytes | nonce, 24 | sealed( session ) )
//
// writs is the session token that goes with an access key id and a secret
// access key, for clients that sign; writb is a bearer token; writc is a
// container token, which only gets sessions and invokes nothing. The associated
// data names the kind, so that none is accepted as another, whatever prefix it
// is given (security S10). The tokens by which operators sign in are sealed by
// the same keys, as kinds of their own: writo, writl, writf and writx.
//
// The secret access key is not in the token: it is the HMAC of the whole
// token's digest under a key of another purpose, so that reading a token does
// not let one sign.
//
// Opening proves that this ring's keys sealed the session and that it is of the
// current key epoch. It says nothing about now: Ring.Check does, at every use.
//
// Keys are made here, and leave only wrapped by a key-encryption key, which
// comes from a file. Apart from that file and randomness the package does no
// I/O and reads no clock. No error holds a byte of what was presented.
package credential

import (
	"errors"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

// MaxSession is the longest session that is sealed or opened.
const MaxSession = 12 * time.Hour

// MaxToken is the longest token, in characters: with the other headers it fits
// where proxies limit a header to 4 KiB, or all of them to 8.
const MaxToken = 1499

// Reasons for which a credential is refused. ErrInvalid covers everything that
// is wrong with the token itself.
var (
	ErrInvalid = errors.New("credential is not valid")
	ErrExpired = errors.New("session has expired")
	ErrRevoked = errors.New("session has been revoked")
	ErrHalted  = errors.New("identity is halted")
	ErrNetwork = errors.New("session may not be used from this network")
)

// Issued is what a client that signs its requests is given.
type Issued struct {
	AccessKeyID  string    // ASIA and 16 base32 characters
	SecretKey    Secret    // the secret access key, 40 characters
	SessionToken Secret    // at most MaxToken characters
	Expires      time.Time // whole seconds, UTC
}

// Bearer is what a client that does not sign is given.
type Bearer struct {
	Token   Secret    // at most MaxToken characters
	Expires time.Time // whole seconds, UTC
}

// clockTolerance is how far ahead another replica's clock may run.
const clockTolerance = time.Minute

// Check reports whether an opened session still counts: it has not expired,
// neither key ring nor identity has moved to a later epoch, the identity is
// not halted, and the request comes from where the session may be used. id is
// the session's identity as it is now, nil if it is gone. The error wraps one
// of the sentinels.
func (r *Ring) Check(s *identity.Session, id *identity.Identity, from identity.Origin, now time.Time) error {
	switch {
	case !now.Before(s.Expires):
		return ErrExpired
	case s.Issued.After(now.Add(clockTolerance)):
		return fmt.Errorf("%w: it begins in the future", ErrExpired)
	case s.KeyEpoch < r.epoch:
		return errEpoch
	case id == nil || id.ID != s.Identity:
		return fmt.Errorf("%w: it does not exist", ErrHalted)
	case s.Epoch < id.Epoch:
		return ErrRevoked
	case id.Current().Halted():
		return fmt.Errorf("%w: it is %s", ErrHalted, id.Current())
	case len(s.Networks) > 0 && !(from.Addr.IsValid() && identity.Within(s.Networks, from.Addr)):
		return ErrNetwork
	}
	return nil
}
