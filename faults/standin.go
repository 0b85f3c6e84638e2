package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// upstreamKey is the access key that Writ forwards under. A request that
// arrives under any other has a caller's credentials on it.
const upstreamKey = "AKIDFAULTS0000000000"

// answerer gives one answer, well or badly, and says whether the connection
// may be used again.
type answerer func(c net.Conn, r *request) (again bool)

// request is a call that reached the stand-in whole.
type request struct {
	serial  int64
	streams bool
	in      *bufio.Reader // what follows on the connection: nothing, or its end
}

// standIn is the upstream of the suite: raw connections, because most of what
// goes wrong below HTTP cannot be done through an HTTP server. It keeps a
// journal of every call that reached it, by the serial number in its body.
type standIn struct {
	addr    string
	answer  atomic.Pointer[answerer]
	foreign atomic.Int64 // requests that were not signed with Writ's key

	mu       sync.Mutex // guards the fields below
	listener net.Listener
	conns    map[net.Conn]bool
	arrived  map[int64]int // how often each call arrived
}

func startStandIn() (*standIn, error) {
	s := &standIn{conns: make(map[net.Conn]bool), arrived: make(map[int64]int)}
	s.set(well)
	return s, s.listen("127.0.0.1:0")
}

// set changes how calls are answered from now on.
func (s *standIn) set(a answerer) { s.answer.Store(&a) }

// listen begins to accept connections; at an address that hangUp left, too.
func (s *standIn) listen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.listener, s.addr = l, l.Addr().String()
	s.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return nil
}

// hangUp closes listener and connections: who connects now is refused.
func (s *standIn) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.listener.Close()
	for c := range s.conns {
		_ = c.Close()
	}
}

func (s *standIn) serve(c net.Conn) {
	s.mu.Lock()
	s.conns[c] = true
	s.mu.Unlock()
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
	}()
	in := bufio.NewReaderSize(c, 16<<10)
	for {
		r, err := s.receive(in)
		if err != nil || !(*s.answer.Load())(c, r) {
			return
		}
	}
}

// serialOf is where a call's serial number is: the log keeps this field of a
// request, so that calls, arrivals and records can be matched by it.
var serialOf = regexp.MustCompile(`"maxTokens":([0-9]+)`)

// receive reads one whole request and notes it.
func (s *standIn) receive(in *bufio.Reader) (*request, error) {
	r, err := http.ReadRequest(in)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	m := serialOf.FindSubmatch(body)
	if m == nil {
		return nil, errors.New("the request has no serial number")
	}
	serial, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(r.Header.Get("Authorization"), "Credential="+upstreamKey+"/") {
		s.foreign.Add(1)
	}
	s.mu.Lock()
	s.arrived[serial]++
	s.mu.Unlock()
	return &request{serial: serial, streams: strings.HasSuffix(r.URL.Path, "-stream"), in: in}, nil
}

// times says how often a call arrived.
func (s *standIn) times(serial int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived[serial]
}

// streamFrames is how many frames a whole stream has.
const streamFrames = 54

const (
	answerHead = "HTTP/1.1 200 OK\r\nServer: faults (stand-in for Amazon Bedrock)\r\nX-Amzn-Requestid: 7e1c0b7e-0000-4000-8000-000000000000\r\n"
	wholeHead  = answerHead + "Content-Type: application/json\r\n"
	streamHead = answerHead + "Content-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n\r\n"
	wholeBody  = `{"metrics":{"latencyMs":0},"output":{"message":{"role":"assistant","content":[{"text":"The parcel left the depot this morning."}]}},"stopReason":"end_turn","usage":{"inputTokens":22,"outputTokens":9,"totalTokens":31}}`
)

// frames are a whole ConverseStream answer.
var frames = sync.OnceValue(func() [][]byte {
	out := [][]byte{frame(":event-type", "messageStart", "event", `{"role":"assistant"}`)}
	for range streamFrames - 4 {
		out = append(out, frame(":event-type", "contentBlockDelta", "event", `{"contentBlockIndex":0,"delta":{"text":"parcel "},"p":"abcdefghijk"}`))
	}
	return append(out,
		frame(":event-type", "contentBlockStop", "event", `{"contentBlockIndex":0}`),
		frame(":event-type", "messageStop", "event", `{"stopReason":"end_turn"}`),
		frame(":event-type", "metadata", "event", `{"metrics":{"latencyMs":0},"usage":{"inputTokens":22,"outputTokens":51,"totalTokens":73}}`))
})

func frame(typeHeader, name, kind, payload string) []byte {
	var m eventstream.Message
	m.Headers.Set(typeHeader, eventstream.StringValue(name))
	m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	m.Headers.Set(":message-type", eventstream.StringValue(kind))
	m.Payload = []byte(payload)
	return encoded(m)
}

func encoded(m eventstream.Message) []byte {
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		panic("encoding a frame: " + err.Error())
	}
	return b.Bytes()
}

// chunk is a piece of a body in HTTP/1.1's chunked form.
func chunk(b []byte) []byte { return fmt.Appendf(nil, "%x\r\n%s\r\n", len(b), b) }

// well answers as Bedrock does.
func well(c net.Conn, r *request) bool {
	if !r.streams {
		_, err := fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", wholeHead, len(wholeBody), wholeBody)
		return err == nil
	}
	if !streamUpTo(c, streamFrames) {
		return false
	}
	_, err := io.WriteString(c, "0\r\n\r\n")
	return err == nil
}

// streamUpTo begins a stream and sends its first n frames.
func streamUpTo(c net.Conn, n int) bool {
	if _, err := io.WriteString(c, streamHead); err != nil {
		return false
	}
	for _, f := range frames()[:n] {
		if _, err := c.Write(chunk(f)); err != nil {
			return false
		}
	}
	return true
}

// total is how many calls arrived.
func (s *standIn) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, times := range s.arrived {
		n += times
	}
	return n
}
