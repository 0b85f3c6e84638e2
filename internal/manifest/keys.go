package manifest

import (
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/sod"
)

// Keys are what a resource can be found by, besides its name. They follow from
// its spec and are no authority for anything.
type Keys struct {
	Subject string    // whom it is about
	Parent  string    // what it is made from, or belongs to
	State   string    // the step of its life
	Due     time.Time // when something happens to it by itself; zero: never
}

// Keys returns what the resource can be found by; nothing, for kinds that are
// found by name only.
func (r Resource) Keys() Keys {
	switch s := r.Spec.(type) {
	case *rights.Grant:
		return grantKeys(s)
	case *request.Request:
		return requestKeys(s)
	case *hold.Hold:
		return Keys{Subject: s.Identity, Parent: s.Model, State: string(s.State), Due: s.Due()}
	case *identity.Identity:
		return Keys{Subject: s.Sponsor, Parent: s.Team, State: string(s.Current())}
	case *identity.Binding:
		return Keys{Subject: s.Identity, Parent: s.Issuer}
	case *bedrock.Validation:
		return Keys{Subject: s.Model, Parent: s.Kind, Due: s.Expires}
	case *operator.Token:
		return Keys{Subject: s.Operator, Due: s.Expires}
	case *operator.Delegation:
		return Keys{Subject: s.To, Parent: s.From, Due: s.NotAfter}
	case *sod.Waiver:
		return Keys{Subject: s.Subject, Parent: s.Rule, Due: s.Expires}
	case *rights.Quarantine:
		return Keys{Subject: s.Target.String(), Parent: string(s.Target.Kind)}
	}
	return Keys{}
}

// Found reports whether resources of the kind have Keys.
func (k Kind) Found() bool {
	switch k {
	case Identity, Binding, Validation, Grant, Token, Delegation, Waiver, Quarantine, Request, Hold:
		return true
	}
	return false
}

func grantKeys(g *rights.Grant) Keys {
	k := Keys{Subject: g.Identity, Parent: g.Entitlement, State: string(g.State), Due: g.NotAfter}
	switch g.State {
	case "":
		k.State = string(rights.GrantActive)
	case rights.GrantScheduled:
		k.Due = g.NotBefore
	case rights.GrantRevoking, rights.GrantRevokeFailed, rights.GrantEnded:
		k.Due = time.Time{} // it waits for replicas, not for the clock
	}
	return k
}

func requestKeys(q *request.Request) Keys {
	k := Keys{State: string(q.State)}
	switch {
	case q.Ask.Grant != nil:
		k.Subject, k.Parent = q.Ask.Grant.Identity, q.Ask.Grant.Entitlement
	case q.Ask.Lift != nil:
		k.Subject = q.Ask.Lift.Quarantine
	case q.Ask.Waiver != nil:
		k.Subject = q.Ask.Waiver.Subject
	case q.Ask.Review != nil:
		k.Subject = q.Ask.Review.Identity
	}
	k.Due = q.Due()
	return k
}
