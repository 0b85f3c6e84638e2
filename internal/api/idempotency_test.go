package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// counted is a server with one operation more, which counts how often it acts and
// fails as its input says.
func counted(db *store.DB) (*Server, http.Handler, *int) {
	s, n := bare(), 0
	s.cfg.Store = db
	act := takes(func(_ *call, in struct {
		Fail string `json:"fail,omitempty"`
	}) (map[string]int, error) {
		n++
		if in.Fail != "" {
			return nil, bad("it fails: %s", in.Fail)
		}
		return map[string]int{"n": n}, nil
	})
	return s, s.serve(route{method: "POST", path: "/count", id: "count", creates: true, status: 201, do: act}), &n
}

func keyed(s *Server, h http.Handler, key, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", root+"/count", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.cfg.Token.Reveal())
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAKeyDoesItOnce(t *testing.T) { storetest.Each(t, aKeyDoesItOnce) }

func aKeyDoesItOnce(t *testing.T, db *store.DB) {
	s, h, n := counted(db)
	first := keyed(s, h, "k1", `{}`)
	again := keyed(s, h, "k1", `{}`)
	if first.Code != 201 || again.Code != 201 || first.Body.String() != again.Body.String() || *n != 1 {
		t.Errorf("%d %s, then %d %s: acted %d times", first.Code, first.Body, again.Code, again.Body, *n)
	}
	if again.Header().Get("Idempotency-Replayed") != "true" {
		t.Error("a replay does not say so")
	}
	if w := keyed(s, h, "k1", `{ }`); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), urn+"key-reused") {
		t.Errorf("another request with the key: %d %s", w.Code, w.Body)
	}
	keyed(s, h, "k2", `{}`)
	keyed(s, h, "", `{}`)
	if *n != 3 {
		t.Errorf("acted %d times, want 3", *n)
	}
}

// What was refused did nothing: its key is free for the corrected request.
func TestAKeyOfARefusedRequestIsFree(t *testing.T) { storetest.Each(t, aKeyOfARefusedRequestIsFree) }

func aKeyOfARefusedRequestIsFree(t *testing.T, db *store.DB) {
	s, h, n := counted(db)
	if w := keyed(s, h, "k", `{"fail":"no"}`); w.Code != 400 {
		t.Fatalf("status %d", w.Code)
	}
	if w := keyed(s, h, "k", `{}`); w.Code != 201 || *n != 2 {
		t.Errorf("the corrected request: status %d, acted %d times", w.Code, *n)
	}
}

// Keys are each caller's own: nobody is answered with what another did.
func TestAKeyIsItsCallersOwn(t *testing.T) { storetest.Each(t, aKeyIsItsCallersOwn) }

func aKeyIsItsCallersOwn(t *testing.T, db *store.DB) {
	s, _, _ := counted(db)
	mine := &call{Request: httptest.NewRequest("POST", "/x", nil), header: http.Header{}, actor: governance.Actor{Name: "ann", Operator: &operator.Operator{ID: "ann"}}}
	yours := &call{Request: mine.Request, header: http.Header{}, actor: governance.Actor{Name: "bob", Operator: &operator.Operator{ID: "bob"}}}
	r := route{id: "say", do: gives(func(c *call) (string, error) { return c.actor.Name, nil })}
	for _, c := range []*call{mine, yours, mine} {
		w := httptest.NewRecorder()
		s.once(w, c, &r, "same")
		if got := strings.TrimSpace(w.Body.String()); got != `"`+c.actor.Name+`"` {
			t.Errorf("%s was answered %s", c.actor.Name, got)
		}
	}
}
