package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// people is what an organisation with many identities and grants costs, on both
// engines, as kept in bench/results.
type people struct {
	occasion
	crowd
	Engines []engine `json:"engines"`
}

// engine is one database's figures. Times are seconds, unless they say otherwise.
type engine struct {
	Name    string  `json:"name"`
	Fill    float64 `json:"fill_s"` // 0: the store was there
	Cold    float64 `json:"cold_s"` // reading the rows and building the snapshot
	ColdCPU float64 `json:"cold_cpu_s"`
	Rows    float64 `json:"rows_s"`        // reading the rows alone
	PerUnit float64 `json:"bytes_a_grant"` // of the heap, with everything the snapshot holds
	Changes []live  `json:"changes"`
	Pages   []pages `json:"pages"`
	// Requests are asked and decided upon in a store of their own, with its log.
	Requests *requests `json:"requests,omitempty"`
}

// live is how long changes of a sort take to be decided upon, from before their
// commit, in milliseconds.
type live struct {
	What string  `json:"what"`
	N    int     `json:"n"`
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
}

// pages is how long a page of a list of grants takes, in milliseconds.
type pages struct {
	By  string  `json:"by"`
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

func measurePeople(ctx context.Context, s settings) (_ *people, err error) {
	dir, err := os.MkdirTemp(s.Dir, "writ-bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	defer debug.SetGCPercent(debug.SetGCPercent(200)) // as `writ up` does
	out := &people{crowd: peopleCrowd}
	if s.Short {
		out.crowd = peopleShort
	}
	if out.occasion, err = describeOccasion(dir); err != nil {
		return nil, err
	}
	postgres := s.Postgres
	if postgres == "" {
		if postgres, err = storetest.Serve(); err != nil {
			return nil, err
		}
	}
	for _, e := range []struct{ name, dsn string }{
		{"PostgreSQL", postgres}, {"SQLite", "sqlite:" + cmp.Or(s.SQLite, filepath.Join(dir, "writ.db"))},
	} {
		fmt.Fprintf(os.Stderr, "measuring %d identities and %d grants on %s …\n", out.Identities, out.Grants, e.name)
		figures, err := out.measureEngine(ctx, e.name, e.dsn, dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		out.Engines = append(out.Engines, figures)
	}
	return out, nil
}

// measureEngine fills and measures a store; what else it needs it keeps in dir.
func (c crowd) measureEngine(ctx context.Context, name, dsn, dir string) (out engine, err error) {
	out.Name = name
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if out.Fill, err = c.filled(ctx, db); err != nil {
		return out, err
	}
	source, err := c.cold(ctx, db, &out)
	if err != nil {
		return out, err
	}
	// As another replica's; SQLite has one process, and no word from others.
	writer := db
	if name != "SQLite" {
		if writer, err = store.Open(ctx, dsn); err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, writer.Close()) }()
	}
	if out.Changes, err = c.changes(ctx, writer, source); err != nil {
		return out, err
	}
	if out.Pages, err = c.pages(ctx, db); err != nil {
		return out, err
	}
	if dir, err = os.MkdirTemp(dir, "requests"); err != nil {
		return out, err
	}
	out.Requests, err = requested(ctx, dsn, dir, c.Pending)
	return out, err
}

// filled fills an empty store, and believes one that is not.
func (c crowd) filled(ctx context.Context, db *store.DB) (float64, error) {
	if revision, err := db.Revision(ctx); err != nil || revision > 0 {
		return 0, err
	}
	began := time.Now()
	err := c.fill(ctx, db)
	return time.Since(began).Seconds(), err
}

// cold opens a snapshot as a replica does at its start, without the ledger.
func (c crowd) cold(ctx context.Context, db *store.DB, out *engine) (*snapshot.Source, error) {
	before, cpu, began := heapInUse(), ownCPU(), time.Now()
	source, err := snapshot.Open(ctx, snapshot.Config{
		Load: func(ctx context.Context, since int64) ([]store.Row, int64, error) {
			began := time.Now()
			rows, revision, err := db.Load(ctx, since)
			if since == 0 {
				out.Rows = time.Since(began).Seconds()
			}
			return rows, revision, err
		},
		Watch:      db.Watch,
		Authorised: func(store.Ref, store.Change) error { return nil },
		MaxAge:     10 * time.Minute,
	})
	if err != nil {
		return nil, err
	}
	out.Cold, out.ColdCPU = time.Since(began).Seconds(), (ownCPU() - cpu).Seconds()
	out.PerUnit = float64(heapInUse()-before) / float64(c.Grants)
	if identities, grants := source.Current().Counts(); identities < c.Identities || grants < c.Grants {
		return nil, fmt.Errorf("the store holds %d identities and %d grants", identities, grants)
	}
	return source, nil
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// ownCPU is what this process has used, PostgreSQL's server apart.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// edit is a sort of change, and how often it is made.
type edit struct {
	what string
	n    int
	make func(i int) (manifest.Resource, manifest.Op)
}

func (c crowd) edits() []edit {
	later := func(r manifest.Resource, i int) manifest.Resource {
		r.Spec.(*rights.Grant).NotAfter = r.Spec.(*rights.Grant).NotAfter.Add(time.Duration(i+1) * time.Minute)
		return r
	}
	return []edit{
		{"a grant changed", 200, func(i int) (manifest.Resource, manifest.Op) {
			return later(c.grantNumber(i*37%c.Grants), i), manifest.Update
		}},
		{"an identity changed", 50, func(i int) (manifest.Resource, manifest.Op) {
			r := identityNumber(i * 41 % c.Identities)
			r.Spec.(*identity.Identity).Purposes = []string{fmt.Sprintf("purpose-%d", time.Now().UnixNano())}
			return r, manifest.Update
		}},
		{"an entitlement changed", 20, func(i int) (manifest.Resource, manifest.Op) {
			r := entitlementNumber(i % (c.Grants / c.Identities)) // every identity holds it
			r.Spec.(*rights.Entitlement).Conditions.MaxTokens = int64(1000 + i)
			return r, manifest.Update
		}},
	}
}

// changes makes changes one after another and waits until each is decided upon.
func (c crowd) changes(ctx context.Context, db *store.DB, source *snapshot.Source) ([]live, error) {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = source.Run(ctx) // ends with ctx
	}()
	defer func() { stop(); <-done }()
	var out []live
	for _, e := range c.edits() {
		var took []float64
		for i := range e.n {
			r, op := e.make(i)
			d, err := goLive(ctx, db, source, r, op)
			if err != nil {
				return nil, err
			}
			took = append(took, d)
		}
		out = append(out, live{e.what, e.n, quantileOf(took, 0.5), quantileOf(took, 0.99)})
	}
	return out, nil
}

func goLive(ctx context.Context, db *store.DB, source *snapshot.Source, r manifest.Resource, op manifest.Op) (ms float64, err error) {
	spec, err := r.Encode()
	if err != nil {
		return 0, err
	}
	at, err := db.Revision(ctx)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	next, err := db.Commit(ctx, store.Commit{
		Record: store.Ref{Shard: "bench", Index: uint64(at)}, Expect: at, Changes: []store.Change{{Op: op, Kind: r.Kind, Name: r.Name, Spec: spec}},
	})
	if err != nil {
		return 0, err
	}
	for source.Current().Revision < next {
		if err := source.Err(); err != nil {
			return 0, err
		}
		time.Sleep(100 * time.Microsecond)
	}
	return time.Since(began).Seconds() * 1000, nil
}

// pages lists a hundred grants at a time.
func (c crowd) pages(ctx context.Context, db *store.DB) ([]pages, error) {
	var out []pages
	for _, by := range []struct {
		name  string
		query func(i int) store.Query
	}{
		{"name", func(int) store.Query { return store.Query{} }},
		{"identity", func(i int) store.Query { return store.Query{Subject: identityName(i * 97 % c.Identities)} }},
		{"entitlement", func(i int) store.Query { return store.Query{Parent: fmt.Sprintf("entitlement-%02d", i%10)} }},
		{"state", func(int) store.Query { return store.Query{State: string(rights.GrantActive)} }},
	} {
		var took []float64
		for i := range 100 {
			q := by.query(i)
			q.Kind, q.Limit = manifest.Grant, 100
			if by.name != "identity" {
				q.After = fmt.Sprintf("grant-%07d", i*9973%c.Grants)
			}
			began := time.Now()
			if _, err := db.Page(ctx, q); err != nil {
				return nil, err
			}
			took = append(took, time.Since(began).Seconds()*1000)
		}
		out = append(out, pages{by.name, quantileOf(took, 0.5), quantileOf(took, 0.99)})
	}
	return out, nil
}

// quantileOf is the smallest figure that a part q of them does not exceed.
func quantileOf(all []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
