package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/manifest"
)

// Row is a resource as the database holds it: not yet decoded, not yet
// compared with the log.
type Row struct {
	Change                   // the last change; its Spec is the resource
	Stored [sha256.Size]byte // the digest column; Digest() is the truth
	Record Ref               // the log record that authorised the change
	// Revision of the last change, and its time.
	Revision int64
	Updated  time.Time
}

// Deleted reports whether the row is a tombstone.
func (r Row) Deleted() bool { return r.Op.Ends() }

// Resource decodes a row that is no tombstone.
func (r Row) Resource() (manifest.Resource, error) {
	return manifest.Decode(r.Kind, r.Name, r.Spec)
}

const rowColumns = `kind, name, spec, digest, op, revision, record_shard, record_index, updated_at`

// loadChanged reads what snapshots are made of. Requests and holds are not: no
// call is decided on one. A close is read with the last spec, which is what its digest
// is of; a whole state has no tombstones. That the range ends, which it does
// anyway, tells PostgreSQL without statistics that it is short.
const loadChanged = `SELECT kind, name,
		CASE WHEN op <> 'close' THEN spec ELSE COALESCE((SELECT a.spec FROM archive a
			WHERE a.kind = resources.kind AND a.name = resources.name AND a.revision = resources.revision), '') END,
		digest, op, revision, record_shard, record_index, updated_at
	FROM resources WHERE revision > $1 AND revision <= $2 AND kind NOT IN ('Request', 'Hold') ORDER BY revision, kind, name`

// loadWhole is not sorted, which for a million rows takes as long as reading them.
const loadWhole = `SELECT ` + rowColumns + ` FROM resources WHERE ` + living + ` AND kind NOT IN ('Request', 'Hold')`

// Load returns the rows that changed after a revision, in the order of their
// change, and the revision they add up to: what has ended since among them, and
// neither requests nor holds. since 0 asks for everything that lives, in no order. It fails with
// ErrRewound when since lies in the future.
func (db *DB) Load(ctx context.Context, since int64) (rows []Row, revision int64, err error) {
	err = db.view(ctx, func(r reading) error {
		rows, revision, err = db.load(ctx, r, since)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("loading changes since %d: %w", since, err)
	}
	return rows, revision, nil
}

func (db *DB) load(ctx context.Context, r reading, since int64) (rows []Row, revision int64, err error) {
	if revision, err = head(ctx, r); err != nil || revision == since {
		return nil, revision, err
	}
	if revision < since {
		return nil, 0, fmt.Errorf("%w: %d, after %d", ErrRewound, revision, since)
	}
	if since == 0 {
		rows, err = db.dialect.whole(ctx, r)
		return rows, revision, err
	}
	found, err := r.QueryContext(ctx, loadChanged, since, revision)
	if err != nil {
		return nil, 0, err
	}
	rows, err = scanRows(found)
	return rows, revision, err
}

// Revision returns the current revision.
func (db *DB) Revision(ctx context.Context) (int64, error) {
	rev, err := head(ctx, db.read)
	if err != nil {
		return 0, fmt.Errorf("reading the revision: %w", err)
	}
	return rev, nil
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func head(ctx context.Context, q querier) (rev int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT revision FROM head WHERE one = 1`).Scan(&rev)
	return rev, err
}

// Get returns one resource's row; ErrNotFound when there is none or it was deleted.
func (db *DB) Get(ctx context.Context, kind manifest.Kind, name string) (Row, error) {
	rows, err := db.live(ctx, `SELECT `+rowColumns+` FROM resources WHERE `+living+` AND kind = $1 AND name = $2`, string(kind), name)
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Row{}, readingErr(kind, name, err)
	}
	return rows[0], nil
}

// readingErr words why a resource cannot be had, to be read by whoever named it.
func readingErr(kind manifest.Kind, name string, err error) error {
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%s %q: %w", strings.ToLower(string(kind)), name, err)
	}
	return fmt.Errorf("reading %s/%s: %w", kind, name, err)
}

// List returns the rows of a kind by name; the empty kind means all kinds.
func (db *DB) List(ctx context.Context, kind manifest.Kind) ([]Row, error) {
	rows, err := db.live(ctx, `SELECT `+rowColumns+` FROM resources WHERE `+living+` AND (kind = $1 OR $1 = '') ORDER BY kind, name`, string(kind))
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", kind, err)
	}
	return rows, nil
}

// Resources returns every live resource but requests and holds, decoded, with the revision it is of:
// what manifest.Plan compares with and Commit expects.
func (db *DB) Resources(ctx context.Context) ([]manifest.Resource, int64, error) {
	rows, revision, err := db.Load(ctx, 0)
	if err != nil {
		return nil, 0, err
	}
	var out []manifest.Resource
	var errs []error
	for _, row := range rows {
		if row.Deleted() {
			continue
		}
		r, err := row.Resource()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, r)
	}
	return out, revision, errors.Join(errs...)
}

func (db *DB) live(ctx context.Context, query string, args ...any) ([]Row, error) {
	found, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return scanRows(found)
}

// scanRows reads rows, and keeps what is the same in most of them once.
func scanRows(found *sql.Rows) ([]Row, error) { return scanInto(found, &texts{}) }

func scanInto(found *sql.Rows, in *texts) (rows []Row, err error) {
	defer func() { err = errors.Join(err, found.Close()) }()
	var all heap
	for found.Next() {
		if err := scanRow(found, all.next(), in); err != nil {
			return nil, err
		}
	}
	return all.rows(), found.Err()
}

// heap gathers rows, of which nobody knows how many there will be, without
// moving them as it grows.
type heap struct {
	parts [][]Row
	part  []Row
}

// next is room for another row.
func (h *heap) next() *Row {
	if len(h.part) == cap(h.part) {
		h.parts = append(h.parts, h.part)
		h.part = make([]Row, 0, min(max(64, 2*cap(h.part)), 1<<14))
	}
	h.part = h.part[:len(h.part)+1]
	return &h.part[len(h.part)-1]
}

func (h *heap) rows() []Row { return slices.Concat(append(h.parts, h.part)...) }

func scanRow(found *sql.Rows, r *Row, in *texts) error {
	var kind, name, spec, digest, op, shard sql.RawBytes
	var index, updated int64
	if err := found.Scan(&kind, &name, &spec, &digest, &op, &r.Revision, &shard, &index, &updated); err != nil {
		return err
	}
	r.Kind, r.Name, r.Spec = manifest.Kind(in.same(kind)), in.name(name), in.spec(spec)
	r.Op, r.Record = manifest.Op(in.same(op)), Ref{Shard: in.same(shard), Index: uint64(index)}
	r.Updated = when(updated)
	return r.seal(digest)
}

// seal takes over the digest column.
func (r *Row) seal(digest []byte) error {
	if len(digest) != len(r.Stored) {
		return fmt.Errorf("%s/%s: the digest has %d bytes", r.Kind, r.Name, len(digest))
	}
	r.Stored = [sha256.Size]byte(digest)
	return nil
}
