package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// suite is one run of the rows.
type suite struct {
	cfg    settings
	dir    string
	binary string // of writ
	self   string // of this program, for the role of the tracer

	mu     sync.Mutex
	owned  []func()         // what to end and remove
	common map[string]*site // by group: what rows share that need no restart
}

// newSuite makes the suite's directory. binary is a writ to use; empty has one
// built.
func newSuite(ctx context.Context, cfg settings, binary string) (*suite, error) {
	dir, err := os.MkdirTemp(cfg.Dir, "writ-faults")
	if err != nil {
		return nil, err
	}
	s := &suite{cfg: cfg, dir: dir, binary: binary, common: make(map[string]*site)}
	s.self, err = os.Executable()
	if err == nil && binary == "" {
		s.binary = filepath.Join(dir, "writ")
		err = build(ctx, s.binary)
	}
	if err != nil {
		s.close()
	}
	return s, err
}

// build compiles the binary as it ships.
func build(ctx context.Context, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "github.com/writ-project/writ/cmd/writ")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building writ: %w\n%s", err, out)
	}
	return nil
}

// own has f run when the suite closes.
func (s *suite) own(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owned = append(s.owned, f)
}

func (s *suite) close() {
	s.mu.Lock()
	owned := s.owned
	s.owned = nil
	s.mu.Unlock()
	for _, f := range slices.Backward(owned) {
		f()
	}
	_ = os.RemoveAll(s.dir)
}

// shared has a trial happen on the installation that harmless rows of its
// group share. Rows of a group are performed one after another.
func (t *trial) shared(ctx context.Context) error {
	t.mu.Lock()
	s := t.common[t.group]
	t.mu.Unlock()
	if s == nil {
		var err error
		if s, err = t.open(ctx, options{}); err != nil {
			return err
		}
		t.mu.Lock()
		t.common[t.group] = s
		t.mu.Unlock()
	}
	return t.on(s)
}

// rows are all of them, in the order of the table.
func rows() []row {
	return slices.Concat(upstreamRows(), clientRows(), diskRows(), clockRows(), processRows(), outsideRows(), peopleRows())
}

// performAll performs the chosen rows one after another.
func (s *suite) performAll(ctx context.Context) (*results, error) {
	out, err := newResults(s)
	if err != nil {
		return nil, err
	}
	for _, r := range rows() {
		if !s.cfg.Only.MatchString(r.group) && !s.cfg.Only.MatchString(r.name) {
			continue
		}
		began := time.Now()
		done := s.perform(ctx, r)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out.Rows = append(out.Rows, done)
		fmt.Fprintf(os.Stderr, "%-60s %s in %.1f s\n", r.group+": "+r.name, done.word(), time.Since(began).Seconds())
		for _, w := range done.Wrong {
			fmt.Fprintln(os.Stderr, "  "+w)
		}
	}
	return out, nil
}
