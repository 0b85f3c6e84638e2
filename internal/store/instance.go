package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Fact names a fact about this installation that is set once and for good.
type Fact string

// The facts.
const (
	InstanceID Fact = "instance_id" // random, names the installation in records
	LogOrigin  Fact = "log_origin"  // the origin line of the audit log
	// LogStarted is set once the log exists that vouches for this store: a
	// process without that log must not begin another.
	LogStarted Fact = "log_started"
	// BootstrapEnded is set by the second operator: from then on apply opens
	// requests where it changed grants before (security S17).
	BootstrapEnded Fact = "bootstrap_ended"
)

// Fact returns a fact's value; ErrNotFound when it has not been set.
func (db *DB) Fact(ctx context.Context, f Fact) (value string, err error) {
	err = db.read.QueryRowContext(ctx, `SELECT value FROM instance WHERE name = $1`, string(f)).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", f, err)
	}
	return value, nil
}

// SetFact sets a fact unless it has been set, and returns the value that
// stands. Processes that start at once so agree on one.
func (db *DB) SetFact(ctx context.Context, f Fact, value string) (string, error) {
	err := db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO instance (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, string(f), value)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("setting %s: %w", f, err)
	}
	return db.Fact(ctx, f)
}

// writeOne runs a statement that must touch a row; otherwise is the error when
// it does not.
func (db *DB) writeOne(ctx context.Context, otherwise error, query string, args ...any) error {
	return db.update(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		return expectOne(res, otherwise)
	})
}
