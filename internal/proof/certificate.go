package proof

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cryptoasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/writ-project/writ/internal/identity"
)

// maxChain is how many certificates a client may send.
const maxChain = 8

// verifyCertificate believes a client certificate as an X.509-SVID
// (https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md), or says
// why not. The trust domain that its SPIFFE ID names chooses the bundle, and
// nothing else is a root: a CA of another trust domain, or of the system's,
// vouches for nobody here.
func (x *Exchange) verifyCertificate(w World, chain []*x509.Certificate, now time.Time) (verified, error) {
	leaf := chain[0]
	if len(chain) > maxChain {
		return verified{}, refuse(CertificateForm, fmt.Errorf("%d certificates: want at most %d", len(chain), maxChain))
	}
	id, err := workloadOf(leaf)
	if err != nil {
		return verified{}, refuse(CertificateForm, err)
	}
	issuer, err := w.trustDomain(id.TrustDomain)
	if err != nil {
		return verified{}, err
	}
	switch {
	case !now.Before(leaf.NotAfter):
		return verified{}, refuse(ProofExpired, fmt.Errorf("the certificate expired at %v", leaf.NotAfter))
	case now.Before(leaf.NotBefore):
		return verified{}, refuse(ProofNotYetValid, fmt.Errorf("the certificate begins at %v", leaf.NotBefore))
	}
	roots, err := x.bundles.roots(issuer)
	if err != nil {
		return verified{}, refuse(KeysUnavailable, fmt.Errorf("issuer %s: %w", issuer.ID, err))
	}
	if !x.budget.verification(now) {
		return verified{}, refuse(Throttled, errors.New("too many proofs in total"))
	}
	if err := chained(chain, roots, id.TrustDomain, now); err != nil {
		return verified{}, refuse(SignatureInvalid, err)
	}
	return verified{kind: identity.ProofSPIFFE, issuer: issuer, claims: claims{
		issuer: identity.SPIFFEScheme + id.TrustDomain, subject: id.String(), expires: leaf.NotAfter,
	}}, nil
}

// trustDomain finds the issuer that is configured for a trust domain.
func (w World) trustDomain(name string) (identity.Issuer, error) {
	var found []identity.Issuer
	for id, i := range w.Issuers {
		if i.TrustDomain == name {
			i.ID = id
			found = append(found, i)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return identity.Issuer{}, refuse(IssuerUnknown, fmt.Errorf("no issuer is configured for trust domain %q", name))
	}
	return identity.Issuer{}, refuse(IssuerAmbiguous, fmt.Errorf("%d issuers are configured for trust domain %q", len(found), name))
}

// workloadOf reads who a certificate is for, once it has the form of a
// workload's.
func workloadOf(c *x509.Certificate) (identity.SPIFFEID, error) {
	var none identity.SPIFFEID
	switch {
	case c.IsCA:
		return none, errors.New("the certificate is a CA's")
	case c.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return none, errors.New("the certificate's key is not for signatures")
	case c.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0:
		return none, errors.New("the certificate's key is for signing certificates")
	case len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 && !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth):
		return none, errors.New("the certificate is not for clients")
	}
	if err := strong(c); err != nil {
		return none, err
	}
	names, err := uriNames(c)
	if err != nil {
		return none, err
	}
	if len(names) != 1 {
		return none, fmt.Errorf("the certificate has %d URI names: want exactly one", len(names))
	}
	id, err := identity.ParseSPIFFEID(names[0])
	if err != nil {
		return none, err
	}
	if len(names[0]) > maxSubject {
		return none, fmt.Errorf("SPIFFE ID of %d bytes: a session has room for %d", len(names[0]), maxSubject)
	}
	return id, nil
}

func strong(c *x509.Certificate) error {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return fmt.Errorf("RSA key of %d bits: want at least %d", key.N.BitLen(), minRSABits)
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return fmt.Errorf("key of kind %T", key)
	}
	return nil
}

var (
	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
	tagURI            = cryptoasn1.Tag(6).ContextSpecific() // uniformResourceIdentifier, RFC 5280 §4.2.1.6
)

// uriNames returns the URIs among a certificate's alternative names byte for
// byte: a parsed URL has lost how it was spelt.
func uriNames(c *x509.Certificate) ([]string, error) {
	var out []string
	for _, e := range c.Extensions {
		if !e.Id.Equal(oidSubjectAltName) {
			continue
		}
		der := cryptobyte.String(e.Value)
		var names cryptobyte.String
		if !der.ReadASN1(&names, cryptoasn1.SEQUENCE) || !der.Empty() {
			return nil, errors.New("the alternative names cannot be read")
		}
		for !names.Empty() {
			var name cryptobyte.String
			var tag cryptoasn1.Tag
			if !names.ReadAnyASN1(&name, &tag) {
				return nil, errors.New("the alternative names cannot be read")
			}
			if tag == tagURI {
				out = append(out, string(name))
			}
		}
	}
	return out, nil
}

// chained checks the signatures up to a CA of the trust domain.
func chained(chain []*x509.Certificate, roots *x509.CertPool, domain string, now time.Time) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	found, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return fmt.Errorf("verifying certificate: %w", err)
	}
	// Any one chain will do, if every CA on it is of this trust domain or says
	// of none.
	for _, path := range found {
		err = nil
		for _, c := range path[1:] {
			err = errors.Join(err, authorityOf(c, domain))
		}
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("verifying certificate: %w", err)
}
