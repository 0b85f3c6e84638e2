package receipt

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrKeys is wrapped by every error about a set of keys.
var ErrKeys = errors.New("not a set of receipt keys")

// maxKeys bounds a set, in bytes.
const maxKeys = 1 << 20

// Keys are the public keys that one installation's receipts are signed by.
type Keys struct {
	Issuer string // the installation; empty where the set does not say
	Keys   []Key  // no two with one ID
}

// Key is a public key and the name that receipts know it by.
type Key struct {
	ID     string // kid
	Public ed25519.PublicKey
}

// NewKey names a key by its thumbprint (RFC 7638, and RFC 8037, section 2).
func NewKey(public ed25519.PublicKey) Key {
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + encode(public) + `"}`))
	return Key{ID: encode(sum[:]), Public: public}
}

// find returns the one key of a name.
func (k Keys) find(id string) (ed25519.PublicKey, error) {
	named := func(key Key) bool { return key.ID == id }
	i := slices.IndexFunc(k.Keys, named)
	if i < 0 {
		return nil, ErrKey
	}
	if slices.ContainsFunc(k.Keys[i+1:], named) || len(k.Keys[i].Public) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: two keys have one id, or one is no Ed25519 key", ErrKeys)
	}
	return k.Keys[i].Public, nil
}

// set and jwk are the form of RFC 7517.
type set struct {
	Issuer string           `json:"issuer,omitzero"`
	Keys   []jsontext.Value `json:"keys"`
}

type jwk struct {
	Kty string         `json:"kty"`
	Crv string         `json:"crv,omitzero"`
	Kid string         `json:"kid"`
	Use string         `json:"use,omitzero"`
	Alg string         `json:"alg,omitzero"`
	X   string         `json:"x"`
	D   jsontext.Value `json:"d,omitzero"`
}

// ParseKeys reads a JWK Set. Keys of other kinds are passed over, as RFC 7517,
// section 5 asks; a set with two keys of one id, with a private key, or with no
// key that signs receipts is refused.
func ParseKeys(jwks []byte) (Keys, error) {
	var s set
	if len(jwks) > maxKeys || json.Unmarshal(jwks, &s) != nil {
		return Keys{}, fmt.Errorf("%w: want a JWK Set of at most %d bytes", ErrKeys, maxKeys)
	}
	out := Keys{Issuer: s.Issuer}
	seen := make(map[string]bool)
	for i, raw := range s.Keys {
		var j jwk
		if err := json.Unmarshal(raw, &j); err != nil {
			return Keys{}, fmt.Errorf("%w: key %d is no JWK", ErrKeys, i)
		}
		switch {
		case j.D != nil:
			return Keys{}, fmt.Errorf("%w: key %d is a private key, which nobody but the signer may have", ErrKeys, i)
		case seen[j.Kid] && j.Kid != "":
			return Keys{}, fmt.Errorf("%w: two keys have one id", ErrKeys)
		}
		seen[j.Kid] = true
		if !j.forReceipts() {
			continue
		}
		key, err := j.key()
		if err != nil {
			return Keys{}, fmt.Errorf("%w: key %d: %w", ErrKeys, i, err)
		}
		out.Keys = append(out.Keys, key)
	}
	if len(out.Keys) == 0 {
		return Keys{}, fmt.Errorf("%w: it holds no Ed25519 key for signatures", ErrKeys)
	}
	return out, nil
}

func (j jwk) forReceipts() bool {
	return j.Kty == "OKP" && j.Crv == "Ed25519" && (j.Use == "" || j.Use == "sig") && (j.Alg == "" || j.Alg == "EdDSA")
}

func (j jwk) key() (Key, error) {
	x, err := decodePart(j.X)
	switch {
	case j.Kid == "":
		return Key{}, errors.New("it has no id")
	case err != nil || len(x) != ed25519.PublicKeySize:
		return Key{}, fmt.Errorf("x: want %d bytes in base64url", ed25519.PublicKeySize)
	}
	return Key{ID: j.Kid, Public: x}, nil
}

// JWKS returns the keys as a JWK Set, the form that ParseKeys reads.
func (k Keys) JWKS() []byte {
	s := set{Issuer: k.Issuer, Keys: []jsontext.Value{}}
	for _, key := range k.Keys {
		raw, _ := json.Marshal(jwk{Kty: "OKP", Crv: "Ed25519", Kid: key.ID, Use: "sig", Alg: "EdDSA", X: encode(key.Public)}, jsontext.AllowInvalidUTF8(true))
		s.Keys = append(s.Keys, raw)
	}
	out, _ := json.Marshal(s, jsontext.AllowInvalidUTF8(true))
	return append(out, '\n')
}
