package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// LeaseAccount names an account and says what it is, for the row that it gets.
type LeaseAccount struct {
	ID, Budget, Key, Unit, Window string
	Start, End                    time.Time // zero: none
	Limit                         int64     // negative: not known; the row keeps what it has
	Notify                        []int     // percents, rising
}

// LeaseEntry is what a replica reports of one account.
type LeaseEntry struct {
	Account  LeaseAccount
	Settled  int64  // since the report before
	Keep     int64  // what it keeps of its slice after that; the rest is given back
	Reserved int64  // of that, by open calls
	Freeze   string // why the account is to be frozen; empty: it is not
}

// LeaseReport is what a replica has done since its last report: one consistent
// cut, with the mark that belongs to it.
type LeaseReport struct {
	Shard, Boot string // who reports
	Turn        int64  // higher with every call
	Seq         int64  // higher with every report; one that comes again is not applied again
	Mark        Mark
	Entries     []LeaseEntry // at most one for each account
	Spend       []SpendRow
	Anew        bool // the replica holds no slices but those in Entries: what else it had is given back
}

// LeaseAsk asks for more of one account.
type LeaseAsk struct {
	Account LeaseAccount
	Want    int64 // to be added to the slice
	Need    int64 // less than this is of no use; 0: anything is
}

// Leased is how an account stands after a call of Lease.
type Leased struct {
	Account  string
	Slice    int64 // what the replica may spend, what it has reserved included
	Limit    int64
	Settled  int64
	Out      int64 // all slices
	Reserved int64 // of them, by open calls, as each replica last said
	Others   int   // other replicas that hold, or lately wanted, a slice
	Frozen   string
}

// Lease applies a report, unless it has been applied, and then grants what is
// asked for as far as there is room, in one transaction. It returns how every
// account of the report and of the asks stands. After an error the report may have
// been applied or not: the caller sends the same again. ErrFenced is final.
func (db *DB) Lease(ctx context.Context, r LeaseReport, asks []LeaseAsk) (out []Leased, err error) {
	err = db.update(ctx, func(tx *sql.Tx) error {
		l := &lessor{db: db, tx: tx, shard: r.Shard, at: db.stamp()}
		defer l.close()
		fresh, err := l.takeTurn(ctx, &r)
		if err != nil {
			return err
		}
		lots, err := l.lots(ctx, &r, asks, fresh)
		if err != nil {
			return err
		}
		if len(lots) >= manyLots {
			l.stmts = make(map[string]*sql.Stmt)
		}
		for _, t := range lots { // in one order for all replicas: they wait for each other, and never in a ring
			got, err := l.serve(ctx, t)
			if err != nil {
				return fmt.Errorf("account of budget %q: %w", t.account.Budget, err)
			}
			out = append(out, got)
		}
		if fresh {
			if err := addSpend(ctx, tx, r.Spend); err != nil {
				return err
			}
		}
		return l.tell(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("leasing from budgets: %w", err)
	}
	return out, nil
}

// lessor works on one call of Lease.
type lessor struct {
	db        *DB
	tx        *sql.Tx
	shard     string
	at        int64
	crossings []Crossing           // to be told of, last of all
	stmts     map[string]*sql.Stmt // nil: not worth preparing
}

// manyLots is from how many accounts on it is worth preparing statements.
const manyLots = 16

// prepared returns a statement that is prepared once; nil where that is not worth it.
func (l *lessor) prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	if l.stmts == nil || l.stmts[text] != nil {
		return l.stmts[text], nil
	}
	s, err := l.tx.PrepareContext(ctx, text)
	if err == nil {
		l.stmts[text] = s
	}
	return s, err
}

// close releases the statements; the transaction's end would do so too.
func (l *lessor) close() {
	for _, s := range l.stmts {
		_ = s.Close()
	}
}

func (l *lessor) exec(ctx context.Context, text string, args ...any) error {
	s, err := l.prepared(ctx, text)
	if err == nil && s != nil {
		_, err = s.ExecContext(ctx, args...)
	} else if err == nil {
		_, err = l.tx.ExecContext(ctx, text, args...)
	}
	return err
}

// row reads one row.
func (l *lessor) row(ctx context.Context, into []any, text string, args ...any) error {
	s, err := l.prepared(ctx, text)
	if err != nil {
		return err
	}
	if s != nil {
		return s.QueryRowContext(ctx, args...).Scan(into...)
	}
	return l.tx.QueryRowContext(ctx, text, args...).Scan(into...)
}

// lot is all that a call says of one account.
type lot struct {
	account LeaseAccount
	entry   *LeaseEntry // nil: nothing is reported
	ask     *LeaseAsk   // nil: nothing is asked for
	denied  bool        // there was no room for it
}

// lots joins the report and the asks, by account.
func (l *lessor) lots(ctx context.Context, r *LeaseReport, asks []LeaseAsk, fresh bool) ([]*lot, error) {
	byID := make(map[string]*lot)
	of := func(a LeaseAccount) *lot {
		t := byID[a.ID]
		if t == nil {
			t = &lot{account: a}
			byID[a.ID] = t
		}
		return t
	}
	for i := range r.Entries {
		if t := of(r.Entries[i].Account); fresh {
			t.entry = &r.Entries[i]
		}
	}
	for i := range asks {
		t := of(asks[i].Account)
		t.account, t.ask = asks[i].Account, &asks[i]
	}
	if r.Anew && fresh {
		held, err := l.held(ctx)
		if err != nil {
			return nil, err
		}
		for _, id := range held {
			if t := of(LeaseAccount{ID: id, Limit: -1}); t.entry == nil {
				t.entry = &LeaseEntry{}
			}
		}
	}
	all := make([]*lot, 0, len(byID))
	for _, t := range byID {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *lot) int { return strings.Compare(a.account.ID, b.account.ID) })
	return all, nil
}

// held lists the accounts of which the replica has slices.
func (l *lessor) held(ctx context.Context) (ids []string, err error) {
	rows, err := l.tx.QueryContext(ctx, `SELECT account FROM budget_slices WHERE shard = $1`, l.shard)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// standing is an account's row, and the replica's slice of it.
type standing struct {
	limit, settled, leased, reserved, crossed int64
	slice, sliceReserved                      int64
	others                                    int
	frozen                                    string
}

// serve does all that a call says of one account.
func (l *lessor) serve(ctx context.Context, t *lot) (Leased, error) {
	s, err := l.open(ctx, t)
	if err != nil {
		return Leased{}, err
	}
	was := s
	if t.entry != nil {
		s.settle(t.entry)
		if err := l.freeze(ctx, t, &s); err != nil {
			return Leased{}, err
		}
	}
	if t.ask != nil {
		if err := l.grant(ctx, t, &s); err != nil {
			return Leased{}, err
		}
	}
	l.cross(t, &s)
	if err := l.save(ctx, t, was, s); err != nil {
		return Leased{}, err
	}
	return Leased{t.account.ID, s.slice, s.limit, s.settled, s.leased, s.reserved, s.others, s.frozen}, nil
}

// open reads an account, making its row if there is none, and locks it until the
// transaction's end. What the report settles is added at once.
func (l *lessor) open(ctx context.Context, t *lot) (s standing, err error) {
	a, settled := t.account, int64(0)
	if t.entry != nil {
		settled = t.entry.Settled
	}
	err = l.row(ctx, []any{&t.account.Budget, &t.account.Key, &t.account.Unit, &s.limit, &s.settled, &s.leased, &s.reserved, &s.crossed},
		`INSERT INTO budget_accounts (id, budget, key, unit, span, starts, ends, lim, settled, leased, reserved, crossed, updated)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, $10)
			ON CONFLICT (id) DO UPDATE SET settled = budget_accounts.settled + excluded.settled, updated = excluded.updated,
				lim = CASE WHEN excluded.lim < 0 THEN budget_accounts.lim ELSE excluded.lim END,
				ends = CASE WHEN excluded.ends = 0 THEN budget_accounts.ends ELSE excluded.ends END
			RETURNING budget, key, unit, lim, settled, leased, reserved, crossed`,
		a.ID, a.Budget, a.Key, a.Unit, a.Window, micros(a.Start), micros(a.End), max(a.Limit, -1), settled, l.at)
	if err != nil {
		return s, err
	}
	err = l.row(ctx, []any{&s.slice, &s.sliceReserved, &s.others, &s.frozen},
		`SELECT CAST(COALESCE(SUM(CASE WHEN shard = $2 THEN amount ELSE 0 END), 0) AS BIGINT),
				CAST(COALESCE(SUM(CASE WHEN shard = $2 THEN reserved ELSE 0 END), 0) AS BIGINT),
				CAST(COALESCE(SUM(CASE WHEN shard = $2 THEN 0 ELSE 1 END), 0) AS BIGINT),
				COALESCE((SELECT why FROM budget_freezes WHERE budget = $3 AND key = $4 AND unit = $5), '')
			FROM budget_slices WHERE account = $1`, a.ID, l.shard, t.account.Budget, t.account.Key, t.account.Unit)
	return s, err
}

// settle takes what was settled, and what is given back, out of the slice. Of a
// slice that was taken away meanwhile nothing comes back.
func (s *standing) settle(e *LeaseEntry) {
	keep := max(0, min(s.slice-e.Settled, e.Keep))
	s.leased += keep - s.slice
	reserved := min(e.Reserved, keep)
	s.reserved += reserved - s.sliceReserved
	s.slice, s.sliceReserved = keep, reserved
}

// freeze notes that a limit lets nothing through until a human has looked.
func (l *lessor) freeze(ctx context.Context, t *lot, s *standing) error {
	a := t.account
	if t.entry.Freeze == "" || s.frozen != "" {
		return nil
	}
	s.frozen = t.entry.Freeze
	l.crossings = append(l.crossings, Crossing{Account: a.ID, Budget: a.Budget, Key: a.Key, Unit: a.Unit, Why: s.frozen,
		Settled: s.settled, Reserved: s.reserved, Limit: s.limit, End: a.End})
	_, err := l.tx.ExecContext(ctx, `INSERT INTO budget_freezes (budget, key, unit, account, why, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		a.Budget, a.Key, a.Unit, a.ID, s.frozen, l.at)
	return err
}

// streams is the unit whose slices are given back for a replica that is gone: what
// a stream holds is a place, and those that it had have ended with it.
const streams = "streams"

// grant adds to the slice what there is room for. Where others want a share, one
// replica does not get all that is left.
func (l *lessor) grant(ctx context.Context, t *lot, s *standing) error {
	if s.frozen != "" {
		return nil
	}
	if s.room() < max(t.ask.Need, 1) && t.account.Unit == streams && s.others > 0 {
		if err := l.reclaim(ctx, t.account.ID, s); err != nil {
			return err
		}
	}
	room := s.room()
	if t.denied = room < max(t.ask.Need, 1); t.denied {
		return nil
	}
	got := min(max(t.ask.Want, t.ask.Need), max(t.ask.Need, room/int64(s.others+1)))
	s.slice += got
	s.leased += got
	return nil
}

func (s *standing) room() int64 { return s.limit - s.settled - s.leased }

// reclaim takes back the places of replicas whose lease has provably ended, and of
// those that have not been heard of for days.
func (l *lessor) reclaim(ctx context.Context, account string, s *standing) error {
	now, _, err := l.db.clock(ctx, l.tx)
	if err != nil {
		return err
	}
	rows, err := l.tx.QueryContext(ctx, `DELETE FROM budget_slices WHERE account = $1 AND shard <> $2
			AND NOT EXISTS (SELECT 1 FROM replicas WHERE replicas.shard = budget_slices.shard AND left_at = 0 AND renewed + lease >= $3)
			AND (EXISTS (SELECT 1 FROM replicas WHERE replicas.shard = budget_slices.shard)
				OR NOT EXISTS (SELECT 1 FROM budget_marks WHERE budget_marks.shard = budget_slices.shard AND at >= $4))
		RETURNING amount, reserved`, account, l.shard, micros(now), micros(now.Add(-2*longGone)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var amount, reserved int64
		if err := rows.Scan(&amount, &reserved); err != nil {
			return err
		}
		s.leased, s.reserved, s.others = s.leased-amount, s.reserved-reserved, s.others-1
	}
	return rows.Err()
}

// save writes what has changed. A slice of nothing stays as long as the replica
// asks for more: the others see that it does.
func (l *lessor) save(ctx context.Context, t *lot, was, s standing) error {
	err := l.saveSlice(ctx, t, was, s)
	if err != nil || s.leased == was.leased && s.reserved == was.reserved && s.crossed == was.crossed {
		return err
	}
	return l.exec(ctx, `UPDATE budget_accounts SET leased = $2, reserved = $3, crossed = $4 WHERE id = $1`,
		t.account.ID, s.leased, s.reserved, s.crossed)
}

func (l *lessor) saveSlice(ctx context.Context, t *lot, was, s standing) error {
	switch {
	case s.slice == 0 && t.ask == nil && t.entry != nil:
		return l.exec(ctx, `DELETE FROM budget_slices WHERE account = $1 AND shard = $2`, t.account.ID, l.shard)
	case s.slice == was.slice && s.sliceReserved == was.sliceReserved && s.slice > 0:
		return nil
	case s.slice == 0 && t.ask == nil:
		return nil
	}
	return l.exec(ctx, `INSERT INTO budget_slices (account, shard, amount, reserved) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, shard) DO UPDATE SET amount = excluded.amount, reserved = excluded.reserved`,
		t.account.ID, l.shard, s.slice, s.sliceReserved)
}
