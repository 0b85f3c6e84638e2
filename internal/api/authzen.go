package api

import (
	"context"
	"net/http"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/authzen"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/snapshot"
)

// decisionPoint serves the OpenID AuthZEN Authorization API over the gateway's own
// decision, to operators who may ask what would be decided; never to workloads,
// whose credentials are none here (security S21).
func (s *Server) decisionPoint() http.Handler {
	point := authzen.New(authzen.Config{
		State: s.fresh, Authorise: s.mayAsk, Account: s.cfg.Account, Region: s.cfg.Region, URL: s.cfg.AdminURL,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id := r.Header.Get("X-Request-ID"); id != "" {
			w.Header().Set("X-Request-ID", id) // of refusals too
		}
		if actor, ok := s.authenticate(w, r); ok {
			point.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), actorKey{}, actor)))
		}
	})
}

// actorKey is where the decision point finds who asks.
type actorKey struct{}

// fresh is the state that the gateway decides on, if it decides.
func (s *Server) fresh() (*snapshot.Snapshot, error) {
	if err := s.cfg.State.Fresh(time.Now()); err != nil {
		return nil, err
	}
	if state := s.cfg.State.Current(); state != nil {
		return state, nil
	}
	return nil, errUnavailable
}

// mayAsk lets in who may see decisions; grants and rules are for who sees the state.
func (s *Server) mayAsk(r *http.Request) (authzen.Reader, error) {
	actor, ok := r.Context().Value(actorKey{}).(governance.Actor)
	if !ok {
		return authzen.Reader{}, authzen.ErrUnknown
	}
	if err := s.cfg.Office.May(r.Context(), actor, authority.ViewDecision, system); err != nil {
		return authzen.Reader{}, err
	}
	return authzen.Reader{Rights: s.cfg.Office.May(r.Context(), actor, authority.ViewState, system) == nil}, nil
}
