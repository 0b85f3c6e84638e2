package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// results are one run, as kept in faults/results.
type results struct {
	Commit string    `json:"commit"`
	Dirty  bool      `json:"dirty"` // the checkout had changes that are not in the commit
	At     time.Time `json:"at"`
	CPUs   int       `json:"cpus"`
	Kernel string    `json:"kernel"`
	Rows   []result  `json:"rows"`
}

func newResults(*suite) (*results, error) {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return nil, fmt.Errorf("asking git for the commit: %w", err)
	}
	changes, err := exec.Command("git", "status", "--porcelain", "--", "*.go", "go.mod").Output()
	if err != nil {
		return nil, fmt.Errorf("asking git for changes: %w", err)
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // it says unknown otherwise
	return &results{
		Commit: strings.TrimSpace(string(out)), Dirty: len(changes) > 0, At: time.Now().UTC(),
		CPUs: runtime.NumCPU(), Kernel: strings.TrimSpace(string(kernel)),
	}, nil
}

// word is a row's verdict.
func (r result) word() string {
	switch {
	case r.Skipped != "":
		return "not possible here: " + r.Skipped
	case len(r.Wrong) > 0:
		return "WRONG"
	}
	return "ok"
}

// verdict is an error when any row is wrong.
func (r *results) verdict() error {
	n := 0
	for _, row := range r.Rows {
		if len(row.Wrong) > 0 {
			n++
		}
	}
	if n > 0 {
		return fmt.Errorf("%d rows show a call that was lost, wrongly allowed or never answered again", n)
	}
	return nil
}

// table is the run in Markdown.
func (r *results) table() string {
	var b strings.Builder
	commit := r.Commit
	if r.Dirty {
		commit += " with uncommitted changes"
	}
	fmt.Fprintf(&b, "Commit %s, %s. %d CPUs, Linux %s, %s.\n", commit, r.At.Format("2 January 2006, 15:04 MST"), r.CPUs, r.Kernel, runtime.Version())
	group := ""
	for _, row := range r.Rows {
		if row.Group != group {
			group = row.Group
			fmt.Fprintf(&b, "\n### %s\n\n", strings.ToUpper(group[:1])+group[1:])
			b.WriteString("| fault | how it was made | sent | 200 | broke off | refused | no answer | intents | arrived | outcomes | unknown | verifies | answers again after |\n")
			b.WriteString("|---|---|--:|--:|--:|---|--:|--:|--:|--:|--:|---|--:|\n")
		}
		row.write(&b)
	}
	total := counts{}
	for _, row := range r.Rows {
		total.Sent += row.Counts.Sent
		total.Forbidden += row.Counts.Forbidden
		total.Arrived += row.Counts.Arrived
		total.Intents += row.Counts.Intents
	}
	fmt.Fprintf(&b, "\n%d calls sent in all, %d of them forbidden; %d intents, %d arrivals at the upstream. ", total.Sent, total.Forbidden, total.Intents, total.Arrived)
	if err := r.verdict(); err != nil {
		b.WriteString("**" + err.Error() + "**\n")
	} else {
		b.WriteString("None lost, none wrongly allowed.\n")
	}
	return b.String()
}

func (row result) write(b *strings.Builder) {
	if row.Skipped != "" {
		fmt.Fprintf(b, "| %s | %s | not possible here: %s | | | | | | | | | | |\n", row.Name, row.How, row.Skipped)
		return
	}
	how := row.How
	if len(row.Notes) > 0 {
		how += "; " + strings.Join(row.Notes, "; ")
	}
	verifies := "yes"
	if !row.Verified {
		verifies = "**NO**"
	}
	if len(row.Wrong) > 0 {
		how += "; **WRONG: " + strings.ReplaceAll(strings.Join(row.Wrong, "; "), "\n", " ") + "**"
	}
	c := row.Counts
	fmt.Fprintf(b, "| %s | %s | %d | %d | %d | %s | %d | %d | %d | %d | %d | %s | %s |\n", row.Name, how,
		c.Sent, c.Whole, c.Broken, c.refusals(), c.Unanswered, c.Intents, c.Arrived, c.Outcomes, c.Unknown, verifies, milliseconds(row.Recovered))
}

// milliseconds writes a time roughly: more digits would claim what one run
// cannot know.
func milliseconds(ms float64) string {
	switch {
	case ms >= 1000:
		return fmt.Sprintf("%.1f s", ms/1000)
	case ms >= 99.5:
		return fmt.Sprintf("%.0f ms", 10*math.Round(ms/10))
	}
	return fmt.Sprintf("%.2g ms", ms)
}

const (
	docPath    = "docs/faults.md"
	resultsDir = "faults/results"
	beginMark  = "<!-- table: begin; written by `go run ./faults -write` -->\n"
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
