package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Errors of requests that are sent again.
var (
	// ErrKeyReused: the idempotency key came with another request before.
	ErrKeyReused = fmt.Errorf("the idempotency key belongs to another request: %w", ErrConflict)
	// ErrInWork: the first request with the key has not been answered yet.
	ErrInWork = fmt.Errorf("the request is being worked on: %w", ErrConflict)
	// ErrUsed: what may be used once has been used.
	ErrUsed = errors.New("it has been used already")
)

// Answer is what a request was answered with.
type Answer struct {
	Status int
	Body   []byte
}

// Begin reserves an operator's idempotency key for a request, or returns the
// answer that the request had before. digest is of the request. It fails with
// ErrKeyReused or ErrInWork, both of them ErrConflict.
func (db *DB) Begin(ctx context.Context, operator, key string, digest [sha256.Size]byte) (answer *Answer, err error) {
	err = db.update(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO idempotency (operator, key, digest, status, answer, at)
			VALUES ($1, $2, $3, 0, $4, $5) ON CONFLICT DO NOTHING`, operator, key, digest[:], []byte{}, db.stamp())
		if err != nil {
			return err
		}
		if fresh, err := res.RowsAffected(); err != nil || fresh > 0 {
			return err
		}
		answer, err = answered(ctx, tx, operator, key, digest)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for an earlier answer: %w", err)
	}
	return answer, nil
}

func answered(ctx context.Context, tx *sql.Tx, operator, key string, digest [sha256.Size]byte) (*Answer, error) {
	var a Answer
	var of []byte
	err := tx.QueryRowContext(ctx, `SELECT digest, status, answer FROM idempotency WHERE operator = $1 AND key = $2`, operator, key).Scan(&of, &a.Status, &a.Body)
	switch {
	case errors.Is(err, sql.ErrNoRows): // given up or forgotten this moment
		return nil, ErrInWork
	case err != nil:
		return nil, err
	case !bytes.Equal(of, digest[:]):
		return nil, ErrKeyReused
	case a.Status == 0:
		return nil, ErrInWork
	}
	return &a, nil
}

// Finish keeps the answer of a request that Begin reserved a key for. status
// is the answer's, not 0.
func (db *DB) Finish(ctx context.Context, operator, key string, status int, answer []byte) error {
	err := db.writeOne(ctx, ErrNotFound, `UPDATE idempotency SET status = $3, answer = $4 WHERE operator = $1 AND key = $2 AND status = 0`,
		operator, key, int64(status), append([]byte{}, answer...))
	if err != nil {
		return fmt.Errorf("keeping the answer: %w", err)
	}
	return nil
}

// GiveUp frees a key whose request came to nothing, so that it may be tried
// again.
func (db *DB) GiveUp(ctx context.Context, operator, key string) error {
	err := db.writeOne(ctx, ErrNotFound, `DELETE FROM idempotency WHERE operator = $1 AND key = $2 AND status = 0`, operator, key)
	if err != nil {
		return fmt.Errorf("freeing an idempotency key: %w", err)
	}
	return nil
}

// UseOnce notes that something was used that may be used once: a sign-in link,
// a state. It fails with ErrUsed when it was used before. The note is kept
// until expires, when the thing itself is no good any more.
func (db *DB) UseOnce(ctx context.Context, id string, expires time.Time) error {
	err := db.writeOne(ctx, ErrUsed, `INSERT INTO used_once (id, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, micros(expires))
	if err != nil {
		return fmt.Errorf("using once: %w", err)
	}
	return nil
}

// Used reports whether something was noted by UseOnce, and is not forgotten.
func (db *DB) Used(ctx context.Context, id string) (used bool, err error) {
	if err := db.read.QueryRowContext(ctx, `SELECT COUNT(*) > 0 FROM used_once WHERE id = $1`, id).Scan(&used); err != nil {
		return false, fmt.Errorf("looking up a use: %w", err)
	}
	return used, nil
}

// Forget drops answers that were begun, and notes of use that expired, before
// a time.
func (db *DB) Forget(ctx context.Context, before time.Time) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM idempotency WHERE at < $1`, micros(before)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM used_once WHERE expires < $1`, micros(before))
		return err
	})
	if err != nil {
		return fmt.Errorf("forgetting old answers: %w", err)
	}
	return nil
}
