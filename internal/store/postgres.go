package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresConns is how many connections one replica holds at most; the hot
// path uses none. Leases have one of their own besides, and so has the listener.
const postgresConns = 8

// idleLimit is how long a transaction may wait for its client. A replica that is
// stopped in the middle of one keeps the others from committing, and so from
// taking rights away, until the server ends it: no longer than its lease does
// (security S19).
const idleLimit = "SET idle_in_transaction_session_timeout = '5s'"

// schemaLock is the key of the advisory lock that migrations hold: "writ" in ASCII.
const schemaLock = 0x77726974

// The channel carries word of commits. Databases that share a server do not
// hear each other; schemas in one database do, which costs a poll.
const (
	channel = "writ_revision"
	listen  = "LISTEN writ_revision"
)

// openPostgres prepares a pool; no connection is made yet. Its errors never
// hold the password, which pgx strikes out.
func openPostgres(dsn string, readOnly bool) (*postgresDialect, *sql.DB, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, nil, err
	}
	cfg.RuntimeParams["application_name"] = "writ"
	if readOnly {
		cfg.RuntimeParams["default_transaction_read_only"] = "on"
	}
	d := &postgresDialect{cfg}
	return d, d.pool(postgresConns), nil
}

type postgresDialect struct{ config *pgx.ConnConfig }

func (d *postgresDialect) pool(size int) *sql.DB {
	db := stdlib.OpenDB(*d.config, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, idleLimit)
		return err
	}))
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db
}

func (*postgresDialect) lock(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, schemaLock)
	return err
}

func (*postgresDialect) snapshot() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

func (*postgresDialect) notify(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_notify($1, '')`, channel)
	return err
}

// listen holds a connection of its own, outside the pool, so that closing the
// pool never waits for it.
func (d *postgresDialect) listen(ctx context.Context, heard func()) error {
	conn, err := pgx.ConnectConfig(ctx, d.config.Copy())
	if err != nil {
		return fmt.Errorf("listening for changes: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, listen); err != nil {
		return fmt.Errorf("listening for changes: %w", err)
	}
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return fmt.Errorf("listening for changes: %w", err)
		}
		heard()
	}
}

// scrub has nothing to do: when erased rows leave the files is for the
// database's own vacuum to say.
func (*postgresDialect) scrub(context.Context, *sql.DB) error { return nil }

// moved: serialization_failure and deadlock_detected
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func (*postgresDialect) moved(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}
