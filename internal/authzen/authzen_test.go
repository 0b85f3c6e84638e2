package authzen

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// TestCases are written from the specification and its certification scenario
// (Basic, Batch, Search; Core and Properties), over identities and models.
func TestCases(t *testing.T) {
	text, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Path string
		Body       json.RawMessage
		Status     int
		Want       map[string]any
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	h := serve(fixture(t))
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if c.Status == 0 {
				c.Status = http.StatusOK
			}
			status, got := post(t, h, c.Path, string(c.Body))
			if status != c.Status {
				t.Fatalf("status %d, want %d: %v", status, c.Status, got)
			}
			if d := holds(c.Want, got); d != "" {
				t.Errorf("%s\nthe answer is %v", d, got)
			}
		})
	}
}

// holds reports how an answer lacks what is wanted of it. Objects may say more;
// lists may not.
func holds(want, got any) string {
	w, object := want.(map[string]any)
	list, isList := want.([]any)
	switch {
	case object:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%v is no object", got)
		}
		for k, v := range w {
			if d := holds(v, g[k]); d != "" {
				return k + ": " + d
			}
		}
	case isList:
		g, ok := got.([]any)
		if !ok || len(g) != len(list) {
			return cmp.Diff(want, got)
		}
		for i := range list {
			if d := holds(list[i], g[i]); d != "" {
				return d
			}
		}
	case !reflect.DeepEqual(want, got):
		return cmp.Diff(want, got)
	}
	return ""
}

const aliceAsks = `{"subject":{"type":"identity","id":"alice"},"action":{"name":"Converse"},"resource":{"type":"model","id":"` + haiku + `"}}`

func TestTransport(t *testing.T) {
	h := serve(fixture(t))
	for _, c := range []struct {
		name, kind, body string
		status           int
	}{
		{"as it should be", "application/json; charset=utf-8", aliceAsks, 200},
		{"another media type", "text/plain", aliceAsks, 400},
		{"no media type", "", aliceAsks, 400},
		{"no JSON", "application/json", "{", 400},
		{"an empty body", "application/json", " \n", 400},
		{"two values", "application/json", aliceAsks + "{}", 400},
		{"a name twice", "application/json", strings.Replace(aliceAsks, "{", `{"subject":{"type":"identity","id":"bob"},`, 1), 400},
		{"invalid UTF-8", "application/json", strings.Replace(aliceAsks, "alice", "al\xffice", 1), 400},
		{"too long", "application/json", `{"x":"` + strings.Repeat("y", maxBody) + `"}`, 400},
		{"too many questions", "application/json", `{"evaluations":[` + strings.Repeat("{},", maxEvaluations) + `{}]}`, 400},
	} {
		r := httptest.NewRequest(http.MethodPost, PathEvaluations, strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		r.Header.Set("Authorization", "Bearer reader")
		r.Header.Set("X-Request-ID", "bfe9eb29-ab87")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("X-Request-ID") != "bfe9eb29-ab87" {
			t.Errorf("%s: %d, request id %q: %s", c.name, w.Code, w.Header().Get("X-Request-ID"), w.Body)
		}
	}
}

// Workloads have no operator's token, and a requester no right to this (S21).
func TestS21_OnlyOperatorsWithTheRightMayAsk(t *testing.T) {
	h := serve(fixture(t))
	for _, path := range []string{PathEvaluation, PathEvaluations, PathSubjectSearch, PathResourceSearch, PathActionSearch, PathMetadata} {
		for who, want := range map[string]int{"": 401, "a workload's": 401, "requester": 403} {
			method := http.MethodPost
			if path == PathMetadata {
				method = http.MethodGet
			}
			r := httptest.NewRequest(method, path, strings.NewReader("{"))
			r.Header.Set("Authorization", "Bearer "+who)
			r.Header.Set("X-Request-ID", "1")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want || w.Header().Get("X-Request-ID") != "1" || strings.Contains(w.Body.String(), "JSON") {
				t.Errorf("%s as %q: %d %s", path, who, w.Code, w.Body)
			}
		}
	}
}

func TestMetadataNamesEveryEndpoint(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, PathMetadata, nil)
	r.Header.Set("Authorization", "Bearer reader")
	w := httptest.NewRecorder()
	serve(fixture(t)).ServeHTTP(w, r)
	var got map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s %v", w.Code, w.Body, err)
	}
	const base = "https://writ.example.com"
	want := map[string]string{
		"policy_decision_point":       base,
		"access_evaluation_endpoint":  base + "/access/v1/evaluation",
		"access_evaluations_endpoint": base + "/access/v1/evaluations",
		"search_subject_endpoint":     base + "/access/v1/search/subject",
		"search_resource_endpoint":    base + "/access/v1/search/resource",
		"search_action_endpoint":      base + "/access/v1/search/action",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// What rules say and which grants there are is for those with a right to it (S20).
func TestS20_GrantsAndRulesAreShownToWhoMaySeeThem(t *testing.T) {
	h := serve(fixture(t))
	for who, want := range map[string]bool{"reader": false, "auditor": true} {
		_, got := ask(t, h, who, PathEvaluation, aliceAsks)
		c := got["context"].(map[string]any)
		_, grants := c["grants"]
		_, rules := c["reason_admin"]
		if grants != want || rules != want {
			t.Errorf("%s sees grants %v, rules %v", who, grants, rules)
		}
	}
}

func TestObligationsComeWithThePermit(t *testing.T) {
	w := newWorld(t).identity("alice").entitlement("held", rights.Conditions{HoldAnswer: true}, haiku).grant("alice", "held")
	_, got := post(t, serve(w.snapshot()), PathEvaluation, aliceAsks)
	want := map[string]any{"decision": true, "context": map[string]any{"obligations": []any{
		map[string]any{"id": "hold_answer", "type": "custom", "properties": map[string]any{"name": "writ:hold_answer"}},
	}}}
	if d := holds(want, got); d != "" {
		t.Error(d)
	}
}

func TestNothingIsAnsweredWithoutAState(t *testing.T) {
	for _, state := range []func() (*snapshot.Snapshot, error){
		func() (*snapshot.Snapshot, error) { return nil, nil },
		func() (*snapshot.Snapshot, error) { return fixture(t), errors.New("stale") },
	} {
		h := New(Config{State: state, Authorise: func(*http.Request) (Reader, error) { return Reader{}, nil }, Now: time.Now})
		if status, _ := post(t, h, PathEvaluation, aliceAsks); status != http.StatusServiceUnavailable {
			t.Errorf("answered with %d", status)
		}
	}
}

// A quarantine stops whatever way the call is described.
func TestQuarantineIsSeenInEveryAnswer(t *testing.T) {
	for _, q := range []rights.Target{
		{Kind: rights.TargetIdentity, Name: "alice"}, {Kind: rights.TargetModel, Name: haiku},
		{Kind: rights.TargetModel, Name: "provider:anthropic"}, {Kind: rights.TargetNetwork, Name: "127.0.0.0/8"},
	} {
		w := newWorld(t).identity("alice").entitlement("chat", rights.Conditions{}, haiku).grant("alice", "chat")
		h := serve(w.quarantine(q.Kind, q.Name).snapshot())
		if _, got := post(t, h, PathEvaluation, aliceAsks); got["decision"] != false {
			t.Errorf("%v: evaluation says yes", q)
		}
		for path, body := range map[string]string{
			PathSubjectSearch: aliceAsks, PathResourceSearch: aliceAsks, PathActionSearch: aliceAsks,
		} {
			if _, got := post(t, h, path, body); len(got["results"].([]any)) > 0 {
				t.Errorf("%v: %s finds %v", q, path, got["results"])
			}
		}
	}
}

func TestSeveralAccounts(t *testing.T) {
	w := newWorld(t).identity("alice").entitlement("here", rights.Conditions{}, haiku).grant("alice", "here")
	w.add("Entitlement", "there", &rights.Entitlement{ID: "there", Account: elsewhere, Models: []string{haiku, novaLite}}).grant("alice", "there")
	h := serve(w.snapshot())
	body := func(model, properties string) string {
		return `{"subject":{"type":"identity","id":"alice"},"action":{"name":"Converse"},"resource":{"type":"model","id":"` + model + `","properties":` + properties + `}}`
	}
	for _, c := range []struct {
		model, properties string
		want              bool
		code              string
	}{
		{haiku, `{}`, false, "unresolved"},
		{haiku, `{"account":"444455556666"}`, true, "permit"},
		{haiku, `{"account":"111122223333"}`, true, "permit"},
		{novaLite, `{}`, true, "permit"},
		{novaLite, `{"account":"111122223333"}`, false, "default_deny"},
	} {
		_, got := post(t, h, PathEvaluation, body(c.model, c.properties))
		if got["decision"] != c.want || got["context"].(map[string]any)["code"] != c.code {
			t.Errorf("%s %s: %v", c.model, c.properties, got)
		}
	}
}
