package auditlog

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"time"
)

// VerifyOptions says what to hold a log against.
type VerifyOptions struct {
	// Keys are verifier keys the reader trusts. Without any, the directory's
	// own key file is used, and the log can only be found self-consistent.
	Keys []string
	// Since is a checkpoint seen earlier and kept elsewhere, or nil. The log
	// must extend it.
	Since *Anchor
	// Anchors are further checkpoints from elsewhere: sinks, peers, witnesses.
	Anchors []Anchor
	// Cosigners are verifier keys (type 0x04) of witnesses. Their cosignatures
	// count on the published checkpoint, on Since and on Anchors.
	Cosigners []string
	// Opaque leaves out the reading of entries as records: only the bytes are
	// verified, as a writer does before it continues a log.
	Opaque bool
	// Progress, if not nil, is called now and then with entries done and total.
	Progress func(done, total uint64)
}

// Anchor is a checkpoint that somebody else kept.
type Anchor struct {
	Name       string    // where it was kept, such as a file name
	At         time.Time // since when, if known; else zero
	Checkpoint Checkpoint
}

// anchor is an Anchor, or a cosignature, that the log was found to agree with.
type anchor struct {
	who  string
	at   time.Time
	size uint64
}

// Verify checks a whole log directory: it derives the tree anew from the
// entries and compares every stored hash, bundle, frame and signature with it,
// up to the newest checkpoint; then it reads the entries as records and
// reports what does not fit together ([Report.Findings]).
//
// The directory may belong to a running server. A [DamageError] says that the
// log is not what was signed and where; any other error that the check could
// not be made. The report is filled as far as the check came.
func Verify(ctx context.Context, fsys fs.FS, opts VerifyOptions) (Report, error) {
	v, err := Open(fsys, opts.Keys...)
	if err != nil {
		return Report{}, err
	}
	c := &check{ctx: ctx, view: v, opts: opts, story: newStory(v.head.Origin)}
	c.report = Report{Origin: v.head.Origin, Size: v.head.Size, Published: v.published.Size, Checkpoint: string(v.head.Note)}
	err = c.run()
	c.story.finish(&c.report)
	return c.report, err
}

// check is one run of Verify.
type check struct {
	ctx    context.Context
	view   *View
	opts   VerifyOptions
	tree   Tree
	bundle []byte // of the unfinished bundle, in the encoding of bundles
	due    []milestone
	beyond []Tile // stored tiles outside of the view
	story  *story
	report Report
}

// milestone is a size at which the derived root must be a given one.
type milestone struct {
	size      uint64
	root      Hash
	file      string // for people; somebody's anchor may have any name
	offset    int64
	published bool // by the directory's own checkpoint: tiles must bear it out
}

func (c *check) run() error {
	if err := c.collectMilestones(); err != nil {
		return err
	}
	if err := c.passMilestones(); err != nil {
		return err
	}
	for n := range c.view.start / TileWidth {
		entries, err := c.publishedBundle(n)
		if err != nil {
			return err
		}
		if err := c.addAll(entries); err != nil {
			return err
		}
	}
	c.report.resume = c.tree.Clone()
	for part := range slices.Chunk(c.view.recent, 16*TileWidth) {
		if err := c.addAll(part); err != nil {
			return err
		}
	}
	return c.finish()
}

// publishedBundle reads a bundle, of which the view says that it must exist.
func (c *check) publishedBundle(n uint64) ([][]byte, error) {
	entries, err := ReadBundle(c.view.fsys, n)
	if missing(err) {
		return nil, damage(Tile{Level: EntriesLevel, N: n, Width: TileWidth}.Path(), -1, n*TileWidth, "missing")
	}
	return entries, err
}

// collectMilestones lists every signed or remembered root, after checking
// signatures and that the log is long enough to have it.
func (c *check) collectMilestones() error {
	p := c.view.published
	c.due = append(c.due, milestone{p.Size, p.Root, CheckpointPath, -1, true})
	for _, s := range c.view.segments {
		for _, f := range s.tail.Frames {
			head, err := c.view.parseFrameHead(s.path, f)
			if err != nil {
				return err
			}
			c.due = append(c.due, milestone{head.Size, head.Root, s.path, f.Offset, false})
		}
		c.report.TornBytes += s.tail.Torn
	}
	if err := c.collectAnchors(); err != nil {
		return err
	}
	slices.SortStableFunc(c.due, func(a, b milestone) int { return cmp.Compare(a.size, b.size) })
	return nil
}

func (c *check) collectAnchors() error {
	cosigners, err := newCosigners(c.opts.Cosigners)
	if err != nil {
		return err
	}
	anchors := c.opts.Anchors
	if c.opts.Since != nil {
		anchors = append(anchors[:len(anchors):len(anchors)], *c.opts.Since)
	}
	head := c.view.head
	for _, a := range anchors {
		if a.Checkpoint.Origin != head.Origin {
			return fmt.Errorf("%s is a checkpoint of %q, this is the log %q", a.Name, a.Checkpoint.Origin, head.Origin)
		}
		if a.Checkpoint.Size > head.Size {
			return damage(a.Name, -1, head.Size, "has %d entries, the log only %d: entries are missing", a.Checkpoint.Size, head.Size)
		}
		c.due = append(c.due, milestone{a.Checkpoint.Size, a.Checkpoint.Root, a.Name, -1, false})
		c.report.anchors = append(c.report.anchors, anchor{a.Name, a.At, a.Checkpoint.Size})
	}
	for _, kept := range append(anchors[:len(anchors):len(anchors)], Anchor{Name: CheckpointPath, Checkpoint: c.view.published}) {
		by, err := cosigned(kept.Checkpoint, cosigners)
		if err != nil {
			return inFile(kept.Name, err)
		}
		c.report.anchors = append(c.report.anchors, by...)
	}
	return nil
}

// addAll derives the tree over the entries first and reads them as records
// after, so that a changed byte is not taken for a record written wrongly.
func (c *check) addAll(entries [][]byte) error {
	first := c.tree.Size()
	for _, e := range entries {
		if err := c.add(e); err != nil {
			return err
		}
	}
	if err := c.read(first, entries); err != nil {
		return err
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if c.opts.Progress != nil {
		c.opts.Progress(c.tree.Size(), c.view.head.Size)
	}
	return nil
}

func (c *check) add(entry []byte) error {
	index := c.tree.Size()
	done := c.tree.Add(LeafHash(entry))
	c.bundle = AppendEntry(c.bundle, entry)
	for _, t := range done {
		if err := c.full(t); err != nil {
			return err
		}
	}
	if len(done) > 0 {
		if err := c.fullBundle(index); err != nil {
			return err
		}
	}
	return c.passMilestones()
}

// read parses entries, as many at a time as there are processors, and follows
// their story in order.
func (c *check) read(first uint64, entries [][]byte) error {
	if c.opts.Opaque {
		return nil
	}
	parsed := make([]*Record, len(entries))
	errs := make([]error, len(entries))
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(entries); i += workers {
				parsed[i], errs[i] = ParseRecord(entries[i])
			}
		})
	}
	wg.Wait()
	for i, r := range parsed {
		index := first + uint64(i)
		if errs[i] != nil {
			return damage(c.entryFile(index), -1, index, "not a record: %v", errs[i])
		}
		c.story.add(index, r)
	}
	return nil
}

// fullBundle compares the bundle that ends with index. One that the entries
// were just read from needs no comparison with itself.
func (c *check) fullBundle(index uint64) error {
	t := TileData{Tile{Level: EntriesLevel, N: index / TileWidth, Width: TileWidth}, c.bundle}
	c.bundle = c.bundle[:0]
	if index < c.view.start {
		return c.partials(t)
	}
	return c.full(t)
}

// entryFile is the file that an entry was read from.
func (c *check) entryFile(index uint64) string {
	for _, s := range slices.Backward(c.view.segments) {
		if index >= s.first {
			return s.path
		}
	}
	t := Tile{Level: EntriesLevel, N: index / TileWidth, Width: TileWidth}
	if index >= c.view.start {
		t.Width = int(c.view.published.Size % TileWidth)
	}
	return t.Path()
}

// passMilestones compares roots that are due at the current size.
func (c *check) passMilestones() error {
	for len(c.due) > 0 && c.due[0].size == c.tree.Size() {
		m := c.due[0]
		c.due = c.due[1:]
		if c.tree.Root() != m.root {
			return damage(m.file, m.offset, noIndex, "its root hash at %d entries is not that of the entries", m.size)
		}
		if m.published {
			if err := c.publishedEdge(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *check) finish() error {
	if err := c.edge(); err != nil {
		return err
	}
	if err := c.walk(); err != nil {
		return err
	}
	c.report.Root = c.tree.Root().String()
	c.report.complete = true
	return nil
}
