package manifest

import (
	"strings"
	"testing"
)

const mesh = `apiVersion: writ/v1
kind: Issuer
name: mesh
spec: {trustDomain: example.org, bundleFile: /etc/writ/mesh.pem}
---
apiVersion: writ/v1
kind: Issuer
name: ci
spec: {url: "https://issuer.example"}
---
apiVersion: writ/v1
kind: Identity
name: bot
spec: {kind: workload, environment: prod}
---
apiVersion: writ/v1
kind: Binding
name: bot.mesh
spec: {identity: bot, issuer: mesh, subject: "spiffe://example.org/ns/x/sa/bot"}
`

// A binding speaks of the proofs that its issuer gives, and of that trust
// domain's workloads only.
func TestTrustDomainsAndTheirBindingsFit(t *testing.T) {
	check := func(text string) error {
		all, err := Parse("mesh.yaml", []byte(text))
		if err != nil {
			return err
		}
		return Check(all)
	}
	if err := check(mesh); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"another trust domain":    {"spiffe://example.org/ns", "spiffe://example.com/ns", `is not in the trust domain example.org`},
		"a longer trust domain":   {"spiffe://example.org/ns", "spiffe://example.org.evil/ns", `is not in the trust domain example.org`},
		"a token's subject":       {`subject: "spiffe://example.org/ns/x/sa/bot"`, `subject: "sub", audience: writ`, "whose proofs are certificates"},
		"a JWT-SVID's":            {`/sa/bot"`, `/sa/bot", audience: writ`, "whose proofs are certificates"},
		"a certificate of OIDC":   {"issuer: mesh", "issuer: ci", "audience is required"},
		"the trust domain twice":  {`{url: "https://issuer.example"}`, "{trustDomain: example.org, bundleFile: /other.pem}", "the trust domain is taken by mesh.yaml:1"},
		"everything in it":        {"/ns/x/sa/bot", "/*", "matches every workload"},
		"a bundle file is wanted": {", bundleFile: /etc/writ/mesh.pem", "", "bundleFile is required"},
	} {
		text := strings.Replace(mesh, c.old, c.new, 1)
		if err := check(text); text == mesh || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: says %v, want %q", name, err, c.want)
		}
	}
}
