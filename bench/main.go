// Command bench measures Writ beside what it is compared with, in one run and
// on one machine: the bare stand-in for Bedrock, a tuned Go reverse proxy and
// nginx in front of it, and `writ up` with everything on. It prints the tables
// of docs/benchmarks.md and keeps the raw results, with their commit, in
// bench/results. Run it from the module's root.
//
// Each target is a process of its own, so that its CPU time and memory can be
// read from the kernel. Targets take turns in short rounds, so that a slow
// moment of the machine meets all of them, and the median round counts. Nothing
// here is trusted to be fast: ratios within a run say more than any figure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// settings are the command line.
type settings struct {
	Rounds   int           // per row and target
	Time     time.Duration // of one round, after its warm-up
	Only     *regexp.Regexp
	Write    bool   // put the tables into docs/benchmarks.md
	Dir      string // where the data directory and the log are made; empty means the system's temporary directory
	Short    bool   // a look at whether everything works: nothing is kept
	Partly   bool   // Only leaves something out: nothing is kept
	Soak     bool
	Calls    int // of the soak
	Build    bool
	IAM      bool
	People   bool
	Classify bool
	Money    bool
	Search   time.Duration // how long to look for texts that are dear to classify
	// Postgres and SQLite are stores of a People run that are there already.
	Postgres, SQLite string
}

func main() {
	if err := play(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// play is one of this program's roles: a target, or the measuring itself.
func play(args []string) error {
	if len(args) == 2 && args[0] == proxyRole {
		return serveProxy(args[1])
	}
	if len(args) == 1 && args[0] == standInRole {
		return serveStandIn()
	}
	if len(args) > 0 && strings.HasPrefix(args[0], iamRole) {
		return serveIAM(args)
	}
	// Only now: a target that catches the signal would not end at it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx)
}

func run(ctx context.Context) error {
	s, err := parseFlags()
	if err != nil {
		return err
	}
	if s.Search > 0 {
		return search(ctx, s.Search, os.Stdout)
	}
	k, err := loadKept()
	if err != nil {
		return err
	}
	switch {
	case s.Soak:
		k.Soak, err = measureSoak(ctx, s)
	case s.Build:
		k.Build, err = measureBuild(ctx, s)
	case s.IAM:
		k.IAM, err = measureIAM(ctx, s)
	case s.People:
		k.People, err = measurePeople(ctx, s)
	case s.Classify:
		k.Classify, err = measureClassifying(ctx, s)
	case s.Money:
		k.Money, err = measureMoney(ctx, s)
	default:
		k.Run, err = measure(ctx, s)
	}
	if err != nil {
		return err
	}
	return k.report(s)
}

// report prints what was measured, and keeps it when it is whole.
func (k kept) report(s settings) error {
	switch {
	case s.Soak:
		fmt.Print(k.Soak.table())
	case s.Build:
		fmt.Print(k.Build.table())
	case s.IAM:
		fmt.Print(k.IAM.table())
	case s.People:
		fmt.Print(k.People.table())
	case s.Classify:
		fmt.Print(k.Classify.table())
	case s.Money:
		fmt.Print(k.Money.table())
	default:
		fmt.Print(k.table())
	}
	if s.Short || s.Partly {
		return nil
	}
	if err := k.save(s); err != nil {
		return err
	}
	if s.Write {
		return writeTable(docPath, k.table())
	}
	return nil
}

// runs counts the separate runs that are asked for.
func (s settings) runs() (n int) {
	for _, on := range []bool{s.Soak, s.Build, s.IAM, s.People, s.Classify, s.Money} {
		if on {
			n++
		}
	}
	return n
}

func parseFlags() (settings, error) {
	var s settings
	only := flag.String("only", "", "measure only rows whose name matches this `regexp`: converse c=1, converse c=64, stream c=1, stream c=64, paced c=1, paced c=16, body 1MB, body 20MB, open streams, body memory, decision; with -iam: who-can, matrix, compare, accounts")
	flag.IntVar(&s.Rounds, "rounds", 7, "rounds per row and target; the median counts")
	flag.DurationVar(&s.Time, "time", 600*time.Millisecond, "length of a round")
	flag.BoolVar(&s.Short, "short", false, "see in under a minute that everything works; keeps no results")
	flag.BoolVar(&s.Soak, "soak", false, "instead of the rows, make a day's calls as fast as they go, and watch memory")
	flag.IntVar(&s.Calls, "calls", soakCalls, "calls of the soak: `N` at 10 a second are a day")
	flag.BoolVar(&s.Build, "build", false, "instead of the rows, measure a cold build, the binary's size and its start")
	flag.BoolVar(&s.IAM, "iam", false, "instead of the rows, measure the analysis of AWS rights")
	flag.BoolVar(&s.People, "people", false, "instead of the rows, measure 100,000 identities and 1,000,000 grants on PostgreSQL and SQLite; 3 GB of disk")
	flag.BoolVar(&s.Classify, "classify", false, "instead of the rows, measure what it costs to say what data is in a text, beside regular expressions and gitleaks")
	flag.BoolVar(&s.Money, "money", false, "instead of the rows, measure what budgets cost a call, and hammer one of a dollar at two replicas on PostgreSQL")
	flag.DurationVar(&s.Search, "search", 0, "instead of the rows, look so long for texts that are dear to classify; keeps no results")
	flag.StringVar(&s.Postgres, "postgres", "", "with -people: a database by its `dsn`, empty or filled by an earlier run; by default one is started")
	flag.StringVar(&s.SQLite, "sqlite", "", "with -people: a database `file`, likewise")
	flag.BoolVar(&s.Write, "write", false, "put the tables into "+docPath)
	flag.StringVar(&s.Dir, "dir", "", "keep the gateway's data under this `directory`, to measure with its disk")
	flag.Parse()
	if s.Short {
		s.Rounds, s.Time, s.Calls = 1, 150*time.Millisecond, soakShort
	}
	if flag.NArg() > 0 || s.Rounds < 1 || s.Time < 50*time.Millisecond || s.Calls < soakHours {
		return s, errors.New("want no arguments, at least one round of at least 50ms, and at least 24 calls")
	}
	s.Partly = *only != ""
	if s.Write && (s.Partly || s.Short) || s.runs() > 1 {
		return s, errors.New("-write wants the whole: leave out -only and -short; -soak, -build, -iam, -people, -classify and -money are separate runs")
	}
	var err error
	s.Only, err = regexp.Compile(*only)
	return s, err
}
