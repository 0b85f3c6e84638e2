package identity

import (
	"net/url"
	"strings"
	"testing"
)

func TestParseSPIFFEID(t *testing.T) {
	for _, good := range []string{
		"spiffe://example.org/ns/support/sa/ticket-router", "spiffe://e/x", "spiffe://a_b-c.9/A.b_c-1", "spiffe://example.org/...",
		"spiffe://example.org/" + strings.Repeat("a", 2027),
	} {
		id, err := ParseSPIFFEID(good)
		if err != nil || id.String() != good {
			t.Errorf("%q: %v, %v", good, id, err)
		}
	}
	for _, bad := range []string{
		"", "spiffe:/", "spiffe://", "spiffe:///x", "spiffe://example.org", "spiffe://example.org/", "spiffe://example.org/x/", "spiffe://example.org//x",
		"SPIFFE://example.org/x", "spiffe://Example.org/x", "https://example.org/x", " spiffe://example.org/x", "spiffe://example.org/x ",
		"spiffe://example.org:443/x", "spiffe://user@example.org/x", "spiffe://example.org/x?y", "spiffe://example.org/x#y", "spiffe://example.org?x",
		"spiffe://example.org/.", "spiffe://example.org/../x", "spiffe://example.org/x/./y", "spiffe://example.org/%78", "spiffe://ex%61mple.org/x",
		"spiffe://example.org/é", "spiffe://exämple.org/x", "spiffe://example.org/x\x00", "spiffe://example.org/x\n", "spiffe://[::1]/x", "spiffe://example.org/*",
		"spiffe://example.org/" + strings.Repeat("a", 2028), "spiffe://" + strings.Repeat("a", 256) + "/x",
	} {
		if id, err := ParseSPIFFEID(bad); err == nil {
			t.Errorf("%q accepted as %v", bad, id)
		}
	}
}

func FuzzParseSPIFFEID(f *testing.F) {
	f.Add("spiffe://example.org/ns/support/sa/ticket-router")
	f.Add("spiffe://example.org/%2e%2e/x")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseSPIFFEID(text)
		if err != nil {
			return
		}
		// Whoever reads it as a URL reads the same.
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "spiffe" || u.Host != id.TrustDomain || u.EscapedPath() != id.Path || u.User != nil || u.RawQuery != "" || u.Fragment != "" || id.String() != text {
			t.Fatalf("%q read as %+v, as a URL %+v (%v)", text, id, u, err)
		}
	})
}

func TestTrustDomainIssuers(t *testing.T) {
	good := Issuer{ID: "mesh", TrustDomain: "example.org", BundleFile: "/etc/writ/mesh.pem"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Issuer){
		"no bundle":        func(i *Issuer) { i.BundleFile = "" },
		"no trust domain":  func(i *Issuer) { i.TrustDomain = "" },
		"an URL too":       func(i *Issuer) { i.URL = "https://example.org" },
		"OIDC's fields":    func(i *Issuer) { i.Algorithms = []string{"RS256"} },
		"with a scheme":    func(i *Issuer) { i.TrustDomain = "spiffe://example.org" },
		"with a port":      func(i *Issuer) { i.TrustDomain = "example.org:443" },
		"with upper case":  func(i *Issuer) { i.TrustDomain = "Example.org" },
		"without anything": func(i *Issuer) { *i = Issuer{ID: "mesh"} },
	} {
		i := good
		spoil(&i)
		if i.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestBindingsOfCertificates(t *testing.T) {
	good := Binding{ID: "b", Identity: "ticket-router", Issuer: "mesh", Subject: "spiffe://example.org/ns/support/sa/ticket-router"}
	if err := good.Validate(); err != nil || good.Wide() != "" {
		t.Fatal(err, good.Wide())
	}
	if !good.SatisfiedByCertificate("mesh", good.Subject) || good.SatisfiedByCertificate("other", good.Subject) || good.SatisfiedByCertificate("mesh", good.Subject+"2") {
		t.Error("the subject or the issuer does not decide")
	}
	if good.Satisfied("mesh", good.Subject, []string{""}, nil) || good.Satisfied("mesh", good.Subject, nil, nil) {
		t.Error("a token satisfies a binding of certificates")
	}
	token := good
	token.Audience = "writ"
	if token.SatisfiedByCertificate("mesh", good.Subject) {
		t.Error("a certificate satisfies a binding of tokens")
	}
	wide := good
	wide.Subject = "spiffe://example.org/ns/support/*"
	if wide.Validate() != nil || wide.Wide() == "" || !wide.SatisfiedByCertificate("mesh", good.Subject) {
		t.Errorf("a pattern: %v, %q", wide.Validate(), wide.Wide())
	}
	for _, subject := range []string{
		"spiffe://*/ns/x", "spiffe://example.*/ns/x", "spiffe://example.org/*", "spiffe://example.org/*/*", "spiffe://example.org*", "spiffe://example.org/x?y#z*", "spiffe://example.org/", "spiffe://example.org/a/../b",
	} {
		b := good
		b.Subject = subject
		if b.Validate() == nil {
			t.Errorf("subject %q accepted", subject)
		}
	}
	claims := good
	claims.Claims = map[string]string{"a": "b"}
	if claims.Validate() == nil || claims.SatisfiedByCertificate("mesh", good.Subject) {
		t.Error("claims that no certificate has are accepted")
	}
}
