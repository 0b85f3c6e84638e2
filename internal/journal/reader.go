package journal

import (
	"fmt"
	"os"

	"github.com/writ-project/writ/auditlog"
)

// Reader is read-only access to a log as it was at one moment, also while a
// server writes to it. Entry, Scan and the hashes for proofs are the View's.
type Reader struct {
	*auditlog.View
}

// OpenReader takes a view of the log in a directory, trusting the directory's
// own keys. It takes no lock and writes nothing.
func OpenReader(dir string) (*Reader, error) {
	v, err := auditlog.Open(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("opening the audit log in %s: %w", dir, err)
	}
	return &Reader{View: v}, nil
}

// Head returns the newest durable state in the view. At is not known.
func (r *Reader) Head() Head {
	c := r.View.Head()
	return Head{Size: c.Size, Root: c.Root, Checkpoint: c.Note}
}
