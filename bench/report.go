package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// results are one run, as kept in bench/results.
type results struct {
	Commit    string     `json:"commit"`
	Dirty     bool       `json:"dirty"` // the checkout had changes that are not in the commit
	At        time.Time  `json:"at"`
	Machine   machine    `json:"machine"`
	Rounds    int        `json:"rounds"`
	Seconds   float64    `json:"seconds_per_round"`
	Rows      []row      `json:"rows,omitempty"`
	Decisions []decision `json:"decisions,omitempty"`
}

// row is one workload on every target.
type row struct {
	Name        string   `json:"name"`
	Connections int      `json:"connections"`
	Targets     []target `json:"targets"`
}

// target is one target's figures in a row.
type target struct {
	Name   string   `json:"name"`
	Median sample   `json:"median"`
	Rounds []sample `json:"rounds"`
}

// of returns a target's median figures.
func (r row) of(name string) sample {
	for _, t := range r.Targets {
		if t.Name == name {
			return t.Median
		}
	}
	return sample{}
}

// table is the run in Markdown.
func (r *results) table() string {
	var b strings.Builder
	m := r.Machine
	commit := r.Commit
	if r.Dirty {
		commit += " with uncommitted changes"
	}
	fmt.Fprintf(&b, "Commit %s, %s. %s, %d CPUs, Linux %s, %s; load average %s at the start.\n", commit, r.At.Format("2 January 2006, 15:04 MST"), m.CPU, m.CPUs, m.Kernel, m.Go, m.Load)
	fmt.Fprintf(&b, "The disk flushes a small append in %.0f µs (median of %d). Median of %d rounds of %g s; %s.\n\n", m.Sync, syncs, r.Rounds, r.Seconds, m.placement())
	if len(r.Rows) > 0 {
		b.WriteString("| workload | target | p50 µs | p99 µs | added p50 | added p99 | req/s | CPU µs/req | req/s per core | × ReverseProxy | RSS MB |\n")
		b.WriteString("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	}
	for _, row := range r.Rows {
		row.write(&b)
	}
	r.writeStreams(&b)
	if len(r.Decisions) > 0 {
		b.WriteString("\n| grants in memory | decision µs | allocations | bytes | reload after one change, ms |\n|--:|--:|--:|--:|--:|\n")
	}
	for _, d := range r.Decisions {
		fmt.Fprintf(&b, "| %d | %.1f | %d | %d | %.2f |\n", d.Grants, d.Micros, d.Allocations, d.Bytes, d.Reload)
	}
	return b.String()
}

func (m machine) placement() string {
	if m.Pinned {
		return "processes tied to CPUs: all on one at c=1, the target alone on one at c=64"
	}
	return "processes not tied to CPUs"
}

// write writes a line for each target. Rates per core are what one CPU second
// of the target pays for, so they compare also where the load was the limit.
func (r row) write(b *strings.Builder) {
	bare, proxy := r.of(bareName), r.of(proxyName)
	for _, t := range r.Targets {
		s := t.Median
		added50, added99, ratio := "–", "–", "–"
		if t.Name != bareName {
			ratio = fmt.Sprintf("%.2f", proxy.CPU/s.CPU)
		}
		// A stand-in that costs more than the target makes the queue itself.
		if t.Name != bareName && (r.Connections == 1 || bare.CPU < s.CPU) {
			added50, added99 = fmt.Sprintf("%+.0f", s.P50-bare.P50), fmt.Sprintf("%+.0f", s.P99-bare.P99)
		}
		fmt.Fprintf(b, "| %s | %s | %.0f | %.0f | %s | %s | %.0f | %.1f | %.0f | %s | %.0f |\n",
			r.Name, t.Name, s.P50, s.P99, added50, added99, s.Rate, s.CPU, 1e6/s.CPU, ratio, s.Memory)
	}
}

// writeStreams says what a frame of a lone stream costs.
func (r *results) writeStreams(b *strings.Builder) {
	for _, row := range r.Rows {
		if row.Name != "stream c=1" {
			continue
		}
		bare := row.of(bareName).P50
		fmt.Fprintf(b, "\nA stream has %d frames. Added per frame at c=1: ReverseProxy %.2f µs, Writ %.2f µs.\n", streamFrames,
			(row.of(proxyName).P50-bare)/streamFrames, (row.of(writName).P50-bare)/streamFrames)
	}
}

const (
	docPath    = "docs/benchmarks.md"
	resultsDir = "bench/results"
	beginMark  = "<!-- table: begin; written by `go run ./bench -write` -->\n"
	endMark    = "<!-- table: end -->"
)

// save keeps the raw results under the commit's name.
func (r *results) save() error {
	name := r.Commit
	if r.Dirty {
		name += "-dirty"
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	if err := os.MkdirAll(resultsDir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(resultsDir, name+".json"), append(text, '\n'), 0o644)
}

// writeTable puts the table between the marks of a document.
func writeTable(path, table string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err = splice(text, table)
	if err != nil {
		return fmt.Errorf("writing the table into %s: %w", path, err)
	}
	return os.WriteFile(path, text, 0o644)
}

func splice(text []byte, table string) ([]byte, error) {
	before, rest, found := bytes.Cut(text, []byte(beginMark))
	_, after, ended := bytes.Cut(rest, []byte(endMark))
	if !found || !ended {
		return nil, errors.New("its marks are missing")
	}
	return bytes.Join([][]byte{before, after}, []byte(beginMark+"\n"+table+"\n"+endMark)), nil
}
