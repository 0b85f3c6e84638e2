package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// DecisionView is a call as its record has it, without what the rules said of it
// (security S20): what a request for the right to make it is pre-filled from.
type DecisionView struct {
	ID        string    `json:"id"`
	Record    uint64    `json:"record"` // index in this replica's log
	Time      time.Time `json:"time"`
	Decision  string    `json:"decision"` // permit, deny, hold or observed
	Code      string    `json:"code,omitempty"`
	Identity  string    `json:"identity"`
	Model     string    `json:"model,omitempty"` // as the caller named it
	Operation string    `json:"operation"`
	Region    string    `json:"region,omitempty"`
	Account   string    `json:"account,omitempty"`
	// What was found in the prompt and in the answer, by type and place, for who
	// may see the audit log.
	Prompt *auditlog.Data `json:"prompt,omitempty"`
	Output *auditlog.Data `json:"output,omitempty"`

	context json.RawMessage // the facts of the call, as a partial Cedar context
}

// Offer is an entitlement that would permit a call, were it granted.
type Offer struct {
	Name        string            `json:"name"`
	Title       string            `json:"title,omitempty"`
	Tier        string            `json:"tier"`
	MaxDuration identity.Duration `json:"maxDuration,omitempty"`
	Emergency   bool              `json:"emergency,omitempty"` // it can be taken as break-glass
	Holds       bool              `json:"holds,omitempty"`     // a human would release each answer
}

func (s *Server) decision(c *call) (DecisionView, error) { return s.decided(c, c.PathValue("id")) }

func (s *Server) answers(c *call) (List[Offer], error) {
	d, err := s.decided(c, c.PathValue("id"))
	if err != nil {
		return List[Offer]{}, err
	}
	offers, err := s.permitting(c, d)
	return List[Offer]{Items: notNil(offers)}, err
}

// reach is how many of the newest records are looked through for a decision.
const reach = 100_000

var errFound = errors.New("found")

// decided finds a call by its decision id. Whoever may not see its identity is
// told what somebody with a wrong id is told.
func (s *Server) decided(c *call, id string) (DecisionView, error) {
	lost := &refusal{http.StatusNotFound, "no-such-decision", "no call with this decision id is known here", fmt.Sprintf("ask the replica that refused it, within its next %d records; or name identity and entitlement", reach)}
	if id == "" || s.cfg.Records == nil {
		return DecisionView{}, lost
	}
	var found, outcome *auditlog.Record
	var at uint64
	from := s.cfg.Records.Head().Size - min(s.cfg.Records.Head().Size, reach)
	err := s.cfg.Records.Scan(c.ctx(), from, func(index uint64, entry []byte) error {
		if !bytes.Contains(entry, []byte(id)) { // cheaper than taking every record apart
			return nil
		}
		r, err := auditlog.ParseRecord(entry)
		switch {
		case err != nil || r.ID != id:
		case r.Call != nil && r.Who != nil:
			if found, at = r, index; r.Kind != auditlog.KindIntent {
				return errFound // nothing follows a refusal
			}
		case r.Kind == auditlog.KindOutcome:
			outcome = r
			return errFound
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFound) {
		return DecisionView{}, err
	}
	if found == nil || !s.sees(c, found.Who.Identity) {
		return DecisionView{}, lost
	}
	v := viewOf(found, at)
	if s.cfg.Office.May(c.ctx(), c.actor, authority.ViewRecord, system) == nil {
		v.found(found, outcome)
	}
	return v, nil
}

// found adds what a call's records say of content.
func (v *DecisionView) found(call, outcome *auditlog.Record) {
	v.Prompt = call.Data
	if outcome != nil && outcome.Outcome != nil {
		v.Output = outcome.Outcome.Output
	}
}

// sees reports whether the caller may see an identity's row.
func (s *Server) sees(c *call, who string) bool {
	_, err := s.cfg.Office.Identity(c.ctx(), c.actor, who)
	return err == nil
}

func viewOf(r *auditlog.Record, at uint64) DecisionView {
	v := DecisionView{
		ID: r.ID, Record: at, Time: r.Time.Time, Identity: r.Who.Identity,
		Model: r.Call.ModelRequested, Operation: r.Call.Operation, Region: r.Call.RegionCalled, Account: r.Call.Account,
	}
	if r.Decision != nil {
		v.Decision, v.Code = r.Decision.Decision, r.Decision.Code
	}
	v.context = contextOf(r)
	return v
}

// contextOf is what the record knows of the call, in the words of the schema.
func contextOf(r *auditlog.Record) json.RawMessage {
	facts := map[string]any{}
	if r.Where != nil && r.Where.SourceIP != "" {
		facts["network"] = map[string]any{"ip": r.Where.SourceIP}
	}
	if r.Data != nil {
		facts["prompt"] = map[string]any{
			"regulated": r.Data.Regulated, "classes": notNil(r.Data.Classes), "entities": notNil(r.Data.Entities),
			"unscanned": len(r.Data.Unscanned) > 0, "truncated": r.Data.Truncated,
		}
	}
	if r.Request != nil {
		asked := map[string]any{"tools": notNil(r.Request.Tools)}
		if r.Request.MaxTokens > 0 {
			asked["maxTokens"] = r.Request.MaxTokens
		}
		facts["request"] = asked
	}
	b, err := json.Marshal(facts)
	if err != nil {
		panic(err) // plain values
	}
	return b
}

// permitting lists the entitlements whose grant would make the gateway permit the
// call: the present state with one grant more is asked, entitlement by entitlement.
func (s *Server) permitting(c *call, d DecisionView) ([]Offer, error) {
	state := s.cfg.State.Current()
	if state == nil {
		return nil, errUnavailable
	}
	return Permitting(c.ctx().Err, state, s.place(), d, time.Now())
}

// errPermitted means that a call needs nothing any more.
var errPermitted = &refusal{http.StatusConflict, "permitted-now", "that call would be permitted now", "make it again"}

// Permitting lists the entitlements that would permit a call, the narrowest first.
// stop is asked between two of them.
func Permitting(stop func() error, state *snapshot.Snapshot, at Place, d DecisionView, now time.Time) ([]Offer, error) {
	if ex, err := d.explain(state, at, now); err != nil || ex.Decision != policy.ExplainDeny {
		return nil, cmp.Or(err, error(errPermitted))
	}
	var out []Offer
	for _, e := range slices.SortedFunc(slices.Values(state.Entitlements()), narrower) {
		if err := stop(); err != nil {
			return nil, err
		}
		with, err := granted(state, d.Identity, e.ID, now)
		if err != nil {
			continue // what cannot be granted to this identity is no offer
		}
		ex, err := d.explain(with, at, now)
		if err != nil {
			return nil, err
		}
		if ex.Decision != policy.ExplainDeny {
			out = append(out, Offer{
				Name: e.ID, Title: e.Title, Tier: e.Tier(), MaxDuration: e.MaxDuration,
				Emergency: e.Access.BreakGlass > 0, Holds: ex.Decision == policy.ExplainHold,
			})
		}
	}
	return out, nil
}

// narrower orders entitlements by how little they give: by risk tier, then by
// whether they name each model, then by how many they name.
func narrower(a, b *rights.Entitlement) int {
	tiers := []string{"low", "medium", "high"}
	return cmp.Or(
		cmp.Compare(slices.Index(tiers, a.Tier()), slices.Index(tiers, b.Tier())),
		cmp.Compare(sweeping(a), sweeping(b)),
		cmp.Compare(len(a.Models), len(b.Models)),
		cmp.Compare(a.ID, b.ID),
	)
}

// sweeping counts what an entitlement names that stands for many models.
func sweeping(e *rights.Entitlement) int {
	n := 0
	for _, m := range e.Models {
		if strings.HasPrefix(m, "family:") || strings.HasPrefix(m, "provider:") || strings.Contains(m, "*") {
			n++
		}
	}
	return n
}

// explain asks a state about the call.
func (d *DecisionView) explain(s *snapshot.Snapshot, at Place, now time.Time) (policy.Explanation, error) {
	return Explain(s, at, ExplainRequest{
		Identity: d.Identity, Model: d.Model, Operation: d.Operation, Region: d.Region, Account: d.Account, Context: d.context,
	}, now)
}

// granted is a state with one grant more, which nothing but an explanation sees.
func granted(state *snapshot.Snapshot, who, what string, now time.Time) (*snapshot.Snapshot, error) {
	r := manifest.Resource{Kind: manifest.Grant, Name: "what-if", Spec: &rights.Grant{
		Identity: who, Entitlement: what, NotBefore: now.Add(-time.Minute).UTC(), NotAfter: now.Add(time.Minute).UTC(), Origin: rights.OriginRequested,
	}}
	spec, err := r.Encode()
	if err != nil {
		return nil, err
	}
	return state.With([]store.Change{{Op: manifest.Create, Kind: r.Kind, Name: r.Name, Spec: spec}}, now)
}
