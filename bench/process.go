package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// process is one running target.
type process struct {
	name   string
	addr   string // host:port that it serves on
	h2     string // the same for HTTP/2 without TLS; empty means addr
	pid    int    // whose CPU time and memory count
	keys   aws.Credentials
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

// cpuTime is the CPU time that a process's threads have used, in user and
// kernel mode: the first figure of their schedstat, in nanoseconds. The times of
// proc_pid_stat(5) come in hundredths of a second, too coarse for a short round;
// these are brought up to date at every tick and switch.
// A thread that ended would take its time along; none of the targets ends any
// under load.
func cpuTime(pid int) (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err == nil && len(threads) == 0 {
		err = errors.New("the process has no threads")
	}
	var total time.Duration
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			return 0, fmt.Errorf("reading CPU time: %w", err)
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading CPU time: %w", err)
		}
		total += time.Duration(n)
	}
	return total, err
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
