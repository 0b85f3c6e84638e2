package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/writ-project/writ/internal/store/storetest"
)

// postgres is a PostgreSQL server of a trial's own, to be killed and stopped.
type postgres struct {
	bin, dir, dsn string
	as            *syscall.Credential // nil: ourselves
	cmd           *exec.Cmd
	exited        chan struct{}
}

func (s *suite) startPostgres(ctx context.Context) (*postgres, error) {
	p := &postgres{bin: storetest.Binaries()}
	if p.bin == "" {
		return nil, &absent{"there are no PostgreSQL server binaries"}
	}
	var err error
	if p.as, err = storetest.Account(); err != nil {
		return nil, &absent{err.Error()}
	}
	// Not below the suite's directory, which another account cannot enter.
	if p.dir, err = os.MkdirTemp("", "writ-faults-postgres"); err != nil {
		return nil, err
	}
	s.own(func() { _ = os.RemoveAll(p.dir) })
	if p.as != nil {
		if err := os.Chown(p.dir, int(p.as.Uid), int(p.as.Gid)); err != nil {
			return nil, err
		}
	}
	initdb := p.command(ctx, "initdb", "-D", p.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	p.dsn = "postgres://postgres@/postgres?host=" + url.QueryEscape(p.dir)
	s.own(p.kill)
	return p, p.start(ctx)
}

func (p *postgres) data() string { return filepath.Join(p.dir, "data") }

// command prepares one of PostgreSQL's programs, in a process group of its own.
func (p *postgres) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as, Setpgid: true}
	return cmd
}

// start runs the server and waits until it answers.
func (p *postgres) start(ctx context.Context) error {
	for end := time.Now().Add(recoverWithin); ; {
		p.cmd = p.command(context.WithoutCancel(ctx), "postgres", "-D", p.data(), "-k", p.dir, "-c", "listen_addresses=")
		p.exited = make(chan struct{})
		if err := p.cmd.Start(); err != nil {
			return err
		}
		go func(cmd *exec.Cmd, done chan struct{}) {
			_ = cmd.Wait() // killed, most likely
			close(done)
		}(p.cmd, p.exited)
		if p.answers(ctx) {
			return nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return errors.New("PostgreSQL does not start")
		}
	}
}

// answers waits until the server answers, or has ended: right after a kill -9
// the processes of the one before may still hold its memory.
func (p *postgres) answers(ctx context.Context) bool {
	for {
		conn, err := pgx.Connect(ctx, p.dsn)
		if err == nil {
			return conn.Close(ctx) == nil
		}
		select {
		case <-p.exited:
			return false
		case <-ctx.Done():
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *postgres) kill() {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = p.signal(syscall.SIGKILL)
	<-p.exited
}

// signal reaches the server and, its backends having groups of their own, each
// of those.
func (p *postgres) signal(sig syscall.Signal) error {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", p.cmd.Process.Pid, p.cmd.Process.Pid))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, c := range strings.Fields(string(children)) {
		if pid, err := strconv.Atoi(c); err == nil {
			_ = syscall.Kill(pid, sig) // it may have ended
		}
	}
	select {
	case <-p.exited:
		return nil
	default:
		return p.cmd.Process.Signal(sig)
	}
}

// within runs SQL in a transaction, as somebody who may write to the database.
func (p *postgres) within(ctx context.Context, f func(pgx.Tx) error) error {
	conn, err := pgx.Connect(ctx, p.dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return pgx.BeginFunc(ctx, conn, f)
}
