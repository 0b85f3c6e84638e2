package analyse

import (
	"cmp"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// deed is the check of an API call that a principal makes on its way.
func (a *Analysis) deed(p *estate.Principal, action, resource, region string) rights.Check {
	k := rights.CheckOf(a.Facts, rights.Leg{Action: action, Resource: resource, Region: region}, "")
	owner := p.Account
	if k.Account != "" && k.Account != owner.ID {
		owner = a.Estate.Account(k.Account)
	}
	k.Known.Set("aws:ResourceAccount", awsiam.One(cmp.Or(k.Account, p.Principal.Account)))
	if owner == nil {
		return k
	}
	if resource != "*" {
		k.Policy = owner.Resource[resource]
	}
	service, _, _ := strings.Cut(action, ":")
	if k.Account != "" && a.Facts.RCP(service) == awsiam.True {
		k.RCPs = owner.RCPs
	}
	return k
}

// iamRegion is the region that calls of IAM are made in
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion).
func iamRegion(partition string) string {
	switch partition {
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	}
	return "us-east-1"
}

// onIAM is the check of a call of IAM.
func (a *Analysis) onIAM(p *estate.Principal, action, resource string) rights.Check {
	return a.deed(p, action, resource, iamRegion(p.Account.Partition))
}

// onPrincipal is the check of a call of IAM on a user or a role, whose tags are
// known.
func (a *Analysis) onPrincipal(p *estate.Principal, action string, target *estate.Principal) rights.Check {
	k := a.onIAM(p, action, target.ARN)
	tagged(&k, target)
	return k
}

// tagged fixes the keys of a check for the tags of the user or role that it is
// made on.
func tagged(k *rights.Check, target *estate.Principal) {
	for _, family := range []string{"aws:ResourceTag/", "iam:ResourceTag/"} {
		for name, value := range target.Tags {
			k.Known.Set(family+name, awsiam.One(value))
		}
		k.Known.Set(family+"*", awsiam.Value{})
	}
}

// becoming is the check of assuming a role under a trust policy.
func (a *Analysis) becoming(role *estate.Principal, trust *awsiam.Document) rights.Check {
	k := assumption(assumeRole, role)
	if trust != nil {
		k.Policy = trust
	}
	k.Known = awsiam.Context{}
	k.Known.Set("aws:ResourceAccount", awsiam.One(role.Principal.Account))
	tagged(&k, role)
	return k
}

// may decides whether a principal passes checks.
func (a *Analysis) may(p *estate.Principal, checks ...rights.Check) rights.Answer {
	return rights.Solve(a.universe(), a.Case(p, checks, nil))
}

// hopOf is a hop that takes all of some answers. It is none if one is a deny.
func hopOf(edge Edge, from, to, by string, answers ...rights.Answer) (Hop, bool) {
	h := Hop{From: from, To: to, By: by, Edge: edge, Decision: rights.Allowed}
	var conditions []string
	for _, ans := range answers {
		if !ans.Decision.Can() {
			return Hop{}, false
		}
		if certainty(ans.Decision) < certainty(h.Decision) {
			h.Decision = ans.Decision
		}
		if len(ans.Condition) > 0 {
			conditions = append(conditions, enclosed(rights.Terms(ans.Condition), len(answers) > 1 && len(ans.Condition) > 1))
		}
		for _, s := range ans.Statements {
			if !supposed(s) && !slices.Contains(h.Statements, s) {
				h.Statements = append(h.Statements, s)
			}
		}
		if ans.Decision == rights.Undetermined && len(ans.Doubts) > 0 {
			h.Doubt = cmp.Or(h.Doubt, ans.Doubts[0])
		}
	}
	h.Condition = strings.Join(conditions, " AND ")
	return h, true
}

// supposed reports whether a statement is of a policy that is taken for granted,
// and in no input.
func supposed(s awsiam.Ref) bool {
	return s.Document == everything.Name || strings.HasPrefix(s.Document, namingName)
}

func enclosed(s string, is bool) string {
	if is {
		return "(" + s + ")"
	}
	return s
}

// doubted is a hop of which something is not known.
func doubted(h Hop, why string) Hop {
	if why != "" {
		h.Decision, h.Doubt = rights.Undetermined, why
	}
	return h
}
