// Package fakebedrock is a stand-in for Amazon Bedrock's runtime endpoint: it
// listens on loopback, speaks the same wire, and answers from a rule instead of
// a model. Tests, benchmarks and the demo use it in place of AWS.
//
// It says so wherever it shows: in the Server header, in X-Writ-Stand-In, in
// its log line and in every answer's text that it was not told: a prompt may
// hold a script, such as [[say: TEXT]], which script.go explains.
//
// It trusts no caller: signatures are verified against the configured
// credentials by a verifier of its own. It shares no encoder, decoder or
// verifier with the gateway, so that the two cannot agree on one mistake.
//
// It promises determinism: the same requests in the same order get the same
// bytes, but for the Date header. An answer depends on the model's name and the words of the prompt,
// never on the clock, nor on how a client happened to format its JSON.
package fakebedrock

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The marks of a stand-in, carried by every answer.
const (
	StandInHeader = "X-Writ-Stand-In"
	standInName   = "fakebedrock"
	serverName    = "fakebedrock (stand-in for Amazon Bedrock)"
)

// Config says how the stand-in behaves; the zero value refuses every caller.
type Config struct {
	// Credentials are the callers served; Server.Admit adds more while it runs.
	Credentials []Credential
	// Anonymous also serves requests without an Authorization header; a header
	// that is there is still verified.
	Anonymous bool
	// Region is the one that a signature's scope must name; empty means us-east-1.
	Region string
	// Regions are further ones.
	Regions []string
	// Roles may be assumed at the stand-in's STS, which answers at POST /. A
	// call made with a role's session is checked against the session's policy.
	Roles []Role
	// Destinations are the regions, beside the one called, that a profile's
	// call may be routed to; a session must allow its model in each. Optional.
	Destinations map[string][]string
	// Models maps the ARN of an account's own model or profile to the id of the
	// foundation model that answers for it; optional.
	Models map[string]string
	// Latency passes before the first byte of an answer; zero means none.
	Latency time.Duration
	// TokensPerSecond paces the output; zero means as fast as possible.
	TokensPerSecond int
	// Account owns asynchronous invocations; empty means 111122223333.
	Account string
	// AsyncTime is how long an asynchronous invocation is in progress; zero
	// means that it has ended when it is first asked about.
	AsyncTime time.Duration
	// Unpadded leaves out the padding member "p" of stream payloads.
	Unpadded bool
	// Answer replaces the built-in sentence; it gets the model as named and the
	// last user text, and must be deterministic. It may return a script as well.
	// Optional.
	Answer func(model, prompt string) string
	// Fault chooses a fault for a request when none is queued by
	// Server.Inject; the zero Fault means none. Optional.
	Fault func(Request) Fault
	// Recorder keeps every request received; nil keeps nothing.
	Recorder *Recorder
	// Log gets one line per listener; nil discards it.
	Log *slog.Logger
	// Now dates signatures; nil means time.Now.
	Now func() time.Time
}

// Server is the stand-in: an http.Handler, with its own listeners if wanted.
type Server struct {
	cfg    Config
	http   *http.Server
	served atomic.Uint64 // requests seen: gives request ids

	mu           sync.Mutex // guards the fields below
	keys         map[string]Credential
	bearers      map[[sha256.Size]byte]bool
	faultsToCome []Fault
	jobs         []*job // asynchronous invocations, oldest first
}

// New returns a stand-in that does not listen yet.
func New(cfg Config) *Server {
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	if cfg.Account == "" {
		cfg.Account = "111122223333"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, keys: map[string]Credential{}, bearers: map[[sha256.Size]byte]bool{}}
	s.Admit(cfg.Credentials...)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	s.http = &http.Server{
		Handler:           s,
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn),
	}
	return s
}

// Serve answers HTTP/1.1, and HTTP/2 by prior knowledge, on l until Close; it
// returns nil when closed. Any address but loopback is an error.
func (s *Server) Serve(l net.Listener) error {
	if err := loopbackOnly(l); err != nil {
		return err
	}
	s.cfg.Log.Info("stand-in for Amazon Bedrock is listening", "stand_in", standInName, "address", l.Addr().String())
	return ignoreClosed(s.http.Serve(l))
}

// ServeTLS is Serve over TLS with the certificate given, offering HTTP/2.
func (s *Server) ServeTLS(l net.Listener, certificate tls.Certificate) error {
	if err := loopbackOnly(l); err != nil {
		return err
	}
	s.cfg.Log.Info("stand-in for Amazon Bedrock is listening", "stand_in", standInName, "address", l.Addr().String(), "tls", true)
	cfg := &tls.Config{
		Certificates: []tls.Certificate{certificate},
		NextProtos:   []string{"h2", "http/1.1"},
		MinVersion:   tls.VersionTLS12,
	}
	return ignoreClosed(s.http.Serve(tls.NewListener(l, cfg)))
}

// Close stops the listeners and drops the connections, in mid-stream if need be.
func (s *Server) Close() error { return s.http.Close() }

// loopbackOnly keeps others from mistaking the stand-in for a service.
func loopbackOnly(l net.Listener) error {
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		return fmt.Errorf("serving the stand-in on %s: only loopback is allowed", a)
	}
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Server", serverName)
	h.Set(StandInHeader, standInName)
	id := s.requestID()
	h.Set("X-Amzn-Requestid", id)
	if r.URL.Path == chatPath {
		h.Set("X-Request-Id", id)
	}

	req, refused := s.receive(w, r)
	if s.cfg.Recorder != nil {
		s.cfg.Recorder.add(req)
	}
	if asksSTS(req.Method, req.Path) {
		s.answerSTS(w, req, refused)
		return
	}
	f := s.fault(req)
	if !s.wait(r.Context(), f.Delay) {
		return
	}
	if f.Kind == Drop {
		panic(http.ErrAbortHandler)
	}
	if f.Kind == Refuse {
		refused = f.refusal()
	}
	if refused != nil {
		writeError(w, r, refused)
		return
	}
	s.answer(w, r, req, f)
}

// requestID is shaped like AWS's, and tells only how many came before.
func (s *Server) requestID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "request %d", s.served.Add(1)))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
