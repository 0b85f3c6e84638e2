package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A soak makes the calls of a day at ten a second, as fast as they go, and
// looks at the gateway after each of its 24 hours, when nothing is under way.
const (
	soakCalls       = 864_000
	soakShort       = 4_800
	soakHours       = 24
	soakConnections = 16
	soakStreams     = 10 // one call of so many is a stream
	soakRest        = 300 * time.Millisecond
)

// soak is one of them, as kept in bench/results.
type soak struct {
	occasion
	Calls   int        `json:"calls"`
	Seconds float64    `json:"seconds"` // under load
	Hours   []soakHour `json:"hours"`   // the first before any call
}

// soakHour is how the gateway was found.
type soakHour struct {
	Calls      int     `json:"calls"` // so far
	Heap       float64 `json:"heap_mb"`
	RSS        float64 `json:"rss_mb"`
	Goroutines int     `json:"goroutines"`
	Files      int     `json:"open_files"`
	Disk       float64 `json:"data_mb"`
}

func measureSoak(ctx context.Context, s settings) (_ *soak, err error) {
	b, err := newBench(s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	r, err := b.fresh(false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	t := r.get(writName)
	if err := r.place(t, soakConnections); err != nil {
		return nil, err
	}
	g := &gateway{binary: b.binary, dir: r.dir}
	out := &soak{occasion: b.occasion, Calls: s.Calls / soakHours * soakHours}
	for hour := range soakHours + 1 {
		if hour > 0 {
			took, err := soakAnHour(ctx, g, t, s.Calls/soakHours)
			if err != nil {
				return nil, fmt.Errorf("hour %d: %w", hour, err)
			}
			out.Seconds += took.Seconds()
		}
		found, err := lookAt(ctx, t, g.data())
		if err != nil {
			return nil, err
		}
		found.Calls = hour * (s.Calls / soakHours)
		out.Hours = append(out.Hours, found)
		fmt.Fprintf(os.Stderr, "hour %2d: %7d calls, live heap %.1f MB, resident %.1f MB, %d goroutines, %d files, data %.0f MB\n",
			hour, found.Calls, found.Heap, found.RSS, found.Goroutines, found.Files, found.Disk)
	}
	return out, nil
}

// soakAnHour makes an hour's calls with a new session, over new connections and
// signed anew: a session lives for an hour, a signature for minutes.
func soakAnHour(ctx context.Context, g *gateway, t *process, calls int) (_ time.Duration, err error) {
	if t.keys, err = g.session(); err != nil {
		return 0, err
	}
	requests, err := signedRequests(t, shape{operation: "converse"}, distinctRequests)
	if err != nil {
		return 0, err
	}
	streams, err := signedRequests(t, shape{operation: "converse-stream"}, distinctRequests/soakStreams)
	if err != nil {
		return 0, err
	}
	for i, one := range streams {
		requests[i*soakStreams] = one
	}
	l := &load{target: t, requests: requests, connections: soakConnections, calls: int64(calls)}
	return l.drive(ctx)
}

// lookAt waits for rest and reads the gateway's own figures and the kernel's.
func lookAt(ctx context.Context, t *process, data string) (h soakHour, err error) {
	if err := sleep(ctx, soakRest); err != nil {
		return h, err
	}
	text, err := metricsOf(ctx, data)
	if err != nil {
		return h, err
	}
	m, err := readMetrics(text, "go_memstats_next_gc_bytes", "go_gc_gogc_percent", "go_goroutines")
	if err != nil {
		return h, err
	}
	h.Heap, h.Goroutines = liveHeap(m["go_memstats_next_gc_bytes"], m["go_gc_gogc_percent"]), int(m["go_goroutines"])
	rss, err := memory(t.pid)
	if err != nil {
		return h, err
	}
	h.RSS = float64(rss) / (1 << 20)
	if h.Files, err = openFiles(t.pid); err != nil {
		return h, err
	}
	size, err := diskUse(data)
	h.Disk = float64(size) / (1 << 20)
	return h, err
}

// liveHeap is what the last collection left in use, in megabytes. The next one
// begins when the heap has grown by so many percent of that, and a heap of less
// than 4 MB counts as that.
func liveHeap(next, percent float64) float64 { return next / (1 + percent/100) / (1 << 20) }

// metricsOf asks the gateway for its metrics, as an operator would.
func metricsOf(ctx context.Context, data string) (string, error) {
	var at struct{ Admin string }
	text, err := os.ReadFile(filepath.Join(data, "run", "endpoints.json"))
	if err == nil {
		err = json.Unmarshal(text, &at)
	}
	if err != nil {
		return "", fmt.Errorf("finding the gateway's control plane: %w", err)
	}
	token, err := os.ReadFile(filepath.Join(data, "run", "admin.token"))
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.Admin+"/metrics", nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	transport := &http.Transport{DisableKeepAlives: true} // a connection of ours would count as the gateway's
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return "", fmt.Errorf("reading metrics: %w", err)
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("reading metrics: status %d", resp.StatusCode)
	}
	return string(text), err
}

// readMetrics finds metrics without labels in Prometheus's text format.
func readMetrics(text string, names ...string) (map[string]float64, error) {
	all := make(map[string]float64)
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			all[name] = n
		}
	}
	for _, name := range names {
		if _, found := all[name]; !found {
			return nil, fmt.Errorf("reading metrics: no %s", name)
		}
	}
	return all, nil
}

// diskUse is the size of the files in a directory.
func diskUse(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}

// growth is what a day more would add to a figure. Readings swing with where
// the collector happens to be, by more than a slow leak adds in hours; but what
// leaks is never given back, so it raises the lowest reading too. After the
// first quarter of the day, in which things fill up, the lowest of each half of
// the rest are compared.
func (s *soak) growth(figure func(soakHour) float64) float64 {
	rest := s.Hours[len(s.Hours)/4:]
	half := len(rest) / 2
	if half == 0 {
		return 0
	}
	lowest := func(hours []soakHour) float64 {
		low := figure(hours[0])
		for _, h := range hours[1:] {
			low = min(low, figure(h))
		}
		return low
	}
	return (lowest(rest[half:2*half]) - lowest(rest[:half])) * soakHours / float64(half)
}

func (h soakHour) heap() float64       { return h.Heap }
func (h soakHour) rss() float64        { return h.RSS }
func (h soakHour) goroutines() float64 { return float64(h.Goroutines) }
func (h soakHour) files() float64      { return float64(h.Files) }

// diskEach is what a call leaves in the data directory, in bytes.
func (s *soak) diskEach() float64 {
	first, last := s.Hours[0], s.Hours[len(s.Hours)-1]
	return (last.Disk - first.Disk) * (1 << 20) / float64(last.Calls-first.Calls)
}
