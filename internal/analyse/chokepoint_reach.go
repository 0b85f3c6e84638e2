package analyse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// open finds, for every principal but some roles, the first of some actions that
// it can do on any resource; an empty action is none.
func (a *atlas) open(ctx context.Context, roles, actions []string) ([]Break, error) {
	all := a.Principals()
	out := make([]Break, len(all))
	err := inParallel(ctx, len(all), func(i int) {
		p := all[i]
		if slices.Contains(roles, p.ARN) {
			return
		}
		for _, action := range actions {
			if a.silent(p, action) {
				continue
			}
			if ans := a.anywhere(p, action, a.everywhere(p, action), nil); ans.Decision.Can() {
				out[i] = Break{Principal: p.ARN, Action: action, Decision: ans.Decision, Service: servedBy(p)}
				return
			}
		}
	})
	return out, err
}

// breaks are those that can today, and whom the policy binds.
func (b *chokepoint) breaks(ctx context.Context) ([]Break, error) {
	open, err := b.open(ctx, b.o.Roles, b.actions)
	var out []Break
	for i, p := range b.Principals() {
		if open[i].Action == "" || !b.binds(p) {
			continue
		}
		open[i].Workloads = b.workloads(p.ARN)
		out = append(out, open[i])
	}
	return out, err
}

// binds reports whether the policy reaches a principal.
func (b *chokepoint) binds(p *estate.Principal) bool {
	return !p.ServiceLinked && (b.o.Kind == BoundaryKind || !p.Account.Management)
}

// servedBy are the services that a role's trust policy lets work as it.
func servedBy(p *estate.Principal) (out []string) {
	if p.Trust == nil {
		return nil
	}
	for i := range p.Trust.Statements {
		s := &p.Trust.Statements[i]
		if s.Effect == awsiam.Allow && s.Principal != nil && !s.Principal.Not {
			out = append(out, s.Principal.Service...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// workloads are Bedrock's own resources that act as a role.
func (a *Analysis) workloads(role string) (out []string) {
	if a.Estate.Bedrock == nil {
		return nil
	}
	for _, r := range a.Estate.Bedrock.Regions {
		for _, x := range slices.Concat(r.Agents, r.Flows, r.KnowledgeBases, r.AgentRuntimes, r.CodeInterpreters) {
			if x.Role == role {
				out = append(out, x.ARN)
			}
		}
		if slices.Contains(r.BatchRoles, role) {
			out = append(out, "batch jobs in "+r.Region)
		}
	}
	slices.Sort(out)
	return out
}

// leftOpen are the actions of inference that the policy does not deny: those of
// the services left out.
func (b *chokepoint) leftOpen() (out []string) {
	for _, action := range b.Inference() {
		if !slices.Contains(b.actions, action) {
			out = append(out, action)
		}
	}
	return out
}

// cannotBind says whom a policy of this kind never reaches.
func (b *chokepoint) cannotBind() (out []string) {
	if b.o.Kind == BoundaryKind {
		out = append(out, "the root user of every account", "every user and role that it is not attached to, those to be created included")
	} else {
		out = append(out, b.management())
	}
	for _, acct := range b.Estate.Accounts {
		n := 0
		for _, p := range acct.Principals {
			if p.ServiceLinked {
				n++
			}
		}
		if n > 0 {
			out = append(out, fmt.Sprintf("the %d service-linked roles of account %s", n, acct.ID))
		}
	}
	return append(out, "service-linked roles that AWS creates later", "AWS services that call as themselves")
}

func (b *chokepoint) management() string {
	const of = "the organization's management account: its root user, users and roles"
	if b.Estate.Org != nil && b.Estate.Org.Management != "" {
		return of + " (" + b.Estate.Org.Management + ")"
	}
	return of + "; which account that is, the input does not say"
}

// notes are what the reader has to know beside the proof.
func (b *chokepoint) notes() (out []string) {
	for _, arn := range b.o.Roles {
		p := b.Estate.Principal(arn)
		if p == nil {
			out = append(out, "the gateway's role "+arn+" is not in the input: that its calls pass is not shown")
		} else if p.Account.Management && b.o.Kind == SCPKind {
			out = append(out, "the gateway's role "+arn+" is in the management account, which no SCP binds: nothing there is closed")
		}
	}
	if b.o.Kind == SCPKind {
		return append(out, "attach it to the organization's root, beside FullAWSAccess; an account that leaves the organization is no longer bound",
			"calls that an AWS service passes on for someone are denied as their own are; agents, flows, knowledge bases and batch jobs run under ordinary roles and are denied")
	}
	for _, p := range b.Principals() {
		if p.Boundary != nil && !p.ServiceLinked {
			out = append(out, p.ARN+" has a boundary already: add the deny to that one, since an identity has only one")
		}
	}
	return out
}

// undoing are the actions that take a chokepoint away, by its kind.
var undoing = map[string][]string{
	SCPKind: {"organizations:DetachPolicy", "organizations:UpdatePolicy", "organizations:DeletePolicy", "organizations:DisablePolicyType", "organizations:MoveAccount", "organizations:RemoveAccountFromOrganization"},
	BoundaryKind: {"iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary", "iam:PutRolePermissionsBoundary", "iam:PutUserPermissionsBoundary", "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion",
		"iam:CreateRole", "iam:CreateUser"},
}

// undo finds who may take the policy away: by an SCP's actions in the management
// account only (which the input may not name, then in any), and by taking the
// account out of the organization in each.
func (b *chokepoint) undo(ctx context.Context) ([]Undo, error) {
	all := b.Principals()
	found := make([][]Undo, len(all))
	err := inParallel(ctx, len(all), func(i int) {
		p := all[i]
		if p.ServiceLinked {
			return
		}
		for _, action := range b.undoingBy(p) {
			if ans := b.anywhere(p, action, b.everywhere(p, action), nil); ans.Decision.Can() {
				found[i] = append(found[i], Undo{p.ARN, action, ans.Decision, rights.Terms(ans.Condition)})
			}
		}
	})
	return slices.Concat(found...), err
}

func (b *chokepoint) undoingBy(p *estate.Principal) []string {
	if b.o.Kind == BoundaryKind {
		return undoing[BoundaryKind]
	}
	var out []string
	if org := b.Estate.Org; org == nil || org.Management == "" || org.Management == p.Account.ID {
		out = undoing[SCPKind]
	}
	if !p.Account.Management {
		out = append(slices.Clone(out), "organizations:LeaveOrganization")
	}
	return out
}

// becomes finds who may assume one of the gateway's roles, and so pass as it.
func (b *chokepoint) becomes(ctx context.Context) ([]Undo, error) {
	all := b.Principals()
	found := make([][]Undo, len(all))
	err := inParallel(ctx, len(all), func(i int) {
		for _, arn := range b.o.Roles {
			role := b.Estate.Principal(arn)
			if role == nil || role == all[i] || all[i].ServiceLinked {
				continue
			}
			if hop, ok := b.assume(all[i], role); ok {
				found[i] = append(found[i], Undo{all[i].ARN, hop.By + " " + arn, hop.Decision, hop.Condition})
			}
		}
	})
	return slices.Concat(found...), err
}

// String is one line for people.
func (b Break) String() string {
	s := b.Principal + " can no longer " + b.Action
	if len(b.Workloads) > 0 {
		s += ", nor can " + strings.Join(b.Workloads, ", ")
	}
	return s
}
