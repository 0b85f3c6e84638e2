package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/dataclass"
)

type classifyTextCmd struct {
	ownLabels
	Files []string `arg:"" optional:"" name:"file" help:"Files, gz of them, or - for standard input, which is the default."`
	JSON  bool     `name:"json" help:"Read JSON lines with id and text, and answer each with a JSON line."`
	Show  bool     `help:"Show the text of what was found, on a terminal only."`
}

func (c *classifyTextCmd) Help() string {
	return `Each file is one document, also a pdf, docx or xlsx; what was found is a line each,
with its place in characters:

  writ classify prompt.txt
  pbpaste | writ classify

With --json each line of the input is a document, and each line of the output its
answer. Offsets count Unicode code points, the end exclusive; scores go from 0 to 1;
the id may be a string, a number or absent:

  $ echo '{"id":"7","text":"Mail to ana.ruiz@example.org"}' | writ classify --json
  {"id":"7","entities":[{"type":"EMAIL","start":8,"end":28,"score":0.9}],"classes":["personal_contact"],…

"unscanned" says why something could not be read: such a text is restricted, and
never called clean. -f adds your own labels, from the manifests that the gateway has.

Exit status 0: done, whatever was found; 2: it could not be done, or not for every
line, in which case stderr names the lines.`
}

func (c *classifyTextCmd) Run() error {
	if c.Show && (c.JSON || !terminal(os.Stdout)) {
		return withHint(errors.New("--show prints what was found, on a terminal only"), "leave it out: the offsets say where to look")
	}
	detectors, err := c.classifier()
	if err != nil {
		return err
	}
	if len(c.Files) == 0 {
		c.Files = []string{"-"}
	}
	wrong := 0
	for i, name := range c.Files {
		if c.JSON {
			n, err := c.lines(detectors, name)
			if wrong += n; err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Println()
		}
		if err := c.document(detectors, name); err != nil {
			return err
		}
	}
	if wrong > 0 {
		return withHint(fmt.Errorf("%d lines were not classified", wrong), `--json reads a JSON object a line, {"id": "1", "text": "…"}; without it a file is one text`)
	}
	return nil
}

func (c *classifyTextCmd) lines(detectors *classifier.Classifier, name string) (int, error) {
	f, err := openFile(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return classifyLines(detectors, name, f, os.Stdout)
}

// document prints what is in one file.
func (c *classifyTextCmd) document(detectors *classifier.Classifier, name string) error {
	text, err := readDocument(name)
	if err != nil {
		return err
	}
	r, offsets := classifyDocument(detectors, text)
	fmt.Printf("%s: %s\n", name, levelLine(r.Label))
	rows := [][]string{{"ENTITY", "FROM", "TO", "SCORE", "CLASS"}}
	if c.Show {
		rows[0] = append(rows[0], "TEXT")
	}
	found := sure(r.Findings)
	at := places(found, string(text))
	for i, f := range found {
		row := []string{string(f.Entity), "–", "–", fmt.Sprintf("%.2f", share(f.Score)), classWord(f.Finding)}
		if offsets {
			row[1], row[2] = fmt.Sprint(at[2*i]), fmt.Sprint(at[2*i+1])
		}
		if c.Show && offsets {
			row = append(row, visible(string(text[f.Start:f.End])))
		}
		rows = append(rows, row)
	}
	if len(rows) > 1 {
		if err := table(os.Stdout, rows...); err != nil {
			return err
		}
	}
	sayUnread(os.Stdout, r)
	return nil
}

// classifyDocument classifies a text, or what can be read of a file that is
// none, in which nothing has an offset.
func classifyDocument(c *classifier.Classifier, text []byte) (r classifier.Result, offsets bool) {
	if utf8.Valid(text) {
		return c.Text(text), true
	}
	coded := base64.StdEncoding.EncodeToString(text)
	r = c.Classify([]classifier.Part{{Text: []byte(coded), File: true}}, nil)
	return r, false
}

// sayUnread says what the label stands on that is no finding.
func sayUnread(w io.Writer, r classifier.Result) {
	if len(r.Label.Unscanned) > 0 {
		fmt.Fprintf(w, "unscanned: %s (what was not read is restricted, never clean)\n", strings.Join(r.Label.Unscanned, ", "))
	}
	if r.Hidden {
		fmt.Fprintln(w, "hidden: characters that hide or disguise others were taken away before reading")
	}
}

func classWord(f dataclass.Finding) string {
	if c := f.Class(); c != "" {
		return string(c)
	}
	return "–"
}

// visible is text that a terminal prints as it is.
func visible(s string) string {
	quoted := fmt.Sprintf("%q", s)
	return quoted[1 : len(quoted)-1]
}

func readDocument(name string) ([]byte, error) {
	f, err := openFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostLine+1))
	if err == nil && len(text) > mostLine {
		err = fmt.Errorf("%s: %w", name, errLongLine)
	}
	return text, err
}
