package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/scoring"
)

type classifyEvalCmd struct {
	ownLabels
	Files   []string `arg:"" name:"file" help:"Labelled documents, JSON lines, or gz of them; - for standard input. Each is scored by itself."`
	Labels  string   `help:"What the labels of the documents mean: a JSON object of label to entity and class. Without it labels are our own names." placeholder:"FILE"`
	Offsets string   `help:"What offsets count: bytes of UTF-8, or codepoints as Python does." enum:"bytes,codepoints" default:"bytes"`
	JSON    bool     `name:"json" help:"Print one JSON object a file."`
	Errors  int      `help:"List, per entity and class, the first N that were missed and the first N false alarms: where, never the text." placeholder:"N"`
}

func (c *classifyEvalCmd) Help() string {
	return `Measures the classifier on your own data, on this machine. A document is a line:

  {"id":"42","text":"Call Ana on +34 911 23 45 67","spans":[{"start":5,"end":8,"type":"PERSON"},{"start":12,"end":28,"type":"TEL"}]}

  writ classify eval labelled.jsonl --labels labels.json

and labels.json says what your labels mean; null leaves one out:

  {"PERSON":{"entity":"NAME"},"TEL":{"entity":"PHONE"},"CITY":{"entity":null}}

A hit is the same entity on the same place (intersection over union above 0.75).
Where only the presence of a secret is known, "secret": true or false stands in
place of spans. A document with "spans": [] holds nothing, and what is found in it
is a false alarm. "entity" names the one label that a document is a case of.

CPU time is of classifying alone, after a first reading that is not timed.
Exit status 0: measured, however good it was; 2: it could not be done.`
}

func (c *classifyEvalCmd) Run() error {
	detectors, err := c.classifier()
	if err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(200)) // as `writ up` does
	var labels scoring.Labels
	if c.Labels != "" {
		text, err := readFile(c.Labels)
		if err != nil {
			return err
		}
		if labels, err = scoring.ReadLabels(text); err != nil {
			return withHint(fmt.Errorf("%s: %w", c.Labels, err), `{"YOUR_LABEL": {"entity": "EMAIL"}, "OTHER": {"entity": null}}`)
		}
	}
	for _, name := range c.Files {
		run := evaluation{detectors: detectors, labels: labels, tally: scoring.Tally{Keep: c.Errors}}
		if c.Offsets == "codepoints" {
			run.tally.Unit = scoring.CodePoints
		}
		if err := run.file(name); err != nil {
			return err
		}
		if err := run.print(name, c.JSON); err != nil {
			return err
		}
	}
	return nil
}

// evaluation is the scoring of one file.
type evaluation struct {
	detectors *classifier.Classifier
	labels    scoring.Labels
	tally     scoring.Tally
	cpu       time.Duration
	batch     []*scoring.Example
	size      int // bytes of text in the batch
}

// The most of a batch: CPU time is taken over one, since the kernel's figure is
// too coarse for a document.
const (
	batchDocuments = 1024
	batchBytes     = 4 << 20
)

func (v *evaluation) file(name string) error {
	f, err := openFile(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := newLineReader(f)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			v.classify()
			return nil
		}
		if err == nil && len(line) == 0 {
			continue
		}
		if err == nil {
			err = v.document(line, lines.n)
		}
		if err != nil {
			return withHint(fmt.Errorf("%s, line %d: %w", name, lines.n, err), "writ classify eval --help shows what a line and a file of labels look like")
		}
	}
}

func (v *evaluation) document(line []byte, n int) error {
	e, err := scoring.ReadExample(line, v.labels, v.tally.Unit)
	if err != nil {
		return err
	}
	e.Line = n
	v.batch = append(v.batch, e)
	if v.size += len(e.Text); v.size >= batchBytes || len(v.batch) == batchDocuments {
		v.classify()
	}
	return nil
}

// classify classifies the batch twice: rules that are made ready when a text
// first needs them are no cost of that text.
func (v *evaluation) classify() {
	texts := make([][]byte, len(v.batch))
	for i, e := range v.batch {
		texts[i] = []byte(e.Text)
		v.detectors.Text(texts[i])
	}
	results, took := make([]classifier.Result, len(texts)), make([]time.Duration, len(texts))
	cpu := cpuTime()
	for i, text := range texts {
		began := time.Now()
		results[i] = v.detectors.Text(text)
		took[i] = time.Since(began)
	}
	v.cpu += cpuTime() - cpu
	for i, e := range v.batch {
		g := scoring.Guess{Classes: results[i].Label.Classes}
		for _, f := range results[i].Findings {
			g.Findings = append(g.Findings, f.Finding)
		}
		v.tally.Add(e, g, took[i])
	}
	v.batch, v.size = v.batch[:0], 0
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// evaluated is the JSON of an evaluation; a contract.
type evaluated struct {
	File      string `json:"file"`
	Detectors string `json:"detectors"`
	scoring.Result
	Errors []scoring.Slip `json:"errors,omitempty"`
}

func (v *evaluation) print(name string, asJSON bool) error {
	r := v.tally.Result(v.cpu)
	if asJSON {
		return printJSON(evaluated{name, v.detectors.Version(), r, r.Slips})
	}
	fmt.Printf("%s: %d documents, %.0f KiB; %.1f µs of CPU a KiB; a document takes %.0f µs (p50), %.0f µs (p99)\n",
		name, r.Documents, float64(r.Bytes)/1024, r.Speed.PerKiB, r.Speed.P50, r.Speed.P99)
	for _, part := range [][][]string{entityRows(r), classRows(r), slipRows(r)} {
		if len(part) <= 1 {
			continue
		}
		fmt.Println()
		if err := table(os.Stdout, part...); err != nil {
			return err
		}
	}
	sayWhole(r)
	fmt.Println()
	return nil
}

func entityRows(r scoring.Result) [][]string {
	rows := [][]string{{"ENTITY", "N", "PRECISION", "RECALL", "F1", "FALSE", "MISSED", "DOCUMENTS", "WITH ONE FOUND"}}
	for _, e := range r.Entities {
		rows = append(rows, append(scoreRow(string(e.Entity), e.Score), fmt.Sprint(e.Documents), fmt.Sprintf("%.3f", e.DocumentRecall)))
	}
	for _, u := range r.Unscored {
		rows = append(rows, []string{string(u.Entity), "0", "–", "–", "–", fmt.Sprintf("(%d)", u.Found), "–", "–", "–"})
	}
	return rows
}

func classRows(r scoring.Result) [][]string {
	rows := [][]string{{"CLASS, PER DOCUMENT", "N", "PRECISION", "RECALL", "F1", "FALSE", "MISSED"}}
	if r.Classes == nil {
		return nil
	}
	for _, c := range r.Classes.Each {
		rows = append(rows, scoreRow(string(c.Class), c.Score))
	}
	return rows
}

func scoreRow(name string, s scoring.Score) []string {
	precision, recall, f1 := fmt.Sprintf("%.3f", s.Precision), fmt.Sprintf("%.3f", s.Recall), fmt.Sprintf("%.3f", s.F1)
	if s.N == 0 {
		recall, f1 = "–", "–"
	}
	if s.N == 0 || s.Hits+s.False == 0 {
		precision = "–"
	}
	return []string{name, fmt.Sprint(s.N), precision, recall, f1, fmt.Sprint(s.False), fmt.Sprint(s.Missed)}
}

func slipRows(r scoring.Result) [][]string {
	rows := [][]string{{"", "ENTITY OR CLASS", "ID", "LINE", "FROM", "TO"}}
	for _, s := range r.Slips {
		what, from, to := "false", fmt.Sprint(s.Start), fmt.Sprint(s.End)
		if s.Missed {
			what = "missed"
		}
		name := string(s.Entity)
		if s.Entity == "" {
			name, from, to = string(s.Class), "–", "–"
		}
		rows = append(rows, []string{what, name, s.ID, fmt.Sprint(s.Line), from, to})
	}
	return rows
}

// sayWhole prints what is said of documents as a whole.
func sayWhole(r scoring.Result) {
	lines := []string{}
	if len(r.Unscored) > 0 {
		lines = append(lines, "In parentheses: found, and never labelled in this file, so neither right nor wrong.")
	}
	if c := r.Classes; c != nil {
		lines = append(lines, fmt.Sprintf("Documents with exactly the labelled classes: %.3f of %d; among the classes that the file labels: %.3f.", c.Exact, c.Documents, c.Among))
	}
	if n := len(r.Unknown); n > 0 {
		lines = append(lines, fmt.Sprintf("Left out, since --labels does not have them: %d labels, the first is %q.", n, r.Unknown[0].Label))
	}
	if s := r.Secrets; s != nil {
		lines = append(lines, fmt.Sprintf("Secrets: recall %.3f of %d, specificity %.3f of %d.", s.Recall, s.Secrets, s.Specificity, s.Others))
	}
	if c := r.Cases; c != nil {
		lines = append(lines, fmt.Sprintf("Cases of one entity: %d of %d as expected, %.3f.", c.Right, c.Documents, c.Rate))
	}
	if c := r.Clean; c != nil {
		lines = append(lines, fmt.Sprintf("Documents that hold nothing: %d, of which %d (%.2f %%) are called %v.", c.Documents, c.Alarms, 100*c.Rate, words(scoring.Grave())))
	}
	if len(lines) > 0 {
		fmt.Println()
	}
	for _, l := range lines {
		fmt.Println(l)
	}
}

func words(classes []dataclass.Class) string {
	text := ""
	for i, c := range classes {
		switch {
		case i == len(classes)-1:
			text += " or "
		case i > 0:
			text += ", "
		}
		text += string(c)
	}
	return text
}
