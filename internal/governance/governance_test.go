package governance

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crypto/ed25519"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

var alice = Actor{Name: "alice", Operator: &operator.Operator{ID: "alice", Email: "alice@example.com", Roles: []operator.Held{{Role: operator.Administrator}}}}

// house is an office with everything under it, in a temporary directory.
type house struct {
	dir    string
	store  *store.DB
	log    *journal.Journal
	ledger *Ledger
	office *Office
}

func open(t *testing.T, dir string) *house {
	t.Helper()
	h := &house{dir: dir}
	var err error
	if h.store, err = store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "writ.db")); err != nil {
		t.Fatal(err)
	}
	h.log, err = journal.Open(t.Context(), journal.Config{
		Dir: filepath.Join(dir, "log"), Origin: "test/0", Key: ed25519.NewKeyFromSeed(make([]byte, 32)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if h.ledger, err = OpenLedger(t.Context(), h.log, "0"); err != nil {
		t.Fatal(err)
	}
	h.office = New(Config{
		Store: h.store, Log: h.log, Ledger: h.ledger, Instance: auditlog.Instance{ID: "i", Shard: "0"}, Account: "111122223333", Now: time.Now, Authority: mustRules(t),
	})
	t.Cleanup(h.close)
	return h
}

func mustRules(t *testing.T) *authority.Rules {
	t.Helper()
	rules, err := authority.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func (h *house) close() {
	_ = h.log.Close()
	_ = h.store.Close()
}

func (h *house) load(t *testing.T) (*snapshot.Source, error) {
	return snapshot.Open(t.Context(), snapshot.Config{
		Load: func(ctx context.Context, since int64) ([]store.Row, int64, error) {
			return h.ledger.Load(ctx, h.store, since)
		},
		Watch: h.store.Watch, Authorised: h.ledger.Authorised,
	})
}

const sonnet = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"

func organisation(notAfter time.Time) []manifest.Resource {
	return []manifest.Resource{
		{Kind: manifest.Identity, Name: "bot", Spec: &identity.Identity{ID: "bot", Kind: identity.Agent, Environment: "prod"}},
		{Kind: manifest.Entitlement, Name: "chat", Spec: &rights.Entitlement{ID: "chat", Models: []string{sonnet}}},
		{Kind: manifest.Grant, Name: "bot.chat", Spec: &rights.Grant{ID: "bot.chat", Identity: "bot", Entitlement: "chat", NotAfter: notAfter}},
		{Kind: manifest.PolicyKind, Name: "never", Spec: &manifest.Policy{ID: "never", Text: `@id("never") forbid (principal, action in Writ::Action::"Invoke", resource) when { principal.shared };`}},
	}
}

var end = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func (h *house) apply(t *testing.T, wanted []manifest.Resource) int64 {
	t.Helper()
	p, err := h.office.Plan(t.Context(), alice, wanted, false)
	if err != nil {
		t.Fatal(err)
	}
	rev, _, err := h.office.Apply(t.Context(), alice, "apply", p)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func TestApplyRecordsBeforeItActs(t *testing.T) {
	h := open(t, t.TempDir())
	h.apply(t, organisation(end))
	entry, err := h.log.Entry(0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := auditlog.ParseRecord(entry)
	if err != nil {
		t.Fatal(err)
	}
	if r.Control.Actor != "alice" || r.Control.ChangeCount != 4 || len(r.Control.Changes) != 4 {
		t.Errorf("got %+v", r.Control)
	}
	rows, _, err := h.store.Load(t.Context(), 0)
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		if err := h.ledger.Authorised(row.Record, row.Change); err != nil {
			t.Error(err)
		}
	}
	again, err := h.office.Plan(t.Context(), alice, organisation(end), false)
	if err != nil || again.Steps() != 0 {
		t.Errorf("a second plan has %d steps, %v", again.Steps(), err)
	}
}

func TestAPlanThatWouldNotLoadIsRefused(t *testing.T) {
	h := open(t, t.TempDir())
	broken := organisation(end)
	broken[3].Spec = &manifest.Policy{ID: "never", Text: `permit (principal, action, resource) when { context.nonsense };`}
	if _, err := h.office.Plan(t.Context(), alice, broken, false); err == nil {
		t.Error("a policy outside the schema was accepted")
	}
	h.apply(t, organisation(end))
	if _, err := h.office.Delete(t.Context(), alice, manifest.Identity, "bot"); err == nil {
		t.Error("an identity that holds a grant was deleted")
	}
	if _, err := h.office.Delete(t.Context(), alice, manifest.Identity, "nobody"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleting nobody: %v", err)
	}
	if h.log.Head().Size != 2 {
		t.Errorf("refused plans left records: %d", h.log.Head().Size)
	}
}

func TestS17_GrantsFromFilesEndWithBootstrap(t *testing.T) {
	h := open(t, t.TempDir())
	h.apply(t, organisation(end))
	if _, err := h.store.SetFact(t.Context(), store.BootstrapEnded, "carol"); err != nil {
		t.Fatal(err)
	}
	if p, err := h.office.Plan(t.Context(), alice, organisation(end.AddDate(1, 0, 0)), false); err != nil || p.Steps() != 0 || len(p.Requests) != 1 {
		t.Errorf("a longer grant: %d steps, %d requests, %v", p.Steps(), len(p.Requests), err)
	}
	if _, err := h.office.Delete(t.Context(), alice, manifest.Grant, "bot.chat"); !errors.Is(err, ErrBootstrapOver) {
		t.Errorf("deleting a grant: %v", err)
	}
	if _, err := h.office.Plan(t.Context(), alice, organisation(end), false); err != nil {
		t.Errorf("an unchanged grant: %v", err)
	}
}

// TestS17_TheStoreCannotSpeakAgainstTheLog changes the database behind Writ's
// back in every way a database can be changed.
func TestS17_TheStoreCannotSpeakAgainstTheLog(t *testing.T) {
	ctx := context.Background()
	grant := func(h *house) store.Row {
		row, err := h.store.Get(ctx, manifest.Grant, "bot.chat")
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	for name, attack := range map[string]struct {
		do   func(h *house) error
		want string
	}{
		"a row nobody recorded": {func(h *house) error {
			spec := []byte(`{"kind":"agent","environment":"prod"}`)
			_, err := h.store.Commit(ctx, store.Commit{Record: store.Ref{Shard: "0", Index: 99}, Expect: 2, Changes: []store.Change{
				{Op: manifest.Create, Kind: manifest.Identity, Name: "mallory", Spec: spec},
			}})
			return err
		}, "does not authorise"},
		"a row under another's record": {func(h *house) error {
			row := grant(h)
			_, err := h.store.Commit(ctx, store.Commit{Record: store.Ref{Shard: "0", Index: 98}, Expect: 2, Changes: []store.Change{
				{Op: manifest.Update, Kind: row.Kind, Name: row.Name, Spec: []byte(strings.Replace(string(row.Spec), "2027", "2099", 1))},
			}})
			return err
		}, "does not authorise"},
		"an old row put back": {func(h *house) error {
			return h.exec(`UPDATE resources SET spec = (SELECT replace(spec, '2027', '2030')), record_index = 0, digest = $1 WHERE kind = 'Grant'`, h.oldDigest(t))
		}, "overtaken"},
		"a forbid taken away": {func(h *house) error { return h.exec(`DELETE FROM resources WHERE kind = 'Policy'`) }, "missing from the store"},
		"a content changed in place": {func(h *house) error {
			return h.exec(`UPDATE resources SET spec = replace(spec, '2027', '2099') WHERE kind = 'Grant'`)
		}, "digest"},
	} {
		h := open(t, t.TempDir())
		h.apply(t, organisation(end))
		h.apply(t, organisation(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))) // the grant is shortened
		if _, err := h.load(t); err != nil {
			t.Fatalf("untouched: %v", err)
		}
		if err := attack.do(h); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := h.load(t); err == nil || !strings.Contains(err.Error(), attack.want) {
			t.Errorf("%s: loaded with %v, want an error about %q", name, err, attack.want)
		}
	}
}

// TestS27_OrphansAreClosedAtStart: a crash between record and commit, and one
// between commit and outcome.
func TestS27_OrphansAreClosedAtStart(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir)
	h.apply(t, organisation(end))
	for _, commit := range []bool{false, true} {
		changes := []store.Change{{Op: manifest.Create, Kind: manifest.Identity, Name: "late", Spec: []byte(`{"kind":"agent","environment":"prod"}`)}}
		ctl := announcing("apply", alice, changes)
		entry, err := h.office.record(auditlog.KindControl, func(r *auditlog.Record) { r.Control = &ctl })
		if err != nil {
			t.Fatal(err)
		}
		index, err := h.log.Append(t.Context(), entry)
		if err != nil {
			t.Fatal(err)
		}
		if commit {
			if _, err := h.store.Commit(t.Context(), store.Commit{Record: store.Ref{Shard: "0", Index: index}, Expect: 1, Changes: changes}); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.close()
	h = open(t, dir)
	if n, err := h.office.Reconcile(t.Context()); err != nil || n != 2 {
		t.Fatalf("closed %d, %v", n, err)
	}
	if n, err := h.office.Reconcile(t.Context()); err != nil || n != 0 {
		t.Fatalf("closed %d again, %v", n, err)
	}
	source, err := h.load(t)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := source.Current().Identity("late"); !ok {
		t.Error("the committed change is not in force")
	}
}

func TestRevokingSessionsRaisesTheEpochOnRecord(t *testing.T) {
	h := open(t, t.TempDir())
	h.apply(t, organisation(end))
	epoch, err := h.office.RevokeSessions(t.Context(), alice, "bot")
	if err != nil || epoch != 1 {
		t.Fatalf("epoch %d, %v", epoch, err)
	}
	if _, err := h.office.RevokeSessions(t.Context(), alice, "nobody"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("revoking nobody: %v", err)
	}
	h.apply(t, organisation(end)) // a file that knows no epoch lowers none
	source, err := h.load(t)
	if err != nil {
		t.Fatal(err)
	}
	if bot, _ := source.Current().Identity("bot"); bot.Epoch != 1 {
		t.Errorf("the epoch is %d", bot.Epoch)
	}
}

// TestS17_RestoringTheStoreRestoresNoSession puts a backup from before a
// revocation under the log of after it.
func TestS17_RestoringTheStoreRestoresNoSession(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir)
	h.apply(t, organisation(end))
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := h.exec(`VACUUM INTO $1`, backup); err != nil {
		t.Fatal(err)
	}
	if _, err := h.office.RevokeSessions(t.Context(), alice, "bot"); err != nil {
		t.Fatal(err)
	}
	h.close()
	restore(t, backup, filepath.Join(dir, "writ.db"))
	h = open(t, dir)
	if _, err := h.load(t); err == nil || !strings.Contains(err.Error(), "overtaken") {
		t.Fatalf("an old state was loaded: %v", err)
	}
	if err := h.store.RaiseFloors(t.Context(), h.ledger.Floors()); err != nil {
		t.Fatal(err)
	}
	h.apply(t, organisation(end)) // the same files as ever
	source, err := h.load(t)
	if err != nil {
		t.Fatal(err)
	}
	if bot, _ := source.Current().Identity("bot"); bot.Epoch != 1 {
		t.Errorf("the epoch is %d: revoked sessions count again", bot.Epoch)
	}
}

func TestApplyingAnewVouchesForARestoredRow(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir)
	h.apply(t, organisation(end))
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := h.exec(`VACUUM INTO $1`, backup); err != nil {
		t.Fatal(err)
	}
	h.apply(t, organisation(end.AddDate(-1, 0, 0)))
	h.close()
	restore(t, backup, filepath.Join(dir, "writ.db"))
	h = open(t, dir)
	if _, err := h.load(t); err == nil {
		t.Fatal("an old grant was loaded")
	}
	h.apply(t, organisation(end)) // nothing differs from the store, but the log said otherwise
	if _, err := h.load(t); err != nil {
		t.Errorf("after applying it anew: %v", err)
	}
}

func TestS10_KeysRotate(t *testing.T) {
	h := open(t, t.TempDir())
	kek, err := credential.GenerateKEK(filepath.Join(h.dir, "kek"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := OpenKeys(t.Context(), KeysConfig{Store: h.store, KEK: kek, Shard: "0", Now: time.Now, Log: slog.New(slog.DiscardHandler)}, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Announce(t.Context(), h.office, h.log.Head().Size); err != nil {
		t.Fatal(err)
	}
	old, err := keys.Ring().SealBearer(session())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Rotate(t.Context(), alice, false); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Ring().OpenBearer(old.Token.Reveal()); err != nil {
		t.Errorf("a session from before an ordinary rotation: %v", err)
	}
	if epoch, err := keys.Rotate(t.Context(), alice, true); err != nil || epoch != 1 {
		t.Fatalf("epoch %d, %v", epoch, err)
	}
	if _, err := keys.Ring().OpenBearer(old.Token.Reveal()); err == nil {
		t.Error("a session outlived an emergency rotation")
	}
	if err := h.exec(`UPDATE keys SET record_index = 0 WHERE id = 3 AND purpose = 'seal'`); err != nil {
		t.Fatal(err)
	}
	if err := keys.reload(t.Context()); err == nil {
		t.Error("a key was loaded under a record that does not name it")
	}
}

func session() identity.Session {
	now := time.Now().UTC().Truncate(time.Second)
	return identity.Session{ID: "s", Identity: "bot", Proof: identity.ProofLocalAdmin, Subject: "alice", Issued: now, Expires: now.Add(time.Hour)}
}
