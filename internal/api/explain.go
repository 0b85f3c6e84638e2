package api

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// Place is where a question without its own region is asked.
type Place struct {
	Account string
	Region  string
}

// Explain answers what would be decided under a snapshot. The gateway's own
// decision is asked, over stated defaults that the question's context overrides.
func Explain(s *snapshot.Snapshot, at Place, in ExplainRequest, now time.Time) (policy.Explanation, error) {
	who, ok := s.Identity(in.Identity)
	if !ok {
		return policy.Explanation{}, fmt.Errorf("identity %q: %w", in.Identity, store.ErrNotFound)
	}
	if in.Region == "" {
		in.Region = at.Region
	}
	if state := who.Current(); state.Halted() {
		return refused("halted", fmt.Sprintf("the identity is %s: it is refused before any rule is asked", state)), nil
	}
	accounts := accountsFor(s, at, in)
	if len(accounts) > 1 {
		return explainAmong(s, at, in, now, accounts)
	}
	r, err := s.Bundle.Request(policy.Question{
		Identity: who, Model: in.Model, Operation: bedrock.Operation(in.Operation),
		Region: in.Region, Account: accounts[0], Home: at.Account, Now: now, Context: in.Context,
	})
	var unresolved *rights.UnresolvedError
	if err != nil && !errors.As(err, &unresolved) {
		return policy.Explanation{}, err
	}
	if q := s.Stops.Caller(who, r.Session.ID, r.Origin); q != "" {
		return stopped(q), nil
	}
	if unresolved != nil {
		return refused("unresolved", strings.TrimSuffix(unresolved.Error()+"; "+unresolved.Hint, "; ")), nil
	}
	if q := s.Stops.Model(s.Catalogue, in.Model, r.Legs); q != "" {
		return stopped(q), nil
	}
	return s.Bundle.Explain(r), nil
}

// accountsFor lists the accounts that a call might be for, as the gateway would:
// that of its ARN, else those that the identity's grants are for, the
// gateway's own first.
func accountsFor(s *snapshot.Snapshot, at Place, in ExplainRequest) []string {
	if in.Account != "" {
		return []string{in.Account}
	}
	if ref, err := bedrock.ParseModelID(in.Model); err == nil && ref.Account != "" {
		return []string{ref.Account}
	}
	return s.Bundle.AccountsAt(at.Account, in.Identity)
}

// explainAmong explains a call that might be for several accounts: in the one
// that permits it; several that do make it unclear which is meant.
func explainAmong(s *snapshot.Snapshot, at Place, in ExplainRequest, now time.Time, accounts []string) (policy.Explanation, error) {
	var first, chosen *policy.Explanation
	for _, account := range accounts {
		in.Account = account
		e, err := Explain(s, at, in, now)
		if err != nil {
			return e, err
		}
		if first == nil || first.Code == "unresolved" {
			first = &e
		}
		if e.Decision == policy.ExplainDeny {
			continue
		}
		if chosen != nil {
			return refused("unresolved", "the model is granted in several AWS accounts ("+strings.Join(accounts, ", ")+"), and the call does not say which is meant"), nil
		}
		chosen = &e
	}
	if chosen != nil {
		return *chosen, nil
	}
	return *first, nil
}

// stopped explains a call that a quarantine stops, whatever is granted.
func stopped(quarantine string) policy.Explanation {
	return refused("quarantined", "quarantine "+quarantine+" stops it: nothing is asked of any rule until it is lifted")
}

// refused explains what the gateway refuses before it asks any rule.
func refused(code, text string) policy.Explanation {
	return policy.Explanation{
		Decision: policy.ExplainDeny, Code: code, Legs: []policy.ExplainedLeg{}, Obligations: []policy.Obligation{},
		Reasons: []policy.Reason{{Policy: "writ/" + code, Effect: policy.EffectDeny, Text: text}},
	}
}
