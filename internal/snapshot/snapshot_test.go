package snapshot

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

const organisation = `
apiVersion: writ/v1
kind: Issuer
name: ci
spec: {url: "https://issuer.example"}
---
apiVersion: writ/v1
kind: Network
name: office
spec: {cidrs: ["10.0.0.0/8"]}
---
apiVersion: writ/v1
kind: Identity
name: bot
spec: {kind: agent, environment: prod}
---
apiVersion: writ/v1
kind: Identity
name: other
spec: {kind: agent, environment: prod}
---
apiVersion: writ/v1
kind: Binding
name: bot.ci
spec: {identity: bot, issuer: ci, audience: writ, subject: "repo:org/bot"}
---
apiVersion: writ/v1
kind: Entitlement
name: nova
spec: {models: ["amazon.nova-lite-v1:0"], conditions: {networks: [office]}}
---
apiVersion: writ/v1
kind: Grant
name: bot.nova
spec: {identity: bot, entitlement: nova, notAfter: 2027-01-01T00:00:00Z}
---
apiVersion: writ/v1
kind: Policy
name: rules
spec:
  text: |
    forbid (principal, action, resource) when { principal.shared };
`

// world is a store with the log that vouches for it.
type world struct {
	t   testing.TB
	db  *store.DB
	mu  sync.Mutex
	log map[store.Ref]map[[32]byte]bool // guarded by mu
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, db: storetest.MustOpen(t, storetest.SQLite(t)), log: map[store.Ref]map[[32]byte]bool{}}
	w.apply(organisation)
	return w
}

// record writes changes to the log.
func (w *world) record(ref store.Ref, changes ...store.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log[ref] = map[[32]byte]bool{}
	for _, c := range changes {
		w.log[ref][c.Digest()] = true
	}
}

func (w *world) authorised(ref store.Ref, c store.Change) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.log[ref][c.Digest()] {
		return errors.New("no such record")
	}
	return nil
}

// commit records and commits.
func (w *world) commit(changes ...store.Change) {
	w.t.Helper()
	w.commitAs(true, changes...)
}

// commitAs commits, and records only when told to.
func (w *world) commitAs(recorded bool, changes ...store.Change) {
	w.t.Helper()
	rev, err := w.db.Revision(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	ref := store.Ref{Shard: "s", Index: uint64(rev)}
	if recorded {
		w.record(ref, changes...)
	}
	if _, err := w.db.Commit(context.Background(), store.Commit{Record: ref, Expect: rev, Changes: changes}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) apply(doc string) {
	w.t.Helper()
	wanted, err := manifest.Parse("org.yaml", []byte(doc))
	if err != nil {
		w.t.Fatal(err)
	}
	current, _, err := w.db.Resources(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	changes, err := store.Changes(manifest.Plan(current, wanted, false))
	if err != nil {
		w.t.Fatal(err)
	}
	w.commit(changes...)
}

func (w *world) config() Config {
	return Config{Load: w.db.Load, Watch: w.db.Watch, Authorised: w.authorised}
}

func (w *world) open() *Source {
	w.t.Helper()
	s, err := Open(context.Background(), w.config())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func changeOf(r manifest.Resource, op manifest.Op) store.Change {
	c := store.Change{Op: op, Kind: r.Kind, Name: r.Name}
	if op != manifest.Delete {
		c.Spec, _ = r.Encode() // specs of these tests always encode
	}
	return c
}

func bot(edit func(*identity.Identity)) manifest.Resource {
	i := &identity.Identity{ID: "bot", Kind: identity.Agent, Environment: "prod"}
	if edit != nil {
		edit(i)
	}
	return manifest.Resource{Kind: manifest.Identity, Name: "bot", Spec: i}
}

func grant(edit func(*rights.Grant)) manifest.Resource {
	g := &rights.Grant{ID: "bot.nova", Identity: "bot", Entitlement: "nova", NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	if edit != nil {
		edit(g)
	}
	return manifest.Resource{Kind: manifest.Grant, Name: g.ID, Spec: g}
}

func TestOpenReadsEverything(t *testing.T) {
	s := newWorld(t).open().Current()
	if s.Revision != 1 || s.Bundle == nil || s.At.IsZero() {
		t.Errorf("snapshot %+v", s)
	}
	if i, ok := s.Identity("bot"); !ok || i.ID != "bot" || len(s.Identities()) != 2 {
		t.Errorf("identity %+v", i)
	}
	if b, ok := s.Binding("bot.ci"); !ok || b.Identity != "bot" || len(s.BindingsOf("ci")) != 1 || s.BindingsOf("cd") != nil {
		t.Errorf("binding %+v", b)
	}
	if i, ok := s.IssuerOf("https://issuer.example"); !ok || i.ID != "ci" {
		t.Errorf("issuer %+v", i)
	}
	if _, ok := s.IssuerOf("https://issuer.example/"); ok {
		t.Error("an issuer was found by another URL")
	}
	if g := s.GrantsOf("bot"); len(g) != 1 || g[0].ID != "bot.nova" {
		t.Errorf("grants %v", g)
	}
	if e, ok := s.Entitlement("nova"); !ok || len(e.Models) != 1 || len(s.Entitlements()) != 1 || len(s.Policies()) != 1 || len(s.Validations()) != 0 {
		t.Errorf("entitlement %+v", e)
	}
	if o := s.Networks.Locate(netip.MustParseAddr("10.1.2.3"), nil); !cmp.Equal(o.Networks, []string{"office"}) {
		t.Errorf("origin %+v", o)
	}
}

func TestAnEmptyStoreIsASnapshot(t *testing.T) {
	db := storetest.MustOpen(t, storetest.SQLite(t))
	s, err := Open(t.Context(), Config{Load: db.Load, Watch: db.Watch, Authorised: func(store.Ref, store.Change) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Current(); c.Revision != 0 || c.Bundle == nil || c.Catalogue == nil || c.Networks == nil {
		t.Errorf("snapshot %+v", c)
	}
}

func TestOpenNeedsItsSeams(t *testing.T) {
	w := newWorld(t)
	for name, drop := range map[string]func(*Config){
		"load": func(c *Config) { c.Load = nil }, "watch": func(c *Config) { c.Watch = nil }, "authorised": func(c *Config) { c.Authorised = nil },
	} {
		cfg := w.config()
		drop(&cfg)
		if _, err := Open(t.Context(), cfg); err == nil {
			t.Errorf("opened without %s", name)
		}
	}
}

func TestUnchangedPartsAreShared(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	old := s.Current()
	w.commit(changeOf(grant(func(g *rights.Grant) { g.Reason = "more" }), manifest.Update))
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := s.Current()
	if next == old || next.Revision != 2 {
		t.Fatal("the change is not seen")
	}
	if next.Networks != old.Networks || next.Catalogue != old.Catalogue {
		t.Error("networks or catalogue were built anew")
	}
	was, _ := old.Identity("bot")
	if now, _ := next.Identity("bot"); now != was {
		t.Error("identities were copied")
	}
	if g, _ := old.Grant("bot.nova"); g.Reason != "" {
		t.Error("the old snapshot changed")
	}
	if g, _ := next.Grant("bot.nova"); g.Reason != "more" {
		t.Error("the new snapshot has the old grant")
	}
	if next.Bundle.Digest() == old.Bundle.Digest() {
		t.Error("the bundle did not change with its grants")
	}
	w.commit(changeOf(bot(func(i *identity.Identity) { i.Team = "t" }), manifest.Update))
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Current().Bundle != next.Bundle {
		t.Error("the bundle was compiled anew for an identity's team")
	}
}

// TestStepsEqualOneLoad compares a source that followed every change with one
// that reads the store afresh.
func TestStepsEqualOneLoad(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	third := manifest.Resource{Kind: manifest.Identity, Name: "third", Spec: &identity.Identity{Kind: identity.Agent, Environment: "dev"}}
	second := grant(func(g *rights.Grant) { g.ID, g.Identity = "third.nova", "third" })
	for i, changes := range [][]store.Change{
		{changeOf(third, manifest.Create), changeOf(second, manifest.Create)},
		{changeOf(grant(func(g *rights.Grant) { g.ID = "bot.again" }), manifest.Create)},
		{changeOf(grant(nil), manifest.Delete)},
		{changeOf(grant(func(g *rights.Grant) { g.Identity = "other" }), manifest.Create)},
		{{Op: manifest.Update, Kind: manifest.PolicyKind, Name: "rules", Spec: []byte(`{"text":"forbid (principal, action, resource);"}`)}},
		{changeOf(second, manifest.Delete), changeOf(third, manifest.Delete)},
		{{Op: manifest.Update, Kind: manifest.Network, Name: "office", Spec: []byte(`{"cidrs":["10.2.0.0/16"]}`)}},
	} {
		w.commit(changes...)
		if err := s.Refresh(t.Context()); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		stepped, whole := s.Current(), w.open().Current()
		if stepped.Revision != whole.Revision || stepped.Bundle.Digest() != whole.Bundle.Digest() {
			t.Errorf("step %d: the bundles differ", i)
		}
		for name, pair := range map[string][2]any{
			"identities": {stepped.Identities(), whole.Identities()}, "grants": {stepped.grants.all(), whole.grants.all()}, "policies": {stepped.Policies(), whole.Policies()},
		} {
			if d := cmp.Diff(pair[1], pair[0]); d != "" {
				t.Errorf("step %d: %s:\n%s", i, name, d)
			}
		}
	}
}

func TestS17_RowsWithoutTheirRecordAreRefused(t *testing.T) {
	for name, tamper := range map[string]func(w *world){
		"no record": func(w *world) {
			w.commitAs(false, changeOf(grant(func(g *rights.Grant) { g.Reason = "mine" }), manifest.Update))
		},
		"record of another change": func(w *world) {
			w.record(store.Ref{Shard: "s", Index: 1}, changeOf(grant(nil), manifest.Update))
			w.commitAs(false, changeOf(grant(func(g *rights.Grant) { g.NotAfter = g.NotAfter.AddDate(1, 0, 0) }), manifest.Update))
		},
		"deletion without record": func(w *world) {
			w.commitAs(false, store.Change{Op: manifest.Delete, Kind: manifest.PolicyKind, Name: "rules"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.open()
			old := s.Current()
			tamper(w)
			if err := s.Refresh(t.Context()); !errors.Is(err, ErrUnauthorised) {
				t.Errorf("refresh gave %v", err)
			}
			if s.Current() != old {
				t.Error("the snapshot changed")
			}
			if !errors.Is(s.Err(), ErrUnauthorised) {
				t.Errorf("the source says %v", s.Err())
			}
			if name == "deletion without record" {
				return // a whole state holds no deletions: what is missing in it, the ledger sees
			}
			if _, err := Open(t.Context(), w.config()); !errors.Is(err, ErrUnauthorised) {
				t.Errorf("a new source opened: %v", err)
			}
		})
	}
}

func TestS17_ContentOtherThanItsDigestIsRefused(t *testing.T) {
	w := newWorld(t)
	cfg := w.config()
	cfg.Load = func(ctx context.Context, since int64) ([]store.Row, int64, error) {
		rows, rev, err := w.db.Load(ctx, since)
		for i := range rows {
			if rows[i].Kind == manifest.Grant {
				rows[i].Spec = []byte(strings.Replace(string(rows[i].Spec), "2027", "2037", 1))
			}
		}
		return rows, rev, err
	}
	cfg.Authorised = func(store.Ref, store.Change) error { return nil }
	if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrUnauthorised) {
		t.Errorf("opened: %v", err)
	}
}

func TestS17_AnEpochThatWentDownIsRefused(t *testing.T) {
	w := newWorld(t)
	w.commit(changeOf(bot(func(i *identity.Identity) { i.Epoch = 4 }), manifest.Update))
	cfg := w.config()
	lower := false
	cfg.Load = func(ctx context.Context, since int64) ([]store.Row, int64, error) {
		if !lower {
			return w.db.Load(ctx, since)
		}
		c := changeOf(bot(func(i *identity.Identity) { i.Epoch = 3 }), manifest.Update)
		w.record(store.Ref{Shard: "s", Index: 77}, c)
		return []store.Row{{Change: c, Stored: c.Digest(), Record: store.Ref{Shard: "s", Index: 77}, Revision: since + 1}}, since + 1, nil
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	lower = true
	if err := s.Refresh(t.Context()); !errors.Is(err, store.ErrEpoch) {
		t.Errorf("refresh gave %v", err)
	}
}

func TestRulesThatDoNotCompileAreRefused(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	old := s.Current()
	w.commit(store.Change{Op: manifest.Update, Kind: manifest.PolicyKind, Name: "rules", Spec: []byte(`{"text":"permit (principal"}`)})
	if err := s.Refresh(t.Context()); err == nil {
		t.Error("a broken policy was loaded")
	}
	if s.Current() != old {
		t.Error("the snapshot changed")
	}
	w.commit(store.Change{Op: manifest.Delete, Kind: manifest.PolicyKind, Name: "rules"})
	if err := s.Refresh(t.Context()); err != nil {
		t.Errorf("the source does not recover: %v", err)
	}
}

func quarantineOf(name string, target rights.Target) store.Change {
	return changeOf(manifest.Resource{Kind: manifest.Quarantine, Name: name, Spec: &rights.Quarantine{
		ID: name, Target: target, Reason: "seen abroad", By: "dana", At: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	}}, manifest.Create)
}

func dana() manifest.Resource {
	return manifest.Resource{Kind: manifest.Operator, Name: "dana", Spec: &operator.Operator{ID: "dana", Email: "dana@example.com"}}
}

func TestEnded(t *testing.T) {
	for name, c := range map[string]struct {
		change store.Change
		want   Ended
	}{
		"epoch raised":       {changeOf(bot(func(i *identity.Identity) { i.Epoch = 1 }), manifest.Update), Ended{Identities: []string{"bot"}}},
		"quarantined":        {changeOf(bot(func(i *identity.Identity) { i.State = identity.Quarantined }), manifest.Update), Ended{Identities: []string{"bot"}}},
		"identity's team":    {changeOf(bot(func(i *identity.Identity) { i.Team = "t" }), manifest.Update), Ended{Changed: []string{"bot"}}},
		"identity's tags":    {changeOf(bot(func(i *identity.Identity) { i.Tags = []string{"batch"} }), manifest.Update), Ended{Changed: []string{"bot"}}},
		"identity's deputy":  {changeOf(bot(func(i *identity.Identity) { i.Deputy = "eve" }), manifest.Update), Ended{}},
		"grant revoking":     {changeOf(grant(func(g *rights.Grant) { g.State = rights.GrantRevoking }), manifest.Update), Ended{Grants: []string{"bot.nova"}}},
		"grant activated":    {changeOf(grant(func(g *rights.Grant) { g.State = rights.GrantActive }), manifest.Update), Ended{}},
		"grant narrowed":     {changeOf(grant(func(g *rights.Grant) { g.Narrow = &rights.Narrowing{NoTools: true} }), manifest.Update), Ended{Grants: []string{"bot.nova"}}},
		"quarantine":         {quarantineOf("q", rights.Target{Kind: rights.TargetTag, Name: "batch"}), Ended{Quarantines: []string{"q"}}},
		"operator":           {changeOf(dana(), manifest.Create), Ended{}},
		"grant deleted":      {changeOf(grant(nil), manifest.Delete), Ended{Grants: []string{"bot.nova"}}},
		"grant shortened":    {changeOf(grant(func(g *rights.Grant) { g.NotAfter = g.NotAfter.Add(-time.Second) }), manifest.Update), Ended{Grants: []string{"bot.nova"}}},
		"grant begins later": {changeOf(grant(func(g *rights.Grant) { g.NotBefore = g.NotAfter.Add(-time.Hour) }), manifest.Update), Ended{Grants: []string{"bot.nova"}}},
		"grant moved":        {changeOf(grant(func(g *rights.Grant) { g.Identity = "other" }), manifest.Update), Ended{Grants: []string{"bot.nova"}}},
		"grant prolonged":    {changeOf(grant(func(g *rights.Grant) { g.NotAfter = g.NotAfter.Add(time.Hour) }), manifest.Update), Ended{}},
		"grant added":        {changeOf(grant(func(g *rights.Grant) { g.ID = "second" }), manifest.Create), Ended{}},
		"binding deleted":    {store.Change{Op: manifest.Delete, Kind: manifest.Binding, Name: "bot.ci"}, Ended{Bindings: []string{"bot.ci"}}},
		"issuer changed":     {store.Change{Op: manifest.Update, Kind: manifest.Issuer, Name: "ci", Spec: []byte(`{"url":"https://other.example"}`)}, Ended{Bindings: []string{"bot.ci"}}},
		"policy deleted":     {store.Change{Op: manifest.Delete, Kind: manifest.PolicyKind, Name: "rules"}, Ended{Rules: true}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.open()
			var got Ended
			calls := 0
			cancel := s.Subscribe(func(e Ended) {
				got = e
				calls++
				if s.Current().Revision != e.Revision {
					t.Error("told before the snapshot was current")
				}
			})
			w.commit(c.change)
			if err := s.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if nothing := c.want.Nothing(); nothing != (calls == 0) {
				t.Fatalf("told %d times: %+v", calls, got)
			} else if !nothing {
				c.want.Revision = 2
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			cancel()
			w.commit(store.Change{Op: manifest.Create, Kind: manifest.Network, Name: "n2", Spec: []byte(`{"cidrs":["10.2.0.0/16"]}`)})
			if err := s.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got.Revision > 2 {
				t.Error("told after the subscription ended")
			}
		})
	}
}

func TestRunFollowsTheStore(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	ended := make(chan Ended, 1)
	s.Subscribe(func(e Ended) { ended <- e })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.commit(changeOf(grant(nil), manifest.Delete))
	if e := <-ended; !cmp.Equal(e.Grants, []string{"bot.nova"}) {
		t.Errorf("ended %+v", e)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("run ended with %v", err)
	}
}
