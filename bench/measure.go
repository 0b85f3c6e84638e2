package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// The targets, in the order in which they take turns.
const (
	bareName  = "bare stand-in"
	proxyName = "ReverseProxy"
	writName  = "Writ"
)

// workload is what one row of the table drives every target with.
type workload struct {
	name        string
	operation   string
	connections int
}

var workloads = []workload{
	{"converse c=1", "converse", 1},
	{"converse c=64", "converse", 64},
	{"stream c=1", "converse-stream", 1},
	{"stream c=64", "converse-stream", 64},
}

const decisionRow = "decision"

// measure runs every row that was asked for.
func measure(ctx context.Context, s settings) (_ *results, err error) {
	dir, err := os.MkdirTemp(s.Dir, "writ-bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &results{Rounds: s.Rounds, Seconds: s.Time.Seconds(), At: time.Now().UTC().Truncate(time.Second)}
	if r.Machine, err = describeMachine(dir); err != nil {
		return nil, err
	}
	if r.Commit, r.Dirty, err = describeCommit(); err != nil {
		return nil, err
	}
	wanted := slices.DeleteFunc(slices.Clone(workloads), func(w workload) bool { return !s.Only.MatchString(w.name) })
	if len(wanted) > 0 {
		if r.Rows, err = measureRows(ctx, s, dir, wanted); err != nil {
			return nil, err
		}
	}
	if s.Only.MatchString(decisionRow) {
		r.Decisions, err = measureDecisions()
	}
	return r, err
}

func measureRows(ctx context.Context, s settings, dir string, wanted []workload) (_ []row, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &rig{self: self, pinned: pinned(runtime.NumCPU())}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(dir); err != nil {
		return nil, err
	}
	var rows []row
	for _, w := range wanted {
		fmt.Fprintf(os.Stderr, "measuring %s …\n", w.name)
		out, err := b.row(ctx, s, w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		rows = append(rows, out)
	}
	return rows, nil
}

// rig is the three targets, running.
type rig struct {
	self           string // this program, which also plays stand-in and proxy
	pinned         bool
	standIn, proxy *process
	gateway        *gateway
	keys           aws.Credentials
	processors     int // what this process had before it was pinned
}

func (b *rig) open(dir string) (err error) {
	var wrap []string
	if b.pinned {
		// Started on one CPU, a process does not think that it has more.
		wrap = []string{"taskset", "-c", "0"}
		b.processors = runtime.GOMAXPROCS(1)
	}
	if b.standIn, err = start(bareName, nil, append(wrap, b.self, standInRole)...); err != nil {
		return err
	}
	upstream := "http://" + b.standIn.addr
	if b.proxy, err = start(proxyName, nil, append(wrap, b.self, proxyRole, upstream)...); err != nil {
		return err
	}
	if b.gateway, err = startGateway(dir, upstream, wrap); err != nil {
		return err
	}
	b.keys, err = b.gateway.session()
	return err
}

func (b *rig) targets() []*process { return []*process{b.standIn, b.proxy, b.gateway.process} }

func (b *rig) close() error {
	var errs []error
	if b.gateway != nil && b.gateway.process != nil {
		errs = append(errs, b.gateway.process.stop())
	}
	for _, p := range []*process{b.proxy, b.standIn} {
		if p != nil {
			errs = append(errs, p.stop())
		}
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
	for _, p := range b.targets() {
		if p != target {
			errs = append(errs, pin(p.pid, others))
		}
	}
	return errors.Join(append(errs, pin(os.Getpid(), others))...)
}

// row drives every target in turn, round after round.
func (b *rig) row(ctx context.Context, s settings, w workload) (row, error) {
	out := row{Name: w.name, Connections: w.connections}
	if err := b.alike(w.operation); err != nil {
		return out, err
	}
	for _, t := range b.targets() {
		out.Targets = append(out.Targets, target{Name: t.name})
	}
	for range s.Rounds {
		for i, t := range b.targets() {
			got, err := b.round(ctx, s, w, t)
			if err != nil {
				return out, err
			}
			out.Targets[i].Rounds = append(out.Targets[i].Rounds, got)
		}
	}
	for i := range out.Targets {
		out.Targets[i].Median = median(out.Targets[i].Rounds)
	}
	return out, nil
}

func (b *rig) round(ctx context.Context, s settings, w workload, t *process) (sample, error) {
	requests, err := signedRequests(t.addr, w.operation, b.keys, distinctRequests)
	if err != nil {
		return sample{}, err
	}
	if err := b.place(t, w.connections); err != nil {
		return sample{}, err
	}
	l := &load{target: t, requests: requests, connections: w.connections, length: s.Time}
	return l.run(ctx)
}

// alike checks that all targets give the same answer, byte for byte.
func (b *rig) alike(operation string) error {
	var want []byte
	for _, t := range b.targets() {
		requests, err := signedRequests(t.addr, operation, b.keys, 1)
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

// median is each figure's median over the rounds.
func median(rounds []sample) sample {
	of := func(figure func(sample) float64) float64 {
		all := make([]float64, len(rounds))
		for i, r := range rounds {
			all[i] = figure(r)
		}
		slices.Sort(all)
		n := len(all)
		return (all[(n-1)/2] + all[n/2]) / 2
	}
	out := sample{
		P50: of(func(s sample) float64 { return s.P50 }), P99: of(func(s sample) float64 { return s.P99 }),
		Rate: of(func(s sample) float64 { return s.Rate }), CPU: of(func(s sample) float64 { return s.CPU }),
		Memory: of(func(s sample) float64 { return s.Memory }),
	}
	for _, r := range rounds {
		out.Answers += r.Answers
	}
	return out
}
