package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// The targets, in the order in which they take turns first.
const (
	bareName  = "bare stand-in"
	proxyName = "ReverseProxy"
	nginxName = "nginx"
	writName  = "Writ"
	tmpfsName = "Writ, data on tmpfs"
)

// rig is the targets, running.
type rig struct {
	self   string // this program, which also plays stand-in and proxy
	binary string // writ
	dir    string // of this rig alone
	pinned bool
	tmpfs  bool // start a second gateway whose data is in memory

	all        []*process // what was started, the stand-in first
	memoryDir  string
	processors int // what this process had before it was pinned
}

// memoryRoot is where Linux keeps a file system in memory.
const memoryRoot = "/dev/shm"

// inMemory reports whether a directory is where such a file system is mounted.
func inMemory(dir string) bool {
	mounts, err := os.ReadFile("/proc/mounts")
	return err == nil && strings.Contains(string(mounts), " "+dir+" tmpfs ")
}

func (b *rig) open() (err error) {
	var wrap []string
	if b.pinned {
		// Started on one CPU, a process does not think that it has more.
		wrap = []string{"taskset", "-c", "0"}
		b.processors = runtime.GOMAXPROCS(1)
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	standIn, err := b.add(start(bareName, nil, append(wrap, b.self, standInRole)...))
	if err != nil {
		return err
	}
	upstream := "http://" + standIn.addr
	if _, err := b.add(start(proxyName, nil, append(wrap, b.self, proxyRole, upstream)...)); err != nil {
		return err
	}
	if path := findNginx(); path != "" {
		if _, err := b.add(startNginx(path, filepath.Join(b.dir, "nginx"), standIn.addr, wrap)); err != nil {
			return err
		}
	}
	gateways := map[string]string{writName: b.dir}
	if b.tmpfs && inMemory(memoryRoot) {
		if b.memoryDir, err = os.MkdirTemp(memoryRoot, "writ-bench"); err != nil {
			return err
		}
		gateways[tmpfsName] = b.memoryDir
	}
	return b.openGateways(gateways, upstream, wrap)
}

// openGateways starts one Writ for each directory. Every other target is called
// with the first one's session, which it does not look at.
func (b *rig) openGateways(dirs map[string]string, upstream string, wrap []string) error {
	for _, name := range []string{writName, tmpfsName} {
		dir, wanted := dirs[name]
		if !wanted {
			continue
		}
		g := &gateway{binary: b.binary, dir: dir}
		p, err := b.add(g.start(name, upstream, wrap))
		if err != nil {
			return err
		}
		if err := g.load(); err != nil {
			return err
		}
		if p.keys, err = g.session(); err != nil {
			return err
		}
		for _, other := range b.all {
			if !other.keys.HasKeys() {
				other.keys = p.keys
			}
		}
	}
	return nil
}

func (b *rig) add(p *process, err error) (*process, error) {
	if err == nil {
		b.all = append(b.all, p)
	}
	return p, err
}

// get finds a target by its name; nil when it is not there.
func (b *rig) get(name string) *process {
	for _, p := range b.all {
		if p.name == name {
			return p
		}
	}
	return nil
}

func (b *rig) close() error {
	var errs []error
	for _, p := range slices.Backward(b.all) {
		errs = append(errs, p.stop())
	}
	if b.memoryDir != "" {
		errs = append(errs, os.RemoveAll(b.memoryDir))
	}
	if b.pinned {
		runtime.GOMAXPROCS(b.processors)
		errs = append(errs, pin(os.Getpid(), fmt.Sprintf("0-%d", runtime.NumCPU()-1)))
	}
	return errors.Join(errs...)
}

// place ties the processes to CPUs: one call at a time passes from process to
// process on one CPU; under load the target has CPU 0 for itself, so that its
// rate is that of one core.
func (b *rig) place(target *process, connections int) error {
	if !b.pinned {
		return nil
	}
	errs := []error{pin(target.pid, "0")}
	others := "0"
	if connections > 1 {
		others = "1"
	}
	for _, p := range b.all {
		if p != target {
			errs = append(errs, pin(p.pid, others))
		}
	}
	return errors.Join(append(errs, pin(os.Getpid(), others))...)
}

// alike checks that all targets give the same answer, byte for byte.
func (b *rig) alike(s shape) error {
	var want []byte
	for _, t := range b.all {
		requests, err := signedRequests(t, s, 1)
		if err != nil {
			return err
		}
		got, err := once(t.addr, requests[0])
		if err != nil {
			return fmt.Errorf("calling %s: %w", t.name, err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%s changed the answer: %d bytes, want %d", t.name, len(got), len(want))
		}
	}
	return nil
}
