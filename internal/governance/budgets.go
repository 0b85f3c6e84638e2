package governance

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// BudgetView is a budget, or the limits of an entitlement or a grant, with how much
// of it is used in the window that runs now.
type BudgetView struct {
	// Name is a budget's; entitlement:NAME for the limits of an entitlement, and
	// grant:NAME for the spend that a grant was approved with.
	Name     string        `json:"name"`
	Title    string        `json:"title,omitempty"`
	Owner    string        `json:"owner,omitempty"`
	Covers   budget.Covers `json:"covers"`
	Per      string        `json:"per,omitempty"` // what each has an account of; absent: one account for all
	TimeZone string        `json:"timeZone,omitempty"`
	Limits   []LimitView   `json:"limits"`
	// Accounts are those of the window that runs now; only where one budget is shown.
	Accounts []AccountView `json:"accounts,omitempty"`
}

// LimitView is one limit of a budget.
type LimitView struct {
	Unit   budget.Unit   `json:"unit"`
	Window budget.Window `json:"window,omitempty"`
	// Limit is in the unit; US dollars are in millionths.
	Limit    int64 `json:"limit"`
	Accounts int   `json:"accounts"`         // that anything was counted in, in the window that runs now
	Frozen   int   `json:"frozen,omitempty"` // of them
	// Fullest is the account with the largest part used; absent: there is none yet.
	Fullest *AccountView `json:"fullest,omitempty"`
}

// AccountView is one account of a budget. Amounts are in its unit; US dollars are in
// millionths.
type AccountView struct {
	ID     string        `json:"id"`
	Key    string        `json:"key,omitempty"` // the identity, team, model … that it is of
	Unit   budget.Unit   `json:"unit"`
	Window budget.Window `json:"window,omitempty"`
	Start  time.Time     `json:"start,omitzero"`
	End    time.Time     `json:"end,omitzero"` // exclusive: from then on there is a new one
	Limit  int64         `json:"limit"`
	// Settled is what calls have used.
	Settled int64 `json:"settled"`
	// Reserved is what calls in progress may still use, as replicas last said.
	Reserved int64 `json:"reserved"`
	// Out is what replicas may spend without asking, Reserved included.
	Out int64 `json:"out"`
	// Left is what new calls can still reserve: neither settled nor reserved.
	Left int64 `json:"left"`
	// Percent is the part of the limit that is settled or reserved, rounded down.
	Percent  int64     `json:"percent"`
	Frozen   string    `json:"frozen,omitempty"` // why nothing is spent from it; absent: it is not frozen
	FrozenAt time.Time `json:"frozenAt,omitzero"`
}

// maxAccounts bounds what is read of the accounts of all budgets, or of one.
const maxAccounts = 20_000

func accountView(a *store.BudgetAccount) AccountView {
	used := a.Settled + a.Reserved
	v := AccountView{
		ID: a.ID, Key: a.Key, Unit: budget.Unit(a.Unit), Window: budget.Window(a.Window), Start: a.Start, End: a.End,
		Limit: a.Limit, Settled: a.Settled, Reserved: a.Reserved, Out: a.Out, Left: max(0, a.Limit-used), Frozen: a.Frozen, FrozenAt: a.FrozenAt,
	}
	switch {
	case a.Limit > 0:
		v.Percent = int64(100 * float64(used) / float64(a.Limit))
	case a.Limit == 0:
		v.Percent = 100
	}
	return v
}

// Budgets lists the budgets that the actor may see, by name, with how they stand.
func (o *Office) Budgets(ctx context.Context, a Actor) ([]BudgetView, error) {
	s, err := o.present(ctx)
	if err != nil {
		return nil, err
	}
	accounts, err := o.accounts(ctx, store.BudgetFilter{At: o.cfg.Now()})
	if err != nil {
		return nil, err
	}
	byName := map[string][]AccountView{}
	for i := range accounts {
		byName[accounts[i].Budget] = append(byName[accounts[i].Budget], accountView(&accounts[i]))
	}
	out := []BudgetView{}
	for _, v := range stated(s, byName) {
		if o.May(ctx, a, authority.ViewSpend, budgetObject(s, v.Name, v.Owner)) == nil {
			v.stand(byName[v.Name])
			out = append(out, v)
		}
	}
	return out, nil
}

// Budget shows one, with its accounts; store.ErrNotFound when there is none that the
// actor may see.
func (o *Office) Budget(ctx context.Context, a Actor, name string) (BudgetView, error) {
	s, err := o.present(ctx)
	if err != nil {
		return BudgetView{}, err
	}
	accounts, err := o.accounts(ctx, store.BudgetFilter{Budget: name, At: o.cfg.Now()})
	if err != nil {
		return BudgetView{}, err
	}
	views := []AccountView{}
	for i := range accounts {
		views = append(views, accountView(&accounts[i]))
	}
	for _, v := range stated(s, map[string][]AccountView{name: views}) {
		if v.Name == name && o.May(ctx, a, authority.ViewSpend, budgetObject(s, v.Name, v.Owner)) == nil {
			v.stand(views)
			v.Accounts = views
			slices.SortStableFunc(v.Accounts, func(x, y AccountView) int { return cmp.Compare(y.Percent, x.Percent) })
			return v, nil
		}
	}
	return BudgetView{}, fmt.Errorf("budget %q: %w", name, store.ErrNotFound)
}

// accounts reads the accounts that a filter picks, page by page.
func (o *Office) accounts(ctx context.Context, f store.BudgetFilter) ([]store.BudgetAccount, error) {
	f.Limit = 1000
	var out []store.BudgetAccount
	for len(out) < maxAccounts {
		page, err := o.cfg.Store.BudgetAccounts(ctx, f)
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		if len(page) < f.Limit {
			break
		}
		f.After = page[len(page)-1].ID
	}
	return out, nil
}

// stated are the budgets and limits that there are, by name: those of manifests,
// and whatever else anything is counted for.
func stated(s *snapshot.Snapshot, counted map[string][]AccountView) []BudgetView {
	var out []BudgetView
	for _, b := range s.AllBudgets() {
		out = append(out, BudgetView{Name: b.ID, Title: b.Title, Owner: b.Owner, Covers: b.Covers, Per: b.Split(), TimeZone: b.TimeZone, Limits: limitsOf(&b.Terms)})
	}
	for _, e := range s.Entitlements() {
		if len(e.Limits) == 0 {
			continue
		}
		v := BudgetView{Name: entitlementPrefix + e.ID, Title: e.Title, Owner: e.Owner, Covers: budget.Covers{Entitlements: []string{e.ID}}, Per: budget.PerGrant, Limits: []LimitView{}}
		for i := range e.Limits {
			v.Limits = append(v.Limits, limitsOf(&e.Limits[i])...)
		}
		out = append(out, v)
	}
	for name, accounts := range counted {
		if len(accounts) == 0 || slices.ContainsFunc(out, func(v BudgetView) bool { return v.Name == name }) {
			continue
		}
		out = append(out, leftover(s, name, accounts))
	}
	slices.SortFunc(out, func(a, b BudgetView) int { return strings.Compare(a.Name, b.Name) })
	return out
}

const (
	entitlementPrefix = "entitlement:"
	grantPrefix       = "grant:"
)

// leftover is what no manifest says: the spend that a grant was approved with, or a
// budget that was deleted while its window runs.
func leftover(s *snapshot.Snapshot, name string, accounts []AccountView) BudgetView {
	v := BudgetView{Name: name, Limits: []LimitView{}}
	if id, ok := strings.CutPrefix(name, grantPrefix); ok {
		v.Covers = budget.Covers{Grants: []string{id}}
		if g, ok := s.Grant(id); ok {
			v.Title = "stated spend of " + g.Identity + " with " + g.Entitlement
		}
	}
	for _, a := range accounts {
		if !slices.ContainsFunc(v.Limits, func(l LimitView) bool { return l.Unit == a.Unit && l.Window == a.Window }) {
			v.Limits = append(v.Limits, LimitView{Unit: a.Unit, Window: a.Window, Limit: a.Limit})
		}
	}
	return v
}

func limitsOf(t *budget.Terms) []LimitView {
	out := []LimitView{}
	for _, u := range budget.Units {
		if n, ok := t.Of(u); ok {
			l := LimitView{Unit: u, Window: t.Window, Limit: n}
			if u == budget.Streams {
				l.Window = "" // calls in progress, whenever they began
			}
			out = append(out, l)
		}
	}
	return out
}

// stand fills in how the limits stand.
func (v *BudgetView) stand(accounts []AccountView) {
	for i := range v.Limits {
		l := &v.Limits[i]
		for j := range accounts {
			a := &accounts[j]
			if a.Unit != l.Unit || a.Window != l.Window {
				continue
			}
			l.Accounts++
			if a.Frozen != "" {
				l.Frozen++
			}
			if l.Fullest == nil || a.Percent > l.Fullest.Percent || a.Frozen != "" && l.Fullest.Frozen == "" {
				l.Fullest = a
			}
		}
	}
}

// budgetObject is what rules may know of a budget.
func budgetObject(s *snapshot.Snapshot, name, owner string) authority.Object {
	on := authority.Object{Kind: "Budget", Name: name, Owners: accountsOf(s, owner)}
	if id, ok := strings.CutPrefix(name, grantPrefix); ok {
		if g, ok := s.Grant(id); ok {
			right := objectOf(s, "Budget", name, g.Identity, g.Entitlement)
			on.Sponsors, on.Team, on.Environment, on.Entitlement, on.Tier = right.Sponsors, right.Team, right.Environment, right.Entitlement, right.Tier
		}
	}
	return on
}
