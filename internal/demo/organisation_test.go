package demo

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
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

// TestTheSamplePeopleCanDecide goes through every right that a sample identity
// holds: each stage must find somebody among docs/examples/people who does not
// answer for the identity.
func TestTheSamplePeopleCanDecide(t *testing.T) {
	people, err := manifest.LoadDir(os.DirFS("../../docs/examples/people"))
	if err != nil {
		t.Fatal(err)
	}
	org, err := Organisation("http://127.0.0.1:1", time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	all := append(org, people...)
	if err := manifest.Check(all); err != nil {
		t.Fatal(err)
	}
	s, err := snapshot.Of(all, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range s.Grants() {
		e, _ := s.Entitlement(g.Entitlement)
		i, _ := s.Identity(g.Identity)
		if len(e.Access.Stages) == 0 || e.Owner == "" {
			t.Errorf("%s says not who decides, or who owns it", e.ID)
		}
		for _, stage := range e.Access.Stages {
			if !slices.ContainsFunc(people, func(r manifest.Resource) bool {
				op := r.Spec.(*operator.Operator)
				return !op.Is(i.Sponsor) && slices.ContainsFunc(stage.Approvers, func(sel string) bool { return named(s, sel, op, e, i) })
			}) {
				t.Errorf("%s, stage %s: nobody of %v can decide", g.ID, stage.Name, stage.Approvers)
			}
		}
	}
}

// named reports whether a selector names an operator who may decide.
func named(s *snapshot.Snapshot, selector string, op *operator.Operator, e *rights.Entitlement, i *identity.Identity) bool {
	who, err := rights.ParsePeople(selector)
	if err != nil {
		return false
	}
	decides := slices.ContainsFunc(op.Roles, func(h operator.Held) bool {
		return h.Role == operator.Approver && (len(h.Tiers) == 0 || slices.Contains(h.Tiers, e.RiskTier)) && (len(h.Teams) == 0 || slices.Contains(h.Teams, i.Team))
	})
	switch who.Kind {
	case rights.PeopleOwner:
		return op.Is(e.Owner)
	case rights.PeopleModelOwner:
		m, ok := s.Catalogue.Model(e.Models[0])
		return ok && op.Is(m.Owner)
	case rights.PeopleTeam:
		return decides && slices.Contains(op.Teams, who.Name)
	case rights.PeopleRole:
		return decides && operator.Role(who.Name) == operator.Approver
	}
	return false
}
