package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memory is a process's resident set, in bytes.
func memory(pid int) (int64, error) { return statusBytes(pid, "VmRSS:") }

// peakMemory is the largest resident set since resetPeak.
func peakMemory(pid int) (int64, error) { return statusBytes(pid, "VmHWM:") }

// resetPeak makes the kernel forget the largest resident set so far
// (proc_pid_clear_refs(5), value 5).
func resetPeak(pid int) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		return fmt.Errorf("resetting the memory's peak: %w", err)
	}
	return nil
}

func statusBytes(pid int, key string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("reading memory: %w", err)
	}
	for line := range bytes.Lines(text) {
		if rest, ok := strings.CutPrefix(string(line), key); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading memory: %w", err)
			}
			return n << 10, nil
		}
	}
	return 0, fmt.Errorf("reading memory: no %s", key)
}

// openFiles is how many file descriptors a process has.
func openFiles(pid int) (int, error) {
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0, fmt.Errorf("counting open files: %w", err)
	}
	return len(all), nil
}
