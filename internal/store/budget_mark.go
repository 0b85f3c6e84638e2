package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrFenced: another process has taken over the accounts of the shard, or a later
// call of the same process was there first.
var ErrFenced = errors.New("another process settles the accounts of this shard")

// Mark says up to where in a shard's log its accounts are settled: not the calls
// whose intents are at Head or after it, and not those in Open.
type Mark struct {
	Head  uint64   // size of the log
	First uint64   // no call in Open has an intent before it
	Open  []string // ids of calls
}

// Claimed is a mark as a process finds it when it takes a shard over.
type Claimed struct {
	Mark
	Turn int64 // of the process before: the next one is higher
	Seq  int64 // of the last report that was applied
}

// ClaimMark makes the process named by boot the only one that may settle a
// shard's accounts, and returns how far the one before has come: the zero Mark
// when there was none.
func (db *DB) ClaimMark(ctx context.Context, shard, boot string) (c Claimed, err error) {
	err = db.update(ctx, func(tx *sql.Tx) error {
		var head, first int64
		var calls string
		err := tx.QueryRowContext(ctx, `INSERT INTO budget_marks (shard, boot, turn, seq, head, first, calls, at)
			VALUES ($1, $2, 0, 0, 0, 0, '[]', $3) ON CONFLICT (shard) DO UPDATE SET boot = excluded.boot
			RETURNING turn, seq, head, first, calls`, shard, boot, db.stamp()).Scan(&c.Turn, &c.Seq, &head, &first, &calls)
		if err != nil {
			return err
		}
		c.Head, c.First = uint64(head), uint64(first)
		return json.Unmarshal([]byte(calls), &c.Open)
	})
	if err != nil {
		return Claimed{}, fmt.Errorf("taking over the accounts of shard %q: %w", shard, err)
	}
	return c, nil
}

// takeTurn lets one call of Lease in, and moves the mark. fresh is false when the
// report was applied before.
func (l *lessor) takeTurn(ctx context.Context, r *LeaseReport) (fresh bool, err error) {
	var seq int64
	err = l.tx.QueryRowContext(ctx, `UPDATE budget_marks SET turn = $3 WHERE shard = $1 AND boot = $2 AND turn < $3 RETURNING seq`,
		r.Shard, r.Boot, r.Turn).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return false, ErrFenced
	}
	if err != nil || seq >= r.Seq {
		return false, err
	}
	calls, err := json.Marshal(append([]string{}, r.Mark.Open...))
	if err != nil {
		return false, err
	}
	_, err = l.tx.ExecContext(ctx, `UPDATE budget_marks SET seq = $2, head = $3, first = $4, calls = $5, at = $6 WHERE shard = $1`,
		r.Shard, r.Seq, int64(r.Mark.Head), int64(r.Mark.First), string(calls), l.at)
	return true, err
}
