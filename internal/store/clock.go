package store

import (
	"context"
	"fmt"
	"time"
)

// Clock asks the database what time it is. own is false where the engine has
// no clock but this machine's.
func (db *DB) Clock(ctx context.Context) (now time.Time, own bool, err error) {
	return db.clock(ctx, db.read)
}

func (db *DB) clock(ctx context.Context, by querier) (now time.Time, own bool, err error) {
	if !db.Shared() {
		return time.Now(), false, nil
	}
	if err := by.QueryRowContext(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return time.Time{}, true, fmt.Errorf("asking the database's clock: %w", err)
	}
	return now, true, nil
}

// Shared reports whether several processes can serve from this store at once.
func (db *DB) Shared() bool {
	_, local := db.dialect.(sqliteDialect)
	return !local
}
