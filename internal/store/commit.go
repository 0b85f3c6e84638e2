package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"

	"github.com/writ-project/writ/internal/manifest"
)

// Ref names a record of the audit log: the one that authorised a change.
type Ref struct {
	Shard string // the log's shard; the same for all records of one machine
	Index uint64 // the record's index in that shard
}

func (r Ref) String() string { return fmt.Sprintf("%s/%d", r.Shard, r.Index) }

// Change is one change to one resource, as the log records it.
type Change struct {
	Op   manifest.Op // create, update, delete or close
	Kind manifest.Kind
	Name string
	Spec []byte // canonical JSON; empty for a deletion, the last state for a close
}

// Digest pins the change as the log names it; see manifest.DigestOf.
func (c Change) Digest() [sha256.Size]byte { return manifest.DigestOf(c.Kind, c.Name, c.Spec) }

// Changes turns a plan into what is to be recorded and committed; steps that
// change nothing are left out.
func Changes(plan []manifest.Change) ([]Change, error) {
	var out []Change
	for _, p := range plan {
		c := Change{Op: p.Op, Kind: p.Resource.Kind, Name: p.Resource.Name}
		switch p.Op {
		case manifest.Unchanged:
			continue
		case manifest.Create, manifest.Update, manifest.Close:
			var err error
			if c.Spec, err = p.Resource.Encode(); err != nil {
				return nil, err
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// Commit is a set of changes that happen together or not at all.
type Commit struct {
	// Record is the log record that names these changes; it must be durable
	// before the commit (security S27), and serves one commit only.
	Record Ref
	// Expect is the revision the changes were computed from; the commit
	// conflicts when the store has moved on.
	Expect int64
	// Changes, at least one; no resource twice.
	Changes []Change
}

// Commit makes the changes durable and returns the new revision. It fails with
// ErrConflict when the revision moved, or a resource to create is there, or
// one to update or delete is not; with ErrEpoch when an identity's epoch would
// go down; with ErrRecordUsed when the record has been committed already.
// After an error of another sort the outcome may be unknown: Committed tells.
func (db *DB) Commit(ctx context.Context, c Commit) (int64, error) {
	if len(c.Changes) == 0 {
		return 0, errors.New("committing: there are no changes")
	}
	next := c.Expect + 1
	err := db.update(ctx, func(tx *sql.Tx) error {
		if err := advance(ctx, tx, c.Expect, next); err != nil {
			return err
		}
		if err := useRecord(ctx, tx, c.Record, next); err != nil {
			return err
		}
		w, err := newWriter(ctx, tx, c.Record, next, db.stamp())
		if err != nil {
			return err
		}
		defer w.close()
		for _, change := range c.Changes {
			if err := w.apply(ctx, change); err != nil {
				return fmt.Errorf("%s %s/%s: %w", change.Op, change.Kind, change.Name, err)
			}
		}
		if err := publish(ctx, tx, next); err != nil {
			return err
		}
		return db.dialect.notify(ctx, tx)
	})
	if err != nil {
		return 0, fmt.Errorf("committing %v: %w", c.Record, err)
	}
	db.watch.signal()
	return next, nil
}

// advance moves the head. Its row is the lock that orders commits: whoever
// comes second waits for the first, and then finds the head moved.
func advance(ctx context.Context, tx *sql.Tx, from, to int64) error {
	res, err := tx.ExecContext(ctx, `UPDATE head SET revision = $1 WHERE one = 1 AND revision = $2`, to, from)
	if err != nil {
		return err
	}
	return expectOne(res, ErrConflict)
}

func useRecord(ctx context.Context, tx *sql.Tx, ref Ref, revision int64) error {
	res, err := tx.ExecContext(ctx, `INSERT INTO control_ops (record_shard, record_index, revision) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING`, ref.Shard, int64(ref.Index), revision)
	if err != nil {
		return err
	}
	return expectOne(res, ErrRecordUsed)
}

// publish puts a commit's changes into the outbox: what it touched has its revision.
func publish(ctx context.Context, tx *sql.Tx, revision int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO changes (revision, position, kind, name, op, digest, record_shard, record_index, at)
		SELECT revision, ROW_NUMBER() OVER (ORDER BY kind, name) - 1, kind, name, op, digest, record_shard, record_index, updated_at
		FROM resources WHERE revision = $1`, revision)
	return err
}

// expectOne returns otherwise when a statement touched no row.
func expectOne(res sql.Result, otherwise error) error {
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = otherwise
	}
	return err
}

// Committed says which revision a log record led to. A control record for
// which ok is false was never committed: an orphan, to be recorded as such.
func (db *DB) Committed(ctx context.Context, ref Ref) (revision int64, ok bool, err error) {
	return committed(ctx, db.read, ref)
}

// Ascertain is Committed for whoever lost the connection in the middle of a
// commit: it waits until no commit is under way.
func (db *DB) Ascertain(ctx context.Context, ref Ref) (revision int64, ok bool, err error) {
	err = db.update(ctx, func(tx *sql.Tx) error {
		// A commit that may still be made holds this row.
		if _, err := tx.ExecContext(ctx, `UPDATE head SET revision = revision WHERE one = 1`); err != nil {
			return err
		}
		revision, ok, err = committed(ctx, tx, ref)
		return err
	})
	return revision, ok, err
}

func committed(ctx context.Context, q querier, ref Ref) (revision int64, ok bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT revision FROM control_ops WHERE record_shard = $1 AND record_index = $2`,
		ref.Shard, int64(ref.Index)).Scan(&revision)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("looking up record %v: %w", ref, err)
	}
	return revision, true, nil
}
