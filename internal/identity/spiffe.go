package identity

import (
	"errors"
	"fmt"
	"strings"
)

// SPIFFEScheme begins every SPIFFE ID.
const SPIFFEScheme = "spiffe://"

const (
	maxSPIFFEID    = 2048 // bytes, of the SPIFFE-ID specification §2.3
	maxTrustDomain = 255
)

// SPIFFEID names a workload: spiffe://TRUST-DOMAIN/PATH, in the one spelling
// that https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md allows.
type SPIFFEID struct {
	TrustDomain string
	Path        string // begins with a slash
}

func (s SPIFFEID) String() string { return SPIFFEScheme + s.TrustDomain + s.Path }

// ParseSPIFFEID reads the SPIFFE ID of a workload. It works on the bytes as
// they stand, not on a parsed URL: percent-encoding, upper case in the trust
// domain, a port, a user, a query or a fragment would give one workload several
// spellings, and none occurs in a valid ID. An ID without a path names the trust
// domain itself and no workload.
func ParseSPIFFEID(text string) (SPIFFEID, error) {
	rest, ok := strings.CutPrefix(text, SPIFFEScheme)
	switch {
	case len(text) > maxSPIFFEID:
		return SPIFFEID{}, fmt.Errorf("SPIFFE ID of %d bytes: want at most %d", len(text), maxSPIFFEID)
	case !ok:
		return SPIFFEID{}, fmt.Errorf("SPIFFE ID does not begin with %s", SPIFFEScheme)
	}
	domain, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		domain, path = rest[:i], rest[i:]
	}
	if err := ValidTrustDomain(domain); err != nil {
		return SPIFFEID{}, fmt.Errorf("SPIFFE ID: %w", err)
	}
	if path == "" {
		return SPIFFEID{}, errors.New("SPIFFE ID without a path names a trust domain, not a workload")
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if err := validSegment(segment); err != nil {
			return SPIFFEID{}, fmt.Errorf("SPIFFE ID: %w", err)
		}
	}
	return SPIFFEID{TrustDomain: domain, Path: path}, nil
}

// ValidTrustDomain reports what is wrong with a trust domain's name, or nil.
func ValidTrustDomain(name string) error {
	bad := strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
	})
	if name == "" || len(name) > maxTrustDomain || bad >= 0 {
		return fmt.Errorf("trust domain %.100q: want 1–%d of a–z 0–9 . - _", name, maxTrustDomain)
	}
	return nil
}

func validSegment(s string) error {
	bad := strings.IndexFunc(s, func(r rune) bool { return !segmentRune(r) })
	if s == "" || s == "." || s == ".." || bad >= 0 {
		return fmt.Errorf("path segment %.100q: want letters, digits, . - _, and no empty or dot segments", s)
	}
	return nil
}

func segmentRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_'
}

// spiffeSubject reports what is wrong with the subject of a binding to a trust
// domain: an ID, or a pattern of IDs whose trust domain is written out. A '*'
// stands for any run of characters, slashes among them.
func spiffeSubject(subject string) error {
	if !strings.ContainsAny(subject, "*?") {
		_, err := ParseSPIFFEID(subject)
		return err
	}
	domain, path, _ := strings.Cut(strings.TrimPrefix(subject, SPIFFEScheme), "/")
	if err := ValidTrustDomain(domain); err != nil {
		return fmt.Errorf("subject %.200q: no pattern in the %w", subject, err)
	}
	if strings.Trim(path, "*/") == "" {
		return fmt.Errorf("subject %.200q matches every workload of the trust domain", subject)
	}
	if bad := strings.IndexFunc(path, func(r rune) bool { return !segmentRune(r) && !strings.ContainsRune("/*?", r) }); bad >= 0 {
		return fmt.Errorf("subject %.200q holds what no SPIFFE ID holds", subject)
	}
	return nil
}
