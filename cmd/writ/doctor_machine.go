package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/writ-project/writ/internal/credential"
)

// What the doctor warns of on the machine.
const (
	slowFsync  = 20 * time.Millisecond
	fsyncTries = 9
	clockSkew  = 5 * time.Second  // between two clocks
	clockFail  = 60 * time.Second // signatures have a window of five minutes
)

func (p *patient) directory(context.Context) []diagnosis {
	info, err := os.Stat(string(p.dir))
	if err != nil {
		return fail("", "%v", err)
	}
	var out []diagnosis
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		out = append(out, fail("chmod 700 "+string(p.dir), "%s can be changed by others: mode %04o", p.dir, mode)...)
	} else if mode&0o055 != 0 {
		out = append(out, warn("chmod 700 "+string(p.dir), "%s can be listed by others: mode %04o", p.dir, mode)...)
	}
	for _, path := range []string{p.dir.token(), p.dir.endpoints(), p.dir.store()} {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			out = append(out, fail("", "%v", err)...)
		case info.Mode().Perm()&0o022 != 0, path == p.dir.token() && info.Mode().Perm()&0o077 != 0:
			out = append(out, fail("chmod 600 "+path, "others can get at %s: mode %04o", path, info.Mode().Perm())...)
		}
	}
	if out == nil {
		return ok("%s is its owner's alone", p.dir)
	}
	return out
}

// lock looks whether the process that holds the directory is the one that answers.
func (p *patient) lock(context.Context) []diagnosis {
	f, err := os.Open(filepath.Join(p.dir.log(cmp.Or(p.cfg.Replica.Name, shard)), "lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return fail("a store belongs to the data directory that began it", "there is no audit log in %s", p.dir.log(cmp.Or(p.cfg.Replica.Name, shard)))
	}
	if err != nil {
		return fail("", "%v", err)
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	held := errors.Is(err, syscall.EWOULDBLOCK)
	switch {
	case err != nil && !held:
		return fail("", "the lock cannot be looked at: %v", err)
	case held && p.live == nil:
		return fail("look for another writ: fuser "+f.Name(), "a process holds the data directory and does not answer")
	case !held && p.live != nil:
		return fail("stop the server and look at who removed the lock", "the server that answers does not hold the data directory")
	case held:
		return ok("the running server holds the data directory")
	}
	return ok("free: no process holds the data directory")
}

func (p *patient) kek(context.Context) []diagnosis {
	if _, err := credential.LoadKEK(p.dir.kek()); err != nil {
		return fail("the file is 32 bytes in base64, mode 0600", "%v", err)
	}
	return ok("%s is readable by its owner alone; keep a copy apart from the data", p.dir.kek())
}

func (p *patient) space(context.Context) []diagnosis {
	var s syscall.Statfs_t
	if err := syscall.Statfs(string(p.dir), &s); err != nil {
		return fail("", "free space cannot be told: %v", err)
	}
	free, reserve := uint64(s.Bavail)*uint64(s.Bsize)>>20, p.cfg.Log.ReserveMB
	const hint = "make room, or move the data directory to a larger file system"
	switch {
	case free < reserve:
		return fail(hint, "%d MiB are free, less than log.reserveMB (%d)", free, reserve)
	case free < 8*reserve || free < 1024:
		return warn(hint, "%d MiB are free; refusals of strangers stop being recorded below %d", free, reserve)
	}
	return ok("%d MiB are free, %d of them kept for authenticated calls", free, reserve)
}

// fsync measures what every intent waits for.
func (p *patient) fsync(context.Context) []diagnosis {
	f, err := os.CreateTemp(string(p.dir), ".doctor-*")
	if err != nil {
		return fail("the server's user must be able to write there", "the data directory cannot be written: %v", err)
	}
	defer func() { _ = f.Close(); _ = os.Remove(f.Name()) }()
	var took []time.Duration
	for range fsyncTries {
		began := time.Now()
		_, err := f.Write(make([]byte, 4096))
		if err = errors.Join(err, f.Sync()); err != nil {
			return fail("", "the data directory cannot be written: %v", err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	median := took[fsyncTries/2].Round(10 * time.Microsecond)
	if median > slowFsync {
		return warn("every call waits for one flush: use a disk with a fast or battery-backed write cache", "a write of 4 KiB is on disk after %v (median of %d)", median, fsyncTries)
	}
	return ok("a write of 4 KiB is on disk after %v (median of %d)", median, fsyncTries)
}

func (p *patient) openFiles(context.Context) []diagnosis {
	limit, whose := openFilesLimit(), "of the doctor"
	if p.live != nil {
		limit, whose = p.status.OpenFiles, "of the server"
	}
	need := 2*uint64(p.cfg.Limits.Connections) + 128
	if limit < need {
		return warn("raise LimitNOFILE (systemd) or ulimit -n, or lower limits.connections", "the limit %s is %d; %d connections can need %d", whose, limit, p.cfg.Limits.Connections, need)
	}
	return ok("the limit %s is %d, enough for %d connections", whose, limit, p.cfg.Limits.Connections)
}

// clock compares this machine's clock with itself, and with the database's.
func (p *patient) clock(ctx context.Context) []diagnosis {
	now := time.Now()
	if found := stepped(now.Round(0).Sub(p.began.Round(0)) - now.Sub(p.began)); found != nil {
		return found
	}
	if p.store == nil {
		return ok("the wall clock keeps step with the monotonic one")
	}
	theirs, own, err := p.store.Clock(ctx)
	if err != nil {
		return fail("", "%v", err)
	}
	if !own {
		return ok("the wall clock keeps step with the monotonic one")
	}
	return skewed("the database's", time.Until(theirs))
}

// stepped judges by how much the wall clock left the monotonic one.
func stepped(by time.Duration) []diagnosis {
	if by.Abs() <= time.Second {
		return nil
	}
	return fail("slew, never step: run chrony or systemd-timesyncd", "the wall clock stepped by %v while the doctor looked", by)
}

func skewed(whose string, d time.Duration) []diagnosis {
	d = d.Round(time.Millisecond)
	const hint = "run chrony or systemd-timesyncd on both machines"
	switch {
	case d.Abs() > clockFail:
		return fail(hint, "%s clock is %v away from this machine's", whose, d)
	case d.Abs() > clockSkew:
		return warn(hint, "%s clock is %v away from this machine's", whose, d)
	}
	return ok("%s clock agrees with this machine's within %v", whose, clockSkew)
}
