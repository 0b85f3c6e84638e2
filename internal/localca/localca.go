// Package localca makes the certificate that the gateway's port presents where
// an operator gave none: a certificate authority of this installation, kept in
// its data directory, and a leaf issued by it for the names the port is called
// by. Clients are pointed at ca.pem (AWS_CA_BUNDLE, NODE_EXTRA_CA_CERTS).
//
// The CA can sign for the given names only, by a name constraint, so that
// whoever trusts it trusts it for nothing else.
package localca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	caLife   = 10 * 365 * 24 * time.Hour
	leafLife = 90 * 24 * time.Hour
)

// Source presents certificates of the CA in a directory, and renews them while
// the server runs.
type Source struct {
	dir   string
	names []string
	now   func() time.Time

	mu   sync.Mutex
	leaf tls.Certificate
	ends time.Time
}

// Open makes a Source and issues its first certificate; it returns the path of
// the CA's certificate too.
func Open(dir string, names []string, now func() time.Time) (*Source, string, error) {
	s := &Source{dir: dir, names: names, now: now}
	_, err := s.GetCertificate(nil)
	return s, filepath.Join(dir, "ca.pem"), err
}

// GetCertificate is for tls.Config. A certificate is replaced when a third of
// its life is left; while that fails, the old one is presented until its end.
func (s *Source) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Before(s.ends.Add(-leafLife / 3)) {
		return &s.leaf, nil
	}
	leaf, _, err := Issue(s.dir, s.names, now)
	if err != nil {
		if now.Before(s.ends) {
			return &s.leaf, nil
		}
		return nil, err
	}
	s.leaf, s.ends = leaf, now.Add(leafLife)
	return &s.leaf, nil
}

// Issue returns a certificate for the loopback names and the given ones, and
// the path of the CA's certificate. The CA is made at the first call for dir
// and kept; the leaf is made anew at each call and kept in memory only.
func Issue(dir string, names []string, now time.Time) (tls.Certificate, string, error) {
	path := filepath.Join(dir, "ca.pem")
	ca, key, err := load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		ca, key, err = create(dir, names, now)
	}
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("local CA in %s: %w", dir, err)
	}
	if now.After(ca.NotAfter) {
		return tls.Certificate{}, "", fmt.Errorf("local CA in %s expired on %s: remove the directory to make a new one", dir, ca.NotAfter.Format(time.DateOnly))
	}
	leaf, err := leaf(ca, key, names, now)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("issuing the local certificate: %w", err)
	}
	if err := vouched(ca, leaf); err != nil {
		return tls.Certificate{}, "", fmt.Errorf("local CA in %s was made for other names (remove the directory to make a new one): %w", dir, err)
	}
	return leaf, path, nil
}

// vouched reports a name of the leaf that the CA's constraint excludes.
func vouched(ca *x509.Certificate, leaf tls.Certificate) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	cert, err := x509.ParseCertificate(leaf.Certificate[0])
	if err != nil {
		return err
	}
	_, err = cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: cert.NotBefore.Add(time.Hour)})
	return err
}

func create(dir string, names []string, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	hosts, addrs := split(names)
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "Writ local CA", Organization: []string{"Writ, this machine only"}},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: hosts, PermittedIPRanges: exact(addrs),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	if err := save(dir, der, key); err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

func save(dir string, der []byte, key *ecdsa.PrivateKey) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	// The key first: a certificate without its key could not be repaired.
	if err := writePEM(filepath.Join(dir, "ca.key"), "PRIVATE KEY", secret, 0o600); err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, "ca.pem"), "CERTIFICATE", der, 0o644)
}

// writePEM puts a file in its place whole and on disk, or not at all: half a CA
// after a power cut would stop every start.
func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	err = errors.Join(f.Chmod(mode), pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func load(dir string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key"))
	if err != nil {
		return nil, nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, errors.New("the key is not one that was made here")
	}
	return pair.Leaf, key, nil
}

func leaf(ca *x509.Certificate, caKey *ecdsa.PrivateKey, names []string, now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	hosts, addrs := split(names)
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "Writ gateway"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(leafLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     hosts, IPAddresses: addrs,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, caKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der, ca.Raw}, PrivateKey: key}, nil
}

// split sorts names into host names and addresses, the loopback ones first.
func split(names []string) (hosts []string, addrs []net.IP) {
	hosts, addrs = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			addrs = append(addrs, ip)
		} else {
			hosts = append(hosts, n)
		}
	}
	return hosts, addrs
}

// exact turns addresses into ranges of one.
func exact(addrs []net.IP) []*net.IPNet {
	out := make([]*net.IPNet, len(addrs))
	for i, ip := range addrs {
		bits := 8 * len(ip)
		if v4 := ip.To4(); v4 != nil {
			ip, bits = v4, 32
		}
		out[i] = &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)}
	}
	return out
}

// serial is 120 random bits, below the 20 octets of RFC 5280 §4.1.2.2.
func serial() *big.Int {
	b := make([]byte, 15)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return new(big.Int).SetBytes(b)
}
