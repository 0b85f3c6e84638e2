package proof

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Token is a proof as presented: a JWT in compact form (RFC 7519). Whoever
// holds it can use it, so it redacts itself wherever it is printed.
type Token string

// maxToken is STS's own limit, in characters.
const maxToken = 20000

func (Token) String() string { return redacted }

// Format implements fmt.Formatter: no verb prints the token.
func (Token) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue implements slog.LogValuer.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON implements json.Marshaler, without the token.
func (Token) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// unverified is a token that has been read and not yet believed.
type unverified struct {
	algorithm string
	keyID     string
	claims    claims
}

// readToken reads a token's header and claims, strictly, without believing
// them. Errors name what is wrong and never quote the token.
func readToken(t Token) (unverified, error) {
	var u unverified
	if len(t) > maxToken {
		return u, fmt.Errorf("token of %d characters: want at most %d", len(t), maxToken)
	}
	parts := strings.Split(string(t), ".")
	if len(parts) != 3 {
		return u, fmt.Errorf("token of %d parts: want 3", len(parts))
	}
	header, err := decodePart(parts[0])
	if err != nil {
		return u, fmt.Errorf("reading header: %w", err)
	}
	if err := u.readHeader(header); err != nil {
		return u, fmt.Errorf("reading header: %w", err)
	}
	payload, err := decodePart(parts[1])
	if err != nil {
		return u, fmt.Errorf("reading claims: %w", err)
	}
	if u.claims, err = readClaims(payload); err != nil {
		return u, fmt.Errorf("reading claims: %w", err)
	}
	if _, err := decodePart(parts[2]); err != nil {
		return u, fmt.Errorf("reading signature: %w", err)
	}
	return u, nil
}

// decodePart decodes unpadded base64url (RFC 7515 §2) in its one canonical
// form; the standard decoder alone would skip line breaks.
func decodePart(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("line break in base64url")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errors.New("not base64url")
	}
	return b, nil
}

// tokenTypes are the media types of a JWT that may be a proof, lower case: a
// plain token, SPIFFE's spelling, and an access token (RFC 9068). Logout and
// DPoP tokens are signed with the same keys and prove something else.
var tokenTypes = []string{"jwt", "jose", "at+jwt"}

// readHeader reads a JWS header. Only parameters that cannot change how the
// token is verified are known: a key, or the place of one, inside the token
// (jwk, jku, x5u, x5c) and extensions (crit, b64) are refused.
func (u *unverified) readHeader(b []byte) error {
	err := readObject(b, func(dec *jsontext.Decoder, name string) error {
		value, err := readText(dec, name)
		if err != nil {
			return err
		}
		switch name {
		case "alg":
			u.algorithm = value
		case "kid":
			u.keyID = value
		case "typ":
			if !slices.Contains(tokenTypes, strings.ToLower(value)) {
				return fmt.Errorf("typ %q is not accepted", value)
			}
		case "x5t", "x5t#S256": // a key's thumbprint: a name, like kid, that we do not need
		default:
			return fmt.Errorf("parameter %q is not accepted", name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if u.algorithm == "" || u.keyID == "" {
		return errors.New("alg and kid are required")
	}
	return nil
}

// readObject reads one JSON object and nothing after it, calling member with
// the decoder before each value. Duplicate names and invalid UTF-8 are errors.
func readObject(b []byte, member func(dec *jsontext.Decoder, name string) error) error {
	dec := jsontext.NewDecoder(bytes.NewReader(b))
	if dec.PeekKind() != '{' {
		return errors.New("not a JSON object")
	}
	if err := readMembers(dec, member); err != nil {
		return err
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return errors.New("data after the JSON object")
	}
	return nil
}

// readMembers reads an object from its opening brace through its closing one.
func readMembers(dec *jsontext.Decoder, member func(dec *jsontext.Decoder, name string) error) error {
	if _, err := dec.ReadToken(); err != nil {
		return errNotJSON
	}
	for {
		name, err := dec.ReadToken()
		if err != nil {
			return errNotJSON
		}
		if name.Kind() == '}' {
			return nil
		}
		if err := member(dec, name.String()); err != nil {
			return err
		}
	}
}

// errNotJSON stands for the decoder's own errors, which quote their input.
var errNotJSON = errors.New("not strict JSON")

// readText reads a string value.
func readText(dec *jsontext.Decoder, name string) (string, error) {
	v, err := dec.ReadToken()
	if err != nil {
		return "", errNotJSON
	}
	if v.Kind() != '"' {
		return "", fmt.Errorf("%q is not a string", name)
	}
	return v.String(), nil
}
