package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// How long what was spent is known.
const (
	AccountRetention = 40 * 24 * time.Hour  // of accounts, after their window
	SpendRetention   = 400 * 24 * time.Hour // of sums of spend
)

// BudgetAccount is an account of a budget as the store has it.
type BudgetAccount struct {
	ID, Budget, Key, Unit, Window string
	Start, End                    time.Time // of the window, the end exclusive; zero: it has none
	Limit                         int64     // as of the newest book that asked; -1: not known
	Settled                       int64
	Reserved                      int64  // by open calls, as each replica last said
	Out                           int64  // leased to replicas, Reserved included: Limit-Settled-Out is what nobody has
	Frozen                        string // why; empty: it is not frozen
	FrozenAt                      time.Time
	Updated                       time.Time
}

// BudgetFilter picks accounts; what is zero picks any.
type BudgetFilter struct {
	Budget, Key string
	At          time.Time // those whose window it is in, and those without a window
	Frozen      bool      // frozen ones
	After       string    // id of the last one of the page before
	Limit       int       // 0: 1000
}

// BudgetAccounts lists accounts by id.
func (db *DB) BudgetAccounts(ctx context.Context, f BudgetFilter) (out []BudgetAccount, err error) {
	if f.Limit == 0 {
		f.Limit = 1000
	}
	frozen := 0
	if f.Frozen {
		frozen = 1
	}
	rows, err := db.read.QueryContext(ctx, `SELECT a.id, a.budget, a.key, a.unit, a.span, a.starts, a.ends, a.lim, a.settled, a.reserved, a.leased, a.updated,
			COALESCE(f.why, ''), COALESCE(f.at, 0)
		FROM budget_accounts a LEFT JOIN budget_freezes f ON f.budget = a.budget AND f.key = a.key AND f.unit = a.unit
		WHERE a.id > $1 AND ($2 = '' OR a.budget = $2) AND ($3 = '' OR a.key = $3)
			AND (CAST($4 AS BIGINT) = 0 OR (a.starts <= $4 AND (a.ends = 0 OR a.ends > $4)))
			AND (CAST($5 AS BIGINT) = 0 OR f.why IS NOT NULL)
		ORDER BY a.id LIMIT $6`, f.After, f.Budget, f.Key, micros(f.At), frozen, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("listing the accounts of budgets: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a BudgetAccount
		var starts, ends, updated, at int64
		err := rows.Scan(&a.ID, &a.Budget, &a.Key, &a.Unit, &a.Window, &starts, &ends, &a.Limit, &a.Settled, &a.Reserved, &a.Out, &updated, &a.Frozen, &at)
		if err != nil {
			return nil, fmt.Errorf("listing the accounts of budgets: %w", err)
		}
		a.Start, a.End, a.Updated, a.FrozenAt = when(starts), when(ends), when(updated), when(at)
		out = append(out, a)
	}
	return out, rows.Err()
}

// Unfreeze lets calls through again that an account's limit covers, in every
// window; ErrNotFound when it is not frozen.
func (db *DB) Unfreeze(ctx context.Context, account string) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		var budget, key, unit string
		err := tx.QueryRowContext(ctx, `SELECT budget, key, unit FROM budget_accounts WHERE id = $1`, account).Scan(&budget, &key, &unit)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM budget_freezes WHERE budget = $1 AND key = $2 AND unit = $3`, budget, key, unit)
		if err != nil {
			return err
		}
		if err := expectOne(res, ErrNotFound); err != nil {
			return err
		}
		// Should it freeze again, that is to be told again.
		_, err = tx.ExecContext(ctx, `DELETE FROM budget_crossings WHERE budget = $1 AND key = $2 AND unit = $3 AND percent = 0`, budget, key, unit)
		return err
	})
	if err != nil {
		return fmt.Errorf("unfreezing an account: %w", err)
	}
	return nil
}

// ForgetMoney drops accounts, and sums of spend, that are past their retention.
// What is frozen stays so.
func (db *DB) ForgetMoney(ctx context.Context, now time.Time) error {
	before := micros(now.Add(-AccountRetention))
	err := db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM budget_slices WHERE account IN (SELECT id FROM budget_accounts WHERE ends > 0 AND ends < $1 AND updated < $1)
			AND account NOT IN (SELECT account FROM budget_freezes)`, before)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM budget_accounts WHERE updated < $1 AND (ends > 0 AND ends < $1 OR ends = 0 AND leased = 0)
			AND id NOT IN (SELECT account FROM budget_freezes)`, before)
		if err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `DELETE FROM budget_crossings WHERE at < $1`, before); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM spend WHERE day < $1`, now.Add(-SpendRetention).UTC().Format(time.DateOnly))
		return err
	})
	if err != nil {
		return fmt.Errorf("forgetting what was spent long ago: %w", err)
	}
	return nil
}
