package writtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority is a CA of a SPIFFE trust domain, as a mesh or SPIRE runs one.
type Authority struct {
	Certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	parents     []*x509.Certificate // up to, and without, the root
}

// NewAuthority makes a root CA of a trust domain.
func NewAuthority(t testing.TB, domain string) *Authority {
	t.Helper()
	return authority(t, nil, "spiffe://"+domain)
}

// Below makes an intermediate CA; uri may be empty.
func (a *Authority) Below(t testing.TB, uri string) *Authority {
	t.Helper()
	return authority(t, a, uri)
}

func authority(t testing.TB, above *Authority, uri string) *Authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: "CA " + uri}, NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, URIs: uris(t, uri),
	}
	a := &Authority{key: newKey(t)}
	signer, parent := a.key, template
	if above != nil {
		signer, parent = above.key, above.Certificate
	}
	a.Certificate = create(t, template, parent, a.key, signer)
	if above != nil {
		a.parents = append([]*x509.Certificate{a.Certificate}, above.parents...)
	}
	return a
}

// SVID issues a workload's certificate; edit may change it before it is signed.
func (a *Authority) SVID(t testing.TB, id string, edit func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: serial(t), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true, URIs: uris(t, id),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if edit != nil {
		edit(template)
	}
	key := newKey(t)
	out := tls.Certificate{PrivateKey: key}
	out.Leaf = create(t, template, a.Certificate, key, a.key)
	out.Certificate = append(out.Certificate, out.Leaf.Raw)
	for _, p := range a.parents {
		out.Certificate = append(out.Certificate, p.Raw)
	}
	return out
}

// Bundle is certificates of authorities in PEM.
func Bundle(all ...*Authority) []byte {
	var out []byte
	for _, a := range all {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate.Raw})...)
	}
	return out
}

// WriteSVID writes a certificate with its chain, and its key, as PEM files.
func WriteSVID(t testing.TB, dir string, c tls.Certificate) (cert, key string) {
	t.Helper()
	var chain []byte
	for _, der := range c.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "svid.pem"), filepath.Join(dir, "svid.key")
	for name, text := range map[string][]byte{cert: chain, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func create(t testing.TB, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func serial(t testing.TB) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func uris(t testing.TB, uri string) []*url.URL {
	t.Helper()
	if uri == "" {
		return nil
	}
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	return []*url.URL{u}
}
