package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/writ-project/writ/internal/store"
)

func TestTheDatabasesOwnErrorsAreTold(t *testing.T) {
	if !store.Broken(fmt.Errorf("reading: %w", &pgconn.PgError{Code: "57P01", Message: "terminating connection"})) {
		t.Error("PostgreSQL's error is taken for ours")
	}
	for _, err := range []error{nil, store.ErrConflict, errors.New("the plan is wrong")} {
		if store.Broken(err) {
			t.Errorf("%v is taken for the database's", err)
		}
	}
}
