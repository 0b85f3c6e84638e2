package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrNameTaken: a live process has the replica's name.
var ErrNameTaken = errors.New("a live replica has that name")

// Replica is a process that decides on this store's state. It may decide until
// its lease has ended; that it has ended for certain, the database's clock says.
type Replica struct {
	Name     string        // required; unique among those that run
	Shard    string        // of the audit log that it writes
	Boot     string        // required: random, of the process
	Started  time.Time     // by the replica's clock
	Lease    time.Duration // required
	Revision int64         // the newest that it decides on
	Renewed  time.Time     // by the database's clock; set by Renew
	Left     time.Time     // zero while it runs; set by Leave
}

// Until is when the lease ends, by the database's clock: a replica that has
// left has none.
func (r Replica) Until() time.Time {
	if !r.Left.IsZero() {
		return r.Left
	}
	return r.Renewed.Add(r.Lease)
}

// Renew registers a replica, or renews its lease, and says until when it holds
// by the database's clock (on SQLite: this machine's). The replica itself must
// count the lease on its own monotonic clock, from before it called: what the
// database grants is never earlier than that. It fails with ErrNameTaken when
// another process holds the name.
func (db *DB) Renew(ctx context.Context, r Replica) (until time.Time, err error) {
	err = db.renew(ctx, r, &until)
	if err != nil {
		return time.Time{}, fmt.Errorf("renewing the lease of replica %q: %w", r.Name, err)
	}
	return until, nil
}

// renew is one statement, on a connection that no other work holds up. One that
// arrives after a later one of the same process, as from behind a network that
// was cut, takes nothing back: the process counts on the later one.
func (db *DB) renew(ctx context.Context, r Replica, until *time.Time) error {
	if db.readOnly {
		return ErrReadOnly
	}
	now, _, err := db.clock(ctx, db.leases)
	if err != nil {
		return err
	}
	*until = now.Add(r.Lease)
	res, err := db.leases.ExecContext(ctx, `INSERT INTO replicas (name, shard, boot, started, renewed, lease, revision, left_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0)
		ON CONFLICT (name) DO UPDATE SET shard = excluded.shard, boot = excluded.boot, started = excluded.started,
			renewed = CASE WHEN replicas.boot = excluded.boot AND replicas.renewed > excluded.renewed THEN replicas.renewed ELSE excluded.renewed END,
			revision = CASE WHEN replicas.boot = excluded.boot AND replicas.revision > excluded.revision THEN replicas.revision ELSE excluded.revision END,
			lease = excluded.lease, left_at = 0
		WHERE replicas.boot = excluded.boot OR replicas.left_at > 0 OR replicas.renewed + replicas.lease < excluded.renewed`,
		r.Name, r.Shard, r.Boot, micros(r.Started), micros(now), r.Lease.Microseconds(), r.Revision)
	if err != nil {
		return err
	}
	return expectOne(res, ErrNameTaken)
}

// Replicas returns every replica that ever registered, by name, and what time
// the database's clock shows.
func (db *DB) Replicas(ctx context.Context) (all []Replica, now time.Time, err error) {
	if now, _, err = db.Clock(ctx); err != nil {
		return nil, time.Time{}, err
	}
	if all, err = db.replicas(ctx); err != nil {
		return nil, time.Time{}, fmt.Errorf("reading the replicas: %w", err)
	}
	return all, now, nil
}

func (db *DB) replicas(ctx context.Context) (all []Replica, err error) {
	found, err := db.read.QueryContext(ctx, `SELECT name, shard, boot, started, renewed, lease, revision, left_at FROM replicas ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var r Replica
		var started, renewed, lease, left int64
		if err := found.Scan(&r.Name, &r.Shard, &r.Boot, &started, &renewed, &lease, &r.Revision, &left); err != nil {
			return nil, err
		}
		r.Started, r.Renewed, r.Left, r.Lease = when(started), when(renewed), when(left), time.Duration(lease)*time.Microsecond
		all = append(all, r)
	}
	return all, found.Err()
}

// Leave ends a replica's lease at once: the process named by boot has stopped
// deciding, and says so. ErrNotFound when another process has the name.
func (db *DB) Leave(ctx context.Context, name, boot string) error {
	now, _, err := db.Clock(ctx)
	if err == nil {
		err = db.writeOne(ctx, ErrNotFound, `UPDATE replicas SET left_at = $3 WHERE name = $1 AND boot = $2`, name, boot, micros(now))
	}
	if err != nil {
		return fmt.Errorf("leaving as replica %q: %w", name, err)
	}
	return nil
}

// longGone is how long it is known that a replica was there.
const longGone = 24 * time.Hour

// ForgetReplicas drops the replicas whose lease ended, or that left, a day ago by
// the database's clock, and returns how many. One that comes back registers anew.
func (db *DB) ForgetReplicas(ctx context.Context) (gone int64, err error) {
	now, _, err := db.Clock(ctx)
	if err == nil {
		before := micros(now.Add(-longGone))
		err = db.update(ctx, func(tx *sql.Tx) error {
			res, err := tx.ExecContext(ctx, `DELETE FROM replicas WHERE renewed + lease < $1 OR (left_at > 0 AND left_at < $1)`, before)
			if err == nil {
				gone, err = res.RowsAffected()
			}
			return err
		})
	}
	if err != nil {
		return 0, fmt.Errorf("forgetting replicas that are gone: %w", err)
	}
	return gone, nil
}
