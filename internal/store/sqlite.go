package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteReaders is how many readers may work beside the one writer.
const sqliteReaders = 4

// openSQLite opens a database file with one writing connection and a pool of
// readers, which the write-ahead log lets work side by side.
func openSQLite(path string, readOnly bool) (write, read *sql.DB, err error) {
	if path == "" || path == ":memory:" {
		return nil, nil, errors.New("sqlite: want the path of a file")
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, nil, err
	}
	if !readOnly {
		if err := private(path); err != nil {
			return nil, nil, err
		}
	} else if _, err := os.Stat(path); err != nil {
		return nil, nil, err
	}
	if read, err = sql.Open("sqlite", sqliteURI(path, readOnly, "_pragma", "query_only(1)")); err != nil {
		return nil, nil, err
	}
	read.SetMaxOpenConns(sqliteReaders)
	if readOnly {
		return read, read, nil
	}
	if write, err = sql.Open("sqlite", sqliteURI(path, false, "_txlock", "immediate", "_pragma", "journal_mode(WAL)")); err != nil {
		return nil, nil, errors.Join(err, read.Close())
	}
	write.SetMaxOpenConns(1)
	return write, read, nil
}

// private creates the file for its owner's eyes only, if it is not there; its
// siblings take over its mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// sqliteURI names the file with the settings of each connection: every commit
// reaches the disk before it returns, and erased rows are overwritten.
func sqliteURI(path string, readOnly bool, extra ...string) string {
	q := url.Values{"_pragma": {"busy_timeout(10000)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)"}}
	if readOnly {
		q.Set("mode", "ro")
	}
	for i := 0; i+1 < len(extra); i += 2 {
		q.Add(extra[i], extra[i+1])
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

type sqliteDialect struct{}

// lock has nothing to do: a writing transaction holds the only write lock.
func (sqliteDialect) lock(context.Context, *sql.Tx) error { return nil }

func (sqliteDialect) snapshot() *sql.TxOptions { return &sql.TxOptions{ReadOnly: true} }

// notify has nothing to do: other processes poll.
func (sqliteDialect) notify(context.Context, *sql.Tx) error { return nil }

func (sqliteDialect) listen(context.Context, func()) error { return nil }

func (sqliteDialect) moved(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

// scrub moves the write-ahead log into the database file, where erased rows are
// overwritten, and empties it.
func (sqliteDialect) scrub(ctx context.Context, db *sql.DB) error {
	var busy, log, moved int
	err := db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &log, &moved)
	if err == nil && busy != 0 {
		err = errors.New("a reader holds it")
	}
	if err != nil {
		return fmt.Errorf("emptying the write-ahead log: %w", err)
	}
	return nil
}
