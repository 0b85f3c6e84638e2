package upstream

import (
	"encoding/json"
	"slices"
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
	reel     = "amazon.nova-reel-v1:1"
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
		{ID: "counting", Models: []string{sonnet, "cohere.command-r-v1:0"}, Actions: []string{"CountTokens"}, Conditions: rights.Conditions{Data: read, Objects: []string{"s3://counted/*"}, Guardrails: []string{guard + "9:1"}}},
		{ID: "applying", Actions: []string{"ApplyGuardrail"}, Conditions: rights.Conditions{Data: read, Guardrails: []string{guard + "5:2"}, Objects: []string{"s3://none/*"}}},
		{ID: "video", Models: []string{reel}, Actions: []string{"StartAsyncInvoke", "TagResource"}, Conditions: rights.Conditions{Data: read, Regions: []string{"us-east-1"}, Outputs: []string{"s3://out/a/*", "s3://out/b", "s3://all/*", "s3://dot/.*"}, Objects: []string{"s3://frames/*"}}},
		{ID: "untagged", Account: away, Models: []string{reel}, Actions: []string{"StartAsyncInvoke"}, Conditions: rights.Conditions{Data: read, Regions: []string{"us-west-2"}, Outputs: []string{"s3://out/c"}}},
		{ID: "watching", Account: away, Models: []string{"family:amazon.nova"}, Actions: []string{"GetAsyncInvoke"}, Conditions: rights.Conditions{Data: read, Regions: []string{"us-east-1"}}},
		{ID: "listing", Account: away, Models: []string{"provider:meta"}, Actions: []string{"ListAsyncInvokes"}, Conditions: rights.Conditions{Data: read}},
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

// attempts are what is tried with each operation: every resource that a right
// names, and some that none does.
func attempts() map[bedrock.Operation][]bedrock.Capabilities {
	extras := []bedrock.Capabilities{
		{}, {SystemTools: []string{"nova_grounding"}}, {SystemTools: []string{"nova_code"}}, {Guardrail: &bedrock.Guardrail{ID: guard, Version: "3"}},
		{Guardrail: &bedrock.Guardrail{ID: guard, Version: "4"}}, {Guardrail: &bedrock.Guardrail{ID: guard + "4", Version: "3"}},
		{Guardrail: &bedrock.Guardrail{ID: guard + "5", Version: "2"}}, {Guardrail: &bedrock.Guardrail{ID: guard + "9", Version: "1"}},
		{S3: []string{"s3://docs/in/a"}}, {S3: []string{"s3://docs/in/b/c"}}, {S3: []string{"s3://docs/one"}}, {S3: []string{"s3://docs/two"}},
		{S3: []string{"s3://counted/a"}}, {S3: []string{"s3://none/a"}}, {S3: []string{"s3://frames/a"}},
	}
	var starts []bedrock.Capabilities
	for _, place := range []string{"s3://out/a/", "s3://out/a/x", "s3://out/b", "s3://out/b/", "s3://out/bb", "s3://out/c", "s3://all", "s3://all/x/", "s3://dot/.x", "s3://elsewhere/"} {
		for _, tags := range [][]string{nil, {"cost=video"}} {
			for _, caps := range extras {
				caps.Output, caps.Tags = &bedrock.Output{URI: place}, tags
				starts = append(starts, caps)
			}
		}
	}
	return map[bedrock.Operation][]bedrock.Capabilities{
		bedrock.Converse: extras, bedrock.ConverseStream: extras, bedrock.InvokeModel: extras[:1], bedrock.InvokeModelWithResponseStream: extras[:1],
		bedrock.ChatCompletions: extras[:1], bedrock.ChatCompletionsStream: extras[:1], bedrock.CountTokens: extras, bedrock.ApplyGuardrail: extras,
		bedrock.StartAsyncInvoke: starts, bedrock.GetAsyncInvoke: extras[:1], bedrock.ListAsyncInvokes: extras[:1],
	}
}

// calls tries every model, profile, region and operation, with everything that
// might be named, and returns the legs of those that are permitted and sent to
// Bedrock, by account, and how many of each operation were.
func calls(t *testing.T, s *snapshot.Snapshot, scope Scope) (map[string]map[[2]string]bool, map[bedrock.Operation]int) {
	t.Helper()
	var models []string
	for _, m := range s.Catalogue.Models() {
		models = append(models, m.ID)
	}
	for _, p := range s.Catalogue.Profiles() {
		models = append(models, p.ID)
	}
	tries := attempts()
	out, count := map[string]map[[2]string]bool{home: {}, away: {}}, map[bedrock.Operation]int{}
	try := func(inv rights.Invocation) bool {
		legs := permitted(s, scope, inv)
		if len(legs) > 0 {
			count[inv.Operation]++
		}
		if inv.Operation == bedrock.ListAsyncInvokes {
			return len(legs) > 0 // answered by Writ
		}
		for _, l := range legs {
			out[inv.Account][[2]string{l.Action, l.Resource}] = true
		}
		return len(legs) > 0
	}
	for _, op := range bedrock.Operations() {
		named := models
		if !op.Invokes() && op != bedrock.GetAsyncInvoke {
			named = []string{""}
		}
		for _, model := range named {
			for _, account := range []string{home, away} {
				for _, region := range scope.Regions {
					for i, caps := range tries[op] {
						inv := rights.Invocation{Operation: op, ModelID: model, Region: region, Account: account, Caps: caps}
						if !try(inv) && op == bedrock.StartAsyncInvoke && i == 0 && model != reel {
							break // without a right to start anything
						}
					}
				}
			}
		}
	}
	return out, count
}

// permitted is the legs of a call of alice's, if she may make it.
func permitted(s *snapshot.Snapshot, scope Scope, inv rights.Invocation) []rights.Leg {
	who, _ := s.Identity("alice")
	legs, err := rights.Legs(inv, s.Catalogue)
	if err != nil {
		return nil
	}
	d := s.Bundle.Decide(policy.Request{
		Identity: who, Now: scope.Now, Operation: inv.Operation, Account: inv.Account, Home: scope.Home, Region: inv.Region, Caps: inv.Caps, Legs: legs,
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
	need, count := calls(t, s, scope)
	for _, op := range bedrock.Operations() {
		if count[op] == 0 {
			t.Errorf("no %s was permitted", op)
		}
	}
	patterns := []string{
		"arn:aws:s3:::docs/in/*", "arn:aws:s3:::counted/*", "arn:aws:s3:::frames/*", "arn:aws:s3:::out/a/*", "arn:aws:s3:::out/b*", "arn:aws:s3:::out/c*", "arn:aws:s3:::all/*", "arn:aws:s3:::dot/.*",
		"arn:aws:bedrock:us-east-1:" + home + ":async-invoke/*", "arn:aws:bedrock:us-east-1:" + away + ":async-invoke/*", "arn:aws:bedrock:us-west-2:" + away + ":async-invoke/*",
	}
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
			if !found || strings.Contains(pattern[1], "*") && !slices.Contains(patterns, pattern[1]) {
				t.Errorf("%s: %v is allowed, and no call needs it", l.Account, pattern)
			}
		}
		skipped := strings.Join(l.Skipped, "\n")
		if l.Account == away && !strings.Contains(skipped, "alice.listing") || strings.Contains(skipped, "applying") || strings.Contains(skipped, "video") {
			t.Errorf("of grants that lead nowhere it is said: %s", skipped)
		}
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
