package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"golang.org/x/crypto/chacha20poly1305"
)

// kind tells the tokens apart.
type kind int

const (
	sessionKind kind = iota
	bearerKind
	containerKind
	signInKind
	linkKind
	flowKind
	codeKind
)

var kinds = [...]struct{ prefix, label string }{
	sessionKind: {"writs.v1.", "writ session token v1"},
	bearerKind:  {"writb.v1.", "writ bearer token v1"},

	containerKind: {"writc.v1.", "writ container token v1"},

	signInKind: {"writo.v1.", "writ operator sign-in v1"},
	linkKind:   {"writl.v1.", "writ sign-in link v1"},
	flowKind:   {"writf.v1.", "writ sign-in under way v1"},
	codeKind:   {"writx.v1.", "writ sign-in code v1"},
}

// deriveLabel separates secret access keys from whatever else a derive key may
// come to be used for.
const deriveLabel = "writ secret access key v1"

// tokenHead is the part of a token before the sealed part.
const tokenHead = 2 + chacha20poly1305.NonceSizeX

// encoding of tokens: one spelling for each.
var encoding = base64.RawURLEncoding.Strict()

// What can be wrong with a token. None says what the token held.
var (
	errMalformed  = fmt.Errorf("%w: malformed token", ErrInvalid)
	errKind       = fmt.Errorf("%w: not this kind of token", ErrInvalid)
	errUnknownKey = fmt.Errorf("%w: sealed with a key that is not in the ring", ErrInvalid)
	errForged     = fmt.Errorf("%w: altered or forged token", ErrInvalid)
	errOtherID    = fmt.Errorf("%w: the access key id belongs to another token", ErrInvalid)
	errRetired    = fmt.Errorf("%w: sealed with a key after its retirement", ErrInvalid)
	errEpoch      = fmt.Errorf("%w: all keys were replaced since", ErrRevoked)
)

// SealSession makes credentials for a client that signs. The session's times
// are cut to whole seconds and its KeyEpoch is set to the ring's. It fails only
// on a session that is not valid or does not fit into MaxToken.
func (r *Ring) SealSession(s identity.Session) (Issued, error) {
	id := newAccessKeyID()
	plain := binary.BigEndian.AppendUint16(nil, r.source.id)
	plain = append(plain, id...)
	token, expires, err := r.sealToken(sessionKind, plain, s)
	if err != nil {
		return Issued{}, err
	}
	return Issued{
		AccessKeyID: id, SecretKey: r.source.secretKey(token), SessionToken: newSecret(token), Expires: expires,
	}, nil
}

// SealBearer makes a bearer token, under the same terms as SealSession.
func (r *Ring) SealBearer(s identity.Session) (Bearer, error) {
	token, expires, err := r.sealToken(bearerKind, nil, s)
	if err != nil {
		return Bearer{}, err
	}
	return Bearer{Token: newSecret(token), Expires: expires}, nil
}

// sealToken seals a session behind what plain already holds.
func (r *Ring) sealToken(k kind, plain []byte, s identity.Session) (token string, expires time.Time, err error) {
	s.KeyEpoch, s.Issued, s.Expires = r.epoch, wholeSeconds(s.Issued), wholeSeconds(s.Expires)
	if err := validate(&s); err != nil {
		return "", expires, fmt.Errorf("sealing session: %w", err)
	}
	token = r.sealed(k, appendSession(plain, &s))
	if len(token) > MaxToken {
		return "", expires, fmt.Errorf("sealing session: the token would have %d characters, more than %d: name fewer networks", len(token), MaxToken)
	}
	return token, s.Expires, nil
}

// sealed is a token of a kind that holds plain.
func (r *Ring) sealed(k kind, plain []byte) string {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, tokenHead+len(plain)+chacha20poly1305.Overhead), r.sealer.id)
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	_, _ = rand.Read(nonce)
	b = append(b, nonce...)
	return kinds[k].prefix + encoding.EncodeToString(r.sealer.aead.Seal(b, nonce, plain, r.sealer.aad[k]))
}

// OpenSession reads the session out of a session token and returns the secret
// access key that belongs to it. accessKeyID must be the one it was issued
// with. The error wraps ErrInvalid or ErrRevoked. Whether the session still
// counts is Check's question.
func (r *Ring) OpenSession(accessKeyID, token string) (identity.Session, Secret, error) {
	if e, ok := r.opened.recall(accessKeyID, token); ok {
		return e.session, e.secret, nil
	}
	plain, key, err := r.openToken(sessionKind, token)
	if err != nil {
		return identity.Session{}, Secret{}, err
	}
	fields := reader{rest: plain}
	source := r.derive[uint16(fields.uint(2))]
	id := fields.take(accessKeyIDSize)
	s, err := r.session(key, fields.rest)
	switch {
	case err != nil:
		return identity.Session{}, Secret{}, err
	case !equal(id, accessKeyID):
		return identity.Session{}, Secret{}, errOtherID
	case source == nil:
		return identity.Session{}, Secret{}, errUnknownKey
	}
	secret := source.secretKey(token)
	r.opened.keep(&openedSession{accessKeyID: accessKeyID, token: newSecret(token), session: s, secret: secret})
	return s, secret, nil
}

// OpenBearer reads the session out of a bearer token, as OpenSession does.
func (r *Ring) OpenBearer(token string) (identity.Session, error) {
	plain, key, err := r.openToken(bearerKind, token)
	if err != nil {
		return identity.Session{}, err
	}
	return r.session(key, plain)
}

// openToken decrypts a token of the given kind.
func (r *Ring) openToken(k kind, token string) (plain string, key *sealKey, err error) {
	text, ok := strings.CutPrefix(token, kinds[k].prefix)
	switch {
	case !ok:
		return "", nil, errKind
	case len(token) > MaxToken || strings.ContainsAny(text, "\r\n"): // which base64 would skip
		return "", nil, errMalformed
	}
	raw, err := encoding.DecodeString(text)
	if err != nil || len(raw) < tokenHead+chacha20poly1305.Overhead {
		return "", nil, errMalformed // err would quote the token
	}
	if key = r.seal[binary.BigEndian.Uint16(raw)]; key == nil {
		return "", nil, errUnknownKey
	}
	sealed := raw[tokenHead:]
	opened, err := key.aead.Open(sealed[:0], raw[2:tokenHead], sealed, key.aad[k])
	if err != nil {
		return "", nil, errForged
	}
	return string(opened), key, nil
}

// session decodes a payload and checks it against the ring. A retired key is
// believed only about sessions from before: should it leak later, its holder
// has until MaxSession after the retirement.
func (r *Ring) session(key *sealKey, payload string) (identity.Session, error) {
	s, err := decodeSession(payload)
	switch {
	case err != nil:
		return identity.Session{}, err
	case s.KeyEpoch < r.epoch:
		return identity.Session{}, errEpoch
	case !key.retired.IsZero() && s.Issued.After(key.retired.Add(clockTolerance)):
		return identity.Session{}, errRetired
	}
	return s, nil
}

// secretKey derives the secret access key from the digest of the whole token.
func (d *deriveKey) secretKey(token string) Secret {
	digest := sha256.Sum256([]byte(token))
	b := append(make([]byte, 0, 64), deriveLabel...)
	b = append(b, digest[:]...)

	mac := d.macs.Get().(hash.Hash)
	mac.Reset()
	mac.Write(b)
	b = mac.Sum(b[:0])
	d.macs.Put(mac)
	return newSecret(base64.StdEncoding.EncodeToString(b[:30])) // 40 characters, as AWS's
}

const accessKeyIDSize = 20

// newAccessKeyID makes an id of the shape that AWS gives to session keys.
func newAccessKeyID() string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return "ASIA" + base32.StdEncoding.EncodeToString(b[:])
}
