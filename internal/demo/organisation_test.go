package demo

import (
	"testing"
	"time"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/snapshot"
)

func TestOrganisationIsSound(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	all, err := Organisation("http://127.0.0.1:1", now)
	if err != nil {
		t.Fatal(err)
	}
	if err := manifest.Check(all); err != nil {
		t.Fatal(err)
	}
	s, err := snapshot.Of(all, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"support-agent", "ci-summariser", "invoice-triage", "partner-inference", "sales-agent", "analytics", "shared-runtime"} {
		if _, ok := s.Identity(who); !ok {
			t.Errorf("%s is missing", who)
		}
		if len(s.GrantsOf(who)) == 0 {
			t.Errorf("%s holds nothing", who)
		}
	}
}
