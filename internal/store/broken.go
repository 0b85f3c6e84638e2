package store

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// Broken reports whether an error is the database's own, and says nothing about
// what was asked of it: its text is for whoever runs the server.
func Broken(err error) bool {
	_, postgres := errors.AsType[*pgconn.PgError](err)
	_, lite := errors.AsType[*sqlite.Error](err)
	return postgres || lite
}
