package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// machine is where the figures were taken.
type machine struct {
	CPU    string  `json:"cpu"`
	CPUs   int     `json:"cpus"`
	Kernel string  `json:"kernel"`
	Go     string  `json:"go"`
	Pinned bool    `json:"pinned"`   // the targets had a CPU of their own under load
	Sync   float64 `json:"fsync_us"` // median of flushing a small append, on the log's disk
	Load   string  `json:"load"`     // load average when the run began
}

// occasion is when, where and of what figures were taken.
type occasion struct {
	Commit  string    `json:"commit"`
	Dirty   bool      `json:"dirty"` // the checkout had changes that are not in the commit
	At      time.Time `json:"at"`
	Machine machine   `json:"machine"`
}

// describeOccasion looks around; dir is where the log's disk is.
func describeOccasion(dir string) (o occasion, err error) {
	o.At = time.Now().UTC().Truncate(time.Second)
	if o.Machine, err = describeMachine(dir); err != nil {
		return o, err
	}
	o.Commit, o.Dirty, err = describeCommit()
	return o, err
}

// name is the commit, and whether that is all.
func (o occasion) name() string {
	if o.Dirty {
		return o.Commit + " with uncommitted changes"
	}
	return o.Commit
}

func (o occasion) date() string { return o.At.Format("2 January 2006, 15:04 MST") }

func describeMachine(dir string) (machine, error) {
	m := machine{
		CPU: cpuModel(), CPUs: runtime.NumCPU(), Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		Kernel: firstField("/proc/sys/kernel/osrelease"), Load: firstField("/proc/loadavg"), Pinned: pinned(runtime.NumCPU()),
	}
	var err error
	m.Sync, err = syncLatency(filepath.Join(dir, "fsync"))
	return m, err
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func firstField(path string) string {
	text, err := os.ReadFile(path)
	if fields := strings.Fields(string(text)); err == nil && len(fields) > 0 {
		return fields[0]
	}
	return "unknown"
}

// syncs is how often the disk is asked.
const syncs = 200

// syncLatency is the median time of an append of 1 KiB with its flush, in
// microseconds: the floor of what a durable record costs a lone call.
func syncLatency(path string) (float64, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer os.Remove(path)
	defer f.Close()
	took := make([]time.Duration, syncs)
	block := make([]byte, 1024)
	for i := range took {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, fmt.Errorf("measuring fsync: %w", err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return float64(took[syncs/2].Nanoseconds()) / 1000, nil
}

// describeCommit names the checkout; dirty when a Go file differs from it.
func describeCommit() (commit string, dirty bool, err error) {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "", false, fmt.Errorf("asking git for the commit: %w", err)
	}
	changes, err := exec.Command("git", "status", "--porcelain", "--", "*.go", "go.mod").Output()
	if err != nil {
		return "", false, fmt.Errorf("asking git for changes: %w", err)
	}
	return strings.TrimSpace(string(out)), len(changes) > 0, nil
}
