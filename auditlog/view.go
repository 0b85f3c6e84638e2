package auditlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The files of a log directory that are not tiles.
const (
	CheckpointPath = "checkpoint"
	KeyPath        = "key"
	tailDir        = "tail"
)

// viewAttempts is how often a view is taken anew when the writer publishes, or
// retires a segment, while the directory is being read.
const viewAttempts = 5

// View is a log directory as it was at one moment, also while a server writes
// to it. It keeps the tail in memory and reads everything else when asked. A
// View checks signatures of the heads it uses, not every byte: see [Verify].
// It is safe for concurrent use.
type View struct {
	fsys      fs.FS
	keys      []note.Verifier
	published Checkpoint
	head      Checkpoint

	start    uint64    // index of recent[0], a multiple of TileWidth; earlier entries are in full bundles
	recent   [][]byte  // entries from start on
	leaves   []Hash    // their hashes
	segments []segment // empty when the directory has no tail
}

// segment is one file of the tail.
type segment struct {
	path  string
	first uint64
	tail  Tail
}

// Open takes a view of a log directory. Keys are verifier keys that the reader
// trusts; without any, those in the directory's own key file are used, which
// shows no more than that the log is consistent with itself.
func Open(fsys fs.FS, keys ...string) (*View, error) {
	vs, err := trustedKeys(fsys, keys)
	if err != nil {
		return nil, err
	}
	for range viewAttempts - 1 {
		if v, err := takeView(fsys, vs); err == nil {
			return v, nil
		}
	}
	return takeView(fsys, vs)
}

// trustedKeys returns the given keys, or those of the key file. When there are
// both, the file may name no other key: its reader would trust it.
func trustedKeys(fsys fs.FS, keys []string) ([]note.Verifier, error) {
	listed, err := listedKeys(fsys)
	if missing(err) && len(keys) > 0 {
		return newVerifiers(keys)
	}
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		vs, err := newVerifiers(listed)
		if err != nil {
			return nil, inFile(KeyPath, err)
		}
		return vs, nil
	}
	for _, k := range listed {
		if !slices.Contains(keys, k) {
			return nil, damage(KeyPath, -1, noIndex, "names the key %q, which is not among those given", k)
		}
	}
	return newVerifiers(keys)
}

func listedKeys(fsys fs.FS) ([]string, error) {
	file, err := fs.ReadFile(fsys, KeyPath)
	if err != nil {
		return nil, fmt.Errorf("reading verifier keys: %w", err)
	}
	list, ok := strings.CutSuffix(string(file), "\n")
	if !ok {
		return nil, damage(KeyPath, -1, noIndex, "does not end with a newline")
	}
	return strings.Split(list, "\n"), nil
}

func newVerifiers(keys []string) ([]note.Verifier, error) {
	vs := make([]note.Verifier, len(keys))
	for i, k := range keys {
		v, err := note.NewVerifier(k)
		if err != nil {
			return nil, fmt.Errorf("verifier key %d: %w", i+1, err)
		}
		// note accepts a hash in capitals too; here every byte counts.
		if !strings.HasPrefix(k, fmt.Sprintf("%s+%08x+", v.Name(), v.KeyHash())) {
			return nil, fmt.Errorf("verifier key %d: not in canonical form", i+1)
		}
		vs[i] = v
	}
	return vs, nil
}

func takeView(fsys fs.FS, keys []note.Verifier) (*View, error) {
	v := &View{fsys: fsys, keys: keys}
	msg, err := fs.ReadFile(fsys, CheckpointPath)
	if err != nil {
		return nil, fmt.Errorf("reading checkpoint: %w", err)
	}
	if v.published, err = ParseCheckpoint(msg, keys...); err != nil {
		return nil, inFile(CheckpointPath, err)
	}
	v.head = v.published
	if err := v.readTail(); err != nil {
		return nil, err
	}
	if len(v.segments) == 0 {
		if err := v.readPartialBundle(); err != nil {
			return nil, err
		}
	} else if err := v.checkEnds(); err != nil {
		return nil, err
	}
	v.leaves = make([]Hash, len(v.recent))
	for i, e := range v.recent {
		v.leaves[i] = LeafHash(e)
	}
	return v, nil
}

func (v *View) readTail() error {
	files, err := fs.ReadDir(v.fsys, tailDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading tail: %w", err)
	}
	for i, f := range files { // sorted by name, and so by index
		if err := v.readSegment(f.Name(), i == len(files)-1); err != nil {
			return err
		}
	}
	return nil
}

func (v *View) readSegment(name string, last bool) error {
	first, err := parseTailName(name)
	if err != nil {
		return damage(tailDir+"/"+name, -1, noIndex, "%v", err)
	}
	path := TailPath(first)
	data, err := fs.ReadFile(v.fsys, path)
	if err != nil {
		return fmt.Errorf("reading tail: %w", err)
	}
	t, err := ParseTail(data, first)
	if err != nil {
		return inFile(path, err)
	}
	if t.Torn > 0 && !last {
		return damage(path, t.Whole, noIndex, "torn frame in a segment that is not the last")
	}
	if len(v.segments) == 0 {
		v.start = first
	} else if end := v.start + uint64(len(v.recent)); first != end {
		return damage(path, -1, end, "segment starts at entry %d, the one before ends at %d", first, end)
	}
	for _, f := range t.Frames {
		v.recent = append(v.recent, f.Entries...)
	}
	v.segments = append(v.segments, segment{path, first, t})
	return nil
}

// checkEnds compares the tail with the published checkpoint and sets the head.
func (v *View) checkEnds() error {
	end := v.start + uint64(len(v.recent))
	if v.published.Size > end {
		return damage(CheckpointPath, -1, end, "published for %d entries, but the tail ends after %d: entries are missing", v.published.Size, end)
	}
	if v.published.Size < v.start {
		return damage(CheckpointPath, -1, v.published.Size, "published for %d entries, but the tail starts after %d: it is an old checkpoint", v.published.Size, v.start)
	}
	for _, s := range slices.Backward(v.segments) {
		if n := len(s.tail.Frames); n > 0 {
			f := s.tail.Frames[n-1]
			head, err := v.parseFrameHead(s.path, f)
			if err != nil {
				return err
			}
			v.head = head
			return nil
		}
	}
	return nil
}

// parseFrameHead reads the checkpoint of a frame and checks that it is for the
// log and for the frame's end.
func (v *View) parseFrameHead(path string, f Frame) (Checkpoint, error) {
	c, err := ParseCheckpoint(f.Checkpoint, v.keys...)
	if err != nil {
		return Checkpoint{}, damage(path, f.Offset, f.First, "checkpoint of the frame: %v", err)
	}
	if end := f.First + uint64(len(f.Entries)); c.Size != end || c.Origin != v.published.Origin {
		return Checkpoint{}, damage(path, f.Offset, f.First, "checkpoint of the frame is for %d entries of %q, want %d of %q", c.Size, c.Origin, end, v.published.Origin)
	}
	return c, nil
}

// readPartialBundle stands in for the tail in a copy of the published part.
func (v *View) readPartialBundle() error {
	w := v.published.Size % TileWidth
	v.start = v.published.Size - w
	if w == 0 {
		return nil
	}
	var err error
	v.recent, err = readBundle(v.fsys, Tile{Level: EntriesLevel, N: v.start / TileWidth, Width: int(w)})
	return err
}

// Head is the newest signed tree head of the view.
func (v *View) Head() Checkpoint { return v.head }

// Published is the checkpoint that the directory publishes; it may be behind
// the head of a running server by about a second.
func (v *View) Published() Checkpoint { return v.published }

// Entry returns the entry with the given index. The caller must not change it.
func (v *View) Entry(index uint64) ([]byte, error) {
	if index >= v.head.Size {
		return nil, fmt.Errorf("reading entry %d: the log has %d", index, v.head.Size)
	}
	if index >= v.start {
		return v.recent[index-v.start], nil
	}
	entries, err := ReadBundle(v.fsys, index/TileWidth)
	if err != nil {
		return nil, err
	}
	return entries[index%TileWidth], nil
}

// Scan calls fn for every entry from the given index on, in order, until fn or
// the context returns an error. Entries are valid during the call only.
func (v *View) Scan(ctx context.Context, from uint64, fn func(index uint64, entry []byte) error) error {
	for from < v.start {
		entries, err := ReadBundle(v.fsys, from/TileWidth)
		if err != nil {
			return err
		}
		for _, e := range entries[from%TileWidth:] {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(from, e); err != nil {
				return err
			}
			from++
		}
	}
	for ; from < v.head.Size; from++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(from, v.recent[from-v.start]); err != nil {
			return err
		}
	}
	return nil
}

// ReadHashes implements [tlog.HashReader] over tiles and tail. What it reads
// from tiles is unchecked; proofs built from it check themselves.
func (v *View) ReadHashes(indexes []int64) ([]Hash, error) {
	tiles := map[Tile][]byte{}
	out := make([]Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		h, err := v.node(tiles, level, uint64(n))
		if err != nil {
			return nil, err
		}
		out[i] = h
	}
	return out, nil
}

// node returns the n-th node of a tree level: from a full tile where there is
// one, else from its two children.
func (v *View) node(tiles map[Tile][]byte, level int, n uint64) (Hash, error) {
	if level == 0 && n >= v.start {
		if n >= v.head.Size {
			return Hash{}, fmt.Errorf("entry %d is outside the tree of %d", n, v.head.Size)
		}
		return v.leaves[n-v.start], nil
	}
	t := Tile{Level: level / tileHeight, N: n / TileWidth, Width: TileWidth}
	if level%tileHeight == 0 && (t.N+1)<<(level+tileHeight) <= v.start {
		return v.stored(tiles, t, n%TileWidth)
	}
	left, err := v.node(tiles, level-1, 2*n)
	if err != nil {
		return Hash{}, err
	}
	right, err := v.node(tiles, level-1, 2*n+1)
	if err != nil {
		return Hash{}, err
	}
	return tlog.NodeHash(left, right), nil
}

func (v *View) stored(tiles map[Tile][]byte, t Tile, i uint64) (Hash, error) {
	data, ok := tiles[t]
	if !ok {
		var err error
		if data, err = fs.ReadFile(v.fsys, t.Path()); err != nil {
			return Hash{}, fmt.Errorf("reading tile: %w", err)
		}
		if len(data) != TileWidth*tlog.HashSize {
			return Hash{}, damage(t.Path(), -1, noIndex, "%d bytes, want %d", len(data), TileWidth*tlog.HashSize)
		}
		tiles[t] = data
	}
	return Hash(data[i*tlog.HashSize:][:tlog.HashSize]), nil
}
