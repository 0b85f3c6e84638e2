package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/writ-project/writ/auditlog"
)

// resume verifies the log in the directory and brings the writer to where it
// ended: the tree and the open bundle from the published part, then the tail
// replayed on top.
func (w *writer) resume(ctx context.Context, keys []string) error {
	report, err := auditlog.Verify(ctx, w.fsys, auditlog.VerifyOptions{Keys: keys, Opaque: true})
	_, damaged := errors.AsType[*auditlog.DamageError](err)
	if damaged || errors.Is(err, fs.ErrNotExist) {
		return &DamagedError{Dir: w.cfg.Dir, Cause: err}
	}
	if err != nil {
		return fmt.Errorf("verifying the audit log: %w", err)
	}
	if report.Origin != w.cfg.Origin {
		return fmt.Errorf("opening journal: the log in %s is %q, not %q", w.cfg.Dir, report.Origin, w.cfg.Origin)
	}
	w.tree = report.Resume()
	w.bundled = w.tree.Size()
	if err := w.replayTail(); err != nil {
		return fmt.Errorf("recovering the audit log: %w", err)
	}
	if w.tree.Size() != report.Size {
		return fmt.Errorf("recovering the audit log: replayed %d entries of the %d verified", w.tree.Size(), report.Size)
	}
	return nil
}

func (w *writer) replayTail() error {
	files, err := fs.ReadDir(w.fsys, "tail")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(files) == 0 {
		return &DamagedError{Dir: w.cfg.Dir, Cause: errors.New("the write-ahead tail is missing")}
	}
	for _, f := range files {
		first, err := strconv.ParseUint(f.Name(), 10, 64)
		if err != nil {
			return err
		}
		if err := w.replaySegment(first); err != nil {
			return err
		}
	}
	return w.skipPublished()
}

func (w *writer) replaySegment(first uint64) error {
	name := auditlog.TailPath(first)
	data, err := fs.ReadFile(w.fsys, name)
	if err != nil {
		return err
	}
	tail, err := auditlog.ParseTail(data, first)
	if err != nil {
		return err
	}
	if tail.Torn > 0 {
		if err := w.cutTorn(name, tail); err != nil {
			return err
		}
	}
	s, err := w.newSegment(first)
	if err != nil {
		return err
	}
	w.current = s
	for i, f := range tail.Frames {
		end := tail.Whole
		if i+1 < len(tail.Frames) {
			end = tail.Frames[i+1].Offset
		}
		w.replayFrame(f, int(end-f.Offset))
	}
	return nil
}

func (w *writer) replayFrame(f auditlog.Frame, size int) {
	var encoded []byte
	for _, e := range f.Entries {
		encoded = auditlog.AppendEntry(encoded, e)
		w.hold(w.tree.Add(auditlog.LeafHash(e))...)
	}
	w.current.extend(size, encoded)
	for len(encoded) > 0 {
		encoded = encoded[w.collect(encoded):]
	}
}

// cutTorn removes a write that was cut off by a crash, and therefore never
// acknowledged.
func (w *writer) cutTorn(name string, tail auditlog.Tail) error {
	w.cfg.Logger.Warn("removing a torn write from the audit log: it was never acknowledged", "file", name, "offset", tail.Whole, "bytes", tail.Torn)
	f, err := os.OpenFile(w.path(name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	w.torn += tail.Torn
	return errors.Join(f.Truncate(tail.Whole), f.Sync(), f.Close())
}

// skipPublished forgets finished tiles that are on disk already; they were
// verified a moment ago.
func (w *writer) skipPublished() error {
	replayed := w.done
	w.done, w.held = nil, 0
	for _, t := range replayed {
		_, err := fs.Stat(w.fsys, t.Path())
		if errors.Is(err, fs.ErrNotExist) {
			w.hold(t)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// begin brings the writer to the start of a new log.
func (w *writer) begin() error {
	s, err := w.newSegment(0)
	if err != nil {
		return err
	}
	w.tree, w.current = &auditlog.Tree{}, s
	return nil
}
