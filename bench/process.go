package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one running target.
type process struct {
	name   string
	addr   string // host:port that it serves on
	pid    int
	cmd    *exec.Cmd
	stderr bytes.Buffer // to be read once the process has ended
}

// start runs a command and waits for its line "ready gateway=http://… …".
func start(name string, env []string, argv ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(argv[0], argv[1:]...)}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p.pid = p.cmd.Process.Pid
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		p.addr, err = readyAddress(line)
	}
	if err != nil {
		_ = p.stop()
		return nil, fmt.Errorf("starting %s: %w\n%s", name, err, p.stderr.Bytes())
	}
	return p, nil
}

func readyAddress(line string) (string, error) {
	words := strings.Fields(line)
	if len(words) < 2 || words[0] != "ready" {
		return "", fmt.Errorf("the ready line is %q", line)
	}
	addr, ok := strings.CutPrefix(words[1], "gateway=http://")
	if !ok {
		return "", fmt.Errorf("the ready line is %q", line)
	}
	return addr, nil
}

// stop asks the process to end, and ends it when it does not.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("stopping %s: %w", p.name, err)
	}
	return nil
}

// userHertz is the unit of CPU time in /proc, fixed by Linux's interface.
const userHertz = 100

// cpuTime is the CPU time that a process has used, in user and kernel mode
// (proc_pid_stat(5), fields 14 and 15).
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading CPU time: %w", err)
	}
	// The name in parentheses may hold anything; fields count from after it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("reading CPU time: %q", text)
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading CPU time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / userHertz, nil
}

// memory is a process's resident set, in bytes.
func memory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("reading memory: %w", err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("reading memory: %q", text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// pinned reports whether processes can be tied to CPUs here: it takes two and
// the taskset command.
func pinned(cpus int) bool {
	_, err := exec.LookPath("taskset")
	return cpus >= 2 && err == nil
}

// pin ties all threads of a process to a list of CPUs, such as "0" or "0-3".
func pin(pid int, cpus string) error {
	out, err := exec.Command("taskset", "-a", "-c", "-p", cpus, strconv.Itoa(pid)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("pinning to CPU %s: %w\n%s", cpus, err, out)
	}
	return nil
}
