package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/writtest"
)

// hesitant is a server whose second replica knows of a revocation after a number
// of questions; 0: never. It returns a data directory that leads to it.
func hesitant(t *testing.T, after int64) string {
	t.Helper()
	var asked atomic.Int64
	spread := func() governance.Spread {
		knows := after > 0 && asked.Load() >= after
		return governance.Spread{Revision: 7, Everyone: knows, Replicas: []governance.ReplicaSpread{
			{Name: "one", Revision: 7, Knows: true}, {Name: "two", Revision: 6, Knows: knows, Until: time.Now().Add(5 * time.Second)},
		}}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /api/v1/revocations", func(w http.ResponseWriter, r *http.Request) {
		var in api.StopOrder
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Reason == "" || r.Header.Get("Idempotency-Key") == "" {
			t.Errorf("the order %+v: %v", in, err)
		}
		_ = json.NewEncoder(w).Encode(governance.Revocation{Target: in.Target, Grants: []string{in.Target.Name}, Spread: spread()})
	})
	mux.HandleFunc("GET /api/v1/spread", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("revision") != "7" {
			t.Errorf("asked for revision %q", r.URL.Query().Get("revision"))
		}
		asked.Add(1)
		_ = json.NewEncoder(w).Encode(spread())
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	d := dataDir(t.TempDir())
	if err := d.announce(endpoints{Admin: srv.URL}, api.NewToken()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.kek(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return string(d)
}

func TestS19_RevokedIsSaidOnceEverybodyKnows(t *testing.T) {
	r := writtest.Run(t, hesitant(t, 3), "revoke", "grant", "g1", "--reason", "leak")
	if r.Code != 0 || r.Stdout != "revoked grant/g1\n" || !strings.Contains(r.Stderr, "replica two at revision 6, waiting for 7") || !strings.Contains(r.Stderr, "replica two knows") {
		t.Errorf("%+v", r)
	}
}

func TestS19_RevokedIsNotSaidWhileOneReplicaMayDecide(t *testing.T) {
	r := writtest.Run(t, hesitant(t, 0), "revoke", "grant", "g1", "--reason", "leak", "--timeout", "500ms")
	if r.Code != 1 || r.Stdout != "" || !strings.Contains(r.Stderr, "not yet shown to be everywhere") {
		t.Errorf("%+v", r)
	}
	r = writtest.Run(t, hesitant(t, 0), "revoke", "grant", "g1", "--reason", "leak", "--no-wait")
	if r.Code != 0 || r.Stdout != "" {
		t.Errorf("without waiting: %+v", r)
	}
}

func TestNarrowingIsReadByItsNames(t *testing.T) {
	got, err := narrowing(map[string]string{"regions": "eu-central-1,eu-west-1", "noTools": "true", "maxTokens": "500", "maxSessionAge": "15m", "maxLevel": "internal"})
	if err != nil || len(got.Regions) != 2 || !got.NoTools || got.MaxTokens != 500 || time.Duration(got.MaxSession) != 15*time.Minute || got.MaxLevel != "internal" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := narrowing(nil); got != nil || err != nil {
		t.Errorf("of nothing: %+v, %v", got, err)
	}
	for _, wrong := range []map[string]string{{"regons": "x"}, {"noTools": "perhaps"}, {"maxTokens": "many"}, {"maxSessionAge": "soon"}, {"maxLevel": ""}} {
		if got, err := narrowing(wrong); err == nil {
			t.Errorf("%v: read as %+v", wrong, got)
		}
	}
}

func TestAListIsReadToItsEnd(t *testing.T) {
	pages := map[string]api.List[int]{"": {Items: []int{1, 2}, Next: "a"}, "a": {Items: []int{3, 4}, Next: "b"}, "b": {Items: []int{5}}}
	page := func(q url.Values) (api.List[int], error) { return pages[q.Get("after")], nil }
	for limit, want := range map[int]int{0: 5, 3: 3, 5: 5, 9: 5} {
		got, err := every(limit, query(), page)
		if err != nil || len(got) != want {
			t.Errorf("limit %d: %v, %v", limit, got, err)
		}
	}
	stuck := func(url.Values) (api.List[int], error) { return api.List[int]{Items: []int{1}, Next: "a"}, nil }
	if got, err := every(0, query(), stuck); err == nil {
		t.Errorf("a list that does not go on: %v", got)
	}
}
