package fakebedrock

import (
	"io"
	"net"
	"net/http"
	"time"
)

// FaultKind names a way in which an upstream goes wrong.
type FaultKind string

// The kinds of fault. Those of the second group strike inside an answer: in a
// stream behind Fault.After frames, else in the middle of the body.
const (
	Refuse FaultKind = "refuse" // an AWS-shaped error in place of the answer
	Drop   FaultKind = "drop"   // the connection ends before any header

	Cut         FaultKind = "cut"          // the connection ends abruptly
	HalfClose   FaultKind = "half_close"   // our half of an HTTP/1.1 connection ends, theirs stays open; on HTTP/2 a Cut
	Truncate    FaultKind = "truncate"     // the answer ends politely, too early
	Garbage     FaultKind = "garbage"      // bytes that are no frame, then an end
	Corrupt     FaultKind = "corrupt"      // a frame whose checksum is wrong, then an end
	Exception   FaultKind = "exception"    // a modelled exception; outside streams like Refuse
	StreamError FaultKind = "stream_error" // an unmodelled error frame; outside streams like Refuse
	Stall       FaultKind = "stall"        // silence until the caller leaves
)

// Fault is one thing to go wrong with one request.
type Fault struct {
	Kind FaultKind // empty: nothing goes wrong, but Delay applies
	// After is how many frames of a stream are delivered first; more than there
	// are means all of them.
	After int
	// Status, Type and Message make the error of Refuse, Exception and
	// StreamError; Type is an AWS name such as ThrottlingException. Status zero
	// means 500.
	Status  int
	Type    string
	Message string
	// Delay passes before the answer starts.
	Delay time.Duration
}

func (f Fault) refusal() *apiError {
	e := &apiError{status: f.Status, name: f.Type, message: f.Message}
	if e.status == 0 {
		e.status = http.StatusInternalServerError
	}
	return e
}

// Inject queues faults; each request takes one off the queue.
func (s *Server) Inject(f ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faultsToCome = append(s.faultsToCome, f...)
}

func (s *Server) fault(req Request) Fault {
	s.mu.Lock()
	if len(s.faultsToCome) > 0 {
		f := s.faultsToCome[0]
		s.faultsToCome = s.faultsToCome[1:]
		s.mu.Unlock()
		return f
	}
	s.mu.Unlock()
	if s.cfg.Fault == nil {
		return Fault{}
	}
	return s.cfg.Fault(req)
}

// garbage is longer than a frame's prelude and has no valid checksum in it.
const garbage = "<html><body>502 Bad Gateway</body></html>"

// breakOff performs the faults that end an answer without saying so. What was
// written before is flushed first.
func breakOff(w http.ResponseWriter, r *http.Request, kind FaultKind) {
	control := http.NewResponseController(w)
	if control.Flush() != nil {
		return
	}
	switch kind {
	case Cut:
		panic(http.ErrAbortHandler)
	case HalfClose:
		conn, _, err := control.Hijack()
		if err != nil { // HTTP/2 has no half of a connection per request
			panic(http.ErrAbortHandler)
		}
		halfClose(conn)
	case Stall:
		<-r.Context().Done()
	}
}

// halfClose ends our direction and reads until the peer ends theirs.
func halfClose(conn net.Conn) {
	defer conn.Close()
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	io.Copy(io.Discard, conn)
}
