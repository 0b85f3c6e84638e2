package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/writ-project/writ/auditlog"
)

// copyAttempts is how often a copy is begun anew when the writer publishes, or
// retires a segment, while the directory is being read.
const copyAttempts = 20

// file is a file of a log, by its path in the directory.
type file struct {
	name string
	data []byte
}

// Copy calls put for every file of the log in a directory as it was at one
// moment, also while a server writes to it, and returns the newest signed
// checkpoint among them. It takes no lock. Put into an empty directory, the files
// are a log that can be verified and continued. fixed, which may be nil, is called
// once the moment has been chosen: what is appended from then on is not in the copy.
func Copy(dir string, fixed func(), put func(name string, data []byte) error) (checkpoint []byte, err error) {
	fsys := os.DirFS(dir)
	var loose []file
	var published auditlog.Checkpoint
	for range copyAttempts {
		if published, checkpoint, loose, err = loosePart(fsys); err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("copying the audit log in %s: %w", dir, err)
	}
	if fixed != nil {
		fixed()
	}
	for _, f := range loose {
		if err := put(f.name, f.data); err != nil {
			return nil, err
		}
	}
	return checkpoint, eachTile(published.Size, true, func(t auditlog.Tile) error {
		data, err := fs.ReadFile(fsys, t.Path())
		if err != nil {
			return fmt.Errorf("copying the audit log: %w", err)
		}
		return put(t.Path(), data)
	})
}

// Copy is Copy of a log that this process writes.
func (j *Journal) Copy(fixed func(), put func(name string, data []byte) error) (checkpoint []byte, err error) {
	return Copy(j.cfg.Dir, fixed, put)
}

// loosePart reads what a running server replaces or removes, so that it fits
// together: the published checkpoint, the tiles at its edge, and the tail. What a
// checkpoint covers goes only after a newer one is there.
func loosePart(fsys fs.FS) (published auditlog.Checkpoint, newest []byte, files []file, err error) {
	read := func(name string) []byte {
		data, failed := fs.ReadFile(fsys, name)
		err = errors.Join(err, failed)
		files = append(files, file{name, data})
		return data
	}
	read(auditlog.KeyPath)
	newest = read(auditlog.CheckpointPath)
	if err != nil {
		return
	}
	view, err := auditlog.Open(fsys)
	if err != nil {
		return published, nil, nil, err
	}
	if published = view.Published(); string(published.Note) != string(newest) {
		return published, nil, nil, errors.New("it is being published")
	}
	_ = eachTile(published.Size, false, func(t auditlog.Tile) error { read(t.Path()); return nil })
	tail, head, failed := tailPart(fsys, published.Size)
	if err = errors.Join(err, failed); head != nil {
		newest = head
	}
	return published, newest, append(files, tail...), err
}

// tailPart reads the segments that end after what is published, without the end
// that is being written.
func tailPart(fsys fs.FS, published uint64) (files []file, head []byte, err error) {
	list, err := fs.ReadDir(fsys, "tail")
	if err != nil {
		return nil, nil, err
	}
	for n, entry := range list {
		first, err := strconv.ParseUint(entry.Name(), 10, 64)
		if err != nil {
			return nil, nil, err
		}
		if n == 0 && first > published {
			return nil, nil, errors.New("the tail begins after what is published")
		}
		data, err := fs.ReadFile(fsys, auditlog.TailPath(first))
		if err != nil {
			return nil, nil, err
		}
		t, err := auditlog.ParseTail(data, first)
		if err != nil {
			return nil, nil, err
		}
		if len(t.Frames) > 0 {
			head = t.Frames[len(t.Frames)-1].Checkpoint
		}
		files = append(files, file{auditlog.TailPath(first), data[:t.Whole]})
	}
	return files, head, nil
}

// eachTile visits the tiles of a tree of some entries: the full ones, or those at
// its edge. Every level is there, the bundles of entries among them.
func eachTile(size uint64, full bool, visit func(auditlog.Tile) error) error {
	for level := auditlog.EntriesLevel; ; level++ {
		nodes := size
		for range level {
			nodes /= auditlog.TileWidth
		}
		if nodes == 0 {
			return nil
		}
		if err := eachOfLevel(level, nodes, full, visit); err != nil {
			return err
		}
	}
}

func eachOfLevel(level int, nodes uint64, full bool, visit func(auditlog.Tile) error) error {
	whole, rest := nodes/auditlog.TileWidth, nodes%auditlog.TileWidth
	if !full {
		if rest == 0 {
			return nil
		}
		return visit(auditlog.Tile{Level: level, N: whole, Width: int(rest)})
	}
	for n := range whole {
		if err := visit(auditlog.Tile{Level: level, N: n, Width: auditlog.TileWidth}); err != nil {
			return err
		}
	}
	return nil
}
