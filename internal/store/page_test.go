package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// right is a change of a grant that ends at a time.
func right(op manifest.Op, name, identity, entitlement string, state rights.GrantState, end time.Time) store.Change {
	r := manifest.Resource{Kind: manifest.Grant, Name: name, Spec: &rights.Grant{Identity: identity, Entitlement: entitlement, NotBefore: noon, NotAfter: end, State: state}}
	spec, _ := r.Encode() // a grant always encodes
	return store.Change{Op: op, Kind: manifest.Grant, Name: name, Spec: spec}
}

func asked(op manifest.Op, name string, state request.State) store.Change {
	r := manifest.Resource{Kind: manifest.Request, Name: name, Spec: &request.Request{
		Kind: request.ForGrant, State: state, Created: noon, Expires: noon.Add(time.Hour), Requester: request.Party{Operator: "ann"},
		Ask: request.Ask{Grant: &request.GrantAsk{Identity: "bot", Entitlement: "chat", Duration: time.Hour}},
	}}
	spec, _ := r.Encode() // a request always encodes
	return store.Change{Op: op, Kind: manifest.Request, Name: name, Spec: spec}
}

func names(rows []store.Row) (out []string) {
	for _, r := range rows {
		out = append(out, r.Name)
	}
	return out
}

func endedNames(rows []store.Ended) (out []string) {
	for _, r := range rows {
		out = append(out, r.Name)
	}
	return out
}

func TestPagesGoByNameAndKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		later := noon.Add(time.Hour)
		commit(t, db, 0,
			right(manifest.Create, "g1", "bot", "chat", "", later), right(manifest.Create, "g2", "bot", "code", rights.GrantScheduled, later),
			right(manifest.Create, "g3", "ann", "chat", rights.GrantActive, later), right(manifest.Create, "g4", "bot", "chat", rights.GrantActive, later),
			agent(manifest.Create, "bot", 0))
		commit(t, db, 1, right(manifest.Close, "g4", "bot", "chat", rights.GrantEnded, later))
		for _, c := range []struct {
			q    store.Query
			want []string
		}{
			{store.Query{}, []string{"g1", "g2", "g3"}},
			{store.Query{Limit: 2}, []string{"g1", "g2"}},
			{store.Query{Limit: 2, After: "g2"}, []string{"g3"}},
			{store.Query{After: "g3"}, nil},
			{store.Query{Subject: "bot"}, []string{"g1", "g2"}},
			{store.Query{Subject: "bot", State: "active"}, []string{"g1"}},
			{store.Query{Parent: "chat", After: "g1"}, []string{"g3"}},
			{store.Query{State: "scheduled"}, []string{"g2"}},
			{store.Query{Subject: "'; DROP TABLE resources; --"}, nil},
		} {
			c.q.Kind = manifest.Grant
			rows, err := db.Page(t.Context(), c.q)
			if d := cmp.Diff(c.want, names(rows)); d != "" || err != nil {
				t.Errorf("%+v: %v\n%s", c.q, err, d)
			}
		}
	})
}

func TestAClosedResourceLivesOnInTheArchiveOnly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		commit(t, db, 0, right(manifest.Create, "g", "bot", "chat", "", noon))
		last := right(manifest.Close, "g", "bot", "chat", rights.GrantEnded, noon)
		commit(t, db, 1, last)
		if _, err := db.Get(t.Context(), manifest.Grant, "g"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("it still lives: %v", err)
		}
		row, at, err := db.Last(t.Context(), manifest.Grant, "g")
		if err != nil || at.IsZero() || string(row.Spec) != string(last.Spec) || row.Stored != last.Digest() || row.Record != ref(1) {
			t.Errorf("the archive has %+v of %v, %v", row, at, err)
		}
		// Whoever follows the changes sees the close as the log names it.
		rows, _, err := db.Load(t.Context(), 1)
		if err != nil || len(rows) != 1 || !rows[0].Deleted() || rows[0].Stored != rows[0].Digest() || string(rows[0].Spec) != string(last.Spec) {
			t.Errorf("the change reads %+v, %v", rows, err)
		}
		if rows, _, err := db.Load(t.Context(), 0); len(rows) != 0 || err != nil {
			t.Errorf("the whole state has it: %+v, %v", rows, err)
		}
		refused(t, db, store.ErrConflict, store.Commit{Record: ref(999), Expect: 2, Changes: []store.Change{last}})
		commit(t, db, 2, right(manifest.Create, "g", "ann", "chat", "", noon))
		commit(t, db, 3, right(manifest.Close, "g", "ann", "chat", rights.GrantEnded, noon))
		ended, err := db.Archive(t.Context(), store.Query{Kind: manifest.Grant})
		if err != nil || len(ended) != 2 || ended[0].Revision != 4 || ended[1].Revision != 2 {
			t.Errorf("of two lives the archive has %+v, %v", ended, err)
		}
		if row, _, err = db.Last(t.Context(), manifest.Grant, "g"); err != nil || row.Revision != 4 {
			t.Errorf("the last life is %+v, %v", row, err)
		}
		if ended, err = db.Archive(t.Context(), store.Query{Kind: manifest.Grant, Subject: "ann", State: "ended"}); len(ended) != 1 || err != nil {
			t.Errorf("one life by its subject: %+v, %v", ended, err)
		}
		if _, _, err := db.Last(t.Context(), manifest.Grant, "h"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what never was: %v", err)
		}
	})
}

// An identity that is closed is gone as one that is deleted: its epoch rises.
func TestS17_ClosingAnIdentityEndsItsSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		commit(t, db, 0, agent(manifest.Create, "bot", 3))
		commit(t, db, 1, agent(manifest.Close, "bot", 3))
		if floors, err := db.Floors(t.Context()); floors["bot"] != 4 || err != nil {
			t.Errorf("floors are %v, %v", floors, err)
		}
	})
}

func TestArchiveIsReadPageByPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var want []string
		for i := range 7 {
			name := fmt.Sprintf("r%d", i)
			rev := commit(t, db, int64(2*i), asked(manifest.Create, name, request.Draft))
			commit(t, db, rev, asked(manifest.Close, name, request.Draft))
			want = append(want, name)
		}
		slices.Reverse(want)
		var got []string
		q := store.Query{Kind: manifest.Request, Limit: 3}
		for {
			part, err := db.Archive(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if len(part) == 0 {
				break
			}
			got, q.After = append(got, endedNames(part)...), part[len(part)-1].Cursor()
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		for _, cursor := range []string{"x", "eA", strings.Repeat("A", 1000), "MSAyIA=="} {
			if _, err := db.Archive(t.Context(), store.Query{Kind: manifest.Request, After: cursor}); !errors.Is(err, store.ErrCursor) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
	})
}

func TestRequestsAreNotInSnapshots(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		commit(t, db, 0, asked(manifest.Create, "r", request.Draft), policy(manifest.Create, "p", "1"))
		commit(t, db, 1, asked(manifest.Update, "r", request.Draft))
		commit(t, db, 2, asked(manifest.Close, "r", request.Draft))
		for since, want := range map[int64]int{0: 1, 1: 0, 2: 0} {
			if rows, rev, err := db.Load(t.Context(), since); len(rows) != want || rev != 3 || err != nil {
				t.Errorf("since %d: %d rows at %d, %v", since, len(rows), rev, err)
			}
		}
	})
}

func TestDueComesLongestDueFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		commit(t, db, 0,
			right(manifest.Create, "later", "bot", "chat", "", noon.Add(time.Hour)), right(manifest.Create, "second", "bot", "chat", "", noon.Add(2)),
			right(manifest.Create, "starts", "bot", "chat", rights.GrantScheduled, noon.Add(time.Hour)), right(manifest.Create, "over", "bot", "chat", "", noon))
		commit(t, db, 1, right(manifest.Close, "over", "bot", "chat", rights.GrantEnded, noon))
		rows, err := db.Due(t.Context(), manifest.Grant, noon.Add(time.Minute), 10)
		if d := cmp.Diff([]string{"second", "starts"}, names(rows)); d != "" || err != nil {
			t.Errorf("%v\n%s", err, d)
		}
		if rows, err := db.Due(t.Context(), manifest.Grant, noon.Add(2*time.Hour), 2); len(rows) != 2 || err != nil {
			t.Errorf("limited to two: %v, %v", names(rows), err)
		}
		if rows, err := db.Due(t.Context(), manifest.Request, noon.Add(2*time.Hour), 2); len(rows) != 0 || err != nil {
			t.Errorf("another kind: %v, %v", names(rows), err)
		}
	})
}

// Whatever is created, changed and closed, the pages hold what lives and the
// archive what was closed.
func TestPagesAndArchiveAgreeWithAModel(t *testing.T) {
	db := storetest.MustOpen(t, storetest.SQLite(t))
	rapid.Check(t, func(rt *rapid.T) {
		rev, err := db.Revision(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		who := fmt.Sprintf("bot-%d", rev)
		var alive, gone []string
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			name := fmt.Sprintf("g-%d", rapid.IntRange(0, 3).Draw(rt, "name"))
			c := right(manifest.Create, who+name, who, "chat", "", noon)
			if i := slices.Index(alive, c.Name); i >= 0 {
				c.Op = rapid.SampledFrom([]manifest.Op{manifest.Update, manifest.Close}).Draw(rt, "op")
				if c.Op == manifest.Close {
					alive, gone = slices.Delete(alive, i, i+1), append(gone, c.Name)
				}
			} else {
				alive = append(alive, c.Name)
			}
			rev = commit(t, db, rev, c)
		}
		slices.Sort(alive)
		slices.Reverse(gone)
		rows, err := db.Page(t.Context(), store.Query{Kind: manifest.Grant, Subject: who})
		if d := cmp.Diff(alive, names(rows)); err != nil || len(alive)+len(rows) > 0 && d != "" {
			rt.Errorf("alive: %v\n%s", err, d)
		}
		ended, err := db.Archive(t.Context(), store.Query{Kind: manifest.Grant, Subject: who})
		if d := cmp.Diff(gone, endedNames(ended)); err != nil || d != "" {
			rt.Errorf("gone: %v\n%s", err, d)
		}
	})
}
