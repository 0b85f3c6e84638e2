package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/manifest"
)

// Event is one committed change, as the outbox keeps it.
type Event struct {
	Revision int64
	Position int // within the commit, from 0, by kind and name
	Op       manifest.Op
	Kind     manifest.Kind
	Name     string
	Digest   [sha256.Size]byte
	Record   Ref
	At       time.Time
}

// History returns the changes committed after a revision, oldest first, at
// most limit of them. A commit may be cut short by the limit: read on from
// the revision before the last one seen to have it whole.
func (db *DB) History(ctx context.Context, since int64, limit int) ([]Event, error) {
	return db.history(ctx, eventsOf+`WHERE revision > $1 ORDER BY revision, position LIMIT $2`, since, limit)
}

const eventsOf = `SELECT revision, position, op, kind, name, digest, record_shard, record_index, at FROM changes `

// history reads events with a statement that begins with eventsOf.
func (db *DB) history(ctx context.Context, statement string, args ...any) (events []Event, err error) {
	found, err := db.read.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("reading history: %w", err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var e Event
		var digest []byte
		var index, at int64
		if err := found.Scan(&e.Revision, &e.Position, &e.Op, &e.Kind, &e.Name, &digest, &e.Record.Shard, &index, &at); err != nil {
			return nil, fmt.Errorf("reading history: %w", err)
		}
		copy(e.Digest[:], digest)
		e.Record.Index, e.At = uint64(index), when(at)
		events = append(events, e)
	}
	return events, found.Err()
}
