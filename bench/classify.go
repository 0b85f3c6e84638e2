package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identifier"
	"github.com/writ-project/writ/internal/personal"
	"github.com/writ-project/writ/internal/plaintext"
	"github.com/writ-project/writ/internal/secret"
)

// classifying is what it costs to say what data is in a text, as kept in
// bench/results.
type classifying struct {
	occasion
	Rounds  int          `json:"rounds"`
	Notes   []string     `json:"notes,omitempty"` // what was left out, and why
	Texts   []readText   `json:"texts"`
	Hostile []readText   `json:"hostile"`
	Streams []readStream `json:"streams"`
}

// readText is what one text costs each of the readers.
type readText struct {
	Name    string     `json:"name"`
	Bytes   int        `json:"bytes"`
	Readers []readCost `json:"readers"`
	P50     float64    `json:"p50_us,omitempty"` // everything, on the clock, over many texts of the sort
	P99     float64    `json:"p99_us,omitempty"`
}

// readCost is CPU time in microseconds a KiB.
type readCost struct {
	Reader string    `json:"reader"`
	Median float64   `json:"us_per_kib"`
	Rounds []float64 `json:"rounds"`
}

// readStream is what an answer costs that is read while it passes.
type readStream struct {
	Name     string  `json:"name"`
	PerDelta float64 `json:"us_per_delta"` // CPU
	HeldP50  float64 `json:"held_p50"`     // bytes
	HeldP99  float64 `json:"held_p99"`
	HeldMost float64 `json:"held_most"`
}

// The readers, in the order of the table.
const (
	readIdentifiers = "identifiers"
	readNames       = "names"
	readSecrets     = "secrets"
	readEverything  = "everything"
	readPatterns    = "stdlib regexp, 36 patterns"
	readGitleaks    = "gitleaks"
	readGitleaksRE2 = "gitleaks on RE2"
)

const (
	smallText   = 2 << 10
	largeText   = 1 << 20
	hostileText = 64 << 10
	// smallTexts is how many texts of a sort the percentiles are over, each read
	// once in a round.
	smallTexts = 500
)

// reader says what one scan of a text takes, measured over about d.
type reader struct {
	name string
	cost func(text []byte, d time.Duration) (time.Duration, error)
}

func measureClassifying(ctx context.Context, s settings) (_ *classifying, err error) {
	dir, err := os.MkdirTemp(s.Dir, "writ-bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	out := &classifying{Rounds: s.Rounds}
	if out.occasion, err = describeOccasion(dir); err != nil {
		return nil, err
	}
	c, err := classifier.New(nil)
	if err != nil {
		return nil, err
	}
	readers := ownReaders(c)
	for _, tag := range []string{"", "gore2regex"} {
		g, why := startGitleaks(ctx, dir, tag)
		if why != nil {
			out.Notes = append(out.Notes, fmt.Sprintf("%s is not measured: %v.", gitleaksName(tag), why))
			continue
		}
		defer func() { err = errors.Join(err, g.close()) }()
		readers = append(readers, reader{gitleaksName(tag), g.cost})
	}
	return out, out.readEach(ctx, s, c, readers)
}

func (out *classifying) readEach(ctx context.Context, s settings, c *classifier.Classifier, readers []reader) error {
	for _, t := range textSorts {
		for _, size := range []int{smallText, largeText} {
			row, err := s.readAll(ctx, t, size, readers)
			if err != nil {
				return err
			}
			if size == smallText {
				row.P50, row.P99 = percentiles(c, t, s.Rounds)
			}
			out.Texts = append(out.Texts, row)
		}
		out.Streams = append(out.Streams, streamed(c, t))
	}
	for _, t := range hostile {
		row, err := s.readAll(ctx, t, hostileText, readers)
		if err != nil {
			return err
		}
		out.Hostile = append(out.Hostile, row)
	}
	return nil
}

// readAll lets the readers take turns at a text.
func (s settings) readAll(ctx context.Context, t textSort, size int, readers []reader) (readText, error) {
	row := readText{Name: t.name, Bytes: size}
	fmt.Fprintf(os.Stderr, "reading %s, %d KiB …\n", t.name, size>>10)
	text := t.text(1, size)
	for _, r := range readers {
		row.Readers = append(row.Readers, readCost{Reader: r.name})
	}
	for round := range s.Rounds {
		for i := range readers {
			at := (i + round) % len(readers)
			if ctx.Err() != nil {
				return row, ctx.Err()
			}
			took, err := readers[at].cost(text, s.Time/6)
			if err != nil {
				return row, fmt.Errorf("%s: %w", readers[at].name, err)
			}
			row.Readers[at].Rounds = append(row.Readers[at].Rounds, took.Seconds()*1e6/(float64(len(text))/1024))
		}
	}
	for i := range row.Readers {
		row.Readers[i].Median = middle(slices.Clone(row.Readers[i].Rounds))
	}
	return row, nil
}

// ownReaders are Writ's detectors, one by one and all together, and the
// expressions beside them. Each prepares the text as it has to.
func ownReaders(c *classifier.Classifier) []reader {
	patterns := compilePatterns()
	return []reader{
		{readIdentifiers, repeated(func(b []byte) error { identifiers(b); return nil })},
		{readNames, repeated(func(b []byte) error {
			t, found, budget := identifiers(b)
			personal.Scan(nil, t, found, budget)
			return nil
		})},
		{readSecrets, repeated(func(b []byte) error {
			_, err := secret.Scan(nil, prepared(b), ample())
			return err
		})},
		{readEverything, repeated(func(b []byte) error { c.Text(b); return nil })},
		{readPatterns, repeated(func(b []byte) error { patterns.scan(b); return nil })},
	}
}

func ample() *dataclass.Budget {
	return &dataclass.Budget{Findings: 4096, Phones: 256, Patterns: 64 << 20, Decodings: 8 << 20}
}

func prepared(b []byte) *dataclass.Text {
	view := plaintext.Normalise(b)
	t := &dataclass.Text{Bytes: view.Text}
	t.Names, t.Fields = plaintext.Fields(t.Bytes)
	return t
}

// identifiers are found without validating telephone numbers, which costs by the
// number and not by the text, and is a part of everything.
func identifiers(b []byte) (*dataclass.Text, []dataclass.Finding, *dataclass.Budget) {
	t, budget := prepared(b), ample()
	budget.Phones = 0
	return t, identifier.Scan(nil, t, budget), budget
}

// repeated measures a scan in this process, once warm.
func repeated(scan func([]byte) error) func([]byte, time.Duration) (time.Duration, error) {
	return func(text []byte, d time.Duration) (time.Duration, error) {
		if err := scan(text); err != nil {
			return 0, err
		}
		until, cpu, n := time.Now().Add(d), ownCPU(), time.Duration(0)
		for n == 0 || time.Now().Before(until) {
			if err := scan(text); err != nil {
				return 0, err
			}
			n++
		}
		return (ownCPU() - cpu) / n, nil
	}
}

// percentiles are of single texts on the clock, each its best of the rounds, so
// that what else the machine did is not taken for the text's cost.
func percentiles(c *classifier.Classifier, t textSort, rounds int) (p50, p99 float64) {
	best := make([]float64, smallTexts)
	for round := range rounds {
		for i := range best {
			text := t.text(i+2, smallText)
			began := time.Now()
			c.Text(text)
			if took := time.Since(began).Seconds() * 1e6; round == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	return quantileOf(best, 0.5), quantileOf(best, 0.99)
}

// streamed reads an answer in pieces of a token's length as it passes.
func streamed(c *classifier.Classifier, t textSort) readStream {
	const piece = 4
	text := t.text(1, 16<<10)
	var held []float64
	stream, cpu := c.Stream(), ownCPU()
	for at := 0; at < len(text); at += piece {
		end := min(at+piece, len(text))
		stream.Add("0", text[at:end])
		stream.Read()
		held = append(held, float64(end-stream.Settled("0")))
	}
	stream.Close("0")
	return readStream{
		Name: t.name, PerDelta: (ownCPU() - cpu).Seconds() * 1e6 / float64(len(held)),
		HeldP50: quantileOf(held, 0.5), HeldP99: quantileOf(held, 0.99), HeldMost: slices.Max(held),
	}
}

// gitleaks is the program in bench/gitleaks, at work.
type gitleaks struct {
	cmd       *exec.Cmd
	questions io.WriteCloser
	answers   *bufio.Reader
}

func gitleaksName(tag string) string {
	if tag == "" {
		return readGitleaks
	}
	return readGitleaksRE2
}

// startGitleaks builds it, with the tag that gives it RE2 or without, and
// believes nothing but what it says of itself.
func startGitleaks(ctx context.Context, dir, tag string) (*gitleaks, error) {
	program := filepath.Join(dir, "gitleaks"+tag)
	if text, err := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join("bench", "gitleaks"), "-tags", tag, "-o", program, ".").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building it: %w: %.200s", err, text)
	}
	g := &gitleaks{cmd: exec.CommandContext(ctx, program)}
	g.cmd.Stderr = os.Stderr
	var err error
	if g.questions, err = g.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	answers, err := g.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	g.answers = bufio.NewReader(answers)
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	var built struct {
		Regexp string `json:"regexp"`
	}
	if err := g.answer(&built); err != nil {
		return nil, errors.Join(err, g.close())
	}
	if (built.Regexp == "stdlib") != (tag == "") {
		return nil, errors.Join(fmt.Errorf("it was built with %q", built.Regexp), g.close())
	}
	return g, nil
}

func (g *gitleaks) answer(v any) error {
	line, err := g.answers.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, v)
}

func (g *gitleaks) cost(text []byte, d time.Duration) (time.Duration, error) {
	question := struct {
		Text string `json:"text"`
		NS   int64  `json:"ns"`
	}{string(text), d.Nanoseconds()}
	if err := json.NewEncoder(g.questions).Encode(question); err != nil {
		return 0, err
	}
	var answer struct {
		NS int64 `json:"ns"`
	}
	err := g.answer(&answer)
	return time.Duration(answer.NS), err
}

func (g *gitleaks) close() error { return errors.Join(g.questions.Close(), g.cmd.Wait()) }
