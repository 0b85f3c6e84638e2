package auditlog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"golang.org/x/mod/sumdb/tlog"
)

// full compares a completed tile with its stored file, which must exist when
// the published checkpoint covers it, and with its stored partial forms.
func (c *check) full(want TileData) error {
	if err := c.compare(want, c.tree.Size() <= c.view.published.Size); err != nil {
		return err
	}
	return c.partials(want)
}

// publishedEdge checks, at the size of the published checkpoint, that the
// partial tiles a monitor needs are there.
func (c *check) publishedEdge() error {
	for _, t := range c.edgeTiles() {
		if err := c.compare(t, true); err != nil {
			return err
		}
	}
	return nil
}

// edge compares the stored partial forms of tiles that are not complete yet.
func (c *check) edge() error {
	for _, t := range c.edgeTiles() {
		if err := c.partials(t); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) edgeTiles() []TileData {
	tiles := c.tree.Edge()
	if w := c.tree.Size() % TileWidth; w > 0 {
		t := Tile{Level: EntriesLevel, N: c.tree.Size() / TileWidth, Width: int(w)}
		tiles = append(tiles, TileData{t, c.bundle})
	}
	return tiles
}

// compare reads one stored tile and requires exactly the derived bytes.
func (c *check) compare(want TileData, required bool) error {
	got, err := fs.ReadFile(c.view.fsys, want.Path())
	if missing(err) {
		if !required || want.Width < TileWidth && c.superseded(want.Tile) {
			return nil
		}
		return damage(want.Path(), -1, want.first(), "missing")
	}
	if err != nil {
		return fmt.Errorf("reading tile: %w", err)
	}
	c.report.Tiles++
	if bytes.Equal(got, want.Data) {
		return nil
	}
	return mismatch(want, got)
}

// superseded reports whether the full form of a partial tile exists, in which
// case the partial one may have been deleted; the full one is compared when
// the tree reaches it.
func (c *check) superseded(t Tile) bool {
	t.Width = TileWidth
	_, err := fs.Stat(c.view.fsys, t.Path())
	return err == nil
}

// first is the index of the first entry under the tile.
func (t Tile) first() uint64 {
	if t.Level == EntriesLevel {
		return t.N * TileWidth
	}
	return t.N << (tileHeight * (t.Level + 1))
}

func mismatch(want TileData, got []byte) error {
	at := 0
	for at < len(got) && at < len(want.Data) && got[at] == want.Data[at] {
		at++
	}
	index := want.first()
	if want.Level != EntriesLevel {
		index += uint64(at/tlog.HashSize) << (tileHeight * want.Level)
		return damage(want.Path(), int64(at), index, "stored hash differs from the one of the entries: one of the two was changed")
	}
	return damage(want.Path(), int64(at), index, "stored entries differ from the write-ahead tail: one of the two was changed")
}

// partials compares every stored partial form of a tile with what is known of
// it. Wider ones than the view reaches are left to walk.
func (c *check) partials(known TileData) error {
	files, err := fs.ReadDir(c.view.fsys, known.partialDir())
	if missing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading partial tiles: %w", err)
	}
	for _, f := range files {
		t, err := ParseTilePath(path.Join(known.partialDir(), f.Name()))
		if err != nil || t.Width > known.Width {
			continue
		}
		want := TileData{t, prefix(known, t.Width)}
		if err := c.compare(want, false); err != nil {
			return err
		}
	}
	return nil
}

// prefix returns the data of the narrower form of a derived tile.
func prefix(t TileData, width int) []byte {
	if t.Level != EntriesLevel {
		return t.Data[:width*tlog.HashSize]
	}
	n := 0
	for range width {
		n += 2 + int(t.Data[n])<<8 + int(t.Data[n+1])
	}
	return t.Data[:n]
}

// walk refuses files among the tiles that are none, and tiles outside of the
// tree. A running server may have written some since the view was taken.
func (c *check) walk() error {
	err := fs.WalkDir(c.view.fsys, "tile", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		t, err := ParseTilePath(name)
		if err != nil {
			return damage(name, -1, noIndex, "not a tile")
		}
		if !within(t, c.view.head.Size) {
			c.beyond = append(c.beyond, t)
		}
		return nil
	})
	if missing(err) { // no tile yet, or partial tiles deleted under our feet
		err = nil
	}
	if err != nil || len(c.beyond) == 0 {
		return err
	}
	now, err := takeView(c.view.fsys, c.view.keys)
	if err != nil {
		return err
	}
	for _, t := range c.beyond {
		if !within(t, now.head.Size) {
			return damage(t.Path(), -1, noIndex, "outside of the log, which has %d entries", now.head.Size)
		}
	}
	return nil
}

// within reports whether a tree of the given size has the tile.
func within(t Tile, size uint64) bool {
	level := max(t.Level, 0)
	have := uint64(0)
	if shift := tileHeight * level; shift < 64 {
		have = size >> shift
	}
	return t.N < have/TileWidth || t.N == have/TileWidth && uint64(t.Width) <= have%TileWidth
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
