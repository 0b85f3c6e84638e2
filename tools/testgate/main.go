// Testgate reads `go test -json` on standard input, shows what failed, and
// holds the tree to one rule more than go test does: a test that skips has
// failed, since a prerequisite that is missing proves nothing.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// event is one line of the stream (go doc cmd/test2json).
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

// tally is what has been seen so far.
type tally struct {
	out                     io.Writer
	passed, failed, skipped int
	broken                  []string            // packages that failed without a failing test
	output                  map[string][]string // per package and test, until it is decided
	failing                 map[string]bool     // packages with a failing test
}

func main() {
	t := &tally{out: os.Stdout, output: map[string][]string{}, failing: map[string]bool{}}
	if err := t.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "error: reading the test events:", err)
		os.Exit(2)
	}
	if !t.verdict() {
		os.Exit(1)
	}
}

func (t *tally) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(t.out, lines.Text()) // not an event: a tool's own words
			continue
		}
		t.take(e)
	}
	return lines.Err()
}

func (t *tally) take(e event) {
	key := e.Package + e.ImportPath + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		t.output[key] = append(t.output[key], e.Output)
		return
	case "pass":
		if e.Test == "" {
			fmt.Fprintf(t.out, "ok    %s %v\n", e.Package, time.Duration(e.Elapsed*float64(time.Second)).Round(time.Millisecond))
		} else {
			t.passed++
		}
	case "skip":
		if e.Test != "" {
			t.skipped++
			t.show("SKIP", key, e)
		}
	case "fail", "build-fail":
		t.fail(key, e)
	default:
		return
	}
	delete(t.output, key)
}

func (t *tally) fail(key string, e event) {
	switch {
	case e.Test != "":
		t.failed++
		t.failing[e.Package] = true
	case !t.failing[e.Package]:
		t.broken = append(t.broken, e.Package+e.ImportPath)
	}
	t.show("FAIL", key, e)
}

func (t *tally) show(word, key string, e event) {
	fmt.Fprintf(t.out, "%s  %s%s %s\n", word, e.Package, e.ImportPath, e.Test)
	fmt.Fprint(t.out, strings.Join(t.output[key], ""))
}

// verdict prints the closing lines and reports whether all is well.
func (t *tally) verdict() bool {
	slices.Sort(t.broken)
	for _, p := range slices.Compact(t.broken) {
		t.failed++
		fmt.Fprintln(t.out, "FAIL ", p)
	}
	if t.skipped > 0 {
		fmt.Fprintln(t.out, "error: tests were skipped; the test command needs every prerequisite")
		fmt.Fprintln(t.out, "hint: tools/prerequisites says what is missing")
	}
	fmt.Fprintf(t.out, "%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	return t.failed == 0 && t.skipped == 0 && t.passed > 0
}
