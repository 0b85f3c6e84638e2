package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrHeld: another replica tells the sink, or has taken it over.
var ErrHeld = errors.New("another replica holds the sink")

// Cursor is how far a sink has been told of the outbox: the last change.
type Cursor struct {
	Revision int64
	Position int
}

// Hold is a sink that this replica tells, for as long as it holds it.
type Hold struct {
	Sink   string
	Holder string
	Since  time.Time // when the sink was first held by anybody
	Cursor Cursor
}

// HoldSink takes a sink, or keeps it, for a time. It fails with ErrHeld while
// another holds it. A sink that is new begins at the present: what was before is
// not told. The holder counts the time on its own clock, from before it called.
func (db *DB) HoldSink(ctx context.Context, sink, holder string, lease time.Duration) (Hold, error) {
	h := Hold{Sink: sink, Holder: holder}
	now, _, err := db.Clock(ctx)
	if err == nil {
		err = db.writeOne(ctx, ErrHeld, `INSERT INTO sinks (name, since, revision, position, holder, until)
			SELECT $1, $3, revision, 1000000000, $2, $4 FROM head WHERE one = 1
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
			WHERE sinks.holder = excluded.holder OR sinks.until < $3`, sink, holder, micros(now), micros(now.Add(lease)))
	}
	if err == nil {
		var since int64
		err = db.read.QueryRowContext(ctx, `SELECT since, revision, position FROM sinks WHERE name = $1`, sink).
			Scan(&since, &h.Cursor.Revision, &h.Cursor.Position)
		h.Since = when(since)
	}
	if err != nil {
		return Hold{}, fmt.Errorf("holding sink %q: %w", sink, err)
	}
	return h, nil
}

// ReleaseSink lets others take a sink at once.
func (db *DB) ReleaseSink(ctx context.Context, sink, holder string) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE sinks SET until = 0 WHERE name = $1 AND holder = $2`, sink, holder)
		return err
	})
	if err != nil {
		return fmt.Errorf("releasing sink %q: %w", sink, err)
	}
	return nil
}

// HistoryAfter returns the changes behind a cursor, oldest first.
func (db *DB) HistoryAfter(ctx context.Context, c Cursor, limit int) ([]Event, error) {
	return db.history(ctx, eventsOf+`WHERE (revision, position) > ($1, $2) ORDER BY revision, position LIMIT $3`, c.Revision, c.Position, limit)
}

// The states of a delivery.
const (
	DeliveryWaiting   = "waiting"
	DeliveryDelivered = "delivered"
	DeliveryDead      = "dead" // given up; kept, and can be tried again
)

// Delivery is one event on its way to one sink.
type Delivery struct {
	ID       string // unique among all; the same event makes the same
	Sink     string
	Subject  string // what the event is about: its events go out in order
	Seq      int64  // set by Enqueue
	Event    []byte // JSON
	State    string
	Attempts int
	Next     time.Time // not to be tried before
	Error    string    // of the last attempt
	Created  time.Time
}

// Enqueue puts events in order behind what waits for a sink, and moves the
// sink's cursor, in one step. An event that was put there before is left as it
// is. It fails with ErrHeld when the sink has been taken over.
func (db *DB) Enqueue(ctx context.Context, h Hold, to Cursor, all []Delivery) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE sinks SET revision = $3, position = $4 WHERE name = $1 AND holder = $2`,
			h.Sink, h.Holder, to.Revision, to.Position)
		if err == nil {
			err = expectOne(res, ErrHeld)
		}
		if err != nil {
			return err
		}
		return db.enqueue(ctx, tx, h.Sink, all)
	})
	if err != nil {
		return fmt.Errorf("queueing for sink %q: %w", h.Sink, err)
	}
	return nil
}

// enqueue adds deliveries. The caller has the sink's row locked, so their
// numbers are its own.
func (db *DB) enqueue(ctx context.Context, tx *sql.Tx, sink string, all []Delivery) error {
	var seq int64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0) FROM deliveries WHERE sink = $1`, sink).Scan(&seq); err != nil {
		return err
	}
	for i := range all {
		d := &all[i]
		seq++
		_, err := tx.ExecContext(ctx, `INSERT INTO deliveries (id, sink, subject, seq, event, state, attempts, next_at, error, created)
			VALUES ($1, $2, $3, $4, $5, 'waiting', 0, 0, '', $6) ON CONFLICT (id) DO NOTHING`,
			d.ID, sink, d.Subject, seq, string(d.Event), db.stamp())
		if err != nil {
			return err
		}
	}
	return nil
}

// Post puts events behind what waits for a sink, whoever holds it; the sink must
// have been held once.
func (db *DB) Post(ctx context.Context, sink string, all []Delivery) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE sinks SET name = name WHERE name = $1`, sink)
		if err == nil {
			err = expectOne(res, ErrNotFound)
		}
		if err != nil {
			return err
		}
		return db.enqueue(ctx, tx, sink, all)
	})
	if err != nil {
		return fmt.Errorf("queueing for sink %q: %w", sink, err)
	}
	return nil
}

const deliveryColumns = `id, sink, subject, seq, event, state, attempts, next_at, error, created`

// DeliveryQuery picks deliveries, in order of their numbers; an empty Sink
// matches all.
type DeliveryQuery struct {
	Sink  string
	State string // required
	Limit int
}

// Deliveries lists what is in one state.
func (db *DB) Deliveries(ctx context.Context, q DeliveryQuery) (all []Delivery, err error) {
	found, err := db.read.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries
		WHERE ($1 = '' OR sink = $1) AND state = $2 ORDER BY sink, seq LIMIT $3`, q.Sink, q.State, q.Limit)
	if err != nil {
		return nil, fmt.Errorf("listing deliveries: %w", err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		d, err := scanDelivery(found)
		if err != nil {
			return nil, fmt.Errorf("listing deliveries: %w", err)
		}
		all = append(all, d)
	}
	return all, found.Err()
}

func scanDelivery(from *sql.Rows) (d Delivery, err error) {
	var event string
	var next, created int64
	err = from.Scan(&d.ID, &d.Sink, &d.Subject, &d.Seq, &event, &d.State, &d.Attempts, &next, &d.Error, &created)
	d.Event, d.Next, d.Created = []byte(event), when(next), when(created)
	return d, err
}

// Attempted writes down how an attempt ended: State, Attempts, Next and Error. It
// fails with ErrHeld when the sink has been taken over meanwhile, or somebody
// has settled the delivery.
func (db *DB) Attempted(ctx context.Context, h Hold, d Delivery) error {
	err := db.writeOne(ctx, ErrHeld, `UPDATE deliveries SET state = $3, attempts = $4, next_at = $5, error = $6
		WHERE id = $1 AND state = 'waiting' AND EXISTS (SELECT 1 FROM sinks WHERE name = deliveries.sink AND holder = $2)`,
		d.ID, h.Holder, d.State, d.Attempts, micros(d.Next), d.Error)
	if err != nil {
		return fmt.Errorf("settling delivery %s: %w", d.ID, err)
	}
	return nil
}

// Revive has a dead delivery tried again; ErrNotFound when it is not dead.
func (db *DB) Revive(ctx context.Context, id string) error {
	err := db.writeOne(ctx, ErrNotFound, `UPDATE deliveries SET state = 'waiting', attempts = 0, next_at = 0 WHERE id = $1 AND state = 'dead'`, id)
	if err != nil {
		return fmt.Errorf("trying delivery %s again: %w", id, err)
	}
	return nil
}

// SinkState is how a sink is doing.
type SinkState struct {
	Name                     string
	Holder                   string // empty: nobody has held it
	Cursor                   Cursor
	Waiting, Delivered, Dead int64
}

// SinkState counts a sink's deliveries.
func (db *DB) SinkState(ctx context.Context, sink string) (s SinkState, err error) {
	s.Name = sink
	err = db.read.QueryRowContext(ctx, `SELECT holder, revision, position FROM sinks WHERE name = $1`, sink).
		Scan(&s.Holder, &s.Cursor.Revision, &s.Cursor.Position)
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		err = db.read.QueryRowContext(ctx, `SELECT
			COALESCE(SUM(CASE state WHEN 'waiting' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE state WHEN 'delivered' THEN 1 ELSE 0 END), 0),
			COALESCE(SUM(CASE state WHEN 'dead' THEN 1 ELSE 0 END), 0) FROM deliveries WHERE sink = $1`, sink).Scan(&s.Waiting, &s.Delivered, &s.Dead)
	}
	if err != nil {
		return s, fmt.Errorf("reading sink %q: %w", sink, err)
	}
	return s, nil
}

// ForgetDeliveries drops what was delivered and put there before a time.
func (db *DB) ForgetDeliveries(ctx context.Context, before time.Time) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM deliveries WHERE created < $1 AND state = 'delivered'`, micros(before))
		return err
	})
	if err != nil {
		return fmt.Errorf("forgetting deliveries: %w", err)
	}
	return nil
}
