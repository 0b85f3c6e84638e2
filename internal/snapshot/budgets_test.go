package snapshot

import (
	"fmt"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

func budgetOf(name string, requests int64) manifest.Resource {
	return manifest.Resource{Kind: manifest.Budget, Name: name, Spec: &budget.Budget{ID: name, Terms: budget.Terms{Limits: budget.Limits{Requests: &requests}, Window: budget.Day}}}
}

func chatOf(limits ...budget.Terms) manifest.Resource {
	return manifest.Resource{Kind: manifest.Entitlement, Name: "chat", Spec: &rights.Entitlement{ID: "chat", Models: []string{"amazon.nova-lite-v1:0"}, Limits: limits}}
}

// TestBudgetsMakeTheBook: a change of one, or of an entitlement, makes another; no
// other change does, and grants above all.
func TestBudgetsMakeTheBook(t *testing.T) {
	empty, err := Of(nil, then)
	if err != nil {
		t.Fatal(err)
	}
	if empty.Budgets == nil || empty.Budgets.Covering(&budget.Subject{Identity: "bot"}) != nil {
		t.Error("where there is no budget something limits calls, or there is no book")
	}
	bot := manifest.Resource{Kind: manifest.Identity, Name: "bot", Spec: &identity.Identity{ID: "bot", Kind: identity.Agent, Environment: "prod"}}
	s, err := Of([]manifest.Resource{bot, chatOf(), budgetOf("b", 5), budgetOf("a", 7)}, then)
	if err != nil {
		t.Fatal(err)
	}
	with := func(s *Snapshot, op manifest.Op, r manifest.Resource) *Snapshot {
		t.Helper()
		next, err := s.With([]store.Change{changeTo(t, op, r)}, then)
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	covering := func(s *Snapshot) (out string) {
		for _, l := range s.Budgets.Covering(&budget.Subject{Identity: "bot", Held: []budget.Held{{Grant: "g", Entitlement: "chat"}}}) {
			out += fmt.Sprintf("%s=%d ", l.Budget, l.Limit)
		}
		return out
	}
	if got := covering(s); got != "a=7 b=5 " {
		t.Errorf("covered by %s", got)
	}
	granted := with(s, manifest.Create, manifest.Resource{Kind: manifest.Grant, Name: "g", Spec: &rights.Grant{ID: "g", Identity: "bot", Entitlement: "chat", NotBefore: then, NotAfter: then.AddDate(0, 1, 0)}})
	if other := with(granted, manifest.Create, dana()); other.Budgets != s.Budgets {
		t.Error("the book was made anew for a grant or an operator")
	}
	lower := with(granted, manifest.Update, budgetOf("b", 4))
	if covering(lower) != "a=7 b=4 " || covering(s) != "a=7 b=5 " {
		t.Errorf("covered by %s, and before by %s", covering(lower), covering(s))
	}
	streams := int64(2)
	limited := with(with(lower, manifest.Delete, budgetOf("a", 0)), manifest.Update, chatOf(budget.Terms{Limits: budget.Limits{Streams: &streams}}))
	if got := covering(limited); got != "b=4 entitlement:chat=2 " {
		t.Errorf("covered by %s", got)
	}
	if all := limited.AllBudgets(); len(all) != 1 || all[0].ID != "b" {
		t.Errorf("%d budgets", len(all))
	}
	if b, ok := s.Budget("a"); !ok || *b.Requests != 7 {
		t.Errorf("found %+v", b)
	}
}

// TestASnapshotWithUnsoundLimitsIsNone: what would be counted wrongly stops the
// change, not the counting.
func TestASnapshotWithUnsoundLimitsIsNone(t *testing.T) {
	calls := int64(1)
	for name, terms := range map[string]budget.Terms{
		"no window": {Limits: budget.Limits{Requests: &calls}},
		"no zone":   {Limits: budget.Limits{Requests: &calls}, Window: budget.Day, TimeZone: "Europe/Atlantis"},
	} {
		if _, err := Of([]manifest.Resource{chatOf(terms)}, then); err == nil || !strings.Contains(err.Error(), `entitlement "chat": limits`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
