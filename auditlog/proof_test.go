package auditlog_test

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/auditlog"
)

// heads signs the tree after every entry.
func heads(t testing.TB, entries [][]byte) []auditlog.Checkpoint {
	t.Helper()
	tree := &auditlog.Tree{}
	out := []auditlog.Checkpoint{mustSign(t, tree)}
	for _, e := range entries {
		tree.Add(auditlog.LeafHash(e))
		out = append(out, mustSign(t, tree))
	}
	return out
}

func TestEveryProofOfRandomTrees(t *testing.T) {
	key := mustVerifier(t)
	rapid.Check(t, func(r *rapid.T) {
		entries := drawEntries(r, 40)
		n := len(entries)
		view, err := auditlog.Open(layout{entries: entries, published: n}.build(t))
		if err != nil {
			r.Fatal(err)
		}
		all := heads(t, entries)
		for i, e := range entries {
			p, err := auditlog.ProveInclusion(view, view.Head(), uint64(i))
			if err != nil {
				r.Fatal(err)
			}
			if p, err = auditlog.ParseInclusionProof(p.Marshal()); err != nil {
				r.Fatal(err)
			}
			if c, err := auditlog.VerifyInclusion(p, e, key); err != nil || c.Size != uint64(n) {
				r.Fatalf("entry %d of %d: %v", i, n, err)
			}
			if _, err := auditlog.VerifyInclusion(p, []byte("forged"), key); err == nil {
				r.Fatalf("a forged entry %d of %d verifies", i, n)
			}
		}
		for m, older := range all {
			p, err := auditlog.ProveConsistency(view, older, view.Head())
			if err != nil {
				r.Fatalf("from %d to %d: %v", m, n, err)
			}
			if p, err = auditlog.ParseConsistencyProof(p.Marshal()); err != nil {
				r.Fatal(err)
			}
			if _, err := auditlog.VerifyConsistency(p, older, key); err != nil {
				r.Fatalf("from %d to %d: %v", m, n, err)
			}
			forked := older
			forked.Root[0] ^= 1
			if _, err := auditlog.VerifyConsistency(p, forked, key); err == nil {
				r.Fatalf("from a fork at %d to %d: verifies", m, n)
			}
		}
	})
}

// TestProofsAcrossTiles proves from full tiles, from the tail, and from both.
func TestProofsAcrossTiles(t *testing.T) {
	entries := records(t, 1500)
	view, err := auditlog.Open(layout{entries: entries, start: 1024, frames: []int{300}, published: 1400}.build(t))
	if err != nil {
		t.Fatal(err)
	}
	all, key := heads(t, entries), mustVerifier(t)
	for _, i := range []uint64{0, 255, 256, 700, 1023, 1024, 1279, 1280, 1499} {
		p, err := auditlog.ProveInclusion(view, view.Head(), i)
		if err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
		if _, err := auditlog.VerifyInclusion(p, entries[i], key); err != nil {
			t.Errorf("entry %d: %v", i, err)
		}
		c, err := auditlog.ProveConsistency(view, all[i], view.Head())
		if err != nil {
			t.Fatalf("from %d: %v", i, err)
		}
		if _, err := auditlog.VerifyConsistency(c, all[i], key); err != nil {
			t.Errorf("from %d: %v", i, err)
		}
	}
	if _, err := auditlog.ProveInclusion(view, view.Head(), 1500); err == nil {
		t.Error("proved an entry that does not exist")
	}
}

func TestProofFileForm(t *testing.T) {
	p := auditlog.InclusionProof{Index: 5, Hashes: []auditlog.Hash{{1}, {2}}, Extra: []byte("x"), Checkpoint: []byte("note\n")}
	good := string(p.Marshal())
	const want = "c2sp.org/tlog-proof@v1\nextra eA==\nindex 5\n" +
		"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nnote\n"
	if good != want {
		t.Fatalf("proof file:\n%s\nwant:\n%s", good, want)
	}
	for name, edit := range map[string][2]string{
		"header":         {"@v1", "@v2"},
		"leading zero":   {"index 5", "index 05"},
		"sign":           {"index 5", "index +5"},
		"no index":       {"index 5\n", ""},
		"stray bits":     {"AgA", "Ag "},
		"padding bits":   {"AAAAAAA=\n\n", "AAAAAAB=\n\n"},
		"extra bits":     {"eA==", "eB=="},
		"empty extra":    {"eA==", ""},
		"extra return":   {"eA==", "eA==\r"},
		"no empty line":  {"\n\nnote", "\nnote"},
		"carriage break": {"index 5\n", "index 5\r\n"},
	} {
		in := strings.Replace(good, edit[0], edit[1], 1)
		if in == good {
			t.Fatalf("%s: the edit changes nothing", name)
		}
		if _, err := auditlog.ParseInclusionProof([]byte(in)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParseInclusionProof(f *testing.F) {
	f.Add(auditlog.InclusionProof{Index: 5, Hashes: []auditlog.Hash{{1}, {2}}, Extra: []byte("x"), Checkpoint: []byte("note\n")}.Marshal())
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := auditlog.ParseInclusionProof(b); err == nil && !bytes.Equal(p.Marshal(), b) {
			t.Errorf("%q is written as %q", b, p.Marshal())
		}
	})
}

func FuzzParseConsistencyProof(f *testing.F) {
	f.Add(auditlog.ConsistencyProof{Size: 5, Hashes: []auditlog.Hash{{1}}, Checkpoint: []byte("note\n")}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := auditlog.ParseConsistencyProof(b); err == nil && !bytes.Equal(p.Marshal(), b) {
			t.Errorf("%q is written as %q", b, p.Marshal())
		}
	})
}
