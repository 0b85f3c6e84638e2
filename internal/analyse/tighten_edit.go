package analyse

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
)

// Change is what becomes of a statement.
type Change string

// The changes. A statement that stays allows more than inference by a pattern
// that cannot be taken apart, such as bedrock:*: the proposal then denies what
// of inference is not to stay.
const (
	Remove Change = "remove"
	Narrow Change = "narrow"
	Stay   Change = "stay"
)

// Edit is a change of one statement that a principal has.
type Edit struct {
	Policy   string          `json:"policy"` // name of the document
	Index    int             `json:"index"`  // of the statement, from 0
	Sid      string          `json:"sid,omitempty"`
	Position awsiam.Position `json:"position,omitzero"`
	Change   Change          `json:"change"`
	// Replacement is what stays of a statement that is narrowed.
	Replacement json.RawMessage `json:"replacement,omitempty"`
	Note        string          `json:"note,omitempty"`
}

// edit takes inference out of the statements that the principal has, and guards
// against those from which it cannot be taken.
func (t *tightening) edit() {
	guarded := map[string]bool{}
	for _, d := range t.p.Identity {
		t.after = append(t.after, t.edited(d, guarded))
	}
	t.guard(slices.Sorted(maps.Keys(guarded)))
}

// edited is a document after the change.
func (t *tightening) edited(d *awsiam.Document, guarded map[string]bool) *awsiam.Document {
	next := *d
	next.Statements = nil
	before := len(t.edits)
	for i := range d.Statements {
		s := &d.Statements[i]
		some := t.relevant(s)
		w, ok := written(d, s)
		if s.Effect != awsiam.Allow || len(some) == 0 {
			next.Statements = append(next.Statements, *s)
			continue
		}
		e := Edit{Policy: d.Name, Index: s.Index, Sid: s.Sid, Position: s.Position}
		left, exact := t.without(w, some)
		switch {
		case !ok || !exact:
			e.Change = Stay
			next.Statements = append(next.Statements, *s)
			for _, action := range some {
				guarded[action] = true
			}
		case len(left.Action)+len(left.NotAction) == 0:
			e.Change = Remove
		default:
			e.Change, e.Replacement = Narrow, compactJSON(left)
			piece, _ := awsiam.Parse(d.Name, policyOf([]statement{left}), awsiam.Position{})
			piece.Statements[0].Index = s.Index
			next.Statements = append(next.Statements, piece.Statements[0])
			next.Chars += piece.Chars
		}
		t.edits = append(t.edits, e)
	}
	t.annotate(d, len(next.Statements) == 0, t.edits[before:])
	return &next
}

// touched are those of some actions that a statement may be about.
func (t *tightening) touched(s *awsiam.Statement, actions []string) (out []string) {
	for _, action := range actions {
		if s.MatchAction(action) != awsiam.False {
			out = append(out, action)
		}
	}
	return out
}

// relevant are the actions decided on that a statement is about, on a resource
// that they can be checked on.
func (t *tightening) relevant(s *awsiam.Statement) []string {
	alone := []*awsiam.Document{{Statements: []awsiam.Statement{*s}}}
	known := t.Known(t.p)
	return slices.DeleteFunc(t.touched(s, t.scope), func(action string) bool {
		names, doubt := t.resourceClasses(action, t.forms(action, t.p.Account.Partition, "*"), known, alone)
		return doubt == "" && !slices.ContainsFunc(names, func(n string) bool { return s.MatchResource(n, known) != awsiam.False })
	})
}

// without is a statement less some actions. It is not exact if a pattern covers
// actions that are not known one by one.
func (t *tightening) without(w statement, some []string) (left statement, exact bool) {
	left = w
	switch {
	case len(w.NotAction) > 0:
		left.NotAction = append(slices.Clone(w.NotAction), some...)
		return left, true
	case slices.Contains(w.Action, "*") || slices.Contains(w.Action, "*:*"):
		left.Action, left.NotAction = nil, some
		return left, true
	}
	left.Action = nil
	for _, source := range w.Action {
		rest, ok := t.pattern(source, some)
		if !ok {
			return w, false
		}
		left.Action = append(left.Action, rest...)
	}
	return left, true
}

// enumerated are beginnings of names of which the facts list every action.
var enumerated = []string{"bedrock:invoke", "bedrock:callwithbearertoken", "bedrock-mantle:callwithbearertoken", "bedrock-mantle:createinference"}

// pattern is what remains of one pattern of actions without some.
func (t *tightening) pattern(source string, some []string) (rest []string, ok bool) {
	a, _, err := awsiam.ParseAction(source)
	if err != nil {
		return nil, false
	}
	if !slices.ContainsFunc(some, a.Match) {
		return []string{source}, true
	}
	head, _, wild := strings.Cut(strings.ReplaceAll(source, "?", "*"), "*")
	if !wild {
		return nil, true
	}
	if !slices.ContainsFunc(enumerated, func(s string) bool { return strings.HasPrefix(strings.ToLower(head), s) }) {
		return nil, false
	}
	for _, class := range []awsiam.ActionClass{awsiam.ClassEscalate, awsiam.ClassHide, awsiam.ClassLoosen, awsiam.ClassOther, awsiam.ClassInvoke, awsiam.ClassDoor, awsiam.ClassGate, awsiam.ClassIndirect} {
		for _, f := range t.Facts.Actions(class) {
			if a.Match(f.Name) && !slices.Contains(some, f.Name) {
				rest = append(rest, f.Name)
			}
		}
	}
	return rest, true
}

// annotate says what the edits of a document mean beyond the principal.
func (t *tightening) annotate(d *awsiam.Document, empty bool, edits []Edit) {
	others := 0
	for _, q := range t.p.Account.Principals {
		if q != t.p && slices.Contains(q.Identity, d) {
			others++
		}
	}
	var notes []string
	switch {
	case strings.Contains(d.Name, ":iam::aws:policy/"):
		notes = append(notes, "AWS manages this policy: detach it, and keep what remains of it in a policy of your own")
	case strings.Contains(d.Name, ":group/"):
		notes = append(notes, "it is a group's policy: take the user out of the group, or narrow it for all members")
	case others > 0:
		notes = append(notes, fmt.Sprintf("%d other principals hold this policy: give this one a copy of its own", others))
	}
	if empty {
		notes = append(notes, "nothing else remains of the policy")
	}
	for i := range edits {
		if edits[i].Change == Stay {
			edits[i].Note = "it allows more than inference by a pattern that cannot be taken apart: it stays, and the proposal denies what is not to stay"
			continue
		}
		edits[i].Note = strings.Join(notes, "; ")
	}
}

// guard denies, of the actions that a statement which stays allows, what is not
// to stay.
func (t *tightening) guard(actions []string) {
	by := map[string][]string{} // actions by the resources they keep
	for _, action := range actions {
		kept, ok := t.keeps(action)
		if !ok {
			t.note("%s stays as it is: what is to stay of it is given by what it is not about", action)
			continue
		}
		key := strings.Join(kept, " ")
		by[key] = append(by[key], action)
	}
	for _, key := range slices.Sorted(maps.Keys(by)) {
		g := statement{Sid: "NothingElse", Effect: "Deny", Action: by[key]}
		if g.NotResource = strings.Fields(key); key == "" {
			g.NotResource, g.Resource = nil, []string{"*"}
		}
		t.guards = append(t.guards, g)
	}
	if len(actions) > 0 {
		t.guardGates(actions)
	}
}

// keeps are the resources that the proposal allows an action on.
func (t *tightening) keeps(action string) (out []string, ok bool) {
	for _, s := range t.allows {
		if slices.Contains(s.Action, action) {
			if len(s.NotResource) > 0 {
				return nil, false
			}
			out = append(out, s.Resource...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), true
}

// guardGates denies the direct use of models that are to stay only behind
// profiles.
func (t *tightening) guardGates(actions []string) {
	for _, s := range t.allows {
		if s.Sid != gatedKind {
			continue
		}
		g := statement{Sid: "OnlyThroughProfiles", Effect: "Deny", Action: slices.DeleteFunc(slices.Clone(s.Action), func(x string) bool { return !slices.Contains(actions, x) })}
		g.Resource = slices.DeleteFunc(slices.Clone(s.Resource), func(r string) bool { return t.direct(r) })
		g.Condition = conditions{}
		g.Condition.add("ArnNotEquals", "bedrock:InferenceProfileArn", t.gates()...)
		if len(g.Action) > 0 && len(g.Resource) > 0 {
			t.guards = append(t.guards, g)
		}
	}
}

// gates are all profiles that models stay behind.
func (t *tightening) gates() (out []string) {
	for _, k := range t.kept {
		if k.profile != "" && !slices.Contains(out, k.profile) {
			out = append(out, k.profile)
		}
	}
	slices.Sort(out)
	return out
}

// direct reports whether a model is to stay for direct use.
func (t *tightening) direct(resource string) bool {
	return slices.ContainsFunc(t.allows, func(s statement) bool { return s.Sid == modelKind && slices.Contains(s.Resource, resource) })
}

// isInline reports whether a document is an inline policy of the principal's own.
func isInline(p *estate.Principal, d *awsiam.Document) bool {
	return strings.HasPrefix(d.Name, p.ARN+" inline ")
}
