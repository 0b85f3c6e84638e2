package main

import (
	"fmt"
	"math"
	"strings"
)

// of is a reader's cost; NaN when it was not measured.
func (r readText) of(reader string) float64 {
	for _, c := range r.Readers {
		if c.Reader == reader {
			return c.Median
		}
	}
	return math.NaN()
}

func (r readText) times(reader string) string {
	return figure("%.1f", r.of(reader)/r.of(readEverything))
}

// figure is a number, or a dash where there is none.
func figure(format string, v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return fmt.Sprintf(format, v)
}

// table is the run in Markdown.
func (c *classifying) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Commit %s, %s. %s.\n", c.name(), c.date(), c.Machine)
	fmt.Fprintf(&b, "CPU time in µs a KiB, median of %d rounds in which the readers take turns. Each of Writ's prepares the text for itself; *everything* is all of them, source code and decoding.\n", c.Rounds)
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "%s\n", n)
	}
	readRows(&b, "text", c.Texts)
	b.WriteString("\nMade to cost much, 64 KiB each:\n")
	readRows(&b, "hostile text", c.Hostile)
	heading(&b, 1, "2 KB, everything, on the clock", "p50 µs", "p99 µs")
	for _, t := range c.Texts {
		if t.P50 > 0 {
			fmt.Fprintf(&b, "| %s | %.0f | %.0f |\n", t.Name, t.P50, t.P99)
		}
	}
	heading(&b, 1, "answer in pieces of 4 bytes", "CPU µs a piece", "bytes held, p50", "p99", "most")
	for _, s := range c.Streams {
		fmt.Fprintf(&b, "| %s | %.1f | %.0f | %.0f | %.0f |\n", s.Name, s.PerDelta, s.HeldP50, s.HeldP99, s.HeldMost)
	}
	writeGoals(&b, c.goals())
	return b.String()
}

func readRows(b *strings.Builder, what string, rows []readText) {
	heading(b, 1, what, "KiB", readIdentifiers, readNames, readSecrets, readEverything, readPatterns, "× everything", readGitleaks, "× everything", readGitleaksRE2, "× everything")
	for _, t := range rows {
		fmt.Fprintf(b, "| %s | %d |", t.Name, t.Bytes>>10)
		for _, r := range []string{readIdentifiers, readNames, readSecrets, readEverything} {
			fmt.Fprintf(b, " %s |", figure("%.1f", t.of(r)))
		}
		for _, r := range []string{readPatterns, readGitleaks, readGitleaksRE2} {
			fmt.Fprintf(b, " %s | %s |", figure("%.0f", t.of(r)), t.times(r))
		}
		b.WriteString("\n")
	}
}

func (c *classifying) goals() []goal {
	identifiers, secrets, p50, p99, large := 0.0, 0.0, 0.0, 0.0, 0.0
	for _, t := range c.Texts {
		identifiers, secrets = max(identifiers, t.of(readIdentifiers)), max(secrets, t.of(readEverything))
		p50, p99 = max(p50, t.P50), max(p99, t.P99)
		if t.Bytes == largeText {
			large = max(large, t.of(readEverything)*largeText/1024/1000)
		}
	}
	worst, held := 0.0, 0.0
	for _, t := range c.Hostile {
		worst = max(worst, t.of(readEverything))
	}
	for _, s := range c.Streams {
		held = max(held, s.HeldP50)
	}
	one := func(text string, bound, v float64, format, unit string) goal {
		return atMost(text, bound, v, nil, format, unit)
	}
	return []goal{
		one("identifiers, the dearest text", 5, identifiers, "%.1f", " µs/KiB"),
		one("everything, the dearest text", 40, secrets, "%.1f", " µs/KiB"),
		one("2 KB, p50 of the dearest sort", 80, p50, "%.0f", " µs"),
		one("2 KB, p99 of the dearest sort", 300, p99, "%.0f", " µs"),
		one("1 MiB, the dearest text", 25, large, "%.1f", " ms"),
		one("hostile text, the dearest", 100, worst, "%.1f", " µs/KiB"),
		one("bytes of an answer held back, median of the dearest sort", 64, held, "%.0f", ""),
	}
}
