// Package api is the control plane's HTTP face: what the command line, programs
// and (later) the console ask of a live server. One table of routes is both what
// is served and what the OpenAPI document says. The package authenticates every
// request, checks the Host it is addressed by, reads strictly, and hands the act to
// governance with the actor; it decides nothing itself.
//
// It listens on loopback by default (security S21). /healthz and /readyz say
// only yes or no without a token, and why with one; everything else needs one.
package api

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/authzen"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/login"
	"github.com/writ-project/writ/internal/notify"
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
	Records       *journal.Journal             // this replica's log, where refusals are looked up
	Status        func(context.Context) Status // what the process knows of itself
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
	AdminURL      string      // of this listener: scheme and authority
	Login         *login.Door // sign-in, under /login and /logout; nil: there is none
	Notify        *notify.Notifier
	Chat          http.Handler // decisions from a chat, which signs them itself; nil: there is none
	Log           *slog.Logger
}

// Server answers the admin API.
type Server struct {
	cfg      Config
	mux      *http.ServeMux
	failures *failures // wrong credentials, by source
}

// New makes a Server.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, mux: http.NewServeMux(), failures: newFailures()}
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	s.mux.HandleFunc("GET /readyz", s.readyz)
	s.mux.HandleFunc("GET "+root+"/openapi.json", s.document)
	s.mux.Handle("GET /metrics", s.guarded(authority.ViewState, cfg.Metrics))
	s.mount(s.decisionPoint(), "/access/v1/", authzen.PathMetadata)
	if cfg.Login != nil {
		s.mount(cfg.Login, "/login", "/login/", "/logout")
	}
	s.mount(cfg.Chat, "POST "+root+"/chat/callback")
	for _, r := range s.table() {
		s.mux.Handle(r.pattern(), s.serve(r))
	}
	return s
}

// mount serves what knows by itself whom it lets in.
func (s *Server) mount(h http.Handler, patterns ...string) {
	for _, pattern := range patterns {
		if h != nil {
			s.mux.Handle(pattern, h)
		}
	}
}

// guarded lets a handler that is no operation of the API be reached by who has a right.
func (s *Server) guarded(action authority.Action, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		actor, ok := s.authenticate(w, r)
		if !ok {
			return
		}
		if err := s.cfg.Office.May(r.Context(), actor, action, system); err != nil {
			s.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// system is what actions are on that are about no row.
var system = authority.Object{Kind: "System"}

// ServeHTTP refuses hosts it is not addressed by, so that a page in a browser
// cannot reach it by a name of its own (DNS rebinding).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if !s.addressed(r.Host) {
		problem(w, http.StatusMisdirectedRequest, "misdirected", "this server does not go by that name")
		return
	}
	if _, pattern := s.mux.Handler(r); pattern == "" {
		w = &unrouted{ResponseWriter: w}
	}
	s.mux.ServeHTTP(w, r)
}

// unrouted words what the mux says of paths and methods that are not served.
type unrouted struct{ http.ResponseWriter }

func (u *unrouted) WriteHeader(status int) {
	switch status {
	case http.StatusNotFound:
		problem(u.ResponseWriter, status, "no-such-operation", "there is nothing at this path")
	case http.StatusMethodNotAllowed:
		problem(u.ResponseWriter, status, "no-such-operation", "this path is not served with that method")
	default:
		u.ResponseWriter.WriteHeader(status)
	}
}

// Write drops the mux's own text.
func (u *unrouted) Write(b []byte) (int, error) { return len(b), nil }

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
