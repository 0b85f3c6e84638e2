package widening

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
)

// labelChange is what became of an organisation's own class of data.
type labelChange struct {
	was, now *dataclass.CustomLabel // nil: it was not there, or is not any more
}

func (l *labelChange) name() string {
	if l.was != nil {
		return l.was.ID
	}
	return l.now.ID
}

func (l *labelChange) class() string {
	if l.was != nil {
		return string(l.was.Class())
	}
	return string(l.now.Class())
}

// loosened reports whether something that had the label may have it no more, or
// count for less: then a refusal that rests on it may not come.
func (l *labelChange) loosened() bool { return l.was != nil && !l.was.Within(l.now) }

// labelsChanged lists the labels that are not what they were.
func (w *widening) labelsChanged() []labelChange {
	var out []labelChange
	for _, name := range w.changed[manifest.DataLabel] {
		was, _ := w.before.Resource(manifest.DataLabel, name)
		now, _ := w.after.Resource(manifest.DataLabel, name)
		var l labelChange
		l.was, _ = was.Spec.(*dataclass.CustomLabel)
		l.now, _ = now.Spec.(*dataclass.CustomLabel)
		if l.was != nil || l.now != nil {
			out = append(out, l)
		}
	}
	return out
}

// labelsTouch reports whether the changes of labels may touch any grant.
func (w *widening) labelsTouch() bool {
	loose := slices.ContainsFunc(w.labels, func(l labelChange) bool { return l.loosened() })
	return loose || len(w.labels) > 0 && (w.laws.mention("prompt") || w.laws.mention("output"))
}

// judgeLabels counts labels that say less than they did, where the rights of a
// class, or a law, could refuse by them. What a pattern comes to nobody compares:
// one that is gone or worded otherwise counts.
func (w *widening) judgeLabels(c *class) error {
	for i := range w.labels {
		l := &w.labels[i]
		cause := resourceID(manifest.DataLabel, l.name())
		if l.loosened() {
			if was, gave := effective(w.before, c.first); gave && refusesBy(was.Conditions.Data, l.was) {
				w.note(c, cause, topicLabel, w.labelWords(l)+"; what the right refuses by it may pass", nil)
			}
		}
		for _, rule := range w.lawsOn(c, l) {
			w.note(c, cause, topicLabel, fmt.Sprintf("%s; rule %s reads what content holds, and that it refuses or demands less cannot be excluded", w.labelWords(l), rule), nil)
		}
	}
	return nil
}

// labelWords say what became of a label, without its words: they may be secrets.
func (w *widening) labelWords(l *labelChange) string {
	switch {
	case l.now == nil:
		return fmt.Sprintf("class %s is not looked for any more", l.class())
	case l.was == nil:
		return fmt.Sprintf("class %s is looked for", l.class())
	}
	var parts []string
	if gone := len(moreThan(l.was.Words, l.now.Words)); gone > 0 {
		parts = append(parts, fmt.Sprintf("without %d words", gone))
	}
	if gone := len(moreThan(l.was.Patterns, l.now.Patterns)); gone > 0 {
		parts = append(parts, fmt.Sprintf("without %d patterns", gone))
	}
	if l.was.CaseSensitive != l.now.CaseSensitive {
		parts = append(parts, fmt.Sprintf("case-sensitive %v", l.now.CaseSensitive))
	}
	if l.was.Sensitivity() != l.now.Sensitivity() {
		parts = append(parts, fmt.Sprintf("level %s → %s", l.was.Sensitivity(), l.now.Sensitivity()))
	}
	if l.was.Regulated != l.now.Regulated {
		parts = append(parts, fmt.Sprintf("regulated %v", l.now.Regulated))
	}
	if len(parts) == 0 {
		parts = append(parts, "with more words or patterns")
	}
	return fmt.Sprintf("class %s: %s", l.class(), strings.Join(parts, ", "))
}

// refusesBy reports whether an entitlement could refuse a prompt or an answer for
// having a label.
func refusesBy(d rights.Data, l *dataclass.CustomLabel) bool {
	answer := d.Answer()
	d.Output = nil
	return contentRefusedBy(d.Answer(), l) || contentRefusedBy(answer, l)
}

func contentRefusedBy(o rights.Output, l *dataclass.CustomLabel) bool {
	most, err := dataclass.ParseLevel(o.MaxLevel)
	limited := err == nil && most < l.Sensitivity()
	return limited || l.Regulated && !o.Regulated || slices.Contains(o.Forbid, string(l.Class()))
}

// lawsOn lists the laws for a class's identities that may come to less by a change
// of a label: by one that says less, all that read what content holds; by one that
// says more, those that permit by it, or name it otherwise than to forbid.
func (w *widening) lawsOn(c *class, l *labelChange) []string {
	var out []string
	for _, law := range w.laws.was {
		if !law.For(c.was.ID) || !readsContent(law.Text) {
			continue
		}
		forbids := law.Effect == policy.EffectForbid && !strings.ContainsAny(law.Text, "!") && !strings.Contains(law.Text, "unless") && !strings.Contains(law.Text, " if ")
		if l.loosened() || !forbids {
			out = append(out, law.Rule)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// readsContent reports whether a law's text reads what labels bear on.
func readsContent(text string) bool {
	for _, where := range []string{"context.prompt", "context.output"} {
		if strings.Contains(text, where) || strings.Contains(text, strings.Replace(where, ".", `["`, 1)) {
			return true
		}
	}
	return false
}
