package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one numbered step; the file's name begins with its number.
type migration struct {
	version int
	sql     string
}

func migrations() ([]migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var out []migration
	for _, name := range names {
		text, err := fs.ReadFile(migrationFiles, name)
		if err != nil {
			return nil, err
		}
		number := name[len("migrations/"):][:4]
		v, err := strconv.Atoi(number)
		if err != nil || v != len(out)+1 {
			return nil, fmt.Errorf("migration %s: want number %04d", name, len(out)+1)
		}
		out = append(out, migration{v, string(text)})
	}
	return out, nil
}

// Processes that open a new store at once take turns.
const (
	migrateTurns = 200
	migratePause = 25 * time.Millisecond
)

// migrateInTurn migrates to the newest schema, and again when another process was in the way:
// SQLite does not wait by itself where two switch to the write-ahead log.
func (db *DB) migrateInTurn(ctx context.Context) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	for turn := 1; ; turn++ {
		err := db.migrate(ctx, steps)
		if turn == migrateTurns || !errors.Is(err, ErrConflict) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(migratePause):
		}
	}
}

// migrate brings the tables up to date, in one transaction, under a lock that
// keeps other processes out of it.
func (db *DB) migrate(ctx context.Context, steps []migration) error {
	return db.update(ctx, func(tx *sql.Tx) error {
		if err := db.dialect.lock(ctx, tx); err != nil {
			return fmt.Errorf("locking the schema: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)`); err != nil {
			return fmt.Errorf("reading the schema's version: %w", err)
		}
		at, err := schemaVersion(ctx, tx)
		if err != nil {
			return err
		}
		if at > len(steps) {
			return fmt.Errorf("the store has schema %d and this release knows %d: use the release that wrote it, or a newer one", at, len(steps))
		}
		for _, s := range steps[at:] {
			if _, err := tx.ExecContext(ctx, s.sql); err != nil {
				return fmt.Errorf("applying migration %d: %w", s.version, err)
			}
			if s.version == keysSince {
				if err := backfillKeys(ctx, tx); err != nil {
					return fmt.Errorf("applying migration %d: %w", s.version, err)
				}
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO schema_version (version) VALUES ($1)`, s.version); err != nil {
				return fmt.Errorf("applying migration %d: %w", s.version, err)
			}
		}
		return nil
	})
}

func schemaVersion(ctx context.Context, tx *sql.Tx) (int, error) {
	var v int
	err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_version`).Scan(&v)
	if err != nil {
		return 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	return v, nil
}

// checkVersion refuses a store whose tables this release would have to change.
func (db *DB) checkVersion(ctx context.Context) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	return db.view(ctx, func(tx reading) error {
		at, err := schemaVersion(ctx, tx.Tx)
		if err == nil && at != len(steps) {
			err = fmt.Errorf("the store has schema %d and this release knows %d: start the server once to bring it up to date", at, len(steps))
		}
		return err
	})
}
