package governance

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// backedUp is a backup of a lodge, as a file would hold it.
func (h *lodge) backedUp(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := h.office.BackUp(t.Context(), h.actor(t, "ada"), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// restored is a lodge made of a backup in a new place, with the log that is in it
// or, where newer names one, that one.
func restored(t *testing.T, dsn string, backup []byte, newer string) *lodge {
	t.Helper()
	stage, dir := t.TempDir(), t.TempDir()
	m, err := ReadBackup(t.Context(), bytes.NewReader(backup), stage)
	if err != nil {
		t.Fatal(err)
	}
	if newer == "" {
		newer = filepath.Join(stage, m.LogDir())
	}
	if _, err := journal.Copy(newer, nil, func(name string, data []byte) error {
		name = filepath.Join(dir, "log", name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		return os.WriteFile(name, data, 0o600)
	}); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.FillStore(t.Context(), db, stage); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return openLodge(t, dsn, dir)
}

// mend re-applies the log and opens the state as a server would.
func (h *lodge) mend(t *testing.T) Mended {
	t.Helper()
	out, err := h.office.Mend(t.Context(), Local("cli"), nil)
	if err != nil {
		t.Fatal(err)
	}
	h.attach(t)
	return out
}

// both runs f on a fresh store of each engine, and the name of another.
func both(t *testing.T, f func(t *testing.T, dsn, other string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, storetest.SQLite(t), storetest.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, storetest.Postgres(t), storetest.Postgres(t)) })
}

func TestARestoredInstallationIsTheOneThatWasBackedUp(t *testing.T) {
	both(t, func(t *testing.T, dsn, other string) {
		h := settled(t, dsn, t.TempDir())
		b := h.backedUp(t)
		again := restored(t, other, b, "")
		if m := again.mend(t); len(m.Items) > 0 || m.Stopped {
			t.Errorf("log and store did not agree: %+v", m)
		}
		for _, r := range parish(h.now) {
			was, _ := h.state.Current().Resource(r.Kind, r.Name)
			now, ok := again.state.Current().Resource(r.Kind, r.Name)
			if !ok || was.Digest() != now.Digest() {
				t.Errorf("%s is not as it was", r.ID())
			}
		}
		again.put(t, manifest.Create, somebody("new", operator.Requester)) // and it goes on
	})
}

// TestS17_RestoreReappliesLaterRevocations: what was taken away after the backup
// does not come back with it.
func TestS17_RestoreReappliesLaterRevocations(t *testing.T) {
	both(t, func(t *testing.T, dsn, other string) {
		dir := t.TempDir()
		h := settled(t, dsn, dir)
		h.put(t, manifest.Create, somebody("rosa", operator.Remediator),
			manifest.Resource{Kind: manifest.Identity, Name: "gone", Spec: &identity.Identity{Kind: identity.Agent, Environment: "prod"}},
			manifest.Resource{Kind: manifest.Identity, Name: "stopped", Spec: &identity.Identity{Kind: identity.Agent, Environment: "prod"}},
			manifest.Resource{Kind: manifest.Grant, Name: "bot.more", Spec: &rights.Grant{Identity: "bot", Entitlement: "chat", NotAfter: h.now.AddDate(1, 0, 0)}},
			manifest.Resource{Kind: manifest.Grant, Name: "bot.less", Spec: &rights.Grant{Identity: "bot", Entitlement: "chat", NotAfter: h.now.AddDate(1, 0, 0)}},
		)
		b := h.backedUp(t)

		rosa := h.actor(t, "rosa")
		if _, err := h.office.RevokeSessions(t.Context(), rosa, "bot"); err != nil {
			t.Fatal(err)
		}
		h.attach(t)
		for _, target := range []rights.Target{{Kind: rights.TargetIdentity, Name: "stopped"}, {Kind: rights.TargetNetwork, Name: "203.0.113.0/24"}, {Kind: rights.TargetTag, Name: "eu"}} {
			if _, err := h.office.Quarantine(t.Context(), rosa, Order{Target: target, Reason: "an incident"}); err != nil {
				t.Fatal(err)
			}
		}
		shorter := &rights.Grant{Identity: "bot", Entitlement: "chat", NotAfter: h.now.AddDate(0, 1, 0)}
		h.put(t, manifest.Update, manifest.Resource{Kind: manifest.Grant, Name: "bot.less", Spec: shorter})
		h.put(t, manifest.Delete, manifest.Resource{Kind: manifest.Grant, Name: "bot.chat"}, manifest.Resource{Kind: manifest.Identity, Name: "gone"})
		h.put(t, manifest.Create, manifest.Resource{Kind: manifest.Grant, Name: "bot.later", Spec: shorter})
		epoch := identityOf(t, h, "bot").Epoch
		newest := h.state.Current().Revision
		h.close(t)

		again := restored(t, other, b, filepath.Join(dir, "log"))
		if err := again.open(t.Context()); err == nil {
			t.Error("an old state was believed beside a newer log")
		}
		m := again.mend(t)
		s := again.state.Current()
		for _, name := range []string{"bot.chat", "bot.less", "bot.later"} {
			if g, ok := s.Grant(name); ok {
				t.Errorf("the grant came back: %+v", g)
			}
		}
		if _, ok := s.Grant("bot.more"); !ok {
			t.Error("a grant is gone that nobody touched")
		}
		if _, ok := s.Identity("gone"); ok {
			t.Error("the identity came back")
		}
		if got := identityOf(t, again, "bot").Epoch; got < epoch {
			t.Errorf("sessions came back: epoch %d, was %d", got, epoch)
		}
		if got := identityOf(t, again, "stopped").Epoch; got < 1 {
			t.Errorf("sessions of what was quarantined came back: epoch %d", got)
		}
		for _, target := range []string{"identity/stopped", "network/203.0.113.0/24", "tag/eu"} {
			if !slices.ContainsFunc(s.Quarantines(), func(q *rights.Quarantine) bool { return q.Target.String() == target }) {
				t.Errorf("the quarantine of %s is gone", target)
			}
		}
		if m.Stopped {
			t.Errorf("everything is stopped: %+v", m.Items)
		}
		if s.Revision <= newest {
			t.Errorf("the revision is %d: the log speaks of %d", s.Revision, newest)
		}
		listed(t, m, "Grant/bot.chat", "Grant/bot.less", "Grant/bot.later", "Identity/gone", "Identity/bot", "Identity/stopped")

		// It holds after another start, and for what comes next.
		again.put(t, manifest.Create, somebody("new", operator.Requester))
		if again.office.cfg.Ledger, _ = OpenLedger(t.Context(), again.log, "0"); again.office.cfg.Ledger == nil {
			t.Fatal("the log cannot be read")
		}
		again.ledger = again.office.cfg.Ledger
		again.attach(t)
		if _, ok := again.state.Current().Grant("bot.chat"); ok {
			t.Error("the grant came back at the next start")
		}
	})
}

func listed(t *testing.T, m Mended, want ...string) {
	t.Helper()
	for _, id := range want {
		if !slices.ContainsFunc(m.Items, func(i MendItem) bool { return i.Resource == id && i.Did != "" }) {
			t.Errorf("%s is not listed: %+v", id, m.Items)
		}
	}
}

func identityOf(t *testing.T, h *lodge, name string) *identity.Identity {
	t.Helper()
	i, ok := h.state.Current().Identity(name)
	if !ok {
		t.Fatalf("there is no identity %s", name)
	}
	return i
}

// TestS17_RestoreFailsClosedWhereTheContentIsLost: what was changed later is known
// by its digest only, and nothing that depends on it is wider than before.
func TestS17_RestoreFailsClosedWhereTheContentIsLost(t *testing.T) {
	policy := func(text string) manifest.Resource {
		return manifest.Resource{Kind: manifest.PolicyKind, Name: "never", Spec: &manifest.Policy{Text: text}}
	}
	forbid := `@id("never") forbid (principal, action in Writ::Action::"Invoke", resource);`
	for name, c := range map[string]struct {
		op    manifest.Op
		later manifest.Resource
		stops bool
		check func(s *snapshot.Snapshot) string
	}{
		"a policy forbids more": {manifest.Update, policy(forbid), true, nil},
		"a policy is new":       {manifest.Create, manifest.Resource{Kind: manifest.PolicyKind, Name: "new", Spec: &manifest.Policy{Text: strings.Replace(forbid, "never", "new", 1)}}, true, nil},
		"an identity is another": {manifest.Update, manifest.Resource{Kind: manifest.Identity, Name: "bot", Spec: &identity.Identity{Kind: identity.Agent, Environment: "dev"}}, false, func(s *snapshot.Snapshot) string {
			if _, ok := s.Quarantine("identity.bot"); !ok {
				return "it is not quarantined"
			}
			return ""
		}},
		"an entitlement gives less": {manifest.Update, manifest.Resource{Kind: manifest.Entitlement, Name: "chat", Spec: &rights.Entitlement{Models: []string{"us.anthropic.claude-sonnet-4-5-20250929-v1:0"}, RiskTier: "high"}}, false, func(s *snapshot.Snapshot) string {
			if n := len(s.Grants()); n > 0 {
				return "its grants stand"
			}
			return ""
		}},
		"an operator left": {manifest.Update, manifest.Resource{Kind: manifest.Operator, Name: "mira", Spec: &operator.Operator{ID: "mira", Email: "mira@example.com", Disabled: true}}, false, func(s *snapshot.Snapshot) string {
			if op, ok := s.Operator("mira"); !ok || !op.Disabled || op.Epoch == 0 {
				return "the account works"
			}
			return ""
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h := settled(t, storetest.SQLite(t), dir)
			b := h.backedUp(t)
			h.put(t, c.op, c.later)
			h.close(t)
			again := restored(t, storetest.SQLite(t), b, filepath.Join(dir, "log"))
			m := again.mend(t)
			listed(t, m, c.later.ID())
			s := again.state.Current()
			if m.Stopped != c.stops || c.stops != (len(s.Quarantines()) == 2) {
				t.Errorf("stopped: %t, quarantines %d: %+v", m.Stopped, len(s.Quarantines()), m.Items)
			}
			if c.check != nil {
				if wrong := c.check(s); wrong != "" {
					t.Error(wrong)
				}
			}
			if _, err := again.db.Fact(t.Context(), store.BootstrapEnded); err != nil {
				t.Error("bootstrap is open again")
			}
		})
	}
}

// A backup is taken while others commit: every record that a row names is in it.
func TestABackupOfALiveServerAgreesWithItself(t *testing.T) {
	both(t, func(t *testing.T, dsn, other string) {
		h := settled(t, dsn, t.TempDir())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			for n := 0; ctx.Err() == nil; n++ {
				name := "busy-" + string(rune('a'+n%26))
				_, err := h.office.RevokeSessions(ctx, Actor{Name: Self}, "bot")
				if err == nil {
					_, err = h.office.Import(ctx, Local("cli"), ImportOrder{Rows: []identity.Row{row(name, func(i *identity.Identity) { i.Tags = []string{"t" + string(rune('a'+n%26))} })}})
				}
				if err != nil && ctx.Err() == nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		var backups [][]byte
		for range 3 {
			backups = append(backups, h.backedUp(t))
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		again := restored(t, other, backups[2], "")
		if m := again.mend(t); len(m.Items) > 0 {
			t.Errorf("log and store are not of one moment: %+v", m.Items)
		}
		if _, ok := again.state.Current().Identity("bot"); !ok {
			t.Error("bot is missing")
		}
	})
}

func TestOnlyAnAdministratorTakesABackup(t *testing.T) {
	h := settled(t, storetest.SQLite(t), t.TempDir())
	for _, name := range []string{"otto", "dana", "mira"} {
		var b bytes.Buffer
		if err := h.office.BackUp(t.Context(), h.actor(t, name), &b); err == nil || b.Len() > 0 {
			t.Errorf("%s took one: %v", name, err)
		}
	}
	before := h.log.Head().Size
	h.backedUp(t)
	entry, err := h.log.Entry(before)
	if err != nil {
		t.Fatal(err)
	}
	r, err := auditlog.ParseRecord(entry)
	if err != nil || r.Control == nil || r.Control.Action != "backup" || r.Control.Actor != "ada" {
		t.Errorf("the record says %s", entry)
	}
}
