package sigv4

import "strings"

// maxAuthorization bounds the Authorization header, in bytes: 64 long header
// names, an access key id and a scope fit.
const maxAuthorization = 4096

// authorization is the Authorization header taken apart.
type authorization struct {
	accessKeyID   string
	scope         Scope
	signedHeaders string // as sent
	signature     [32]byte
}

// parseAuthorization reads the values of the Authorization header: exactly one,
// of the form
//
//	AWS4-HMAC-SHA256 Credential=ID/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX
//
// with the three parts in any order and blanks after the commas optional, as
// clients differ in both.
func parseAuthorization(values []string) (authorization, error) {
	var a authorization
	switch {
	case len(values) == 0 || values[0] == "":
		return a, refuse(MissingAuthenticationToken, "the request is not signed")
	case len(values) > 1:
		return a, refuse(IncompleteSignature, "Authorization is given more than once")
	case len(values[0]) > maxAuthorization:
		return a, refuse(IncompleteSignature, "Authorization is too long")
	}
	algorithm, rest, _ := strings.Cut(values[0], " ")
	if strings.HasPrefix(algorithm, "AWS4-ECDSA-") {
		return a, refuse(IncompleteSignature, "SigV4A is not accepted: sign with "+Algorithm)
	}
	if algorithm != Algorithm {
		return a, refuse(IncompleteSignature, "the authorization scheme is not "+Algorithm)
	}
	seen, parts := 0, 0
	for part := range strings.SplitSeq(rest, ",") {
		bit, err := a.set(strings.Trim(part, " "))
		if err != nil {
			return a, err
		}
		seen, parts = seen|bit, parts+1
	}
	if seen != 7 || parts != 3 {
		return a, refuse(IncompleteSignature, "Authorization must hold Credential, SignedHeaders and Signature once each")
	}
	return a, nil
}

// set reads one part and returns the bit that stands for it.
func (a *authorization) set(part string) (bit int, err error) {
	name, value, _ := strings.Cut(part, "=")
	switch name {
	case "Credential":
		return 1, a.setCredential(value)
	case "SignedHeaders":
		a.signedHeaders = value
		return 2, nil
	case "Signature":
		if !decodeHex(&a.signature, value) {
			return 0, refuse(IncompleteSignature, "Signature is not 64 lower-case hex digits")
		}
		return 4, nil
	}
	return 0, refuse(IncompleteSignature, "Authorization holds a part that is not Credential, SignedHeaders or Signature")
}

func (a *authorization) setCredential(s string) error {
	id, rest, _ := strings.Cut(s, "/")
	date, rest, _ := strings.Cut(rest, "/")
	region, rest, _ := strings.Cut(rest, "/")
	service, end, _ := strings.Cut(rest, "/")
	if !within(id, 128, upper|lower|digit|underscore) || len(date) != 8 || !within(date, 8, digit) ||
		!within(region, 64, lower|digit|hyphen) || !within(service, 64, lower|digit|hyphen) || end != terminator {
		return refuse(IncompleteSignature, "Credential is not of the form ID/YYYYMMDD/REGION/SERVICE/aws4_request")
	}
	a.accessKeyID, a.scope = id, Scope{Date: date, Region: region, Service: service}
	return nil
}

// alphabet is a set of ASCII characters, as a union of the constants below.
type alphabet uint8

const (
	upper alphabet = 1 << iota
	lower
	digit
	underscore
	hyphen
	unreserved // what RFC 3986 never escapes, beyond the above: . and ~
)

// within reports whether s is 1–limit characters of the alphabet.
func within(s string, limit int, set alphabet) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if kind(s[i])&set == 0 {
			return false
		}
	}
	return true
}

// kind is the part of the alphabet that c belongs to, or 0.
func kind(c byte) alphabet { return kinds[c] }

// kinds is a table because the hot path asks for every byte of a request's head.
var kinds = func() (t [256]alphabet) {
	for c := range t {
		switch {
		case 'a' <= c && c <= 'z':
			t[c] = lower
		case 'A' <= c && c <= 'Z':
			t[c] = upper
		case '0' <= c && c <= '9':
			t[c] = digit
		case c == '_':
			t[c] = underscore
		case c == '-':
			t[c] = hyphen
		case c == '.' || c == '~':
			t[c] = unreserved
		}
	}
	return t
}()

// decodeHex decodes exactly 64 lower-case hex digits. Upper case is refused so
// that a signature has one spelling.
func decodeHex(dst *[32]byte, s string) bool {
	if len(s) != 2*len(dst) {
		return false
	}
	for i := range dst {
		hi, lo := nibble(s[2*i]), nibble(s[2*i+1])
		if hi > 15 || lo > 15 {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
}

// nibble is the value of a hex digit, or 255.
func nibble(c byte) byte {
	switch kind(c) {
	case digit:
		return c - '0'
	case lower:
		if c <= 'f' {
			return c - 'a' + 10
		}
	}
	return 255
}
