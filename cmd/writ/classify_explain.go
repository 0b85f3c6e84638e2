package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/dataclass"
)

type classifyExplainCmd struct {
	ownLabels
	Text string `arg:"" optional:"" help:"The text, or - for standard input, which is the default." default:"-"`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (c *classifyExplainCmd) Help() string {
	return `For each finding: what and where, how sure and why. Detector is what found it,
check what confirmed it (a check digit, a country's format, entropy), cue the word
or the field name that spoke for it, rule the secret's rule or your own label.
What is merely possible is listed too, with the reason why it does not count:

  writ classify explain 'My SSN is 536-90-4399.'
  writ classify explain 'Ticket 536904399 is open.'

An argument stays in the shell's history, and others on the machine may see it:
give what is real on standard input.`
}

func (c *classifyExplainCmd) Run() error {
	detectors, err := c.classifier()
	if err != nil {
		return err
	}
	text := []byte(c.Text)
	if c.Text == "-" {
		if text, err = readDocument("-"); err != nil {
			return err
		}
	}
	r, offsets := classifyDocument(detectors, text)
	e := explained(r, string(text), offsets)
	if c.JSON {
		return printJSON(e)
	}
	return e.print(r)
}

// classifyExplained is the JSON of an explanation; a contract.
type classifyExplained struct {
	Level      string            `json:"level"`
	Because    []string          `json:"because"` // what the level stands on
	Classes    []dataclass.Class `json:"classes"`
	Regulated  bool              `json:"regulated"`
	Confidence int               `json:"confidence"`
	Unscanned  []string          `json:"unscanned"`
	Hidden     bool              `json:"hidden"`
	Redactable bool              `json:"redactable"`
	Detectors  string            `json:"detectors"`
	Findings   []explainedOne    `json:"findings"`
}

type explainedOne struct {
	Type     dataclass.Entity `json:"type"`
	Start    *int             `json:"start,omitempty"` // code points; absent within a file that is no text
	End      *int             `json:"end,omitempty"`
	Score    float64          `json:"score"`
	Words    string           `json:"words"`
	Class    dataclass.Class  `json:"class,omitempty"`
	Counts   bool             `json:"counts"`
	Why      string           `json:"why,omitempty"` // it does not count
	Detector string           `json:"detector"`
	Check    string           `json:"check,omitempty"`
	Cue      string           `json:"cue,omitempty"`
	Rule     string           `json:"rule,omitempty"`
	Encoded  string           `json:"encoded,omitempty"`
}

func explained(r classifier.Result, text string, offsets bool) classifyExplained {
	l := r.Label
	e := classifyExplained{
		Level: l.Level.String(), Classes: slices.Concat([]dataclass.Class{}, l.Classes), Regulated: l.Regulated, Confidence: l.Confidence,
		Unscanned: slices.Concat([]string{}, l.Unscanned), Hidden: r.Hidden, Redactable: l.Redactable, Detectors: l.Detectors, Findings: []explainedOne{},
	}
	at := places(r.Findings, text)
	for i, f := range r.Findings {
		one := explainedOne{
			Type: f.Entity, Score: share(f.Score), Words: inWords(f.Score), Class: f.Class(),
			Detector: f.Detector, Check: f.Check, Cue: f.Cue, Rule: f.Rule, Encoded: f.By,
		}
		if offsets {
			one.Start, one.End = &at[2*i], &at[2*i+1]
		}
		one.Why = whyNot(f.Finding, l)
		one.Counts = one.Why == ""
		e.Findings = append(e.Findings, one)
	}
	e.Because = reasons(l)
	return e
}

// whyNot says why a finding implies no class, if it does not.
func whyNot(f dataclass.Finding, l dataclass.Label) string {
	switch class := f.Class(); {
	case !f.Counts():
		return fmt.Sprintf("merely possible: %.2f is needed", share(dataclass.Likely))
	case class == "":
		return "a fact that is of no class"
	case !slices.Contains(l.Classes, class):
		return "nobody is named whom it could be about"
	}
	return ""
}

// reasons are what a level stands on: the classes that are as high, and what
// was not read.
func reasons(l dataclass.Label) []string {
	out := []string{}
	for _, c := range l.Classes {
		if c.Level() == l.Level || strings.HasPrefix(string(c), "custom:") {
			out = append(out, string(c))
		}
	}
	for _, u := range l.Unscanned {
		out = append(out, "unscanned: "+u)
	}
	return out
}

func (e *classifyExplained) print(r classifier.Result) error {
	fmt.Printf("level: %s", levelLine(r.Label))
	if len(e.Because) > 0 {
		fmt.Printf(", by %s", strings.Join(e.Because, ", "))
	}
	fmt.Println()
	sayUnread(os.Stdout, r)
	if len(e.Findings) == 0 {
		fmt.Println("nothing was found, and nothing is possible")
		return nil
	}
	fmt.Println()
	rows := [][]string{{"ENTITY", "FROM", "TO", "SCORE", "CLASS", "DETECTOR", "CHECK", "CUE", "RULE", "ENCODED", ""}}
	for _, f := range e.Findings {
		rows = append(rows, f.row())
	}
	return table(os.Stdout, rows...)
}

func (f *explainedOne) row() []string {
	from, to := "–", "–"
	if f.Start != nil {
		from, to = fmt.Sprint(*f.Start), fmt.Sprint(*f.End)
	}
	row := []string{string(f.Type), from, to, fmt.Sprintf("%s %.2f", f.Words, f.Score), string(f.Class), f.Detector, f.Check, f.Cue, f.Rule, f.Encoded}
	for i := range row {
		row[i] = cmp.Or(row[i], "–")
	}
	if f.Why != "" {
		return append(row, "does not count: "+f.Why)
	}
	return append(row, "")
}
