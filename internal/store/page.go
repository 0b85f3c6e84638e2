package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/manifest"
)

// ErrCursor: the text does not name a place in a list.
var ErrCursor = errors.New("the cursor is not one that a list gave")

// Query picks resources of a kind by their manifest.Keys; an empty field
// matches all.
type Query struct {
	Kind                   manifest.Kind // required
	Subject, Parent, State string
	After                  string // of living rows: the last name of the page before; of ended ones, its Cursor
	Limit                  int    // rows at most; 0: all
}

func (q Query) limit() int64 {
	if q.Limit <= 0 {
		return math.MaxInt64
	}
	return int64(q.Limit)
}

// One text for each index; what the index does not pick is picked among what
// it found.
const (
	page = `SELECT ` + rowColumns + ` FROM resources WHERE kind = $1 AND name > $2 AND ` + living + `
		AND ($3 = '' OR subject = $3) AND ($4 = '' OR parent = $4) AND ($5 = '' OR state = $5)`
	pageEnd       = ` ORDER BY name LIMIT $6`
	pageBySubject = page + ` AND subject = $3` + pageEnd
	pageByParent  = page + ` AND parent = $4` + pageEnd
	pageByState   = page + ` AND state = $5` + pageEnd
	pageByName    = page + pageEnd
)

// Page returns living rows of a kind by name.
func (db *DB) Page(ctx context.Context, q Query) ([]Row, error) {
	text := pageByName
	switch {
	case q.Subject != "":
		text = pageBySubject
	case q.Parent != "":
		text = pageByParent
	case q.State != "":
		text = pageByState
	}
	rows, err := db.live(ctx, text, string(q.Kind), q.After, q.Subject, q.Parent, q.State, q.limit())
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", q.Kind, err)
	}
	return rows, nil
}

// Count is how many living rows of a kind there are.
func (db *DB) Count(ctx context.Context, kind manifest.Kind) (n int64, err error) {
	if err := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM resources WHERE kind = $1 AND `+living, string(kind)).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting %s: %w", kind, err)
	}
	return n, nil
}

// Due returns living rows of a kind to which something should have happened by
// a time, those longest due first.
func (db *DB) Due(ctx context.Context, kind manifest.Kind, at time.Time, limit int) ([]Row, error) {
	rows, err := db.live(ctx, `SELECT `+rowColumns+` FROM resources
		WHERE due > 0 AND due <= $1 AND kind = $2 AND `+living+` ORDER BY due, name LIMIT $3`, micros(at), string(kind), limit)
	if err != nil {
		return nil, fmt.Errorf("listing what is due: %w", err)
	}
	return rows, nil
}

// Ended is a resource that was closed, with its last spec. It is history, and
// no authority for anything.
type Ended struct {
	Row
	At time.Time
}

// Cursor names the row's place in an archive's list, for Query.After.
func (e Ended) Cursor() string {
	text := strconv.FormatInt(micros(e.At), 10) + " " + strconv.FormatInt(e.Revision, 10) + " " + e.Name
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// place is where a page of the archive begins.
type place struct {
	at, revision int64
	name         string
}

// readPlace reads a Cursor; the empty one is before the newest row.
func readPlace(cursor string) (place, error) {
	if cursor == "" {
		return place{at: math.MaxInt64, revision: math.MaxInt64}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return place{}, ErrCursor
	}
	at, rest, _ := strings.Cut(string(text), " ")
	revision, name, ok := strings.Cut(rest, " ")
	p := place{name: name}
	var errAt, errRevision error
	p.at, errAt = strconv.ParseInt(at, 10, 64)
	p.revision, errRevision = strconv.ParseInt(revision, 10, 64)
	if errAt != nil || errRevision != nil || !ok {
		return place{}, ErrCursor
	}
	return p, nil
}

const archiveColumns = `kind, name, spec, digest, 'close', revision, record_shard, record_index, ended_at`

const (
	archived = `SELECT ` + archiveColumns + ` FROM archive WHERE kind = $1 AND (ended_at, name, revision) < ($2, $3, $4)
		AND ($5 = '' OR subject = $5) AND ($6 = '' OR parent = $6) AND ($7 = '' OR state = $7)`
	archivedEnd       = ` ORDER BY ended_at DESC, name DESC, revision DESC LIMIT $8`
	archivedByTime    = archived + archivedEnd
	archivedBySubject = archived + ` AND subject = $5` + archivedEnd
)

// Archive returns what was closed of a kind, the newest first; ErrCursor when
// After is not one of its cursors.
func (db *DB) Archive(ctx context.Context, q Query) ([]Ended, error) {
	from, err := readPlace(q.After)
	if err != nil {
		return nil, err
	}
	text := archivedByTime
	if q.Subject != "" {
		text = archivedBySubject
	}
	rows, err := db.live(ctx, text, string(q.Kind), from.at, from.name, from.revision, q.Subject, q.Parent, q.State, q.limit())
	if err != nil {
		return nil, fmt.Errorf("listing ended %s: %w", q.Kind, err)
	}
	out := make([]Ended, len(rows))
	for i, r := range rows {
		out[i] = Ended{r, r.Updated}
	}
	return out, nil
}

// Last returns a living row, with the zero time, or the one of that name that
// was closed last, with the time it was; ErrNotFound when there is neither.
func (db *DB) Last(ctx context.Context, kind manifest.Kind, name string) (Row, time.Time, error) {
	row, err := db.Get(ctx, kind, name)
	if !errors.Is(err, ErrNotFound) {
		return row, time.Time{}, err
	}
	rows, err := db.live(ctx, `SELECT `+archiveColumns+` FROM archive WHERE kind = $1 AND name = $2 ORDER BY revision DESC LIMIT 1`, string(kind), name)
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Row{}, time.Time{}, readingErr(kind, name, err)
	}
	return rows[0], rows[0].Updated, nil
}
