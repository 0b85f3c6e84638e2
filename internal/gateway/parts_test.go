package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/localca"
)

var discard = slog.New(slog.DiscardHandler)

func source(s string) netip.Prefix { return identity.SourceOf(netip.MustParseAddr(s)) }

func TestS16_InFlightBytesAreBoundedInTotalAndPerSource(t *testing.T) {
	f := newInFlight(100, 60)
	a, b, c := source("192.0.2.1"), source("192.0.2.2"), source("2001:db8::1")
	for i, step := range []struct {
		key  netip.Prefix
		n    int64
		want bool
	}{{a, 60, true}, {a, 1, false}, {a, 0, true}, {b, 40, true}, {c, 1, false}, {b, 21, false}} {
		if got := f.acquire(step.key, step.n); got != step.want {
			t.Errorf("step %d: acquire(%v, %d) = %v", i, step.key, step.n, got)
		}
	}
	f.release(a, 60)
	if !f.acquire(c, 60) || f.acquire(b, 1) {
		t.Error("what one source gave back is not there for others")
	}
	f.release(b, 40)
	f.release(c, 60)
	if len(f.source) != 0 || f.held != 0 {
		t.Errorf("after everything is back: %+v", f)
	}
}

func TestInFlightNeverExceedsItsLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newInFlight(rapid.Int64Range(0, 50).Draw(t, "total"), rapid.Int64Range(0, 50).Draw(t, "per source"))
		type hold struct {
			key netip.Prefix
			n   int64
		}
		var held []hold
		keys := []netip.Prefix{source("192.0.2.1"), source("192.0.2.2"), source("2001:db8::1")}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if len(held) > 0 && rapid.Bool().Draw(t, "release") {
				i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
				f.release(held[i].key, held[i].n)
				held = slices.Delete(held, i, i+1)
				continue
			}
			h := hold{rapid.SampledFrom(keys).Draw(t, "key"), rapid.Int64Range(0, 30).Draw(t, "n")}
			if f.acquire(h.key, h.n) {
				held = append(held, h)
			}
		}
		var total int64
		per := map[netip.Prefix]int64{}
		for _, h := range held {
			total += h.n
			per[h.key] += h.n
		}
		for key, n := range per {
			if n > f.perSource || n != f.source[key] {
				t.Fatalf("%v holds %d, counted %d, at most %d", key, n, f.source[key], f.perSource)
			}
		}
		if total > f.total || total != f.held {
			t.Fatalf("%d held, counted %d, at most %d", total, f.held, f.total)
		}
	})
}

func TestSourcesAreAddressesAndIPv6Networks(t *testing.T) {
	if source("2001:db8::1") != source("2001:db8::2") || source("2001:db8::1") == source("2001:db8:0:1::1") {
		t.Error("an IPv6 source is not its /64")
	}
	if source("192.0.2.1") == source("192.0.2.2") {
		t.Error("two IPv4 addresses are one source")
	}
	if identity.SourceOf(netip.Addr{}) != (netip.Prefix{}) {
		t.Error("an unknown address has a source")
	}
}

func TestS16_RefusalsAreAggregatedWithinCaps(t *testing.T) {
	var written []aggregate
	r := newRefusedBefore(discard, func(_ context.Context, a aggregate) error {
		written = append(written, a)
		return nil
	})
	start := time.Unix(1_800_000_000, 0)
	for i := range 50 {
		r.count(source("192.0.2.1"), "unauthenticated", "id", start.Add(time.Duration(i)*time.Second))
	}
	r.count(source("192.0.2.1"), "malformed", "id", start)
	if err := r.flush(t.Context()); err != nil || len(written) != 2 {
		t.Fatalf("%d aggregates, %v", len(written), err)
	}
	i := slices.IndexFunc(written, func(a aggregate) bool { return a.Reason == "unauthenticated" })
	if a := written[i]; a.Count != 50 || len(a.Samples) != maxSamples || !a.First.Equal(start) || !a.Last.Equal(start.Add(49*time.Second)) {
		t.Errorf("got %+v", a)
	}

	written = nil
	for i := range 3 * maxAggregates {
		r.count(source(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String()), "unauthenticated", "id", start)
	}
	if err := r.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var total int64
	for _, a := range written {
		total += a.Count
	}
	if len(written) > maxAggregates+1 || total != 3*maxAggregates {
		t.Errorf("%d aggregates of %d refusals", len(written), total)
	}
	written = nil
	if err := r.flush(t.Context()); err != nil || len(written) != 0 {
		t.Errorf("what was written is written again: %v, %v", written, err)
	}
}

func TestAggregatesAreWrittenEveryMinuteAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		written := make(chan aggregate, 10)
		failing := errors.New("disk full")
		r := newRefusedBefore(discard, func(_ context.Context, a aggregate) error {
			written <- a
			return failing // counted, warned about, and not an end
		})
		ctx, cancel := context.WithCancel(t.Context())
		go r.run(ctx)
		for minute := range 3 {
			r.count(source("192.0.2.1"), "unauthenticated", "id", time.Now())
			time.Sleep(time.Minute)
			synctest.Wait()
			if len(written) != minute+1 {
				t.Fatalf("minute %d: %d written", minute, len(written))
			}
		}
		r.count(source("192.0.2.1"), "unauthenticated", "id", time.Now())
		cancel()
		synctest.Wait()
		if len(written) != 4 {
			t.Errorf("%d written at the end, want 4", len(written))
		}
	})
}

func TestIDsAreUUIDsInTheOrderOfTime(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	last := ""
	for range 200 {
		id := newID()
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("%q is malformed or not new", id)
		}
		if id[:13] < last {
			t.Fatalf("%q is before %q", id, last)
		}
		seen[id], last = true, id[:13]
	}
}

func TestClipKeepsWholeCharactersWithinTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		n := rapid.IntRange(0, 40).Draw(t, "n")
		got := clip(s, n)
		kept, cut := strings.CutSuffix(got, "…")
		switch {
		case len(s) <= n && got != s:
			t.Fatalf("clip(%q, %d) = %q", s, n, got)
		case len(s) > n && (!cut || len(kept) > n || !strings.HasPrefix(s, kept) || !utf8.ValidString(got)):
			t.Fatalf("clip(%q, %d) = %q", s, n, got)
		}
	})
}

func TestOpenCallsAreCutByWhatTheyAre(t *testing.T) {
	o := newOpenCalls()
	causes := map[string]error{}
	add := func(identity string) *Call {
		ctx, cancel := context.WithCancelCause(context.Background())
		c := &Call{Identity: identity, cut: func(err error) { cancel(err); causes[identity] = context.Cause(ctx) }}
		o.add(c)
		return c
	}
	a := add("a")
	add("b")
	if n := o.cut("gone", func(c *Call) bool { return c.Identity == "b" }); n != 1 || o.len() != 2 {
		t.Errorf("%d cut of %d", n, o.len())
	}
	var cut *cutError
	if !errors.As(causes["b"], &cut) || cut.why != "gone" || causes["a"] != nil {
		t.Errorf("causes %v", causes)
	}
	o.remove(a)
	o.remove(a)
	if o.len() != 1 {
		t.Errorf("%d calls are open, want 1", o.len())
	}
}

func TestSaltsAreFetchedOncePerIdentityAndDay(t *testing.T) {
	fetched := 0
	s := newSalts(func(_ context.Context, identity string, day time.Time) ([]byte, error) {
		fetched++
		if identity == "erased" {
			return nil, errors.New("no salt")
		}
		return []byte(identity + day.Format(time.DateOnly)), nil
	})
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	commits := func(c *auditlog.Committer, salt string) bool {
		return c.Commit("l", "id", [32]byte{1}) == auditlog.Commit([]byte(salt), "l", "id", [32]byte{1})
	}
	for range 3 {
		for _, who := range []string{"a", "b"} {
			if got, err := s.get(t.Context(), who, noon); err != nil || !commits(got, who+"2026-11-23") {
				t.Fatalf("%s: not under its salt of the day, %v", who, err)
			}
		}
	}
	if fetched != 2 {
		t.Errorf("fetched %d times, want 2", fetched)
	}
	if got, err := s.get(t.Context(), "a", noon.Add(12*time.Hour)); err != nil || !commits(got, "a2026-11-24") || fetched != 3 {
		t.Errorf("the next day: not under its salt, or %v, fetched %d times", err, fetched)
	}
	if _, err := s.get(t.Context(), "erased", noon); err == nil {
		t.Error("a salt that is not there was made up")
	}
}

// sniffed serves one listener that answers TLS and, if plain says so, plain text.
func sniffed(t *testing.T, plain bool) (addr string, roots *tls.Config) {
	t.Helper()
	pair, _, err := localca.Issue(t.TempDir(), nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	l := Sniff(inner, conf, plain)
	srv := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }), conf, discard)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serving ended with %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accepting after the end: %v", err)
		}
	})
	return inner.Addr().String(), &tls.Config{InsecureSkipVerify: true} // which certificate is localca's test
}

func TestSniffTellsTLSFromPlainText(t *testing.T) {
	addr, conf := sniffed(t, true)
	// A connection that says nothing holds up nobody.
	silent, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, scheme := range []string{"http", "https"} {
		tr := &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: true}
		resp, err := tr.RoundTrip(mustRequest(t, scheme+"://"+addr))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		tr.CloseIdleConnections()
		if want := map[string]int{"http": 1, "https": 2}[scheme]; resp.ProtoMajor != want {
			t.Errorf("%s is served as %s", scheme, resp.Proto)
		}
	}
}

func TestS14_SniffClosesPlainTextWhereItMayNotBe(t *testing.T) {
	addr, conf := sniffed(t, false)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(c); len(got) != 0 { // a reset is as good an end as any
		t.Errorf("answered %q", got)
	}
	tr := &http.Transport{TLSClientConfig: conf}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(mustRequest(t, "https://"+addr))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func mustRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
