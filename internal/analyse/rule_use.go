package analyse

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

const accessReference = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html"

// useRules are about rights that nobody uses, and calls that nobody may make.
var useRules = []rule{
	{report.Rule{
		ID: "BR-USE-01", Title: "Rights to invoke that are not used", Severity: report.Medium,
		Help: "The principal could call these models, by these actions, and did not in the time that the evidence covers. " +
			"A right that is not used serves only whoever steals it. " +
			"Take it away, model by model and action by action. Rights of principals, or accounts, that the evidence does not reach are unknown, not unused: InvokeModel and Converse are management events of CloudTrail, while calls through agents, flows and knowledge bases are data events, which are off by default.",
		Reference: []string{accessReference, "https://docs.aws.amazon.com/bedrock/latest/userguide/logging-using-cloudtrail.html"},
	}, useUnused},
	{report.Rule{
		ID: "BR-USE-02", Title: "A narrower policy would do", Severity: report.Medium,
		Help: "The principal uses some of the models that it may invoke, and not the others. " +
			"The policy proposed allows what was used, under the same conditions, and is proven to grant nothing new and to cover every use seen. " +
			"Look at what it removes before you put it in place: what happens once a year may not be in the evidence.",
		Reference: []string{leastReference, accessReference},
	}, useNarrower},
	{report.Rule{
		ID: "BR-USE-03", Title: "Calls to models outside the rights", Severity: report.High,
		Help: "The principal was seen calling a model that its policies do not allow. " +
			"If AWS refused the calls, somebody tries what a stolen key can do, or a deployment is broken; if it did not, the right was taken away since, or comes from what the input does not hold. " +
			"Look at the calls in CloudTrail: source address, user agent, errorCode.",
		Reference: []string{"https://docs.aws.amazon.com/bedrock/latest/userguide/logging-using-cloudtrail.html"},
	}, useOutside},
}

// defaultUnusedDays and graceDays are how long a right may lie unused, and how
// long a new principal is left alone.
const (
	defaultUnusedDays = 90
	graceDays         = 14
)

// usage is what the evidence says of the time looked at.
type usage struct {
	s        *scan
	days     int
	since    time.Time
	accounts map[string]bool // of which some use is known
}

// usage reads the evidence for so many days back, and says why it does not
// reach that far.
func (s *scan) usage(days int) (*usage, string) {
	used := s.Estate.Used
	if used == nil {
		return nil, "needs --used: what principals were seen to call"
	}
	u := &usage{s: s, days: days, since: s.Now.AddDate(0, 0, -days), accounts: map[string]bool{}}
	switch {
	case used.First.IsZero() || used.Last.IsZero():
		return nil, "needs --used with the times of first and last use"
	case used.First.After(u.since):
		return nil, fmt.Sprintf("needs --used over %d days; it begins on %s", days, used.First.Format(time.DateOnly))
	case used.Last.Before(u.since):
		return nil, fmt.Sprintf("needs --used of the last %d days; it ends on %s", days, used.Last.Format(time.DateOnly))
	}
	for _, p := range s.matrix.Principals {
		if len(used.Of(p.ARN)) > 0 {
			u.accounts[p.Principal.Account] = true
		}
	}
	return u, ""
}

func (s *scan) unusedDays() int {
	if s.opts.UnusedDays > 0 {
		return s.opts.UnusedDays
	}
	return defaultUnusedDays
}

// known reports whether the evidence reaches a principal's rights: it is of its
// account, and the principal was there long enough to have used them.
func (u *usage) known(p *estate.Principal) bool {
	return u.accounts[p.Principal.Account] && !p.Created.After(u.s.Now.AddDate(0, 0, -graceDays))
}

// cells marks the cells of a row that were used in the time looked at.
func (u *usage) cells(p *estate.Principal) []bool {
	n := len(u.s.matrix.Actions)
	out := make([]bool, len(u.s.matrix.Targets)*n)
	for _, use := range u.s.Estate.Used.Of(p.ARN) {
		action := slices.Index(u.s.matrix.Actions, permission(use.Action))
		if action < 0 || !use.Last.IsZero() && use.Last.Before(u.since) {
			continue
		}
		id, region := called(use)
		for t := range u.s.matrix.Targets {
			if x := &u.s.matrix.Targets[t]; x.ID == id && (region == "" || region == x.Region) {
				out[t*n+action] = true
			}
		}
	}
	return out
}

// called is the catalogue's id of what a use called, and where.
func called(use estate.Use) (id, region string) {
	name := use.Resource
	if name == "" {
		name = use.Model
	}
	ref, err := bedrock.ParseModelID(name)
	if err != nil {
		return name, use.Region
	}
	if region = use.Region; region == "" {
		region = ref.Region
	}
	return ref.CatalogueID(), region
}

func useUnused(s *scan, yield func(report.Finding)) string {
	u, why := s.usage(s.unusedDays())
	if why != "" {
		return why
	}
	for _, x := range s.invokers(false) {
		if h, ok := u.unused(x); ok && u.known(x.Principal) {
			yield(s.finding(x.Principal, x.Principal, h, report.Medium))
		}
	}
	return ""
}

// unused finds the rights of a subject that were not used.
func (u *usage) unused(x *subject) (hit, bool) {
	s, used := u.s, u.cells(x.whole)
	held, first, idle := 0, -1, make([][]string, len(s.matrix.Actions))
	for i, c := range x.row {
		if !c.Can() {
			continue
		}
		held++
		if used[i] {
			continue
		}
		if first < 0 {
			first = i
		}
		t, action := i/len(s.matrix.Actions), i%len(s.matrix.Actions)
		idle[action] = append(idle[action], s.matrix.Targets[t].ID)
	}
	if first < 0 {
		return hit{}, false
	}
	var parts []string
	n := 0
	for i, ids := range idle {
		if n += len(ids); len(ids) > 0 {
			parts = append(parts, fmt.Sprintf("%s on %s", s.matrix.Actions[i], listed(ids, 5)))
		}
	}
	h := hit{title: fmt.Sprintf("has not used %d of %s to invoke in %d days", n, plural(held, "right"), u.days)}
	if n == held {
		h.title = fmt.Sprintf("has used none of %s to invoke in %d days", plural(held, "right"), u.days)
	}
	h.detail = "Not used: " + strings.Join(parts, "; ") + ". " + u.evidence()
	return h.of(s.ask(x, first/len(s.matrix.Actions), first%len(s.matrix.Actions), nil)), true
}

// evidence names what a verdict about use rests on.
func (u *usage) evidence() string {
	used := u.s.Estate.Used
	return fmt.Sprintf("Evidence: the uses given, from %s to %s; calls that their source does not log are not in it.", used.First.Format(time.DateOnly), used.Last.Format(time.DateOnly))
}

// maxProposals bounds how many policies a scan proposes: those that take most
// away. Each is proven, which takes its time.
const maxProposals = 200

func useNarrower(s *scan, yield func(report.Finding)) string {
	u, why := s.usage(s.unusedDays())
	if why != "" {
		return why
	}
	var list []partUsed
	for _, x := range s.invokers(false) {
		if p := u.part(x); u.known(x.Principal) && p.kept > 0 && p.kept < p.held {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b partUsed) int { return (b.held - b.kept) - (a.held - a.kept) })
	found := make([]report.Finding, len(list))
	_ = inParallel(s.ctx, len(list), func(i int) { found[i] = u.narrower(list[i], i < maxProposals) })
	for _, f := range found {
		yield(f)
	}
	return ""
}

// partUsed is how many of a subject's rights were used, and the last of them.
type partUsed struct {
	*subject
	held, kept, at int
}

func (u *usage) part(x *subject) partUsed {
	p, used := partUsed{subject: x}, u.cells(x.whole)
	for i, c := range x.row {
		if !c.Can() {
			continue
		}
		if p.held++; used[i] {
			p.kept, p.at = p.kept+1, i
		}
	}
	return p
}

// narrower is the finding of a subject that uses some of its rights, with the
// policy that leaves it those.
func (u *usage) narrower(p partUsed, propose bool) report.Finding {
	s, n := u.s, len(u.s.matrix.Actions)
	h := hit{title: fmt.Sprintf("uses %d of %s to invoke", p.kept, plural(p.held, "right")), detail: u.evidence()}
	h = h.of(s.ask(p.subject, p.at/n, p.at%n, nil))
	if propose {
		h.proposal = s.proposal(p.whole)
	}
	if h.proposal == nil {
		h.detail += " No policy is attached here: writ iam tighten writes one, or says why there is none."
	}
	return s.finding(p.Principal, p.Principal, h, report.Medium)
}

// proposal is the narrower policy, if it is proven.
func (s *scan) proposal(p *estate.Principal) *report.Proposal {
	t, err := s.Tighten(p, TightenOptions{})
	if err != nil || !t.Proven() || len(t.Policy) == 0 {
		return nil
	}
	out := &report.Proposal{Policy: t.Policy[0], Proof: "grants nothing new, and covers every use seen (NO_NEW_ACCESS in the one direction, each use allowed in the other)"}
	if len(t.Policy) > 1 {
		out.Policy = asJSON(t.Policy)
	}
	out.Text = fmt.Sprintf("Allow what is used; this takes away %s.", plural(t.Removed.Rights, "right"))
	for _, e := range t.Edits {
		if e.Change != Stay {
			out.Text += fmt.Sprintf(" Then %s statement %d of %s.", e.Change, e.Index+1, e.Policy)
		}
	}
	return out
}

func useOutside(s *scan, yield func(report.Finding)) string {
	if s.Estate.Used == nil {
		return "needs --used: what principals were seen to call"
	}
	for _, x := range s.subjects() {
		seen := map[string]bool{}
		for _, use := range s.Estate.Used.Of(x.ARN) {
			if h, ok := s.outside(x, use); ok && !seen[h.resource] {
				seen[h.resource] = true
				yield(s.finding(x.whole, x.whole, h, report.High))
			}
		}
	}
	return ""
}

// outside finds a call that the principal's policies do not allow.
func (s *scan) outside(x *subject, use estate.Use) (hit, bool) {
	action := permission(use.Action)
	if !slices.Contains(s.matrix.Actions, action) {
		return hit{}, false
	}
	id, region := called(use)
	ans, err := s.Can(x.whole, Question{Action: action, Resource: id, Region: region})
	if err != nil || ans.Decision.Can() {
		return hit{}, false
	}
	h := hit{resource: id, title: "called " + id + ", which its policies do not allow",
		detail: fmt.Sprintf("%s, %s", action, plural(int(use.Count), "time"))}
	if !use.Last.IsZero() {
		h.detail += ", last on " + use.Last.Format(time.DateOnly)
	}
	h.detail += ": " + reason(ans) + " now."
	return h, true
}

// reason says why an invocation is refused.
func reason(ans rights.Answer) string {
	for _, leg := range ans.Legs {
		if !leg.Decision.Can() {
			return leg.Resource + " is " + refusal(leg)
		}
	}
	return "it is not allowed"
}
