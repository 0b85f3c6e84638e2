// Package authzen answers the OpenID AuthZEN Authorization API 1.0 over the
// gateway's own decision: may this identity invoke this model, who may, what may
// it invoke, and how. It looks and never changes anything.
//
// It is for operators and the tools they trust, not for workloads (security
// S21): Config.Authorise is asked before a request is read. It trusts the
// snapshot it is given and nothing in a request. It promises that evaluation and
// the three searches say the same, since all of them ask policy.Bundle.Decide
// after the same look at lifecycle and quarantine that the gateway takes.
//
// The specification is https://openid.net/specs/authorization-api-1_0.html.
package authzen

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/writ-project/writ/internal/snapshot"
)

// Errors that Config.Authorise tells apart.
var (
	// ErrUnknown: the request carries no credential of an operator.
	ErrUnknown = errors.New("not authenticated")
	// ErrForbidden: the operator has no right to ask.
	ErrForbidden = errors.New("not allowed to ask what would be decided")
)

// Reader is what an authorised caller may see in an answer.
type Reader struct {
	// Rights lets it see the names of grants and the text of rules.
	Rights bool
}

// Config assembles the handler. Every field but Now is required.
type Config struct {
	// State is the snapshot to decide on; an error says why there is none that
	// may be decided on, such as that it is stale.
	State func() (*snapshot.Snapshot, error)
	// Authorise says who may ask: ErrUnknown answers 401, any other error 403.
	Authorise func(*http.Request) (Reader, error)
	// Account and Region are where a question without its own is asked.
	Account, Region string
	// URL is the base URL of the listener, which names this decision point:
	// scheme and authority, no path.
	URL string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// The paths that the handler serves.
const (
	PathEvaluation     = "/access/v1/evaluation"
	PathEvaluations    = "/access/v1/evaluations"
	PathSubjectSearch  = "/access/v1/search/subject"
	PathResourceSearch = "/access/v1/search/resource"
	PathActionSearch   = "/access/v1/search/action"
	PathMetadata       = "/.well-known/authzen-configuration"
)

// Bounds of a request.
const (
	maxBody        = 1 << 20 // bytes
	maxEvaluations = 1000    // of a batch
)

// point is the decision point.
type point struct {
	cfg Config
}

// New makes the handler of every path above. It must be served only where
// operators reach it.
func New(cfg Config) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.URL = strings.TrimSuffix(cfg.URL, "/")
	p := &point{cfg: cfg}
	mux := http.NewServeMux()
	mux.Handle("POST "+PathEvaluation, p.asked(p.evaluation))
	mux.Handle("POST "+PathEvaluations, p.asked(p.evaluations))
	mux.Handle("POST "+PathSubjectSearch, p.asked(p.subjects))
	mux.Handle("POST "+PathResourceSearch, p.asked(p.resources))
	mux.Handle("POST "+PathActionSearch, p.asked(p.actions))
	mux.Handle("GET "+PathMetadata, p.authorised(p.metadata))
	return mux
}

// badRequest is a request that cannot be answered, in words for its sender.
type badRequest struct{ text string }

func (e *badRequest) Error() string { return e.text }

func bad(format string, args ...any) error { return &badRequest{fmt.Sprintf(format, args...)} }

// authorised lets operators through, and echoes the request's id to everybody.
func (p *point) authorised(next func(http.ResponseWriter, *http.Request, Reader)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id := r.Header.Get("X-Request-ID"); id != "" {
			w.Header().Set("X-Request-ID", id)
		}
		w.Header().Set("Cache-Control", "no-store")
		reader, err := p.cfg.Authorise(r)
		switch {
		case errors.Is(err, ErrUnknown):
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, "this takes an operator's token")
		case err != nil:
			refuse(w, http.StatusForbidden, "this token may not ask what would be decided")
		default:
			next(w, r, reader)
		}
	})
}

// asked is every endpoint that takes a question: read it, answer on one state.
func (p *point) asked(answer func(*session, *message) (any, error)) http.Handler {
	return p.authorised(func(w http.ResponseWriter, r *http.Request, reader Reader) {
		m, err := readMessage(w, r)
		if err != nil {
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
		s, err := p.begin(r, reader)
		if err != nil {
			refuse(w, http.StatusServiceUnavailable, "no state may be decided on at present")
			return
		}
		out, err := answer(s, m)
		var slip *badRequest
		switch {
		case errors.As(err, &slip):
			refuse(w, http.StatusBadRequest, slip.text)
		case err != nil:
			refuse(w, http.StatusInternalServerError, "the question could not be answered")
		default:
			write(w, http.StatusOK, out)
		}
	})
}

// readMessage reads a request's body. The specification wants 400 for every
// fault of it, the media type included.
func readMessage(w http.ResponseWriter, r *http.Request) (*message, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, bad("content type: want application/json")
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, bad("the body cannot be read, or is longer than %d bytes", maxBody)
	}
	return parseMessage(text)
}

// refuse answers with an error's text, as the specification has it.
func refuse(w http.ResponseWriter, status int, text string) {
	write(w, status, text)
}

func write(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`"the answer could not be worded"`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}

// metadata describes the decision point; see the specification's section on it.
func (p *point) metadata(w http.ResponseWriter, _ *http.Request, _ Reader) {
	write(w, http.StatusOK, map[string]string{
		"policy_decision_point":       p.cfg.URL,
		"access_evaluation_endpoint":  p.cfg.URL + PathEvaluation,
		"access_evaluations_endpoint": p.cfg.URL + PathEvaluations,
		"search_subject_endpoint":     p.cfg.URL + PathSubjectSearch,
		"search_resource_endpoint":    p.cfg.URL + PathResourceSearch,
		"search_action_endpoint":      p.cfg.URL + PathActionSearch,
	})
}
