package governance

import (
	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
)

// Actor is who acts, as a face authenticated it.
type Actor struct {
	Name     string             // account; LocalAdmin, or Self
	Operator *operator.Operator // nil for Self only
	Token    *operator.Token    // the API token that it acts by; nil: signed in, or the data directory's own token
	Via      string             // cli, api, console, chat or writ
	// Maker is who made the credential that it acts by, where that was somebody
	// else: on what is theirs it decides nothing either.
	Maker string
}

// subject is the actor as the rules of the control plane know it.
func (a Actor) subject() authority.Subject {
	s := authority.Subject{Operator: a.Operator, Maker: a.Maker}
	if a.Token != nil {
		s.Scopes = append([]string{}, a.Token.Scopes...) // never nil, which would mean all
	}
	return s
}

// Accounts that no resource stands for.
const (
	// LocalAdmin acts by the token in the data directory: an administrator.
	LocalAdmin = "local-admin"
	// Self is Writ itself: expiries, reconciliation.
	Self = "writ"
)

// Local is the local administrator, by a face.
func Local(via string) Actor {
	return Actor{Name: LocalAdmin, Via: via, Operator: &operator.Operator{
		ID: LocalAdmin, Email: LocalAdmin + "@localhost",
		Roles: []operator.Held{{Role: operator.Administrator}, {Role: operator.Remediator}, {Role: operator.Auditor}, {Role: operator.Requester}},
	}}
}

// Party is the actor as requests keep it.
func (a Actor) Party() request.Party {
	p := request.Party{Operator: a.Name, Via: a.Via}
	if a.Operator != nil {
		p.Person = a.Operator.Behind()
	}
	return p
}
