package main

import (
	"fmt"
	"strings"
)

// table is the run in Markdown, the engines side by side, with what is to be
// reached.
func (p *people) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Commit %s, %s. %s.\n", p.name(), p.date(), p.Machine)
	fmt.Fprintf(&b, "%d identities and %d grants, each as an approved request leaves it. The store is filled by commits of %d changes. "+
		"The snapshot is built from its rows; the ledger, which holds them against the log, is not part of these figures. "+
		"PostgreSQL runs on the same machine, without fsync; its CPU time is its own.\n", p.Identities, p.Grants, fillBatch)
	b.WriteString("\n| |")
	for _, e := range p.Engines {
		fmt.Fprintf(&b, " %s |", e.Name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(p.Engines)) + "\n")
	p.line(&b, "cold load of the snapshot, s", func(e engine) string { return fmt.Sprintf("%.1f", e.Cold) })
	p.line(&b, "of which reading the rows, s", func(e engine) string { return fmt.Sprintf("%.1f", e.Rows) })
	p.line(&b, "its CPU time, s", func(e engine) string { return fmt.Sprintf("%.1f", e.ColdCPU) })
	p.line(&b, "heap, bytes a grant", func(e engine) string { return fmt.Sprintf("%.0f", e.PerUnit) })
	for i, c := range p.Engines[0].Changes {
		p.line(&b, c.What+", live in ms, p50 / p99", func(e engine) string { return fmt.Sprintf("%.0f / %.0f", e.Changes[i].P50, e.Changes[i].P99) })
	}
	for i, l := range p.Engines[0].Pages {
		p.line(&b, "100 grants by "+l.By+", ms, p50 / p99", func(e engine) string { return fmt.Sprintf("%.1f / %.1f", e.Pages[i].P50, e.Pages[i].P99) })
	}
	p.requests(&b)
	writeGoals(&b, p.goals())
	return b.String()
}

// requests is the table of what waits to be decided; of runs before there was one,
// nothing.
func (p *people) requests(b *strings.Builder) {
	if p.Engines[0].Requests == nil {
		return
	}
	fmt.Fprintf(b, "\nRequests, while %d wait: each is asked for and decided upon with its records in the log, which is flushed, in a store that holds nothing else.\n\n| ms, p50 / p99 |", p.Pending)
	for _, e := range p.Engines {
		fmt.Fprintf(b, " %s |", e.Name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(p.Engines)) + "\n")
	for i, act := range p.Engines[0].Requests.Acts {
		p.line(b, act.What, func(e engine) string {
			return fmt.Sprintf("%.1f / %.1f", e.Requests.Acts[i].P50, e.Requests.Acts[i].P99)
		})
	}
}

func (p *people) line(b *strings.Builder, what string, figure func(engine) string) {
	fmt.Fprintf(b, "| %s |", what)
	for _, e := range p.Engines {
		fmt.Fprintf(b, " %s |", figure(e))
	}
	b.WriteString("\n")
}

// goals are stated for PostgreSQL.
func (p *people) goals() []goal {
	e := p.Engines[0]
	page := 0.0
	for _, l := range e.Pages {
		page = max(page, l.P99)
	}
	one := func(text string, bound, v float64, format, unit string) goal {
		return atMost(text, bound, v, nil, format, unit)
	}
	goals := []goal{
		one("cold load of the snapshot, PostgreSQL", 10, e.Cold, "%.1f", " s"),
		one("heap of the snapshot a grant", 1024, e.PerUnit, "%.0f", " bytes"),
		one("a changed grant is decided upon, p99", 1000, e.Changes[0].P99, "%.0f", " ms"),
		one("a changed entitlement that every identity holds, p99", 1000, e.Changes[2].P99, "%.0f", " ms"),
		one("a page of a list, p99 of the slowest", 50, page, "%.1f", " ms"),
	}
	if e.Requests != nil {
		goals = append(goals, one(fmt.Sprintf("a page of what is to be decided, of %d that wait, p99", p.Pending), 50, e.Requests.Acts[1].P99, "%.1f", " ms"))
	}
	return goals
}
