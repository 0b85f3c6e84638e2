package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// bodyMemory is what a large body takes on its way through a target.
type bodyMemory struct {
	Target string  `json:"target"`
	Body   int     `json:"body_bytes"`
	Before float64 `json:"before_mb"`
	Lone   float64 `json:"lone_mb"`   // the peak above it while one body passes
	Series float64 `json:"series_mb"` // … while more pass, one after another
}

// times is a peak as so many times the body.
func (b bodyMemory) times(mb float64) float64 { return mb * (1 << 20) / float64(b.Body) }

const (
	largeBody   = 20_000_000
	seriesCalls = 8
	memoryTries = 3 // new processes; the median counts
)

// bodyMemory sends a large body through new processes. The kernel keeps the
// peak: what a collector later gives back counts too.
func (b *bench) bodyMemory(ctx context.Context) ([]bodyMemory, error) {
	fmt.Fprintf(os.Stderr, "measuring the memory of a body of %d bytes …\n", largeBody)
	tries := make(map[string][]bodyMemory)
	n := memoryTries
	if b.settings.Short {
		n = 1
	}
	for range n {
		if err := b.bodyMemoryOnce(ctx, tries); err != nil {
			return nil, err
		}
	}
	var all []bodyMemory
	for _, name := range []string{proxyName, nginxName, writName} {
		got := tries[name]
		if len(got) == 0 {
			continue
		}
		of := func(figure func(bodyMemory) float64) float64 {
			var all []float64
			for _, t := range got {
				all = append(all, figure(t))
			}
			return middle(all)
		}
		all = append(all, bodyMemory{
			Target: name, Body: largeBody,
			Before: of(func(m bodyMemory) float64 { return m.Before }),
			Lone:   of(func(m bodyMemory) float64 { return m.Lone }),
			Series: of(func(m bodyMemory) float64 { return m.Series }),
		})
	}
	return all, nil
}

func (b *bench) bodyMemoryOnce(ctx context.Context, tries map[string][]bodyMemory) (err error) {
	r, err := b.fresh(false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.alike(shape{operation: "converse"}); err != nil {
		return err
	}
	for _, name := range []string{proxyName, nginxName, writName} {
		if t := r.get(name); t != nil {
			got, err := passLarge(ctx, t)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			tries[name] = append(tries[name], got)
		}
	}
	return nil
}

// passLarge reads the peak after the first large body, and after more of them.
func passLarge(ctx context.Context, t *process) (bodyMemory, error) {
	out := bodyMemory{Target: t.name, Body: largeBody}
	requests, err := signedRequests(t, shape{operation: "converse", body: largeBody}, 1)
	if err != nil {
		return out, err
	}
	if err := resetPeak(t.pid); err != nil {
		return out, err
	}
	before, err := memory(t.pid)
	if err != nil {
		return out, err
	}
	var peaks [1 + seriesCalls]float64
	for i := range peaks {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if _, err := once(t.addr, requests[0]); err != nil {
			return out, err
		}
		peak, err := peakMemory(t.pid)
		if err != nil {
			return out, err
		}
		peaks[i] = float64(peak-before) / (1 << 20)
	}
	out.Before, out.Lone, out.Series = float64(before)/(1<<20), peaks[0], peaks[seriesCalls]
	return out, nil
}
