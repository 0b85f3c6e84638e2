package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// kept is what bench/results holds: the newest run of the rows, and the last
// soak, build, analysis of rights, crowd of people and classifying. The document's
// tables are a function of it.
type kept struct {
	Run      *results
	Soak     *soak
	Build    *build
	IAM      *iam
	People   *people
	Classify *classifying
	Money    *money
}

const (
	docPath      = "docs/benchmarks.md"
	resultsDir   = "bench/results"
	soakFile     = "soak.json"
	buildFile    = "build.json"
	iamFile      = "iam.json"
	peopleFile   = "people.json"
	classifyFile = "classify.json"
	moneyFile    = "money.json"
	beginMark    = "<!-- table: begin; written by `go run ./bench -write` -->\n"
	endMark      = "<!-- table: end -->"
)

func loadKept() (k kept, err error) {
	files, err := os.ReadDir(resultsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return k, err
	}
	for _, f := range files {
		var err error
		path := filepath.Join(resultsDir, f.Name())
		switch name := f.Name(); {
		case name == soakFile:
			k.Soak, err = read[soak](path)
		case name == buildFile:
			k.Build, err = read[build](path)
		case name == iamFile:
			k.IAM, err = read[iam](path)
		case name == peopleFile:
			k.People, err = read[people](path)
		case name == classifyFile:
			k.Classify, err = read[classifying](path)
		case name == moneyFile:
			k.Money, err = read[money](path)
		case filepath.Ext(name) == ".json":
			var r *results
			if r, err = read[results](path); err == nil && (k.Run == nil || r.At.After(k.Run.At)) {
				k.Run = r
			}
		}
		if err != nil {
			return k, err
		}
	}
	return k, nil
}

func read[T any](path string) (*T, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return &v, nil
}

// save keeps what was just measured: the rows under the commit's name, anything
// else in the place of the last one.
func (k kept) save(s settings) error {
	var v any
	name := ""
	switch {
	case s.Soak:
		v, name = k.Soak, soakFile
	case s.Build:
		v, name = k.Build, buildFile
	case s.IAM:
		v, name = k.IAM, iamFile
	case s.People:
		v, name = k.People, peopleFile
	case s.Classify:
		v, name = k.Classify, classifyFile
	case s.Money:
		v, name = k.Money, moneyFile
	default:
		v, name = k.Run, k.Run.Commit+".json"
		if k.Run.Dirty {
			name = k.Run.Commit + "-dirty.json"
		}
	}
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	if err := os.MkdirAll(resultsDir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(resultsDir, name), append(text, '\n'), 0o644)
}

// table is everything in Markdown: the rows, what they come to beside the
// targets, the soak and the build, and the analysis of rights.
func (k kept) table() string {
	var b strings.Builder
	var goals []goal
	if k.Run != nil {
		b.WriteString(k.Run.table())
		goals = k.Run.goals()
	}
	goals = append(append(goals, k.Soak.goals()...), k.Build.goals()...)
	writeGoals(&b, goals)
	if k.Soak != nil {
		b.WriteString("\n" + k.Soak.table())
	}
	if k.Build != nil {
		b.WriteString("\n" + k.Build.table())
	}
	if k.IAM != nil {
		b.WriteString("\n## The rights analysis\n\n" + k.IAM.table())
	}
	if k.People != nil {
		b.WriteString("\n## People and grants\n\n" + k.People.table())
	}
	if k.Classify != nil {
		b.WriteString("\n## What data is in a text\n\n" + k.Classify.table())
	}
	if k.Money != nil {
		b.WriteString("\n## Budgets\n\n" + k.Money.table())
	}
	return b.String()
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
