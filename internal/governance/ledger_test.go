package governance

import (
	"fmt"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
)

func emptyLedger() *Ledger {
	l := &Ledger{
		shard: "0", latest: make(map[thing]saying), gone: make(map[thing]saying),
		floors: make(map[string]uint32), open: make(map[place]*announced), view: ^uint64(0),
	}
	l.own, _ = l.terms.of("0") // the first has its place
	return l
}

// Of what is announced and done, in whatever order the outcomes come, the ledger
// ends with the word of the highest revision on each thing.
func TestTheLastWordIsThatOfTheHighestRevision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := emptyLedger()
		other, _ := l.terms.of("1") // there is room
		type act struct {
			at place
			c  store.Change
			ok bool
		}
		var acts []act
		want := make(map[string]store.Change)
		ref := make(map[string]store.Ref)
		for i := range rapid.IntRange(1, 20).Draw(t, "acts") {
			name := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "name")
			op := manifest.Create
			if _, there := want[name]; there {
				op = rapid.SampledFrom([]manifest.Op{manifest.Update, manifest.Delete, manifest.Close}).Draw(t, "op")
			}
			shard := rapid.SampledFrom([]term{l.own, other}).Draw(t, "shard")
			a := act{place{shard, uint64(i)}, right(op, name, fmt.Sprint(i)), rapid.Bool().Draw(t, "ok")}
			c := announcing("test", alice, []store.Change{a.c})
			c.Revision = uint64(i + 1)
			if err := l.announce(a.at, &c); err != nil {
				t.Fatal(err)
			}
			acts = append(acts, a)
			if !a.ok {
				continue
			}
			if want[name], ref[name] = a.c, (store.Ref{Shard: l.terms.names[shard], Index: uint64(i)}); op.Ends() {
				delete(want, name)
			}
		}
		for _, i := range rapid.Permutation(indices(len(acts))).Draw(t, "order") {
			if err := l.close(acts[i].at, acts[i].ok); err != nil {
				t.Fatal(err)
			}
		}
		if l.count != len(want) || len(l.latest) != len(want) {
			t.Fatalf("%d things are known and %d counted, want %d", len(l.latest), l.count, len(want))
		}
		for name, c := range want {
			if err := l.Authorised(ref[name], c); err != nil {
				t.Error(err)
			}
		}
		for _, a := range acts {
			r := store.Ref{Shard: l.terms.names[a.at.shard], Index: a.at.index}
			if !a.c.Op.Ends() && ref[a.c.Name] != r && l.Authorised(r, a.c) == nil {
				t.Errorf("record %v still authorises %s of %s", r, a.c.Op, a.c.Name)
			}
		}
		l.forget(uint64(len(acts)))
		if len(l.gone) != 0 {
			t.Errorf("%v is kept for ever", l.gone)
		}
	})
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func TestARecordWithADigestThatIsNoneIsRefused(t *testing.T) {
	l := emptyLedger()
	for _, digest := range []string{"x", "00", fmt.Sprintf("%065d", 0)} {
		c := auditlog.Control{Changes: []auditlog.Change{{Kind: "Grant", Name: "g", Op: "create", Digest: digest}}}
		if err := l.announce(place{l.own, 1}, &c); err == nil {
			t.Errorf("digest %q was taken", digest)
		}
	}
}

// Rows cannot make the ledger grow: only records can.
func TestS17_RowsTeachTheLedgerNothing(t *testing.T) {
	l := emptyLedger()
	before := len(l.terms.names)
	for i := range 10 {
		c := store.Change{Op: manifest.Op(fmt.Sprint("op", i)), Kind: manifest.Kind(fmt.Sprint("kind", i)), Name: "x"}
		if l.Authorised(store.Ref{Shard: fmt.Sprint("shard", i)}, c) == nil {
			t.Error("an unknown thing is authorised")
		}
	}
	if len(l.terms.names) != before {
		t.Errorf("the ledger learned %v", l.terms.names[before:])
	}
}

// BenchmarkLedger measures what the ledger keeps of a million grants.
func BenchmarkLedger(b *testing.B) {
	const grants = 1_000_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		l := emptyLedger()
		for i := 0; i < grants; i += batch {
			var part []store.Change
			for j := i; j < min(i+batch, grants); j++ {
				part = append(part, right(manifest.Create, fmt.Sprintf("identity-%06d.entitlement-%02d", j/10, j%10), ""))
			}
			c := announcing("test", alice, part)
			c.Revision = uint64(i/batch + 1)
			if err := l.announce(place{l.own, uint64(i)}, &c); err != nil {
				b.Fatal(err)
			}
			if err := l.close(place{l.own, uint64(i)}, true); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/grants, "B/resource")
		runtime.KeepAlive(l)
	}
}
