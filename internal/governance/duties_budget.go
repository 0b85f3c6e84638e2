package governance

import (
	"slices"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/sod"
)

// spending are the hands that spend from budgets by a grant: the identity, and who
// answers for it. Each budget is told of once an identity, whichever of its grants
// brought it up. grant is empty for one that is asked for.
func (k *spokenOf) spending(i *identity.Identity, e *rights.Entitlement, grant string) []sod.Hand {
	var out []sod.Hand
	var people []string
	for _, b := range k.s.AllBudgets() {
		key := i.ID + "/" + b.ID
		if k.spent[key] || !mayCover(&b.Covers, i, e.ID, grant) {
			continue
		}
		k.spent[key] = true
		if people == nil {
			people = accountsOf(k.s, i.Sponsor, i.Owner, i.Deputy)
		}
		spends := sod.Held{Duty: sod.Spend, Object: "Budget/" + b.ID, Source: "Identity/" + i.ID}
		out = append(out, sod.Hand{Kind: sod.HandIdentity, Name: i.ID, Held: spends})
		for _, account := range people {
			out = append(out, sod.Hand{Kind: sod.HandPerson, Name: account, Held: spends})
		}
	}
	return out
}

// mayCover reports whether a budget may cover calls by a grant. Which models they
// are of is not asked: a grant gives several, and what may be is enough.
func mayCover(c *budget.Covers, i *identity.Identity, entitlement, grant string) bool {
	within := func(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }
	return within(c.Identities, i.ID) && within(c.Entitlements, entitlement) && within(c.Teams, i.Team) && (grant == "" || within(c.Grants, grant))
}

func addHand(f *sod.Facts, h sod.Hand) {
	by := f.Persons
	if h.Kind == sod.HandIdentity {
		by = f.Identities
	}
	by[h.Name] = append(by[h.Name], h.Held)
}
