package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/writ-project/writ/internal/manifest"
)

// living picks the rows that are no tombstones.
const living = `op NOT IN ('delete', 'close')`

// writer applies the changes of one commit.
type writer struct {
	tx       *sql.Tx
	record   Ref
	revision int64
	at       int64

	create, change, floor, raise *sql.Stmt
}

func newWriter(ctx context.Context, tx *sql.Tx, record Ref, revision, at int64) (*writer, error) {
	w := &writer{tx: tx, record: record, revision: revision, at: at}
	for _, s := range []struct {
		into **sql.Stmt
		text string
	}{
		// A tombstone may be created over; what lives may not.
		{&w.create, `INSERT INTO resources (kind, name, spec, digest, op, revision, record_shard, record_index, updated_at, subject, parent, state, due)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
			ON CONFLICT (kind, name) DO UPDATE SET spec = excluded.spec, digest = excluded.digest, op = excluded.op,
				revision = excluded.revision, record_shard = excluded.record_shard,
				record_index = excluded.record_index, updated_at = excluded.updated_at,
				subject = excluded.subject, parent = excluded.parent, state = excluded.state, due = excluded.due
			WHERE resources.op IN ('delete', 'close') AND resources.revision < excluded.revision`},
		{&w.change, `UPDATE resources SET spec = $3, digest = $4, op = $5, revision = $6, record_shard = $7, record_index = $8, updated_at = $9,
				subject = $10, parent = $11, state = $12, due = $13
			WHERE kind = $1 AND name = $2 AND ` + living + ` AND revision < $6`},
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
	case c.Op == manifest.Close && len(c.Spec) > 0:
	default:
		return fmt.Errorf("a change of %d bytes is not one the store makes", len(c.Spec))
	}
	if c.Kind == manifest.Identity {
		if err := w.keepEpoch(ctx, c); err != nil {
			return err
		}
	}
	keys, err := keysOf(c)
	if err != nil {
		return err
	}
	spec := c.Spec
	if c.Op == manifest.Close {
		if err := w.archive(ctx, c, keys); err != nil {
			return err
		}
		spec, keys = nil, manifest.Keys{}
	}
	digest := c.Digest()
	res, err := stmt.ExecContext(ctx, string(c.Kind), c.Name, string(spec), digest[:], string(c.Op), w.revision, w.record.Shard, int64(w.record.Index), w.at,
		keys.Subject, keys.Parent, keys.State, micros(keys.Due))
	if err != nil {
		return err
	}
	return expectOne(res, ErrConflict)
}

// keysOf reads what a change's resource is to be found by.
func keysOf(c Change) (manifest.Keys, error) {
	if len(c.Spec) == 0 || !c.Kind.Found() {
		return manifest.Keys{}, nil
	}
	r, err := manifest.Decode(c.Kind, c.Name, c.Spec)
	return r.Keys(), err
}

// archive keeps the last state of what is closed.
func (w *writer) archive(ctx context.Context, c Change, keys manifest.Keys) error {
	digest := c.Digest()
	_, err := w.tx.ExecContext(ctx, `INSERT INTO archive (kind, name, revision, spec, digest, subject, parent, state, record_shard, record_index, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		string(c.Kind), c.Name, w.revision, string(c.Spec), digest[:], keys.Subject, keys.Parent, keys.State, w.record.Shard, int64(w.record.Index), w.at)
	return err
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
	if !c.Op.Ends() {
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
