package governance

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/sod"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/widening"
)

// How long requests wait, and emergencies last, where nothing says it.
const (
	defaultWait     = 7 * 24 * time.Hour
	defaultDuration = 8 * time.Hour        // of a grant that may be had for any time
	longestDuration = 366 * 24 * time.Hour // of a grant: there are none for ever
	automaticBreak  = "break-glass"        // the rule by which an emergency is granted at once
)

// plan is a submission thought through: what it would be judged by.
type plan struct {
	request   request.Request // a draft
	circle    *circle
	stages    []request.Stage
	automatic string // the rule that decides at once; empty: people do
	verdict   request.Verdict
	conflicts []sod.Conflict
	pins      map[string]string
	expires   time.Time
}

// Submit files a request. It is refused at once where nobody could approve it
// (rule R4), where duties would meet, and where the entitlement is not offered to
// who asks. A rule of the entitlement, or an emergency, may decide it on the spot.
func (o *Office) Submit(ctx context.Context, a Actor, in Submission) (RequestView, error) {
	id, automatic := newRequestID(o.cfg.Now()), false
	_, err := o.commit(ctx, act{a, "request.submit", "request/" + id}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		p, err := o.plan(ctx, s, a, in)
		if err != nil {
			return nil, err
		}
		if blocking := sod.Preventing(p.conflicts); len(blocking) > 0 {
			return nil, &DutiesError{blocking}
		}
		automatic = p.automatic != ""
		r, err := p.request.Submit(p.stages, p.pins, p.expires, o.cfg.Now())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		r.ID = id
		c, err := create(manifest.Request, id, &r)
		return []store.Change{c}, err
	})
	if err == nil && automatic {
		err = o.decideAutomatically(ctx, id)
	}
	if err != nil {
		return RequestView{}, err
	}
	return o.Request(ctx, a, id)
}

// newRequestID names a request so that later ones come later in a list: 48 bits of
// time in milliseconds, and 80 random ones.
func newRequestID(now time.Time) string {
	return fmt.Sprintf("%012x", now.UnixMilli()) + NewID()[:20]
}

// Preview says what a submission would be judged by, and changes nothing.
func (o *Office) Preview(ctx context.Context, a Actor, in Submission) (Preview, error) {
	s, err := o.present(ctx)
	if err != nil {
		return Preview{}, err
	}
	p, err := o.plan(ctx, s, a, in)
	if err != nil {
		return Preview{}, err
	}
	out := Preview{Stages: p.stages, Automatic: p.automatic, Conflicts: p.conflicts}
	if g := p.request.Ask.Grant; g != nil {
		out.Duration = g.Duration
	}
	return out, nil
}

// plan judges a submission against the present state.
func (o *Office) plan(ctx context.Context, s *snapshot.Snapshot, a Actor, in Submission) (*plan, error) {
	if err := checkWords(in); err != nil {
		return nil, err
	}
	ask, kind, err := o.settle(s, a, in.Ask)
	if err != nil {
		return nil, err
	}
	r, err := request.New(kind, ask, a.Party(), request.Words{Justification: in.Justification, Ticket: in.Ticket, Answers: in.Answers}, o.cfg.Now())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	p := &plan{request: r, expires: o.cfg.Now().Add(defaultWait)}
	if err := o.mayAsk(ctx, s, a, &r); err != nil {
		return nil, err
	}
	editors, err := o.editors(ctx, &r)
	if err != nil {
		return nil, err
	}
	p.circle = o.circleOf(s, &r, editors)
	if err := o.route(s, p); err != nil {
		return nil, err
	}
	p.conflicts = o.would(s, &r)
	p.pins, err = widening.Pins(s, ask)
	return p, err
}

// settle checks what is asked for by itself and fills in what it leaves open.
func (o *Office) settle(s *snapshot.Snapshot, a Actor, ask request.Ask) (request.Ask, request.Kind, error) {
	switch {
	case ask.Grant != nil:
		g, err := o.settleGrant(s, *ask.Grant)
		return request.Ask{Grant: &g}, request.ForGrant, err
	case ask.Change != nil:
		change, err := o.settleChange(s, ask.Change)
		return request.Ask{Change: change}, request.ForChange, err
	case ask.Lift != nil:
		q, ok := s.Quarantine(ask.Lift.Quarantine)
		if !ok {
			return ask, "", fmt.Errorf("quarantine %q: %w", ask.Lift.Quarantine, store.ErrNotFound)
		}
		return request.Ask{Lift: &request.LiftAsk{Quarantine: q.ID, Target: q.Target}}, request.ForLift, nil
	case ask.Waiver != nil:
		return request.Ask{Waiver: ask.Waiver}, request.ForWaiver, o.checkWaiver(s, ask.Waiver)
	}
	return ask, "", fmt.Errorf("%w: say what is asked for: a grant, a change, the end of a quarantine, or a waiver", ErrInvalid)
}

func (o *Office) settleGrant(s *snapshot.Snapshot, g request.GrantAsk) (request.GrantAsk, error) {
	i, e, err := need(s, g.Identity, g.Entitlement)
	if err != nil {
		return g, err
	}
	if state := i.Current(); state.Halted() {
		return g, fmt.Errorf("%w: %s is %s", ErrInvalid, i.ID, state)
	}
	if _, err := rights.Narrow(*e, g.Narrow); err != nil {
		return g, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if g.Emergency && e.Access.BreakGlass == 0 {
		return g, fmt.Errorf("%w: %s has no emergency access", ErrNotOffered, e.ID)
	}
	if g.Emergency && !g.Start.IsZero() {
		return g, fmt.Errorf("%w: an emergency starts at once", ErrInvalid)
	}
	if g.Replaces != "" {
		if old, ok := s.Grant(g.Replaces); !ok || old.Identity != g.Identity {
			return g, fmt.Errorf("%w: %s has no grant %q to replace", ErrInvalid, g.Identity, g.Replaces)
		}
	}
	g.Duration, err = durationOf(e, g)
	return g, err
}

// durationOf is the time that a grant is for (rule R5): what is asked for, at most
// what the entitlement gives; an emergency lasts its shortest.
func durationOf(e *rights.Entitlement, g request.GrantAsk) (time.Duration, error) {
	longest := e.Longest(g.Emergency)
	switch {
	case g.Duration < 0 || g.Duration > longestDuration:
		return 0, fmt.Errorf("%w: a grant lasts up to a year", ErrInvalid)
	case g.Duration == 0 && longest == 0:
		return defaultDuration, nil
	case g.Duration == 0 || longest > 0 && g.Duration > longest:
		return longest, nil
	}
	return g.Duration, nil
}

func (o *Office) checkWaiver(s *snapshot.Snapshot, w *request.WaiverAsk) error {
	if !slices.ContainsFunc(o.rules(s), func(r sod.Rule) bool { return r.ID == w.Rule }) {
		return fmt.Errorf("%w: there is no rule %q", ErrInvalid, w.Rule)
	}
	if w.Duration <= 0 || w.Duration > longestDuration {
		return fmt.Errorf("%w: a waiver is for a time, of up to a year", ErrInvalid)
	}
	return knownSubject(s, w.Subject)
}

// mayAsk checks the right to ask, and whether the entitlement is offered to who asks.
func (o *Office) mayAsk(ctx context.Context, s *snapshot.Snapshot, a Actor, r *request.Request) error {
	action := map[request.Kind]authority.Action{
		request.ForGrant: authority.AskGrant, request.ForChange: authority.AskChange,
		request.ForLift: authority.AskLift, request.ForWaiver: authority.AskWaiver,
	}[r.Kind]
	g := r.Ask.Grant
	if g != nil && g.Emergency {
		action = authority.AskEmergency
	}
	if err := o.May(ctx, a, action, requestObject(s, r)); err != nil {
		return err
	}
	if g == nil || g.Emergency {
		return nil
	}
	return o.offered(s, a, r)
}

// nearby are those who may ask where the entitlement does not say.
var nearby = []string{"sponsor", "identity-owner", "deputy", "identity-team"}

func (o *Office) offered(s *snapshot.Snapshot, a Actor, r *request.Request) error {
	c := o.circleOf(s, r, nil)
	selectors := c.entitlement.Access.Requesters
	if len(selectors) == 0 {
		selectors = nearby
	}
	if a.Name == LocalAdmin && len(c.entitlement.Access.Requesters) == 0 {
		return nil // whoever holds the data directory files what files say
	}
	if a.Operator != nil && slices.ContainsFunc(selectors, func(sel string) bool { return c.matches(sel, a.Operator) }) {
		return nil
	}
	return fmt.Errorf("%w: %s may be asked for by %v of the identity", ErrNotOffered, c.entitlement.ID, selectors)
}

// route settles who decides: a rule, an emergency, or people in stages, for each
// of which there must be somebody.
func (o *Office) route(s *snapshot.Snapshot, p *plan) error {
	switch ask := p.request.Ask; {
	case ask.Grant != nil && ask.Grant.Emergency:
		if p.request.Justification == "" {
			return fmt.Errorf("%w: an emergency is justified in words", ErrInvalid)
		}
		p.automatic, p.verdict = automaticBreak, request.Approve
		return nil
	case ask.Grant != nil:
		return o.routeGrant(p)
	}
	if ask := p.request.Ask.Change; ask != nil {
		return p.staffed(changeStages(s, ask))
	}
	return p.staffed([]request.Stage{anyApprover("approval")})
}

func (o *Office) routeGrant(p *plan) error {
	e, g := p.circle.entitlement, p.request.Ask.Grant
	facts, err := filterFacts(e, p.circle.identity, g)
	if err != nil {
		return err
	}
	if e.Access.Waits > 0 {
		p.expires = o.cfg.Now().Add(time.Duration(e.Access.Waits))
	}
	if rule, verdict := automaticOf(e, facts); rule != "" {
		p.automatic, p.verdict = rule, verdict
		return nil
	}
	if p.request.Justification == "" && e.Tier() != "low" {
		return fmt.Errorf("%w: say what the right is needed for", ErrInvalid)
	}
	return p.staffed(stagesOf(e, facts))
}

func filterFacts(e *rights.Entitlement, i *identity.Identity, g *request.GrantAsk) (rights.FilterFacts, error) {
	asked, err := rights.Narrow(*e, g.Narrow)
	if err != nil {
		return rights.FilterFacts{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	facts := rights.FactsOf(&asked, i)
	facts.Duration, facts.SpendUSD, facts.Emergency = g.Duration, g.SpendUSD, g.Emergency
	return facts, nil
}

// automaticOf is the rule that decides without people. Deny beats approve,
// whatever their order (rule R11).
func automaticOf(e *rights.Entitlement, facts rights.FilterFacts) (string, request.Verdict) {
	var name string
	for _, rule := range e.Access.Automatic {
		switch {
		case !rule.When.Matches(facts):
		case rule.Verdict == rights.VerdictDeny:
			return rule.Name, request.Deny
		default:
			name = cmp.Or(name, rule.Name)
		}
	}
	return name, request.Approve
}

// stagesOf are the stages that a request goes through. Where the entitlement has
// none that fit, any approver of its scope decides.
func stagesOf(e *rights.Entitlement, facts rights.FilterFacts) []request.Stage {
	var out []request.Stage
	for _, st := range e.Access.Stages {
		if st.When.Matches(facts) {
			out = append(out, request.Stage{
				Name: st.Name, Approvers: st.Approvers, Escalate: st.Escalate, Timeout: time.Duration(st.Timeout),
				Needed: max(st.Needed, 1), Denials: max(st.Denials, 1), Human: e.Tier() != "low",
			})
		}
	}
	if len(out) == 0 {
		st := anyApprover("approval")
		st.Human = e.Tier() != "low"
		out = []request.Stage{st}
	}
	return out
}

// anyApprover is the stage that every approver of the scope may decide.
func anyApprover(name string) request.Stage {
	return request.Stage{Name: name, Approvers: []string{"role:approver"}, Needed: 1, Denials: 1, Human: true}
}

// changeStages have a change that widens live grants decided by those who decide
// on such grants (security S18), one entitlement after the other; a change of
// roles, by any approver.
func changeStages(s *snapshot.Snapshot, ask *request.ChangeAsk) []request.Stage {
	var out []request.Stage
	seen := make(map[string]bool)
	for _, w := range ask.Widens {
		g, ok := s.Grant(w.Grant)
		if !ok || seen[g.Entitlement] {
			continue
		}
		seen[g.Entitlement] = true
		out = append(out, stagesAbout(s, g)...)
	}
	if len(out) == 0 || slices.ContainsFunc(ask.Widens, func(w request.Widens) bool { return w.Operator != "" }) {
		out = append(out, anyApprover("people"))
	}
	return out
}

// stagesAbout are the stages by which a live grant would be approved today.
func stagesAbout(s *snapshot.Snapshot, g *rights.Grant) []request.Stage {
	i, e, err := need(s, g.Identity, g.Entitlement)
	if err != nil {
		return nil
	}
	facts := rights.FactsOf(e, i)
	facts.Duration = time.Duration(g.Duration)
	stages := stagesOf(e, facts)
	for n := range stages {
		stages[n].Entitlement, stages[n].Grant, stages[n].Name = e.ID, g.ID, e.ID+": "+stages[n].Name
	}
	return stages
}

// staffed fills in who may decide on each stage and refuses a plan that nobody
// could carry out. People, not accounts, are counted; above the lowest tier one of
// them must be human (rule R3).
func (p *plan) staffed(stages []request.Stage) error {
	for i := range stages {
		st := &stages[i]
		may, excluded := p.circle.at(st).eligible(st.Approvers)
		if persons, humans := p.circle.headcount(may); persons < st.Needed || st.Human && humans == 0 {
			return &NoApproverError{Stage: st.Name, Want: st.Approvers, Needed: st.Needed, Eligible: may, Excluded: excluded}
		}
		st.Eligible = may
	}
	p.stages = stages
	return nil
}

// headcount counts the people behind accounts, and the humans among them.
func (c *circle) headcount(accounts []string) (persons, humans int) {
	seen := make(map[string]bool)
	for _, name := range accounts {
		op, ok := c.state.Operator(name)
		if !ok || seen[op.Behind()] {
			continue
		}
		seen[op.Behind()] = true
		persons++
		if op.Kind != operator.Automation {
			humans++
		}
	}
	return persons, humans
}
