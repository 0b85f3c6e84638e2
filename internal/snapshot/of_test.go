package snapshot

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
)

func TestOfIsWhatTheStoreWouldGive(t *testing.T) {
	w := newWorld(t)
	resources, _, err := w.db.Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	planned, err := Of(resources, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	loaded := w.open().Current()
	if planned.Bundle.Digest() != loaded.Bundle.Digest() {
		t.Error("the bundles differ")
	}
	if d := cmp.Diff(loaded.Identities(), planned.Identities()); d != "" {
		t.Error(d)
	}
}

func TestOfRefusesWhatTheGatewayWouldNotLoad(t *testing.T) {
	orphan := []manifest.Resource{
		{Kind: manifest.Identity, Name: "other", Spec: &identity.Identity{ID: "other", Kind: identity.Agent, Environment: "prod"}},
		grant(nil),
	}
	if _, err := Of(orphan, time.Now()); err == nil {
		t.Error("a grant of nothing to nobody was accepted")
	}
	broken := manifest.Resource{Kind: manifest.PolicyKind, Name: "p", Spec: &manifest.Policy{ID: "p", Text: "permit ("}}
	if _, err := Of([]manifest.Resource{broken}, time.Now()); err == nil {
		t.Error("a policy that does not parse was accepted")
	}
}
