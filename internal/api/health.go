package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// readyz says yes or no to anybody, and why to operators. A wrong token is no
// token: it is refused, and counted, like anywhere else.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	operator := r.Header.Get("Authorization") != ""
	if operator && !s.known(w, r) {
		return
	}
	err := s.cfg.Gateway.Ready()
	switch {
	case err != nil && operator:
		http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, "not ready", http.StatusServiceUnavailable)
	default:
		_, _ = io.WriteString(w, "ready\n")
	}
	if operator && s.cfg.Observe != nil {
		if o := ObserveOf(s.cfg.Observe, "", time.Now()); o.On {
			fmt.Fprintf(w, "OBSERVE MODE IS ON until %s: calls that no right covers are let through\n", o.Until.Format(time.RFC3339))
		}
	}
}

// known reports whether a request bears the operator's token, and refuses it if not.
func (s *Server) known(w http.ResponseWriter, r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if ok && s.cfg.Token.Is(token) {
		return true
	}
	if !s.failures.Allow() {
		problem(w, http.StatusTooManyRequests, errors.New("too many requests with a wrong token"))
		return false
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="writ"`)
	problem(w, http.StatusUnauthorized, errors.New("a valid operator token is required"))
	return false
}
