// Command bench measures Writ beside what it is compared with, in one run and
// on one machine: the bare stand-in for Bedrock, a tuned Go reverse proxy in
// front of it, and `writ up` with everything on. It prints the table of
// docs/benchmarks.md and keeps the raw results, with their commit, in
// bench/results. Run it from the module's root.
//
// Each target is a process of its own, so that its CPU time can be read from
// the kernel. Targets take turns in short rounds, so that a slow moment of the
// machine meets all of them, and the median round counts. Nothing here is
// trusted to be fast: ratios within a run say more than any figure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

// settings are the command line.
type settings struct {
	Rounds int           // per row and target
	Time   time.Duration // of one round, after its warm-up
	Only   *regexp.Regexp
	Write  bool   // put the table into docs/benchmarks.md
	Dir    string // where the data directory and the log are made; empty means the system's temporary directory
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if len(os.Args) == 3 && os.Args[1] == proxyRole {
		return serveProxy(os.Args[2])
	}
	if len(os.Args) == 2 && os.Args[1] == standInRole {
		return serveStandIn()
	}
	s, err := parseFlags()
	if err != nil {
		return err
	}
	results, err := measure(ctx, s)
	if err != nil {
		return err
	}
	table := results.table()
	fmt.Print(table)
	if err := results.save(); err != nil {
		return err
	}
	if s.Write {
		return writeTable(docPath, table)
	}
	return nil
}

func parseFlags() (settings, error) {
	var s settings
	only := flag.String("only", "", "measure only rows whose name matches this `regexp`: converse c=1, converse c=64, stream c=1, stream c=64, decision")
	flag.IntVar(&s.Rounds, "rounds", 5, "rounds per row and target; the median counts")
	flag.DurationVar(&s.Time, "time", 1500*time.Millisecond, "length of a round")
	flag.BoolVar(&s.Write, "write", false, "put the table into "+docPath)
	flag.StringVar(&s.Dir, "dir", "", "keep the gateway's data under this `directory`, to measure with its disk")
	flag.Parse()
	if flag.NArg() > 0 || s.Rounds < 1 || s.Time < 50*time.Millisecond {
		return s, errors.New("want no arguments, at least one round, and at least 50ms each")
	}
	if s.Write && *only != "" {
		return s, errors.New("-write wants the whole table: leave out -only")
	}
	var err error
	s.Only, err = regexp.Compile(*only)
	return s, err
}
