package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// clientRows are what callers, known or not, can do to a gateway by being slow
// or many. Other callers must not notice.
func clientRows() []row {
	const group = "clients"
	return []row{
		{group: group, name: "slow readers", how: "40 callers ask for 4 MiB and read one byte a second", ends: []string{"200"}, run: slowReaders},
		{group: group, name: "slow headers", how: "200 connections send a byte of a header a second", ends: []string{"200"}, run: slowHeaders},
		{group: group, name: "slow bodies", how: "100 signed calls send a byte of the body a second", ends: []string{"200"}, run: slowBodies},
		{group: group, name: "idle connections", how: "kept alive after one request each", ends: []string{"200"}, run: idleConnections},
		{group: group, name: "file descriptors run out", how: "writ under a limit of 96; 200 connections take what there is", ends: []string{"200", unavailable, "no answer"}, run: noDescriptors},
	}
}

// long is how long a slow client keeps it up: beyond every limit of the
// gateway's, or a moment in the short form.
func (t *trial) long(limit time.Duration) time.Duration {
	if t.cfg.Short {
		return 3 * time.Second
	}
	return limit
}

// others is the load of everybody else, for as long as the slow ones last.
func (t *trial) others(ctx context.Context, length time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	return t.during(ctx, load{workers: 4, streams: true, pause: 20 * time.Millisecond})
}

// written is a signed call as it goes over the wire.
func (t *trial) written(ctx context.Context, c call) ([]byte, error) {
	r, err := c.signed(ctx, t.site.process.gateway, t.site.keys)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = r.Write(&b)
	return b.Bytes(), err
}

func (t *trial) dial() (net.Conn, error) {
	return net.DialTimeout("tcp", strings.TrimPrefix(t.site.process.gateway, "http://"), 5*time.Second)
}

// trickle holds n connections, each of which f drives, while others call.
func (t *trial) trickle(ctx context.Context, n int, length time.Duration, f func(context.Context, net.Conn, int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group errgroup.Group
	for i := range n {
		group.Go(func() error {
			c, err := t.dial()
			if err != nil {
				return err
			}
			defer c.Close()
			defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now()) })()
			return f(ctx, c, i)
		})
	}
	err := t.others(ctx, length)
	cancel()
	return errors.Join(err, group.Wait())
}

const largeBody = 4 << 20

func slowReaders(ctx context.Context, t *trial) error {
	if err := t.shared(ctx); err != nil {
		return err
	}
	readers := 40
	if t.cfg.Short {
		readers = 8
	}
	slow := make(map[int64]bool)
	calls := make([]call, readers)
	for i := range calls {
		calls[i] = call{serial: serials.Add(1)}
		slow[calls[i].serial] = true
	}
	large := fmt.Sprintf("%sContent-Length: %d\r\n\r\n{\"output\":\"%s\"}", wholeHead, largeBody, strings.Repeat("a", largeBody-13))
	t.site.upstream.set(func(c net.Conn, r *request) bool {
		if !slow[r.serial] {
			return well(c, r)
		}
		_, err := io.WriteString(c, large)
		return err == nil
	})
	defer t.site.upstream.set(well)
	length := t.long(75 * time.Second) // the gateway waits for a minute
	err := t.trickle(ctx, readers, length, func(ctx context.Context, c net.Conn, i int) error {
		_ = c.(*net.TCPConn).SetReadBuffer(4096)
		text, err := t.written(ctx, calls[i])
		if err == nil {
			_, err = c.Write(text)
		}
		for one := make([]byte, 1); err == nil && sleep(ctx, time.Second) == nil; {
			if _, gone := c.Read(one); gone != nil {
				return nil // at the end of the row
			}
		}
		return err
	})
	recorded, lookErr := t.givenUp(ctx, calls, length-5*time.Second)
	t.note("%d given up by the gateway within %v", recorded, length)
	err = errors.Join(err, lookErr)
	for _, c := range calls {
		t.answers = append(t.answers, answer{call: c, err: errors.New("read one byte a second")})
	}
	return errors.Join(err, t.heals(ctx))
}

// givenUp counts calls that the gateway ended by itself, before the row did.
func (t *trial) givenUp(ctx context.Context, calls []call, before time.Duration) (n int, err error) {
	l, err := readLedger(ctx, t.site.log(), t.from)
	if err != nil {
		return 0, err
	}
	for _, c := range calls {
		for _, i := range l.intents[c.serial] {
			for _, o := range l.outcomes[i.index] {
				if o.Ended == "client_gone" && o.DurationMS < before.Milliseconds() {
					n++
				}
			}
		}
	}
	return n, nil
}

func slowHeaders(ctx context.Context, t *trial) error {
	if err := t.shared(ctx); err != nil {
		return err
	}
	var closed counter
	err := t.trickle(ctx, 200, t.long(15*time.Second), func(ctx context.Context, c net.Conn, _ int) error {
		for i := 0; sleep(ctx, time.Second) == nil; i++ {
			if _, err := c.Write([]byte("POST / HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")[i : i+1]); err != nil {
				closed.add()
				return nil
			}
		}
		return nil
	})
	t.note("%d closed by the gateway within %v", closed.n, t.long(15*time.Second))
	return errors.Join(err, t.heals(ctx))
}

func slowBodies(ctx context.Context, t *trial) error {
	if err := t.shared(ctx); err != nil {
		return err
	}
	var refused counter
	calls := make([]call, 100)
	for i := range calls {
		calls[i] = call{serial: serials.Add(1)}
	}
	err := t.trickle(ctx, len(calls), t.long(65*time.Second), func(ctx context.Context, c net.Conn, i int) error {
		text, err := t.written(ctx, calls[i])
		if err != nil {
			return err
		}
		body := bytes.Index(text, []byte("\r\n\r\n")) + 4
		_, err = c.Write(text[:body])
		for at := body; err == nil && at < len(text)-1 && sleep(ctx, time.Second) == nil; at++ {
			_, err = c.Write(text[at : at+1])
		}
		if err != nil {
			refused.add()
		}
		return nil
	})
	for _, c := range calls {
		t.answers = append(t.answers, answer{call: c, err: errors.New("sent one byte a second")})
		if t.site.upstream.times(c.serial) > 0 {
			err = errors.Join(err, fmt.Errorf("call %d left for the upstream before its body was whole", c.serial))
		}
	}
	t.note("%d given up by the gateway within %v", refused.n, t.long(65*time.Second))
	return errors.Join(err, t.heals(ctx))
}

// counter counts in several goroutines.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func idleConnections(ctx context.Context, t *trial) error {
	if err := t.opens(ctx, options{}); err != nil {
		return err
	}
	n := 10_000
	if t.cfg.Short {
		n = 1_500
	}
	before, err := memory(t.site.process.pid)
	if err != nil {
		return err
	}
	idle, err := t.idle(n)
	defer closeAll(idle)
	if err != nil {
		return err
	}
	held, err := memory(t.site.process.pid)
	if err != nil {
		return err
	}
	if err := t.during(ctx, load{workers: 8, calls: 400, streams: true}); err != nil {
		return err
	}
	t.note("%d connections; resident memory %d MB without them, %d MB with", n, before>>20, held>>20)
	return t.heals(ctx)
}

// idle opens connections that make one request each, which is refused, and
// then say nothing more. What was opened is returned also with an error.
func (t *trial) idle(n int) ([]net.Conn, error) {
	var (
		mu    sync.Mutex
		out   []net.Conn
		group errgroup.Group
	)
	group.SetLimit(64)
	for range n {
		group.Go(func() error {
			c, err := t.dial()
			if err != nil {
				return err
			}
			mu.Lock()
			out = append(out, c)
			mu.Unlock()
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			if _, err := io.WriteString(c, "GET /idle HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
				return err
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				return err
			}
			return resp.Body.Close()
		})
	}
	err := group.Wait()
	return slices.Clip(out), err
}

func closeAll(all []net.Conn) {
	for _, c := range all {
		_ = c.Close()
	}
}

// noDescriptors takes the last descriptor and calls all the same.
func noDescriptors(ctx context.Context, t *trial) error {
	if err := t.opens(ctx, options{wrap: []string{"prlimit", "--nofile=96:96"}}); err != nil {
		return err
	}
	done := make(chan error, 1)
	calling, cancel := context.WithTimeout(ctx, t.long(15*time.Second))
	defer cancel()
	go func() {
		done <- t.during(calling, load{workers: 6, streams: true, patient: time.Second, pause: 20 * time.Millisecond})
	}()
	taken, open, err := t.takeDescriptors(ctx)
	defer closeAll(taken)
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	t.note("%d descriptors were open", open)
	closeAll(taken)
	return t.heals(ctx)
}

// takeDescriptors connects 200 times, while others are calling, and counts
// what writ has open then.
func (t *trial) takeDescriptors(ctx context.Context) (taken []net.Conn, open int, err error) {
	if err := sleep(ctx, 300*time.Millisecond); err != nil {
		return nil, 0, err
	}
	for range 200 {
		c, err := t.dial() // the kernel accepts them, whether or not writ can
		if err != nil {
			return taken, 0, err
		}
		taken = append(taken, c)
		if _, err := io.WriteString(c, "GET /idle HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return taken, 0, err
		}
	}
	_ = sleep(ctx, 200*time.Millisecond) // so that it has taken what it can
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", t.site.process.pid))
	return taken, len(all), err
}

// memory is a process's resident set, in bytes.
func memory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("reading memory: %q", text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
