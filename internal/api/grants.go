package api

import (
	"net/http"
	"slices"

	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/rights"
)

// StopOrder has something taken away: revoked, or quarantined.
type StopOrder struct {
	Target rights.Target `json:"target"`
	Reason string        `json:"reason"`
}

func (s *Server) grantRoutes() []route {
	return []route{
		{
			method: "GET", path: "/grants", id: "listGrants", tag: "grants", summary: "Grants that the token's operator may see.",
			query: append([]param{
				{name: "identity", text: "Only those of this identity."},
				{name: "entitlement", text: "Only those of this entitlement."},
				{name: "state", values: texts(grantStates), text: "Only those in this state."},
				{name: "ended", kind: "boolean", text: "Those that have ended, instead of those that have not."},
			}, paging...),
			do: gives(s.grants),
		},
		{method: "GET", path: "/grants/{name}", id: "getGrant", tag: "grants", summary: "One grant, living or ended.", do: gives(s.grant)},
		{
			method: "POST", path: "/revocations", id: "revoke", tag: "stops", summary: "Take a grant, or all that an identity or a tag has, or a session, away for good.",
			text:    "Needs no approval. What is revoked is revoked everywhere only when spread.everyone is true: follow it with getSpread.",
			creates: true, do: takes(s.revoke),
		},
		{
			method: "GET", path: "/spread", id: "getSpread", tag: "stops", summary: "Which replicas know of a revision.",
			query: []param{{name: "revision", kind: "integer", required: true, text: "As an answer named it."}}, do: gives(s.spread),
		},
		{
			method: "POST", path: "/quarantines", id: "quarantine", tag: "stops", summary: "Stop an identity, model, session, network or tag at once, reversibly.",
			text: "Needs no approval; its end is asked for by a request, with lift.", creates: true, status: http.StatusCreated, do: takes(s.quarantine),
		},
		{method: "GET", path: "/quarantines", id: "listQuarantines", tag: "stops", summary: "What is quarantined.", do: gives(s.quarantines)},
	}
}

func (s *Server) grants(c *call) (List[governance.GrantView], error) {
	return listOf(s.cfg.Office.Grants(c.ctx(), c.actor, governance.GrantQuery{
		Identity: c.param("identity"), Entitlement: c.param("entitlement"), State: rights.GrantState(c.param("state")),
		Ended: c.flag("ended"), After: c.param("after"), Limit: c.limit(),
	}))
}

func (s *Server) grant(c *call) (governance.GrantView, error) {
	return s.cfg.Office.Grant(c.ctx(), c.actor, c.PathValue("name"))
}

func (s *Server) revoke(c *call, in StopOrder) (governance.Revocation, error) {
	if err := in.check(append([]rights.TargetKind{rights.TargetGrant}, rights.QuarantineKinds...)); err != nil {
		return governance.Revocation{}, err
	}
	out, err := s.cfg.Office.Revoke(c.ctx(), c.actor, governance.Order(in))
	return whole(out), err
}

func (s *Server) quarantine(c *call, in StopOrder) (governance.Revocation, error) {
	if err := in.check(rights.QuarantineKinds); err != nil {
		return governance.Revocation{}, err
	}
	out, err := s.cfg.Office.Quarantine(c.ctx(), c.actor, governance.Order(in))
	return whole(out), err
}

// whole has lists where there is nothing to list.
func whole(r governance.Revocation) governance.Revocation {
	r.Spread.Replicas = notNil(r.Spread.Replicas)
	return r
}

func (o *StopOrder) check(kinds []rights.TargetKind) error {
	switch {
	case !slices.Contains(kinds, o.Target.Kind):
		return bad("target.kind: want one of %v", kinds)
	case o.Target.Name == "" || !plain(o.Target.Name):
		return bad("target.name is required, without control characters")
	case o.Reason == "":
		return bad("reason is required")
	}
	return nil
}

func (s *Server) spread(c *call) (governance.Spread, error) {
	out, err := s.cfg.Office.Spread(c.ctx(), c.actor, c.number("revision"))
	out.Replicas = notNil(out.Replicas)
	return out, err
}

func (s *Server) quarantines(c *call) (List[governance.QuarantineView], error) {
	all, err := s.cfg.Office.Quarantines(c.ctx(), c.actor)
	return List[governance.QuarantineView]{Items: notNil(all)}, err
}
