package api

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// readyz says yes or no to anybody, and why to operators. A wrong token is no
// token: it is refused, and counted, like anywhere else.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	operator := r.Header.Get("Authorization") != ""
	if operator {
		if _, ok := s.authenticate(w, r); !ok {
			return
		}
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
