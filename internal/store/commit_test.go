package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// ref makes log records out of nothing.
func ref(index uint64) store.Ref { return store.Ref{Shard: "s1", Index: index} }

func policy(op manifest.Op, name, text string) store.Change {
	c := store.Change{Op: op, Kind: manifest.PolicyKind, Name: name}
	if op != manifest.Delete {
		c.Spec = fmt.Appendf(nil, `{"text":%q}`, text)
	}
	return c
}

func agent(op manifest.Op, name string, epoch uint32) store.Change {
	c := store.Change{Op: op, Kind: manifest.Identity, Name: name}
	if op != manifest.Delete {
		r := manifest.Resource{Kind: manifest.Identity, Name: name, Spec: &identity.Identity{Kind: identity.Agent, Environment: "prod", Epoch: epoch}}
		c.Spec, _ = r.Encode() // an identity always encodes
	}
	return c
}

// commit makes one commit, with the record numbered after the revision expected.
func commit(t *testing.T, db *store.DB, expect int64, changes ...store.Change) int64 {
	t.Helper()
	rev, err := db.Commit(t.Context(), store.Commit{Record: ref(uint64(expect)), Expect: expect, Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func refused(t *testing.T, db *store.DB, want error, c store.Commit) {
	t.Helper()
	before, _, err := db.Load(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Commit(t.Context(), c); err == nil || want != nil && !errors.Is(err, want) {
		t.Errorf("commit gave %v, want %v", err, want)
	}
	after, _, err := db.Load(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, after); d != "" {
		t.Errorf("a refused commit changed the store:\n%s", d)
	}
	if _, ok, err := db.Committed(t.Context(), ref(999)); ok || err != nil {
		t.Errorf("a refused commit left its record behind: %v, %v", ok, err)
	}
}

func TestCommitAndLoad(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		commit(t, db, 0, policy(manifest.Create, "a", "1"), policy(manifest.Create, "b", "1"))
		commit(t, db, 1, policy(manifest.Update, "a", "2"), agent(manifest.Create, "bot", 0))
		rev := commit(t, db, 2, policy(manifest.Delete, "b", ""))
		type seen struct {
			Op       manifest.Op
			ID, Spec string
			Revision int64
			Record   store.Ref
		}
		look := func(since int64) (out []seen) {
			rows, at, err := db.Load(t.Context(), since)
			if err != nil || at != rev {
				t.Fatalf("at %d, %v", at, err)
			}
			if since == 0 { // a whole state comes in no order
				slices.SortFunc(rows, func(a, b store.Row) int { return strings.Compare(string(a.Kind)+a.Name, string(b.Kind)+b.Name) })
			}
			for _, r := range rows {
				if r.Stored != r.Digest() {
					t.Errorf("%s: stored digest differs", r.Name)
				}
				out = append(out, seen{r.Op, string(r.Kind) + "/" + r.Name, string(r.Spec), r.Revision, r.Record})
			}
			return out
		}
		a := seen{manifest.Update, "Policy/a", `{"text":"2"}`, 2, ref(1)}
		bot := seen{manifest.Create, "Identity/bot", `{"kind":"agent","environment":"prod"}`, 2, ref(1)}
		b := seen{manifest.Delete, "Policy/b", "", 3, ref(2)}
		for since, want := range map[int64][]seen{0: {bot, a}, 1: {bot, a, b}, 2: {b}, 3: nil} {
			if d := cmp.Diff(want, look(since)); d != "" {
				t.Errorf("since %d:\n%s", since, d)
			}
		}
		if _, _, err := db.Load(t.Context(), 4); !errors.Is(err, store.ErrRewound) {
			t.Errorf("a revision from the future: %v", err)
		}
	})
}

func TestHistoryKeepsEveryChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		first := []store.Change{policy(manifest.Create, "b", "1"), policy(manifest.Create, "a", "1")}
		commit(t, db, 0, first...)
		commit(t, db, 1, policy(manifest.Update, "a", "2"))
		commit(t, db, 2, policy(manifest.Delete, "a", ""))
		event := func(rev int64, position int, c store.Change) store.Event {
			return store.Event{Revision: rev, Position: position, Op: c.Op, Kind: c.Kind, Name: c.Name, Digest: c.Digest(), Record: ref(uint64(rev - 1))}
		}
		all := []store.Event{
			event(1, 0, first[1]), event(1, 1, first[0]), event(2, 0, policy(manifest.Update, "a", "2")), event(3, 0, policy(manifest.Delete, "a", "")),
		}
		for _, c := range []struct {
			since int64
			limit int
			want  []store.Event
		}{{0, 10, all}, {1, 10, all[2:]}, {0, 3, all[:3]}, {3, 10, nil}} {
			got, err := db.History(t.Context(), c.since, c.limit)
			for i := range got {
				if got[i].At.IsZero() {
					t.Error("an event has no time")
				}
				got[i].At = time.Time{}
			}
			if d := cmp.Diff(c.want, got); d != "" || err != nil {
				t.Errorf("since %d: %v\n%s", c.since, err, d)
			}
		}
	})
}

func TestGetAndList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		commit(t, db, 0, policy(manifest.Create, "b", "1"), policy(manifest.Create, "a", "1"), agent(manifest.Create, "bot", 0), policy(manifest.Create, "c", "1"))
		commit(t, db, 1, policy(manifest.Delete, "c", ""))
		row, err := db.Get(t.Context(), manifest.PolicyKind, "a")
		if err != nil || string(row.Spec) != `{"text":"1"}` || row.Updated.IsZero() {
			t.Errorf("a is %+v, %v", row, err)
		}
		for _, name := range []string{"c", "d"} {
			if _, err := db.Get(t.Context(), manifest.PolicyKind, name); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for kind, want := range map[manifest.Kind][]string{manifest.PolicyKind: {"a", "b"}, "": {"bot", "a", "b"}, manifest.Grant: nil} {
			rows, err := db.List(t.Context(), kind)
			var got []string
			for _, r := range rows {
				got = append(got, r.Name)
			}
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("%q: %v\n%s", kind, err, d)
			}
		}
		all, rev, err := db.Resources(t.Context())
		if err != nil || rev != 2 || len(all) != 3 {
			t.Errorf("%d resources at %d, %v", len(all), rev, err)
		}
	})
}

func TestRefusedCommitsChangeNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		commit(t, db, 0, policy(manifest.Create, "a", "1"), policy(manifest.Create, "gone", "1"), agent(manifest.Create, "bot", 5))
		commit(t, db, 1, policy(manifest.Delete, "gone", ""))
		ok := policy(manifest.Create, "ok", "1")
		for name, c := range map[string]struct {
			want    error
			expect  int64
			changes []store.Change
		}{
			"stale revision":        {store.ErrConflict, 1, []store.Change{ok}},
			"revision to come":      {store.ErrConflict, 3, []store.Change{ok}},
			"create what is":        {store.ErrConflict, 2, []store.Change{ok, policy(manifest.Create, "a", "2")}},
			"update what is not":    {store.ErrConflict, 2, []store.Change{ok, policy(manifest.Update, "x", "2")}},
			"update what was":       {store.ErrConflict, 2, []store.Change{ok, policy(manifest.Update, "gone", "2")}},
			"delete what is not":    {store.ErrConflict, 2, []store.Change{ok, policy(manifest.Delete, "x", "")}},
			"delete what was":       {store.ErrConflict, 2, []store.Change{ok, policy(manifest.Delete, "gone", "")}},
			"create twice":          {store.ErrConflict, 2, []store.Change{ok, ok}},
			"update twice":          {store.ErrConflict, 2, []store.Change{policy(manifest.Update, "a", "2"), policy(manifest.Update, "a", "3")}},
			"delete and create":     {store.ErrConflict, 2, []store.Change{policy(manifest.Delete, "a", ""), policy(manifest.Create, "a", "2")}},
			"nothing":               {nil, 2, nil},
			"unchanged":             {nil, 2, []store.Change{ok, policy(manifest.Unchanged, "a", "1")}},
			"update to nothing":     {nil, 2, []store.Change{{Op: manifest.Update, Kind: manifest.PolicyKind, Name: "a"}}},
			"delete with a spec":    {nil, 2, []store.Change{{Op: manifest.Delete, Kind: manifest.PolicyKind, Name: "a", Spec: []byte("{}")}}},
			"S17: epoch lowered":    {store.ErrEpoch, 2, []store.Change{ok, agent(manifest.Update, "bot", 4)}},
			"identity without JSON": {nil, 2, []store.Change{{Op: manifest.Update, Kind: manifest.Identity, Name: "bot", Spec: []byte("{")}}},
		} {
			t.Run(name, func(t *testing.T) {
				refused(t, db, c.want, store.Commit{Record: ref(999), Expect: c.expect, Changes: c.changes})
			})
		}
	})
}

func TestS27_ARecordAuthorisesOneCommit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		commit(t, db, 0, policy(manifest.Create, "a", "1"))
		_, err := db.Commit(t.Context(), store.Commit{Record: ref(0), Expect: 1, Changes: []store.Change{policy(manifest.Create, "b", "1")}})
		if !errors.Is(err, store.ErrRecordUsed) {
			t.Errorf("a record used twice: %v", err)
		}
		if rev, ok, err := db.Committed(t.Context(), ref(0)); rev != 1 || !ok || err != nil {
			t.Errorf("record 0 led to %d, %v, %v", rev, ok, err)
		}
		for _, orphan := range []store.Ref{ref(1), {Shard: "s2"}} {
			if _, ok, err := db.Committed(t.Context(), orphan); ok || err != nil {
				t.Errorf("record %v: %v, %v", orphan, ok, err)
			}
		}
		high := store.Ref{Shard: "s1", Index: 1<<63 + 7}
		if _, err := db.Commit(t.Context(), store.Commit{Record: high, Expect: 1, Changes: []store.Change{policy(manifest.Create, "b", "1")}}); err != nil {
			t.Fatal(err)
		}
		if row, err := db.Get(t.Context(), manifest.PolicyKind, "b"); err != nil || row.Record != high {
			t.Errorf("the record came back as %v, %v", row.Record, err)
		}
	})
}

func TestConcurrentCommitsNeverShareARevision(t *testing.T) {
	const writers, each = 8, 6
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var index atomic.Uint64
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for n := range each {
					c := store.Commit{Changes: []store.Change{policy(manifest.Create, fmt.Sprintf("p%d-%d", w, n), "1")}}
					if err := commitInTheEnd(t.Context(), db, c, &index); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		events, err := db.History(t.Context(), 0, writers*each+1)
		if err != nil || len(events) != writers*each {
			t.Fatalf("%d events, %v", len(events), err)
		}
		for i, e := range events {
			if e.Revision != int64(i)+1 || e.Position != 0 {
				t.Errorf("event %d has revision %d.%d", i, e.Revision, e.Position)
			}
		}
	})
}

// commitInTheEnd tries again on every conflict, as callers do.
func commitInTheEnd(ctx context.Context, db *store.DB, c store.Commit, index *atomic.Uint64) error {
	for {
		rev, err := db.Revision(ctx)
		if err != nil {
			return err
		}
		c.Expect, c.Record = rev, ref(index.Add(1))
		if _, err = db.Commit(ctx, c); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// TestLoadInStepsEqualsLoadAtOnce replays what Load says against a model.
func TestLoadInStepsEqualsLoadAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		model, seen := map[string]string{}, map[string]string{}
		var rev, looked int64
		rapid.Check(t, func(rt *rapid.T) {
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name")
			text := rapid.StringMatching(`[a-z]{1,8}`).Draw(rt, "text")
			op := rapid.SampledFrom([]manifest.Op{manifest.Create, manifest.Update, manifest.Delete}).Draw(rt, "op")
			_, there := model[name]
			c := policy(op, name, text)
			_, err := db.Commit(t.Context(), store.Commit{Record: ref(uint64(rev)), Expect: rev, Changes: []store.Change{c}})
			if (err == nil) != (there == (op != manifest.Create)) {
				rt.Fatalf("%s of %s, there %v: %v", op, name, there, err)
			}
			if err == nil {
				rev++
				if model[name] = string(c.Spec); op == manifest.Delete {
					delete(model, name)
				}
			}
			if rapid.Bool().Draw(rt, "look") {
				looked = follow(rt, db, looked, seen)
				if d := cmp.Diff(model, seen); d != "" {
					rt.Fatal(d)
				}
			}
		})
	})
}

func follow(t *rapid.T, db *store.DB, since int64, seen map[string]string) int64 {
	rows, rev, err := db.Load(context.Background(), since)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if seen[r.Name] = string(r.Spec); r.Deleted() {
			delete(seen, r.Name)
		}
	}
	return rev
}
