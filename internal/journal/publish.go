package journal

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/writ-project/writ/auditlog"
)

// tmpDir holds files until they are complete; the rest of the directory never
// contains a half-written one.
const tmpDir = "tmp"

// publish is the goroutine that turns publications into files.
func (j *Journal) publish() {
	defer j.publishing.Done()
	for {
		p, replies, ok := j.outbox.fetch()
		if !ok {
			return
		}
		err := j.publishOne(p)
		if err != nil {
			j.cfg.Logger.Warn("publishing the audit log failed; it stays durable in its tail and is tried again", "err", err)
		}
		j.outbox.finish(p, err)
		for _, r := range replies {
			r <- err
		}
	}
}

// publishOne writes tiles first, then the checkpoint that covers them, and
// only then removes what they replace.
func (j *Journal) publishOne(p publication) error {
	dirs := dirtyDirs{}
	for _, tiles := range [][]auditlog.TileData{p.full, p.edge} {
		for _, t := range tiles {
			if err := j.place(t.Path(), t.Data, dirs); err != nil {
				return fmt.Errorf("publishing: %w", err)
			}
		}
	}
	if err := dirs.sync(j.cfg.Dir); err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	if err := j.placeNow(auditlog.CheckpointPath, p.head.Checkpoint); err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	for _, t := range p.full {
		if err := os.RemoveAll(j.path(t.Path() + ".p")); err != nil {
			return fmt.Errorf("removing partial tiles: %w", err)
		}
	}
	if err := j.retire(p.head.Size); err != nil {
		return fmt.Errorf("removing a published segment: %w", err)
	}
	return nil
}

// retire removes segments whose entries are all published in full tiles, the
// oldest first and one at a time: a gap in the tail would look like tampering.
func (j *Journal) retire(published uint64) error {
	for s := j.oldest(published); s != nil; s = j.oldest(published) {
		err := os.Remove(j.path(auditlog.TailPath(s.first)))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := syncDir(j.path("tail")); err != nil {
			return err
		}
		j.segmentsMu.Lock()
		j.segments = j.segments[1:]
		j.segmentsMu.Unlock()
		if err := s.file.Close(); err != nil {
			return err
		}
	}
	return nil
}

// oldest returns the first segment if it can go, else nil.
func (j *Journal) oldest(published uint64) *segment {
	j.segmentsMu.RLock()
	defer j.segmentsMu.RUnlock()
	if len(j.segments) > 1 && j.segments[1].first <= published {
		return j.segments[0]
	}
	return nil
}

// place writes a file in one step: no reader, and no crash, can see half of
// it. Its directory must be synced for it to stay.
func (j *Journal) place(name string, data []byte, dirs dirtyDirs) error {
	target := j.path(name)
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(j.path(tmpDir), path.Base(name)+"-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), target)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	dirs.add(name)
	return nil
}

// placeNow is place for a single file that must stay.
func (j *Journal) placeNow(name string, data []byte) error {
	dirs := dirtyDirs{}
	if err := j.place(name, data, dirs); err != nil {
		return err
	}
	return dirs.sync(j.cfg.Dir)
}

// dirtyDirs is the set of directories, relative to the log's, with new names
// in them.
type dirtyDirs map[string]bool

// add notes the directories of a file, up to the log's own: each may be new.
func (d dirtyDirs) add(name string) {
	for dir := path.Dir(name); !d[dir]; dir = path.Dir(dir) {
		d[dir] = true
	}
}

func (d dirtyDirs) sync(root string) error {
	for dir := range d {
		if err := syncDir(filepath.Join(root, filepath.FromSlash(dir))); err != nil {
			return err
		}
	}
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
