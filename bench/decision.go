package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// decision is what deciding costs with so many grants in memory.
type decision struct {
	Grants      int     `json:"grants"`
	Micros      float64 `json:"decide_us"` // one call of four legs, and the release of its answer
	Allocations int64   `json:"allocations"`
	Bytes       int64   `json:"allocated_bytes"`
	Reload      float64 `json:"reload_ms"` // from one changed row to the new snapshot
}

// grantSizes are the bundles that are decided on.
var grantSizes = []int{10, 1000, 100_000}

// grantsEach is how many grants an identity holds, each of another entitlement.
const grantsEach = 10

func measureDecisions() ([]decision, error) {
	var out []decision
	for _, n := range grantSizes {
		fmt.Fprintf(os.Stderr, "measuring the decision at %d grants …\n", n)
		d, err := measureDecision(n)
		if err != nil {
			return nil, fmt.Errorf("deciding at %d grants: %w", n, err)
		}
		out = append(out, d)
	}
	return out, nil
}

func measureDecision(n int) (decision, error) {
	now := time.Now().UTC()
	f := &feed{}
	if err := f.fill(n, now); err != nil {
		return decision{}, err
	}
	source, err := openFeed(f)
	if err != nil {
		return decision{}, err
	}
	r, err := question(source.Current(), fmt.Sprintf("agent-%d", n/grantsEach/2), now)
	if err != nil {
		return decision{}, err
	}
	if d := source.Current().Bundle.Decide(r); d.Permit == nil || len(d.Legs) != 4 {
		return decision{}, fmt.Errorf("%s with %d legs: %v", d.Code, len(d.Legs), d.Reasons)
	}
	bundle := source.Current().Bundle
	got := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			bundle.Decide(r)
		}
	})
	reload, err := measureReload(source, f, now)
	return decision{
		Grants: n, Micros: float64(got.T.Nanoseconds()) / float64(got.N) / 1000,
		Allocations: got.AllocsPerOp(), Bytes: got.AllocedBytesPerOp(), Reload: reload,
	}, err
}

func openFeed(f *feed) (*snapshot.Source, error) {
	return snapshot.Open(context.Background(), snapshot.Config{
		Load: f.load, Watch: func(context.Context) <-chan struct{} { return nil },
		Authorised: func(store.Ref, store.Change) error { return nil },
	})
}

// measureReload changes one grant after another, and returns the milliseconds
// that one takes from the row to the snapshot that decides by it.
func measureReload(source *snapshot.Source, f *feed, now time.Time) (float64, error) {
	var failed error
	turn := 0
	got := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			turn++
			failed = errors.Join(failed, f.change(now.Add(time.Duration(turn)*time.Second)), source.Refresh(context.Background()))
		}
	})
	return float64(got.T.Nanoseconds()) / float64(got.N) / 1e6, failed
}

// question is a call of four legs, from inside the network its grant names.
func question(s *snapshot.Snapshot, who string, now time.Time) (policy.Request, error) {
	i, ok := s.Identity(who)
	if !ok {
		return policy.Request{}, fmt.Errorf("identity %q is missing", who)
	}
	caps := bedrock.Capabilities{MaxTokens: 1024}
	legs, err := rights.Legs(rights.Invocation{
		Operation: bedrock.Converse, ModelID: model, Region: region, Account: "111122223333", Caps: caps,
	}, s.Catalogue)
	return policy.Request{
		Identity: i,
		Session:  identity.Session{Identity: who, Proof: identity.ProofOIDC, Issuer: "https://issuer.invalid", Issued: now.Add(-time.Minute)},
		Origin:   identity.Origin{Addr: netip.MustParseAddr("127.0.0.1"), Networks: []string{"office"}},
		Now:      now, Operation: bedrock.Converse, Region: region, Caps: caps, BodyBytes: 1100, Legs: legs,
		Prompt: dataclass.Label{Redactable: true}, Digest: policy.Digest(sha256.Sum256([]byte(who))),
	}, err
}

// feed stands in for the store: rows in memory, loaded once and then only
// what changed.
type feed struct {
	rows     []store.Row
	revision int64
}

func (f *feed) load(_ context.Context, since int64) ([]store.Row, int64, error) {
	rows := f.rows
	if since == f.revision {
		rows = nil
	}
	return rows, f.revision, nil
}

// models are what the ten entitlements allow.
var models = []string{
	model, "anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0",
	"meta.llama3-1-70b-instruct-v1:0", "us.meta.llama3-1-70b-instruct-v1:0", "family:amazon.titan", "family:cohere.command", "provider:mistral",
}

const residency = `@id("residency") forbid (principal, action in Writ::Action::"Invoke", resource) when { context.request.regions.contains("eu-west-1") };`

// fill makes n grants, ten to an identity.
func (f *feed) fill(n int, now time.Time) error {
	all := []manifest.Resource{
		{Kind: manifest.Network, Name: "office", Spec: &identity.Network{ID: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}},
		{Kind: manifest.PolicyKind, Name: "residency", Spec: &manifest.Policy{Text: residency}},
	}
	for i, m := range models {
		name := fmt.Sprintf("entitlement-%d", i)
		all = append(all, manifest.Resource{Kind: manifest.Entitlement, Name: name, Spec: &rights.Entitlement{
			ID: name, Models: []string{m}, Conditions: rights.Conditions{Networks: []string{"office"}, Environments: []string{"prod"}, MaxTokens: 4096},
		}})
	}
	for i := range (n + grantsEach - 1) / grantsEach {
		name := fmt.Sprintf("agent-%d", i)
		all = append(all, manifest.Resource{Kind: manifest.Identity, Name: name, Spec: &identity.Identity{ID: name, Kind: identity.Agent, Environment: "prod"}})
	}
	for i := range n {
		all = append(all, grantOf(i, now.Add(24*time.Hour)))
	}
	return f.commit(all, manifest.Create)
}

func grantOf(n int, until time.Time) manifest.Resource {
	name := fmt.Sprintf("grant-%d", n)
	return manifest.Resource{Kind: manifest.Grant, Name: name, Spec: &rights.Grant{
		ID: name, Identity: fmt.Sprintf("agent-%d", n/grantsEach), Entitlement: fmt.Sprintf("entitlement-%d", n%grantsEach), NotAfter: until,
	}}
}

// change prolongs the first grant.
func (f *feed) change(until time.Time) error {
	return f.commit([]manifest.Resource{grantOf(0, until.Add(24*time.Hour))}, manifest.Update)
}

func (f *feed) commit(resources []manifest.Resource, op manifest.Op) error {
	f.revision++
	f.rows = make([]store.Row, 0, len(resources))
	for _, r := range resources {
		spec, err := r.Encode()
		if err != nil {
			return err
		}
		c := store.Change{Op: op, Kind: r.Kind, Name: r.Name, Spec: spec}
		f.rows = append(f.rows, store.Row{Change: c, Stored: c.Digest(), Revision: f.revision})
	}
	return nil
}
