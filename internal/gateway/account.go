package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/upstream"
)

// attempt is a call as it would be made in one account.
type attempt struct {
	account string
	legs    []rights.Leg
}

// place settles which AWS account and region a call is for, and resolves its
// legs there. The account is that of the ARN the call names, or one that the
// caller's own grants are for; the region is the one that was signed or, for a
// bearer token, the ARN's. Nothing else that a caller sends has a say.
//
// Where grants are for several accounts the call is resolved in each, and
// decide chooses.
func (x *exchange) place() *refusal {
	x.others = nil
	account, more, err := x.candidates()
	if err != nil {
		return unresolved(err)
	}
	x.account = account
	x.legs, err = x.legsIn(account)
	if len(more) == 0 {
		if err != nil {
			return unresolved(err)
		}
		return nil
	}
	return x.placeAmong(more, err)
}

// placeAmong resolves a call in further accounts too; failed is why it could
// not be in the first.
func (x *exchange) placeAmong(more []string, failed error) *refusal {
	for _, a := range more {
		if legs, err := x.legsIn(a); err == nil {
			x.others = append(x.others, attempt{a, legs})
		}
	}
	switch {
	case failed == nil:
		return nil
	case len(x.others) == 0:
		return unresolved(failed)
	}
	x.account, x.legs = x.others[0].account, x.others[0].legs
	x.others = x.others[1:]
	return nil
}

// candidates are the accounts that a call might be for: the gateway's own
// first, the others in order.
func (x *exchange) candidates() (first string, more []string, err error) {
	if x.account != "" { // judged again: it is where it is
		return x.account, nil, nil
	}
	home := x.g.cfg.Account
	if strings.HasPrefix(x.target.ModelID, "arn:") {
		if named, err := x.byARN(); named != "" || err != nil {
			return named, nil, err
		}
	}
	if len(x.g.cfg.Accounts) == 0 {
		return home, nil, nil
	}
	all := x.state.Bundle.AccountsAt(home, x.identity.ID)
	return all[0], all[1:], nil
}

// byARN is the account of the ARN that a call names, empty for a foundation
// model's. It also settles the region of a call that signed none.
func (x *exchange) byARN() (string, error) {
	ref, err := bedrock.ParseModelID(x.target.ModelID)
	if err != nil {
		return "", nil // rights.Legs says what is wrong with it
	}
	if x.proven.kind == credentialBearer && ref.Region != x.region {
		if !slices.Contains(x.g.cfg.Regions, ref.Region) {
			return "", x.unserved(fmt.Sprintf("the ARN is in region %s, where this gateway makes no calls", ref.Region))
		}
		x.region = ref.Region
	}
	return ref.Account, nil
}

// legsIn resolves the call in an account.
func (x *exchange) legsIn(account string) ([]rights.Leg, error) {
	regions, ok := x.g.cfg.Accounts[account]
	switch {
	case !ok && account != x.g.cfg.Account:
		return nil, x.unserved(fmt.Sprintf("account %s is not one that this gateway makes calls in", account))
	case len(regions) > 0 && !slices.Contains(regions, x.region):
		return nil, x.unserved(fmt.Sprintf("this gateway makes no calls in region %s of account %s", x.region, account))
	}
	return rights.Legs(rights.Invocation{
		Operation: x.target.Operation,
		ModelID:   x.target.ModelID,
		Target:    x.target.Invocation,
		Region:    x.region,
		Account:   account,
		Partition: x.g.cfg.Partition,
		Caps:      x.caps,
	}, x.state.Catalogue)
}

func (x *exchange) unserved(reason string) error {
	return &rights.UnresolvedError{ModelID: x.target.ModelID, Reason: reason}
}

// choose decides in the other accounts too. The call may be made in exactly
// one: where several would do, the caller has to say which; where none would,
// the first one's refusal stands.
func (x *exchange) choose() *refusal {
	first, decision := attempt{x.account, x.legs}, x.decision
	chosen, permitted := first, 0
	if allows(&decision) {
		permitted++
	}
	for _, a := range x.others {
		x.account, x.legs = a.account, a.legs
		if d := x.state.Bundle.Decide(x.question()); allows(&d) {
			permitted++
			chosen, decision = a, d
		}
	}
	x.account, x.legs, x.decision = chosen.account, chosen.legs, decision
	// A list is of the identity's own invocations, whatever account they are in.
	if permitted > 1 && x.target.Operation != bedrock.ListAsyncInvokes {
		x.account, x.legs, x.decision = first.account, nil, policy.Decision{}
		return &refusal{
			kind: "unresolved", err: accessDenied("the model is granted in several AWS accounts, and the call does not say which is meant"),
			hint: x.whichAccount(),
		}
	}
	return nil
}

// allows reports whether a decision permits a call as it is or with its content
// redacted.
func allows(d *policy.Decision) bool { return d.Permit != nil || d.Code == policy.CodeRedact }

// whichAccount says how the call could say which account is meant.
func (x *exchange) whichAccount() string {
	switch x.target.Operation {
	case bedrock.StartAsyncInvoke:
		return "name the account as bucketOwner of the s3OutputDataConfig: answers are written to the account called"
	case bedrock.ApplyGuardrail:
		return "name the guardrail by its ARN, which holds the account"
	case bedrock.CountTokens:
		return "a foundation model's name holds no account: have CountTokens granted in one account only"
	}
	return "name an inference profile by its ARN, which holds the account"
}

// unsigned words the lack of credentials for a call.
func unsigned(err *upstream.CredentialsError) *refusal {
	var unfit *upstream.PolicyError
	if errors.As(err, &unfit) {
		return &refusal{kind: "unresolved", err: accessDenied("the call cannot be made with credentials of its own: " + unfit.Reason), hint: unfit.Hint}
	}
	return refuse("not_ready", bedrock.Error{
		Type: bedrock.ServiceUnavailableException, Message: "Writ has no AWS credentials for this call at present",
	})
}
