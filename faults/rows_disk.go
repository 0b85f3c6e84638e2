package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// diskRows are what the disk under the log can do. No record, no call: not
// while it is broken, and not again until somebody has looked.
func diskRows() []row {
	const group = "disk"
	return []row{
		{group: group, name: "disk full", how: "data on a tmpfs of 24 MB, filled to the last byte; room made, restarted", unknown: true, run: diskFull},
		{group: group, name: "disk turns read-only", how: "data on ext4 over a loop device, `mount -o remount,abort`, as after an I/O error; repaired, restarted", unknown: true, run: diskReadOnly},
		{group: group, name: "power cut under load", how: "the same disk: the process is stopped under 8 callers, the journal aborted, the process killed, the disk mounted anew without what was not flushed", unknown: true, run: powerCuts},
		{group: group, name: "fsync does not return", how: "held by a tracer until released", ends: []string{"200"}, run: syncHeld},
		{group: group, name: "slow fsync", how: "each held 200 ms by a tracer", ends: []string{"200"}, run: syncSlow},
		{group: group, name: "fsync fails", how: "EIO from a tracer, also after it works again; restarted", unknown: true, ends: []string{unavailable}, run: syncFails},
	}
}

// traced opens a site whose writ runs under the tracer.
func (t *trial) traced(ctx context.Context) error {
	if !canInterpose {
		return &absent{"the tracer is written for Linux on amd64"}
	}
	return t.opens(ctx, options{wrap: []string{t.self, interposeRole}})
}

// mounted mounts a file system for the rest of the run.
func (s *suite) mounted(source, kind, data string) (string, error) {
	dir, err := os.MkdirTemp(s.dir, "disk")
	if err != nil {
		return "", err
	}
	if err := syscall.Mount(source, dir, kind, 0, data); err != nil {
		if errors.Is(err, syscall.EPERM) {
			return "", &absent{"mounting a file system takes a right that this process lacks"}
		}
		return "", fmt.Errorf("mounting a %s: %w", kind, err)
	}
	s.own(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir, nil
}

// untilRefused calls until one is refused for want of a record, then some
// more, all of which must be.
func (t *trial) untilRefused(ctx context.Context) error {
	for end := time.Now().Add(recoverWithin); ; {
		all := t.call(ctx, load{workers: 1, calls: 1, only: true, patient: 20 * time.Second})
		if len(all) == 1 && all[0].end() == unavailable {
			break
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("calls are still answered: the last one %+v", all)
		}
	}
	if got := t.site.ready(); got != 503 {
		return fmt.Errorf("readyz says %d while no call goes through", got)
	}
	t.ends = []string{unavailable}
	return t.during(ctx, t.few(true))
}

func diskFull(ctx context.Context, t *trial) error {
	disk, err := t.mounted("tmpfs", "tmpfs", "size=24m")
	if err != nil {
		return err
	}
	if err := t.opens(ctx, options{data: filepath.Join(disk, "data")}); err != nil {
		return err
	}
	t.call(ctx, t.few(true)) // while there is room
	filler := filepath.Join(disk, "filler")
	if err := fill(filler); err != nil {
		return err
	}
	if err := t.untilRefused(ctx); err != nil {
		return err
	}
	if err := os.Remove(filler); err != nil {
		return err
	}
	if err := t.during(ctx, t.few(true)); err != nil {
		return fmt.Errorf("with room again, before anybody looked: %w", err)
	}
	if err := t.restarts(ctx); err != nil {
		return err
	}
	return t.heals(ctx)
}

// fill leaves no byte on a file's disk.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	return nil
}

// loopDisk is a small ext4 in a file, which can be broken off.
type loopDisk struct{ image, dir string }

func (s *suite) loopDisk(ctx context.Context) (*loopDisk, error) {
	dir, err := os.MkdirTemp(s.dir, "disk")
	if err != nil {
		return nil, err
	}
	d := &loopDisk{image: dir + ".ext4", dir: dir}
	if err := os.WriteFile(d.image, make([]byte, 48<<20), 0o600); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "mkfs.ext4", "-q", "-F", d.image).CombinedOutput(); err != nil {
		return nil, &absent{fmt.Sprintf("mkfs.ext4: %v %s", err, out)}
	}
	if err := d.mount(ctx); err != nil {
		return nil, &absent{err.Error()}
	}
	s.own(func() { _ = exec.Command("umount", "-l", dir).Run() })
	return d, nil
}

func (d *loopDisk) mount(ctx context.Context) error {
	return command(ctx, "mount", "-o", "loop", d.image, d.dir)
}

// abort has the file system stop as it does after an I/O error: it is read-only
// for who has files open, too, and what was not flushed never will be.
func (d *loopDisk) abort(ctx context.Context) error {
	return command(ctx, "mount", "-o", "remount,abort", d.dir)
}

// anew unmounts the disk and mounts what is on it, which replays its journal.
func (d *loopDisk) anew(ctx context.Context) error {
	if err := command(ctx, "umount", d.dir); err != nil {
		return err
	}
	return d.mount(ctx)
}

func command(ctx context.Context, argv ...string) error {
	if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w %s", argv, err, out)
	}
	return nil
}

func diskReadOnly(ctx context.Context, t *trial) error {
	disk, err := t.loopDisk(ctx)
	var no *absent
	if errors.As(err, &no) {
		t.note("there is no loop device here (%s): fsync fails with EROFS by a tracer instead", no.why)
		return brokenSync(ctx, t, syscall.EROFS)
	}
	if err != nil {
		return err
	}
	if err := t.opens(ctx, options{data: filepath.Join(disk.dir, "data")}); err != nil {
		return err
	}
	t.call(ctx, t.few(true))
	if err := disk.abort(ctx); err != nil {
		return err
	}
	if err := t.untilRefused(ctx); err != nil {
		return err
	}
	t.site.process.kill()
	if p, err := t.site.launch(ctx); err == nil {
		p.kill()
		return errors.New("writ started on a read-only disk")
	}
	if err := errors.Join(disk.anew(ctx), t.site.start(ctx)); err != nil {
		return err
	}
	return t.heals(ctx)
}

// powerCuts loses what was not flushed, again and again, in the middle of a
// load. A kill -9 alone loses nothing that was written: the kernel still has
// it. The process is stopped first, as a power cut stops it: one that goes on
// while its file system is aborted can have an fsync answered with success
// whose transaction was thrown away (jbd2 asks only whether it has ended).
func powerCuts(ctx context.Context, t *trial) error {
	disk, err := t.loopDisk(ctx)
	if err != nil {
		return err
	}
	if err := t.opens(ctx, options{data: filepath.Join(disk.dir, "data")}); err != nil {
		return err
	}
	cuts := 25
	if t.cfg.Short {
		cuts = 5
	}
	for n := range cuts {
		if err := t.powerCut(ctx, disk); err != nil {
			return fmt.Errorf("cut %d: %w", n+1, err)
		}
	}
	t.note("%d times", cuts)
	return t.heals(ctx)
}

func (t *trial) powerCut(ctx context.Context, disk *loopDisk) error {
	calling, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		t.call(calling, load{workers: 8, streams: true, patient: 5 * time.Second})
		close(done)
	}()
	err := sleep(ctx, time.Duration(30+rand.IntN(300))*time.Millisecond)
	err = errors.Join(err, t.site.process.freeze(ctx), disk.abort(ctx))
	t.site.process.kill()
	cancel()
	<-done
	return errors.Join(err, disk.anew(ctx), t.site.start(ctx))
}

// syncHeld freezes the flush and sees that nothing leaves before it returns.
func syncHeld(ctx context.Context, t *trial) error {
	if err := t.traced(ctx); err != nil {
		return err
	}
	if err := errors.Join(t.during(ctx, t.few(false)), t.site.process.order("sync -1ns")); err != nil {
		return err
	}
	_ = sleep(ctx, 200*time.Millisecond) // so that the tracer has read its order
	before := t.site.upstream.total()
	done := make(chan error, 1)
	go func() { done <- t.during(ctx, load{workers: 12, calls: 12}) }()
	_ = sleep(ctx, time.Second)
	early := t.site.upstream.total() - before
	select {
	case err := <-done:
		return fmt.Errorf("calls came to an end while the flush of their records had not: %v", err)
	default:
	}
	if err := errors.Join(t.site.process.order("sync 0s"), <-done); err != nil {
		return err
	}
	if early > 0 {
		return fmt.Errorf("UNRECORDED: %d calls reached the upstream before their records were flushed", early)
	}
	t.note("nothing reached the upstream in the second before the flush was released")
	return t.heals(ctx)
}

func syncSlow(ctx context.Context, t *trial) error {
	if err := t.traced(ctx); err != nil {
		return err
	}
	if err := t.site.process.order("sync 200ms"); err != nil {
		return err
	}
	if err := t.during(ctx, load{workers: 16, calls: 128, streams: true}); err != nil {
		return err
	}
	if err := t.site.process.order("sync 0s"); err != nil {
		return err
	}
	return t.heals(ctx)
}

func syncFails(ctx context.Context, t *trial) error { return brokenSync(ctx, t, syscall.EIO) }

func brokenSync(ctx context.Context, t *trial, errno syscall.Errno) error {
	if err := t.traced(ctx); err != nil {
		return err
	}
	if err := t.site.process.order("fail " + strconv.Itoa(int(errno))); err != nil {
		return err
	}
	if err := t.untilRefused(ctx); err != nil {
		return err
	}
	if err := t.site.process.order("fail 0"); err != nil {
		return err
	}
	_ = sleep(ctx, 200*time.Millisecond) // so that the tracer has read its order
	if err := t.during(ctx, t.few(true)); err != nil {
		return fmt.Errorf("after fsync works again, before anybody looked: %w", err)
	}
	if err := t.restarts(ctx); err != nil {
		return err
	}
	return t.heals(ctx)
}
