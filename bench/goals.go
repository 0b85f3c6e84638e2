package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// goal is one of the figures that Writ is to reach.
type goal struct {
	text   string
	bound  string
	found  string // empty: not measured in this run
	passed bool
	note   bool // shown beside the goal above it; nothing to reach
}

// atMost and atLeast are goals with one bound.
func atMost(text string, bound, median float64, all []float64, format, unit string) goal {
	return goal{text, fmt.Sprintf("≤ %g%s", bound, unit), spread(format, median, all), median <= bound, false}
}

func atLeast(text string, bound, median float64, all []float64, format, unit string) goal {
	return goal{text, fmt.Sprintf("≥ %g%s", bound, unit), spread(format, median, all), median >= bound, false}
}

// unmeasured stands where a figure is missing.
func unmeasured(text, bound string) goal { return goal{text: text, bound: bound} }

// each computes a figure round by round, so that a slow moment of the machine
// is in all its parts, and returns the median with the rounds. A round without
// the figure is left out; when most are, there is none.
func (r row) each(figure func(bare, proxy, writ sample) float64, writ string) (median float64, all []float64) {
	b, p, w := r.of(bareName).Rounds, r.of(proxyName).Rounds, r.of(writ).Rounds
	n := min(len(b), len(p), len(w))
	for i := range n {
		if f := figure(b[i], p[i], w[i]); !math.IsNaN(f) {
			all = append(all, f)
		}
	}
	if 2*len(all) <= n {
		return 0, nil
	}
	return middle(slices.Clone(all)), all
}

// addedRatio is what Writ adds by what the ReverseProxy adds. A round in which
// the ReverseProxy seems to have added nothing says only that the machine was
// not quiet.
func addedRatio(figure func(sample) float64) func(bare, proxy, writ sample) float64 {
	return func(bare, proxy, writ sample) float64 {
		by := figure(proxy) - figure(bare)
		if by <= 0 {
			return math.NaN()
		}
		return (figure(writ) - figure(bare)) / by
	}
}

func (r *results) goals() (all []goal) {
	all = append(all, r.loadGoals()...)
	all = append(all, r.loneGoals()...)
	all = append(all, r.frameGoals()...)
	all = append(all, r.memoryGoals()...)
	return append(all, r.decisionGoals()...)
}

// loadGoals are those of 64 connections.
func (r *results) loadGoals() []goal {
	row := r.row("converse c=64")
	rate, rates := row.each(func(_, p, w sample) float64 { return p.CPU / w.CPU }, writName)
	p50, p50s := row.each(addedRatio(sample.p50), writName)
	p99, p99s := row.each(addedRatio(sample.p99), writName)
	const a, b, c = "c=64: requests/s per core ÷ ReverseProxy's (1.0 wished)", "c=64: p50 added ÷ what the ReverseProxy adds", "c=64: p99 added ÷ what the ReverseProxy adds"
	all := []goal{unmeasured(a, "≥ 0.6"), unmeasured(b, "≤ 1.5"), unmeasured(c, "≤ 1.5")}
	if rates != nil {
		all[0] = atLeast(a, 0.6, rate, rates, "%.2f", "")
	}
	if p50s != nil {
		all[1] = atMost(b, 1.5, p50, p50s, "%.2f", "")
	}
	if p99s != nil {
		all[2] = atMost(c, 1.5, p99, p99s, "%.2f", "")
	}
	return all
}

// loneGoals are those of one call at a time, whose record waits for the disk.
func (r *results) loneGoals() []goal {
	row := r.row("converse c=1")
	beyond := func(_, p, w sample) float64 { return w.P50 - p.P50 }
	disk, disks := row.each(beyond, writName)
	const text = "c=1: p50 less the ReverseProxy's (50 wished)"
	if disks == nil {
		return []goal{unmeasured(text, "≤ 100 µs")}
	}
	all := []goal{
		atMost(text, 100, disk, disks, "%.0f", " µs"),
		{text: "… of which one flush of this disk, by itself", found: fmt.Sprintf("%.0f", r.Machine.Sync), note: true},
	}
	if memory, memories := row.each(beyond, tmpfsName); memories != nil {
		all = append(all, goal{text: "… with the data directory in memory: what is not the disk's", found: spread("%.0f", memory, memories), note: true})
	}
	return all
}

// frameGoals are those of a stream's frames. The mean counts; the median, which
// one slow moment does not move, is shown beside it.
func (r *results) frameGoals() (all []goal) {
	for _, c := range []string{"c=1", "c=16"} {
		row := r.row("paced " + c)
		g := unmeasured("54-frame stream, "+c+": mean delay added to a frame ÷ what the ReverseProxy adds", "≤ 2")
		if mean, rounds := row.each(addedRatio(sample.mean), writName); rounds != nil {
			g = atMost(g.text, 2, mean, rounds, "%.2f", "")
		}
		all = append(all, g)
		if p50, rounds := row.each(addedRatio(sample.p50), writName); rounds != nil {
			all = append(all, goal{text: "… the median delay likewise", found: spread("%.2f", p50, rounds), note: true})
		}
	}
	return all
}

func (r *results) memoryGoals() (all []goal) {
	for _, protocol := range []string{protocolH1, protocolH2C} {
		g := unmeasured("1,000 open streams over "+protocol+": resident", "≤ 150 MB")
		for _, s := range r.Streams {
			if s.Target == writName && s.Protocol == protocol {
				g = atMost(g.text, 150, s.During, nil, "%.0f", " MB")
			}
		}
		all = append(all, g)
	}
	g := unmeasured("20 MB body: peak memory ÷ the body (itself, and once more)", "≤ 2")
	for _, m := range r.Bodies {
		if m.Target == writName {
			g = atMost(g.text, 2, m.times(m.Lone), nil, "%.2f", "")
		}
	}
	return append(all, g)
}

// decisionGoals are asked of both kinds of question.
func (r *results) decisionGoals() (all []goal) {
	for _, kind := range []struct {
		name string
		of   func(decision) cost
	}{
		{"repeated question", func(d decision) cost { return d.Repeated }},
		{"new question", func(d decision) cost { return d.New }},
	} {
		few, many := unmeasured("decision at 10 grants, "+kind.name, "≤ 5 µs"), unmeasured("decision at 100,000 grants ÷ at 10, "+kind.name, "≤ 2")
		if len(r.Decisions) == len(grantSizes) && r.Decisions[0].measured() {
			ten, most := kind.of(r.Decisions[0]), kind.of(r.Decisions[len(grantSizes)-1])
			few = atMost(few.text, 5, ten.Micros, ten.Rounds, "%.1f", " µs")
			many = atMost(many.text, 2, most.Micros/ten.Micros, nil, "%.2f", "")
		}
		all = append(all, few, many)
	}
	return all
}

// Growth levels off when a day more would add no more than this.
const (
	soakGrowthMB    = 5
	soakGrowthCount = 3
)

func (s *soak) goals() []goal {
	const memory, counts = "a day's calls: live heap and resident memory that a day more would add", "… goroutines and open files"
	if s == nil {
		return []goal{unmeasured(memory, "≤ 5 MB"), unmeasured(counts, "≤ 3")}
	}
	heap, rss, goroutines, files := s.growth(soakHour.heap), s.growth(soakHour.rss), s.growth(soakHour.goroutines), s.growth(soakHour.files)
	return []goal{
		{memory, fmt.Sprintf("≤ %d MB", soakGrowthMB), fmt.Sprintf("%+.1f, %+.1f", heap, rss), max(heap, rss) <= soakGrowthMB, false},
		{counts, fmt.Sprintf("≤ %d", soakGrowthCount), fmt.Sprintf("%+.0f, %+.0f", goroutines, files), max(goroutines, files) <= soakGrowthCount, false},
	}
}

func (u *build) goals() []goal {
	const cold, size, start = "`go build ./cmd/writ` with an empty cache on two CPUs", "binary, not stripped", "`writ version`"
	if u == nil {
		return []goal{unmeasured(cold, "≤ 120 s"), unmeasured(size, "≤ 40 MB"), unmeasured(start, "≤ 50 ms")}
	}
	return []goal{
		atMost(cold, 120, u.Cold, nil, "%.0f", " s"),
		atMost(size, 40, u.Size, nil, "%.1f", " MB"),
		{text: "… stripped of its symbols", found: fmt.Sprintf("%.1f", u.Stripped), note: true},
		atMost(start, 50, u.Version, u.Versions, "%.0f", " ms"),
	}
}

func writeGoals(b *strings.Builder, goals []goal) {
	heading(b, 1, "target", "bound", "measured", "")
	for _, g := range goals {
		verdict := "not reached"
		switch {
		case g.note:
			verdict = ""
		case g.found == "":
			g.found, verdict = "–", "not measured"
		case g.passed:
			verdict = "reached"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", g.text, g.bound, g.found, verdict)
	}
}
