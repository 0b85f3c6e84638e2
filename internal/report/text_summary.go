package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// heading opens one of the closing sections.
func (t *textReport) heading(title string) { t.out.line(t.out.paint(bold, title)) }

func (t *textReport) suppressed(all []group) {
	if len(all) == 0 {
		return
	}
	t.heading("Suppressed (found, not counted)")
	for _, g := range all {
		t.out.block("  "+g.Rule+"  ", g.Title+" ("+names(g.Who)+"), because: "+g.Suppressed)
	}
	t.out.line("")
}

func (t *textReport) measureTable() {
	if len(t.measures) == 0 {
		return
	}
	t.heading("Measures")
	wide := 0
	for _, m := range t.measures {
		wide = max(wide, utf8.RuneCountInString(m.Name))
	}
	wide = min(wide, t.out.width/3)
	for _, m := range t.measures {
		value := strings.TrimSpace(m.Value + " " + m.Unit)
		t.out.hang(fmt.Sprintf("  %-*s  ", wide, m.Name), strings.Repeat(" ", wide+4), value)
		t.out.block(strings.Repeat(" ", wide+4), strings.TrimSpace(m.Definition+note(m.Note)))
	}
	t.out.line("")
}

// note is what a number does not cover, as a sentence after its definition.
func note(s string) string {
	if s == "" {
		return ""
	}
	return ". Note: " + s
}

func (t *textReport) notEvaluated() {
	if len(t.missing) == 0 {
		return
	}
	t.heading("Not evaluated (silence means nothing)")
	for _, n := range t.missing {
		reason := n.Reason
		if n.Input != "" {
			reason += "; give " + n.Input
		}
		t.out.block("  "+n.Rule+"  ", reason)
	}
	t.out.line("")
}

func (t *textReport) incomplete() {
	if len(t.run.Incomplete) == 0 {
		return
	}
	t.heading("Incomplete (answers could change)")
	for _, what := range t.run.Incomplete {
		t.out.block("  - ", what)
	}
	t.out.line("")
}

// decisionOrder is how decisions are listed, with the words a report uses.
var decisionOrder = []struct{ key, word string }{
	{"allowed", "allowed"}, {"conditional", "conditional"}, {"undetermined", "undetermined"},
	{"explicit_deny", "explicitly denied"}, {"implicit_deny", "not granted"},
}

func (t *textReport) summary() {
	n := tallied(t.findings)
	t.heading("Summary")
	rights := 0
	for _, d := range t.total {
		rights += d
	}
	if rights > 0 {
		t.out.block("  ", count(rights, "right")+": "+decisionList(t.total))
	}
	if n.Findings == 0 {
		t.out.block("  ", "No findings"+suppressedCount(n)+". That holds for what was given and evaluated, and for nothing else.")
		return
	}
	var parts []string
	for _, s := range Severities {
		if c := n.BySeverity[s]; c > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", thousands(c), s))
		}
	}
	about := ""
	if n.Principals > 0 {
		about = " about " + count(n.Principals, "principal")
	}
	t.out.block("  ", count(n.Findings, "finding")+about+": "+strings.Join(parts, ", ")+suppressedCount(n))
}

func suppressedCount(n tally) string {
	if n.Suppressed == 0 {
		return ""
	}
	return fmt.Sprintf("; %s suppressed", thousands(n.Suppressed))
}

// decisionList names the decisions that occur, in their order.
func decisionList(n map[string]int) string {
	var parts []string
	for _, d := range decisionOrder {
		if n[d.key] > 0 {
			parts = append(parts, thousands(n[d.key])+" "+d.word)
		}
	}
	return strings.Join(parts, ", ")
}
