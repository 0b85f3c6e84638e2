package api

import (
	"strconv"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/operator"
)

// OperatorOrder is an account as it is to be.
type OperatorOrder struct {
	operator.Operator
	// Why is told to those who are asked, where the change takes others' word.
	Why string `json:"why,omitempty"`
}

// NewOperator is an account that is to be.
type NewOperator struct {
	Name string `json:"name"`
	OperatorOrder
}

// TokenOrder asks for an API token.
type TokenOrder struct {
	Operator string   `json:"operator,omitempty"` // empty: one's own
	Scopes   []string `json:"scopes"`             // actions, or "*"
	Life     string   `json:"life,omitempty"`     // such as 720h, which is the default; at most a year
	Note     string   `json:"note,omitempty"`     // what it is for
}

// IssuedToken is a token with its secret, which is told this once.
type IssuedToken struct {
	Secret string `json:"secret"`
	governance.TokenView
}

// LinkAnswer is an address that signs somebody in, once, within fifteen minutes.
type LinkAnswer struct {
	URL string `json:"url"`
}

func (s *Server) peopleRoutes() []route {
	return []route{
		{
			method: "GET", path: "/operators", id: "listOperators", tag: "people", summary: "Operators that the caller may see.",
			query: append([]param{{name: "role", values: texts(operator.Roles), text: "Only those who hold this role, over whatever."}}, paging...),
			do:    gives(s.operators),
		},
		{
			method: "POST", path: "/operators", id: "createOperator", tag: "people", summary: "Make an account.",
			text:   "Where an approver could judge it, it becomes a request. The first account ends bootstrap for good.",
			action: authority.ManagePeople, creates: true, do: takes(s.createOperator),
		},
		{method: "GET", path: "/operators/{name}", id: "getOperator", tag: "people", summary: "One operator.", do: gives(s.operator)},
		{
			method: "PUT", path: "/operators/{name}", id: "putOperator", tag: "people", summary: "Change an account.",
			text:   "A change that lets it do more becomes a request where an approver could judge it.",
			action: authority.ManagePeople, matches: true, do: takes(s.putOperator),
		},
		{
			method: "POST", path: "/operators/{name}/disable", id: "disableOperator", tag: "people", summary: "Suspend an account: its sign-ins and tokens are void at once.",
			action: authority.ManagePeople, do: takes(s.disableOperator),
		},
		{
			method: "POST", path: "/operators/{name}/link", id: "linkOperator", tag: "people", summary: "Make a link that signs a person in, once.",
			text:   "For people that no provider vouches for. By what comes of it, they decide on nothing that is the link's maker's own.",
			action: authority.ManagePeople, do: gives(s.linkOperator),
		},
		{
			method: "GET", path: "/tokens", id: "listTokens", tag: "people", summary: "API tokens that the caller may see, without their secrets.",
			query: append([]param{{name: "operator", text: "Only those of this operator."}}, paging...), do: gives(s.tokens),
		},
		{
			method: "POST", path: "/tokens", id: "issueToken", tag: "people", summary: "Make an API token, for oneself or, as an administrator, for a program.",
			text: "The secret is told once and kept nowhere: the answer cannot be repeated with an Idempotency-Key.", do: takes(s.issueToken),
		},
		{method: "DELETE", path: "/tokens/{name}", id: "revokeToken", tag: "people", summary: "End an API token at once.", do: gives(s.revokeToken)},
		{method: "GET", path: "/delegations", id: "listDelegations", tag: "people", summary: "Delegations that the caller may see.", do: gives(s.delegations)},
		{
			method: "POST", path: "/delegations", id: "delegate", tag: "people", summary: "Have somebody decide in one's place for a time.",
			text: "They decide where one could, and on nothing that is their own or one's own.", creates: true, do: takes(s.delegate),
		},
		{method: "DELETE", path: "/delegations/{name}", id: "endDelegation", tag: "people", summary: "End a delegation before its time.", do: gives(s.endDelegation)},
	}
}

func (s *Server) operators(c *call) (List[governance.OperatorView], error) {
	return listOf(s.cfg.Office.Operators(c.ctx(), c.actor, governance.OperatorQuery{Role: operator.Role(c.param("role")), After: c.param("after"), Limit: c.limit()}))
}

func (s *Server) operator(c *call) (governance.OperatorView, error) {
	return s.cfg.Office.Operator(c.ctx(), c.actor, c.PathValue("name"))
}

func (s *Server) createOperator(c *call, in NewOperator) (governance.OperatorChange, error) {
	in.Operator.ID = in.Name
	return s.cfg.Office.CreateOperator(c.ctx(), c.actor, in.Operator, in.Why)
}

func (s *Server) putOperator(c *call, in OperatorOrder) (governance.OperatorChange, error) {
	in.Operator.ID = c.PathValue("name")
	return s.cfg.Office.PutOperator(c.ctx(), c.actor, in.Operator, c.seen, in.Why)
}

func (s *Server) disableOperator(c *call, in EndRequest) (governance.OperatorView, error) {
	return s.cfg.Office.DisableOperator(c.ctx(), c.actor, c.PathValue("name"), in.Reason)
}

func (s *Server) linkOperator(c *call) (LinkAnswer, error) {
	name := c.PathValue("name")
	if s.cfg.Login == nil {
		return LinkAnswer{}, errUnavailable
	}
	if err := s.cfg.Office.MayInvite(c.ctx(), c.actor, name); err != nil {
		return LinkAnswer{}, err
	}
	scheme := "http://"
	if c.TLS != nil {
		scheme = "https://"
	}
	url, err := s.cfg.Login.Link(scheme+c.Host, name, c.actor.Name)
	return LinkAnswer{url}, err
}

func (s *Server) tokens(c *call) (List[governance.TokenView], error) {
	return listOf(s.cfg.Office.Tokens(c.ctx(), c.actor, c.param("operator"), c.param("after"), c.limit()))
}

func (s *Server) issueToken(c *call, in TokenOrder) (IssuedToken, error) {
	order := governance.TokenOrder{Operator: in.Operator, Scopes: in.Scopes, Note: in.Note}
	if in.Life != "" {
		var err error
		if order.Life, err = time.ParseDuration(in.Life); err != nil || order.Life <= 0 {
			return IssuedToken{}, bad("life %s: want a duration such as 720h", strconv.Quote(in.Life))
		}
	}
	secret, view, err := s.cfg.Office.IssueToken(c.ctx(), c.actor, order)
	return IssuedToken{secret.Reveal(), view}, err
}

func (s *Server) revokeToken(c *call) (Ended, error) {
	return Ended{c.PathValue("name")}, s.cfg.Office.RevokeToken(c.ctx(), c.actor, c.PathValue("name"))
}

func (s *Server) delegations(c *call) (List[governance.DelegationView], error) {
	all, err := s.cfg.Office.Delegations(c.ctx(), c.actor)
	return List[governance.DelegationView]{Items: notNil(all)}, err
}

func (s *Server) delegate(c *call, in governance.DelegationOrder) (governance.DelegationView, error) {
	return s.cfg.Office.Delegate(c.ctx(), c.actor, in)
}

func (s *Server) endDelegation(c *call) (Ended, error) {
	return Ended{c.PathValue("name")}, s.cfg.Office.EndDelegation(c.ctx(), c.actor, c.PathValue("name"))
}
