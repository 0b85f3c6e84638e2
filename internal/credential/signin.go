package credential

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// SignIn is that an operator has signed in. It is sealed in three forms, none of
// which is accepted as another: the sign-in itself, which a browser or the command
// line shows with each request; a link that signs in once; and a code that a
// client takes to its sign-in, once.
type SignIn struct {
	ID       string    // required, unique: what is used up where the form is for once
	Operator string    // required: the account
	Method   string    // how: link, or the issuer's URL
	Bound    string    // of a code: the challenge that its taker must answer (RFC 7636 S256)
	Maker    string    // of a link, and what comes of it: the account that made it for this one
	Epoch    uint32    // the operator's
	KeyEpoch uint32    // set by sealing
	Issued   time.Time // whole seconds
	Expires  time.Time // whole seconds; at most MaxSession after Issued
}

// Flow is a sign-in under way: what must come back from the provider, kept by
// the browser that began it, so that any replica can finish it.
type Flow struct {
	State    string // required: 256 random bits; used once
	Nonce    string // required: what the ID token must carry
	Verifier string // required: PKCE (RFC 7636)
	// Loopback is where a client on the operator's machine waits for a code,
	// Challenge what it will answer, and Echo its own state; all empty for browsers.
	Loopback, Challenge, Echo string
	Return                    string    // a path of this server
	Expires                   time.Time // whole seconds
}

// SealSignIn makes a sign-in token.
func (r *Ring) SealSignIn(s SignIn) (Bearer, error) { return r.sealSignIn(signInKind, s) }

// OpenSignIn reads a sign-in token. The error wraps ErrInvalid or ErrRevoked;
// whether the sign-in still counts is its caller's question.
func (r *Ring) OpenSignIn(token string) (SignIn, error) { return r.openSignIn(signInKind, token) }

// IsSignIn reports whether text has the form of a sign-in token.
func IsSignIn(text string) bool { return strings.HasPrefix(text, kinds[signInKind].prefix) }

// SealLink makes the token of a link that signs in once.
func (r *Ring) SealLink(s SignIn) (Bearer, error) { return r.sealSignIn(linkKind, s) }

// OpenLink reads a link's token, as OpenSignIn does.
func (r *Ring) OpenLink(token string) (SignIn, error) { return r.openSignIn(linkKind, token) }

// SealCode makes a code that a client takes to its sign-in, once.
func (r *Ring) SealCode(s SignIn) (Bearer, error) { return r.sealSignIn(codeKind, s) }

// OpenCode reads a code, as OpenSignIn does.
func (r *Ring) OpenCode(token string) (SignIn, error) { return r.openSignIn(codeKind, token) }

// A sign-in is encoded as
//
//	version, 1 byte | issued, 8 | expires, 8 | epoch, 4 | key epoch, 4 | id | operator | method | bound | maker
//
// and a flow as its version, key epoch, expiry and texts, in the manner of sessions.
const signInVersion = 1

func (r *Ring) sealSignIn(k kind, s SignIn) (Bearer, error) {
	s.KeyEpoch, s.Issued, s.Expires = r.epoch, wholeSeconds(s.Issued), wholeSeconds(s.Expires)
	if err := validSignIn(&s); err != nil {
		return Bearer{}, fmt.Errorf("sealing sign-in: %w", err)
	}
	b := []byte{signInVersion}
	b = binary.BigEndian.AppendUint64(b, unixSeconds(s.Issued))
	b = binary.BigEndian.AppendUint64(b, unixSeconds(s.Expires))
	b = binary.BigEndian.AppendUint32(b, s.Epoch)
	b = binary.BigEndian.AppendUint32(b, s.KeyEpoch)
	return r.sealTexts(k, b, s.texts(), s.Expires)
}

// sealTexts seals what plain holds and texts after it.
func (r *Ring) sealTexts(k kind, plain []byte, texts []*string, expires time.Time) (Bearer, error) {
	token := r.sealed(k, appendTexts(plain, texts))
	if len(token) > MaxToken {
		return Bearer{}, fmt.Errorf("sealing sign-in: the token would have %d characters, more than %d", len(token), MaxToken)
	}
	return Bearer{Token: newSecret(token), Expires: expires}, nil
}

func (r *Ring) openSignIn(k kind, token string) (SignIn, error) {
	plain, key, err := r.openToken(k, token)
	if err != nil {
		return SignIn{}, err
	}
	s, err := decodeSignIn(plain)
	switch {
	case err != nil:
		return SignIn{}, err
	case s.KeyEpoch < r.epoch:
		return SignIn{}, errEpoch
	case !key.retired.IsZero() && s.Issued.After(key.retired.Add(clockTolerance)):
		return SignIn{}, errRetired
	}
	return s, nil
}

func decodeSignIn(plain string) (SignIn, error) {
	f := reader{rest: plain}
	if f.byte() != signInVersion {
		return SignIn{}, errPayload
	}
	s := SignIn{Issued: f.time(), Expires: f.time(), Epoch: uint32(f.uint(4)), KeyEpoch: uint32(f.uint(4))}
	for _, text := range s.texts() {
		*text = f.take(int(f.uint(2)))
	}
	if f.short || f.rest != "" || validSignIn(&s) != nil {
		return SignIn{}, errPayload
	}
	return s, nil
}

func (s *SignIn) texts() []*string {
	return []*string{&s.ID, &s.Operator, &s.Method, &s.Bound, &s.Maker}
}

func validSignIn(s *SignIn) error {
	switch {
	case s.ID == "" || s.Operator == "":
		return errors.New("id and operator are required")
	case s.Issued.Unix() <= 0 || !s.Issued.Before(s.Expires):
		return errors.New("it must begin after 1970, and end after it begins")
	case s.Expires.Sub(s.Issued) > MaxSession:
		return fmt.Errorf("it is longer than %v", MaxSession)
	}
	return validTexts(s.texts())
}

// SealFlow makes the token of a sign-in under way.
func (r *Ring) SealFlow(f Flow) (Bearer, error) {
	f.Expires = wholeSeconds(f.Expires)
	if err := validFlow(&f); err != nil {
		return Bearer{}, fmt.Errorf("sealing flow: %w", err)
	}
	b := binary.BigEndian.AppendUint32([]byte{signInVersion}, r.epoch)
	b = binary.BigEndian.AppendUint64(b, unixSeconds(f.Expires))
	return r.sealTexts(flowKind, b, f.texts(), f.Expires)
}

// OpenFlow reads the token of a sign-in under way, as OpenSignIn does.
func (r *Ring) OpenFlow(token string) (Flow, error) {
	plain, _, err := r.openToken(flowKind, token)
	if err != nil {
		return Flow{}, err
	}
	fields := reader{rest: plain}
	if fields.byte() != signInVersion {
		return Flow{}, errPayload
	}
	epoch := uint32(fields.uint(4))
	f := Flow{Expires: fields.time()}
	for _, text := range f.texts() {
		*text = fields.take(int(fields.uint(2)))
	}
	switch {
	case fields.short || fields.rest != "" || validFlow(&f) != nil:
		return Flow{}, errPayload
	case epoch < r.epoch:
		return Flow{}, errEpoch
	}
	return f, nil
}

func (f *Flow) texts() []*string {
	return []*string{&f.State, &f.Nonce, &f.Verifier, &f.Loopback, &f.Challenge, &f.Echo, &f.Return}
}

func validFlow(f *Flow) error {
	if f.State == "" || f.Nonce == "" || f.Verifier == "" || f.Expires.Unix() <= 0 {
		return errors.New("state, nonce, verifier and expires are required")
	}
	return validTexts(f.texts())
}

func validTexts(texts []*string) error {
	for _, text := range texts {
		if len(*text) > maxText || !utf8.ValidString(*text) {
			return fmt.Errorf("a text is longer than %d bytes, or is not UTF-8", maxText)
		}
	}
	return nil
}

// appendTexts appends each text after its length.
func appendTexts(b []byte, texts []*string) []byte {
	for _, text := range texts {
		b = binary.BigEndian.AppendUint16(b, uint16(len(*text)))
		b = append(b, *text...)
	}
	return b
}
