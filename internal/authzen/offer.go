package authzen

import (
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
)

// maxOffers bounds the hypothetical grants that one HTTP request tries.
const maxOffers = 64

// offer says how to ask for what was refused. It is Writ's own: the access
// request profile of AuthZEN is a draft, and not claimed.
type offer struct {
	// Entitlements are those whose grant would permit the call, by name.
	Entitlements []string `json:"entitlements"`
	Command      string   `json:"command"`
}

// offer finds the entitlements whose grant would turn a refusal into a permit.
func (s *session) offer(q *question, o outcome) *offer {
	who := o.request.Identity
	if who == nil {
		return nil
	}
	touches := s.touching(q)
	var names []string
	for _, e := range s.state.Entitlements() {
		if !touches(e) || q.account != "" && e.Account != "" && e.Account != q.account {
			continue
		}
		if s.offers == 0 {
			break
		}
		s.offers--
		if s.wouldDo(q, o, e) {
			names = append(names, e.ID)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &offer{Entitlements: names, Command: "writ request create --identity " + who.ID + " --entitlement " + names[0]}
}

// wouldDo reports whether a grant of the entitlement would permit the call.
func (s *session) wouldDo(q *question, o outcome, e *rights.Entitlement) bool {
	with, err := s.state.Bundle.With(nil, []*rights.Grant{{
		ID: "authzen-hypothetical", Identity: o.request.Identity.ID, Entitlement: e.ID,
		NotBefore: o.request.Now, NotAfter: o.request.Now.Add(time.Hour),
	}})
	if err != nil {
		return false
	}
	account := q.account
	if account == "" {
		account = e.Account
	}
	if account == "" {
		account = s.p.cfg.Account
	}
	r, err := with.Request(policy.Question{
		Identity: o.request.Identity, Model: q.model, Operation: q.operation, Region: q.region, Account: account,
		Home: s.p.cfg.Account, Now: s.now, Context: q.context,
	})
	return err == nil && !s.stopped(&r, q.model) && with.Decide(r).Permit != nil
}

// touching reports of an entitlement whether a grant of it could have a say in
// the question: it names the model or profile, a model behind it, a profile before
// it, or their family or provider. It errs towards yes.
func (s *session) touching(q *question) func(*rights.Entitlement) bool {
	if q.operation == bedrock.ApplyGuardrail {
		return func(e *rights.Entitlement) bool { return slices.Contains(e.Actions, bedrock.ApplyGuardrail.Action()) }
	}
	names := map[string]bool{}
	ref, err := bedrock.ParseModelID(q.model)
	if err != nil {
		return func(*rights.Entitlement) bool { return false }
	}
	models := []string{ref.CatalogueID()}
	if p, ok := s.state.Catalogue.Profile(ref.CatalogueID()); ok {
		models = append(append(models, p.Model), p.Routes...)
	}
	for _, p := range s.state.Catalogue.Profiles() {
		// Who may count tokens through a profile may count them of its model.
		if slices.Contains(models, p.Model) || slices.ContainsFunc(p.Routes, func(m string) bool { return slices.Contains(models, m) }) {
			names[p.ID] = true
		}
	}
	for _, id := range models {
		names[id] = true
		if m, ok := s.state.Catalogue.Model(id); ok {
			names[string(rights.SelectFamily)+":"+m.Family], names[string(rights.SelectProvider)+":"+m.Provider] = true, true
		}
	}
	return func(e *rights.Entitlement) bool {
		return slices.ContainsFunc(e.Models, func(m string) bool { return names[strings.TrimSpace(m)] })
	}
}
