package api

import (
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/operator"
)

// Whoami is who the token acts as, and what they may do.
type Whoami struct {
	Operator string          `json:"operator"`
	Person   string          `json:"person,omitempty"` // who is behind the account
	Email    string          `json:"email,omitempty"`
	Kind     operator.Kind   `json:"kind"`
	Roles    []operator.Held `json:"roles"`
	// Rights are actions that are allowed whatever they are about. Others depend on
	// the row: deciding, seeing what is one's own.
	Rights  []string  `json:"rights"`
	Token   string    `json:"token,omitempty"` // id of the API token acted by
	Scopes  []string  `json:"scopes,omitempty"`
	Expires time.Time `json:"expires,omitzero"` // of that token
}

func (s *Server) whoami(c *call) (Whoami, error) {
	who := Whoami{Operator: c.actor.Name, Kind: operator.Human, Roles: []operator.Held{}, Rights: []string{}}
	if op := c.actor.Operator; op != nil {
		who.Person, who.Email, who.Roles = op.Behind(), op.Email, notNil(op.Roles)
		if op.Kind != "" {
			who.Kind = op.Kind
		}
	}
	if t := c.actor.Token; t != nil {
		who.Token, who.Scopes, who.Expires = t.ID, t.Scopes, t.Expires
	}
	for _, action := range authority.Actions {
		if s.allowed(c, action) {
			who.Rights = append(who.Rights, string(action))
		}
	}
	return who, nil
}

// allowed reports whether an action is allowed over the system as a whole, as far
// as this server does it at all.
func (s *Server) allowed(c *call, action authority.Action) bool {
	if action == authority.Impersonate && !s.cfg.Impersonation {
		return false
	}
	return s.cfg.Office.May(c.ctx(), c.actor, action, system) == nil
}
