package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Crossing says that what an account has settled and reserved came to a percent of
// its limit, or that it froze. There is one for each account and percent.
type Crossing struct {
	Seq                      int64 // the cursor: rises in commit order
	Account                  string
	Budget, Key, Unit        string
	Percent                  int       // 0: it froze
	Why                      string    // it froze
	Settled, Reserved, Limit int64     // as they were then
	End                      time.Time // of the window; zero: none
	At                       time.Time
}

// cross notes which percents an account has come to. One that refuses a call of
// ordinary size has come to all of its limit.
func (l *lessor) cross(t *lot, s *standing) {
	used := s.settled + s.reserved
	if t.denied {
		call := t.ask.Need + s.slice - s.sliceReserved // what one call needs, at most
		if call <= s.limit/10 && used > s.limit-call {
			used = s.limit
		}
	}
	for _, percent := range t.account.Notify {
		if s.limit > 0 && int64(percent) > s.crossed && used >= share(s.limit, percent) {
			s.crossed = int64(percent)
			a := t.account
			l.crossings = append(l.crossings, Crossing{Account: a.ID, Budget: a.Budget, Key: a.Key, Unit: a.Unit, Percent: percent,
				Settled: s.settled, Reserved: s.reserved, Limit: s.limit, End: a.End})
		}
	}
}

// share is a percentage of a limit, rounded up.
func share(limit int64, percent int) int64 {
	p := int64(percent)
	return limit/100*p + (limit%100*p+99)/100
}

// tell writes the crossings, in the order of commits: whoever reads up to one has
// read all before it.
func (l *lessor) tell(ctx context.Context) error {
	for _, c := range l.crossings {
		var seq int64
		err := l.tx.QueryRowContext(ctx, `INSERT INTO budget_sequence (one, last) VALUES (1, 1)
			ON CONFLICT (one) DO UPDATE SET last = budget_sequence.last + 1 RETURNING last`).Scan(&seq)
		if err != nil {
			return fmt.Errorf("numbering a crossing: %w", err)
		}
		_, err = l.tx.ExecContext(ctx, `INSERT INTO budget_crossings (seq, account, percent, budget, key, unit, why, settled, reserved, lim, ends, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
			seq, c.Account, int64(c.Percent), c.Budget, c.Key, c.Unit, c.Why, c.Settled, c.Reserved, c.Limit, micros(c.End), l.at)
		if err != nil {
			return fmt.Errorf("noting a crossing: %w", err)
		}
	}
	return nil
}

// CrossingsAfter returns crossings with a higher Seq, in order.
func (db *DB) CrossingsAfter(ctx context.Context, cursor int64, limit int) (out []Crossing, err error) {
	rows, err := db.read.QueryContext(ctx, `SELECT seq, account, percent, budget, key, unit, why, settled, reserved, lim, ends, at
		FROM budget_crossings WHERE seq > $1 ORDER BY seq LIMIT $2`, cursor, limit)
	if err != nil {
		return nil, fmt.Errorf("reading crossings: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c Crossing
		var ends, at int64
		if err := rows.Scan(&c.Seq, &c.Account, &c.Percent, &c.Budget, &c.Key, &c.Unit, &c.Why, &c.Settled, &c.Reserved, &c.Limit, &ends, &at); err != nil {
			return nil, fmt.Errorf("reading crossings: %w", err)
		}
		c.End, c.At = when(ends), when(at)
		out = append(out, c)
	}
	return out, rows.Err()
}
