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
	r, err := s.Bundle.Request(policy.Question{
		Identity: who, Model: in.Model, Operation: bedrock.Operation(in.Operation),
		Region: in.Region, Account: at.Account, Now: now, Context: in.Context,
	})
	var unresolved *rights.UnresolvedError
	if errors.As(err, &unresolved) {
		return refused("unresolved", strings.TrimSuffix(unresolved.Error()+"; "+unresolved.Hint, "; ")), nil
	}
	if err != nil {
		return policy.Explanation{}, err
	}
	return s.Bundle.Explain(r), nil
}

// refused explains what the gateway refuses before it asks any rule.
func refused(code, text string) policy.Explanation {
	return policy.Explanation{
		Decision: policy.ExplainDeny, Code: code, Legs: []policy.ExplainedLeg{}, Obligations: []policy.Obligation{},
		Reasons: []policy.Reason{{Policy: "writ/" + code, Effect: policy.EffectDeny, Text: text}},
	}
}
