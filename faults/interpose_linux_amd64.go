package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// canInterpose says that this platform has a tracer.
const canInterpose = true

// Numbers of Linux on amd64 that package syscall does not have, or that its
// own wrappers hide.
const (
	atSysinfoEHDR = 33 // auxiliary vector: where the vDSO is
	atIgnore      = 1

	clockRealtime  = 0
	clockMonotonic = 1

	ptraceExitKill = 0x100000 // PTRACE_O_EXITKILL: the traced die with the tracer
	syscallStop    = syscall.SIGTRAP | 0x80
)

// tracer runs one command under ptrace(2) and stands between it and the
// kernel for two things: what clock_gettime answers, and when or whether fsync
// returns. Everything else passes untouched. It works on a static binary, into
// which nothing can be preloaded, and leaves the machine's own clock alone.
//
// A Go program reads the clock from the vDSO without entering the kernel, so
// the tracer hides the vDSO from the program before its first instruction.
type tracer struct {
	wall, both atomic.Int64 // nanoseconds added to the wall clock; to both clocks
	sync       atomic.Int64 // how long fsync is held; negative: until further notice
	errno      atomic.Int64 // what fsync fails with, after nothing was done; zero: it works

	threads map[int]*thread
	held    int // threads that wait before an fsync
}

// thread is one traced thread.
type thread struct {
	inside bool      // in a system call, so that the next stop is its end
	failed int64     // the call was skipped: return this error
	since  time.Time // held before an fsync since then; zero: not held
}

// serveInterposed is the role of the tracing process: argv runs under it, and
// lines of its standard input change what the program sees.
func serveInterposed(argv []string) error {
	runtime.LockOSThread() // ptrace belongs to a thread
	t := &tracer{threads: make(map[int]*thread)}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("tracing: %w", err)
	}
	pid := cmd.Process.Pid
	if err := t.begin(pid); err != nil {
		return errors.Join(fmt.Errorf("tracing: %w", err), cmd.Process.Kill())
	}
	pass := make(chan os.Signal, 1)
	signal.Notify(pass, syscall.SIGTERM)
	go func() {
		for s := range pass {
			_ = cmd.Process.Signal(s)
		}
	}()
	go t.obey(os.Stdin)
	return t.run(pid)
}

// obey reads orders: "wall 1h", "both 11m", "sync 200ms", "sync -1ns" (hold),
// "fail 5" (an errno; 0 ends it).
func (t *tracer) obey(in io.Reader) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var word, value string
		if _, err := fmt.Sscan(lines.Text(), &word, &value); err != nil {
			continue
		}
		d, _ := time.ParseDuration(value) // zero where it is a number
		switch word {
		case "wall":
			t.wall.Store(int64(d))
		case "both":
			t.both.Store(int64(d))
		case "sync":
			t.sync.Store(int64(d))
		case "fail":
			var n int64
			_, _ = fmt.Sscan(value, &n) // zero when it is none
			t.errno.Store(n)
		}
	}
}

// begin takes the program over at its first instruction.
func (t *tracer) begin(pid int) error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		return err
	}
	if !status.Stopped() {
		return errors.New("the program did not stop at its start")
	}
	if err := hideVDSO(pid); err != nil {
		return err
	}
	opts := syscall.PTRACE_O_TRACESYSGOOD | syscall.PTRACE_O_TRACECLONE | ptraceExitKill
	if err := syscall.PtraceSetOptions(pid, opts); err != nil {
		return err
	}
	t.threads[pid] = &thread{}
	return syscall.PtraceSyscall(pid, 0)
}

// hideVDSO walks the new program's stack (argc, argv, envp, auxv) and strikes
// out the entry that says where the vDSO is.
func hideVDSO(pid int) error {
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(pid, &regs); err != nil {
		return err
	}
	at := uintptr(regs.Rsp)
	word := func() (uint64, error) {
		var b [8]byte
		_, err := syscall.PtracePeekData(pid, at, b[:])
		at += 8
		return binary.LittleEndian.Uint64(b[:]), err
	}
	argc, err := word()
	if err != nil {
		return err
	}
	at += uintptr(argc+1) * 8
	for {
		if p, err := word(); err != nil {
			return err
		} else if p == 0 {
			break
		}
	}
	for {
		entry := at
		kind, err := word()
		if err != nil {
			return err
		}
		switch kind {
		case 0:
			return nil // there is none, so there is nothing to hide
		case atSysinfoEHDR:
			_, err := syscall.PtracePokeData(pid, entry, binary.LittleEndian.AppendUint64(nil, atIgnore))
			return err
		}
		at += 8
	}
}

// run follows the program until it ends.
func (t *tracer) run(pid int) error {
	for {
		options := syscall.WALL
		if t.held > 0 {
			options |= syscall.WNOHANG
			t.letGo()
		}
		var status syscall.WaitStatus
		tid, err := syscall.Wait4(-1, &status, options, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("tracing: %w", err)
		case tid == 0:
			time.Sleep(500 * time.Microsecond)
			continue
		}
		if status.Exited() || status.Signaled() {
			if th := t.threads[tid]; th != nil && !th.since.IsZero() {
				t.held--
			}
			delete(t.threads, tid)
			if tid == pid {
				return exitAs(status)
			}
			continue
		}
		t.stopped(tid, status)
	}
}

// exitAs ends this process as the traced one ended.
func exitAs(status syscall.WaitStatus) error {
	if status.Signaled() {
		os.Exit(128 + int(status.Signal()))
	}
	os.Exit(status.ExitStatus())
	return nil
}

// stopped handles one stop and lets the thread go on. A thread that is gone
// meanwhile makes errors that mean nothing: its end is reported by itself.
func (t *tracer) stopped(tid int, status syscall.WaitStatus) {
	th := t.threads[tid]
	if th == nil {
		th = &thread{}
		t.threads[tid] = th
	}
	switch sig := status.StopSignal(); {
	case sig == syscallStop:
		th.inside = !th.inside
		if th.inside {
			if t.entered(tid, th) {
				return
			}
		} else {
			t.left(tid, th)
		}
		_ = syscall.PtraceSyscall(tid, 0)
	case sig == syscall.SIGTRAP, sig == syscall.SIGSTOP: // a clone's event; a new thread's first stop
		_ = syscall.PtraceSyscall(tid, 0)
	default:
		_ = syscall.PtraceSyscall(tid, int(sig))
	}
}

// entered looks at a system call that is about to be made, and reports whether
// the thread is held.
func (t *tracer) entered(tid int, th *thread) (held bool) {
	var regs syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &regs) != nil || (regs.Orig_rax != syscall.SYS_FSYNC && regs.Orig_rax != syscall.SYS_FDATASYNC) {
		return false
	}
	if th.failed = t.errno.Load(); th.failed != 0 {
		regs.Orig_rax = ^uint64(0) // no such call: nothing is done
		_ = syscall.PtraceSetRegs(tid, &regs)
		return false
	}
	if t.sync.Load() == 0 {
		return false
	}
	th.since = time.Now()
	t.held++
	return true
}

// letGo lets the threads go on that were held long enough.
func (t *tracer) letGo() {
	wait := time.Duration(t.sync.Load())
	if wait < 0 {
		return
	}
	for tid, th := range t.threads {
		if !th.since.IsZero() && time.Since(th.since) >= wait {
			th.since = time.Time{}
			t.held--
			_ = syscall.PtraceSyscall(tid, 0)
		}
	}
}

// left changes what a system call answered.
func (t *tracer) left(tid int, th *thread) {
	wall, both := t.wall.Load(), t.both.Load()
	if th.failed == 0 && wall == 0 && both == 0 {
		return
	}
	var regs syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &regs) != nil {
		return
	}
	if th.failed != 0 {
		regs.Rax, th.failed = uint64(-th.failed), 0
		_ = syscall.PtraceSetRegs(tid, &regs)
		return
	}
	if regs.Orig_rax != syscall.SYS_CLOCK_GETTIME || regs.Rax != 0 {
		return
	}
	switch regs.Rdi {
	case clockRealtime:
		shift(tid, uintptr(regs.Rsi), wall+both)
	case clockMonotonic:
		shift(tid, uintptr(regs.Rsi), both)
	}
}

// shift moves a timespec in the program's memory.
func shift(tid int, at uintptr, by int64) {
	var b [16]byte
	if _, err := syscall.PtracePeekData(tid, at, b[:]); err != nil {
		return
	}
	seconds, nanos := int64(binary.LittleEndian.Uint64(b[:8])), int64(binary.LittleEndian.Uint64(b[8:]))
	moved := time.Unix(seconds, nanos+by)
	binary.LittleEndian.PutUint64(b[:8], uint64(moved.Unix()))
	binary.LittleEndian.PutUint64(b[8:], uint64(moved.Nanosecond()))
	_, _ = syscall.PtracePokeData(tid, at, b[:])
}
