package upstream

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

const (
	guard    = "arn:aws:bedrock:us-east-1:" + home + ":guardrail/abc123"
	imported = "arn:aws:bedrock:us-west-2:" + away + ":imported-model/mine"
	haiku    = "anthropic.claude-haiku-4-5-20251001-v1:0"
	sonnet   = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
)

// estate is an organisation over two accounts, with something of everything
// that a right can name.
func estate(t testing.TB, now time.Time) *snapshot.Snapshot {
	t.Helper()
	read := rights.Data{Unscanned: true}
	entitlements := []rights.Entitlement{
		{ID: "nova", Models: []string{"family:amazon.nova"}, Conditions: rights.Conditions{Data: read, Regions: []string{"us-east-1", "us-east-2", "us-west-2"}, Objects: []string{"s3://docs/in/*", "s3://docs/one"}}},
		{ID: "guarded", Models: []string{haiku}, Actions: []string{"InvokeModel"}, Conditions: rights.Conditions{Data: read, Guardrails: []string{guard + ":3"}, SystemTools: []string{"nova_grounding"}}},
		{ID: "global", Account: away, Models: []string{sonnet, imported}, Conditions: rights.Conditions{Data: read}},
		{ID: "dev", Models: []string{"provider:meta"}, Conditions: rights.Conditions{Data: read, Environments: []string{"dev"}}},
		{ID: "sales", Models: []string{"provider:cohere"}, Conditions: rights.Conditions{Data: read, Purposes: []string{"sales"}}},
		{ID: "unserved", Account: "999900001111", Models: []string{haiku}},
	}
	who := &identity.Identity{ID: "alice", Kind: identity.Workload, State: identity.Governed, Environment: "prod", Purposes: []string{"support"}}
	gone := &identity.Identity{ID: "bob", Kind: identity.Workload, State: identity.Decommissioned, Environment: "dev"}
	all := []manifest.Resource{
		{Kind: manifest.Identity, Name: "alice", Spec: who}, {Kind: manifest.Identity, Name: "bob", Spec: gone},
		{Kind: manifest.Model, Name: imported, Spec: &bedrock.Model{ID: imported, Kind: bedrock.ImportedModel, Base: "meta.llama3-1-70b-instruct-v1:0", Regions: []string{"us-west-2"}}},
	}
	grant := func(name, identity, entitlement string, until time.Time) {
		all = append(all, manifest.Resource{Kind: manifest.Grant, Name: name, Spec: &rights.Grant{ID: name, Identity: identity, Entitlement: entitlement, NotAfter: until}})
	}
	for i := range entitlements {
		e := &entitlements[i]
		all = append(all, manifest.Resource{Kind: manifest.Entitlement, Name: e.ID, Spec: e})
		grant("alice."+e.ID, "alice", e.ID, now.Add(time.Hour))
	}
	expired := &rights.Entitlement{ID: "expired", Models: []string{"provider:mistral"}, Conditions: rights.Conditions{Data: read}}
	all = append(all, manifest.Resource{Kind: manifest.Entitlement, Name: "expired", Spec: expired})
	grant("alice.expired", "alice", "expired", now)
	grant("bob.dev", "bob", "dev", now.Add(time.Hour))
	state, err := snapshot.Of(all, now)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// calls tries every model, profile, region and operation, with every resource
// that a right names and some that none does, and returns the legs of those
// that are permitted, by account.
func calls(t *testing.T, s *snapshot.Snapshot, scope Scope) map[string]map[[2]string]bool {
	t.Helper()
	var models []string
	for _, m := range s.Catalogue.Models() {
		models = append(models, m.ID)
	}
	for _, p := range s.Catalogue.Profiles() {
		models = append(models, p.ID)
	}
	extras := []bedrock.Capabilities{
		{}, {SystemTools: []string{"nova_grounding"}}, {SystemTools: []string{"nova_code"}}, {Guardrail: &bedrock.Guardrail{ID: guard, Version: "3"}},
		{Guardrail: &bedrock.Guardrail{ID: guard, Version: "4"}}, {Guardrail: &bedrock.Guardrail{ID: guard + "4", Version: "3"}},
		{S3: []string{"s3://docs/in/a"}}, {S3: []string{"s3://docs/in/b/c"}}, {S3: []string{"s3://docs/one"}}, {S3: []string{"s3://docs/two"}},
	}
	out := map[string]map[[2]string]bool{home: {}, away: {}}
	for _, model := range models {
		for _, account := range []string{home, away} {
			for _, region := range scope.Regions {
				for _, op := range []bedrock.Operation{bedrock.Converse, bedrock.ConverseStream} {
					for _, caps := range extras {
						for _, l := range permitted(s, scope, account, region, model, op, caps) {
							out[account][[2]string{l.Action, l.Resource}] = true
						}
					}
				}
			}
		}
	}
	return out
}

// permitted is the legs of a call of alice's, if she may make it.
func permitted(s *snapshot.Snapshot, scope Scope, account, region, model string, op bedrock.Operation, caps bedrock.Capabilities) []rights.Leg {
	who, _ := s.Identity("alice")
	legs, err := rights.Legs(rights.Invocation{Operation: op, ModelID: model, Region: region, Account: account, Caps: caps}, s.Catalogue)
	if err != nil {
		return nil
	}
	d := s.Bundle.Decide(policy.Request{
		Identity: who, Now: scope.Now, Operation: op, Account: account, Home: scope.Home, Region: region, Caps: caps, Legs: legs,
		Session: identity.Session{Identity: "alice", Proof: identity.ProofOIDC, Issued: scope.Now}, Prompt: dataclass.Unscanned("no_classifier"), Digest: policy.Digest{1},
	})
	if d.Permit == nil {
		return nil
	}
	return legs
}

// TestTheLeastPolicyIsWhatCallsNeed: every leg of every call that is permitted
// is allowed, and nothing is that no permitted call needs.
func TestTheLeastPolicyIsWhatCallsNeed(t *testing.T) {
	now := time.Now().UTC()
	s := estate(t, now)
	scope := Scope{Home: home, Accounts: map[string][]string{home: nil, away: {"us-east-1", "us-west-2"}}, Regions: []string{"us-east-1", "us-west-2"}, Now: now}
	need := calls(t, s, scope)
	for _, l := range LeastOf(s, scope) {
		may := map[[2]string]bool{}
		for _, d := range l.Documents {
			text, err := d.Text()
			if err != nil || len(text) > ManagedLimit {
				t.Errorf("%s: a document of %d characters, %v", l.Account, len(text), err)
			}
			for pair := range allowed(t, text) {
				may[pair] = true
			}
		}
		if len(need[l.Account]) < 5 {
			t.Errorf("%s: only %d legs were permitted", l.Account, len(need[l.Account]))
		}
		covers := func(pattern, pair [2]string) bool {
			prefix, star := strings.CutSuffix(pattern[1], "*")
			return pattern[0] == pair[0] && (pattern[1] == pair[1] || star && strings.HasPrefix(pair[1], prefix))
		}
		for pair := range need[l.Account] {
			found := false
			for pattern := range may {
				found = found || covers(pattern, pair)
			}
			if !found {
				t.Errorf("%s: %v is needed and not allowed", l.Account, pair)
			}
		}
		for pattern := range may {
			found := false
			for pair := range need[l.Account] {
				found = found || covers(pattern, pair)
			}
			if !found || strings.Contains(pattern[1], "*") && pattern[1] != "arn:aws:s3:::docs/in/*" {
				t.Errorf("%s: %v is allowed, and no call needs it", l.Account, pattern)
			}
		}
		skipped := strings.Join(l.Skipped, "\n")
		if l.Account == home && !strings.Contains(skipped, "alice.unserved") {
			t.Errorf("nothing is said of a grant that leads nowhere: %s", skipped)
		}
	}
}

// A policy that is too long for one document is spread, and loses nothing.
func TestLongPoliciesAreSpread(t *testing.T) {
	all := uses{}
	for _, p := range everywhere(t) {
		legs, err := rights.Legs(p.Invocation, p.catalogue)
		if err != nil {
			continue
		}
		for _, l := range legs {
			all.add(l.Action, l.Resource)
		}
	}
	docs := split(all.statements(), ManagedLimit)
	if len(docs) < 2 {
		t.Fatalf("%d documents", len(docs))
	}
	n := 0
	for _, d := range docs {
		text, err := d.Text()
		if err != nil || len(text) > ManagedLimit {
			t.Errorf("%d characters, %v", len(text), err)
		}
		n += len(allowed(t, text))
		var again Document
		if err := json.Unmarshal([]byte(text), &again); err != nil {
			t.Fatal(err)
		}
		if round, _ := again.Text(); round != text {
			t.Errorf("read back as %s", round)
		}
	}
	if n != len(all) {
		t.Errorf("%d of %d resources", n, len(all))
	}
	if docs := split(nil, ManagedLimit); docs != nil {
		t.Errorf("nothing became %v", docs)
	}
}

func TestTrustAndBase(t *testing.T) {
	text, err := Trust("arn:aws:iam::"+home+":role/base", ExternalIDHere, true)
	want := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/base"},` +
		`"Action":["sts:AssumeRole","sts:SetSourceIdentity"],"Condition":{"StringEquals":{"sts:ExternalId":"PUT THE EXTERNAL ID HERE"}}}]}`
	if err != nil || text != want {
		t.Errorf("%v\n%s, want\n%s", err, text, want)
	}
	if text, _ := Trust("x", "", false); strings.Contains(text, "SetSourceIdentity") || strings.Contains(text, "Condition") {
		t.Error(text)
	}
	base, ok := BaseOf([]Standing{{Account: home, Role: homeRole}, {Account: away, Role: awayRole, PerGrant: true}, {Account: "999900001111"}})
	text, err = base.Text()
	want = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + homeRole + `"},` +
		`{"Effect":"Allow","Action":["sts:AssumeRole","sts:SetSourceIdentity"],"Resource":"` + awayRole + `"}]}`
	if !ok || err != nil || text != want {
		t.Errorf("%v, %v\n%s, want\n%s", ok, err, text, want)
	}
	if _, ok := BaseOf([]Standing{{Account: home}}); ok {
		t.Error("a base policy without a role")
	}
}
