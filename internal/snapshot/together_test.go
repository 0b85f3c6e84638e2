package snapshot

import (
	"testing"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// An entitlement and its grants may go, or change places, in one commit.
func TestALawAndItsGrantsMayGoTogether(t *testing.T) {
	old, err := Of([]manifest.Resource{
		{Kind: manifest.Identity, Name: "bot", Spec: &identity.Identity{ID: "bot", Kind: identity.Agent, Environment: "prod"}},
		{Kind: manifest.Entitlement, Name: "chat", Spec: &rights.Entitlement{ID: "chat", Models: []string{"anthropic.claude-haiku-4-5-20251001-v1:0"}}},
		{Kind: manifest.Grant, Name: "bot.chat", Spec: &rights.Grant{ID: "bot.chat", Identity: "bot", Entitlement: "chat", NotAfter: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	gone := []store.Change{
		{Op: manifest.Delete, Kind: manifest.Grant, Name: "bot.chat"},
		{Op: manifest.Delete, Kind: manifest.Entitlement, Name: "chat"},
		{Op: manifest.Delete, Kind: manifest.Identity, Name: "bot"},
	}
	next, err := old.With(gone, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := next.CheckReferences(gone); err != nil {
		t.Fatal(err)
	}
	if _, err := old.With(gone[1:2], time.Now()); err == nil {
		t.Error("an entitlement went from under its grant")
	}
}
