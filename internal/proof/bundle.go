package proof

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

const (
	// bundleLook is the least time from one look at a bundle file to the next.
	bundleLook = time.Second
	maxBundle  = 1 << 20 // bytes
	maxRoots   = 64
)

// bundles holds the CA certificates of trust domains. Files are read again as
// they change: both an old and a new CA count while both are in the file, and
// the old one no longer once it is not. A file that has become unreadable
// changes nothing but the log, since an accident with a file must not stop
// every workload of a trust domain.
type bundles struct {
	now func() time.Time
	log *slog.Logger

	mu   sync.Mutex
	held map[bundleKey]*bundle
}

// bundleKey makes a change of configuration another bundle.
type bundleKey struct{ domain, file string }

type bundle struct {
	roots  *x509.CertPool // nil until a file was good
	sum    [sha256.Size]byte
	looked time.Time
	err    error // of the last look
}

func newBundles(now func() time.Time, log *slog.Logger) *bundles {
	return &bundles{now: now, log: log, held: map[bundleKey]*bundle{}}
}

// roots returns the CAs of a trust domain's issuer.
func (b *bundles) roots(i identity.Issuer) (*x509.CertPool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := bundleKey{i.TrustDomain, i.BundleFile}
	held := b.held[key]
	if held == nil {
		held = &bundle{}
		b.held[key] = held
	}
	if now := b.now(); held.looked.IsZero() || now.Sub(held.looked).Abs() >= bundleLook {
		held.looked = now
		b.look(key, held)
	}
	if held.roots == nil {
		return nil, held.err
	}
	return held.roots, nil
}

// look reads a bundle's file and takes over what is new and good in it.
func (b *bundles) look(key bundleKey, held *bundle) {
	text, err := readBundle(key.file)
	sum := sha256.Sum256(text)
	if err == nil && held.roots != nil && held.err == nil && sum == held.sum {
		return
	}
	var certs []*x509.Certificate
	if err == nil {
		certs, err = ParseBundle(key.domain, text)
	}
	if err != nil {
		if held.err == nil || held.err.Error() != err.Error() {
			b.log.Error("a trust bundle cannot be used", "trust_domain", key.domain, "file", key.file, "err", err, "last_good_one_stays", held.roots != nil)
		}
		held.err = err
		return
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	b.log.Info("a trust bundle was read", "trust_domain", key.domain, "file", key.file, "certificates", len(certs))
	held.roots, held.sum, held.err = pool, sum, nil
}

func readBundle(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading trust bundle: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBundle+1))
	if err != nil {
		return nil, fmt.Errorf("reading trust bundle: %w", err)
	}
	return text, nil
}

// ParseBundle reads a trust domain's CA certificates: PEM, whole and nothing
// else, since a file cut short in writing must not count as one with fewer CAs.
// A CA that names another trust domain is refused.
func ParseBundle(domain string, text []byte) ([]*x509.Certificate, error) {
	if len(text) > maxBundle {
		return nil, fmt.Errorf("reading trust bundle: more than %d bytes", maxBundle)
	}
	begun := bytes.Count(text, []byte("-----BEGIN "))
	var out []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("reading trust bundle: it holds a %.40q", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("reading trust bundle: %w", err)
		}
		if err := authorityOf(c, domain); err != nil {
			return nil, fmt.Errorf("reading trust bundle: certificate %d: %w", len(out)+1, err)
		}
		out = append(out, c)
	}
	switch {
	case len(out) == 0:
		return nil, errors.New("reading trust bundle: it holds no certificate")
	case len(out) != begun:
		return nil, fmt.Errorf("reading trust bundle: %d of %d certificates can be read", len(out), begun)
	case len(out) > maxRoots:
		return nil, fmt.Errorf("reading trust bundle: more than %d certificates", maxRoots)
	}
	return out, nil
}

// authorityOf reports why a certificate is no CA of a trust domain, or nil. One
// that says no SPIFFE ID may be any domain's; its being in the bundle decides.
func authorityOf(c *x509.Certificate, domain string) error {
	if !c.BasicConstraintsValid || !c.IsCA {
		return errors.New("it is not a CA's")
	}
	names, err := uriNames(c)
	if err != nil {
		return err
	}
	for _, n := range names {
		if n != identity.SPIFFEScheme+domain && n != identity.SPIFFEScheme+domain+"/" {
			return fmt.Errorf("it is the CA of %.200q", n)
		}
	}
	return nil
}

// LoadBundles reads the bundles of every trust domain, for a start that is to
// fail when one cannot be read.
func (x *Exchange) LoadBundles(w World) error {
	var errs []error
	for name, i := range w.Issuers {
		if i.TrustDomain == "" {
			continue
		}
		if _, err := x.bundles.roots(i); err != nil {
			errs = append(errs, fmt.Errorf("issuer %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
