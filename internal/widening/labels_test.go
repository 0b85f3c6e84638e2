package widening

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
)

// labelled changes the town's label; of a town where chat refuses by it.
func labelled(change func(*dataclass.CustomLabel)) edits {
	return edits{edit(manifest.DataLabel, "deal", change)}
}

var theLabel = labelled(func(l *dataclass.CustomLabel) {
	*l = dataclass.CustomLabel{Level: "restricted", Regulated: true, Words: []string{"Falcon", "Kestrel"}, Patterns: []string{`\bD-[0-9]{4}\b`}}
})

// TestS18_ALabelThatSaysLessWidens what is refused by it, and nothing else.
func TestS18_ALabelThatSaysLessWidens(t *testing.T) {
	forbidding := entitled(func(e *rights.Entitlement) {
		e.Conditions.Data = rights.Data{Regulated: true, Forbid: []string{"custom:deal"}, Output: &rights.Output{Regulated: true}}
	})
	ofAnswers := entitled(func(e *rights.Entitlement) {
		e.Conditions.Data = rights.Data{Regulated: true, Output: &rights.Output{Regulated: true, MaxLevel: "confidential"}}
	})
	open := entitled(func(e *rights.Entitlement) {
		e.Conditions.Data = rights.Data{Regulated: true, Forbid: []string{"custom:other"}}
	})
	for name, tc := range map[string]struct {
		of     edits
		change edits
		want   string // of what is told of chat; empty: nothing is
	}{
		"gone":                 {forbidding, labelled(nil), "is not looked for any more"},
		"fewer words":          {forbidding, labelled(func(l *dataclass.CustomLabel) { l.Words = l.Words[:1] }), "without 1 words"},
		"other words":          {forbidding, labelled(func(l *dataclass.CustomLabel) { l.Words = []string{"Falcon", "Merlin"} }), "without 1 words"},
		"fewer patterns":       {forbidding, labelled(func(l *dataclass.CustomLabel) { l.Patterns = nil }), "without 1 patterns"},
		"another pattern":      {forbidding, labelled(func(l *dataclass.CustomLabel) { l.Patterns[0] = `D-[0-9]{5}` }), "without 1 patterns"},
		"in one case":          {forbidding, labelled(func(l *dataclass.CustomLabel) { l.CaseSensitive = true }), "case-sensitive true"},
		"a lower level":        {ofAnswers, labelled(func(l *dataclass.CustomLabel) { l.Level = "internal" }), "level restricted → internal"},
		"no regulation":        {nil, labelled(func(l *dataclass.CustomLabel) { l.Regulated = false }), "regulated false"},
		"more words":           {forbidding, labelled(func(l *dataclass.CustomLabel) { l.Words = append(l.Words, "Merlin") }), ""},
		"more patterns":        {forbidding, labelled(func(l *dataclass.CustomLabel) { l.Patterns = append(l.Patterns, `E-[0-9]{5}`) }), ""},
		"another title":        {forbidding, labelled(func(l *dataclass.CustomLabel) { l.Title = "Deals" }), ""},
		"nobody refuses by it": {open, labelled(nil), ""},
		"a new label":          {nil, edits{edit(manifest.DataLabel, "fresh", func(l *dataclass.CustomLabel) { l.Words = []string{"x"} })}, ""},
		"narrowed to refuse":   {append(open, edit(manifest.Grant, "bot.chat", func(g *rights.Grant) { g.Narrow = &rights.Narrowing{Forbid: []string{"custom:deal"}} })), labelled(nil), "is not looked for any more"},
	} {
		t.Run(name, func(t *testing.T) {
			found := widened(t, append(append(edits{}, theLabel...), tc.of...), tc.change)
			told := ""
			for _, w := range found {
				if strings.HasPrefix(w.Cause, "DataLabel/") && w.Grant == "bot.chat" {
					told += w.Text
				}
			}
			if tc.want == "" && told != "" || !strings.Contains(told, tc.want) {
				t.Errorf("told %q, want %q, of %s", told, tc.want, toldOf(found))
			}
			if strings.Contains(toldOf(found), "Kestrel") {
				t.Error("a word of the label is told")
			}
		})
	}
}

// TestS18_ALawThatReadsContentHangsOnLabels: a forbid by a label that says less; one
// that spares what has the label, by every change of it.
func TestS18_ALawThatReadsContentHangsOnLabels(t *testing.T) {
	for name, tc := range map[string]struct {
		rule       string
		less, more bool // whether a label that says less, or more, counts
	}{
		"forbids by it":  {`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.prompt.classes.contains("custom:deal") };`, true, false},
		"by the level":   {`forbid (principal, action == Writ::Action::"Release", resource) when { context.output.level > 2 };`, true, false},
		"spares it":      {`forbid (principal, action in [Writ::Action::"Invoke"], resource) unless { context.prompt.classes.contains("custom:deal") };`, true, true},
		"obliges by it":  {`permit (principal, action == Writ::Action::"oblige:hold_answer", resource) when { context.prompt.regulated };`, true, true},
		"reads nothing":  {`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.request.maxTokens > 9000 };`, false, false},
		"another's":      {`forbid (principal == Writ::Identity::"other", action in [Writ::Action::"Invoke"], resource) when { context.prompt.regulated };`, false, false},
		"by square name": {`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context["prompt"].regulated };`, true, false},
	} {
		prepare := append(append(edits{}, theLabel...), entitled(func(e *rights.Entitlement) {
			e.Conditions.Data = rights.Data{Regulated: true, Unscanned: true}
		})...)
		prepare = append(prepare, ruled(func(p *manifest.Policy) { p.Text += "\n" + tc.rule })...)
		for change, want := range map[bool]bool{false: tc.less, true: tc.more} {
			made := labelled(nil)
			if change {
				made = labelled(func(l *dataclass.CustomLabel) { l.Words = append(l.Words, "Merlin") })
			}
			found := widened(t, prepare, made)
			got := false
			for _, w := range found {
				got = got || w.Grant == "bot.chat" && strings.Contains(w.Text, "reads what content holds")
			}
			if got != want {
				t.Errorf("%s, more words %v: %v, want %v: %s", name, change, got, want, toldOf(found))
			}
		}
	}
}
