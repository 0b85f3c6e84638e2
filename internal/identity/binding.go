package identity

import (
	"errors"
	"fmt"
	"net/url"
	"sort"
	"strings"
)

// AWSAudience is the audience of tokens meant for AWS's own STS. A binding
// must opt in to accept one (security S11).
const AWSAudience = "sts.amazonaws.com"

// Binding is a rule that turns a proof into an identity. An OIDC token
// satisfies it when issuer, one audience, subject and every named claim match;
// a client certificate when its SPIFFE ID matches the subject, and the binding
// names a trust domain's issuer and neither audience nor claims.
// Patterns are exact unless they hold '*' (any run) or '?' (one character).
type Binding struct {
	ID       string            `json:"-" yaml:"-"`
	Identity string            `json:"identity" yaml:"identity"`                     // required
	Issuer   string            `json:"issuer" yaml:"issuer"`                         // required: the name of an Issuer resource
	Audience string            `json:"audience,omitempty" yaml:"audience,omitempty"` // exact; required for tokens, absent for certificates
	Subject  string            `json:"subject" yaml:"subject"`                       // required, exact or pattern
	Claims   map[string]string `json:"claims,omitempty" yaml:"claims,omitempty"`
	// MaxSession caps sessions minted through this binding; zero means the identity's cap.
	MaxSession Duration `json:"maxSession,omitempty" yaml:"maxSession,omitempty"`
	// Networks names where a session may be minted and used from; empty means anywhere.
	Networks []string `json:"networks,omitempty" yaml:"networks,omitempty"`
	// AllowAWSAudience accepts Audience sts.amazonaws.com: such a token can be
	// replayed against AWS itself, so it is off by default.
	AllowAWSAudience bool `json:"allowAWSAudience,omitempty" yaml:"allowAWSAudience,omitempty"`
}

// Validate reports what is wrong with a binding, or nil.
func (b *Binding) Validate() error {
	var errs []error
	if !ValidName(b.ID) {
		errs = append(errs, fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", b.ID))
	}
	required := map[string]string{"identity": b.Identity, "issuer": b.Issuer, "subject": b.Subject}
	if b.ForCertificates() {
		errs = append(errs, b.validateCertificates()...)
	} else {
		required["audience"] = b.Audience
	}
	for field, v := range required {
		if v == "" {
			errs = append(errs, fmt.Errorf("%s is required", field))
		}
	}
	if strings.Trim(b.Subject, "*") == "" && b.Subject != "" {
		errs = append(errs, errors.New("subject must not match everything"))
	}
	if b.Audience == AWSAudience && !b.AllowAWSAudience {
		errs = append(errs, fmt.Errorf("audience %s is AWS's own: set allowAWSAudience to accept tokens that also work there", AWSAudience))
	}
	sort.Slice(errs, func(i, j int) bool { return errs[i].Error() < errs[j].Error() })
	return errors.Join(errs...)
}

// ForCertificates reports whether client certificates satisfy the binding, and
// no token: a SPIFFE subject without an audience. (A JWT-SVID is a token, and
// its binding has one.)
func (b *Binding) ForCertificates() bool {
	return b.Audience == "" && strings.HasPrefix(b.Subject, SPIFFEScheme)
}

func (b *Binding) validateCertificates() (errs []error) {
	if err := spiffeSubject(b.Subject); err != nil {
		errs = append(errs, err)
	}
	if len(b.Claims) > 0 || b.AllowAWSAudience {
		errs = append(errs, errors.New("claims and allowAWSAudience are for tokens: a certificate has neither claims nor audience"))
	}
	return errs
}

// SatisfiedByCertificate reports whether a verified client certificate of the
// trust domain that issuer stands for meets the binding.
func (b *Binding) SatisfiedByCertificate(issuer, id string) bool {
	return b.ForCertificates() && len(b.Claims) == 0 && b.Issuer == issuer && Match(b.Subject, id)
}

// Wide reports why more than one subject could satisfy the binding, or "".
func (b *Binding) Wide() string {
	if strings.ContainsAny(b.Subject, "*?") {
		return fmt.Sprintf("subject pattern %q can be satisfied by more than one subject", b.Subject)
	}
	return ""
}

// Satisfied reports whether a verified token meets the binding. claims holds
// every claim as text: strings as they are, numbers and booleans as JSON,
// nested objects by dotted path. A claim that is absent or not scalar matches nothing.
func (b *Binding) Satisfied(issuer, subject string, audiences []string, claims map[string]string) bool {
	if b.Audience == "" || b.Issuer != issuer || !Match(b.Subject, subject) {
		return false
	}
	heard := false
	for _, a := range audiences {
		heard = heard || a == b.Audience
	}
	if !heard {
		return false
	}
	for name, pattern := range b.Claims {
		v, ok := claims[name]
		if !ok || !Match(pattern, v) {
			return false
		}
	}
	return true
}

// Match reports whether s matches pattern, in which '*' stands for any run of
// characters (also none) and '?' for exactly one byte. It takes time linear in
// len(pattern)·len(s) at worst and never backtracks more than one star.
func Match(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// Issuer is whose proofs Writ believes: an OIDC token issuer (security S12), or
// a SPIFFE trust domain, whose workloads present client certificates.
type Issuer struct {
	ID  string `json:"-" yaml:"-"`
	URL string `json:"url,omitempty" yaml:"url,omitempty"` // of an OIDC issuer, required: the exact `iss`; https unless AllowLocal
	// TrustDomain makes it a SPIFFE trust domain, such as example.org.
	TrustDomain string `json:"trustDomain,omitempty" yaml:"trustDomain,omitempty"`
	// BundleFile holds the trust domain's CA certificates in PEM; required with
	// TrustDomain. It is read again when it changes.
	BundleFile string `json:"bundleFile,omitempty" yaml:"bundleFile,omitempty"`
	// JWKS pins the key set's location; empty means discovery, and then the
	// location must be on the issuer's own host.
	JWKS string `json:"jwks,omitempty" yaml:"jwks,omitempty"`
	// Algorithms accepted; empty means RS256 and ES256.
	Algorithms []string `json:"algorithms,omitempty" yaml:"algorithms,omitempty"`
	// AllowLocal lets the key fetch reach loopback and private addresses, over
	// plain http too: for development and in-cluster issuers.
	AllowLocal bool `json:"allowLocal,omitempty" yaml:"allowLocal,omitempty"`
	// CAFile verifies the issuer's TLS certificate; empty means the system's roots.
	CAFile string `json:"caFile,omitempty" yaml:"caFile,omitempty"`
}

// DefaultAlgorithms are the signature algorithms an issuer may use when it names none.
var DefaultAlgorithms = []string{"RS256", "ES256"}

var knownAlgorithms = map[string]bool{"RS256": true, "RS384": true, "RS512": true, "ES256": true, "ES384": true, "ES512": true, "PS256": true, "PS384": true, "PS512": true, "EdDSA": true}

// Validate reports what is wrong with an issuer, or nil.
func (i *Issuer) Validate() error {
	var errs []error
	if !ValidName(i.ID) {
		errs = append(errs, fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", i.ID))
	}
	if i.TrustDomain != "" || i.BundleFile != "" {
		return errors.Join(append(errs, i.validateTrustDomain())...)
	}
	check := func(field, raw string) {
		u, err := url.Parse(raw)
		switch {
		case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
			errs = append(errs, fmt.Errorf("%s %q is not a plain URL", field, raw))
		case u.Scheme != "https" && !(i.AllowLocal && u.Scheme == "http"):
			errs = append(errs, fmt.Errorf("%s %q: want https (http only with allowLocal)", field, raw))
		}
	}
	check("url", i.URL)
	if i.JWKS != "" {
		check("jwks", i.JWKS)
	}
	for _, a := range i.Algorithms {
		if !knownAlgorithms[a] {
			errs = append(errs, fmt.Errorf("algorithm %q is not accepted", a))
		}
	}
	return errors.Join(errs...)
}

func (i *Issuer) validateTrustDomain() error {
	if err := ValidTrustDomain(i.TrustDomain); err != nil {
		return err
	}
	switch {
	case i.BundleFile == "":
		return errors.New("bundleFile is required with trustDomain")
	case i.URL != "" || i.JWKS != "" || len(i.Algorithms) > 0 || i.AllowLocal || i.CAFile != "":
		return errors.New("url, jwks, algorithms, allowLocal and caFile are for OIDC issuers: an issuer is either one or a trust domain")
	}
	return nil
}
