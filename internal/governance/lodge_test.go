package governance

import (
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"context"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// lodge is an office with people, over a store of either engine and a real log.
type lodge struct {
	db     *store.DB
	log    *journal.Journal
	ledger *Ledger
	office *Office
	state  *snapshot.Source
	now    time.Time
}

// openLodge opens a store and the log in dir. The state is attached by attach.
func openLodge(t *testing.T, dsn, dir string) *lodge {
	t.Helper()
	h := &lodge{now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
	var err error
	if h.db, err = store.Open(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.db.Close() })
	h.log, err = journal.Open(t.Context(), journal.Config{
		Dir: filepath.Join(dir, "log"), Origin: "test/0", Key: ed25519.NewKeyFromSeed(make([]byte, 32)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.log.Close() })
	if h.ledger, err = OpenLedger(t.Context(), h.log, "0"); err != nil {
		t.Fatal(err)
	}
	rules, err := authority.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.office = New(Config{
		Store: h.db, Log: h.log, Ledger: h.ledger, Instance: auditlog.Instance{ID: "i", Version: "v", Shard: "0"}, Account: "111122223333",
		Now: func() time.Time { return h.now }, Authority: rules,
	})
	if _, err := h.office.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

// attach reads the state as a server would.
func (h *lodge) attach(t *testing.T) *lodge {
	t.Helper()
	if err := h.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *lodge) open(ctx context.Context) (err error) {
	h.state, err = snapshot.Open(ctx, snapshot.Config{
		Load: func(ctx context.Context, since int64) ([]store.Row, int64, error) {
			return h.ledger.Load(ctx, h.db, since)
		},
		Watch: h.db.Watch, Authorised: h.ledger.Authorised, MaxAge: time.Hour,
	})
	if err == nil {
		h.office.Attach(h.state)
	}
	return err
}

// close ends the log and the store, as a process that ends does.
func (h *lodge) close(t *testing.T) {
	t.Helper()
	if err := errors.Join(h.log.Close(), h.db.Close()); err != nil {
		t.Fatal(err)
	}
}

// put commits changes without asking anybody, in one act each.
func (h *lodge) put(t *testing.T, op manifest.Op, all ...manifest.Resource) {
	t.Helper()
	for _, r := range all {
		_, err := h.office.commit(t.Context(), act{Actor{Name: Self}, "put", ""}, func(*snapshot.Snapshot) ([]store.Change, error) {
			c := store.Change{Op: op, Kind: r.Kind, Name: r.Name}
			var err error
			if op != manifest.Delete {
				c.Spec, err = r.Encode()
			}
			return []store.Change{c}, err
		})
		if err != nil {
			t.Fatalf("%s %s: %v", op, r.ID(), err)
		}
	}
}

func (h *lodge) actor(t *testing.T, name string) Actor {
	t.Helper()
	op, ok := h.state.Current().Operator(name)
	if !ok {
		t.Fatalf("there is no operator %s", name)
	}
	return Actor{Name: name, Operator: op, Via: "cli"}
}

func somebody(name string, roles ...operator.Role) manifest.Resource {
	op := &operator.Operator{ID: name, Email: name + "@example.com"}
	for _, r := range roles {
		op.Roles = append(op.Roles, operator.Held{Role: r})
	}
	return manifest.Resource{Kind: manifest.Operator, Name: name, Spec: op}
}

const pricing = "arn:aws:bedrock:us-east-1:111122223333:imported-model/pricing0001"

// parish is some people, an identity with a right, and a model that needs validations.
func parish(now time.Time) []manifest.Resource {
	return append(village(now),
		somebody("dana", operator.Requester), somebody("ada", operator.Administrator), somebody("otto", operator.Auditor), somebody("mira", operator.Requester),
		manifest.Resource{Kind: manifest.Identity, Name: "support", Spec: &identity.Identity{
			Kind: identity.Agent, Environment: "prod", Sponsor: "dana@example.com", Team: "support", Tags: []string{"eu"}, State: identity.Claimed,
		}},
		manifest.Resource{Kind: manifest.Grant, Name: "support.chat", Spec: &rights.Grant{Identity: "support", Entitlement: "chat", NotAfter: now.AddDate(1, 0, 0), Origin: rights.OriginBootstrap}},
	)
}

// settled is a lodge with a town in it.
func settled(t *testing.T, dsn, dir string) *lodge {
	t.Helper()
	h := openLodge(t, dsn, dir).attach(t)
	h.put(t, manifest.Create, parish(h.now)...)
	return h
}

// village is an identity with a right, and a rule.
func village(now time.Time) []manifest.Resource {
	return []manifest.Resource{
		{Kind: manifest.Identity, Name: "bot", Spec: &identity.Identity{Kind: identity.Agent, Environment: "prod"}},
		{Kind: manifest.Entitlement, Name: "chat", Spec: &rights.Entitlement{Models: []string{"us.anthropic.claude-sonnet-4-5-20250929-v1:0"}}},
		{Kind: manifest.Grant, Name: "bot.chat", Spec: &rights.Grant{Identity: "bot", Entitlement: "chat", NotAfter: now.AddDate(1, 0, 0)}},
		{Kind: manifest.PolicyKind, Name: "never", Spec: &manifest.Policy{Text: `@id("never") forbid (principal, action in Writ::Action::"Invoke", resource) when { principal.shared };`}},
	}
}
