package api

import (
	"io"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
)

// MoveOrder takes an identity to another state of its life.
type MoveOrder struct {
	To identity.State `json:"to"`
	// Reason is required to decommission.
	Reason string `json:"reason,omitempty"`
}

func (s *Server) inventoryRoutes() []route {
	return []route{
		{
			method: "GET", path: "/identities", id: "listIdentities", tag: "inventory", summary: "Identities that the token's operator may see.",
			query: append([]param{
				{name: "kind", values: texts(identity.Kinds), text: "Only those of this kind."},
				{name: "state", values: texts(identity.States), text: "Only those in this state of their life."},
				{name: "team", text: "Only those of this team."},
				{name: "sponsor", text: "Only those with this sponsor, as written."},
				{name: "tag", text: "Only those with this tag."},
				{name: "flag", values: identity.FlagNames, text: "Only those with this flag."},
			}, paging...),
			do: gives(s.identities),
		},
		{method: "GET", path: "/identities/{name}", id: "getIdentity", tag: "inventory", summary: "One identity, with its flags.", do: gives(s.identity)},
		{
			method: "POST", path: "/identities/{name}/confirm", id: "confirmIdentity", tag: "inventory",
			summary: "Vouch that an identity is still needed, and as it is stated.", text: "For its sponsor, owner and deputy.", matches: true, do: gives(s.confirm),
		},
		{
			method: "POST", path: "/identities/{name}/state", id: "moveIdentity", tag: "inventory", summary: "Take an identity to another state of its life.",
			text: "Decommissioning ends its grants and sessions, and is for good.", matches: true, do: takes(s.move),
		},
		{
			method: "POST", path: "/identities/import", id: "importIdentities", tag: "inventory", summary: "Add identities, and facts about those that are there.",
			text:   "Nothing is widened, taken back or moved to another state. A row with a problem stops all of them.",
			action: authority.Inventory, large: true, do: takes(s.importIdentities),
		},
		{
			method: "GET", path: "/models", id: "listModels", tag: "inventory", summary: "Models, with their data handling and how their validations stand.",
			query: append([]param{
				{name: "all", kind: "boolean", text: "Those of the catalogue that nothing is stated about, too."},
				{name: "due", kind: "boolean", text: "Only those with a validation that is missing, expired or expiring."},
			}, paging...),
			do: gives(s.models),
		},
		{
			method: "GET", path: "/models/one", id: "getModel", tag: "inventory", summary: "One model.",
			query: []param{{name: "id", required: true, text: "Its id or ARN, as the catalogue lists it."}}, do: gives(s.model),
		},
		{
			method: "POST", path: "/models/attest", id: "attestModel", tag: "inventory", summary: "Record that a model passed a review.",
			text: "Not for whoever answers for an identity that uses it.", creates: true, do: takes(s.attest),
		},
		{
			method: "GET", path: "/backup", id: "backUp", tag: "system", summary: "A backup of the store and of this server's log: a tar, compressed with zstd.",
			text:   "It holds wrapped keys and never the key-encryption key. A file without its manifest at the end was cut short.",
			action: authority.BackUp, do: endpoint{stream: s.backUp},
		},
	}
}

func (s *Server) identities(c *call) (List[governance.IdentityView], error) {
	return listOf(s.cfg.Office.Identities(c.ctx(), c.actor, governance.IdentityQuery{
		Kind: identity.Kind(c.param("kind")), State: identity.State(c.param("state")), Team: c.param("team"), Sponsor: c.param("sponsor"),
		Tag: c.param("tag"), Flag: c.param("flag"), After: c.param("after"), Limit: c.limit(),
	}))
}

func (s *Server) identity(c *call) (governance.IdentityView, error) {
	return s.cfg.Office.Identity(c.ctx(), c.actor, c.PathValue("name"))
}

func (s *Server) confirm(c *call) (governance.IdentityView, error) {
	return s.cfg.Office.Confirm(c.ctx(), c.actor, c.PathValue("name"), c.seen)
}

func (s *Server) move(c *call, in MoveOrder) (governance.IdentityView, error) {
	return s.cfg.Office.Move(c.ctx(), c.actor, c.PathValue("name"), in.To, in.Reason, c.seen)
}

func (s *Server) importIdentities(c *call, in governance.ImportOrder) (governance.ImportReport, error) {
	return s.cfg.Office.Import(c.ctx(), c.actor, in)
}

func (s *Server) models(c *call) (List[governance.ModelView], error) {
	return listOf(s.cfg.Office.Models(c.ctx(), c.actor, governance.ModelQuery{All: c.flag("all"), Due: c.flag("due"), After: c.param("after"), Limit: c.limit()}))
}

func (s *Server) model(c *call) (governance.ModelView, error) {
	return s.cfg.Office.Model(c.ctx(), c.actor, c.param("id"))
}

func (s *Server) attest(c *call, in governance.Attestation) (governance.ModelView, error) {
	return s.cfg.Office.Attest(c.ctx(), c.actor, in)
}

func (s *Server) backUp(c *call, w io.Writer) error {
	return s.cfg.Office.BackUp(c.ctx(), c.actor, w)
}
