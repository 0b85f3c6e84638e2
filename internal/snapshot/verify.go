package snapshot

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/writ-project/writ/internal/store"
)

// ErrUnauthorised marks rows that the audit log does not vouch for.
var ErrUnauthorised = errors.New("the audit log does not vouch for the row")

// verified is a row and what it says, nil once it has ended.
type verified struct {
	row  *store.Row
	spec any
	err  error
}

// verify returns a row's spec, nil for one that ended, once its content is that
// of its digest and the log vouches for it.
func verify(row *store.Row, authorised func(store.Ref, store.Change) error) (any, error) {
	if row.Stored != row.Digest() {
		return nil, fmt.Errorf("%s: %w: its content is not that of its digest", rowID(row), ErrUnauthorised)
	}
	if err := authorised(row.Record, row.Change); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", rowID(row), ErrUnauthorised, err)
	}
	if row.Deleted() {
		return nil, nil
	}
	r, err := row.Resource()
	if err != nil {
		return nil, err
	}
	return r.Spec, nil
}

func rowID(row *store.Row) string {
	return fmt.Sprintf("%s/%s (record %v)", row.Kind, row.Name, row.Record)
}

// crowd is how many rows are worth another goroutine.
const crowd = 512

// verifyAll verifies rows, on every processor when they are many.
func verifyAll(rows []store.Row, authorised func(store.Ref, store.Change) error) []verified {
	out := make([]verified, len(rows))
	each := max(crowd, (len(rows)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for from := 0; from < len(rows); from += each {
		wait.Go(func() {
			for i := from; i < min(from+each, len(rows)); i++ {
				spec, err := verify(&rows[i], authorised)
				out[i] = verified{&rows[i], spec, err}
			}
		})
	}
	wait.Wait()
	return out
}
