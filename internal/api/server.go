// Package api is the control plane's HTTP face: what the command line (and
// later the console) asks of a live server. It authenticates every request,
// checks the Host it is addressed by, and hands the act to governance; it
// decides nothing itself.
//
// It listens on loopback by default (security S21). /healthz and /readyz say
// only yes or no without a token, and why with one; everything else needs one.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/proof"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/upstream"
)

// Config assembles a Server. Every field is required.
type Config struct {
	Token         Token    // the operator's secret
	Hosts         []string // Host values accepted, without port; loopback names always are
	Office        *governance.Office
	Keys          *governance.Keys
	State         *snapshot.Source
	Gateway       *gateway.Gateway
	Exchange      *proof.Exchange
	Store         *store.DB
	Status        func() Status // what the process knows of itself
	Observe       *governance.Observe
	LogOrigin     string
	Metrics       http.Handler
	Impersonation bool // the right `impersonate` is on
	Bearer        BearerFunc
	Container     ContainerFunc
	DemoToken     DemoTokenFunc // nil outside --demo
	Upstream      *upstream.Client
	Scope         upstream.Scope // of the calls that the gateway makes
	Account       string
	Region        string
	GatewayURL    string
	Log           *slog.Logger
}

// maxRequest bounds a request's body: an apply of a large organisation.
const maxRequest = 64 << 20

// Server answers the admin API.
type Server struct {
	cfg      Config
	mux      *http.ServeMux
	failures *rate.Limiter // of wrong tokens, all sources together
}

// New makes a Server.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, mux: http.NewServeMux(), failures: rate.NewLimiter(rate.Every(time.Second), 20)}
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	s.mux.HandleFunc("GET /readyz", s.readyz)
	for pattern, h := range s.routes() {
		s.mux.Handle(pattern, s.authenticated(h))
	}
	return s
}

// routes are the endpoints that need a token, which is all but two.
func (s *Server) routes() map[string]http.Handler {
	all := map[string]http.Handler{
		"GET /metrics":             s.cfg.Metrics,
		"GET /v1/status":           handle(s, s.status),
		"GET /v1/whoami":           handle(s, s.whoami),
		"POST /v1/apply":           handle(s, s.apply),
		"GET /v1/resources":        handle(s, s.get),
		"DELETE /v1/resources":     handle(s, s.delete),
		"POST /v1/credentials":     handle(s, s.mint),
		"POST /v1/explain":         handle(s, s.explain),
		"POST /v1/sessions/revoke": handle(s, s.revoke),
		"POST /v1/keys/rotate":     handle(s, s.rotate),
		"GET /v1/upstream":         handle(s, s.upstream),
		"POST /v1/upstream/check":  handle(s, s.checkUpstream),
		"GET /v1/upstream/policy":  handle(s, s.upstreamPolicies),
		"GET /v1/observe":          handle(s, s.observe),
		"POST /v1/observe/on":      handle(s, s.observeOn),
		"POST /v1/observe/off":     handle(s, s.observeOff),
	}
	if s.cfg.DemoToken != nil {
		all["POST /v1/demo/token"] = handle(s, s.demoToken)
	}
	return all
}

// ServeHTTP refuses hosts it is not addressed by, so that a page in a browser
// cannot reach it by a name of its own (DNS rebinding).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if !s.addressed(r.Host) {
		problem(w, http.StatusMisdirectedRequest, errors.New("this server does not go by that name"))
		return
	}
	s.mux.ServeHTTP(w, r)
}

func (s *Server) addressed(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if name == "localhost" {
		return true
	}
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() {
		return true
	}
	for _, h := range s.cfg.Hosts {
		if strings.EqualFold(h, name) {
			return true
		}
	}
	return false
}

// authenticated lets a request through with the operator's token only.
func (s *Server) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.known(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// handle is every JSON endpoint: decode strictly, act, encode.
func handle[In, Out any](s *Server, act func(context.Context, *http.Request, In) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		if r.Method == http.MethodPost {
			dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&in); err != nil {
				problem(w, http.StatusBadRequest, fmt.Errorf("reading the request: %w", err))
				return
			}
		}
		out, err := act(r.Context(), r, in)
		if err != nil {
			s.cfg.Log.Info("an operator's request was refused", "path", r.URL.Path, "err", err)
			problem(w, statusOf(err), err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out)
	})
}

// none is the input of endpoints that take no body.
type none struct{}

// statusOf is the one place where an error becomes a status.
func statusOf(err error) int {
	var refused *proof.Refusal
	switch {
	case errors.Is(err, store.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, store.ErrConflict), errors.Is(err, governance.ErrObserving), errors.Is(err, governance.ErrReplayed), errors.Is(err, governance.ErrNotObserving):
		return http.StatusConflict
	case errors.Is(err, governance.ErrBootstrapOver), errors.Is(err, errImpersonationOff):
		return http.StatusForbidden
	case errors.As(err, &refused):
		return refused.Answer().Status
	case errors.Is(err, errUnavailable):
		return http.StatusServiceUnavailable
	}
	return http.StatusUnprocessableEntity
}

func problem(w http.ResponseWriter, status int, err error) {
	p := Problem{Title: http.StatusText(status), Status: status, Detail: err.Error(), Hint: hint(err)}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p)
}

// hint says what to do about an error that has one answer.
func hint(err error) string {
	switch {
	case errors.Is(err, store.ErrConflict):
		return "someone else changed the state meanwhile: look at the plan again"
	case errors.Is(err, errImpersonationOff):
		return "set impersonation: true in the configuration, or let the workload prove itself at the STS endpoint"
	case errors.Is(err, governance.ErrObserving):
		return "writ observe off ends it"
	case errors.Is(err, governance.ErrReplayed):
		return "make another with writ observe statement, and have it signed again"
	case errors.Is(err, governance.ErrBootstrapOver):
		return "open a request for the grant instead"
	}
	return ""
}

var (
	errImpersonationOff = errors.New("the right impersonate is off: sessions are minted for workloads by their own proof only")
	errUnavailable      = errors.New("no rules are loaded yet")
)

// kindOf reads the kind parameter.
func kindOf(r *http.Request) (manifest.Kind, error) {
	return manifest.ParseKind(r.URL.Query().Get("kind"))
}
