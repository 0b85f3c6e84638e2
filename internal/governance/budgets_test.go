package governance

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/store"
)

// spent reports an account as a replica does that settled some of it for bot.
func (h *hall) spent(t *testing.T, a store.LeaseAccount, settled int64, freeze string) {
	t.Helper()
	c, err := h.db.ClaimMark(t.Context(), "0", a.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.db.Lease(t.Context(), store.LeaseReport{
		Shard: "0", Boot: a.ID, Turn: c.Turn + 1, Seq: c.Seq + 1, Anew: true, Mark: c.Mark,
		Entries: []store.LeaseEntry{{Account: a, Settled: settled, Freeze: freeze}},
		Spend:   []store.SpendRow{{SpendTags: store.SpendTags{Day: h.now.UTC().Format(time.DateOnly), Identity: "bot"}, Requests: 1, MicroUSD: settled}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// budgeted is a hall with a budget of a dollar a month for everybody, owned by owen,
// whose account bot has spent more from than was reserved.
func budgeted(t *testing.T) *hall {
	t.Helper()
	h := openHall(t)
	dollar := budget.Dollar
	h.apply(t, manifest.Resource{Kind: manifest.Budget, Name: "all", Spec: &budget.Budget{
		ID: "all", Owner: "owen@example.com", Terms: budget.Terms{Limits: budget.Limits{USD: &dollar}, Window: budget.Month},
	}})
	start, end := budget.Month.At(h.now, time.UTC)
	h.spent(t, store.LeaseAccount{ID: "all||usd|month|now", Budget: "all", Unit: "usd", Window: "month", Start: start, End: end, Limit: 1_000_000}, 1_200_000, "a call used more than was reserved")
	return h
}

func TestABudgetIsSeenByItsOwnerAndWhoRunsTheInstallation(t *testing.T) {
	h := budgeted(t)
	for _, name := range []string{"owen", "ada", "adam", "sam"} {
		all, err := h.office.Budgets(t.Context(), h.as(t, name))
		if err != nil || len(all) != 1 || len(all[0].Limits) != 1 {
			t.Fatalf("%s sees %+v %v", name, all, err)
		}
		l := all[0].Limits[0]
		if l.Limit != 1_000_000 || l.Accounts != 1 || l.Frozen != 1 || l.Fullest.Settled != 1_200_000 || l.Fullest.Left != 0 || l.Fullest.Percent != 120 {
			t.Errorf("%s sees %+v", name, l)
		}
	}
	if all, err := h.office.Budgets(t.Context(), h.as(t, "dana")); err != nil || len(all) != 0 {
		t.Errorf("a requester sees %+v %v", all, err)
	}
	if _, err := h.office.Budget(t.Context(), h.as(t, "dana"), "all"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a requester is told %v", err)
	}
	if v, err := h.office.Budget(t.Context(), h.as(t, "ada"), "all"); err != nil || len(v.Accounts) != 1 || v.Accounts[0].Frozen == "" {
		t.Errorf("%+v %v", v, err)
	}
}

// TestNobodyUnfreezesWhatTheirOwnIdentitySpendsFrom: bot, which spent, is dana's.
func TestNobodyUnfreezesWhatTheirOwnIdentitySpendsFrom(t *testing.T) {
	h := budgeted(t)
	if i, ok := h.state.Current().Identity("bot"); !ok || i.Sponsor != "dana@example.com" {
		t.Fatal("bot is somebody else's")
	}
	h.apply(t, manifest.Resource{Kind: manifest.Operator, Name: "dana", Spec: &operator.Operator{
		ID: "dana", Email: "dana@example.com", Roles: []operator.Held{{Role: operator.Approver}},
	}})
	order := UnfreezeOrder{Reason: "counted twice"}
	for _, name := range []string{"dana", "ada", "adam"} {
		var forbidden *ForbiddenError
		if _, err := h.office.Unfreeze(t.Context(), h.as(t, name), "all", order); !errors.As(err, &forbidden) {
			t.Errorf("%s unfreezes: %v", name, err)
		}
	}
	if _, err := h.office.Unfreeze(t.Context(), h.as(t, "sam"), "all", UnfreezeOrder{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("without a reason: %v", err)
	}
	got, err := h.office.Unfreeze(t.Context(), h.as(t, "sam"), "all", order)
	if err != nil || !slices.Equal(got.Accounts, []string{"all||usd|month|now"}) {
		t.Fatalf("%+v %v", got, err)
	}
	if v, err := h.office.Budget(t.Context(), h.as(t, "sam"), "all"); err != nil || v.Limits[0].Frozen != 0 {
		t.Errorf("it is still frozen: %+v %v", v, err)
	}
	if _, err := h.office.Unfreeze(t.Context(), h.as(t, "sam"), "all", order); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
}

// TestAnOwnerUnfreezesTheirBudget, and the reason is kept with the record of it.
func TestAnOwnerUnfreezesTheirBudget(t *testing.T) {
	h := budgeted(t)
	if _, err := h.office.Unfreeze(t.Context(), h.as(t, "owen"), "all", UnfreezeOrder{Reason: "counted twice"}); err != nil {
		t.Fatal(err)
	}
	facts, err := h.db.FactsOf(t.Context(), "unfreeze/")
	if err != nil || len(facts) != 1 {
		t.Fatalf("%v %v", facts, err)
	}
	if n, err := h.office.Reconcile(t.Context()); n != 0 || err != nil {
		t.Errorf("%d acts were left open: %v", n, err)
	}
}
