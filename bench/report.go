package main

import (
	"fmt"
	"slices"
	"strings"
)

// results are one run of the rows, as kept in bench/results.
type results struct {
	occasion
	Rounds    int           `json:"rounds"`
	Seconds   float64       `json:"seconds_per_round"`
	Notes     []string      `json:"notes,omitempty"` // what was left out, and why
	Rows      []row         `json:"rows,omitempty"`
	Streams   []openStreams `json:"open_streams,omitempty"`
	Bodies    []bodyMemory  `json:"body_memory,omitempty"`
	Decisions []decision    `json:"decisions,omitempty"`
}

// row is one workload on every target.
type row struct {
	Name        string   `json:"name"`
	Connections int      `json:"connections"`
	Paced       bool     `json:"paced,omitempty"` // its samples are of frames, not requests
	Body        int      `json:"body_bytes,omitempty"`
	Targets     []target `json:"targets"`
}

// target is one target's figures in a row.
type target struct {
	Name   string   `json:"name"`
	Median sample   `json:"median"`
	Rounds []sample `json:"rounds"`
}

// of returns a target's figures; without rounds when it is not in the row.
func (r row) of(name string) target {
	for _, t := range r.Targets {
		if t.Name == name {
			return t
		}
	}
	return target{}
}

// row finds a workload's row; one without targets when it was not measured.
func (r *results) row(name string) row {
	for _, row := range r.Rows {
		if row.Name == name {
			return row
		}
	}
	return row{}
}

func (s sample) p50() float64  { return s.P50 }
func (s sample) p99() float64  { return s.P99 }
func (s sample) mean() float64 { return s.Mean }
func (s sample) cpu() float64  { return s.CPU }

// spread is a figure's median with the least and the most of its rounds.
func (t target) spread(format string, figure func(sample) float64) string {
	all := make([]float64, len(t.Rounds))
	for i, s := range t.Rounds {
		all[i] = figure(s)
	}
	return spread(format, figure(t.Median), all)
}

func spread(format string, median float64, all []float64) string {
	text := fmt.Sprintf(format, median)
	if len(all) > 1 {
		text += fmt.Sprintf(" ("+format+"–"+format+")", slices.Min(all), slices.Max(all))
	}
	return text
}

// table is the run in Markdown.
func (r *results) table() string {
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "Commit %s, %s. %s.\n", r.name(), r.date(), m)
	fmt.Fprintf(&b, "The disk flushes a small append in %.0f µs (median of %d). Median of %d rounds of %g s, with the least and the most round in parentheses; %s.\n", m.Sync, syncs, r.Rounds, r.Seconds, m.placement())
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "%s\n", n)
	}
	r.writeRequests(&b)
	r.writeFrames(&b)
	r.writeBodies(&b)
	r.writeStreams(&b)
	r.writeDecisions(&b)
	return b.String()
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d CPUs, Linux %s, %s; load average %s at the start", m.CPU, m.CPUs, m.Kernel, m.Go, m.Load)
}

func (m machine) placement() string {
	if m.Pinned {
		return "processes tied to CPUs: all on one at c=1, the target alone on one above"
	}
	return "processes not tied to CPUs"
}

// heading begins a table: the first columns of words, then of figures.
func heading(b *strings.Builder, words int, columns ...string) {
	b.WriteString("\n| " + strings.Join(columns, " | ") + " |\n" + strings.Repeat("|---", words) + strings.Repeat("|--:", len(columns)-words) + "|\n")
}

// writeRequests writes a line for each target of the rows of small requests.
// Rates per core are what one CPU second of the target pays for, so they
// compare also where the load was the limit.
func (r *results) writeRequests(b *strings.Builder) {
	rows := slices.DeleteFunc(slices.Clone(r.Rows), func(r row) bool { return r.Paced || r.Body > 0 })
	if len(rows) == 0 {
		return
	}
	heading(b, 2, "workload", "target", "p50 µs", "p99 µs", "added p50", "added p99", "req/s", "CPU µs/req", "req/s per core", "× ReverseProxy", "RSS MB")
	for _, row := range rows {
		bare, proxy := row.of(bareName).Median, row.of(proxyName).Median
		for _, t := range row.Targets {
			s := t.Median
			added50, added99, ratio := "–", "–", "–"
			if t.Name != bareName {
				ratio = fmt.Sprintf("%.2f", proxy.CPU/s.CPU)
			}
			if t.Name != bareName && row.adds(t) {
				added50, added99 = fmt.Sprintf("%+.0f", s.P50-bare.P50), fmt.Sprintf("%+.0f", s.P99-bare.P99)
			}
			fmt.Fprintf(b, "| %s | %s | %s | %.0f | %s | %s | %.0f | %s | %.0f | %s | %.0f |\n",
				row.Name, t.Name, t.spread("%.0f", sample.p50), s.P99, added50, added99, s.Rate, t.spread("%.1f", sample.cpu), 1e6/s.CPU, ratio, s.Memory)
		}
	}
}

// adds reports whether a target's latency can be told from the load's: a
// stand-in that costs more than the target makes the queue itself.
func (r row) adds(t target) bool {
	return r.Connections == 1 || r.of(bareName).Median.CPU < t.Median.CPU
}

// writeFrames says what each frame of a paced stream is delayed by.
func (r *results) writeFrames(b *strings.Builder) {
	rows := slices.DeleteFunc(slices.Clone(r.Rows), func(r row) bool { return !r.Paced })
	if len(rows) == 0 {
		return
	}
	heading(b, 2, "frames "+pace.String()+" apart", "target", "mean delay µs", "p50", "p99", "added mean", "× ReverseProxy adds", "CPU µs/frame")
	for _, row := range rows {
		bare := row.of(bareName).Median
		by := row.of(proxyName).Median.Mean - bare.Mean
		for _, t := range row.Targets {
			s := t.Median
			added, ratio := "–", "–"
			if t.Name != bareName {
				added, ratio = fmt.Sprintf("%+.1f", s.Mean-bare.Mean), fmt.Sprintf("%.2f", (s.Mean-bare.Mean)/by)
			}
			fmt.Fprintf(b, "| %s | %s | %s | %.0f | %.0f | %s | %s | %.1f |\n", row.Name, t.Name, t.spread("%.0f", sample.mean), s.P50, s.P99, added, ratio, s.CPU)
		}
	}
}

// writeBodies writes the rows of large bodies, and the memory they take.
func (r *results) writeBodies(b *strings.Builder) {
	rows := slices.DeleteFunc(slices.Clone(r.Rows), func(r row) bool { return r.Body == 0 })
	if len(rows) > 0 {
		heading(b, 2, "large bodies", "target", "p50 ms", "req/s", "CPU ms/req", "MB/s per core", "× ReverseProxy")
	}
	for _, row := range rows {
		proxy := row.of(proxyName).Median
		for _, t := range row.Targets {
			s := t.Median
			fmt.Fprintf(b, "| %s | %s | %.1f | %.1f | %.2f | %.0f | %.2f |\n", row.Name, t.Name, s.P50/1000, s.Rate, s.CPU/1000, float64(row.Body)/s.CPU, proxy.CPU/s.CPU)
		}
	}
	if len(r.Bodies) > 0 {
		heading(b, 1, "memory of a 20 MB body", "resident before, MB", "peak above it, one body", "× the body", fmt.Sprintf("peak above it, %d in turn", 1+seriesCalls), "× the body")
	}
	for _, m := range r.Bodies {
		fmt.Fprintf(b, "| %s | %.0f | %.1f | %.2f | %.1f | %.2f |\n", m.Target, m.Before, m.Lone, m.times(m.Lone), m.Series, m.times(m.Series))
	}
}

func (r *results) writeStreams(b *strings.Builder) {
	if len(r.Streams) > 0 {
		heading(b, 2, "open streams", "target", "over", "resident before, MB", "with all open, MB", "KB each")
	}
	for _, s := range r.Streams {
		fmt.Fprintf(b, "| %d | %s | %s | %.0f | %.0f | %.1f |\n", s.Streams, s.Target, s.Protocol, s.Before, s.During, s.Each)
	}
}

func (r *results) writeDecisions(b *strings.Builder) {
	if !slices.ContainsFunc(r.Decisions, decision.measured) {
		return
	}
	heading(b, 0, "grants in memory", "repeated question, µs", "allocations", "bytes", "new question, µs", "allocations", "bytes", "reload after one change, ms")
	for _, d := range r.Decisions {
		fmt.Fprintf(b, "| %d | %s | %.0f | %.0f | %s | %.0f | %.0f | %.2f |\n", d.Grants,
			spread("%.1f", d.Repeated.Micros, d.Repeated.Rounds), d.Repeated.Allocations, d.Repeated.Bytes,
			spread("%.1f", d.New.Micros, d.New.Rounds), d.New.Allocations, d.New.Bytes, d.Reload)
	}
}

// measured is false for results from before questions were told apart.
func (d decision) measured() bool { return d.Repeated.Micros > 0 }

// table is the soak in Markdown.
func (s *soak) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Soak: commit %s, %s. %s. %d calls, which at 10 a second are %.1f hours, in %.0f s.\n", s.name(), s.date(), s.Machine, s.Calls, float64(s.Calls)/36000, s.Seconds)
	heading(&b, 0, "calls", "live heap MB", "resident MB", "goroutines", "open files", "data MB")
	for i, h := range s.Hours {
		if i > 0 && i%4 > 0 && i != 1 && i != len(s.Hours)-1 {
			continue
		}
		fmt.Fprintf(&b, "| %d | %.1f | %.1f | %d | %d | %.0f |\n", h.Calls, h.Heap, h.RSS, h.Goroutines, h.Files, h.Disk)
	}
	fmt.Fprintf(&b, "\nA day more would add, by what the lowest readings rose: live heap %+.1f MB, resident %+.1f MB, goroutines %+.0f, open files %+.0f. A call leaves %.0f bytes in the data directory.\n",
		s.growth(soakHour.heap), s.growth(soakHour.rss), s.growth(soakHour.goroutines), s.growth(soakHour.files), s.diskEach())
	return b.String()
}

// table is the build in Markdown.
func (u *build) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Build: commit %s, %s. %s.\n", u.name(), u.date(), u.Machine)
	heading(&b, 0, "build with an empty cache, s", "of CPU, s", "binary MB", "stripped MB", "`writ version` ms")
	fmt.Fprintf(&b, "| %.1f | %.1f | %.1f | %.1f | %s |\n", u.Cold, u.CPU, u.Size, u.Stripped, spread("%.0f", u.Version, u.Versions))
	return b.String()
}
