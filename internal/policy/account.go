package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/rights"
)

// accountClause ties a permit to the account that its entitlement is for: the
// gateway's own when it names none. So no grant for one account can permit any
// part of a call in another.
func accountClause(account string) clause {
	if account == "" {
		return onContext(at("request", "home"), "must be true: the entitlement is for the gateway's own account", "request", "home")
	}
	return onContext(at("request", "account").Equal(text(account)), fmt.Sprintf("must be %q", account), "request", "account")
}

// Accounts lists the accounts that an identity's grants are for, sorted; the
// empty string is the gateway's own. It is shared and must not be changed.
func (b *Bundle) Accounts(identity string) []string {
	h := b.roster.holder(identity)
	if h == nil {
		return nil
	}
	return h.accounts
}

// AccountsAt lists the accounts that an identity's grants are for, of a gateway
// whose own is home: that one first, if it is among them, the others sorted;
// home alone for an identity without grants.
func (b *Bundle) AccountsAt(home, identity string) []string {
	var out []string
	for _, a := range b.Accounts(identity) {
		if a = cmp.Or(a, home); !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	switch i := slices.Index(out, home); {
	case len(out) == 0:
		return []string{home}
	case i > 0: // it was named by its number
		out = slices.Insert(slices.Delete(out, i, i+1), 0, home)
	}
	return out
}

// Account is the AWS account the call may be made in.
func (p *Permit) Account() string { return p.account }

// Identity is who the call is made for.
func (p *Permit) Identity() string { return p.identity }

// Legs are the checks that the permit covers, and therefore the most that
// credentials for the call may allow.
func (p *Permit) Legs() []rights.Leg { return slices.Clone(p.legs) }

// Until is when the right that the permit rests on ends; zero means no end.
func (p *Permit) Until() time.Time { return p.until }
