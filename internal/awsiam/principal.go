package awsiam

import (
	"fmt"
	"strings"
)

// Principal is who makes a request.
type Principal struct {
	// ARN is as aws:PrincipalArn has it: of a user, a role (not its session), a
	// federated user's session or an account's root; empty for a service or a
	// federated principal. The path of a role is not in the ARN of its session.
	ARN       string
	Session   string // ARN of the role or federated-user session, when known
	Account   string // twelve digits; empty for a service
	Service   string // such as lambda.amazonaws.com
	Federated string // provider: ARN of a SAML or OIDC provider, or a host such as cognito-identity.amazonaws.com
	Bounded   bool   // it has a permissions boundary; Evaluate sees it in the layers
}

// ParsePrincipal reads the ARN of a user, a role, a role session, a federated
// user or an account's root, an account number, or a service's host name.
func ParsePrincipal(s string) (Principal, error) {
	if isAccount(s) {
		return Principal{ARN: "arn:aws:iam::" + s + ":root", Account: s}, nil
	}
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 {
		if strings.HasSuffix(s, ".amazonaws.com") || strings.HasSuffix(s, ".amazonaws.com.cn") {
			return Principal{Service: s}, nil
		}
		return Principal{}, fmt.Errorf("principal %.120q is no ARN, account or service", s)
	}
	p := Principal{Account: parts[4]}
	kind, name, _ := strings.Cut(parts[5], "/")
	iam := parts[0] + ":" + parts[1] + ":iam::" + parts[4] + ":"
	switch {
	case parts[0] != "arn" || !isAccount(p.Account) || parts[3] != "":
	case parts[2] == "iam" && (parts[5] == "root" || (kind == "user" || kind == "role") && name != ""):
		p.ARN = s
		return p, nil
	case parts[2] == "iam" && (kind == "saml-provider" || kind == "oidc-provider") && name != "":
		return Principal{Account: p.Account, Federated: s}, nil
	case parts[2] == "sts" && kind == "assumed-role":
		if role, session, ok := strings.Cut(name, "/"); ok && role != "" && session != "" {
			p.ARN, p.Session = iam+"role/"+role, s
			return p, nil
		}
	case parts[2] == "sts" && kind == "federated-user" && name != "":
		p.ARN, p.Session = s, s // its name is the caller's choice, not a user's
		return p, nil
	}
	return Principal{}, fmt.Errorf("principal %.120q is not the ARN of a user, a role or a session", s)
}

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// User, Role and Root say what kind of identity the principal is.
func (p Principal) User() bool { return strings.Contains(p.ARN, ":user/") }
func (p Principal) Role() bool { return strings.Contains(p.ARN, ":role/") }
func (p Principal) Root() bool { return strings.HasSuffix(p.ARN, ":root") }

// Form is how a policy names a principal; what the naming confers depends on it.
type Form uint8

// The forms, from the least that is conferred to the most.
const (
	NotNamed  Form = iota
	ByAccount      // its account: left to the account's own policies
	ByAnyone       // *
	ByARN          // the user or the role
	BySession      // the role session or federated user itself
	ByService      // a service, or a federated provider
)

// Principals is the Principal or NotPrincipal element of a resource policy.
type Principals struct {
	Not       bool
	Anyone    bool
	AWS       []string // ARNs, account numbers; stored ids of what was deleted
	Service   []string
	Federated []string
	Canonical []string // canonical user ids: of S3 only
}

// Names returns the strongest form in which the element names a principal. The
// element is read as Principal, whatever Not says.
func (e *Principals) Names(p Principal) Form {
	form := NotNamed
	if e.Anyone {
		form = ByAnyone
	}
	for _, s := range e.AWS {
		form = max(form, named(s, p))
	}
	for _, s := range e.Service {
		if p.Service != "" && strings.EqualFold(s, p.Service) {
			form = ByService
		}
	}
	for _, s := range e.Federated {
		if p.Federated != "" && s == p.Federated {
			form = ByService
		}
	}
	return form
}

func named(s string, p Principal) Form {
	switch {
	case s == "*":
		return ByAnyone
	case p.Session != "" && s == p.Session:
		return BySession
	case p.ARN != "" && !p.Root() && s == p.ARN:
		return ByARN
	case p.Account != "" && (s == p.Account || strings.HasPrefix(s, "arn:") && strings.HasSuffix(s, ":iam::"+p.Account+":root")):
		return ByAccount
	}
	return NotNamed
}

// MatchPrincipal reports whether a statement of a resource policy is about a
// principal, and in which form it names it; when that cannot be read, in the
// form that confers most. With Allow, AWS does not support NotPrincipal; with
// Deny, it spares nobody who has a permissions boundary
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html).
func (s *Statement) MatchPrincipal(p Principal) (Truth, Form) {
	switch {
	case s.Doubts.Principal != "":
		return Unknown, ByService
	case s.Principal == nil:
		return True, ByAnyone
	case !s.Principal.Not:
		form := s.Principal.Names(p)
		return Of(form != NotNamed), form
	case s.Effect != Deny:
		return Unknown, ByService
	case p.Bounded:
		return True, ByAnyone
	}
	return s.Principal.spares(p).Not(), ByAnyone
}

// spares reports whether a NotPrincipal exempts a principal. It has to list the
// account, the user or role and, of a role, the session; what a part of them
// does, AWS does not say, but that an account alone spares its root user only.
func (e *Principals) spares(p Principal) Truth {
	if form := e.Names(p); form == NotNamed || form == ByAnyone || form == ByService {
		return Of(form != NotNamed)
	}
	var listed [ByService + 1]bool
	for _, s := range e.AWS {
		listed[named(s, p)] = true
	}
	switch {
	case !listed[ByARN] && !listed[BySession]:
		return Of(p.Root())
	case listed[ByAccount] && listed[ByARN] && (p.User() || listed[BySession]):
		return True
	}
	return Unknown
}
