package proof

import (
	"context"
	"encoding/json"
	"testing"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/writ-project/writ/internal/identity"
)

// BenchmarkWebIdentity is one exchange with keys at hand: reading, one ES256
// verification, binding, minting. Recording and sealing cost nothing here.
func BenchmarkWebIdentity(b *testing.B) {
	key := ecKey(b, "k1")
	issuer := identity.Issuer{URL: "https://id.example"}
	w := World{
		Issuers:  map[string]identity.Issuer{"cluster": issuer},
		Bindings: []identity.Binding{{ID: "b", Identity: "support-agent", Issuer: "cluster", Audience: testAudience, Subject: testSubject}},
		Identity: func(id string) (*identity.Identity, bool) { return &identity.Identity{ID: id}, true },
	}
	c := &clock{t: epoch}
	x, err := New(Config{
		Record:    func(context.Context, Mint) (uint64, error) { return 1, nil },
		Seal:      func(identity.Session) (Credentials, error) { return Credentials{}, nil },
		Now:       c.Now,
		PerSource: 1 << 30,
		Total:     1 << 30,
	})
	if err != nil {
		b.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.public(), KeyID: key.id}}})
	if err != nil {
		b.Fatal(err)
	}
	keys, err := parseKeys(set)
	if err != nil {
		b.Fatal(err)
	}
	ring := x.keys.ring(w, keySourceOf(issuer))
	ring.keys, ring.fetched = keys, epoch
	req := WebIdentityRequest{Token: key.token(b, issuer.URL, epoch, nil), RoleARN: testRole, SessionName: "s1", Origin: from("192.0.2.1")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.WebIdentity(b.Context(), w, req); err != nil {
			b.Fatal(err)
		}
	}
}
