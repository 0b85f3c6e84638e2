package authzen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

const (
	haiku     = "anthropic.claude-haiku-4-5-20251001-v1:0"
	sonnet    = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	sonnetUS  = "us." + sonnet
	novaLite  = "amazon.nova-lite-v1:0"
	account   = "111122223333"
	elsewhere = "444455556666"
	region    = "us-east-1"
	guardrail = "arn:aws:bedrock:us-east-1:111122223333:guardrail/abc123"
)

// noon is the present of every test.
var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

// world is resources that tests add to.
type world struct {
	t   testing.TB
	all []manifest.Resource
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t}
	w.add(manifest.Network, "office", &identity.Network{ID: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	return w
}

func (w *world) add(kind manifest.Kind, name string, spec any) *world {
	w.all = append(w.all, manifest.Resource{Kind: kind, Name: name, Spec: spec})
	return w
}

func (w *world) identity(name string, change ...func(*identity.Identity)) *world {
	i := &identity.Identity{ID: name, Kind: identity.Agent, Environment: "prod"}
	for _, f := range change {
		f(i)
	}
	return w.add(manifest.Identity, name, i)
}

func (w *world) entitlement(name string, c rights.Conditions, models ...string) *world {
	return w.add(manifest.Entitlement, name, &rights.Entitlement{ID: name, Models: models, Conditions: c})
}

func (w *world) grant(who, what string) *world {
	name := who + "." + what
	return w.add(manifest.Grant, name, &rights.Grant{ID: name, Identity: who, Entitlement: what, NotAfter: noon.Add(time.Hour)})
}

func (w *world) quarantine(kind rights.TargetKind, name string) *world {
	id := fmt.Sprintf("q%d", len(w.all))
	return w.add(manifest.Quarantine, id, &rights.Quarantine{ID: id, Target: rights.Target{Kind: kind, Name: name}, Reason: "x", By: "x", At: noon})
}

func (w *world) snapshot() *snapshot.Snapshot {
	w.t.Helper()
	s, err := snapshot.Of(w.all, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// fixture is the world of the cases in testdata. It plays the part of the
// certification scenario's: alice may read and write, bob may read, and what is
// said of the call decides.
func fixture(t testing.TB) *snapshot.Snapshot {
	w := newWorld(t)
	w.identity("alice", func(i *identity.Identity) { i.Principals = []string{"arn:aws:iam::111122223333:role/alice"} })
	w.identity("bob").identity("carol", func(i *identity.Identity) { i.State = identity.Decommissioned })
	w.identity("dora").identity("erin").quarantine(rights.TargetIdentity, "dora")
	w.entitlement("chat", rights.Conditions{}, haiku).entitlement("profile", rights.Conditions{}, sonnetUS)
	w.entitlement("office", rights.Conditions{Networks: []string{"office"}}, novaLite)
	w.add(manifest.Entitlement, "plain", &rights.Entitlement{ID: "plain", Models: []string{haiku}, Actions: []string{"InvokeModel"}})
	w.add(manifest.Entitlement, "guard", &rights.Entitlement{ID: "guard", Actions: []string{"ApplyGuardrail"},
		Conditions: rights.Conditions{Guardrails: []string{guardrail + ":3"}}})
	for _, who := range []string{"alice", "carol", "dora"} {
		w.grant(who, "chat")
	}
	w.grant("alice", "profile").grant("alice", "office").grant("alice", "guard").grant("bob", "plain")
	return w.snapshot()
}

// serve serves a snapshot at noon to whoever says "Bearer reader" or "Bearer auditor".
func serve(s *snapshot.Snapshot) http.Handler {
	return New(Config{
		State: func() (*snapshot.Snapshot, error) { return s, nil }, Account: account, Region: region,
		URL: "https://writ.example.com", Now: func() time.Time { return noon },
		Authorise: func(r *http.Request) (Reader, error) {
			switch r.Header.Get("Authorization") {
			case "Bearer auditor":
				return Reader{Rights: true}, nil
			case "Bearer reader":
				return Reader{}, nil
			case "Bearer requester":
				return Reader{}, ErrForbidden
			}
			return Reader{}, ErrUnknown
		},
	})
}

// post asks as a reader without rights, and decodes the answer.
func post(t testing.TB, h http.Handler, path, body string) (int, map[string]any) {
	t.Helper()
	return ask(t, h, "reader", path, body)
}

func ask(t testing.TB, h http.Handler, who, path, body string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+who)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("%s: content type %q", path, got)
	}
	var out map[string]any
	if w.Code == http.StatusOK {
		if err := json.NewDecoder(bytes.NewReader(w.Body.Bytes())).Decode(&out); err != nil {
			t.Fatalf("%s: the answer is no JSON object: %v", path, err)
		}
	}
	return w.Code, out
}
