package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"
)

var testKeys = aws.Credentials{AccessKeyID: "AKIDTEST000000000000", SecretAccessKey: "secret", SessionToken: "token"}

// standIn serves in this process, so that its CPU time can be read too.
func standIn(t *testing.T) *process {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { _ = acceptStandIn(l) }()
	return &process{name: bareName, addr: l.Addr().String(), pid: os.Getpid(), keys: testKeys}
}

func requestsTo(t *testing.T, addr, operation string, n int) [][]byte {
	t.Helper()
	out, err := signedRequests(&process{addr: addr, keys: testKeys}, shape{operation: operation}, n)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStandInStreamsWholeFrames(t *testing.T) {
	s := standIn(t)
	body, err := once(s.addr, requestsTo(t, s.addr, "converse-stream", 1)[0])
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	in := bytes.NewReader(body)
	for decoder := eventstream.NewDecoder(); in.Len() > 0; {
		m, err := decoder.Decode(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, m.Headers.Get(":event-type").String())
	}
	if len(names) != streamFrames || names[0] != "messageStart" || names[streamFrames-1] != "metadata" {
		t.Errorf("%d frames: %v", len(names), names)
	}
}

func TestProxyPassesAnswersUnchanged(t *testing.T) {
	s := standIn(t)
	to, err := url.Parse("http://" + s.addr)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(tunedProxy(to))
	defer proxy.Close()
	addr := strings.TrimPrefix(proxy.URL, "http://")
	for _, operation := range []string{"converse", "converse-stream"} {
		want, err := once(s.addr, requestsTo(t, s.addr, operation, 1)[0])
		if err != nil {
			t.Fatal(err)
		}
		for range 50 { // an answer that overtakes its request must not break
			got, err := once(addr, requestsTo(t, addr, operation, 1)[0])
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: %d bytes, want %d; %v", operation, len(got), len(want), err)
			}
		}
	}
}

func TestEveryRequestIsSignedAnew(t *testing.T) {
	seen := make(map[string]bool)
	for _, wire := range requestsTo(t, "127.0.0.1:1", "converse", 20) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || len(body) < promptBytes-promptSpread {
			t.Fatalf("a body of %d bytes: %v", len(body), err)
		}
		seen[r.Header.Get("Authorization")] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d signatures for 20 requests", len(seen))
	}
}

func TestLoadCountsAnswers(t *testing.T) {
	s := standIn(t)
	l := &load{target: s, requests: requestsTo(t, s.addr, "converse", 4), connections: 3, length: 60 * time.Millisecond}
	got, err := l.run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got.Answers == 0 || got.P50 <= 0 || got.P99 < got.P50 || got.Rate <= 0 || got.Memory <= 0 {
		t.Errorf("%+v", got)
	}
}

func TestLoadStopsAtRefusal(t *testing.T) {
	refuse := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer refuse.Close()
	p := &process{name: "refusing", addr: strings.TrimPrefix(refuse.URL, "http://"), pid: os.Getpid()}
	l := &load{target: p, requests: requestsTo(t, p.addr, "converse", 1), connections: 2, length: time.Hour}
	if _, err := l.run(context.Background()); err == nil || !strings.Contains(err.Error(), "status 403") {
		t.Errorf("got %v, want the status", err)
	}
}

func TestReadResponse(t *testing.T) {
	for name, c := range map[string]struct {
		wire   string
		status int
		body   string
		bad    bool
	}{
		"length":           {wire: "HTTP/1.1 200 OK\r\ncontent-LENGTH: 3\r\n\r\nabc", status: 200, body: "abc"},
		"chunks":           {wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n", status: 200, body: "abc0123456789"},
		"trailer":          {wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n", status: 200, body: "a"},
		"refusal":          {wire: "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", status: 403, body: "no"},
		"cut body":         {wire: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", bad: true},
		"cut chunk":        {wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", bad: true},
		"no last chunk":    {wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", bad: true},
		"chunk's end":      {wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", bad: true},
		"chunk's size":     {wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", bad: true},
		"negative length":  {wire: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", bad: true},
		"another protocol": {wire: "HTTP/1.0 200 OK\r\n\r\n", bad: true},
		"no status":        {wire: "HTTP/1.1 abc\r\n\r\n", bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			var body bytes.Buffer
			status, err := readResponse(bufio.NewReader(strings.NewReader(c.wire)), &body)
			if (err != nil) != c.bad {
				t.Fatalf("error %v", err)
			}
			if !c.bad && (status != c.status || body.String() != c.body) {
				t.Errorf("status %d, body %q", status, body.String())
			}
		})
	}
}

func TestFigures(t *testing.T) {
	took := make([]uint32, 100)
	for i := range took {
		took[i] = uint32(100-i) * 1000 // 100 µs … 1 µs
	}
	got, err := summary(took, 3*time.Millisecond, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample{P50: 51, P99: 100, Mean: 50.5, Rate: 50, CPU: 30, Answers: 100}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := summary(nil, 0, time.Second); err == nil {
		t.Error("a round without answers has figures")
	}
	m := median([]sample{{P50: 9, CPU: 1, Answers: 1}, {P50: 1, CPU: 5, Answers: 2}, {P50: 4, CPU: 3, Answers: 3}})
	if diff := cmp.Diff(sample{P50: 4, CPU: 3, Answers: 6}, m); diff != "" {
		t.Error(diff)
	}
	if m := median([]sample{{P50: 1}, {P50: 2}}); m.P50 != 1.5 {
		t.Errorf("the median of 1 and 2 is %v", m.P50)
	}
}

func TestTheDocumentHasThePlaceForTheTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", docPath))
	if err != nil {
		t.Fatal(err)
	}
	once, err := splice(text, "a table\n")
	if err != nil {
		t.Fatal(err)
	}
	twice, err := splice(once, "a table\n")
	if err != nil || !bytes.Equal(once, twice) || !bytes.Contains(once, []byte("\na table\n")) {
		t.Errorf("writing twice is not writing once: %v\n%s", err, twice)
	}
	if _, err := splice([]byte("no marks"), "a table\n"); err == nil {
		t.Error("a document without marks took a table")
	}
}

func TestOwnFigures(t *testing.T) {
	if _, err := cpuTime(os.Getpid()); err != nil {
		t.Error(err)
	}
	if n, err := memory(os.Getpid()); err != nil || n < 1<<20 {
		t.Errorf("%d bytes of memory: %v", n, err)
	}
	if took, err := syncLatency(filepath.Join(t.TempDir(), "f")); err != nil || took <= 0 {
		t.Errorf("fsync took %v µs: %v", took, err)
	}
	if addr, err := readyAddress("ready gateway=http://127.0.0.1:80 admin=http://x\n"); err != nil || addr != "127.0.0.1:80" {
		t.Errorf("%q, %v", addr, err)
	}
	if _, err := readyAddress("listening\n"); err == nil {
		t.Error("any line counts as ready")
	}
}

// TestWholeRun measures for a moment only: that the command works, not how fast.
func TestWholeRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts the binary")
	}
	t.Chdir("..")
	s, dir := settings{Rounds: 1, Time: 60 * time.Millisecond}, t.TempDir()
	self := filepath.Join(dir, "bench")
	if out, err := exec.Command("go", "build", "-o", self, "./bench").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	binary, err := buildWrit(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := &rig{self: self, binary: binary, dir: filepath.Join(dir, "rig"), tmpfs: true}
	defer func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := b.open(); err != nil {
		t.Fatal(err)
	}
	for _, w := range workloads {
		r, err := b.row(t.Context(), s, w)
		if err != nil {
			t.Fatalf("%s: %v", w.name, err)
		}
		for _, target := range r.Targets {
			if target.Median.Answers == 0 {
				t.Errorf("%s: %s gave no answer", w.name, target.Name)
			}
		}
	}
	look, err := lookAt(t.Context(), b.get(writName), filepath.Join(b.dir, "data"))
	if err != nil || look.Heap <= 0 || look.Goroutines <= 0 || look.Files <= 0 || look.Disk <= 0 {
		t.Errorf("%+v: %v", look, err)
	}
}
