package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/writ-project/writ/auditlog"
)

// DamagedError refuses to start on a log that was changed.
type DamagedError struct {
	Dir   string
	Cause error // an *auditlog.DamageError says where
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the audit log in %s was changed since it was written: %v; "+
		"keep the directory as evidence, then restore it whole from a backup that verifies, or start a new log in another directory", e.Dir, e.Cause)
}

func (e *DamagedError) Unwrap() error { return e.Cause }

// Open locks the directory, verifies the whole log in it, removes a write that
// a crash tore, and continues the log; or it starts a new log in an empty
// directory. It returns [ErrLocked], or a [DamagedError] when any byte of the
// log is not as it was written. The context bounds the opening only.
func Open(ctx context.Context, cfg Config) (*Journal, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	signer, err := auditlog.NewSigner(cfg.Origin, cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("opening journal: %w", err)
	}
	keys, err := cfg.verifierKeys()
	if err != nil {
		return nil, err
	}
	cfg.Key = nil // from here on only the signer has it, and it does not print
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening journal: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{
		cfg: cfg, signer: signer, lock: lock, fsys: os.DirFS(cfg.Dir), outbox: newOutbox(),
		publishNow: make(chan chan<- error), stop: make(chan struct{}), written: make(chan struct{}),
	}
	if err := j.start(ctx, keys); err != nil {
		for _, s := range j.segments {
			err = errors.Join(err, s.file.Close())
		}
		return nil, errors.Join(err, lock.Close())
	}
	return j, nil
}

// start brings up a locked journal: initialise or recover, publish, run.
func (j *Journal) start(ctx context.Context, keys []string) error {
	if err := j.cleanTmp(); err != nil {
		return fmt.Errorf("opening journal: %w", err)
	}
	fresh, err := j.fresh()
	if err != nil {
		return fmt.Errorf("opening journal: %w", err)
	}
	if fresh {
		if err := j.initialise(); err != nil {
			return fmt.Errorf("starting a new audit log: %w", err)
		}
	}
	w := &writer{Journal: j, offered: noOffer}
	if !fresh {
		if err := w.resume(ctx, keys); err != nil {
			return err
		}
	} else if err := w.begin(); err != nil {
		return err
	}
	// Keys may have changed, so this also renews the published checkpoint.
	if err := j.placeNow(auditlog.KeyPath, []byte(strings.Join(keys, "\n")+"\n")); err != nil {
		return fmt.Errorf("writing verifier keys: %w", err)
	}
	return w.launch()
}

// cleanTmp removes what a crash left half-written.
func (j *Journal) cleanTmp() error {
	if err := os.RemoveAll(j.path(tmpDir)); err != nil {
		return err
	}
	return os.Mkdir(j.path(tmpDir), 0o700)
}

// fresh reports whether no log was ever started here. The first segment is
// created before the first checkpoint, so an empty one alone is a start that
// did not get further.
func (j *Journal) fresh() (bool, error) {
	for _, name := range []string{auditlog.CheckpointPath, "tile"} {
		_, err := fs.Stat(j.fsys, name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	segments, err := fs.ReadDir(j.fsys, "tail")
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(segments) == 0 {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	info, err := fs.Stat(j.fsys, auditlog.TailPath(0))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && len(segments) == 1 && info.Size() == 0, err
}

// initialise makes the first segment and the checkpoint of the empty tree.
func (j *Journal) initialise() error {
	if err := os.MkdirAll(j.path("tail"), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(j.path(auditlog.TailPath(0)), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), syncDir(j.path("tail"))); err != nil {
		return err
	}
	w := &writer{Journal: j, tree: &auditlog.Tree{}}
	head, err := w.sign()
	if err != nil {
		return err
	}
	return j.placeNow(auditlog.CheckpointPath, head.Checkpoint)
}

// launch signs the recovered head anew (the key may be a new one), publishes
// it, and starts the two goroutines.
func (w *writer) launch() error {
	head, err := w.sign()
	if err != nil {
		return err
	}
	head.At = w.cfg.Now()
	w.head.Store(&head)
	w.queue = newQueue(w.cfg.SegmentEntries, head.Size, w.cfg.Linger)
	if err := w.rotate(); err != nil { // the last segment may be full
		return err
	}
	w.offer(nil)
	w.publishing.Add(1)
	go w.publish()
	go w.run()
	return nil
}

// newSegment creates the file of the segment that starts at an index.
func (w *writer) newSegment(first uint64) (*segment, error) {
	f, err := w.cfg.openTail(w.path(auditlog.TailPath(first)))
	if err != nil {
		return nil, fmt.Errorf("starting a segment of the audit log: %w", err)
	}
	if err := syncDir(w.path("tail")); err != nil {
		return nil, errors.Join(fmt.Errorf("starting a segment of the audit log: %w", err), f.Close())
	}
	s := &segment{first: first, file: f}
	w.segmentsMu.Lock()
	defer w.segmentsMu.Unlock()
	w.segments = append(w.segments, s)
	return s, nil
}
