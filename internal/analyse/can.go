package analyse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/certificate"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// Can answers a question for one principal.
func (a *Analysis) Can(p *estate.Principal, q Question) (rights.Answer, error) {
	checks, err := a.Checks(q, p.Principal.Account)
	if err != nil {
		return rights.Answer{}, err
	}
	return a.answer(p, checks, q.Known), nil
}

// answer solves the checks of a question.
func (a *Analysis) answer(p *estate.Principal, checks Checks, more awsiam.Context) rights.Answer {
	return a.doubted(rights.Solve(a.universe(), a.Case(p, a.bind(checks.List, p.Account), more)), checks)
}

// Incomplete lists what the answer for a principal depends on and the input
// does not hold. RCPs count only where they bind the service asked about.
func (a *Analysis) Incomplete(p *estate.Principal, action string) (out []string) {
	service, _, _ := strings.Cut(permission(action), ":")
	for _, i := range a.Estate.Incomplete {
		mine := (i.Account == "" || i.Account == p.Principal.Account) && (i.Principal == "" || i.Principal == p.ARN)
		if !mine || i.Layer == awsiam.RCPLayer && a.Facts.RCP(service) == awsiam.False {
			continue
		}
		if !slices.Contains(out, i.What) {
			out = append(out, i.What)
		}
	}
	return out
}

// Holder is a principal that can do what was asked.
type Holder struct {
	Principal *estate.Principal
	// Answer is its own, or, with a Path, that of the role at the end of it.
	Answer rights.Answer
	Path   []Hop // how it gets there when it cannot itself, first hop to last
}

// WhoCan asks a question of principals, and yields those that can, or of which
// it cannot be excluded, in their order: themselves, or by a chain of at most so
// many roles.
func (a *Analysis) WhoCan(ctx context.Context, q Question, all []*estate.Principal, hops int, yield func(Holder) error) error {
	plans := map[string]*plan{}
	for _, acct := range a.Estate.Accounts {
		c, err := a.Checks(q, acct.ID)
		if err != nil {
			return err
		}
		c.List = a.bind(c.List, acct)
		plans[acct.ID] = &plan{a: a, account: acct, cells: []Checks{c}, known: q.Known}
	}
	holders := make([]Holder, len(all))
	err := inParallel(ctx, len(all), func(i int) {
		holders[i] = plans[all[i].Principal.Account].holder(all[i])
	})
	if err != nil {
		return err
	}
	if err := a.chain(ctx, holders, hops); err != nil {
		return err
	}
	for _, h := range holders {
		if !h.Answer.Decision.Can() {
			continue
		}
		if err := yield(h); err != nil {
			return err
		}
	}
	return nil
}

// Explain answers a question for one principal, and says which single change of
// a key would turn the allowed request into a denied one.
func (a *Analysis) Explain(p *estate.Principal, q Question) (rights.Answer, []rights.Flip, error) {
	checks, err := a.Checks(q, p.Principal.Account)
	if err != nil {
		return rights.Answer{}, nil, err
	}
	ans, flips := rights.Explain(a.universe(), a.Case(p, a.bind(checks.List, p.Account), q.Known))
	return a.doubted(ans, checks), flips, nil
}

// doubted is an answer to checks that are in doubt: only a deny of what is known
// of them is certain.
func (a *Analysis) doubted(ans rights.Answer, checks Checks) rights.Answer {
	if checks.Doubt != "" && ans.Decision.Can() {
		ans.Decision = rights.Undetermined
		ans.Doubts = append(ans.Doubts, checks.Doubt)
	}
	return ans
}

// Certify answers a question for one principal, with a certificate. Without
// one, the error says why.
func (a *Analysis) Certify(p *estate.Principal, q Question) (*certificate.Certificate, error) {
	checks, err := a.Checks(q, p.Principal.Account)
	if err != nil {
		return nil, err
	}
	if checks.Doubt != "" { // a certificate of some legs would claim the whole
		return nil, fmt.Errorf("%w: %s", rights.ErrNoCertificate, checks.Doubt)
	}
	_, cert, err := rights.Certified(a.universe(), a.Case(p, a.bind(checks.List, p.Account), q.Known))
	return cert, err
}
