package proof

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/writ-project/writ/internal/identity"
)

const (
	leeway        = time.Minute // how far the issuer's clock may be from ours
	maxClaimDepth = 16
	maxAudiences  = 32
	maxSubject    = 512 // bytes; what a sealed session has room for
)

// claims is what a token says (RFC 7519 §4.1).
type claims struct {
	issuer    string
	subject   string
	audiences []string
	issued    time.Time
	expires   time.Time
	notBefore time.Time // zero: not stated

	// text holds every scalar claim for bindings: strings as they are, numbers
	// and booleans as JSON, members of objects by dotted path, as in
	// "kubernetes.io.serviceaccount.name" or
	// "https://sts.amazonaws.com/.aws_account". Claim names may hold dots
	// themselves; a path that two claims spell is in neither's favour and left
	// out, so a binding that names it is not satisfied.
	text map[string]string
}

// registered are the claims that decide, and whose names no other claim may
// resemble: a reader that folds case would take one for the other.
var registered = []string{"iss", "sub", "aud", "exp", "iat", "nbf"}

// asserted is a claim that AWS signs and the caller wrote (request tags of
// GetWebIdentityToken): no binding may rest on it (security S5).
const asserted = "https://sts.amazonaws.com/.request_tags"

// readClaims reads a token's payload.
func readClaims(b []byte) (claims, error) {
	r := claimReader{text: map[string]string{}, twice: map[string]bool{}}
	if err := readObject(b, r.topLevel); err != nil {
		return claims{}, err
	}
	for path := range r.twice {
		delete(r.text, path)
	}
	r.claims.text = r.text
	return r.claims, nil
}

type claimReader struct {
	claims claims
	text   map[string]string
	twice  map[string]bool // paths that more than one claim spells
}

func (r *claimReader) topLevel(dec *jsontext.Decoder, name string) error {
	var err error
	switch name {
	case "iss":
		r.claims.issuer, err = r.registeredText(dec, name)
	case "sub":
		r.claims.subject, err = r.registeredText(dec, name)
		if len(r.claims.subject) > maxSubject {
			err = fmt.Errorf("sub is longer than %d bytes", maxSubject)
		}
	case "aud":
		r.claims.audiences, err = readAudiences(dec)
	case "exp":
		r.claims.expires, err = r.registeredTime(dec, name)
	case "iat":
		r.claims.issued, err = r.registeredTime(dec, name)
	case "nbf":
		r.claims.notBefore, err = r.registeredTime(dec, name)
	default:
		if slices.ContainsFunc(registered, func(s string) bool { return strings.EqualFold(s, name) }) {
			return fmt.Errorf("claim %q differs from a registered one only in case", name)
		}
		err = r.value(dec, name)
	}
	return err
}

func (r *claimReader) registeredText(dec *jsontext.Decoder, name string) (string, error) {
	s, err := readText(dec, name)
	if err == nil {
		r.put(name, s)
	}
	return s, err
}

// registeredTime reads a NumericDate: seconds since 1970, perhaps with a
// fraction (RFC 7519 §2).
func (r *claimReader) registeredTime(dec *jsontext.Decoder, name string) (time.Time, error) {
	v, err := dec.ReadToken()
	if err != nil {
		return time.Time{}, errNotJSON
	}
	if v.Kind() != '0' {
		return time.Time{}, fmt.Errorf("%q is not a number", name)
	}
	r.put(name, v.String())
	f, err := v.Float()
	const year9999 = 253402300799
	if err != nil || !(f > 0 && f <= year9999) {
		return time.Time{}, fmt.Errorf("%q is not a time", name)
	}
	whole, frac := math.Modf(f)
	return time.Unix(int64(whole), int64(frac*1e9)), nil
}

// readAudiences reads one audience or a list of them.
func readAudiences(dec *jsontext.Decoder) ([]string, error) {
	if dec.PeekKind() != '[' {
		a, err := readText(dec, "aud")
		return []string{a}, err
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, errNotJSON
	}
	var out []string
	for dec.PeekKind() == '"' && len(out) < maxAudiences {
		a, err := readText(dec, "aud")
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	if end, err := dec.ReadToken(); err != nil || end.Kind() != ']' {
		return nil, fmt.Errorf("aud is not a list of at most %d strings", maxAudiences)
	}
	return out, nil
}

// value flattens one claim: scalars are kept, objects walked, null and lists skipped.
func (r *claimReader) value(dec *jsontext.Decoder, path string) error {
	switch dec.PeekKind() {
	case '{':
		if dec.StackDepth() >= maxClaimDepth {
			return errors.New("claims are nested too deeply")
		}
		return readMembers(dec, func(dec *jsontext.Decoder, name string) error {
			return r.value(dec, path+"."+name)
		})
	case '"', '0', 't', 'f':
		v, err := dec.ReadToken()
		if err != nil {
			return errNotJSON
		}
		r.put(path, v.String())
		return nil
	}
	if err := dec.SkipValue(); err != nil {
		return errNotJSON
	}
	return nil
}

func (r *claimReader) put(path, value string) {
	if path == asserted || strings.HasPrefix(path, asserted+".") {
		return
	}
	if _, ok := r.text[path]; ok {
		r.twice[path] = true
	}
	r.text[path] = value
}

// complete reports which required claim is missing.
func (c *claims) complete() error {
	switch {
	case c.subject == "":
		return errors.New("sub is required")
	case len(c.audiences) == 0:
		return errors.New("aud is required")
	case c.issued.IsZero():
		return errors.New("iat is required")
	case c.expires.IsZero():
		return errors.New("exp is required")
	}
	return nil
}

// timely checks a token's times against the clock, and its lifetime against
// the longest that is accepted.
func (c *claims) timely(now time.Time, longest time.Duration) *Refusal {
	switch {
	case !now.Before(c.expires.Add(leeway)):
		return refuse(ProofExpired, fmt.Errorf("expired at %v", c.expires.UTC()))
	case now.Add(leeway).Before(c.issued):
		return refuse(ProofNotYetValid, fmt.Errorf("issued at %v", c.issued.UTC()))
	case now.Add(leeway).Before(c.notBefore):
		return refuse(ProofNotYetValid, fmt.Errorf("not valid before %v", c.notBefore.UTC()))
	case c.expires.Before(c.issued) || c.expires.Sub(c.issued) > longest:
		return refuse(ProofTooLong, fmt.Errorf("lives %v: want at most %v", c.expires.Sub(c.issued), longest))
	}
	return nil
}

// forAWS reports whether the token could be replayed against AWS's own STS.
func (c *claims) forAWS() bool { return slices.Contains(c.audiences, identity.AWSAudience) }
