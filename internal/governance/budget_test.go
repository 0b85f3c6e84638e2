package governance

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store/storetest"
)

func budgetOf(requests int64) manifest.Resource {
	return manifest.Resource{Kind: manifest.Budget, Name: "day", Spec: &budget.Budget{ID: "day", Terms: budget.Terms{Limits: budget.Limits{Requests: &requests}, Window: budget.Day}}}
}

// TestS18_ABudgetThatIsRaisedIsARequest; one that is new, or lowered, is applied.
func TestS18_ABudgetThatIsRaisedIsARequest(t *testing.T) {
	h := openHall(t)
	h.approve(t, "alex", h.submit(t, "dana", askGrant("bot", "chat")).ID)
	h.round(t)
	limit := func() int64 {
		b, ok := h.state.Current().Budget("day")
		if !ok {
			return -1
		}
		return *b.Requests
	}
	plan := func(r manifest.Resource, requests int) Plan {
		t.Helper()
		p, err := h.office.Plan(t.Context(), h.as(t, "adam"), []manifest.Resource{r}, false)
		if err != nil || len(p.Requests) != requests || p.Steps() != 1-requests {
			t.Fatalf("%d requests, %d steps, %v", len(p.Requests), p.Steps(), err)
		}
		return p
	}
	apply := func(p Plan) []string {
		t.Helper()
		_, filed, err := h.office.Apply(t.Context(), h.as(t, "adam"), "apply", p)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.state.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		return filed
	}
	apply(plan(budgetOf(100), 0))
	apply(plan(budgetOf(50), 0))
	if limit() != 50 {
		t.Fatalf("the limit is %d", limit())
	}
	filed := apply(plan(budgetOf(70), 1))
	if limit() != 50 {
		t.Fatal("it was raised without anybody's consent")
	}
	r, err := h.office.Request(t.Context(), h.as(t, "alex"), filed[0])
	if err != nil {
		t.Fatal(err)
	}
	if w := r.Ask.Change.Widens; len(w) != 1 || w[0].Cause != "Budget/day" || !strings.Contains(w[0].Text, "limits requests to 70, and did to 50") {
		t.Errorf("asked for %+v", w)
	}
	h.approve(t, "alex", filed[0])
	if limit() != 70 {
		t.Errorf("approved, and the limit is %d", limit())
	}
	p, err := h.office.Delete(t.Context(), h.as(t, "adam"), manifest.Budget, "day")
	if err != nil || len(p.Requests) != 1 || p.Steps() != 0 {
		t.Errorf("taking it away: %d requests, %d steps, %v", len(p.Requests), p.Steps(), err)
	}
}

// TestAStatedSpendLimitsTheGrant: what was asked for is what it may cost.
func TestAStatedSpendLimitsTheGrant(t *testing.T) {
	h := openHall(t)
	in := askGrant("bot", "chat")
	in.Ask.Grant.SpendUSD = new(int64(20))
	h.approve(t, "alex", h.submit(t, "dana", in).ID)
	h.round(t)
	grants := h.state.Current().GrantsOf("bot")
	if len(grants) != 1 || grants[0].Narrow == nil || grants[0].Narrow.SpendUSD == nil {
		t.Fatalf("granted %+v", grants)
	}
	held := []budget.Held{grants[0].Held()}
	lines := h.state.Current().Budgets.Covering(&budget.Subject{Identity: "bot", Held: held})
	if len(lines) != 1 || lines[0].Budget != "grant:"+grants[0].ID || lines[0].Limit != int64(20*budget.Dollar) || lines[0].Window != budget.Month {
		t.Errorf("limited by %+v", lines)
	}
}

// TestS17_ABudgetThatIsLostStopsEveryCall: after restoring an older state nobody knows
// how much may be spent.
func TestS17_ABudgetThatIsLostStopsEveryCall(t *testing.T) {
	for name, before := range map[string]bool{"it was made later": false, "it was changed later": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h := settled(t, storetest.SQLite(t), dir)
			op := manifest.Create
			if before {
				h.put(t, manifest.Create, budgetOf(100))
				op = manifest.Update
			}
			b := h.backedUp(t)
			h.put(t, op, budgetOf(50))
			h.close(t)
			again := restored(t, storetest.SQLite(t), b, filepath.Join(dir, "log"))
			m := again.mend(t)
			listed(t, m, "Budget/day")
			if !m.Stopped {
				t.Errorf("calls go on: %+v", m.Items)
			}
		})
	}
}
