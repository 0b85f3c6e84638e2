package governance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/grant"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/sod"
	"github.com/writ-project/writ/internal/store"
)

// Conflicts finds the duties that meet in one hand today, waived ones too, and
// says which rules could not be judged.
func (o *Office) Conflicts(ctx context.Context, a Actor) ([]sod.Conflict, []sod.Gap, error) {
	if err := o.May(ctx, a, authority.ViewPeople, authority.Object{Kind: "System"}); err != nil {
		return nil, nil, err
	}
	s, err := o.present(ctx)
	if err != nil {
		return nil, nil, err
	}
	facts := o.facts(s)
	return sod.Conflicts(o.rules(s), facts, waiversOf(s), o.cfg.Now()), sod.NotEvaluable(o.rules(s), facts), nil
}

// rules are the rules in force: the built-in ones with the organisation's over them.
func (o *Office) rules(s *snapshot.Snapshot) []sod.Rule {
	var own []sod.Rule
	for _, r := range s.SoDRules() {
		own = append(own, *r)
	}
	return sod.InForce(own)
}

func waiversOf(s *snapshot.Snapshot) []sod.Waiver {
	var out []sod.Waiver
	for _, w := range s.Waivers() {
		out = append(out, *w)
	}
	return out
}

// facts are who does what, as far as the state says it.
func (o *Office) facts(s *snapshot.Snapshot) sod.Facts {
	f, spoken := peopleFacts(s), vouchedModels(s, nil)
	for _, g := range s.Grants() {
		o.addGrant(s, &f, g, spoken)
	}
	return f
}

// factsAbout are the facts that matter to some hands: of people, everything they
// and their other accounts answer for; of identities, their grants.
func (o *Office) factsAbout(s *snapshot.Snapshot, hands []sod.Hand) sod.Facts {
	f, spoken := peopleFacts(s), vouchedModels(s, hands)
	identities := make(map[string]bool)
	for _, h := range hands {
		if h.Kind == sod.HandIdentity {
			identities[h.Name] = true
			continue
		}
		for _, op := range s.Operators() {
			if op.Behind() != f.Behind[h.Name] {
				continue
			}
			for _, i := range append(s.AnsweredBy(op.ID), s.AnsweredBy(op.Email)...) {
				identities[i.ID] = true
			}
		}
	}
	for _, name := range sortedKeys(identities) {
		for _, g := range s.GrantsOf(name) {
			o.addGrant(s, &f, g, spoken)
		}
	}
	return f
}

// peopleFacts are the duties that come with roles, and who vouched for which
// model. A disabled account does nothing, and is its person's all the same: what it
// answers for is theirs.
func peopleFacts(s *snapshot.Snapshot) sod.Facts {
	f := sod.Facts{
		Persons: make(map[string][]sod.Held), Behind: make(map[string]string), Identities: make(map[string][]sod.Held), Unknown: sod.Unseen(),
	}
	for _, op := range s.Operators() {
		f.Behind[op.ID] = op.Behind()
		if !op.Disabled {
			f.Persons[op.ID] = roleDuties(op)
		}
	}
	for _, v := range s.Validations() {
		for _, account := range accountsOf(s, v.By) {
			f.Persons[account] = append(f.Persons[account], sod.Held{Duty: sod.Attest, Object: "Model/" + v.Model, Source: "Validation/" + v.ID})
		}
	}
	return f
}

// addGrant adds the duties that come with a grant that gives a right or will.
func (o *Office) addGrant(s *snapshot.Snapshot, f *sod.Facts, g *rights.Grant, spoken *spokenOf) {
	i, known := s.Identity(g.Identity)
	e, there := s.Entitlement(g.Entitlement)
	if !known || !there || g.State != rights.GrantScheduled && !grant.Live(*g, o.cfg.Now()) {
		return
	}
	source := "Grant/" + g.ID
	f.Identities[i.ID] = append(f.Identities[i.ID], rightDuties(e, g.Narrow, source)...)
	for _, hand := range spoken.spending(i, e, g.ID) {
		addHand(f, hand)
	}
	for _, hand := range answering(s, i, e, spoken.names(e), source) {
		addHand(f, hand)
	}
}

// roleDuties are what an operator's roles let them do.
func roleDuties(op *operator.Operator) []sod.Held {
	var out []sod.Held
	add := func(role operator.Role, duties ...sod.Duty) {
		if op.Has(role) {
			for _, d := range duties {
				out = append(out, sod.Held{Duty: d, Source: "role " + string(role)})
			}
		}
	}
	add(operator.Requester, sod.Request)
	add(operator.Approver, sod.Approve, sod.ReviewBreakGlass, sod.WriteBack)
	if op.Has(operator.Approver) { // over those that they are near to, see answering
		out = append(out, sod.Held{Duty: sod.ReleaseHold, Object: "others", Source: "role " + string(operator.Approver)})
	}
	add(operator.Remediator, sod.Operate)
	add(operator.BreakGlass, sod.BreakGlass)
	add(operator.Administrator, sod.Administer, sod.ChangeModel, sod.ChangeGuardrail, sod.ChangeLogging, sod.ChangeBinding, sod.ChangeProxy, sod.EditPolicy, sod.EditEntitlement, sod.RaiseBudget)
	return out
}

// rightDuties are what a right lets its identity do. Tools that write are no duty
// to write back: their calls wait for a human, whose duty that is.
func rightDuties(e *rights.Entitlement, n *rights.Narrowing, source string) []sod.Held {
	narrowed, some := e.Under(n)
	if !some {
		return nil
	}
	var out []sod.Held
	for _, m := range narrowed.Models {
		out = append(out, sod.Held{Duty: sod.Invoke, Object: "Model/" + m, Source: source})
	}
	return out
}

// spokenOf knows the models that somebody vouches for, and which rights reach them:
// a right can name a model by its family, and who vouches names the model.
type spokenOf struct {
	s      *snapshot.Snapshot
	models []bedrock.Model
	by     map[string][]string // by entitlement
	spent  map[string]bool     // identities and budgets whose spending is known
}

// vouchedModels are the models that were vouched for, and would be by some hands.
func vouchedModels(s *snapshot.Snapshot, hands []sod.Hand) *spokenOf {
	ids := make(map[string]bool)
	for _, v := range s.Validations() {
		ids[v.Model] = true
	}
	for _, h := range hands {
		if h.Held.Duty == sod.Attest {
			ids[strings.TrimPrefix(h.Held.Object, "Model/")] = true
		}
	}
	out := &spokenOf{s: s, by: make(map[string][]string), spent: make(map[string]bool)}
	for _, id := range sortedKeys(ids) {
		if m, ok := s.Catalogue.Model(id); ok {
			out.models = append(out.models, m)
		}
	}
	return out
}

// names are a right's models as it names them, and the ids of those among them
// that somebody vouches for.
func (k *spokenOf) names(e *rights.Entitlement) []string {
	if names, ok := k.by[e.ID]; ok {
		return names
	}
	names := slices.Clone(e.Models)
	for _, m := range k.models {
		if reaches(k.s, e, m) && !slices.Contains(names, m.ID) {
			names = append(names, m.ID)
		}
	}
	k.by[e.ID] = names
	return names
}

// answering are the people who answer for an identity that may invoke: for it, and
// for its use of the models, under each of their names. One who approves could
// release what of the identity's waits, if that were not refused.
func answering(s *snapshot.Snapshot, i *identity.Identity, e *rights.Entitlement, models []string, source string) []sod.Hand {
	objects := []string{"Identity/" + i.ID}
	for _, m := range models {
		objects = append(objects, "Model/"+m)
	}
	var out []sod.Hand
	for _, account := range accountsOf(s, i.Sponsor, i.Owner, i.Deputy) {
		for _, object := range objects {
			out = append(out, sod.Hand{Kind: sod.HandPerson, Name: account, Held: sod.Held{Duty: sod.Own, Object: object, Source: source}})
		}
		if op, ok := s.Operator(account); ok && !op.Disabled && op.Has(operator.Approver) && e.Conditions.Waits() {
			out = append(out, sod.Hand{Kind: sod.HandPerson, Name: account, Held: sod.Held{Duty: sod.ReleaseHold, Object: "Identity/" + i.ID, Source: source}})
		}
	}
	return out
}

// would is what a request, if it were approved, would newly bring together.
func (o *Office) would(s *snapshot.Snapshot, r *request.Request) []sod.Conflict {
	added := o.added(s, r)
	if len(added) == 0 {
		return nil
	}
	return sod.Would(o.rules(s), o.factsAbout(s, added), added, waiversOf(s), o.cfg.Now())
}

// added are the duties that a request's approval would give.
func (o *Office) added(s *snapshot.Snapshot, r *request.Request) []sod.Hand {
	source := "Request/" + r.ID
	switch ask := r.Ask; {
	case ask.Grant != nil:
		return grantDuties(s, ask.Grant, source)
	case ask.Change != nil:
		var out []sod.Hand
		for _, c := range ask.Change.Changes {
			out = append(out, changedRoles(s, c, source)...)
		}
		return out
	}
	return nil
}

func grantDuties(s *snapshot.Snapshot, g *request.GrantAsk, source string) []sod.Hand {
	i, e, err := need(s, g.Identity, g.Entitlement)
	if err != nil {
		return nil
	}
	spoken := vouchedModels(s, nil)
	out := append(answering(s, i, e, spoken.names(e), source), spoken.spending(i, e, "")...)
	for _, h := range rightDuties(e, g.Narrow, source) {
		out = append(out, sod.Hand{Kind: sod.HandIdentity, Name: i.ID, Held: h})
	}
	return out
}

// changedRoles are the duties that a changed operator would have.
func changedRoles(s *snapshot.Snapshot, c request.Change, source string) []sod.Hand {
	if c.Kind != string(manifest.Operator) || len(c.Spec) == 0 {
		return nil
	}
	r, err := manifest.Decode(manifest.Operator, c.Name, c.Spec)
	if err != nil {
		return nil
	}
	return newRoles(s, r.Spec.(*operator.Operator), source)
}

// newRoles are the duties that an operator would have and has not.
func newRoles(s *snapshot.Snapshot, op *operator.Operator, source string) []sod.Hand {
	var had []sod.Held
	if before, ok := s.Operator(op.ID); ok {
		had = roleDuties(before)
	}
	var out []sod.Hand
	for _, h := range roleDuties(op) {
		if !slices.ContainsFunc(had, func(b sod.Held) bool { return b.Duty == h.Duty }) {
			h.Source = source
			out = append(out, sod.Hand{Kind: sod.HandPerson, Name: op.ID, Held: h})
		}
	}
	return out
}

// knownSubject checks whom a waiver is for.
func knownSubject(s *snapshot.Snapshot, subject string) error {
	kind, name, _ := strings.Cut(subject, "/")
	var known bool
	switch kind {
	case "Identity":
		_, known = s.Identity(name)
	case "Operator":
		_, known = s.Operator(name)
	}
	if !known {
		return fmt.Errorf("%w: %q: want Identity/NAME or Operator/NAME of one that exists", ErrInvalid, subject)
	}
	return nil
}

// EndWaiver takes an exception back before it expires.
func (o *Office) EndWaiver(ctx context.Context, a Actor, name, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	_, err := o.commit(ctx, act{a, "waiver.end", "waiver/" + name}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		if err := o.May(ctx, a, authority.AskWaiver, authority.Object{Kind: "Waiver", Name: name}); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(s.Waivers(), func(w *sod.Waiver) bool { return w.ID == name })
		if i < 0 {
			return nil, fmt.Errorf("waiver %q: %w", name, store.ErrNotFound)
		}
		ended := *s.Waivers()[i]
		ended.Ending = &identity.Remark{By: a.Name, Reason: reason}
		c, err := closing(manifest.Waiver, name, &ended)
		return []store.Change{c}, err
	})
	return err
}
