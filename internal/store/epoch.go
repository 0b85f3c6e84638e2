package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
)

// raiseFloor lifts a floor and never lowers it.
const raiseFloor = `INSERT INTO epochs (identity, floor) VALUES ($1, $2)
	ON CONFLICT (identity) DO UPDATE SET floor = excluded.floor WHERE epochs.floor < excluded.floor`

// revokeAttempts bounds how often RevokeSessions starts again when others
// commit between its look and its commit.
const revokeAttempts = 16

// RevokeSessions raises an identity's epoch by one, which voids every session
// minted before. record must write the change to the audit log, durably, with
// the revision that it would make, and return where; it is called again, for a new record, when another commit came
// between, and the record before is then an orphan. It returns the new epoch
// and revision, or ErrNotFound.
func (db *DB) RevokeSessions(ctx context.Context, name string, record func(c Change, revision int64) (Ref, error)) (epoch uint32, revision int64, err error) {
	for range revokeAttempts {
		epoch, revision, err = db.revokeOnce(ctx, name, record)
		if !errors.Is(err, ErrConflict) {
			break
		}
	}
	if err != nil {
		return 0, 0, fmt.Errorf("revoking sessions of %q: %w", name, err)
	}
	return epoch, revision, nil
}

func (db *DB) revokeOnce(ctx context.Context, name string, record func(Change, int64) (Ref, error)) (uint32, int64, error) {
	expect, err := db.Revision(ctx)
	if err != nil {
		return 0, 0, err
	}
	row, err := db.Get(ctx, manifest.Identity, name)
	if err != nil {
		return 0, 0, err
	}
	r, err := row.Resource()
	if err != nil {
		return 0, 0, err
	}
	epoch := r.Spec.(*identity.Identity).Epoch + 1
	if epoch == 0 {
		return 0, 0, errors.New("the epoch cannot go higher")
	}
	spec, err := manifest.WithEpoch(r, epoch).Encode()
	if err != nil {
		return 0, 0, err
	}
	change := Change{Op: manifest.Update, Kind: manifest.Identity, Name: name, Spec: spec}
	ref, err := record(change, expect+1)
	if err != nil {
		return 0, 0, err
	}
	revision, err := db.Commit(ctx, Commit{Record: ref, Expect: expect, Changes: []Change{change}})
	return epoch, revision, err
}

// Floors returns the lowest epoch at which each identity that ever was may be
// committed; manifest.WithEpoch brings a wanted identity up to it.
func (db *DB) Floors(ctx context.Context) (floors map[string]uint32, err error) {
	found, err := db.read.QueryContext(ctx, `SELECT identity, floor FROM epochs`)
	if err != nil {
		return nil, fmt.Errorf("reading epochs: %w", err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	floors = make(map[string]uint32)
	for found.Next() {
		var name string
		var floor uint32
		if err := found.Scan(&name, &floor); err != nil {
			return nil, fmt.Errorf("reading epochs: %w", err)
		}
		floors[name] = floor
	}
	return floors, found.Err()
}

// RaiseFloors brings floors up to at least those given: after a restore, with
// the epochs that the audit log knows of (security S17). It lowers none.
func (db *DB) RaiseFloors(ctx context.Context, floors map[string]uint32) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		for name, floor := range floors {
			if _, err := tx.ExecContext(ctx, raiseFloor, name, int64(floor)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("raising epochs: %w", err)
	}
	return nil
}
