package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// build is what it takes to make the binary and to start it, as kept in
// bench/results.
type build struct {
	occasion
	Cold     float64   `json:"cold_s"`     // with an empty cache, the modules at hand
	CPU      float64   `json:"cold_cpu_s"` // what it used: twice Cold at most, and less where others were running
	Size     float64   `json:"size_mb"`
	Stripped float64   `json:"stripped_mb"`
	Version  float64   `json:"version_ms"` // median
	Versions []float64 `json:"versions_ms"`
}

const (
	buildCPUs = 2
	versions  = 20
)

func measureBuild(ctx context.Context, s settings) (_ *build, err error) {
	dir, err := os.MkdirTemp(s.Dir, "writ-bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	out := &build{}
	if out.occasion, err = describeOccasion(dir); err != nil {
		return nil, err
	}
	if text, err := exec.CommandContext(ctx, "go", "mod", "download").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("downloading modules: %w\n%s", err, text)
	}
	fmt.Fprintln(os.Stderr, "measuring a build with an empty cache …")
	began := time.Now()
	if out.Size, out.CPU, err = compile(ctx, dir, "writ"); err != nil {
		return nil, err
	}
	out.Cold = time.Since(began).Seconds()
	if out.Stripped, _, err = compile(ctx, dir, "writ-stripped", "-ldflags=-s -w"); err != nil {
		return nil, err
	}
	out.Versions, err = timeVersions(ctx, filepath.Join(dir, "writ"))
	out.Version = middle(slices.Clone(out.Versions))
	return out, err
}

// compile builds with two CPUs and a cache of its own, and returns the size and
// the seconds of CPU time.
func compile(ctx context.Context, dir, name string, flags ...string) (megabytes, used float64, err error) {
	path := filepath.Join(dir, name)
	argv := append([]string{"go", "build", "-trimpath", "-o", path}, flags...)
	argv = append(argv, "./cmd/writ")
	if runtime.NumCPU() > buildCPUs && pinned(runtime.NumCPU()) {
		argv = append([]string{"taskset", "-c", fmt.Sprintf("0-%d", buildCPUs-1)}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOCACHE="+filepath.Join(dir, "cache"))
	if text, err := cmd.CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("building writ: %w\n%s", err, text)
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	used = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return float64(info.Size()) / 1e6, used, nil
}

// timeVersions runs `writ version`, once uncounted, and returns milliseconds.
func timeVersions(ctx context.Context, binary string) ([]float64, error) {
	var took []float64
	for range 1 + versions {
		began := time.Now()
		if text, err := exec.CommandContext(ctx, binary, "version").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("writ version: %w\n%s", err, text)
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
	}
	return took[1:], nil
}
