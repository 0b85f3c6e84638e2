package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// table is the run in Markdown, with what is to be reached.
func (m *iam) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Commit %s, %s. %s.\n", m.name(), m.date(), m.Machine)
	fmt.Fprintf(&b, "Median of %d rounds, with the least and the most round in parentheses. The account has %d principals and %.1f MB.\n", m.Rounds, m.Principals, m.Size)
	for _, n := range m.Notes {
		fmt.Fprintf(&b, "%s\n", n)
	}
	m.writeWhoCan(&b)
	m.writeMatrix(&b)
	m.writeCompare(&b)
	m.writeCertified(&b)
	m.writeEstate(&b)
	writeGoals(&b, m.goals())
	return b.String()
}

func (m *iam) writeWhoCan(b *strings.Builder) {
	if len(m.WhoCan) == 0 {
		return
	}
	heading(b, 1, fmt.Sprintf("who can invoke a model, of %d", m.Principals), "s", "CPU s", "× Writ's CPU", "peak RSS MB", "found", "of Writ's missing", "more than Writ's")
	for _, t := range m.WhoCan {
		found, missing, more := fmt.Sprint(t.Found), fmt.Sprint(t.Missing), fmt.Sprint(t.More)
		if t.Name == writName {
			found, missing, more = fmt.Sprintf("%d, and %d by a chain", t.Found, t.Chained), "–", "–"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %.1f | %s | %s | %s | %s |\n", t.Name, t.spread("%.2f", usage.seconds), t.spread("%.2f", usage.cpu),
			t.Median.CPU/m.WhoCan[0].Median.CPU, t.spread("%.0f", usage.peak), found, missing, more)
	}
}

func (m *iam) writeMatrix(b *strings.Builder) {
	if len(m.Matrix) == 0 {
		return
	}
	heading(b, 1, fmt.Sprintf("full matrix, %d cells", m.Matrix[0].Cells), "s", "of which reading", "deciding", "CPU s", "× Writ's CPU", "peak RSS MB", "cells that can", "of Writ's missing", "more than Writ's")
	for _, t := range m.Matrix {
		missing, more := fmt.Sprint(t.Missing), fmt.Sprint(t.More)
		if t.Name == writName {
			missing, more = "–", "–"
		}
		fmt.Fprintf(b, "| %s | %s | %.2f | %s | %s | %.1f | %s | %d | %s | %s |\n", t.Name, t.spread("%.2f", usage.seconds), t.Median.Load,
			t.spread("%.2f", usage.decide), t.spread("%.2f", usage.cpu), t.Median.CPU/m.Matrix[0].Median.CPU, t.spread("%.0f", usage.peak), t.Found, missing, more)
	}
}

func (m *iam) writeCompare(b *strings.Builder) {
	if len(m.Compare) == 0 {
		return
	}
	heading(b, 1, fmt.Sprintf("compare, %d pairs both ways", m.Compare[0].Pairs), "p50 ms", "p99 ms", "slowest pair", "p99 of each round by itself", "p99 of CPU ms", "CPU ms a pair", "verdicts")
	for _, c := range m.Compare {
		var verdicts []string
		for _, v := range slices.Sorted(maps.Keys(c.Verdicts)) {
			verdicts = append(verdicts, fmt.Sprintf("%d %s", c.Verdicts[v], v))
		}
		fmt.Fprintf(b, "| %s | %.2f | %.2f | %.2f | %.2f–%.2f | %.2f | %.2f | %s |\n", c.Universe, c.P50, c.P99, c.Most, slices.Min(c.P99s), slices.Max(c.P99s), c.CPU99, c.CPU, strings.Join(verdicts, ", "))
	}
}

func (m *iam) writeCertified(b *strings.Builder) {
	if len(m.Certified) == 0 {
		return
	}
	heading(b, 1, "certificates", "made", "answers without", "the answer alone, ms", "with its certificate", "p99", "checking it, ms", "p99", "KB")
	for _, c := range m.Certified {
		fmt.Fprintf(b, "| %s | %d | %d | %.2f | %.2f | %.2f | %.2f | %.2f | %.1f |\n", c.Of, c.Number, c.Without, c.Alone, c.Make, c.Makes, c.Check, c.Checks, c.Bytes/1000)
	}
}

func (m *iam) writeEstate(b *strings.Builder) {
	e := m.Estate
	if e == nil {
		return
	}
	heading(b, 1, fmt.Sprintf("%d accounts of %d, %.0f MB", e.Accounts, e.Principals, e.Size), "s", "CPU s", "peak RSS MB", "found", "report MB")
	for _, t := range e.Targets {
		found, output := fmt.Sprintf("%d findings", t.Found), fmt.Sprintf("%.0f", t.Median.Output)
		if t.Median.Output == 0 {
			found, output = fmt.Sprintf("%d principals, and %d by a chain", t.Found, t.Chained), "–"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s |\n", t.Name, t.spread("%.1f", usage.seconds), t.spread("%.1f", usage.cpu), t.spread("%.0f", usage.peak), found, output)
	}
}

// goals are those of the analysis; a part that was not measured has none found.
func (m *iam) goals() []goal {
	all := []goal{unmeasured(fmt.Sprintf("who can: %d principals, one model, with parsing", m.Principals), "≤ 0.3 s")}
	if len(m.WhoCan) > 0 {
		t := m.WhoCan[0]
		all[0] = atMost(all[0].text, 0.3, t.Median.Seconds, t.each(usage.seconds), "%.2f", " s")
		all = append(all, note("… CPU seconds", t.spread("%.2f", usage.cpu)))
	}
	all = append(all, m.matrixGoals()...)
	return append(append(all, m.compareGoals()...), m.estateGoals()...)
}

func note(text, found string) goal { return goal{text: text, found: found, note: true} }

func (m *iam) matrixGoals() []goal {
	const size = "… peak of resident memory"
	took := fmt.Sprintf("full matrix: %d principals, every model and profile, both actions, with reading", m.Principals)
	if len(m.Matrix) == 0 {
		return []goal{unmeasured(took, "≤ 2 s"), unmeasured(size, "≤ 300 MB")}
	}
	t := m.Matrix[0]
	return []goal{
		atMost(took, 2, t.Median.Seconds, t.each(usage.seconds), "%.2f", " s"),
		note("… deciding alone", t.spread("%.2f", usage.decide)),
		note("… CPU seconds", t.spread("%.2f", usage.cpu)),
		atMost(size, 300, t.Median.Peak, t.each(usage.peak), "%.0f", " MB"),
	}
}

func (m *iam) compareGoals() (all []goal) {
	const text = "compare: p99 of a pair, both ways and both actions"
	if len(m.Compare) == 0 {
		return []goal{unmeasured(text, "≤ 5 ms")}
	}
	for _, c := range m.Compare {
		all = append(all, atMost(text+", "+c.Universe, 5, c.P99, nil, "%.2f", " ms"), note("… of its CPU time", fmt.Sprintf("%.2f", c.CPU99)))
	}
	return all
}

func (m *iam) estateGoals() (all []goal) {
	if m.Estate == nil {
		return []goal{unmeasured("100 accounts of 1000 principals", "≤ 30 s")}
	}
	text := fmt.Sprintf("%d accounts of %d principals", m.Estate.Accounts, m.Estate.Principals)
	for _, t := range m.Estate.Targets {
		all = append(all, atMost(text+": `"+t.Name+"`", 30, t.Median.Seconds, t.each(usage.seconds), "%.1f", " s"), note("… CPU seconds", t.spread("%.1f", usage.cpu)))
	}
	return all
}
