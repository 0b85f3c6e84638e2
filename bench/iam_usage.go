package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"syscall"
	"time"
)

// usage is what one process took, from its start to its end. CPU seconds are
// those of all its threads: on a machine that others use they say more than the
// seconds on the clock.
type usage struct {
	Seconds float64 `json:"s"`
	CPU     float64 `json:"cpu_s"`
	Peak    float64 `json:"peak_mb"`             // the largest resident set
	Load    float64 `json:"load_s,omitempty"`    // of Seconds, reading the account
	Decide  float64 `json:"decide_s,omitempty"`  // of Seconds, deciding
	Output  float64 `json:"output_mb,omitempty"` // the report's size
}

func (u usage) seconds() float64 { return u.Seconds }
func (u usage) cpu() float64     { return u.CPU }
func (u usage) peak() float64    { return u.Peak }
func (u usage) decide() float64  { return u.Decide }

// runOnce runs a command to its end and returns what it printed. An exit status
// that is neither 0 nor the one given is an error.
func runOnce(ctx context.Context, status int, argv ...string) (u usage, stdout []byte, err error) {
	if err := forgetPeak(); err != nil {
		return u, nil, err
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	err = cmd.Run()
	u.Seconds = time.Since(began).Seconds()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == status {
		err = nil
	}
	if err != nil {
		return u, nil, fmt.Errorf("%w\n%s", err, errs.Bytes())
	}
	u.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return u, nil, errors.New("this system does not tell a process's memory")
	}
	u.Peak = float64(used.Maxrss) / 1024 // getrusage(2): in kilobytes
	return u, out.Bytes(), nil
}

// forgetPeak makes this process small: what a child is said to have had at most
// begins with what its parent has when it starts it, since until it executes its
// own program it runs in the parent's memory.
func forgetPeak() error {
	debug.FreeOSMemory()
	return resetPeak(os.Getpid())
}

// medianUsage is each figure's median over the rounds.
func medianUsage(rounds []usage) usage {
	of := func(figure func(usage) float64) float64 {
		all := make([]float64, len(rounds))
		for i, u := range rounds {
			all[i] = figure(u)
		}
		return middle(all)
	}
	return usage{
		Seconds: of(usage.seconds), CPU: of(usage.cpu), Peak: of(usage.peak), Decide: of(usage.decide),
		Load: of(func(u usage) float64 { return u.Load }), Output: of(func(u usage) float64 { return u.Output }),
	}
}

// spread is a figure's median with the least and the most of its rounds.
func (t iamTarget) spread(format string, figure func(usage) float64) string {
	return spread(format, figure(t.Median), t.each(figure))
}

func (t iamTarget) each(figure func(usage) float64) []float64 {
	all := make([]float64, len(t.Rounds))
	for i, u := range t.Rounds {
		all[i] = figure(u)
	}
	return all
}
