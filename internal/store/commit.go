package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
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
	Op   manifest.Op // create, update or delete
	Kind manifest.Kind
	Name string
	Spec []byte // canonical JSON; empty for a deletion
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
		case manifest.Create, manifest.Update:
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
	err = db.read.QueryRowContext(ctx, `SELECT revision FROM control_ops WHERE record_shard = $1 AND record_index = $2`,
		ref.Shard, int64(ref.Index)).Scan(&revision)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("looking up record %v: %w", ref, err)
	}
	return revision, true, nil
}

// writer applies the changes of one commit.
type writer struct {
	record   Ref
	revision int64
	at       int64

	create, change, floor, raise *sql.Stmt
}

func newWriter(ctx context.Context, tx *sql.Tx, record Ref, revision, at int64) (*writer, error) {
	w := &writer{record: record, revision: revision, at: at}
	for _, s := range []struct {
		into **sql.Stmt
		text string
	}{
		// A tombstone may be created over; what lives may not.
		{&w.create, `INSERT INTO resources (kind, name, spec, digest, op, revision, record_shard, record_index, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (kind, name) DO UPDATE SET spec = excluded.spec, digest = excluded.digest, op = excluded.op,
				revision = excluded.revision, record_shard = excluded.record_shard,
				record_index = excluded.record_index, updated_at = excluded.updated_at
			WHERE resources.op = 'delete' AND resources.revision < excluded.revision`},
		{&w.change, `UPDATE resources SET spec = $3, digest = $4, op = $5, revision = $6, record_shard = $7, record_index = $8, updated_at = $9
			WHERE kind = $1 AND name = $2 AND op <> 'delete' AND revision < $6`},
		{&w.floor, `SELECT floor FROM epochs WHERE identity = $1`},
		{&w.raise, raiseFloor},
	} {
		stmt, err := tx.PrepareContext(ctx, s.text)
		if err != nil {
			w.close()
			return nil, fmt.Errorf("preparing: %w", err)
		}
		*s.into = stmt
	}
	return w, nil
}

// close releases the statements; the transaction's end would do so too.
func (w *writer) close() {
	for _, s := range []*sql.Stmt{w.create, w.change, w.floor, w.raise} {
		if s != nil {
			_ = s.Close()
		}
	}
}

func (w *writer) apply(ctx context.Context, c Change) error {
	stmt := w.change
	switch {
	case c.Op == manifest.Create && len(c.Spec) > 0:
		stmt = w.create
	case c.Op == manifest.Update && len(c.Spec) > 0:
	case c.Op == manifest.Delete && len(c.Spec) == 0:
	default:
		return fmt.Errorf("a change of %d bytes is not one the store makes", len(c.Spec))
	}
	if c.Kind == manifest.Identity {
		if err := w.keepEpoch(ctx, c); err != nil {
			return err
		}
	}
	digest := c.Digest()
	res, err := stmt.ExecContext(ctx, string(c.Kind), c.Name, string(c.Spec), digest[:], string(c.Op), w.revision, w.record.Shard, int64(w.record.Index), w.at)
	if err != nil {
		return err
	}
	return expectOne(res, ErrConflict)
}

// keepEpoch refuses an identity below its floor, and raises the floor. Deleting
// an identity raises it by one more, so that sessions of its first life are
// no good in a second.
func (w *writer) keepEpoch(ctx context.Context, c Change) error {
	var floor int64
	err := w.floor.QueryRowContext(ctx, c.Name).Scan(&floor)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	next := floor + 1
	if c.Op != manifest.Delete {
		var spec struct {
			Epoch uint32 `json:"epoch"`
		}
		if err := json.Unmarshal(c.Spec, &spec); err != nil {
			return fmt.Errorf("reading the epoch: %w", err)
		}
		if next = int64(spec.Epoch); next < floor {
			return fmt.Errorf("%w: %d is below %d", ErrEpoch, next, floor)
		}
	}
	_, err = w.raise.ExecContext(ctx, c.Name, next)
	return err
}
