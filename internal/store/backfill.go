package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/writ-project/writ/internal/manifest"
)

// keysSince is the migration that gave resources the columns of manifest.Keys.
const keysSince = 3

// backfillPart is how many rows are read before they are written.
const backfillPart = 500

// backfillKeys fills in the keys of resources that an older release wrote.
func backfillKeys(ctx context.Context, tx *sql.Tx) error {
	for _, kind := range manifest.Kinds {
		if !kind.Found() {
			continue
		}
		for after, more := "", true; more; {
			part, err := rowsAfter(ctx, tx, kind, after)
			if err != nil {
				return err
			}
			if err := writeKeys(ctx, tx, part); err != nil {
				return err
			}
			if more = len(part) == backfillPart; more {
				after = part[len(part)-1].Name
			}
		}
	}
	return nil
}

func rowsAfter(ctx context.Context, tx *sql.Tx, kind manifest.Kind, after string) ([]Row, error) {
	found, err := tx.QueryContext(ctx, `SELECT `+rowColumns+` FROM resources
		WHERE kind = $1 AND name > $2 AND op <> 'delete' ORDER BY name LIMIT $3`, string(kind), after, backfillPart)
	if err != nil {
		return nil, err
	}
	return scanRows(found)
}

func writeKeys(ctx context.Context, tx *sql.Tx, rows []Row) error {
	for _, r := range rows {
		keys, err := keysOf(r.Change)
		if err != nil {
			continue // it cannot be loaded either, and the loader says so
		}
		_, err = tx.ExecContext(ctx, `UPDATE resources SET subject = $3, parent = $4, state = $5, due = $6 WHERE kind = $1 AND name = $2`,
			string(r.Kind), r.Name, keys.Subject, keys.Parent, keys.State, micros(keys.Due))
		if err != nil {
			return fmt.Errorf("%s/%s: %w", r.Kind, r.Name, err)
		}
	}
	return nil
}
