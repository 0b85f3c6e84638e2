package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/login"
	"github.com/writ-project/writ/internal/operator"
)

// authenticate says who acts by a request, or refuses it and reports false. There
// are three kinds of credential: the data directory's own token, API tokens, and
// sign-ins, which browsers show as a cookie. A session of a workload is none of
// them: workloads have no business here (security S21).
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) (governance.Actor, bool) {
	secret, byCookie := s.presented(r)
	if byCookie && r.Method != http.MethodGet && r.Method != http.MethodHead && !login.SameOrigin(r) {
		problem(w, http.StatusForbidden, "cross-site", "another site sent this")
		return governance.Actor{}, false
	}
	actor, err := s.actor(r, secret)
	switch {
	case errors.Is(err, governance.ErrUnknown) && !s.failures.allow(r):
		problem(w, http.StatusTooManyRequests, "too-many", "too many requests with a wrong credential")
		return governance.Actor{}, false
	case errors.Is(err, governance.ErrUnknown):
		w.Header().Set("WWW-Authenticate", `Bearer realm="writ"`)
		problem(w, http.StatusUnauthorized, "unauthenticated", "a valid credential is required: an API token, or a sign-in")
		return governance.Actor{}, false
	case err != nil:
		s.cfg.Log.Warn("who acts could not be found out", "err", err)
		problem(w, http.StatusServiceUnavailable, "store-unavailable", "who you are cannot be looked up now")
		return governance.Actor{}, false
	}
	actor.Via = via(r, byCookie)
	return actor, true
}

// presented is the secret that a request shows. Anything but a bearer token in the
// Authorization header is none, and then no cookie counts either.
func (s *Server) presented(r *http.Request) (secret string, byCookie bool) {
	if h := r.Header.Values("Authorization"); len(h) > 0 {
		secret, ok := strings.CutPrefix(h[0], "Bearer ")
		if !ok || len(h) > 1 {
			return "", false
		}
		return secret, false
	}
	if s.cfg.Login == nil {
		return "", false
	}
	return s.cfg.Login.Presented(r)
}

// actor is whose a secret is; governance.ErrUnknown when it is nobody's.
func (s *Server) actor(r *http.Request, secret string) (governance.Actor, error) {
	switch {
	case s.cfg.Token.Is(secret):
		return governance.Local(""), nil
	case operator.IsSecret(secret):
		return s.cfg.Office.Bearer(r.Context(), secret)
	case s.cfg.Login != nil && credential.IsSignIn(secret):
		in, err := s.cfg.Login.SignInOf(secret)
		if err != nil {
			return governance.Actor{}, governance.ErrUnknown
		}
		return s.cfg.Office.SignedIn(r.Context(), in)
	}
	return governance.Actor{}, governance.ErrUnknown
}

// via is by which face somebody acts, for records; what a caller says of itself is
// believed only among these.
func via(r *http.Request, byCookie bool) string {
	said := r.Header.Get("Writ-Via")
	switch {
	case byCookie:
		return "console"
	case said == "cli", said == "console":
		return said
	}
	return "api"
}
