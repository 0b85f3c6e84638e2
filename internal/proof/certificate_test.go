package proof

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cryptoasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/writtest"
)

const workload = "spiffe://example.org/ns/prod/sa/support"

// meshed adds two trust domains to an office: example.org, through which
// support-agent is bound, and other.example. The clock is the real one, since
// certificates are made by it.
type meshed struct {
	*office
	file      string // example.org's bundle
	ca, other *writtest.Authority
	log       bytes.Buffer
}

func openMesh(t *testing.T) *meshed {
	t.Helper()
	m := &meshed{ca: writtest.NewAuthority(t, "example.org"), other: writtest.NewAuthority(t, "other.example")}
	m.office = open(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&m.log, nil)) })
	m.clock.t = time.Now()
	dir := t.TempDir()
	m.file = filepath.Join(dir, "example.org.pem")
	m.write(writtest.Bundle(m.ca))
	other := filepath.Join(dir, "other.pem")
	if err := os.WriteFile(other, writtest.Bundle(m.other), 0o600); err != nil {
		t.Fatal(err)
	}
	m.world.Issuers["mesh"] = identity.Issuer{ID: "mesh", TrustDomain: "example.org", BundleFile: m.file}
	m.world.Issuers["other"] = identity.Issuer{ID: "other", TrustDomain: "other.example", BundleFile: other}
	m.world.Bindings = append(m.world.Bindings, identity.Binding{ID: "support-in-mesh", Identity: "support-agent", Issuer: "mesh", Subject: workload})
	return m
}

func (m *meshed) write(text []byte) {
	m.t.Helper()
	if err := os.WriteFile(m.file, text, 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// present exchanges a certificate as the container endpoint does.
func (m *meshed) present(c tls.Certificate) (Minted, error) {
	m.t.Helper()
	var chain []*x509.Certificate
	for _, der := range c.Certificate {
		one, err := x509.ParseCertificate(der)
		if err != nil {
			m.t.Fatal(err)
		}
		chain = append(chain, one)
	}
	return m.Container(m.t.Context(), m.world, ContainerRequest{Chain: chain, Origin: from("192.0.2.10")})
}

func (m *meshed) accepted(what string, c tls.Certificate) Minted {
	m.t.Helper()
	out, err := m.present(c)
	if err != nil {
		m.t.Errorf("%s: %v", what, err)
	}
	return out
}

func (m *meshed) refused(what string, want Reason, c tls.Certificate) {
	m.t.Helper()
	_, err := m.present(c)
	if err == nil {
		m.t.Errorf("%s: accepted", what)
		return
	}
	m.t.Logf("%s: %v", what, err)
	refusal(m.t, err, want)
}

func TestSPIFFECertificateIsAProof(t *testing.T) {
	m := openMesh(t)
	svid := m.ca.SVID(t, workload, nil)
	got := m.accepted("a workload's certificate", svid)
	s := got.Session
	if s.Identity != "support-agent" || s.Binding != "support-in-mesh" || s.Proof != identity.ProofSPIFFE || s.Issuer != "spiffe://example.org" || s.Subject != workload {
		t.Errorf("the session is %+v", s)
	}
	if thumb := proofID(Token(svid.Leaf.Raw)); s.ProofID != thumb || len(thumb) != 32 || thumb == hex.EncodeToString(make([]byte, 16)) {
		t.Errorf("the proof is recorded as %q, want the certificate's digest %q", s.ProofID, thumb)
	}
	if len(m.mints) != 1 || m.mints[0].Session.Proof != identity.ProofSPIFFE {
		t.Errorf("recorded %+v", m.mints)
	}
	if again := m.accepted("again", svid); !again.Repeated || again.Session.ID != s.ID {
		t.Error("a repeat within a minute is another session")
	}
	m.accepted("through an intermediate CA", m.ca.Below(t, "").SVID(t, workload, nil))
	m.accepted("through an intermediate CA that names its trust domain", m.ca.Below(t, "spiffe://example.org").SVID(t, workload, nil))
	m.accepted("without an extended key usage", m.ca.SVID(t, workload, func(c *x509.Certificate) { c.ExtKeyUsage = nil }))
}

func TestS11_SessionEndsWithTheCertificate(t *testing.T) {
	m := openMesh(t)
	ends := time.Now().Add(7 * time.Minute).Truncate(time.Second)
	got := m.accepted("a short certificate", m.ca.SVID(t, workload, func(c *x509.Certificate) { c.NotAfter = ends }))
	if !got.Session.Expires.Equal(ends) {
		t.Errorf("the session ends %v, the certificate %v", got.Session.Expires, ends)
	}
	m.world.Bindings[1].MaxSession = identity.Duration(2 * time.Minute)
	got = m.accepted("a short binding", m.ca.SVID(t, workload, nil))
	if d := got.Session.Expires.Sub(got.Session.Issued); d != 2*time.Minute {
		t.Errorf("the session lasts %v, the binding allows 2m", d)
	}
}

// The trust domain in the certificate's own name chooses the one bundle that
// vouches for it.
func TestS13_TrustDomainsAreNotConfused(t *testing.T) {
	m := openMesh(t)
	stranger := writtest.NewAuthority(t, "example.org") // calls itself the same
	m.refused("signed by another trust domain's CA", SignatureInvalid, m.other.SVID(t, workload, nil))
	m.refused("signed by a CA of the same name", SignatureInvalid, stranger.SVID(t, workload, nil))
	m.refused("through another's intermediate", SignatureInvalid, m.other.Below(t, "spiffe://example.org").SVID(t, workload, nil))
	m.refused("an intermediate of ours that names another", SignatureInvalid, m.ca.Below(t, "spiffe://other.example").SVID(t, workload, nil))
	m.refused("another trust domain's workload, by our CA", SignatureInvalid, m.ca.SVID(t, "spiffe://other.example/ns/prod/sa/support", nil))
	m.refused("true in its own domain, bound in none", NoBinding, m.other.SVID(t, "spiffe://other.example/ns/prod/sa/support", nil))
	m.refused("a trust domain nobody configured", IssuerUnknown, stranger.SVID(t, "spiffe://nobody.example/x", nil))
	m.refused("another namespace", NoBinding, m.ca.SVID(t, "spiffe://example.org/ns/dev/sa/support", nil))
	m.refused("a longer path", NoBinding, m.ca.SVID(t, workload+"/x", nil))

	// An OIDC issuer's binding with the same words is not satisfied, nor is a
	// certificate's by a token.
	m.world.Bindings[1].Issuer = "cluster"
	m.refused("bound to an OIDC issuer", NoBinding, m.ca.SVID(t, workload, nil))
	m.deny(NoBinding, WebIdentityRequest{Token: m.token(func(c map[string]any) { c["sub"] = workload; c["aud"] = "" }), Identity: "support-agent", Origin: from("192.0.2.10")})
}

func TestS13_CertificatesOfAnotherFormAreRefused(t *testing.T) {
	m := openMesh(t)
	edit := func(f func(*x509.Certificate)) tls.Certificate { return m.ca.SVID(t, workload, f) }
	for name, c := range map[string]tls.Certificate{
		"no URI":                 m.ca.SVID(t, "", func(c *x509.Certificate) { c.DNSNames = []string{"support.prod.svc"} }),
		"two URIs":               edit(func(c *x509.Certificate) { c.URIs = append(c.URIs, c.URIs[0]) }),
		"a URI of another kind":  m.ca.SVID(t, "https://example.org/ns/prod/sa/support", nil),
		"percent-encoding":       m.ca.SVID(t, "spiffe://example.org/ns/prod/sa/%73upport", nil),
		"upper case":             m.ca.SVID(t, "spiffe://Example.org/ns/prod/sa/support", nil),
		"a query":                m.ca.SVID(t, workload+"?x", nil),
		"a port":                 m.ca.SVID(t, "spiffe://example.org:443/ns/prod/sa/support", nil),
		"the trust domain's own": m.ca.SVID(t, "spiffe://example.org", nil),
		"a CA":                   edit(func(c *x509.Certificate) { c.IsCA = true }),
		"no signatures":          edit(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }),
		"no key usage":           edit(func(c *x509.Certificate) { c.KeyUsage = 0 }),
		"signs certificates":     edit(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }),
		"for servers only":       edit(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
	} {
		m.refused(name, CertificateForm, c)
	}
	m.refused("expired", ProofExpired, edit(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(-time.Second)
	}))
	m.refused("not yet", ProofNotYetValid, edit(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }))
	long := m.ca.SVID(t, workload, nil)
	for len(long.Certificate) <= maxChain {
		long.Certificate = append(long.Certificate, m.ca.Certificate.Raw)
	}
	m.refused("a long chain", CertificateForm, long)
}

func TestS13_ShortRSAKeysAreRefused(t *testing.T) {
	m := openMesh(t)
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	if err := strong(&x509.Certificate{PublicKey: key.Public()}); err == nil {
		t.Error("an RSA key of 1024 bits is accepted")
	}
	if err := strong(&x509.Certificate{PublicKey: m.ca.Certificate.PublicKey}); err != nil {
		t.Error(err)
	}
}

// By our own clock, whatever the certificate's maker thinks: it is moved here.
func TestCertificateTimesAreByOurClock(t *testing.T) {
	m := openMesh(t)
	svid := m.ca.SVID(t, workload, nil)
	m.clock.Advance(2 * time.Hour)
	m.refused("two hours later", ProofExpired, svid)
	m.clock.Advance(-3 * time.Hour)
	m.refused("an hour before", ProofNotYetValid, svid)
}

func TestBundleRotation(t *testing.T) {
	m := openMesh(t)
	next := writtest.NewAuthority(t, "example.org")
	m.refused("the next CA before it is in the file", SignatureInvalid, next.SVID(t, workload, nil))
	look := func() { m.clock.Advance(bundleLook) }

	m.write(writtest.Bundle(m.ca, next))
	look()
	m.accepted("the old CA beside the new", m.ca.SVID(t, workload, nil))
	m.accepted("the new CA beside the old", next.SVID(t, workload, nil))

	m.write(writtest.Bundle(next))
	look()
	m.refused("the old CA once it is gone", SignatureInvalid, m.ca.SVID(t, workload, nil))
	m.accepted("the new CA alone", next.SVID(t, workload, nil))
}

// A file that cannot be read, or not whole, changes nothing, and the log says so once.
func TestBrokenBundleKeepsTheLastGoodOne(t *testing.T) {
	m := openMesh(t)
	next := writtest.NewAuthority(t, "example.org")
	m.accepted("before", m.ca.SVID(t, workload, nil))
	whole := writtest.Bundle(next, m.ca)
	for name, text := range map[string][]byte{
		"empty": nil, "cut short": whole[:len(whole)-30], "no PEM": []byte("hello"), "a leaf": leafPEM(t, next),
		"another trust domain's": writtest.Bundle(writtest.NewAuthority(t, "other.example")),
		"a key in it":            append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}), whole...),
	} {
		m.log.Reset()
		m.write(text)
		m.clock.Advance(bundleLook)
		m.accepted(name+": the last good CA", m.ca.SVID(t, workload, nil))
		m.refused(name+": a CA of the broken file", SignatureInvalid, next.SVID(t, workload, nil))
		m.clock.Advance(bundleLook)
		m.accepted(name+": later", m.ca.SVID(t, workload, nil))
		if n := strings.Count(m.log.String(), "level=ERROR"); n != 1 || !strings.Contains(m.log.String(), m.file) {
			t.Errorf("%s: logged %d times:\n%s", name, n, m.log.String())
		}
	}
	if err := os.Remove(m.file); err != nil {
		t.Fatal(err)
	}
	m.clock.Advance(bundleLook)
	m.accepted("no file", m.ca.SVID(t, workload, nil))
	m.write(whole)
	m.clock.Advance(bundleLook)
	m.accepted("whole again", next.SVID(t, workload, nil))
}

func TestMissingBundle(t *testing.T) {
	m := openMesh(t)
	if err := m.LoadBundles(m.world); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(m.file); err != nil {
		t.Fatal(err)
	}
	fresh, err := New(m.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := fresh.LoadBundles(m.world); err == nil || !strings.Contains(err.Error(), "issuer mesh") || !strings.Contains(err.Error(), m.file) {
		t.Errorf("a start without the file: %v", err)
	}
	m.Exchange = fresh
	m.refused("no file", KeysUnavailable, m.ca.SVID(t, workload, nil))
}

func leafPEM(t *testing.T, a *writtest.Authority) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.SVID(t, workload, nil).Certificate[0]})
}

func FuzzParseBundle(f *testing.F) {
	ca := writtest.NewAuthority(f, "example.org")
	good := writtest.Bundle(ca)
	f.Add(good)
	f.Add(append(good, good[:50]...))
	f.Fuzz(func(t *testing.T, text []byte) {
		certs, err := ParseBundle("example.org", text)
		if err != nil {
			return
		}
		for _, c := range certs {
			if !c.IsCA {
				t.Fatalf("a certificate that is no CA's: %v", c.Subject)
			}
		}
		if len(certs) != bytes.Count(text, []byte("-----BEGIN ")) {
			t.Fatalf("%d certificates of %q", len(certs), text)
		}
	})
}

// FuzzWorkloadOf reads certificates whose URI is whatever somebody had signed.
func FuzzWorkloadOf(f *testing.F) {
	f.Add(workload)
	f.Add("spiffe://example.org/a?b")
	f.Fuzz(func(t *testing.T, uri string) {
		c := &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature, PublicKey: writtestKey, Subject: pkix.Name{CommonName: "x"}}
		u, err := url.Parse(uri)
		if err != nil {
			return
		}
		c.URIs = []*url.URL{u}
		c.Extensions = []pkix.Extension{{Id: oidSubjectAltName, Value: sanOf(uri)}}
		id, err := workloadOf(c)
		if _, parse := identity.ParseSPIFFEID(uri); (err == nil) != (parse == nil && len(uri) <= maxSubject) || err == nil && id.String() != uri {
			t.Fatalf("%q read as %v, %v", uri, id, err)
		}
	})
}

var writtestKey = func() any {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key.Public()
}()

// sanOf encodes one URI as the value of a subjectAltName extension.
func sanOf(uri string) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cryptoasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tagURI, func(b *cryptobyte.Builder) { b.AddBytes([]byte(uri)) })
	})
	return b.BytesOrPanic()
}
