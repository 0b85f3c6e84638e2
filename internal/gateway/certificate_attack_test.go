package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/writtest"
)

// mesh applies a trust domain whose workload is support-agent.
func (s *site) mesh(t testing.TB, name, domain string, all ...*writtest.Authority) (bundle string) {
	t.Helper()
	bundle = filepath.Join(t.TempDir(), name+".pem")
	if err := os.WriteFile(bundle, writtest.Bundle(all...), 0o600); err != nil {
		t.Fatal(err)
	}
	s.apply(t, fmt.Sprintf(`apiVersion: writ/v1
kind: Issuer
name: %[1]s
spec: {trustDomain: %[2]s, bundleFile: %[3]q}
---
apiVersion: writ/v1
kind: Binding
name: support-agent.%[1]s
spec: {identity: support-agent, issuer: %[1]s, subject: "spiffe://%[2]s/ns/support/sa/agent"}
`, name, domain, bundle))
	return bundle
}

// present asks over TLS, with a certificate and without a header.
func (s *site) present(t testing.TB, c tls.Certificate, edit func(*http.Request)) (containerKeys, writtest.Answer) {
	t.Helper()
	conf := s.TLS(t)
	conf.Certificates = []tls.Certificate{c}
	req, err := http.NewRequest(http.MethodGet, s.GatewayTLS+containerPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(req)
	}
	return s.readContainer(t, doTLS(t, conf, req))
}

func TestSPIFFECertificateGetsASession(t *testing.T) {
	t.Parallel()
	s := shared()
	old, next := writtest.NewAuthority(t, "one.example"), writtest.NewAuthority(t, "one.example")
	const id = "spiffe://one.example/ns/support/sa/agent"
	if _, a := s.present(t, old.SVID(t, id, nil), nil); a.Status < 400 {
		t.Errorf("before anybody configured its trust domain: answered %d %s", a.Status, a.Body)
	}
	file := s.mesh(t, "one", "one.example", old)
	svid := old.SVID(t, id, nil)
	got, a := s.present(t, svid, nil)
	if a.Status != 200 || got.Expiration.After(svid.Leaf.NotAfter) {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	called := s.call(t, got.keys(), sonnet, "converse", writtest.Say("by certificate"))
	if r := s.told(t, called, auditlog.KindIntent); r.Who.Identity != "support-agent" || r.Proof.Kind != "spiffe_x509" || r.Proof.Subject != id || r.Proof.Issuer != "spiffe://one.example" {
		t.Errorf("called as %+v by %+v", r.Who, r.Proof)
	}

	if err := os.WriteFile(file, writtest.Bundle(next), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new CA counts", func() bool { _, a := s.present(t, next.SVID(t, id, nil), nil); return a.Status == 200 })
	if _, a := s.present(t, old.SVID(t, id, nil), nil); a.Status != 400 {
		t.Errorf("by the CA that was withdrawn: answered %d %s", a.Status, a.Body)
	}
}

// What a front says of a certificate is not the certificate.
func TestS13_CertificatesInHeadersAreRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	ca := writtest.NewAuthority(t, "two.example")
	s.mesh(t, "two", "two.example", ca)
	pem := strings.ReplaceAll(string(writtest.Bundle(ca)), "\n", "%0A")
	for name, value := range map[string]string{
		"X-Forwarded-Client-Cert": "URI=spiffe://two.example/ns/support/sa/agent", "Client-Cert": ":" + pem + ":", "X-SSL-Client-Cert": pem,
		"Ssl-Client-Cert": pem, "X-Amzn-Mtls-Clientcert": pem, "X-Client-Cert": pem,
	} {
		if _, a := s.askContainer(t, containerPath, "", func(r *http.Request) { r.Header.Set(name, value) }); a.Status != 403 {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
		// Not even beside a true certificate.
		if _, a := s.present(t, ca.SVID(t, "spiffe://two.example/ns/support/sa/agent", nil), func(r *http.Request) { r.Header.Set(name, value) }); a.Status != 403 {
			t.Errorf("%s beside a certificate: answered %d %s", name, a.Status, a.Body)
		}
	}
}

func TestS13_CertificatesOfOtherTrustDomainsAreRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	three, four := writtest.NewAuthority(t, "three.example"), writtest.NewAuthority(t, "four.example")
	s.mesh(t, "three", "three.example", three)
	s.mesh(t, "four", "four.example", four)
	for name, c := range map[string]tls.Certificate{
		"signed by the other": four.SVID(t, "spiffe://three.example/ns/support/sa/agent", nil),
		"another's workload":  four.SVID(t, "spiffe://four.example/ns/other/sa/agent", nil),
		"of nobody's domain":  three.SVID(t, "spiffe://writ.local/ns/support/sa/agent", nil),
		"two names": three.SVID(t, "spiffe://three.example/ns/support/sa/agent", func(c *x509.Certificate) {
			c.URIs = append(c.URIs, &url.URL{Scheme: "spiffe", Host: "four.example", Path: "/ns/support/sa/agent"})
		}),
		"with nothing but a name": three.SVID(t, "", nil),
	} {
		if _, a := s.present(t, c, nil); a.Status < 400 || a.Status > 403 {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	// A header is the proof where there is one: the certificate does not help it.
	own := three.SVID(t, "spiffe://three.example/ns/support/sa/agent", nil)
	if _, a := s.present(t, own, func(r *http.Request) { r.Header.Set("Authorization", "writc.v1.AAAA") }); a.Status != 400 {
		t.Errorf("a bad header beside a true certificate: answered %d %s", a.Status, a.Body)
	}
}

// Calls of models need no certificate, and one that is shown proves nothing there.
func TestCertificatesAreAskedForAndNotRequired(t *testing.T) {
	t.Parallel()
	s := shared()
	five := writtest.NewAuthority(t, "five.example")
	s.mesh(t, "five", "five.example", five)
	conf := s.TLS(t)
	req := mustRequest(t, http.MethodPost, s.GatewayTLS+"/model/"+writtest.Escape(sonnet)+"/converse", "Bearer "+s.bearer(t, "support-agent"), writtest.Say("no certificate"))
	if a := doTLS(t, conf, req); a.Status != 200 {
		t.Errorf("without a certificate: answered %d %s", a.Status, a.Body)
	}
	conf.Certificates = []tls.Certificate{five.SVID(t, "spiffe://five.example/ns/support/sa/agent", nil)}
	req = mustRequest(t, http.MethodPost, s.GatewayTLS+"/model/"+writtest.Escape(sonnet)+"/converse", "", writtest.Say("only a certificate"))
	req.Header.Del("Authorization")
	if a := doTLS(t, conf, req); a.Status != 403 {
		t.Errorf("with nothing but a certificate: answered %d %s", a.Status, a.Body)
	}
	s.notReached(t, "only a certificate")
}

// Nobody is asked while no trust domain is configured: a client that answers
// such a request by opening a dialogue, or by failing, is left alone.
func TestCertificatesAreAskedForByConfigurationOnly(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	asked := func() bool {
		conf, asked := s.TLS(t), false
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return new(tls.Certificate), nil
		}
		doTLS(t, conf, mustRequest(t, http.MethodGet, s.GatewayTLS+containerPath, "x", ""))
		return asked
	}
	if asked() {
		t.Error("a client is asked for a certificate that could prove nothing")
	}
	s.mesh(t, "six", "six.example", writtest.NewAuthority(t, "six.example"))
	if !asked() {
		t.Error("no client is asked for a certificate")
	}
}

// doTLS sends a request over a TLS connection of its own.
func doTLS(t testing.TB, conf *tls.Config, req *http.Request) writtest.Answer {
	t.Helper()
	return writtest.DoOver(t, &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}, req)
}
