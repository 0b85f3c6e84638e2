package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

func TestPacedStreamCarriesTheTime(t *testing.T) {
	s := standIn(t)
	requests, err := signedRequests(s, shape{operation: "converse-stream", pace: 100 * time.Microsecond}, 1)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	body, err := once(s.addr, requests[0])
	if err != nil {
		t.Fatal(err)
	}
	frames, last := 0, int64(0)
	in := bytes.NewReader(body)
	for decoder := eventstream.NewDecoder(); in.Len() > 0; { // which checks the CRCs
		m, err := decoder.Decode(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(m.Payload, stampKey) {
			continue
		}
		frames++
		at := bytes.Index(m.Payload, stampKey) + len(stampKey)
		sent := parseStamp(t, m.Payload[at:at+stampLen])
		if sent < began.UnixNano() || sent <= last || sent > time.Now().UnixNano() {
			t.Errorf("frame %d was sent at %d, after one at %d", frames, sent, last)
		}
		last = sent
	}
	if frames != streamFrames-4 {
		t.Errorf("%d frames carry their time", frames)
	}
}

func parseStamp(t *testing.T, digits []byte) (n int64) {
	t.Helper()
	for _, d := range digits {
		if d < '0' || d > '9' {
			t.Fatalf("%q is no time", digits)
		}
		n = n*10 + int64(d-'0')
	}
	return n
}

func TestFrameClock(t *testing.T) {
	events, err := streamEvents()
	if err != nil {
		t.Fatal(err)
	}
	var stream []byte
	for _, e := range events {
		chunk := stamped([]byte("80\r\n" + string(e) + "\r\n"))
		stream = append(stream, chunk[4:len(chunk)-2]...)
	}
	for _, size := range []int{1, 7, 100, len(stream)} { // however it is cut
		var clock frameClock
		for at := 0; at < len(stream); at += size {
			if _, err := clock.Write(stream[at:min(at+size, len(stream))]); err != nil {
				t.Fatal(err)
			}
		}
		if len(clock.delays) != streamFrames-4 {
			t.Errorf("in pieces of %d: %d frames", size, len(clock.delays))
		}
	}
	for name, bad := range map[string][]byte{
		"not a stream":     []byte("<html>....."),
		"no time":          events[1],
		"from the future":  bytes.Replace(bytes.Clone(events[1]), []byte(noStamp), []byte("9000000000000000000"), 1),
		"from years ago":   bytes.Replace(bytes.Clone(events[1]), []byte(noStamp), []byte("1000000000000000000"), 1),
		"not even a digit": bytes.Replace(bytes.Clone(events[1]), []byte(noStamp), []byte("abcdefghijklmnopqrs"), 1),
	} {
		if _, err := new(frameClock).Write(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPace(t *testing.T) {
	for body, want := range map[string]time.Duration{
		shape{pace: 2 * time.Millisecond}.bodyOf(3): 2 * time.Millisecond,
		shape{}.bodyOf(3):            0,
		`{"text":"Pace 3 apples. "}`: 0,
		`Pace 2ms`:                   0,
	} {
		if got := paceIn([]byte(body)); got != want {
			t.Errorf("%.40q: %v", body, got)
		}
	}
}

func TestLoadTimesFrames(t *testing.T) {
	s := standIn(t)
	requests, err := signedRequests(s, shape{operation: "converse-stream", pace: 100 * time.Microsecond}, 2)
	if err != nil {
		t.Fatal(err)
	}
	l := &load{target: s, requests: requests, connections: 2, length: 100 * time.Millisecond, paced: true}
	got, err := l.run(context.Background())
	if err != nil || got.Answers < streamFrames-4 || got.Mean <= 0 {
		t.Errorf("%+v: %v", got, err)
	}
}

func TestLoadMakesSoManyCalls(t *testing.T) {
	seen := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen <- struct{}{} }))
	defer server.Close()
	p := &process{name: "counting", addr: strings.TrimPrefix(server.URL, "http://"), pid: os.Getpid()}
	l := &load{target: p, requests: requestsTo(t, p.addr, "converse", 2), connections: 3, calls: 50}
	if _, err := l.drive(context.Background()); err != nil || len(seen) != 50 {
		t.Errorf("%d calls: %v", len(seen), err)
	}
}

func TestBodiesHaveTheSizeAsked(t *testing.T) {
	for _, size := range []int{1_000_000, largeBody} {
		body := shape{body: size}.bodyOf(1)
		if len(body) > size || len(body) < size-8 {
			t.Errorf("%d bytes, want %d", len(body), size)
		}
		s := standIn(t)
		requests, err := signedRequests(s, shape{operation: "converse", body: size}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := once(s.addr, requests[0]); err != nil {
			t.Error(err)
		}
	}
}

func TestReadMemoryPeak(t *testing.T) {
	pid := os.Getpid()
	if err := resetPeak(pid); err != nil {
		t.Skip(err) // a sandbox may forbid it
	}
	before, err := peakMemory(pid)
	if err != nil {
		t.Fatal(err)
	}
	ballast := make([]byte, 64<<20)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	after, err := peakMemory(pid)
	if err != nil || after < before+32<<20 || ballast[4096] != 1 {
		t.Errorf("a peak of %d after %d: %v", after, before, err)
	}
}

func TestHeldStreamsAreOpen(t *testing.T) {
	s := standIn(t)
	got, err := holdStreams(context.Background(), s, protocolH1, 100*time.Millisecond)
	if err != nil || got.During <= 0 || got.Streams != streamsOpen {
		t.Errorf("%+v: %v", got, err)
	}
	ends := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 64)) }))
	defer ends.Close()
	p := &process{name: "ending", addr: strings.TrimPrefix(ends.URL, "http://"), pid: os.Getpid(), keys: testKeys}
	if _, err := holdStreams(context.Background(), p, protocolH1, 100*time.Millisecond); err == nil {
		t.Error("streams that ended count as open")
	}
}

func TestConfigureNginx(t *testing.T) {
	text := configureNginx("/d", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
	wants(t, text, "server 127.0.0.1:1;", "listen 127.0.0.1:2 ", "listen 127.0.0.1:3 http2", "pid /d/pid;", "access_log off;", "proxy_buffering off;")
	if strings.Contains(text, "{{") {
		t.Error(text)
	}
}
