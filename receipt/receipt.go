package receipt

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// Header is the HTTP header that carries a receipt to a system of record.
const Header = "Writ-Receipt"

// Type is the typ of a receipt's header.
const Type = "writ-receipt+jwt"

// Bounds of a receipt.
const (
	MaxToken = 8 << 10          // bytes
	MaxLife  = 24 * time.Hour   // from iat to exp
	Skew     = 30 * time.Second // by which the clocks of signer and verifier may differ
)

// What can be wrong with a receipt. Errors never quote it or the arguments.
var (
	ErrMalformed = errors.New("not a receipt")
	ErrKey       = errors.New("the receipt is signed by a key that is not among the given ones")
	ErrSignature = errors.New("the receipt's signature is wrong")
	ErrIssuer    = errors.New("the receipt is another installation's")
	ErrAudience  = errors.New("the receipt is for another system")
	ErrIdentity  = errors.New("the receipt is another identity's")
	ErrTool      = errors.New("the receipt is for another tool")
	ErrArguments = errors.New("the receipt is for other arguments")
	ErrEarly     = errors.New("the receipt is from the future: compare the clocks")
	ErrExpired   = errors.New("the receipt has expired")
	ErrUsed      = errors.New("the receipt was used before")
	ErrNonces    = errors.New("whether the receipt was used before cannot be told")
)

// Claims are what a receipt says. All are required but Audience and Edited.
type Claims struct {
	Issuer    string   `json:"iss"`             // the installation: the origin of its first log
	Audience  string   `json:"aud,omitzero"`    // the system of record, if it is for one only
	Identity  string   `json:"sub"`             // who asked for the call
	ID        string   `json:"jti"`             // the nonce: 22 to 128 characters of the base64url alphabet, at least 128 bits
	IssuedAt  int64    `json:"iat"`             // when the call was released, Unix seconds
	Expires   int64    `json:"exp"`             // Unix seconds; at most MaxLife after IssuedAt
	Tool      string   `json:"tool"`            // exactly as the model named it
	Arguments string   `json:"args_sha256"`     // Digest of the arguments that were released
	Hold      string   `json:"hold"`            // the hold that they waited in
	Call      string   `json:"call"`            // the tool call's id in the model's answer
	Approvers []string `json:"approvers"`       // who released it
	LogOrigin string   `json:"log_origin"`      // the audit log with the record of the release
	LogIndex  uint64   `json:"log_index"`       // and that record's place in it
	Edited    bool     `json:"edited,omitzero"` // whether a human changed the arguments
}

// Validate reports what a receipt with these claims would lack.
func (c Claims) Validate() error {
	for _, f := range []struct{ name, text string }{
		{"iss", c.Issuer}, {"sub", c.Identity}, {"tool", c.Tool}, {"hold", c.Hold}, {"call", c.Call}, {"log_origin", c.LogOrigin},
	} {
		if f.text == "" || !utf8.ValidString(f.text) {
			return fmt.Errorf("%s: want text", f.name)
		}
	}
	sum, err := hex.DecodeString(c.Arguments)
	switch life := c.Expires - c.IssuedAt; {
	case len(c.ID) < 22 || len(c.ID) > 128 || strings.Trim(c.ID, alphabet) != "":
		return errors.New("jti: want 22 to 128 characters of the base64url alphabet")
	case c.IssuedAt <= 0 || life <= 0 || life > int64(MaxLife/time.Second):
		return fmt.Errorf("exp: want at most %v after iat", MaxLife)
	case err != nil || len(sum) != 32 || c.Arguments != strings.ToLower(c.Arguments):
		return errors.New("args_sha256: want 64 lower-case hex digits")
	case len(c.Approvers) == 0:
		return errors.New("approvers: want at least one")
	}
	return nil
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// header is the JOSE header.
type header struct {
	Alg string `json:"alg"`
	Kid string `json:"kid"`
	Typ string `json:"typ"`
}

// Sign makes a receipt. The same claims, key and kid give the same token.
func Sign(private ed25519.PrivateKey, kid string, c Claims) (string, error) {
	if len(private) != ed25519.PrivateKeySize || kid == "" {
		return "", errors.New("signing a receipt: want an Ed25519 key and its id")
	}
	if err := c.Validate(); err != nil {
		return "", fmt.Errorf("signing a receipt: %w", err)
	}
	head, err := json.Marshal(header{"EdDSA", kid, Type}, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("signing a receipt: %w", err)
	}
	body, err := json.Marshal(c, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("signing a receipt: %w", err)
	}
	input := encode(head) + "." + encode(body)
	token := input + "." + encode(ed25519.Sign(private, []byte(input)))
	if len(token) > MaxToken {
		return "", fmt.Errorf("signing a receipt: it would be longer than %d bytes", MaxToken)
	}
	return token, nil
}

// Expect is what a verifier is about to do, and for whom. Issuer and Tool are
// required: a receipt that is not for them is refused.
type Expect struct {
	Issuer    string    // the installation whose word counts
	Audience  string    // this system's name; a receipt that names none counts everywhere
	Identity  string    // whom the caller was authenticated as; empty: anybody
	Tool      string    // what is about to be done
	Arguments []byte    // with what: JSON, as it will be carried out
	Now       time.Time // required
}

// Nonces remembers which receipts were used; the verifier supplies it, for only
// it knows what it has done. Use must be atomic, and durable when it returns:
// of any number of calls with one id one returns nil, all others ErrUsed. After
// until the id may be forgotten. Any other error refuses the receipt.
type Nonces interface {
	Use(ctx context.Context, id string, until time.Time) error
}

// Verify checks a receipt against what is about to be done and uses it up, in
// that order: a receipt that is refused for anything else can be used later.
func Verify(ctx context.Context, token string, keys Keys, want Expect, nonces Nonces) (Claims, error) {
	c, err := Check(token, keys, want)
	if err != nil {
		return Claims{}, err
	}
	if nonces == nil {
		return Claims{}, ErrNonces
	}
	err = nonces.Use(ctx, c.ID, time.Unix(c.Expires, 0).Add(Skew))
	switch {
	case errors.Is(err, ErrUsed):
		return Claims{}, ErrUsed
	case err != nil:
		return Claims{}, fmt.Errorf("%w: %w", ErrNonces, err)
	}
	return c, nil
}

// Check is Verify without the last step: it does not tell whether the receipt
// was used before, and leaves it unused. Never write on the strength of it.
func Check(token string, keys Keys, want Expect) (Claims, error) {
	c, err := open(token, keys)
	if err != nil {
		return Claims{}, err
	}
	if err := c.meet(want); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// open returns the claims of a token that one of the keys has signed.
func open(token string, keys Keys) (c Claims, err error) {
	if len(token) > MaxToken || strings.Count(token, ".") != 2 {
		return c, ErrMalformed
	}
	last := strings.LastIndexByte(token, '.')
	head, body, _ := strings.Cut(token[:last], ".")
	var h header
	if err := decode(head, &h, json.RejectUnknownMembers(true)); err != nil {
		return c, err
	}
	if h.Alg != "EdDSA" || h.Typ != Type || h.Kid == "" {
		return c, ErrMalformed
	}
	key, err := keys.find(h.Kid)
	if err != nil {
		return c, err
	}
	signature, err := decodePart(token[last+1:])
	if err != nil {
		return c, err
	}
	if !ed25519.Verify(key, []byte(token[:last]), signature) {
		return c, ErrSignature
	}
	if err := decode(body, &c); err != nil {
		return c, err
	}
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if keys.Issuer != "" && keys.Issuer != c.Issuer {
		return c, ErrIssuer // an installation's keys speak for that installation
	}
	return c, nil
}

// meet compares the claims with what is about to be done.
func (c Claims) meet(want Expect) error {
	switch {
	case c.Issuer != want.Issuer:
		return ErrIssuer
	case c.Audience != "" && c.Audience != want.Audience:
		return ErrAudience
	case want.Identity != "" && c.Identity != want.Identity:
		return ErrIdentity
	case c.Tool != want.Tool:
		return ErrTool
	case want.Now.Add(Skew).Before(time.Unix(c.IssuedAt, 0)):
		return ErrEarly
	case !want.Now.Before(time.Unix(c.Expires, 0).Add(Skew)):
		return ErrExpired
	}
	digest, err := Digest(want.Arguments)
	if err != nil {
		return err
	}
	if digest != c.Arguments {
		return ErrArguments
	}
	return nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decodePart takes the one encoding of a part: the decoder of the library passes
// over line breaks and stray bits.
func decodePart(part string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || encode(b) != part {
		return nil, ErrMalformed
	}
	return b, nil
}

// decode reads a part that is one JSON object. The decoder refuses names that
// occur twice and text that is not UTF-8, and takes names by their exact case.
func decode(part string, v any, opts ...json.Options) error {
	b, err := decodePart(part)
	if err != nil {
		return err
	}
	if json.Unmarshal(b, v, opts...) != nil {
		return ErrMalformed // the library's error would quote the part
	}
	return nil
}

// NewID makes the nonce of one released call. It follows from the record of the
// release, so a release has one nonce however often its receipt is made.
func NewID(issuer, hold string, call int, logOrigin string, logIndex uint64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "writ receipt id v1\n%q\n%q\n%d\n%q\n%d\n", issuer, hold, call, logOrigin, logIndex))
	return encode(sum[:24])
}
