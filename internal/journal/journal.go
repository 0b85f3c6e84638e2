// Package journal writes the audit log, in the format of package auditlog.
//
// It promises that an entry whose Append returned is on disk, under a tree
// head that the log has signed, and stays there through a crash of the process
// or the machine; that entries keep the order of their indexes; and that it
// never continues a log of which any byte was changed. It trusts the file
// system to have written what fsync returned for. After the first failed write
// it writes nothing more: no record, no call.
//
// Many callers share one write and one fsync: while a batch is being flushed,
// the next one gathers. There is no delay to gather more when somebody waits,
// so a single caller waits for one write, one fsync and one signature. Entries
// nobody waits for, as the outcome of a call, do linger for company: they join
// the next flush, and cause one themselves only when none comes for
// [Config.Linger]. A crash before that flush loses them, and the log says so:
// an intent without outcome. A second goroutine turns the write-ahead tail into
// the published tiles, without stalling appends.
package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/writ-project/writ/auditlog"
)

// Errors that callers distinguish. Any other error of Append means that the
// journal has stopped; [Journal.Err] keeps it.
var (
	// ErrLocked: another process has the directory open.
	ErrLocked = errors.New("the audit log is open in another process")
	// ErrReserve: the free disk is kept for authenticated intents (security S16).
	ErrReserve = errors.New("disk space is reserved for authenticated calls")
	// ErrBusy: more entries wait for the disk than memory is set aside for.
	ErrBusy = errors.New("the audit log is overloaded")
	// ErrClosed: the journal was closed.
	ErrClosed = errors.New("the audit log is closed")
)

// Head is the newest durable state of a log.
type Head struct {
	Size       uint64
	Root       auditlog.Hash
	Checkpoint []byte    // the signed note; do not change
	At         time.Time // when it became durable, or when the log was opened
}

// Journal is an open log. All methods may be called concurrently.
type Journal struct {
	cfg    Config
	signer note.Signer
	lock   *os.File
	fsys   fs.FS // of the directory
	queue  *queue
	outbox *outbox
	head   atomic.Pointer[Head]
	torn   int64

	segmentsMu sync.RWMutex
	segments   []*segment // oldest first; the last one is being written

	publishNow chan chan<- error
	stop       chan struct{} // closed by Close
	closing    sync.Once
	closeErr   error
	written    chan struct{} // closed when the writer has ended
	publishing sync.WaitGroup
}

// Append adds an entry and returns its index when it is durable: written,
// flushed, and under a signed checkpoint. An error other than the context's
// means that it is not. When the context ends first the entry may still become
// durable: the caller must treat it as absent, and the log will show it as an
// intent without outcome.
func (j *Journal) Append(ctx context.Context, entry []byte) (uint64, error) {
	leaf, err := leafHash(entry)
	if err != nil {
		return 0, err
	}
	p, err := j.queue.add(entry, leaf)
	if err != nil {
		return 0, err
	}
	return p.wait(ctx)
}

func leafHash(entry []byte) (auditlog.Hash, error) {
	if err := auditlog.CheckEntry(entry); err != nil {
		return auditlog.Hash{}, fmt.Errorf("appending to the audit log: %w", err)
	}
	return auditlog.LeafHash(entry), nil
}

// AppendSpare is Append for entries that anybody can cause without being
// authenticated. It returns [ErrReserve] when the disk is filling up.
func (j *Journal) AppendSpare(ctx context.Context, entry []byte) (uint64, error) {
	free, err := j.cfg.freeBytes(j.cfg.Dir)
	if err != nil {
		return 0, fmt.Errorf("measuring free disk: %w", err)
	}
	if free < j.cfg.Reserve {
		return 0, ErrReserve
	}
	return j.Append(ctx, entry)
}

// Enqueue adds an entry and returns at once: its index is fixed, and it will
// be durable with the next flush, which begins within [Config.Linger], or as
// soon as the one under way has ended. The entry is copied.
func (j *Journal) Enqueue(entry []byte) (*Pending, error) {
	leaf, err := leafHash(entry)
	if err != nil {
		return nil, err
	}
	return j.queue.addLater(entry, leaf)
}

// Pending is an entry on its way to the disk.
type Pending struct {
	index uint64
	flush *flush
	queue *queue
}

// Wait has the entry flushed without further delay, and returns its index once
// it is durable; see [Journal.Append].
func (p *Pending) Wait(ctx context.Context) (uint64, error) {
	p.queue.want(p.index)
	return p.wait(ctx)
}

func (p *Pending) wait(ctx context.Context) (uint64, error) {
	select {
	case <-p.flush.done:
		return p.index, p.flush.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Head returns the newest durable state.
func (j *Journal) Head() Head { return *j.head.Load() }

// Err returns why the journal takes no entries, or nil while it works: what had
// stopped it, or [ErrClosed] from the beginning of Close on.
func (j *Journal) Err() error {
	if err := j.queue.failure(); err != nil {
		return err
	}
	select {
	case <-j.stop:
		return ErrClosed
	default:
		return nil
	}
}

// Repaired returns how many bytes of a torn, never acknowledged write were
// removed from the tail when the journal was opened.
func (j *Journal) Repaired() int64 { return j.torn }

// Entry returns the durable entry with the given index.
func (j *Journal) Entry(index uint64) ([]byte, error) {
	if size := j.Head().Size; index >= size {
		return nil, fmt.Errorf("reading entry %d: the log has %d", index, size)
	}
	if b, ok, err := j.tailEntry(index); ok || err != nil {
		return b, err
	}
	entries, err := auditlog.ReadBundle(j.fsys, index/auditlog.TileWidth)
	if err != nil {
		return nil, err
	}
	return entries[index%auditlog.TileWidth], nil
}

// tailEntry reads an entry from the tail, if it is still there.
func (j *Journal) tailEntry(index uint64) ([]byte, bool, error) {
	j.segmentsMu.RLock()
	defer j.segmentsMu.RUnlock()
	for _, s := range j.segments {
		if s.holds(index) {
			b, err := s.entry(index)
			return b, true, err
		}
	}
	return nil, false, nil
}

// Scan calls fn for every entry from the given index on that is durable now,
// in order, until fn or the context returns an error.
func (j *Journal) Scan(ctx context.Context, from uint64, fn func(index uint64, entry []byte) error) error {
	size := j.Head().Size
	for from < size {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := j.run(from, size)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := fn(from, e); err != nil {
				return err
			}
			from++
		}
	}
	return nil
}

// run returns some entries from the given index on: one from the tail, or the
// rest of its bundle.
func (j *Journal) run(from, size uint64) ([][]byte, error) {
	if b, ok, err := j.tailEntry(from); ok || err != nil {
		return [][]byte{b}, err
	}
	entries, err := auditlog.ReadBundle(j.fsys, from/auditlog.TileWidth)
	if err != nil {
		return nil, err
	}
	entries = entries[from%auditlog.TileWidth:]
	return entries[:min(uint64(len(entries)), size-from)], nil
}

// Publish flushes what is queued, brings the published tiles and checkpoint up
// to the durable head, and returns when they are.
func (j *Journal) Publish() error {
	reply := make(chan error, 1)
	select {
	case j.publishNow <- reply:
		return <-reply
	case <-j.written:
		return ErrClosed
	}
}

// Close flushes what is queued, publishes, and gives the directory free. It
// returns the error that had stopped the journal, if any.
func (j *Journal) Close() error {
	j.closing.Do(func() { j.closeErr = j.close() })
	return j.closeErr
}

func (j *Journal) close() error {
	j.queue.close()
	close(j.stop)
	<-j.written
	j.publishing.Wait()
	errs := []error{j.queue.failure(), j.outbox.lastError()}
	j.segmentsMu.Lock()
	defer j.segmentsMu.Unlock()
	for _, s := range j.segments {
		errs = append(errs, s.file.Close())
	}
	return errors.Join(append(errs, j.lock.Close())...)
}

func (j *Journal) path(name string) string {
	return filepath.Join(j.cfg.Dir, filepath.FromSlash(name))
}
