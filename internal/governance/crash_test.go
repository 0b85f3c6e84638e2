package governance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// dying is a log whose process ends with one of its records: before it is
// written, or as soon as it is.
type dying struct {
	Recorder
	in      int  // records from now on
	written bool // the last one still is
}

type death struct{}

func (d *dying) Append(ctx context.Context, entry []byte) (uint64, error) {
	if d.in--; d.in > 0 {
		return d.Recorder.Append(ctx, entry)
	}
	if d.written {
		if _, err := d.Recorder.Append(ctx, entry); err != nil {
			return 0, err
		}
	}
	panic(death{})
}

// dies runs an act in a process that ends on the way, and reports whether it did.
func (h *hall) dies(in int, written bool, act func()) (died bool) {
	h.ledger.log = &dying{Recorder: h.log, in: in, written: written}
	defer func() {
		h.ledger.log = h.log
		if r := recover(); r != nil {
			if _, died = r.(death); !died {
				panic(r)
			}
		}
	}()
	act()
	return false
}

// revive is the same installation in a new process.
func (h *hall) revive(t *testing.T, dsn, dir string) *hall {
	t.Helper()
	h.close(t)
	next := &hall{lodge: openLodge(t, dsn, dir).attach(t)}
	next.now = h.now
	next.clerk = NewClerk(next.office, slog.New(slog.DiscardHandler))
	if open := next.ledger.unfinished(); len(open) > 0 {
		t.Errorf("open acts %v", open)
	}
	return next
}

// TestS27_ACrashAtAnyRecordLeavesNothingHalfDone: approve, settle, revoke, settle;
// the process ends before or after every record of it in turn, and the next one
// finds what was done done, and the rest to do.
func TestS27_ACrashAtAnyRecordLeavesNothingHalfDone(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		dir := t.TempDir()
		h := openHallOn(t, dsn, dir)
		for _, written := range []bool{false, true} {
			for in := 1; ; in++ {
				id := h.submit(t, "dana", askGrant("bot", "chat")).ID
				if !h.dies(in, written, func() { h.life(t, id) }) {
					if in < 8 { // four acts, with an outcome each
						t.Fatalf("it was over after %d records", in)
					}
					break
				}
				h = h.revive(t, dsn, dir)
				h.half(t, id)
				h.life(t, id)
				h.over(t, id)
			}
		}
	})
}

// life approves a request and revokes what it gave, as far as that is to be done.
func (h *hall) life(t *testing.T, id string) {
	t.Helper()
	dana := h.as(t, "dana")
	v, err := h.office.Request(t.Context(), dana, id)
	if err == nil && v.State == request.InStage {
		v, err = h.office.Decide(t.Context(), h.as(t, "alex"), id, Verdict{Verdict: request.Approve})
	}
	if err != nil {
		t.Fatal(err)
	}
	h.round(t)
	name := v.Outcome[len("Grant/"):]
	if g, ok := h.state.Current().Grant(name); ok && g.State.Confers() {
		if _, err := h.office.Revoke(t.Context(), h.as(t, "rita"), Order{Target: rights.Target{Kind: rights.TargetGrant, Name: name}, Reason: "drill"}); err != nil {
			t.Fatal(err)
		}
	}
	h.round(t)
}

// half holds what a crash left against what may be: a request without a right, or
// an approved one with its own.
func (h *hall) half(t *testing.T, id string) {
	t.Helper()
	v, err := h.office.Request(t.Context(), h.as(t, "dana"), id)
	if err != nil {
		t.Fatal(err)
	}
	live := h.live("bot")
	switch v.State {
	case request.InStage:
		if len(live) > 0 || len(v.Decisions) > 0 {
			t.Errorf("%v live, and the request waits with %d words", live, len(v.Decisions))
		}
	case request.Approved:
		if len(live) > 1 || len(v.Decisions) != 1 || v.Outcome == "" {
			t.Errorf("%v live, and the request was approved by %d words for %q", live, len(v.Decisions), v.Outcome)
		}
	default:
		t.Errorf("the request is %s", v.State)
	}
}

func (h *hall) over(t *testing.T, id string) {
	t.Helper()
	v, err := h.office.Request(t.Context(), h.as(t, "dana"), id)
	if err != nil || v.State != request.Approved || len(v.Decisions) != 1 {
		t.Fatalf("the request is %s by %d words, %v", v.State, len(v.Decisions), err)
	}
	g, err := h.office.Grant(t.Context(), h.as(t, "dana"), v.Outcome[len("Grant/"):])
	if err != nil || g.Standing != string(rights.EndRevoked) || len(h.live("bot")) > 0 {
		t.Errorf("the grant is %q, %v; live %v", g.Standing, err, h.live("bot"))
	}
}

// A store that falls silent in the middle of an act leaves it open; the clerk
// closes it once the store answers, and keeps off those that are being performed.
func TestS27_ActsThatTheStoreLeftOpenAreClosedByTheClerk(t *testing.T) {
	for _, committed := range []bool{false, true} {
		t.Run(fmt.Sprintf("committed %v", committed), func(t *testing.T) {
			dir := t.TempDir()
			h := openHallOn(t, "sqlite:"+filepath.Join(dir, "writ.db"), dir)
			c, err := update(manifest.Entitlement, "chat", &rights.Entitlement{ID: "chat", Models: []string{sonnet}, Title: "changed", MaxDuration: 1})
			if err != nil {
				t.Fatal(err)
			}
			revision := h.state.Current().Revision
			record := announcing("test", Local("cli"), []store.Change{c})
			record.Revision = uint64(revision + 1)
			silent := errors.New("connection lost")
			ctx, cancel := context.WithCancel(t.Context())
			err = h.office.act(ctx, record, func(ref store.Ref) error {
				if committed {
					if _, err := h.db.Commit(ctx, store.Commit{Record: ref, Expect: revision, Changes: []store.Change{c}}); err != nil {
						t.Fatal(err)
					}
				}
				if n, err := h.office.settleLeft(t.Context()); n != 0 || err != nil {
					t.Errorf("an act that is being performed: %d closed, %v", n, err)
				}
				cancel()
				return silent
			})
			if committed != (err == nil) {
				t.Errorf("the act gave %v", err)
			}
			index := h.announceLeft(t, c)
			if got := h.ledger.unfinished(); !slices.Contains(got, index) {
				t.Fatalf("open acts %v", got)
			}
			h.round(t)
			if got := h.ledger.unfinished(); len(got) > 0 {
				t.Errorf("open acts %v", got)
			}
		})
	}
}

// announceLeft records an intention that nobody carries out.
func (h *hall) announceLeft(t *testing.T, c store.Change) uint64 {
	t.Helper()
	record := announcing("test", Local("cli"), []store.Change{c})
	record.Revision = uint64(h.state.Current().Revision + 1)
	index, err := h.office.announce(t.Context(), record)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := h.office.settleLeft(t.Context()); n != 0 || err != nil {
		t.Errorf("an act that is being performed: %d closed, %v", n, err)
	}
	h.ledger.leave(index)
	return index
}

// A clock that runs ahead ends what it finds over, on record; set back, it brings
// nothing back.
func TestAnExpiredGrantStaysExpiredWhenTheClockIsSetBack(t *testing.T) {
	h := openHall(t)
	r := h.approve(t, "alex", h.submit(t, "dana", askGrant("bot", "chat")).ID)
	h.round(t)
	h.pass(5 * time.Hour)
	h.round(t)
	waits := h.submit(t, "dana", askGrant("cousin", "chat")).ID
	h.pass(-5 * time.Hour)
	for range 2 {
		h.round(t)
		if got := h.live("bot"); len(got) > 0 {
			t.Fatalf("live again: %v", got)
		}
	}
	g, err := h.office.Grant(t.Context(), h.as(t, "dana"), r.Outcome[len("Grant/"):])
	if err != nil || g.Standing != string(rights.EndExpired) {
		t.Errorf("standing %q, %v", g.Standing, err)
	}
	h.tries(t, "alex", r.ID, ErrOver)
	// What was asked for by the wrong clock is given by the right one.
	v := h.approve(t, "alex", waits)
	if g, err = h.office.Grant(t.Context(), h.as(t, "dana"), v.Outcome[len("Grant/"):]); err != nil || !g.NotBefore.Equal(h.now) || g.NotAfter.Sub(h.now) != 4*time.Hour {
		t.Errorf("from %v to %v at %v, %v", g.NotBefore, g.NotAfter, h.now, err)
	}
}
