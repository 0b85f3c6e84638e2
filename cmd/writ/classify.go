package main

import (
	"errors"
	"fmt"

	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/manifest"
)

type classifyCmd struct {
	Text    classifyTextCmd    `cmd:"" default:"withargs" help:"Classify texts: the verb without a further word."`
	Eval    classifyEvalCmd    `cmd:"" help:"Score the classifier on labelled documents of your own."`
	Explain classifyExplainCmd `cmd:"" help:"Say what was found in a text, by what, and what it comes to."`
}

func (c *classifyCmd) Help() string {
	return `Says what data is in a text, as the gateway sees it: which entities, of which
classes, at which level. Nothing is sent anywhere, and no server is asked. What
was found is told by its place; the text itself is never printed.

  writ classify prompt.txt
  printf '%s\n' '{"id":"1","text":"card 4012 8888 8888 1881"}' | writ classify --json
  writ classify explain 'My SSN is 536-90-4399.'
  writ classify eval labelled.jsonl --labels labels.json

writ classify text --help says what --json reads and answers.`
}

// ownLabels are the organisation's labels, for verbs that classify.
type ownLabels struct {
	File []string `short:"f" help:"Look for the labels of these manifests too: a file or a directory with kind DataLabel; may be repeated." placeholder:"PATH"`
}

// classifier makes the classifier that a verb asks.
func (o *ownLabels) classifier() (*classifier.Classifier, error) {
	var labels []dataclass.CustomLabel
	for _, path := range o.File {
		found, err := labelsIn(path)
		if err != nil {
			return nil, err
		}
		labels = append(labels, found...)
	}
	return classifier.New(labels)
}

func labelsIn(path string) (labels []dataclass.CustomLabel, err error) {
	err = eachResource(path, func(_ string, r manifest.Resource) {
		if l, ok := r.Spec.(*dataclass.CustomLabel); ok {
			labels = append(labels, *l)
		}
	})
	if err != nil {
		return nil, err
	}
	if len(labels) == 0 {
		return nil, withHint(errors.New("no DataLabel in "+path), "kind: DataLabel, with words or patterns in its spec")
	}
	return labels, nil
}

// inWords is how sure a score is, in the words of the three steps.
func inWords(score int) string {
	switch {
	case score >= dataclass.VeryLikely:
		return "very likely"
	case score >= dataclass.Likely:
		return "likely"
	}
	return "possible"
}

// share is a score on the scale from 0 to 1 that other classifiers use.
func share(score int) float64 { return float64(score) / 100 }

// levelLine says what a label comes to, on one line.
func levelLine(l dataclass.Label) string {
	text := l.Level.String()
	if l.Regulated {
		text += fmt.Sprintf(", regulated (at least %s, %.2f)", inWords(l.Confidence), share(l.Confidence))
	}
	return text
}
