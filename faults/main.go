// Command faults breaks what Writ stands on, one thing after another, and sees
// what becomes of the calls: the upstream at every frame, slow and idle
// clients, file descriptors, the disk and its flushes, the clock, the process
// itself, the issuer and the database. It prints the table of docs/faults.md
// and keeps the raw results in faults/results. Run it from the module's root.
//
// Everything runs against real `writ up` processes of the binary as it ships.
// For each fault three books are held against one another: what callers saw,
// what reached the upstream, and what the audit log says. A call that reached
// the upstream without a record, an answer without its record, a forbidden
// call that was let through, or a log that does not verify, make the command
// fail. How long anything took is reported, and never judged.
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

// interposeRole is the first argument of the tracing process.
const interposeRole = "serve-interposed"

// settings are the command line.
type settings struct {
	Only  *regexp.Regexp // rows to perform, by name or group
	Kills int            // how often the process is killed under load
	For   time.Duration  // … and for how long at most; zero: until it was killed that often
	Short bool           // fewer connections, shorter waits: the form that go test runs
	Write bool           // put the table into docs/faults.md
	Dir   string         // where data directories are made
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
	if len(os.Args) > 2 && os.Args[1] == interposeRole {
		return serveInterposed(os.Args[2:])
	}
	cfg, err := parseFlags()
	if err != nil {
		return err
	}
	s, err := newSuite(ctx, cfg, "")
	if err != nil {
		return err
	}
	defer s.close()
	out, err := s.performAll(ctx)
	if err != nil {
		return err
	}
	table := out.table()
	fmt.Print(table)
	if err := out.save(); err != nil {
		return err
	}
	if cfg.Write {
		if err := writeTable(docPath, table); err != nil {
			return err
		}
	}
	return out.verdict()
}

func parseFlags() (settings, error) {
	var s settings
	only := flag.String("only", "", "perform only rows whose group or name matches this `regexp`")
	flag.IntVar(&s.Kills, "kills", 200, "how often to kill the process under load")
	flag.DurationVar(&s.For, "for", 0, "stop killing after this long; 0: not before -kills")
	flag.BoolVar(&s.Short, "short", false, "fewer connections and shorter waits: the form that go test runs")
	flag.BoolVar(&s.Write, "write", false, "put the table into "+docPath)
	flag.StringVar(&s.Dir, "dir", "", "keep data under this `directory`, to break the suite's own disk rather than the temporary one")
	flag.Parse()
	if flag.NArg() > 0 || s.Kills < 1 {
		return s, errors.New("want no arguments, and at least one kill")
	}
	if s.Write && (*only != "" || s.Short) {
		return s, errors.New("-write wants the whole table: leave out -only and -short")
	}
	var err error
	s.Only, err = regexp.Compile(*only)
	return s, err
}
