// Package store keeps the control plane's state — resources, keys, salts and
// the facts of the installation — in one database: SQLite on one machine,
// PostgreSQL under many replicas.
//
// It trusts the database engine to be durable and nothing that is in the
// database: every row of authority names the record of the audit log that
// authorised it (security S17), and readers compare the two. It promises that a commit is all or
// nothing and durable on return; that revisions rise by one per commit, in
// commit order, without gaps; that a commit against a moved revision changes
// nothing; and that an identity's epoch never goes down.
//
// DB is one concrete type. SQL is written once, for both engines; the dialect
// holds what differs: locking, notification and error codes.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Errors that callers tell apart.
var (
	// ErrConflict: the state has moved since the caller looked; look again.
	ErrConflict = errors.New("the state has changed meanwhile")
	// ErrNotFound: there is no such resource, key or fact.
	ErrNotFound = errors.New("not found")
	// ErrReadOnly: the database was opened for reading.
	ErrReadOnly = errors.New("the store is open for reading only")
	// ErrEpoch: a commit would lower an identity's epoch (security S17).
	ErrEpoch = errors.New("an identity's epoch cannot be lowered")
	// ErrRecordUsed: the log record has authorised another commit already.
	ErrRecordUsed = errors.New("the log record has been committed already")
	// ErrRewound: the database is at an earlier revision than its reader has
	// seen, as after restoring an old copy under a live server.
	ErrRewound = errors.New("the store has gone back to an earlier revision")
)

// DB is an open store. Its methods may be called from many goroutines.
type DB struct {
	dialect  dialect
	write    *sql.DB // one connection on SQLite, which has one writer
	read     *sql.DB
	leases   *sql.DB // never waits for the others, where the engine has many writers
	readOnly bool
	now      func() time.Time

	watch notifier
	stop  context.CancelFunc // ends the goroutines of Watch
	done  context.Context
	tasks sync.WaitGroup
}

// Open opens the store at dsn, "sqlite:PATH" or "postgres://…", creating it
// (SQLite) and bringing its tables up to date. A store written by a newer
// release is refused. On PostgreSQL a commit is as durable as the server's
// fsync and synchronous_commit make it.
func Open(ctx context.Context, dsn string) (*DB, error) {
	db, err := connect(dsn, false)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	if err := db.migrateInTurn(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening store: %w", err), db.Close())
	}
	return db, nil
}

// OpenReadOnly opens an existing, up-to-date store for reading, also beside a
// live server.
func OpenReadOnly(ctx context.Context, dsn string) (*DB, error) {
	db, err := connect(dsn, true)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	if err := db.checkVersion(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening store: %w", err), db.Close())
	}
	return db, nil
}

func connect(dsn string, readOnly bool) (*DB, error) {
	db := &DB{readOnly: readOnly, now: time.Now}
	db.done, db.stop = context.WithCancel(context.Background())
	var err error
	switch scheme, rest, _ := strings.Cut(dsn, ":"); scheme {
	case "sqlite":
		db.dialect = sqliteDialect{}
		db.write, db.read, err = openSQLite(rest, readOnly)
		db.leases = db.write
	case "postgres", "postgresql":
		var d *postgresDialect
		d, db.write, err = openPostgres(dsn, readOnly)
		if err == nil {
			db.dialect, db.read, db.leases = d, db.write, d.pool(1)
		}
	default:
		// The DSN may hold a password: it is not repeated.
		err = errors.New("data source: want sqlite:PATH or postgres://…")
	}
	if err != nil {
		return nil, err
	}
	return db, nil
}

// Close ends every watch and closes the database.
func (db *DB) Close() error {
	db.stop()
	db.tasks.Wait()
	err := db.write.Close()
	for _, other := range []*sql.DB{db.read, db.leases} {
		if other != db.write {
			err = errors.Join(err, other.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("closing store: %w", err)
	}
	return nil
}

// dialect is what differs between the engines. Placeholders do not: both read $1.
type dialect interface {
	// lock serialises migrations for the rest of the transaction.
	lock(ctx context.Context, tx *sql.Tx) error
	// snapshot gives the options of a transaction that reads one state.
	snapshot() *sql.TxOptions
	// whole reads all rows that loadWhole finds.
	whole(ctx context.Context, r reading) ([]Row, error)
	// notify tells other processes of a commit, from within its transaction.
	notify(ctx context.Context, tx *sql.Tx) error
	// listen calls heard for commits of other processes until ctx ends or the
	// connection fails; it returns at once where the engine cannot tell.
	listen(ctx context.Context, heard func()) error
	// scrub makes erased rows leave the files, as far as the engine can be told to.
	scrub(ctx context.Context, db *sql.DB) error
	// moved reports whether an error means that another writer was faster.
	moved(err error) bool
}

// update runs f in a writing transaction.
func (db *DB) update(ctx context.Context, f func(tx *sql.Tx) error) error {
	if db.readOnly {
		return ErrReadOnly
	}
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return db.classify(err)
	}
	if err := f(tx); err != nil {
		return errors.Join(db.classify(err), rollback(tx))
	}
	return db.classify(tx.Commit())
}

// reading is a transaction that reads one state, with the connection it is on.
type reading struct {
	*sql.Tx
	conn *sql.Conn
}

// view runs f in a transaction that reads one state.
func (db *DB) view(ctx context.Context, f func(r reading) error) (err error) {
	defer func() { db.doubt(err) }()
	conn, err := db.read.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	tx, err := conn.BeginTx(ctx, db.dialect.snapshot())
	if err != nil {
		return err
	}
	return errors.Join(f(reading{tx, conn}), rollback(tx))
}

// doubt closes the idle connections once one of them was silent for too long: the
// others lead to the same server, and asking each in turn would take as long again.
func (db *DB) doubt(err error) {
	if errors.Is(err, context.DeadlineExceeded) && db.Shared() {
		db.read.SetMaxIdleConns(-1)
		db.read.SetMaxIdleConns(postgresConns)
	}
}

// rollback ends a transaction whose work is not wanted. One that the context
// has ended already is no further error.
func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("rolling back: %w", err)
	}
	return nil
}

func (db *DB) classify(err error) error {
	if err != nil && db.dialect.moved(err) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}

// stamp is the present as the tables hold it.
func (db *DB) stamp() int64 { return db.now().UnixMicro() }

// when reads a column of time; 0 is the zero time.
func when(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// micros writes a column of time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
