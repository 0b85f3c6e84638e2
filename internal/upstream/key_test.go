package upstream

import (
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
)

// byRule is a permit that rests on a rule of the organisation's and no grant.
func byRule(t *testing.T, who, model string) *policy.Permit {
	t.Helper()
	bundle, err := policy.NewBundle(policy.Sources{
		Catalogue: bedrock.Embedded(), Identities: []string{who},
		Organisation: []policy.Document{{Name: "open", Text: `permit (principal, action, resource);`}},
	})
	if err != nil {
		t.Fatal(err)
	}
	legs, err := rights.Legs(rights.Invocation{Operation: bedrock.Converse, ModelID: model, Region: "us-east-1", Account: home}, bedrock.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	d := bundle.Decide(policy.Request{
		Identity: &identity.Identity{ID: who, State: identity.Governed}, Session: identity.Session{Identity: who, Issued: now}, Now: now,
		Operation: bedrock.Converse, Account: home, Home: home, Region: "us-east-1", Legs: legs, Prompt: dataclass.Label{}, Digest: policy.Digest{1},
	})
	if d.Permit == nil {
		t.Fatalf("refused: %+v", d)
	}
	return d.Permit
}

// Whatever two permits differ in that a session depends on, they have two
// sessions: also where no grant tells the identities apart.
func TestS3_TwoIdentitiesNeverShareASession(t *testing.T) {
	keyFor := func(p *policy.Permit) key { return keyOf(p, p.Legs()) }
	alices := byRule(t, "alice", lite)
	if keyFor(alices) != keyFor(byRule(t, "alice", lite)) {
		t.Error("the same right twice has two sessions")
	}
	granted, _ := alice.allows(t, lite)
	for name, p := range map[string]*policy.Permit{
		"another identity": byRule(t, "bob", lite), "another model": byRule(t, "alice", usPro), "by a grant": granted,
	} {
		if keyFor(p) == keyFor(alices) {
			t.Errorf("%s: shares alice's session", name)
		}
	}
}
