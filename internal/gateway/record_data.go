package gateway

import (
	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/dataclass"
)

// mostFound is how many findings a record names.
const mostFound = 16

// promptGroup is what a record says of the prompt; nil when nothing is to be
// said: all of it was read, and nothing found.
func (x *exchange) promptGroup() *auditlog.Data {
	if x.prompt.Unscanned == nil && x.prompt.Entities == nil && x.prompt.Classes == nil && x.redacted == 0 {
		return nil
	}
	d := dataGroup(&x.prompt, x.content.found, x.content.where)
	d.Declared, d.Redacted = clipAll(x.asserted.Classes), x.redacted
	return d
}

// outputGroup is what a record says of the answer; nil when nobody looked.
func (x *exchange) outputGroup() *auditlog.Data {
	if !x.answered.read {
		return nil
	}
	d := dataGroup(&x.answered.label, x.answered.found, x.answered.where)
	d.Redacted = x.answered.redacted
	return d
}

// dataGroup says what was found and where, and never what it was.
func dataGroup(l *dataclass.Label, found []classifier.Found, where func(part int) string) *auditlog.Data {
	d := &auditlog.Data{
		Level: l.Level.String(), Regulated: l.Regulated, Unscanned: l.Unscanned, Truncated: l.Truncated,
		Entities: l.Entities, Detectors: l.Detectors,
	}
	for _, c := range l.Classes {
		d.Classes = append(d.Classes, string(c))
	}
	if len(l.Counts) > 0 {
		d.Counts = make(map[string]int, len(l.Counts))
		for c, n := range l.Counts {
			d.Counts[string(c)] = n
		}
	}
	for i := range found {
		f := &found[i]
		if !f.Counts() || f.Class() == "" {
			continue
		}
		if len(d.Findings) == mostFound {
			break
		}
		d.Findings = append(d.Findings, auditlog.Found{
			Entity: string(f.Entity), Where: clip(where(f.Part), maxName), Start: f.Start, End: f.End, Score: f.Score,
		})
	}
	return d
}

// wordWithheld stands in a record for a word that holds what was found.
const wordWithheld = "withheld"

// words are words of the caller's or the model's as a record has them. Where
// something was found in what they come from, none may hold any of it: a tool
// can be called anything.
func (x *exchange) words(l *dataclass.Label, words []string, longest int) []string {
	out := make([]string, len(words))
	for i, w := range words {
		if l.Entities != nil {
			w = x.cleansed(w)
		}
		out[i] = clip(w, longest)
	}
	return out
}

// cleansed is a word with placeholders for what is found in it.
func (x *exchange) cleansed(w string) string {
	parts := []classifier.Part{{Text: []byte(w)}}
	r := x.state.Classifier.Classify(parts, nil)
	if r.Label.Entities == nil {
		return w
	}
	replaced, _ := classifier.NewRedactor().Redact(parts, r.Findings)
	if len(replaced) == 0 || x.state.Classifier.Classify([]classifier.Part{{Text: replaced[0].Text}}, nil).Label.Entities != nil {
		return wordWithheld
	}
	return string(replaced[0].Text)
}
