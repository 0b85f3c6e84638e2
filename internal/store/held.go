package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// HeldPart is one sealed part of what a hold holds.
type HeldPart struct {
	Hold    string // the hold's name
	Part    string // which part; unique within the hold
	Sealed  []byte
	Created time.Time // required
}

// HeldCall is a tool call that waits, to find its hold by.
type HeldCall struct {
	Identity, ToolUse string
	Position          int
}

// KeepHeld stores a part, and which calls it is of; ErrConflict when the hold has
// it already: what is sealed is never changed.
func (db *DB) KeepHeld(ctx context.Context, p HeldPart, calls ...HeldCall) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO held_contents (hold, part, sealed, size, created) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
			p.Hold, p.Part, p.Sealed, int64(len(p.Sealed)), micros(p.Created))
		if err == nil {
			err = expectOne(res, ErrConflict)
		}
		for _, c := range calls {
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO held_calls (hold, position, identity, tool_use) VALUES ($1, $2, $3, $4)`,
				p.Hold, int64(c.Position), c.Identity, c.ToolUse)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping what is held: %w", err)
	}
	return nil
}

// Held returns a part; ErrNotFound when there is none.
func (db *DB) Held(ctx context.Context, hold, part string) ([]byte, error) {
	var sealed []byte
	err := db.read.QueryRowContext(ctx, `SELECT sealed FROM held_contents WHERE hold = $1 AND part = $2`, hold, part).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("reading what is held: %w", err)
	}
	return sealed, nil
}

// ForgetHeld takes every part of some holds away, and when they were collected. On
// SQLite the bytes are gone from the files when it returns; on PostgreSQL after the
// next vacuum.
func (db *DB) ForgetHeld(ctx context.Context, holds []string) error {
	if len(holds) == 0 {
		return nil
	}
	err := db.update(ctx, func(tx *sql.Tx) error {
		for _, hold := range holds {
			for _, statement := range []string{`DELETE FROM held_contents WHERE hold = $1`, `DELETE FROM held_calls WHERE hold = $1`, `DELETE FROM held_collected WHERE hold = $1`} {
				if _, err := tx.ExecContext(ctx, statement, hold); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil {
		err = db.dialect.scrub(ctx, db.write)
	}
	if err != nil {
		return fmt.Errorf("forgetting what was held: %w", err)
	}
	return nil
}

// HeldBy finds the newest hold of an identity with a call of an id, and the call's
// place; ErrNotFound when there is none.
func (db *DB) HeldBy(ctx context.Context, identity, toolUse string) (hold string, position int, err error) {
	err = db.read.QueryRowContext(ctx, `SELECT hold, position FROM held_calls WHERE identity = $1 AND tool_use = $2
		ORDER BY hold DESC, position LIMIT 1`, identity, toolUse).Scan(&hold, &position)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return "", 0, fmt.Errorf("looking for a call that is held: %w", err)
	}
	return hold, position, nil
}

// HeldAlone names holds with a part from before a time that have no living row, at
// most limit of them: what an opening left behind that came to nothing, and what a
// purge was interrupted in.
func (db *DB) HeldAlone(ctx context.Context, before time.Time, limit int) (holds []string, err error) {
	found, err := db.read.QueryContext(ctx, `SELECT DISTINCT hold FROM held_contents WHERE created < $1 AND NOT EXISTS (
			SELECT 1 FROM resources WHERE kind = 'Hold' AND name = held_contents.hold AND `+living+`) ORDER BY hold LIMIT $2`, micros(before), limit)
	if err != nil {
		return nil, fmt.Errorf("looking for what is held by nothing: %w", err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var hold string
		if err := found.Scan(&hold); err != nil {
			return nil, fmt.Errorf("looking for what is held by nothing: %w", err)
		}
		holds = append(holds, hold)
	}
	return holds, found.Err()
}

// NoteCollected notes when a hold's answer was first collected; it is no authority
// for anything.
func (db *DB) NoteCollected(ctx context.Context, hold string, at time.Time) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO held_collected (hold, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, hold, micros(at))
		return err
	})
	if err != nil {
		return fmt.Errorf("noting that a hold was collected: %w", err)
	}
	return nil
}

// Collected returns when a hold's answer was first collected; zero: not yet.
func (db *DB) Collected(ctx context.Context, hold string) (time.Time, error) {
	var at int64
	err := db.read.QueryRowContext(ctx, `SELECT at FROM held_collected WHERE hold = $1`, hold).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("reading when a hold was collected: %w", err)
	}
	return when(at), nil
}

// ChangedHolds names the holds that changed after a revision, and the revision that
// this is of.
func (db *DB) ChangedHolds(ctx context.Context, since int64) (names []string, revision int64, err error) {
	err = db.view(ctx, func(r reading) error {
		if revision, err = head(ctx, r); err != nil || revision <= since {
			return err
		}
		found, err := r.QueryContext(ctx, `SELECT name FROM resources WHERE revision > $1 AND revision <= $2 AND kind = 'Hold'`, since, revision)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var name string
			if err := found.Scan(&name); err != nil {
				return err
			}
			names = append(names, name)
		}
		return found.Err()
	})
	if err != nil {
		return nil, 0, fmt.Errorf("listing changed holds: %w", err)
	}
	return names, revision, nil
}
