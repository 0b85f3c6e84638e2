package analyse

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// GivenRight is a right that must stay.
type GivenRight struct {
	Action string `json:"action"`           // IAM action, or an operation such as Converse
	Target string `json:"target"`           // id of a model or profile, or an ARN; "*" for an action without one
	Region string `json:"region,omitempty"` // called; empty: the ARN's, or the default one
}

// TightenOptions say what of a principal's rights must stay.
type TightenOptions struct {
	// Rights are what must stay; nil: what the estate knows to be used.
	Rights []GivenRight
	// Effective keeps, instead, everything that is in effect now: on the
	// catalogue's models and profiles by name, elsewhere by the same patterns.
	Effective bool
	// Regions are those called that count for Effective and for what is lost;
	// empty: those of what stays.
	Regions []string
	// Inline writes inline policies, whose limit counts all of a principal's.
	Inline bool
}

// KeptRight is a right that was to stay.
type KeptRight struct {
	GivenRight
	Decision  rights.Decision `json:"decision"` // before, and after if Covered
	Condition string          `json:"condition,omitempty"`
	Covered   bool            `json:"covered"` // after the change it holds whenever it held before
}

// Removed is what the change takes away.
type Removed struct {
	Rights  int      `json:"rights"`            // targets in regions by actions, of the catalogue
	Targets int      `json:"targets"`           // of which different models and profiles
	Actions []string `json:"actions,omitempty"` // that are then impossible on any resource
}

// Tightened is a least-privilege proposal for one principal.
type Tightened struct {
	Principal string `json:"principal"`
	// Policy is what to give the principal, one document each, when the Edits are
	// made; none if it is not proven.
	Policy []json.RawMessage `json:"policy"`
	Chars  []int             `json:"chars"` // of each, as IAM counts them
	Edits  []Edit            `json:"edits"` // to the policies that it has
	Kept   []KeptRight       `json:"kept"`
	// Absent are rights that were to stay and that the principal does not have:
	// the proposal does not grant them.
	Absent  []KeptRight `json:"absent,omitempty"`
	Removed Removed     `json:"removed"`
	// Proof is that the policies after the change allow nothing that those before
	// it did not; Coverage that what stays holds whenever it did.
	Proof    Evidence `json:"proof"`
	Coverage Evidence `json:"coverage"`
	Notes    []string `json:"notes,omitempty"`
}

// Proven reports whether the proposal may be offered.
func (t Tightened) Proven() bool { return t.Proof.Proven() && t.Coverage.Proven() }

// Tighten proposes a least-privilege policy for a principal's inference rights.
// Every statement of it is a statement that the principal has, narrowed to what
// stays and with all its conditions, so that no control is lost; what denies is
// left where it is. The result is compared with what the principal has, and
// offered only if it allows nothing new and covers what stays.
func (a *Analysis) Tighten(p *estate.Principal, o TightenOptions) (Tightened, error) {
	t := tightening{atlas: a.atlas(), p: p, o: o, scope: a.tightened()}
	if err := t.keep(); err != nil {
		return Tightened{}, fmt.Errorf("tightening %s: %w", p.ARN, err)
	}
	t.guardrails()
	if err := t.plan(); err != nil {
		return Tightened{}, fmt.Errorf("tightening %s: %w", p.ARN, err)
	}
	return t.result(), nil
}

// tightened are the actions that a proposal decides on. Those of SageMaker serve
// models of one's own as well, and stay as they are.
func (a *Analysis) tightened() []string {
	return slices.DeleteFunc(a.Inference(), func(s string) bool { return serviceOf(s) == "sagemaker" })
}

// tightening is a proposal in the making.
type tightening struct {
	*atlas
	p      *estate.Principal
	o      TightenOptions
	scope  []string // actions decided on
	kept   []keptRight
	absent []KeptRight
	copies []statement // of Effective: whole statements, narrowed to actions
	allows []statement
	guards []statement
	docs   []*awsiam.Document // of the proposal
	raw    []json.RawMessage
	after  []*awsiam.Document // identity policies after the change
	edits  []Edit
	notes  []string
}

// keptRight is a right that stays, with the checks that it comes to.
type keptRight struct {
	KeptRight
	checks  []rights.Check
	answer  rights.Answer
	profile string // ARN of the profile that models are reached through
}

func (t *tightening) keep() error {
	var given []GivenRight
	var err error
	switch {
	case t.o.Effective:
		err = t.effective()
	case t.o.Rights != nil:
		given = t.o.Rights
	default:
		given, err = t.used()
	}
	if err != nil {
		return err
	}
	for _, r := range given {
		if err := t.add(r); err != nil {
			return err
		}
	}
	if len(t.kept)+len(t.copies) == 0 {
		return errors.New("nothing of what is to stay is in effect: there is no right to write down")
	}
	return nil
}

// used are the rights that the principal was seen to use.
func (t *tightening) used() ([]GivenRight, error) {
	if t.Estate.Used == nil {
		return nil, errors.New("what is used is not known: give used rights, or the rights that must stay")
	}
	var out []GivenRight
	for _, u := range t.Estate.Used.Of(t.p.ARN) {
		r := GivenRight{Action: permission(u.Action), Target: u.Resource, Region: u.Region}
		if r.Target == "" {
			r.Target = u.Model
		}
		if !slices.ContainsFunc(t.scope, func(s string) bool { return strings.EqualFold(s, r.Action) }) {
			continue
		}
		if r.Target == "" {
			r.Target = "*"
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, errors.New("no use of inference by it is known, which does not mean that there is none: give the rights that must stay")
	}
	return out, nil
}

// effective gathers what is in effect on the catalogue's targets, and what its
// policies allow beside that.
func (t *tightening) effective() error {
	for _, x := range t.Targets(t.o.Regions) {
		for _, action := range rights.InvokeActions {
			checks, err := t.Checks(Question{Action: action, Resource: x.ID, Region: x.Region}, t.p.Principal.Account)
			if err != nil {
				return err
			}
			if checks.Doubt == "" && t.answer(t.p, checks, nil).Decision.Can() {
				if err := t.add(GivenRight{Action: action, Target: x.ID, Region: x.Region}); err != nil {
					return err
				}
			}
		}
	}
	others := slices.DeleteFunc(slices.Clone(t.scope), func(s string) bool { return slices.Contains(rights.InvokeActions, s) })
	t.copies = t.narrowed(others)
	return nil
}

// add takes a right up, or notes that it is not there.
func (t *tightening) add(r GivenRight) error {
	r.Action = permission(r.Action)
	i := slices.IndexFunc(t.scope, func(s string) bool { return strings.EqualFold(s, r.Action) })
	if i < 0 {
		t.note("%s is not among the actions that are decided on: rights to it stay as they are", r.Action)
		return nil
	}
	r.Action = t.scope[i]
	if slices.ContainsFunc(t.kept, func(k keptRight) bool { return k.GivenRight == r }) {
		return nil
	}
	checks, err := t.Checks(Question{Action: r.Action, Resource: r.Target, Region: r.Region}, t.p.Principal.Account)
	if err == nil && checks.Doubt != "" {
		err = errors.New(checks.Doubt)
	}
	if err != nil {
		return fmt.Errorf("the right to %s on %s must stay, and what it comes to is not known: %w", r.Action, r.Target, err)
	}
	k := keptRight{KeptRight: KeptRight{GivenRight: r}, checks: t.bind(checks.List, t.p.Account), profile: gateOf(checks.List)}
	k.answer = t.answer(t.p, checks, nil)
	k.Decision, k.Condition = k.answer.Decision, rights.Terms(k.answer.Condition)
	if !k.Decision.Can() {
		t.absent = append(t.absent, k.KeptRight)
		return nil
	}
	t.kept = append(t.kept, k)
	return nil
}

func (t *tightening) note(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(t.notes, s) {
		t.notes = append(t.notes, s)
	}
}

// gateOf is the profile that the models of an invocation are checked with. Of
// routers AWS does not say enough.
func gateOf(checks []rights.Check) string {
	for _, k := range checks {
		if k.Kind == rights.ProfileLeg && strings.Contains(k.Resource, "inference-profile/") {
			return k.Resource
		}
	}
	return ""
}

// guardrails keeps the right to apply those guardrails that what stays calls
// for: AWS asks for it beside the invocation.
func (t *tightening) guardrails() {
	for _, k := range slices.Clone(t.kept) {
		for _, term := range k.answer.Condition {
			for _, x := range term {
				if awsiam.Key(x.Key) == "bedrock:guardrailidentifier" && x.Op != "Null" {
					t.applied(x.Values)
				}
			}
		}
	}
}

func (t *tightening) applied(values []string) {
	for _, v := range values {
		arn := unversioned(v)
		switch {
		case strings.ContainsAny(arn, "*?$"):
			t.copies = append(t.copies, t.narrowed([]string{"bedrock:ApplyGuardrail"})...)
		case strings.HasPrefix(arn, "arn:"):
			before := len(t.absent)
			if err := t.add(GivenRight{Action: "bedrock:ApplyGuardrail", Target: arn}); err != nil {
				t.note("%v", err)
			}
			if len(t.absent) > before {
				t.note("it may not apply the guardrail %s, which its invocations must name", arn)
			}
		}
	}
}

// unversioned is a guardrail's ARN without the version that may follow it.
func unversioned(v string) string {
	head, id, ok := strings.Cut(v, ":guardrail/")
	if !ok {
		return v
	}
	id, _, _ = strings.Cut(id, ":")
	return head + ":guardrail/" + id
}

// result proves the proposal and writes it down.
func (t *tightening) result() Tightened {
	out := Tightened{Principal: t.p.ARN, Absent: t.absent, Notes: t.notes}
	before := side{t.Layers(t.p), t.undirected(t.p), t.Analysis, t.p.Account}
	after := before
	after.layers.Identity = t.after
	c := contest{atlas: t.atlas, who: t.p, old: before, next: after, loose: true}
	out.Proof, _ = c.run(t.compared())
	out.Coverage = t.coverage()
	for _, k := range t.kept {
		out.Kept = append(out.Kept, k.KeptRight)
	}
	if !out.Proven() {
		return out
	}
	out.Policy, out.Edits = t.raw, t.edits
	for _, d := range t.docs {
		out.Chars = append(out.Chars, d.Chars)
	}
	out.Removed = t.removed()
	return out
}

// compared are all actions of inference that the facts know, in services that
// the proposal leaves alone too.
func (t *tightening) compared() (out []string) {
	for _, class := range []awsiam.ActionClass{awsiam.ClassInvoke, awsiam.ClassDoor, awsiam.ClassGate, awsiam.ClassIndirect} {
		for _, f := range t.Facts.Actions(class) {
			out = append(out, f.Name)
		}
	}
	return out
}

// coverage compares every right that stays in both directions, leg by leg.
func (t *tightening) coverage() Evidence {
	e := t.evidence()
	for i := range t.kept {
		k := &t.kept[i]
		f := rights.NewFrame(t.timeless())
		before, after := t.Case(t.p, k.checks, nil), t.Case(t.p, k.checks, nil)
		after.Layers.Identity = t.after
		f.Add(before)
		f.Add(after)
		f.Close()
		lost := f.Compare(after, before)
		k.Covered = lost.Verdict == rights.NoNewAccess
		if lost.Verdict == rights.NewAccess {
			lost.Reason = k.Action + " on " + k.Target + " would be lost"
		}
		e.note(k.Action, lost)
		e.Classes += len(k.checks)
	}
	e.Actions = len(t.kept)
	return e
}

// removed counts what is lost, on the catalogue's targets in the regions that
// matter.
func (t *tightening) removed() (r Removed) {
	targets := map[string]bool{}
	for _, x := range t.Targets(t.regions()) {
		for _, action := range rights.InvokeActions {
			checks, err := t.Checks(Question{Action: action, Resource: x.ID, Region: x.Region}, t.p.Principal.Account)
			if err != nil {
				continue
			}
			if t.answer(t.p, checks, nil).Decision.Can() && !t.later(t.bind(checks.List, t.p.Account)) {
				r.Rights++
				targets[x.ID] = true
			}
		}
	}
	r.Targets = len(targets)
	for _, action := range t.scope {
		if t.anywhere(t.p, action, t.everywhere(t.p, action), nil).Decision.Can() && !t.possible(action) {
			r.Actions = append(r.Actions, action)
		}
	}
	return r
}

// possible reports whether an action can be done on any resource after the change.
func (t *tightening) possible(action string) bool {
	layers := t.Layers(t.p)
	layers.Identity = t.after
	on := t.everywhere(t.p, action)
	names, doubt := t.resourceClasses(action, on.within, t.Known(t.p), policiesOf(layers))
	return doubt != "" || slices.ContainsFunc(append(names, t.shared(on.shared)...), func(name string) bool {
		return t.later(t.bind([]rights.Check{t.openCheck(action, name)}, t.p.Account))
	})
}

func (t *tightening) later(checks []rights.Check) bool {
	c := t.Case(t.p, checks, nil)
	c.Layers.Identity = t.after
	return rights.Solve(t.universe(), c).Decision.Can()
}

func (t *tightening) regions() []string {
	if len(t.o.Regions) > 0 {
		return t.o.Regions
	}
	var out []string
	for _, k := range t.kept {
		for _, c := range k.checks[:1] {
			if v := c.Known[requestedRegion]; len(v.Items) == 1 && v.Items[0] != rights.UnspecifiedRegion && !slices.Contains(out, v.Items[0]) {
				out = append(out, v.Items[0])
			}
		}
	}
	slices.Sort(out)
	return out
}
