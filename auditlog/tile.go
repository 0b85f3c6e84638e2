package auditlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// TileWidth is the number of hashes in a full tile and of entries in a full
// bundle.
const TileWidth = 256

const (
	tileHeight = 8
	maxLevel   = 63

	// EntriesLevel is the Level of entry bundles.
	EntriesLevel = -1
)

// Tile names a hash tile or an entry bundle.
type Tile struct {
	Level int    // 0 to 63, or EntriesLevel
	N     uint64 // number within the level
	Width int    // 1 to TileWidth; below TileWidth the tile is partial
}

// Path is the tile's place in the log directory.
func (t Tile) Path() string {
	level := "entries"
	if t.Level != EntriesLevel {
		level = strconv.Itoa(t.Level)
	}
	n := fmt.Sprintf("%03d", t.N%1000)
	for rest := t.N / 1000; rest > 0; rest /= 1000 {
		n = fmt.Sprintf("x%03d/%s", rest%1000, n)
	}
	p := "tile/" + level + "/" + n
	if t.Width < TileWidth {
		p += ".p/" + strconv.Itoa(t.Width)
	}
	return p
}

// partialDir is where the partial forms of the tile are.
func (t Tile) partialDir() string {
	t.Width = TileWidth
	return t.Path() + ".p"
}

// ParseTilePath is the inverse of [Tile.Path]; other spellings are refused.
func ParseTilePath(path string) (Tile, error) {
	bad := fmt.Errorf("malformed tile path %q", path)
	f := strings.Split(path, "/")
	if len(f) < 3 || f[0] != "tile" || len(path) > 128 {
		return Tile{}, bad
	}
	t := Tile{Level: EntriesLevel, Width: TileWidth}
	if f[1] != "entries" {
		level, err := strconv.Atoi(f[1])
		if err != nil || level < 0 || level > maxLevel {
			return Tile{}, bad
		}
		t.Level = level
	}
	if dir, ok := strings.CutSuffix(f[len(f)-2], ".p"); ok {
		w, err := strconv.Atoi(f[len(f)-1])
		if err != nil || w < 1 || w >= TileWidth {
			return Tile{}, bad
		}
		t.Width = w
		f = append(f[:len(f)-2:len(f)-2], dir)
	}
	for _, group := range f[2:] {
		n, err := strconv.ParseUint(strings.TrimPrefix(group, "x"), 10, 10)
		if err != nil || t.N >= maxSize {
			return Tile{}, bad
		}
		t.N = t.N*1000 + n
	}
	if t.Path() != path {
		return Tile{}, bad
	}
	return t, nil
}

// AppendEntry appends one entry in the encoding of bundles and tail frames: a
// big-endian uint16 length and the bytes. The entry must satisfy [CheckEntry].
func AppendEntry(dst, entry []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(entry)))
	return append(dst, entry...)
}

// CheckEntry reports why an entry cannot be in a log: it is empty, longer than
// [MaxEntry], or holds a zero byte (which would make a sector lost in a crash
// look like data).
func CheckEntry(entry []byte) error {
	switch {
	case len(entry) == 0:
		return errors.New("empty entry")
	case len(entry) > MaxEntry:
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(entry), MaxEntry)
	case bytes.IndexByte(entry, 0) >= 0:
		return errors.New("entry holds a zero byte")
	}
	return nil
}

// EncodeBundle encodes up to [TileWidth] entries as an entry bundle.
func EncodeBundle(entries [][]byte) ([]byte, error) {
	if len(entries) == 0 || len(entries) > TileWidth {
		return nil, fmt.Errorf("encoding bundle: %d entries, want 1 to %d", len(entries), TileWidth)
	}
	var out []byte
	for i, e := range entries {
		if err := CheckEntry(e); err != nil {
			return nil, fmt.Errorf("encoding bundle: entry %d: %w", i, err)
		}
		out = AppendEntry(out, e)
	}
	return out, nil
}

// ParseBundle splits an entry bundle of 1 to [TileWidth] entries. The entries
// share memory with b. Errors are [DamageError] values with the offset.
func ParseBundle(b []byte) ([][]byte, error) {
	entries, err := splitEntries(b, TileWidth)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, damage("", 0, noIndex, "empty bundle")
	}
	return entries, nil
}

func splitEntries(b []byte, limit int) ([][]byte, error) {
	var entries [][]byte
	for off := 0; off < len(b); {
		if len(entries) == limit {
			return nil, damage("", int64(off), noIndex, "more than %d entries", limit)
		}
		if len(b)-off < 2 {
			return nil, damage("", int64(off), noIndex, "cut short in the length of an entry")
		}
		n := int(binary.BigEndian.Uint16(b[off:]))
		if n > len(b)-off-2 {
			return nil, damage("", int64(off), noIndex, "an entry of %d bytes reaches past the end", n)
		}
		e := b[off+2 : off+2+n : off+2+n]
		if err := CheckEntry(e); err != nil {
			return nil, damage("", int64(off), noIndex, "%v", err)
		}
		entries = append(entries, e)
		off += 2 + n
	}
	return entries, nil
}

// ReadBundle reads the n-th full entry bundle of a log directory. It checks
// the form, not the hashes.
func ReadBundle(fsys fs.FS, n uint64) ([][]byte, error) {
	return readBundle(fsys, Tile{Level: EntriesLevel, N: n, Width: TileWidth})
}

func readBundle(fsys fs.FS, t Tile) ([][]byte, error) {
	b, err := fs.ReadFile(fsys, t.Path())
	if err != nil {
		return nil, fmt.Errorf("reading bundle: %w", err)
	}
	entries, err := ParseBundle(b)
	if err != nil {
		return nil, inFile(t.Path(), err)
	}
	if len(entries) != t.Width {
		return nil, damage(t.Path(), -1, t.N*TileWidth, "%d entries, want %d", len(entries), t.Width)
	}
	return entries, nil
}
