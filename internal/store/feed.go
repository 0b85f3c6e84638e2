package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// FeedEntry is a control record of one shard for the other replicas to read.
// Nothing in it is to be believed but by its signature.
type FeedEntry struct {
	Shard     string
	Position  int64  // among the shard's control records, from 0
	Record    uint64 // index in the shard's log
	Entry     []byte // the record in canonical form
	Signature []byte
}

// Publish adds entries to the feed. Adding what is there already changes
// nothing; ErrConflict when another entry is in the place.
func (db *DB) Publish(ctx context.Context, entries []FeedEntry) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		for _, e := range entries {
			if err := publishEntry(ctx, tx, e); err != nil {
				return fmt.Errorf("position %d of %s: %w", e.Position, e.Shard, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("publishing control records: %w", err)
	}
	return nil
}

func publishEntry(ctx context.Context, tx *sql.Tx, e FeedEntry) error {
	res, err := tx.ExecContext(ctx, `INSERT INTO feed (shard, position, record_index, entry, signature) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT DO NOTHING`, e.Shard, e.Position, int64(e.Record), e.Entry, e.Signature)
	if err != nil {
		return err
	}
	if expectOne(res, ErrConflict) == nil {
		return nil
	}
	var there []byte
	if err := tx.QueryRowContext(ctx, `SELECT entry FROM feed WHERE shard = $1 AND position = $2`, e.Shard, e.Position).Scan(&there); err != nil {
		return err
	}
	if !bytes.Equal(there, e.Entry) {
		return ErrConflict
	}
	return nil
}

// FeedEntry returns a shard's entry for a record of its log; ErrNotFound when
// it has none.
func (db *DB) FeedEntry(ctx context.Context, ref Ref) (FeedEntry, error) {
	e := FeedEntry{Shard: ref.Shard, Record: ref.Index}
	err := db.read.QueryRowContext(ctx, `SELECT position, entry, signature FROM feed WHERE shard = $1 AND record_index = $2`,
		ref.Shard, int64(ref.Index)).Scan(&e.Position, &e.Entry, &e.Signature)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return FeedEntry{}, fmt.Errorf("reading record %v in the feed: %w", ref, err)
	}
	return e, nil
}

// Feed calls visit for a shard's entries from a position on, in order.
func (v *View) Feed(ctx context.Context, shard string, from int64, visit func(FeedEntry) error) (err error) {
	found, err := v.tx.QueryContext(ctx, `SELECT position, record_index, entry, signature FROM feed
		WHERE shard = $1 AND position >= $2 ORDER BY position`, shard, from)
	if err != nil {
		return fmt.Errorf("reading the feed of %s: %w", shard, err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		e := FeedEntry{Shard: shard}
		var index int64
		if err := found.Scan(&e.Position, &index, &e.Entry, &e.Signature); err != nil {
			return fmt.Errorf("reading the feed of %s: %w", shard, err)
		}
		e.Record = uint64(index)
		if err := visit(e); err != nil {
			return err
		}
	}
	return found.Err()
}

// View is one state of the database, however long its reading takes.
type View struct {
	db       *DB
	tx       reading
	Revision int64
}

// View runs f over one state of the database. What f reads after a commit of
// this process is from before it.
func (db *DB) View(ctx context.Context, f func(*View) error) error {
	return db.view(ctx, func(tx reading) error {
		revision, err := head(ctx, tx)
		if err != nil {
			return fmt.Errorf("reading the revision: %w", err)
		}
		return f(&View{db, tx, revision})
	})
}

// Load is DB.Load of this state.
func (v *View) Load(ctx context.Context, since int64) ([]Row, error) {
	rows, _, err := v.db.load(ctx, v.tx, since)
	if err != nil {
		return nil, fmt.Errorf("loading changes since %d: %w", since, err)
	}
	return rows, nil
}

// Committed is DB.Committed of this state.
func (v *View) Committed(ctx context.Context, ref Ref) (revision int64, ok bool, err error) {
	return committed(ctx, v.tx.Tx, ref)
}
