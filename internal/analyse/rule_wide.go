package analyse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/glob"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

const (
	actionsReference  = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html"
	leastReference    = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"
	elementsReference = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html"
	examplesReference = "https://docs.aws.amazon.com/bedrock/latest/userguide/security_iam_id-based-policy-examples.html"
)

// wideRules are about rights that are wider than a use needs.
var wideRules = []rule{
	{report.Rule{
		ID: "BR-WIDE-01", Title: "All of Bedrock, and whatever AWS adds to it", Severity: report.High,
		Help: "The principal may call every action of Bedrock on every resource, by bedrock:*, by * or by a NotAction, and is no administrator. " +
			"That is more than invoking models: it can make agents that act under other roles, change guardrails and switch off the invocation log. " +
			"Name the actions that it needs; for a workload these are bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream on the models it calls.",
		Reference: []string{actionsReference, leastReference},
	}, wideNamespace},
	{report.Rule{
		ID: "BR-WIDE-02", Title: "Every model in every region, present and future", Severity: report.High,
		Help: "The principal may invoke any foundation model, in any region: those of today's catalogue, and every one that will be added. " +
			"That is proven over all ARNs that a foundation model can have, not over a list. " +
			"Name the models and regions that it uses; where it must stay wide, an SCP can hold the approved models for the whole organisation.",
		Reference: []string{examplesReference, leastReference},
	}, wideModels},
	{report.Rule{
		ID: "BR-WIDE-03", Title: "Models outside the approved list", Severity: report.Medium,
		Help: "The principal may invoke models that are not on the list of approved ones. " +
			"A list that only people know is not a control: narrow the policy to it, or deny the rest in an SCP with NotResource.",
		Reference: []string{examplesReference},
	}, wideApproved},
	{report.Rule{
		ID: "BR-WIDE-04", Title: "A right to invoke by exclusion", Severity: report.Medium,
		Help: "An Allow with NotAction or NotResource grants everything that it does not name. " +
			"Actions and models that AWS adds later are granted on the day they appear, and nobody who reads the policy sees that models are among what it grants. " +
			"Say what is allowed, and use NotAction and NotResource in Deny statements only.",
		Reference: []string{elementsReference},
	}, wideExclusion},
	{report.Rule{
		ID: "BR-WIDE-05", Title: "A right to invoke from a policy that does not look like it", Severity: report.Medium,
		Help: "The principal can invoke models only because of a policy of AWS whose name does not say so. " +
			"Whoever attached it probably meant something else; AWS changes such policies without notice. " +
			"Replace it by a policy of your own without the Bedrock statements, or deny invocation in a permissions boundary.",
		Reference: []string{"https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html"},
	}, wideSurprise},
	{report.Rule{
		ID: "BR-WIDE-06", Title: "A list of models on bedrock, and every model on bedrock-mantle", Severity: report.High,
		Help: "The policies hold the principal to some models on bedrock-runtime, but bedrock-mantle:CreateInference is open for a model that they exclude. " +
			"The mantle endpoint serves models under its own service prefix; the model shows only in the condition key bedrock-mantle:Model, so a list of model ARNs does not bind it. " +
			"Deny bedrock-mantle:CreateInference, or limit it with bedrock-mantle:Model to the same models.",
		Reference: []string{"https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrockpoweredbyawsmantle.html"},
	}, wideMantle},
}

// Actions that no service has: who may call them may call all that their
// service has or will have.
const (
	anyBedrockAction = "bedrock:AnActionOfTomorrow"
	someAction       = "some-service:AnActionOfTomorrow"
)

// administrator reports whether a principal's own policies let it do anything
// anywhere, the rights of others included.
func (s *scan) administrator(x *subject) bool {
	l := s.Layers(x.Principal)
	l.SCPs, l.Endpoint, l.Sessions = nil, nil, nil
	for _, action := range []string{someAction, "iam:PutRolePolicy"} {
		c := s.Case(x.Principal, []rights.Check{{Action: action, Resource: "*"}}, nil)
		c.Layers = l
		if d := rights.Solve(s.universe(), c).Decision; !d.Can() {
			return false
		}
	}
	return true
}

// covers proves that a principal may do an action on every resource of a
// pattern, present or future, given what is known of a request: nothing that
// the pattern allows is new to the principal.
func (s *scan) covers(x *subject, action, pattern string, known awsiam.Context) bool {
	return s.covered(x, s.Layers(x.Principal), action, pattern, known)
}

// covered proves the same of other layers.
func (s *scan) covered(x *subject, layers awsiam.Layers, action, pattern string, known awsiam.Context) bool {
	all, _ := awsiam.ParseText(pattern, true, false)
	act, _, err := awsiam.ParseAction(action)
	if err != nil || x.Account.Partition != "aws" { // whose ARNs are all that the algebra knows as plausible
		return false
	}
	next := &awsiam.Document{Name: pattern, Version: "2012-10-17",
		Statements: []awsiam.Statement{{Effect: awsiam.Allow, Actions: []awsiam.Action{act}, Resources: []awsiam.Text{all}}}}
	base := rights.Policies{Layers: layers, Known: known}
	return rights.Compare(s.universe(), base, rights.Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{next}}, Known: known}, []string{action}).Verdict == rights.NoNewAccess
}

// given is what a request fixes that an answer found: who asks, when, and every
// key that the policies ask about, but for the region, which is the resource's.
func (s *scan) given(x *subject, action, resource string, w *rights.Witness) awsiam.Context {
	known := s.Case(x.Principal, nil, nil).Known
	ctx := awsiam.Context{}
	for _, from := range []awsiam.Context{known, rights.CheckOf(s.Facts, rights.Leg{Action: action, Resource: resource}, "").Known} {
		for k, v := range from {
			ctx[k] = v
		}
	}
	if w != nil {
		for k, v := range w.Context {
			switch v := v.(type) {
			case string:
				ctx.Set(k, awsiam.One(v))
			case []string:
				ctx.Set(k, awsiam.Many(v...))
			}
		}
		for _, k := range w.Absent {
			ctx.Set(k, awsiam.Value{})
		}
	}
	ctx.Set("aws:CurrentTime", awsiam.One(stamp(s.Now)))
	ctx.Set("aws:EpochTime", awsiam.One(fmt.Sprint(s.Now.Unix())))
	delete(ctx, "aws:requestedregion")
	return ctx
}

func wideNamespace(s *scan, yield func(report.Finding)) string {
	s.sweep(s.invokers(true), report.High, yield, func(x *subject) []hit {
		ans := s.any(x.Principal, anyBedrockAction, s.Layers(x.Principal), nil)
		if !ans.Decision.Can() || s.administrator(x) {
			return nil
		}
		known := s.given(x, anyBedrockAction, "*", ans.Witness)
		if !slices.ContainsFunc(s.regions(), func(r string) bool { return s.covers(x, anyBedrockAction, "arn:aws:bedrock:"+r+":*", known) }) {
			return nil
		}
		t, action := s.first(x, anyTarget)
		h := hit{title: "may call every action of Bedrock on every resource",
			detail: "Its policies allow all of the namespace, not a list of actions: also CreateAgent, PutModelInvocationLoggingConfiguration, DeleteGuardrail, and what AWS adds."}.of(ans)
		h.witness = s.ask(x, t, action, nil).Witness // of an action that there is
		return []hit{h}
	})
	return ""
}

// regions are the regions called that the scan looks at.
func (s *scan) regions() (out []string) {
	for i := range s.matrix.Targets {
		if r := s.matrix.Targets[i].Region; !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// The patterns of what is invoked directly, and through system profiles.
const (
	everyModel   = "arn:aws:bedrock:*-*-*::foundation-model/*"
	everyProfile = "arn:aws:bedrock:*-*-*:%s:inference-profile/*"
)

func wideModels(s *scan, yield func(report.Finding)) string {
	s.sweep(s.invokers(false), report.High, yield, func(x *subject) []hit {
		ans, actions, left := s.everyModel(x)
		if len(actions) == 0 {
			return nil
		}
		h := hit{title: "may invoke every model in every region", detail: fmt.Sprintf("Proven for %s on all ARNs of foundation models, whatever AWS adds; the catalogue of today has %d models and profiles.", strings.Join(actions, " and "), len(s.matrix.Targets))}
		if left {
			h.title += " that SCPs and its boundary leave"
			h.detail += " Its own policies name neither models nor regions."
		}
		return []hit{h.of(ans)}
	})
	return ""
}

// everyModel lists the actions by which a subject can invoke every model, and an
// example: there is one request, in which nothing but the model and the region
// changes, that is allowed for all of them. If it is so only in the regions that
// others leave to it, left is true.
func (s *scan) everyModel(x *subject) (example rights.Answer, actions []string, left bool) {
	for i, action := range s.matrix.Actions {
		ans, ok, limited := s.everyDirectly(x, i)
		if !ok {
			ans, ok = s.everyThrough(x, i)
		}
		if ok {
			example, actions, left = ans, append(actions, action), left || limited
		}
	}
	return example, actions, left
}

func (s *scan) everyDirectly(x *subject, action int) (ans rights.Answer, ok, left bool) {
	at := s.lastOf(x, action, false)
	if at < 0 {
		return ans, false, false
	}
	if ans = s.ask(x, at, action, nil); ans.Witness == nil {
		return ans, false, false
	}
	name := s.matrix.Actions[action]
	known := s.given(x, name, ans.Legs[0].Resource, ans.Witness)
	if s.covers(x, name, everyModel, known) {
		return ans, true, false
	}
	own := awsiam.Layers{Identity: x.Identity}
	here := "arn:aws:bedrock:" + s.matrix.Targets[at].Region + "::foundation-model/*"
	left = s.covered(x, own, name, everyModel, known) && s.covers(x, name, here, known)
	return ans, left, left
}

// lastOf is the last foundation model, or system profile, of those that a
// subject can all invoke by an action; -1 if it cannot invoke them all.
func (s *scan) lastOf(x *subject, action int, profile bool) int {
	at := -1
	for t := range s.matrix.Targets {
		if s.matrix.Targets[t].Profile != profile || strings.HasPrefix(s.matrix.Targets[t].ID, "arn:") {
			continue
		}
		if !s.cell(x, t, action).Can() {
			return -1
		}
		at = t
	}
	return at
}

func (s *scan) everyThrough(x *subject, action int) (rights.Answer, bool) {
	at := s.lastOf(x, action, true)
	if at < 0 {
		return rights.Answer{}, false
	}
	ans := s.ask(x, at, action, nil)
	if ans.Witness == nil {
		return ans, false
	}
	name := s.matrix.Actions[action]
	profile := fmt.Sprintf(everyProfile, x.Principal.Principal.Account)
	model := s.given(x, name, ans.Legs[1].Resource, ans.Witness)
	model.Set("bedrock:InferenceProfileArn", awsiam.One(ans.Legs[0].Resource))
	return ans, s.covers(x, name, profile, s.given(x, name, ans.Legs[0].Resource, ans.Witness)) && s.covers(x, name, everyModel, model)
}

func wideExclusion(s *scan, yield func(report.Finding)) string {
	s.sweep(s.invokers(true), report.Medium, yield, func(x *subject) (hits []hit) {
		for _, d := range x.Identity {
			for i := range d.Statements {
				if h, ok := s.exclusion(x, d, &d.Statements[i]); ok {
					hits = append(hits, h)
				}
			}
		}
		return hits
	})
	return ""
}

// exclusion is the hit of one statement, if it alone lets a model be invoked.
func (s *scan) exclusion(x *subject, d *awsiam.Document, st *awsiam.Statement) (hit, bool) {
	if st.Effect != awsiam.Allow || !st.NotAction && !st.NotResource {
		return hit{}, false
	}
	for _, action := range s.matrix.Actions {
		if st.MatchAction(action) == awsiam.False {
			continue
		}
		ans := s.any(x.Principal, action, s.only(x.Principal, func(e *awsiam.Document, o *awsiam.Statement) bool { return e == d && o == st }), nil)
		if !ans.Decision.Can() {
			continue
		}
		element, what := "NotAction", "every action but those it names"
		if st.NotResource {
			element, what = "NotResource", "every resource but those it names"
		}
		return hit{resource: byStatement, title: "may invoke by an Allow with " + element,
			detail: "The statement allows " + what + ", and " + action + " is not among these."}.of(ans), true
	}
	return hit{}, false
}

func wideSurprise(s *scan, yield func(report.Finding)) string {
	for _, x := range s.invokers(true) {
		if h, ok := s.surprise(x); ok {
			yield(s.finding(x.Principal, x.Principal, h, report.Medium))
		}
	}
	return ""
}

// surprise finds a subject that can invoke nothing any more without the
// policies of AWS that do not look like it.
func (s *scan) surprise(x *subject) (hit, bool) {
	var names, notes []string
	docs := map[*awsiam.Document]bool{}
	for _, arn := range x.Attached {
		if m, ok := s.Facts.Managed(arn); ok && m.Surprising && m.Effect == awsiam.Allow && x.Account.Policies[arn] != nil {
			names, notes = append(names, m.Name), append(notes, m.Note)
			docs[x.Account.Policies[arn]] = true
		}
	}
	if len(names) == 0 {
		return hit{}, false
	}
	without := *x.Principal
	without.Identity = slices.DeleteFunc(slices.Clone(x.Identity), func(d *awsiam.Document) bool { return docs[d] })
	row := s.rowOf(&without)
	if slices.ContainsFunc(row, Cell.Can) {
		return hit{}, false
	}
	t, action := s.first(x, anyTarget)
	return hit{resource: strings.Join(names, " "), title: "can invoke only because of " + strings.Join(names, " and "),
		detail: "What AWS says of it: " + notes[0] + "."}.of(s.ask(x, t, action, nil)), true
}

func anyTarget(int) bool { return true }

// rowOf decides all targets for a principal that is not in the matrix.
func (s *scan) rowOf(p ...*estate.Principal) []Cell {
	m, err := s.Matrix(s.ctx, p, s.matrix.Targets, nil)
	if err != nil { // the context's: the scan ends with it
		return make([]Cell, len(s.matrix.Targets)*len(s.matrix.Actions))
	}
	return m.cells
}

const mantleModelKey = "bedrock-mantle:model"

func wideMantle(s *scan, yield func(report.Finding)) string {
	s.sweep(s.invokers(false), report.High, yield, func(x *subject) []hit {
		excluded := s.excluded(x)
		if excluded == "" {
			return nil
		}
		more := awsiam.Context{mantleModelKey: awsiam.One(excluded)}
		ans, ok := s.anywhere(x.Principal, "bedrock-mantle:CreateInference", "arn:aws:bedrock-mantle:us-east-1:"+x.Principal.Principal.Account+":project/default", more)
		if !ok {
			return nil
		}
		return []hit{hit{title: "is held to some models on bedrock, and may invoke the others on bedrock-mantle", asked: more,
			detail: "For example " + excluded + ": its policies do not allow it on bedrock, and bedrock-mantle:CreateInference does not ask for it."}.of(ans)}
	})
	return ""
}

// excluded is a foundation model that a subject can invoke neither directly nor
// through a profile, one with a price if there is one: the others are mostly
// old. Empty: there is none.
func (s *scan) excluded(x *subject) string {
	can := map[string]bool{}
	for t := range s.matrix.Targets {
		m := s.matrix.Targets[t].Model
		can[m] = can[m] || slices.ContainsFunc(x.row[t*len(s.matrix.Actions):][:len(s.matrix.Actions)], Cell.Can)
	}
	found := ""
	for t := range s.matrix.Targets {
		m := s.matrix.Targets[t].Model
		if m == "" || can[m] {
			continue
		}
		if _, priced := s.Catalogue.PriceOf(m, ""); priced {
			return m
		}
		found = m
	}
	return found
}

// anywhere answers for an action on the first resource on which it is allowed:
// a plausible one, and those that the allowing statements name, with something
// in the place of their wildcards.
func (s *scan) anywhere(p *estate.Principal, action, plausible string, more awsiam.Context) (rights.Answer, bool) {
	for _, resource := range append([]string{plausible}, named(p, action)...) {
		if ans := s.on(p, action, resource, more); ans.Decision.Can() {
			return ans, true
		}
	}
	return rights.Answer{}, false
}

// named are resources that a principal's statements name for an action.
func named(p *estate.Principal, action string) (out []string) {
	for _, d := range p.Identity {
		for i := range d.Statements {
			st := &d.Statements[i]
			if st.Effect == awsiam.Deny || st.NotResource || st.MatchAction(action) == awsiam.False {
				continue
			}
			for _, r := range st.Resources {
				if arn := concrete(r.Source, p.Principal.Account); arn != "" && !slices.Contains(out, arn) {
					out = append(out, arn)
				}
			}
		}
	}
	return out
}

// concrete is an ARN that a pattern matches; empty if none was found.
func concrete(pattern, account string) string {
	parts := strings.SplitN(pattern, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || strings.Contains(pattern, "${") {
		return ""
	}
	for i, instead := range map[int]string{1: "aws", 3: "us-east-1", 4: account} {
		if parts[i] == "*" {
			parts[i] = instead
		}
	}
	arn := strings.NewReplacer("*", "x", "?", "x").Replace(strings.Join(parts, ":"))
	if !fitsPattern(pattern, arn) {
		return ""
	}
	return arn
}

func fitsPattern(pattern, s string) bool { return glob.Parse(pattern).Match(s) }
