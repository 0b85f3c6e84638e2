package authzen

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// drawWorld is a small organisation with everything that has a say in an answer.
func drawWorld(t *rapid.T, w *world) *snapshot.Snapshot {
	people := []string{"a1", "a2", "b1", "b2", "c1"}
	for _, name := range people {
		w.identity(name, func(i *identity.Identity) {
			i.State = rapid.SampledFrom([]identity.State{"", "", "", identity.Quarantined, identity.Dormant}).Draw(t, "state")
			i.Tags = []string{rapid.SampledFrom([]string{"red", "blue"}).Draw(t, "tag")}
			i.Shared = rapid.Bool().Draw(t, "shared")
		})
	}
	models := []string{haiku, sonnet, sonnetUS, novaLite, "family:claude", "provider:amazon"}
	for i := range rapid.IntRange(1, 4).Draw(t, "entitlements") {
		e := &rights.Entitlement{ID: fmt.Sprintf("e%d", i), Models: []string{rapid.SampledFrom(models).Draw(t, "model")}}
		if e.Models[0] == "family:claude" {
			e.Models[0] = "provider:anthropic"
		}
		e.Actions = rapid.SampledFrom([][]string{nil, {"InvokeModel"}, {"CountTokens", "InvokeModel"}}).Draw(t, "actions")
		if rapid.Bool().Draw(t, "away") {
			e.Account = elsewhere
		}
		if rapid.Bool().Draw(t, "network") {
			e.Conditions.Networks = []string{"office"}
		}
		w.add(manifest.Entitlement, e.ID, e)
		for _, who := range people {
			if rapid.Bool().Draw(t, "granted") {
				w.grant(who, e.ID)
			}
		}
	}
	if rapid.Bool().Draw(t, "forbidden") {
		w.add(manifest.PolicyKind, "org", &manifest.Policy{ID: "org", Text: `@id("shared") forbid (principal, action, resource) when { principal.shared };`})
	}
	if rapid.IntRange(0, 3).Draw(t, "permitted") == 0 {
		w.add(manifest.PolicyKind, "free", &manifest.Policy{ID: "free", Text: `@id("free") permit (principal, action, resource == Writ::Model::"` + novaLite + `");`})
	}
	if rapid.Bool().Draw(t, "quarantine") {
		q := rapid.SampledFrom([]rights.Target{{Kind: rights.TargetTag, Name: "red"}, {Kind: rights.TargetModel, Name: sonnet}, {Kind: rights.TargetNetwork, Name: "office"}}).Draw(t, "target")
		w.quarantine(q.Kind, q.Name)
	}
	return w.snapshot()
}

// decided is what the gateway would say, put together from its own parts.
func decided(t *rapid.T, s *snapshot.Snapshot, who *identity.Identity, op bedrock.Operation, model, context string) bool {
	if who.Current().Halted() {
		return false
	}
	permits := 0
	for _, a := range s.Bundle.AccountsAt(account, who.ID) {
		r, err := s.Bundle.Request(policy.Question{Identity: who, Model: model, Operation: op, Region: region, Account: a, Home: account, Now: noon, Context: []byte(context)})
		if err != nil || s.Stops.Caller(who, "", r.Origin) != "" || s.Stops.Model(s.Catalogue, model, r.Legs) != "" {
			continue
		}
		if s.Bundle.Decide(r).Permit != nil {
			permits++
		}
	}
	return permits == 1
}

// walk reads all pages of a search.
func walk(t *rapid.T, tb testing.TB, h http.Handler, path string, body map[string]any, limit int) []string {
	var all []string
	page := map[string]any{"limit": limit}
	for {
		body["page"] = page
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		status, got := post(tb, h, path, string(text))
		if status != http.StatusOK {
			t.Fatalf("%s: status %d", path, status)
		}
		results := got["results"].([]any)
		if len(results) > limit {
			t.Fatalf("%d results on a page of %d", len(results), limit)
		}
		for _, r := range results {
			f := r.(map[string]any)
			id, _ := f["id"].(string)
			name, _ := f["name"].(string)
			all = append(all, id+name)
		}
		next := got["page"].(map[string]any)["next_token"].(string)
		if next == "" {
			return all
		}
		page["token"] = next
	}
}

// TestEvaluationAndSearchesAgree: evaluation, the rules asked directly, and
// being among the results of each of the three searches are one answer; results
// come in order, each once, whatever the size of a page.
func TestEvaluationAndSearchesAgree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawWorld(r, newWorld(t))
		h := serve(s)
		inside := rapid.Bool().Draw(r, "inside")
		context, said := "", map[string]any{}
		if inside {
			context, said = `{"network":{"ip":"10.0.0.1"}}`, map[string]any{"ip": "10.0.0.1"}
		}
		limit := rapid.IntRange(1, 4).Draw(r, "limit")
		one := rapid.SampledFrom([]string{"a1", "a2", "b1", "b2", "c1"}).Draw(r, "identity")
		op := rapid.SampledFrom([]bedrock.Operation{bedrock.Converse, bedrock.InvokeModelWithResponseStream, bedrock.CountTokens}).Draw(r, "operation")
		var can []string // the models of one
		for _, m := range []struct{ kind, id string }{{resourceModel, haiku}, {resourceModel, sonnet}, {resourceModel, novaLite}, {resourceProfile, sonnetUS}} {
			resource := map[string]any{"type": m.kind, "id": m.id}
			found := walk(r, t, h, PathSubjectSearch, map[string]any{"subject": map[string]any{"type": "identity"}, "action": map[string]any{"name": op}, "resource": resource, "context": said}, limit)
			if !slices.IsSorted(found) || len(slices.Compact(slices.Clone(found))) != len(found) {
				r.Fatalf("results out of order: %v", found)
			}
			for _, who := range s.Identities() {
				want := decided(r, s, who, op, m.id, context)
				subject := map[string]any{"type": "identity", "id": who.ID}
				body, _ := json.Marshal(map[string]any{"subject": subject, "action": map[string]any{"name": op}, "resource": resource, "context": said})
				_, got := post(t, h, PathEvaluation, string(body))
				if got["decision"] != want {
					r.Fatalf("%s %s %s: evaluation says %v, the rules %v", who.ID, op, m.id, got, want)
				}
				if slices.Contains(found, who.ID) != want {
					r.Fatalf("%s %s %s: the rules say %v, subject search finds %v", who.ID, op, m.id, want, found)
				}
				if who.ID != one {
					continue
				}
				acts := walk(r, t, h, PathActionSearch, map[string]any{"subject": subject, "resource": resource, "context": said}, limit)
				if slices.Contains(acts, actionName(op)) != want {
					r.Fatalf("%s %s %s: the rules say %v, action search finds %v", who.ID, op, m.id, want, acts)
				}
				if want {
					can = append(can, m.id)
				}
			}
		}
		for _, kind := range []string{resourceModel, resourceProfile} {
			found := walk(r, t, h, PathResourceSearch, map[string]any{"subject": map[string]any{"type": "identity", "id": one}, "action": map[string]any{"name": op}, "resource": map[string]any{"type": kind}, "context": said}, limit)
			for _, id := range []string{haiku, sonnet, novaLite, sonnetUS} {
				if (kind == resourceProfile) == (id == sonnetUS) && slices.Contains(found, id) != slices.Contains(can, id) {
					r.Fatalf("%s %s %s: resource search finds %v, evaluation permits %v", one, op, id, found, can)
				}
			}
		}
	})
}

// A token continues the search that gave it, and no other.
func TestTokensBelongToTheirQuery(t *testing.T) {
	h := serve(fixture(t))
	first := `{"subject":{"type":"identity"},"action":{"name":"Converse"},"resource":{"type":"model","id":"` + haiku + `"},"page":{"limit":1%s}}`
	_, got := post(t, h, PathSubjectSearch, fmt.Sprintf(first, ""))
	token := got["page"].(map[string]any)["next_token"].(string)
	if token == "" {
		t.Fatal("there is one page only")
	}
	if status, got := post(t, h, PathSubjectSearch, fmt.Sprintf(first, `,"token":"`+token+`"`)); status != 200 || len(got["results"].([]any)) != 1 {
		t.Errorf("the next page: %d %v", status, got)
	}
	for _, other := range []string{
		`{"subject":{"type":"identity"},"action":{"name":"ConverseStream"},"resource":{"type":"model","id":"` + haiku + `"},"page":{"token":"` + token + `"}}`,
		`{"subject":{"type":"nhi"},"action":{"name":"Converse"},"resource":{"type":"model","id":"` + haiku + `"},"page":{"token":"` + token + `"}}`,
		`{"subject":{"type":"identity"},"action":{"name":"Converse"},"resource":{"type":"model","id":"` + haiku + `"},"context":{"ip":"10.0.0.1"},"page":{"token":"` + token + `"}}`,
	} {
		if status, _ := post(t, h, PathSubjectSearch, other); status != http.StatusBadRequest {
			t.Errorf("another query takes the token: %d", status)
		}
	}
}

func FuzzBodies(f *testing.F) {
	s := fixture(f)
	h := serve(s)
	paths := []string{PathEvaluation, PathEvaluations, PathSubjectSearch, PathResourceSearch, PathActionSearch}
	f.Add(0, aliceAsks)
	f.Add(1, `{"evaluations":[{},null],"options":{"evaluations_semantic":"deny_on_first_deny"}}`)
	f.Add(2, `{"subject":{"type":"identity"},"action":{"name":"bedrock:ApplyGuardrail"},"resource":{"type":"guardrail","id":"`+guardrail+`:3"},"context":{"time":{"now":"2026-11-18T14:00:00Z"},"guardrail":{"id":"x"},"network":"office"}}`)
	f.Add(3, `{"subject":{"type":"nhi","id":"arn:aws:iam::111122223333:role/alice"},"action":{"name":"Converse","properties":{"streaming":true}},"resource":{"type":"model"},"page":{"limit":2,"token":""}}`)
	f.Fuzz(func(t *testing.T, which int, body string) {
		path := paths[uint(which)%uint(len(paths))]
		status, got := post(t, h, path, body)
		if status != http.StatusOK && status != http.StatusBadRequest {
			t.Errorf("%s answers %d", path, status)
		}
		if _, err := parseMessage([]byte(body)); err != nil && status == http.StatusOK {
			t.Errorf("%s answers %v to what cannot be read", path, got)
		}
	})
}
