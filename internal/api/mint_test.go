package api

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/proof"
	"github.com/writ-project/writ/internal/writtest"
)

func TestMintRequestIsReadStrictly(t *testing.T) {
	in := MintRequest{Identity: "a", TTL: "15m", Container: true, Networks: []string{"office"}}
	got, err := in.local(governance.LocalAdmin)
	if err != nil || got.TTL != 15*time.Minute || got.Form != proof.FormContainer || got.Networks[0] != "office" || got.Operator != governance.LocalAdmin {
		t.Errorf("%+v, %v", got, err)
	}
	in = MintRequest{Identity: "a", Bearer: true, Source: "192.0.2.7"}
	if got, err = in.local(governance.LocalAdmin); err != nil || got.Form != proof.FormBearer || got.Source != netip.MustParseAddr("192.0.2.7") {
		t.Errorf("%+v, %v", got, err)
	}
	for name, in := range map[string]MintRequest{
		"two forms": {Bearer: true, Container: true}, "no duration": {TTL: "soon"}, "none of it": {TTL: "0s"}, "negative": {TTL: "-1m"},
		"no address": {Source: "office"}, "a network": {Source: "192.0.2.0/24"}, "a zone": {Source: "fe80::1%eth0"},
	} {
		if got, err := in.local(governance.LocalAdmin); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

// The answer holds the form that was asked for, and no other that would do more.
func TestMintAnswerHoldsOneForm(t *testing.T) {
	one := func(text string) func(identity.Session) (string, error) {
		return func(identity.Session) (string, error) { return text, nil }
	}
	s := &Server{cfg: Config{Bearer: one("bearer"), Container: one("container")}}
	minted := proof.Minted{Credentials: proof.Credentials{AccessKeyID: "id", SecretAccessKey: "secret", SessionToken: "token"}}
	for form, want := range map[proof.Form]MintAnswer{
		proof.FormSession:   {AccessKeyID: "id", SecretAccessKey: "secret", SessionToken: "token"},
		proof.FormBearer:    {Bearer: "bearer"},
		proof.FormContainer: {Container: "container"},
	} {
		if got, err := s.sealed(minted, form); err != nil || got != want {
			t.Errorf("%s: %+v, %v", form, got, err)
		}
	}
}

func TestUnusableBundlesAreWarnedOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bundle.pem")
	i := &identity.Issuer{TrustDomain: "example.org", BundleFile: file}
	if w := unreadableBundle(i); !strings.Contains(w, file) {
		t.Errorf("no file: %q", w)
	}
	if err := os.WriteFile(file, writtest.Bundle(writtest.NewAuthority(t, "other.example")), 0o600); err != nil {
		t.Fatal(err)
	}
	if w := unreadableBundle(i); !strings.Contains(w, "other.example") {
		t.Errorf("another trust domain's: %q", w)
	}
	if err := os.WriteFile(file, writtest.Bundle(writtest.NewAuthority(t, "example.org")), 0o600); err != nil {
		t.Fatal(err)
	}
	if w := unreadableBundle(i); w != "" {
		t.Errorf("a good one: %q", w)
	}
	if w := unreadableBundle(&identity.Issuer{URL: "https://x.example"}); w != "" {
		t.Errorf("an OIDC issuer: %q", w)
	}
}
