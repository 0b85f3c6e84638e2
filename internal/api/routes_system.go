package api

import (
	"github.com/writ-project/writ/internal/authority"
)

// table is the whole API.
func (s *Server) table() []route {
	var all []route
	for _, part := range [][]route{s.systemRoutes(), s.gatewayRoutes(), s.requestRoutes(), s.grantRoutes(), s.dutyRoutes(), s.inventoryRoutes(), s.peopleRoutes(), s.notifyRoutes(), s.spendRoutes(), s.holdRoutes()} {
		all = append(all, part...)
	}
	return all
}

var kindParams = []param{
	{name: "kind", required: true, text: "A kind of resource that files can hold, such as Grant; any case, singular or plural."},
	{name: "name", text: "Only the resource of this name."},
}

func (s *Server) systemRoutes() []route {
	return []route{
		{method: "GET", path: "/status", id: "getStatus", tag: "system", summary: "How this replica is.", action: authority.ViewState, do: gives(s.status)},
		{method: "GET", path: "/whoami", id: "whoAmI", tag: "system", summary: "Who the token acts as, and what they may do.", do: gives(s.whoami)},
		{
			method: "POST", path: "/apply", id: "apply", tag: "resources", summary: "Make the files' resources the state, or show the plan.",
			text:   "With dryRun nothing changes. A change that widens what live grants give becomes a request.",
			action: authority.Configure, large: true, do: takes(s.apply),
		},
		{method: "GET", path: "/resources", id: "listResources", tag: "resources", summary: "The resources of a kind that files can hold.", action: authority.ViewState, query: kindParams, do: gives(s.resources)},
		{
			method: "DELETE", path: "/resources", id: "deleteResource", tag: "resources", summary: "Delete a resource that nothing refers to.", action: authority.Configure,
			query: []param{kindParams[0], {name: "name", required: true, text: "Its name."}}, do: gives(s.delete),
		},
		{method: "POST", path: "/keys/rotate", id: "rotateKeys", tag: "system", summary: "Make new session keys.", action: authority.RotateKeys, do: takes(s.rotate)},
		{method: "GET", path: "/observe", id: "getObserve", tag: "system", summary: "Whether enforcement is switched off, and by whom.", action: authority.ViewState, do: gives(s.observe)},
		{method: "POST", path: "/observe/on", id: "observeOn", tag: "system", summary: "Switch enforcement off by a statement that two people signed.", action: authority.SwitchObserve, do: takes(s.observeOn)},
		{method: "POST", path: "/observe/off", id: "observeOff", tag: "system", summary: "Switch enforcement on again.", action: authority.SwitchObserve, do: gives(s.observeOff)},
		{method: "POST", path: "/demo/token", id: "demoToken", tag: "system", summary: "Have the demonstration's issuer sign a token.", text: "Only with writ up --demo.", action: authority.Impersonate, do: takes(s.demoToken)},
	}
}

func (s *Server) gatewayRoutes() []route {
	return []route{
		{method: "POST", path: "/explain", id: "explain", tag: "decisions", summary: "What would be decided about a call that nobody made, and why.", action: authority.ViewState, do: takes(s.explain)},
		{
			method: "POST", path: "/credentials", id: "mintSession", tag: "sessions", summary: "Mint a session for an identity.",
			text:   "The answer holds a secret and is kept nowhere: it cannot be repeated with an Idempotency-Key.",
			action: authority.Impersonate, do: takes(s.mint),
		},
		{method: "POST", path: "/sessions/revoke", id: "revokeSessions", tag: "sessions", summary: "Void every session that an identity holds.", action: authority.Revoke, do: takes(s.revokeSessions)},
		{method: "GET", path: "/upstream", id: "getUpstream", tag: "system", summary: "How every AWS account is reached.", action: authority.ViewState, do: gives(s.upstream)},
		{method: "POST", path: "/upstream/check", id: "checkUpstream", tag: "system", summary: "Ask STS whose credentials calls are made with.", action: authority.ViewState, do: gives(s.checkUpstream)},
		{method: "GET", path: "/upstream/policy", id: "getUpstreamPolicy", tag: "system", summary: "The least IAM policies that the present rights need.", action: authority.ViewState, do: gives(s.upstreamPolicies)},
	}
}
