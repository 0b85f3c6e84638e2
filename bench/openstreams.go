package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// openStreams is a target's memory while many streams are open through it.
type openStreams struct {
	Protocol string  `json:"protocol"`
	Target   string  `json:"target"`
	Streams  int     `json:"streams"`
	Before   float64 `json:"before_mb"` // resident, with one call behind it
	During   float64 `json:"during_mb"` // the most while all are open and frames pass
	Each     float64 `json:"each_kb"`
}

const (
	streamsOpen = 1000
	streamPace  = 250 * time.Millisecond // a stream of 54 frames lasts 13 s
	streamWatch = 3 * time.Second        // with all of them open
)

// The protocols that streams are opened over.
const (
	protocolH1  = "HTTP/1.1"
	protocolH2C = "h2c"
)

// openStreams starts new targets for each protocol.
func (b *bench) openStreams(ctx context.Context) (all []openStreams, err error) {
	for _, protocol := range []string{protocolH1, protocolH2C} {
		fmt.Fprintf(os.Stderr, "measuring %d open streams over %s …\n", streamsOpen, protocol)
		got, err := b.openStreamsOver(ctx, protocol)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", protocol, err)
		}
		all = append(all, got...)
	}
	return all, nil
}

func (b *bench) openStreamsOver(ctx context.Context, protocol string) (all []openStreams, err error) {
	r, err := b.fresh(false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.alike(shape{operation: "converse-stream"}); err != nil {
		return nil, err
	}
	for _, name := range []string{proxyName, nginxName, writName} {
		t := r.get(name)
		if t == nil {
			continue
		}
		if err := r.place(t, streamsOpen); err != nil {
			return nil, err
		}
		watch := streamWatch
		if b.settings.Short {
			watch /= 3
		}
		got, err := holdStreams(ctx, t, protocol, watch)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, got)
	}
	return all, nil
}

// holdStreams opens the streams, watches the target while frames pass through
// all of them, and leaves.
func holdStreams(ctx context.Context, t *process, protocol string, watch time.Duration) (openStreams, error) {
	out := openStreams{Protocol: protocol, Target: t.name, Streams: streamsOpen}
	before, err := memory(t.pid)
	if err != nil {
		return out, err
	}
	client := streamClient(protocol)
	defer client.CloseIdleConnections()
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	var open errgroup.Group
	open.SetLimit(64)
	streams := make([]io.ReadCloser, streamsOpen)
	for i := range streams {
		open.Go(func() (err error) {
			streams[i], err = openStream(ctx, client, t, protocol, i)
			return err
		})
	}
	if err := open.Wait(); err != nil {
		return out, err
	}
	var reading errgroup.Group
	for _, s := range streams {
		reading.Go(func() error { return readOn(ctx, s) })
	}
	most, err := watchMemory(ctx, t.pid, watch)
	leave()
	if err := errors.Join(err, reading.Wait()); err != nil {
		return out, err
	}
	out.Before, out.During = float64(before)/(1<<20), float64(most)/(1<<20)
	out.Each = float64(most-before) / streamsOpen / 1024
	return out, nil
}

func streamClient(protocol string) *http.Transport {
	t := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: streamsOpen, Protocols: new(http.Protocols)}
	t.Protocols.SetHTTP1(protocol == protocolH1)
	t.Protocols.SetUnencryptedHTTP2(protocol == protocolH2C)
	return t
}

// openStream sends one request and reads the first frame's beginning.
func openStream(ctx context.Context, client *http.Transport, t *process, protocol string, n int) (io.ReadCloser, error) {
	addr := t.addr
	if protocol == protocolH2C && t.h2 != "" {
		addr = t.h2
	}
	r, err := shape{operation: "converse-stream", pace: streamPace}.signed(addr, t.keys, n)
	if err != nil {
		return nil, err
	}
	resp, err := client.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	var first [16]byte
	if _, err := io.ReadFull(resp.Body, first[:]); err != nil || resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, errors.Join(err, fmt.Errorf("status %d", resp.StatusCode))
	}
	return resp.Body, nil
}

// readOn takes what comes until ctx ends. A stream that ends earlier was not
// open all the time.
func readOn(ctx context.Context, s io.ReadCloser) error {
	defer s.Close()
	_, err := io.Copy(io.Discard, s)
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(errors.New("a stream ended while it was to be open"), err)
}

// watchMemory is the largest resident set seen in a while.
func watchMemory(ctx context.Context, pid int, watch time.Duration) (int64, error) {
	var seen []int64
	for deadline := time.Now().Add(watch); time.Now().Before(deadline); {
		n, err := memory(pid)
		if err != nil {
			return 0, err
		}
		seen = append(seen, n)
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return slices.Max(seen), nil
}
