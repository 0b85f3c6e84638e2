// Command gitleaks measures gitleaks, as a library, on texts that the bench
// gives it, beside which Writ is measured. It is a module of its own, so that
// Writ's never has its dependencies. Built with the tag gore2regex it uses RE2
// for its rules, otherwise Go's own regular expressions.
//
// A line of standard input is {"text": "…", "ns": 100000000}: the text is
// scanned again and again for so long, and the answer is a line with the CPU
// time that one scan takes, {"ns": 12345, "found": 0}. The first line it writes
// says which regular expressions it was built with.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/regexp"
)

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

type question struct {
	Text string `json:"text"`
	NS   int64  `json:"ns"`
}

type answer struct {
	NS    int64 `json:"ns"`
	Found int   `json:"found"`
}

func serve(in io.Reader, out io.Writer) error {
	zerolog.SetGlobalLevel(zerolog.Disabled)
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return err
	}
	// As a request path has to set it: text may not excuse itself, and one
	// level of encoding is looked into.
	d.IgnoreGitleaksAllow, d.MaxDecodeDepth = true, 1
	fmt.Fprintf(out, "{%q:%q}\n", "regexp", regexp.Version)
	questions, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var q question
		switch err := questions.Decode(&q); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := answers.Encode(measure(d, q)); err != nil {
			return err
		}
	}
}

func measure(d *detect.Detector, q question) (a answer) {
	d.DetectString(q.Text)
	until := time.Now().Add(time.Duration(q.NS))
	cpu, n := cpuTime(), int64(0)
	for n == 0 || time.Now().Before(until) {
		a.Found = len(d.DetectString(q.Text))
		n++
	}
	a.NS = (cpuTime() - cpu).Nanoseconds() / n
	return a
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
