package analyse

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// grant is one action on one resource, as a statement of the principal allows
// it. A gate is the profile through which only it is needed.
type grant struct {
	action, resource string
	when             conditions
	gate             string
}

// plan writes the proposal and what becomes of the principal's policies.
func (t *tightening) plan() error {
	t.allows = append(mergedGrants(t.grants()), distinctStatements(t.copies)...)
	t.edit()
	if err := t.pack(append(slices.Clone(t.allows), t.guards...)); err != nil {
		return err
	}
	for i, raw := range t.raw {
		d, problems := awsiam.Parse(fmt.Sprintf("proposal %d for %s", i+1, t.p.ARN), raw, awsiam.Position{})
		if len(problems) > 0 {
			return fmt.Errorf("the proposal would not be valid: %s", problems[0].Reason)
		}
		t.docs = append(t.docs, d)
	}
	t.after = append(t.after, t.docs...)
	return nil
}

// grants are what the rights that stay rest on, each leg under the conditions of
// every statement that allows it. A leg that needs fewer conditions by another
// statement needs no others.
func (t *tightening) grants() (out []grant) {
	for i := range t.kept {
		k := &t.kept[i]
		for j := range k.checks {
			gate := ""
			if k.checks[j].Kind != rights.ProfileLeg {
				gate = k.profile
			}
			ways := t.ways(&k.checks[j])
			if len(ways) == 0 {
				t.note("%s on %s is allowed by the resource's own policy, which is not changed", k.checks[j].Action, k.checks[j].Resource)
			}
			for _, when := range ways {
				out = append(out, grant{k.checks[j].Action, k.checks[j].Resource, when, gate})
			}
		}
	}
	open := map[string][]conditions{}
	for _, g := range out {
		if g.gate == "" {
			open[g.action+" "+g.resource] = append(open[g.action+" "+g.resource], g.when)
		}
	}
	return slices.DeleteFunc(out, func(g grant) bool {
		return g.gate != "" && slices.ContainsFunc(open[g.action+" "+g.resource], func(c conditions) bool { return c.within(g.when) })
	})
}

// ways are the conditions under which the principal's own statements allow a
// check, each without those that another way does without.
func (t *tightening) ways(k *rights.Check) (out []conditions) {
	ctx := maps.Clone(t.Known(t.p))
	maps.Copy(ctx, k.Known)
	for _, d := range t.p.Identity {
		for i := range d.Statements {
			s := &d.Statements[i]
			if s.Effect != awsiam.Allow || !canGrant(s, k, ctx) {
				continue
			}
			if w, ok := written(d, s); ok {
				out = append(out, w.Condition)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b conditions) int { return cmp.Compare(a.size(), b.size()) })
	var least []conditions
	for _, c := range out {
		if !slices.ContainsFunc(least, func(d conditions) bool { return d.within(c) }) {
			least = append(least, c)
		}
	}
	return least
}

func (c conditions) size() (n int) {
	for _, keys := range c {
		n += len(keys)
	}
	return n
}

// canGrant rules out what can be ruled out by what is known of a check.
func canGrant(s *awsiam.Statement, k *rights.Check, ctx awsiam.Context) bool {
	if s.MatchAction(k.Action) == awsiam.False {
		return false
	}
	open := slices.ContainsFunc(s.Resources, func(r awsiam.Text) bool {
		return slices.ContainsFunc(r.Variables(), func(v string) bool { return !given(ctx, v) })
	})
	if !open && s.MatchResource(k.Resource, ctx) == awsiam.False {
		return false
	}
	for i := range s.Conditions {
		c := &s.Conditions[i]
		if !given(ctx, c.Name()) || slices.ContainsFunc(c.Variables(), func(v string) bool { return !given(ctx, v) }) {
			continue
		}
		if holds, _ := c.Test(ctx); holds == awsiam.False {
			return false
		}
	}
	return true
}

// bundle is the grants that go into one statement or a few: of one kind, under
// the same conditions.
type bundle struct {
	kind    string
	when    conditions
	gates   []string
	actions map[string][]string // by resource
}

// mergedGrants writes grants as statements. Those of one kind and one condition share
// a statement for every set of actions. That models share a list of profiles
// lets nothing more through: behind a profile AWS checks that profile's model.
func mergedGrants(grants []grant) (out []statement) {
	bundles := map[string]*bundle{}
	for _, g := range grants {
		kind := kindOf(g)
		key := kind + g.when.key()
		b := bundles[key]
		if b == nil {
			b = &bundle{kind: kind, when: g.when, actions: map[string][]string{}}
			bundles[key] = b
		}
		if g.gate != "" && !slices.Contains(b.gates, g.gate) {
			b.gates = append(b.gates, g.gate)
		}
		if !slices.Contains(b.actions[g.resource], g.action) {
			b.actions[g.resource] = append(b.actions[g.resource], g.action)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(bundles)) {
		out = append(out, bundles[key].statements()...)
	}
	return out
}

// The kinds of statement, in the order of their names, which begin the Sids.
const (
	gatedKind = "ModelsThroughProfiles"
	modelKind = "ModelsDirectly"
	routeKind = "Profiles"
	otherKind = "Others"
)

func kindOf(g grant) string {
	switch {
	case g.gate != "":
		return gatedKind
	case strings.Contains(g.resource, "::foundation-model/"):
		return modelKind
	case strings.Contains(g.resource, "inference-profile/") || strings.Contains(g.resource, "prompt-router/"):
		return routeKind
	}
	return otherKind
}

func (b *bundle) statements() (out []statement) {
	resources := map[string][]string{} // by their actions
	for _, r := range slices.Sorted(maps.Keys(b.actions)) {
		actions := slices.Sorted(slices.Values(b.actions[r]))
		key := strings.Join(actions, " ")
		resources[key] = append(resources[key], r)
	}
	when := b.when
	if len(b.gates) > 0 {
		slices.Sort(b.gates)
		when = when.gated(b.gates)
	}
	for _, key := range slices.Sorted(maps.Keys(resources)) {
		out = append(out, statement{Sid: b.kind, Effect: "Allow", Action: strings.Split(key, " "), Resource: resources[key], Condition: when})
	}
	return out
}

// gated adds that a model is reached through one of some profiles, by an
// operator that the conditions do not use on the key yet: all of these compare
// an ARN without wildcards alike.
func (c conditions) gated(profiles []string) conditions {
	out := c.clone()
	for _, op := range []string{"ArnEquals", "ArnLike", "StringEquals", "StringLike"} {
		if out.add(op, "bedrock:InferenceProfileArn", profiles...) {
			break
		}
	}
	return out
}

// narrowed are the principal's statements that allow one of some actions, cut
// down to those.
func (t *tightening) narrowed(actions []string) (out []statement) {
	for _, d := range t.p.Identity {
		for i := range d.Statements {
			s := &d.Statements[i]
			if s.Effect != awsiam.Allow {
				continue
			}
			some := t.touched(s, actions)
			w, ok := written(d, s)
			if len(some) == 0 || !ok {
				continue
			}
			w.Sid, w.Action, w.NotAction = otherKind, some, nil
			out = append(out, w)
		}
	}
	return out
}

// distinctStatements are statements in order, each once.
func distinctStatements(list []statement) (out []statement) {
	seen := map[string]bool{}
	for _, s := range list {
		s = s.sorted()
		if key := string(compactJSON(s)); !seen[key] {
			seen[key] = true
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b statement) int { return cmp.Compare(string(compactJSON(a)), string(compactJSON(b))) })
	return out
}

// nameStatements gives statements Sids of their own.
func nameStatements(list []statement) {
	count := map[string]int{}
	for i := range list {
		s := &list[i]
		count[s.Sid]++
		if n := count[s.Sid]; n > 1 {
			s.Sid += fmt.Sprint(n)
		}
		s.Sid = "Writ" + s.Sid
	}
}

// The limits of IAM, in characters
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const (
	maxManaged     = 6144
	maxInlineRole  = 10240
	maxInlineUser  = 2048
	maxAttached    = 10 // managed policies on one identity, by default
	emptyPolicyLen = len(`{"Version":"2012-10-17","Statement":[]}`)
)

// pack puts statements into as few documents as their order allows.
func (t *tightening) pack(list []statement) error {
	limit, most := maxManaged, maxAttached
	if t.o.Inline {
		limit, most = t.inlineLeft(), 1
	}
	list, err := cutStatements(list, limit-emptyPolicyLen-maxSid)
	if err != nil {
		return err
	}
	nameStatements(list)
	var docs [][]statement
	size := limit
	for _, s := range list {
		n := policyChars(compactJSON(s)) + 1
		if size+n > limit {
			docs, size = append(docs, nil), emptyPolicyLen
		}
		docs[len(docs)-1] = append(docs[len(docs)-1], s)
		size += n
	}
	switch {
	case len(docs) > most && t.o.Inline:
		return errors.New("the proposal does not fit into what IAM leaves for inline policies: write managed ones")
	case len(docs) > most:
		return fmt.Errorf("the proposal takes %d managed policies, and an identity has %d by default: keep fewer rights", len(docs), most)
	}
	for _, d := range docs {
		t.raw = append(t.raw, policyOf(d))
	}
	return nil
}

// maxSid is more than naming adds to a statement.
const maxSid = 16

// cutStatements splits statements that are longer than a document can be.
func cutStatements(list []statement, limit int) (out []statement, err error) {
	for len(list) > 0 {
		s := list[0]
		list = list[1:]
		n := policyChars(compactJSON(s))
		if n <= limit {
			out = append(out, s)
			continue
		}
		a, b, ok := s.parts()
		if !ok {
			return nil, fmt.Errorf("a statement of %d characters does not fit into what a policy has left, %d: keep fewer rights", n, max(limit, 0))
		}
		list = append([]statement{a, b}, list...)
	}
	return out, nil
}

// policyChars counts as IAM does: not white space.
func policyChars(text []byte) (n int) {
	for _, r := range string(text) {
		if r != ' ' && r != '\t' && r != '\n' && r != '\r' {
			n++
		}
	}
	return n
}

// inlineLeft is what the principal's inline policies leave of IAM's limit on
// all of them together.
func (t *tightening) inlineLeft() int {
	left := maxInlineRole
	if t.p.Kind == estate.User {
		left = maxInlineUser
	}
	for _, d := range t.after {
		if isInline(t.p, d) && len(d.Statements) > 0 {
			left -= d.Chars
		}
	}
	return left
}
