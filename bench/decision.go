package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
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

// decision is what deciding costs with so many grants in memory: one call of
// four legs, and the release of its answer.
type decision struct {
	Grants   int     `json:"grants"`
	Repeated cost    `json:"repeated"`  // a question like the last one: another time, prompt and request
	New      cost    `json:"new"`       // a question that nobody asked before
	Reload   float64 `json:"reload_ms"` // from one changed row to the new snapshot
}

// cost is what an act takes: the median over rounds.
type cost struct {
	Micros      float64   `json:"us"`
	Allocations float64   `json:"allocations"`
	Bytes       float64   `json:"allocated_bytes"`
	Rounds      []float64 `json:"rounds_us"`
}

// grantSizes are the bundles that are decided on.
var grantSizes = []int{10, 1000, 100_000}

// grantsEach is how many grants an identity holds, each of another entitlement.
const grantsEach = 10

func measureDecisions(s settings) ([]decision, error) {
	var out []decision
	for _, n := range grantSizes {
		fmt.Fprintf(os.Stderr, "measuring the decision at %d grants …\n", n)
		d, err := measureDecision(s, n)
		if err != nil {
			return nil, fmt.Errorf("deciding at %d grants: %w", n, err)
		}
		out = append(out, d)
	}
	return out, nil
}

func measureDecision(s settings, n int) (decision, error) {
	now := time.Now().UTC()
	out := decision{Grants: n}
	f := &feed{}
	if err := f.fill(n, now); err != nil {
		return out, err
	}
	source, err := openFeed(f)
	if err != nil {
		return out, err
	}
	a, err := newAsker(source.Current(), fmt.Sprintf("agent-%d", n/grantsEach/2), now)
	if err != nil {
		return out, err
	}
	length := min(s.Time, 300*time.Millisecond)
	if out.Repeated, err = timed(s.Rounds, length, func() error { return a.ask(a.repeated()) }); err != nil {
		return out, err
	}
	if out.New, err = timed(s.Rounds, length, func() error { return a.ask(a.fresh()) }); err != nil {
		return out, err
	}
	turn := 0
	reload, err := timed(s.Rounds, length, func() error {
		turn++
		return errors.Join(f.change(now.Add(time.Duration(turn)*time.Second)), source.Refresh(context.Background()))
	})
	out.Reload = reload.Micros / 1000
	return out, err
}

// timed repeats an act for a while, round after round. It takes the CPU time of
// this process, the collector's with it: what others do on the machine meanwhile
// is not the act's.
func timed(rounds int, length time.Duration, act func() error) (cost, error) {
	var took, allocations, bytes []float64
	for range rounds {
		n, spent, before, after := 0, time.Duration(0), runtime.MemStats{}, runtime.MemStats{}
		runtime.GC()
		runtime.ReadMemStats(&before)
		start, err := cpuTime(os.Getpid())
		if err != nil {
			return cost{}, err
		}
		for began := time.Now(); time.Since(began) < length; {
			for range 16 { // so that reading the clock does not count
				if err := act(); err != nil {
					return cost{}, err
				}
				n++
			}
		}
		if spent, err = cpuTime(os.Getpid()); err != nil {
			return cost{}, err
		}
		runtime.ReadMemStats(&after)
		took = append(took, float64((spent-start).Nanoseconds())/float64(n)/1000)
		allocations = append(allocations, float64(after.Mallocs-before.Mallocs)/float64(n))
		bytes = append(bytes, float64(after.TotalAlloc-before.TotalAlloc)/float64(n))
	}
	return cost{Rounds: slices.Clone(took), Micros: middle(took), Allocations: middle(allocations), Bytes: middle(bytes)}, nil
}

func openFeed(f *feed) (*snapshot.Source, error) {
	return snapshot.Open(context.Background(), snapshot.Config{
		Load: f.load, Watch: func(context.Context) <-chan struct{} { return nil },
		Authorised: func(store.Ref, store.Change) error { return nil },
	})
}

// asker asks a bundle one question after another, none of which is the last
// one's equal.
type asker struct {
	bundle *policy.Bundle
	base   policy.Request
	turn   uint64
}

func newAsker(s *snapshot.Snapshot, who string, now time.Time) (*asker, error) {
	base, err := question(s, who, now)
	return &asker{bundle: s.Bundle, base: base}, err
}

// ask wants the permit with all four legs: a refusal would cost less.
func (a *asker) ask(r policy.Request) error {
	if d := a.bundle.Decide(r); d.Permit == nil || len(d.Legs) != 4 {
		return fmt.Errorf("%s with %d legs: %v", d.Code, len(d.Legs), d.Reasons)
	}
	return nil
}

// repeated is what an identity's next call looks like: the same model and
// settings; another time, prompt and request.
func (a *asker) repeated() policy.Request {
	a.turn++
	r := a.base
	r.Now = r.Now.Add(time.Duration(a.turn) * time.Microsecond)
	r.BodyBytes += int(a.turn % 256)
	binary.BigEndian.PutUint64(r.Digest[:], a.turn)
	return r
}

// fresh is a call that nobody made before: its limit of tokens, on which every
// grant here has a condition, and its metadata are its own.
func (a *asker) fresh() policy.Request {
	r := a.repeated()
	r.Caps.MaxTokens += int64(a.turn)
	r.Caps.Metadata = map[string]string{"ticket": strconv.FormatUint(a.turn, 10)}
	r.Asserted.Metadata = r.Caps.Metadata
	return r
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
			ID: name, Models: []string{m}, Conditions: rights.Conditions{Networks: []string{"office"}, Environments: []string{"prod"}, MaxTokens: 1 << 40},
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
