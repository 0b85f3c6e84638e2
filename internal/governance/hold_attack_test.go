package governance

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// behind changes the database behind Writ's back.
func (v *vault) behind(t *testing.T, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(v.dir, "writ.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(query, args...)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// forge writes a hold's row as it is wanted, with a digest that fits.
func (v *vault) forge(t *testing.T, n hold.Hold, record uint64) {
	t.Helper()
	if err := n.Validate(); err != nil {
		t.Fatalf("the forgery would be found without the log: %v", err)
	}
	spec, err := json.Marshal(&n)
	if err != nil {
		t.Fatal(err)
	}
	digest := manifest.DigestOf(manifest.Hold, n.ID, spec)
	v.behind(t, `UPDATE resources SET spec = $1, digest = $2, state = $3, record_index = $4 WHERE kind = 'Hold' AND name = $5`, string(spec), digest[:], string(n.State), record, n.ID)
}

func TestS24_AHoldReleasedInTheDatabaseIsNotReleased(t *testing.T) {
	v := openVault(t, rights.Hold{})
	n := v.opens(t, pay900)
	row, err := v.db.Get(t.Context(), manifest.Hold, n.ID)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := n.Decide(hold.Decision{By: v.as(t, "alex").Party(), Verdict: hold.Release, Calls: []hold.CallChoice{{Index: 0, Verdict: hold.Release}}}, v.now.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	forged.ID = n.ID
	v.forge(t, forged, row.Record.Index)
	for name, ask := range map[string]func() error{
		"found":     func() error { _, err := v.holds.Find(t.Context(), "payer", n.ID); return err },
		"awaited":   func() error { _, err := v.holds.Await(t.Context(), n.ID); return err },
		"content":   func() error { _, err := v.holds.Content(t.Context(), forged); return err },
		"receipts":  func() error { _, err := v.holds.Receipts(t.Context(), forged); return err },
		"by a call": func() error { _, _, err := v.holds.ByToolUse(t.Context(), "payer", "tooluse_1"); return err },
		"seen":      func() error { _, err := v.office.HoldOf(t.Context(), v.as(t, "alex"), n.ID); return err },
		"decided": func() error {
			_, err := v.decides(t, "alex", n.ID, HoldVerdict{Verdict: hold.Reject, Reason: "forged"})
			return err
		},
	} {
		if err := ask(); !errors.Is(err, snapshot.ErrUnauthorised) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := v.office.Holds(t.Context(), v.as(t, "alex"), HoldQuery{Over: true}); err != nil || len(list.Items) > 0 {
		t.Errorf("listed: %+v, %v", list.Items, err)
	}
	v.round(t) // what nobody vouches for keeps nothing else from ending
}

// TestS24_ARejectedHoldIsNotPutBack: the row as it was, with the record that once
// spoke of it.
func TestS24_ARejectedHoldIsNotPutBack(t *testing.T) {
	v := openVault(t, rights.Hold{})
	n := v.opens(t, pay900)
	was, err := v.db.Get(t.Context(), manifest.Hold, n.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.decides(t, "alex", n.ID, HoldVerdict{Verdict: hold.Reject, Reason: "no"}); err != nil {
		t.Fatal(err)
	}
	v.forge(t, n, was.Record.Index)
	if _, err := v.decides(t, "sam", n.ID, HoldVerdict{Verdict: hold.Release}); !errors.Is(err, snapshot.ErrUnauthorised) {
		t.Errorf("it is released: %v", err)
	}
}

// TestS24_ContentOfAnotherHoldDoesNotOpen: what is sealed is bound to its hold and
// its part, and its arguments to the digests in the hold.
func TestS24_ContentOfAnotherHoldDoesNotOpen(t *testing.T) {
	v := openVault(t, rights.Hold{})
	cheap, dear := v.opens(t, `{"amount":1}`), v.opens(t, `{"amount":1000000}`)
	v.releases(t, "alex", cheap.ID)
	if _, err := v.holds.Content(t.Context(), cheap); err != nil {
		t.Fatal(err)
	}
	v.behind(t, `UPDATE held_contents SET sealed = (SELECT sealed FROM held_contents WHERE hold = $1) WHERE hold = $2`, dear.ID, cheap.ID)
	if _, err := v.holds.Content(t.Context(), cheap); err == nil {
		t.Error("the content of another hold goes out")
	}
	v.behind(t, `UPDATE held_contents SET sealed = x'010001' WHERE hold = $1`, cheap.ID)
	if _, err := v.holds.Content(t.Context(), cheap); err == nil {
		t.Error("content that was cut goes out")
	}
	v.behind(t, `DELETE FROM held_contents WHERE hold = $1`, cheap.ID)
	if _, err := v.holds.Content(t.Context(), cheap); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("content that is gone: %v", err)
	}
}

// TestNothingHeldIsInTheClear greps for what is held over everything on disk.
func TestNothingHeldIsInTheClear(t *testing.T) {
	v := openVault(t, rights.Hold{})
	n := v.opens(t, `{"note":"`+secret+`"}`)
	edited := HoldVerdict{Verdict: hold.Release, Calls: []hold.CallChoice{{Index: 0, Verdict: hold.Edit, Arguments: []byte(`{"note":"` + secret + `!"}`)}}}
	if _, err := v.decides(t, "alex", n.ID, edited); err != nil {
		t.Fatal(err)
	}
	c, err := v.holds.Content(t.Context(), n)
	if err != nil || !strings.Contains(string(c.Edited[0]), secret) {
		t.Fatalf("it held something else: %v", err)
	}
	v.nowhere(t, []byte(secret))
}

// nowhere reports bytes in any file of the installation.
func (v *vault) nowhere(t *testing.T, what []byte) {
	t.Helper()
	dirs := []string{v.dir}
	if path, ok := strings.CutPrefix(v.dsn, "sqlite:"); ok {
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, dir := range dirs {
		nowhereIn(t, dir, what)
	}
}

func nowhereIn(t *testing.T, dir string, what []byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, what) {
			t.Errorf("%s has it", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAPurgeLeavesNothingOfWhatWasHeld(t *testing.T) {
	eachVault(t, rights.Hold{}, func(t *testing.T, v *vault) {
		released, expired := v.opens(t, pay900), v.opens(t, pay900)
		edit := HoldVerdict{Verdict: hold.Release, Calls: []hold.CallChoice{{Index: 0, Verdict: hold.Edit, Arguments: []byte(`{"amount":1}`)}}}
		if _, err := v.decides(t, "alex", released.ID, edit); err != nil {
			t.Fatal(err)
		}
		if err := v.holds.Collected(t.Context(), released.ID); err != nil {
			t.Fatal(err)
		}
		var sealed [][]byte
		for _, id := range []string{released.ID, expired.ID} {
			text, err := v.db.Held(t.Context(), id, answerPart)
			if err != nil {
				t.Fatal(err)
			}
			sealed = append(sealed, text)
		}
		v.pass(rights.DefaultHoldExpiry)
		v.round(t)
		v.pass(defaultKeep - time.Second)
		v.round(t)
		if _, err := v.db.Held(t.Context(), expired.ID, answerPart); err != nil {
			t.Errorf("it is gone before its time: %v", err)
		}
		v.pass(time.Second)
		v.round(t)
		for i, id := range []string{released.ID, expired.ID} {
			if _, err := v.db.Held(t.Context(), id, answerPart); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("it is still there: %v", err)
			}
			if _, err := v.holds.Find(t.Context(), "payer", id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("it is still found: %v", err)
			}
			view, err := v.office.HoldOf(t.Context(), v.as(t, "alex"), id)
			if err != nil || !view.Purged || view.Shown || !view.State.Over() {
				t.Errorf("what is left of it: %+v, %v", view, err)
			}
			v.nowhere(t, sealed[i][len(sealed[i])/2:])
		}
		if list, err := v.office.Holds(t.Context(), v.as(t, "alex"), HoldQuery{Purged: true}); err != nil || len(list.Items) != 2 {
			t.Errorf("of the past: %d, %v", len(list.Items), err)
		}
		if alone, err := v.db.HeldAlone(t.Context(), v.now.Add(time.Hour), 9); err != nil || len(alone) > 0 {
			t.Errorf("left behind: %v, %v", alone, err)
		}
	})
}

func TestAnOpeningThatCameToNothingIsSweptAway(t *testing.T) {
	v := openVault(t, rights.Hold{})
	lives := v.opens(t, pay900)
	if err := v.db.KeepHeld(t.Context(), v.holds.sealed("orphan", answerPart, []byte("x"))); err != nil {
		t.Fatal(err)
	}
	v.pass(openedWithin / 2)
	v.round(t)
	if _, err := v.db.Held(t.Context(), "orphan", answerPart); err != nil {
		t.Fatalf("it is gone while it may still be opened: %v", err)
	}
	v.pass(openedWithin)
	v.round(t)
	if _, err := v.db.Held(t.Context(), "orphan", answerPart); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("it stays: %v", err)
	}
	if _, err := v.db.Held(t.Context(), lives.ID, answerPart); err != nil {
		t.Errorf("so is what is held: %v", err)
	}
}

// TestS24_AStoreThatIsDownHoldsNothing: the gateway is told, and refuses.
func TestS24_AStoreThatIsDownHoldsNothing(t *testing.T) {
	v := openVault(t, rights.Hold{})
	if err := v.db.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := v.tryOpen(context.Background(), pay900); err == nil {
		t.Errorf("it says that it holds %s", n.ID)
	}
}

func TestWhatIsTooLargeIsNotHeld(t *testing.T) {
	v := openVault(t, rights.Hold{})
	v.holds.cfg.MaxContent = 64
	if _, err := v.tryOpen(t.Context(), `{"note":"`+strings.Repeat("x", 64)+`"}`); !errors.Is(err, hold.ErrTooLarge) {
		t.Errorf("it is held: %v", err)
	}
	if alone, err := v.db.HeldAlone(t.Context(), v.now.Add(time.Hour), 9); err != nil || len(alone) > 0 {
		t.Errorf("it left something: %v, %v", alone, err)
	}
}

// TestEveryStateOfAHoldIsNamedByARecord: who did what, and nothing of what is held.
func TestEveryStateOfAHoldIsNamedByARecord(t *testing.T) {
	v := openVault(t, rights.Hold{Needed: 2, Expires: identity.Duration(time.Hour)})
	n := v.opens(t, pay900)
	v.releases(t, "alex", n.ID)
	v.releases(t, "sam", n.ID)
	v.pass(defaultKeep)
	v.round(t)
	var acts []string
	err := v.log.Scan(t.Context(), 0, func(_ uint64, entry []byte) error {
		if bytes.Contains(entry, []byte(`"amount"`)) || bytes.Contains(entry, []byte(secret)) {
			t.Errorf("a record says what is held: %s", entry)
		}
		if i := bytes.Index(entry, []byte(`"action":"hold.`)); i >= 0 && bytes.Contains(entry, []byte(n.ID)) {
			rest := entry[i+len(`"action":"`):]
			acts = append(acts, string(rest[:bytes.IndexByte(rest, '"')]))
		}
		return nil
	})
	if want := "hold.open hold.decide hold.decide hold.clock"; err != nil || strings.Join(acts, " ") != want {
		t.Errorf("recorded %v, want %s (%v)", acts, want, err)
	}
}
