package auditlog_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/auditlog"
)

// TestRootOfCertificateTransparencyVector uses the eight leaves and the root
// with which Certificate Transparency implementations test RFC 6962 hashing.
func TestRootOfCertificateTransparencyVector(t *testing.T) {
	var tree auditlog.Tree
	for _, leaf := range []string{
		"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
	} {
		b, err := hex.DecodeString(leaf)
		if err != nil {
			t.Fatal(err)
		}
		tree.Add(auditlog.LeafHash(b))
	}
	root := tree.Root()
	if got, want := hex.EncodeToString(root[:]), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"; got != want {
		t.Errorf("root %s, want %s", got, want)
	}
}

// storage is the naive tree: every hash, in x/mod's order.
type storage []tlog.Hash

func (s storage) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = s[x]
	}
	return out, nil
}

func TestTreeAgreesWithNaiveTree(t *testing.T) {
	tree, naive := &auditlog.Tree{}, storage{}
	var tiles []auditlog.TileData
	for n := range int64(70_000) {
		leaf := auditlog.LeafHash(fmt.Append(nil, n))
		hashes, err := tlog.StoredHashesForRecordHash(n, leaf, naive)
		if err != nil {
			t.Fatal(err)
		}
		naive = append(naive, hashes...)
		tiles = append(tiles, tree.Add(leaf)...)
		if n > 1100 && n%4093 != 0 && n < 69_990 {
			continue
		}
		want, err := tlog.TreeHash(n+1, naive)
		if err != nil {
			t.Fatal(err)
		}
		if tree.Root() != want {
			t.Fatalf("root at %d entries differs", n+1)
		}
	}
	tiles = append(tiles, tree.Edge()...)
	count := map[string]int{}
	for _, d := range tiles {
		want, err := tlog.ReadTileData(tlog.Tile{H: 8, L: d.Level, N: int64(d.N), W: d.Width}, naive)
		if err != nil || !bytes.Equal(want, d.Data) {
			t.Fatalf("tile %s differs: %v", d.Path(), err)
		}
		count[fmt.Sprintf("level %d, %d wide", d.Level, d.Width)]++
	}
	// The example that tlog-tiles gives for a tree of this size.
	if diff := cmp.Diff(map[string]int{
		"level 0, 256 wide": 273, "level 0, 112 wide": 1, "level 1, 256 wide": 1, "level 1, 17 wide": 1, "level 2, 1 wide": 1,
	}, count); diff != "" {
		t.Errorf("tiles (-want +got):\n%s", diff)
	}
}

func TestTreeClonesAreIndependent(t *testing.T) {
	a := &auditlog.Tree{}
	for i := range 300 {
		a.Add(auditlog.LeafHash(fmt.Append(nil, i)))
	}
	b, root := a.Clone(), a.Root()
	for i := range 300 {
		b.Add(auditlog.LeafHash(fmt.Append(nil, "b", i)))
	}
	if a.Root() != root || a.Size() != 300 {
		t.Error("growing a clone changed the original")
	}
}

func TestTilePaths(t *testing.T) {
	for path, want := range map[string]auditlog.Tile{
		"tile/0/x001/x234/067":     {Level: 0, N: 1234067, Width: 256},
		"tile/entries/000":         {Level: -1, N: 0, Width: 256},
		"tile/entries/273.p/112":   {Level: -1, N: 273, Width: 112},
		"tile/63/x001/000.p/1":     {Level: 63, N: 1000, Width: 1},
		"tile/1/x999/x999/999.p/9": {Level: 1, N: 999999999, Width: 9},
	} {
		got, err := auditlog.ParseTilePath(path)
		if err != nil || got != want || got.Path() != path {
			t.Errorf("ParseTilePath(%q) = %+v (%s), %v; want %+v", path, got, got.Path(), err, want)
		}
	}
	for _, path := range []string{
		"", "tile", "tile/0", "tile/0/", "tile/0/1", "tile/0/0001", "tile/00/001", "tile/64/000", "tile/-1/000",
		"tile/0/x000/001", "tile/0/001/002", "tile/0/x001", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
		"tile/0/000.p", "tile/data/000", "tile/0/+01", "tile/0/../000", "/tile/0/000", "tile/8/0/000", "tile/0/xx01/000",
	} {
		if got, err := auditlog.ParseTilePath(path); err == nil {
			t.Errorf("ParseTilePath(%q) = %+v", path, got)
		}
	}
}

func FuzzParseTilePath(f *testing.F) {
	f.Add("tile/0/x001/x234/067")
	f.Add("tile/entries/273.p/112")
	f.Fuzz(func(t *testing.T, path string) {
		if tile, err := auditlog.ParseTilePath(path); err == nil && tile.Path() != path {
			t.Errorf("%q is read as %q", path, tile.Path())
		}
	})
}

func FuzzParseBundle(f *testing.F) {
	b, err := auditlog.EncodeBundle(records(f, 3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{0, 1, 'a', 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := auditlog.ParseBundle(b)
		if err != nil {
			return
		}
		if again, err := auditlog.EncodeBundle(entries); err != nil || !bytes.Equal(again, b) {
			t.Errorf("bundle %q is written as %q, %v", b, again, err)
		}
	})
}

func TestEntryBounds(t *testing.T) {
	big := bytes.Repeat([]byte("x"), auditlog.MaxEntry)
	if _, err := auditlog.EncodeBundle([][]byte{big, []byte("y")}); err != nil {
		t.Errorf("the largest entry: %v", err)
	}
	for name, entries := range map[string][][]byte{
		"none":      {},
		"empty":     {{}},
		"too long":  {append(big, 'x')},
		"zero byte": {[]byte("a\x00b")},
		"too many":  slices.Repeat([][]byte{[]byte("x")}, 257),
	} {
		if _, err := auditlog.EncodeBundle(entries); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func drawEntries(t *rapid.T, limit int) [][]byte {
	n := rapid.IntRange(1, limit).Draw(t, "entries")
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Appendf(nil, "entry %d", i)
	}
	return out
}
