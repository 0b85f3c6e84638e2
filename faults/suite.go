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
	owned  []func() // what to end and remove
	common *site    // that rows share which leave no trace
}

func newSuite(ctx context.Context, cfg settings) (*suite, error) {
	dir, err := os.MkdirTemp(cfg.Dir, "writ-faults")
	if err != nil {
		return nil, err
	}
	s := &suite{cfg: cfg, dir: dir, binary: filepath.Join(dir, "writ")}
	if s.self, err = os.Executable(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", s.binary, "github.com/writ-project/writ/cmd/writ")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.close()
		return nil, fmt.Errorf("building writ: %w\n%s", err, out)
	}
	return s, nil
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

// shared has a trial happen on the installation that harmless rows share.
func (t *trial) shared(ctx context.Context) error {
	if t.common == nil {
		s, err := t.open(ctx, options{})
		if err != nil {
			return err
		}
		t.common = s
	}
	return t.on(t.common)
}

// rows are all of them, in the order of the table.
func rows() []row {
	return slices.Concat(upstreamRows())
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
