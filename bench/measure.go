package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// workload is what one row of the table drives every target with.
type workload struct {
	name        string
	shape       shape
	connections int
	distinct    int  // requests signed before a round; 0 means distinctRequests
	length      int  // of a round, in times the usual; 0 means 1
	tmpfs       bool // also with Writ's data in memory
}

// pace is between the frames of a stream whose frames are timed one by one.
const pace = 2 * time.Millisecond

var workloads = []workload{
	{name: "converse c=1", shape: shape{operation: "converse"}, connections: 1, tmpfs: true},
	{name: "converse c=64", shape: shape{operation: "converse"}, connections: 64},
	{name: "stream c=1", shape: shape{operation: "converse-stream"}, connections: 1},
	{name: "stream c=64", shape: shape{operation: "converse-stream"}, connections: 64},
	{name: "paced c=1", shape: shape{operation: "converse-stream", pace: pace}, connections: 1},
	{name: "paced c=16", shape: shape{operation: "converse-stream", pace: pace}, connections: 16},
	{name: "body 1MB c=4", shape: shape{operation: "converse", body: 1_000_000}, connections: 4, distinct: 16},
	{name: "body 20MB c=2", shape: shape{operation: "converse", body: 20_000_000}, connections: 2, distinct: 2, length: 2},
}

// The parts that are not rows of targets under load.
const (
	streamsPart  = "open streams"
	memoryPart   = "body memory"
	decisionPart = "decision"
)

// measure runs every part that was asked for.
func measure(ctx context.Context, s settings) (_ *results, err error) {
	b, err := newBench(s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	r := &results{Rounds: s.Rounds, Seconds: s.Time.Seconds(), occasion: b.occasion}
	if findNginx() == "" {
		r.Notes = append(r.Notes, nginxMissing)
	}
	if !inMemory(memoryRoot) {
		r.Notes = append(r.Notes, memoryRoot+" is not a file system in memory: without it the disk's part of a lone call is not told apart.")
	}
	wanted := slices.DeleteFunc(slices.Clone(workloads), func(w workload) bool { return !s.Only.MatchString(w.name) })
	if len(wanted) > 0 {
		if r.Rows, err = b.rows(ctx, wanted); err != nil {
			return nil, err
		}
	}
	if s.Only.MatchString(streamsPart) {
		if r.Streams, err = b.openStreams(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", streamsPart, err)
		}
	}
	if s.Only.MatchString(memoryPart) {
		if r.Bodies, err = b.bodyMemory(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", memoryPart, err)
		}
	}
	if s.Only.MatchString(decisionPart) {
		r.Decisions, err = measureDecisions(s)
	}
	return r, err
}

// bench is what all parts of a run share.
type bench struct {
	settings settings
	occasion occasion
	dir      string // removed at the end
	self     string
	binary   string // writ
	rigs     int
}

func newBench(s settings) (b *bench, err error) {
	b = &bench{settings: s}
	if b.dir, err = os.MkdirTemp(s.Dir, "writ-bench"); err != nil {
		return nil, err
	}
	if b.self, err = os.Executable(); err == nil {
		b.occasion, err = describeOccasion(b.dir)
	}
	if err == nil {
		b.binary, err = buildWrit(b.dir)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.dir))
	}
	return b, nil
}

// fresh starts new targets: memory is compared from a process's beginning.
func (b *bench) fresh(tmpfs bool) (*rig, error) {
	b.rigs++
	r := &rig{
		self: b.self, binary: b.binary, dir: filepath.Join(b.dir, fmt.Sprintf("rig-%d", b.rigs)),
		pinned: b.occasion.Machine.Pinned, tmpfs: tmpfs,
	}
	if err := r.open(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (b *bench) rows(ctx context.Context, wanted []workload) (_ []row, err error) {
	r, err := b.fresh(true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	var rows []row
	for _, w := range wanted {
		fmt.Fprintf(os.Stderr, "measuring %s …\n", w.name)
		out, err := r.row(ctx, b.settings, w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		rows = append(rows, out)
	}
	return rows, nil
}

// row drives every target in turn, round after round. Each round begins with
// another target, so that none always follows the same one.
func (b *rig) row(ctx context.Context, s settings, w workload) (row, error) {
	out := row{Name: w.name, Connections: w.connections, Paced: w.shape.pace > 0, Body: w.shape.body}
	if w.shape.pace == 0 { // frames that carry the time are never alike
		if err := b.alike(w.shape); err != nil {
			return out, err
		}
	}
	var targets []*process
	for _, t := range b.all {
		if t.name != tmpfsName || w.tmpfs {
			targets = append(targets, t)
			out.Targets = append(out.Targets, target{Name: t.name})
		}
	}
	for n := range s.Rounds {
		for i := range targets {
			i = (i + n) % len(targets)
			got, err := b.round(ctx, s, w, targets[i])
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
	n := w.distinct
	if n == 0 {
		n = distinctRequests
	}
	requests, err := signedRequests(t, w.shape, n)
	if err != nil {
		return sample{}, err
	}
	if err := b.place(t, w.connections); err != nil {
		return sample{}, err
	}
	runtime.GC() // what signing left behind is not to be swept during the round
	l := &load{target: t, requests: requests, connections: w.connections, length: s.Time * time.Duration(max(w.length, 1)), paced: w.shape.pace > 0}
	return l.run(ctx)
}

// median is each figure's median over the rounds.
func median(rounds []sample) sample {
	of := func(figure func(sample) float64) float64 {
		all := make([]float64, len(rounds))
		for i, r := range rounds {
			all[i] = figure(r)
		}
		return middle(all)
	}
	out := sample{
		P50: of(func(s sample) float64 { return s.P50 }), P99: of(func(s sample) float64 { return s.P99 }),
		Mean: of(func(s sample) float64 { return s.Mean }),
		Rate: of(func(s sample) float64 { return s.Rate }), CPU: of(func(s sample) float64 { return s.CPU }),
		Memory: of(func(s sample) float64 { return s.Memory }),
	}
	for _, r := range rounds {
		out.Answers += r.Answers
	}
	return out
}

// middle is the median of figures; it sorts them.
func middle(all []float64) float64 {
	n := len(all)
	if n == 0 {
		return 0
	}
	slices.Sort(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}
