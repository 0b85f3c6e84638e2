package store

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// TableOf returns a table by name.
func TableOf(name string) (Table, bool) {
	i := slices.IndexFunc(Tables, func(t Table) bool { return t.Name == name })
	if i < 0 {
		return Table{}, false
	}
	return Tables[i], true
}

// Schema is the version of the tables that this release makes and reads.
func Schema() (int, error) {
	steps, err := migrations()
	return len(steps), err
}

// Dump writes the whole state as of one revision: row is called with every row of
// every table, in the order of Tables and of the table's key, as one JSON object
// without a newline. begun is called first, with the revision, while the view is
// held: what is durable then is what the rows can name.
func (db *DB) Dump(ctx context.Context, begun func(revision int64) error, row func(table string, line []byte) error) error {
	err := db.view(ctx, func(tx reading) error {
		revision, err := head(ctx, tx) // fixes the view on both engines
		if err != nil {
			return err
		}
		if err := begun(revision); err != nil {
			return err
		}
		for _, t := range Tables {
			if err := t.dump(ctx, tx.Tx, row); err != nil {
				return fmt.Errorf("table %s: %w", t.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("dumping the store: %w", err)
	}
	return nil
}

func (t Table) dump(ctx context.Context, tx *sql.Tx, row func(string, []byte) error) (err error) {
	found, err := tx.QueryContext(ctx, t.read)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	cells, into := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			return err
		}
		line, err := t.line(cells)
		if err != nil {
			return err
		}
		if err := row(t.Name, line); err != nil {
			return err
		}
	}
	return found.Err()
}

// line words a row. The engines differ in how they hand out text.
func (t Table) line(cells []any) ([]byte, error) {
	out := make(map[string]any, len(cells))
	for i, name := range t.columns {
		switch v := cells[i].(type) {
		case int64:
			out[name] = v
		case string:
			out[name] = v
		case []byte:
			out[name] = string(v)
			if slices.Contains(t.bytes, name) {
				out[name] = base64.StdEncoding.EncodeToString(v)
			}
		case nil:
			if !slices.Contains(t.bytes, name) {
				return nil, fmt.Errorf("column %s is empty", name)
			}
			out[name] = ""
		default:
			return nil, fmt.Errorf("column %s holds a %T", name, v)
		}
	}
	return json.Marshal(out)
}

// ErrNotEmpty: a restore found something in the store.
var ErrNotEmpty = errors.New("the store is not empty")

// Filling is a store that is being filled from a backup, in one transaction:
// nothing is there until Done.
type Filling struct {
	db    *DB
	tx    *sql.Tx
	stmts map[string]*sql.Stmt
}

// Fill begins to fill a store that holds nothing but its tables; ErrNotEmpty
// otherwise. The caller ends it with Done or Drop.
func (db *DB) Fill(ctx context.Context) (*Filling, error) {
	if db.readOnly {
		return nil, ErrReadOnly
	}
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("filling the store: %w", err)
	}
	f := &Filling{db: db, tx: tx, stmts: make(map[string]*sql.Stmt)}
	if err := f.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("filling the store: %w", err), f.Drop())
	}
	return f, nil
}

// begin holds others off, and makes sure that there is nothing: a new store has
// its head and no more.
func (f *Filling) begin(ctx context.Context) error {
	if err := f.db.dialect.lock(ctx, f.tx); err != nil {
		return err
	}
	revision, err := head(ctx, f.tx)
	if err != nil {
		return err
	}
	if revision != 0 {
		return ErrNotEmpty
	}
	for _, t := range Tables {
		if t.Name == "head" {
			continue
		}
		err := t.dump(ctx, f.tx, func(table string, _ []byte) error {
			return fmt.Errorf("%w: table %s has rows", ErrNotEmpty, table)
		})
		if err != nil {
			return err
		}
	}
	_, err = f.tx.ExecContext(ctx, `DELETE FROM head`)
	return err
}

// maxLine is the longest row in bytes.
const maxLine = 32 << 20

// Rows inserts rows of a table, one JSON object a line, as Dump words them. It is
// strict: every column must be there, of its type, and no other.
func (f *Filling) Rows(ctx context.Context, t Table, lines io.Reader) error {
	stmt, err := f.statement(ctx, t)
	if err != nil {
		return err
	}
	in := bufio.NewScanner(lines)
	in.Buffer(nil, maxLine)
	for n := 1; in.Scan(); n++ {
		cells, err := t.parse(in.Bytes())
		if err == nil {
			_, err = stmt.ExecContext(ctx, cells...)
		}
		if err != nil {
			return fmt.Errorf("table %s, line %d: %w", t.Name, n, err)
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("table %s: %w", t.Name, err)
	}
	return nil
}

func (f *Filling) statement(ctx context.Context, t Table) (*sql.Stmt, error) {
	if s, ok := f.stmts[t.Name]; ok {
		return s, nil
	}
	s, err := f.tx.PrepareContext(ctx, t.write)
	if err != nil {
		return nil, fmt.Errorf("preparing table %s: %w", t.Name, err)
	}
	f.stmts[t.Name] = s
	return s, nil
}

// parse reads a line into the cells of a row.
func (t Table) parse(line []byte) ([]any, error) {
	var row map[string]json.RawMessage
	if err := json.Unmarshal(line, &row); err != nil {
		return nil, err
	}
	if len(row) != len(t.columns) {
		return nil, fmt.Errorf("%d columns, want %d", len(row), len(t.columns))
	}
	cells := make([]any, len(t.columns))
	for i, name := range t.columns {
		raw, ok := row[name]
		if !ok {
			return nil, fmt.Errorf("column %s is missing", name)
		}
		var err error
		if cells[i], err = t.cell(name, raw); err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
	}
	return cells, nil
}

func (t Table) cell(name string, raw json.RawMessage) (any, error) {
	if len(raw) > 0 && raw[0] != '"' {
		var n int64
		err := json.Unmarshal(raw, &n)
		return n, err
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	if slices.Contains(t.bytes, name) {
		return base64.StdEncoding.Strict().DecodeString(s)
	}
	return s, nil
}

// Done makes what was filled in durable.
func (f *Filling) Done(ctx context.Context) error {
	if _, err := head(ctx, f.tx); err != nil {
		return errors.Join(errors.New("filling the store: the backup has no head"), f.Drop())
	}
	f.release()
	if err := f.tx.Commit(); err != nil {
		return fmt.Errorf("filling the store: %w", f.db.classify(err))
	}
	f.db.watch.signal()
	return nil
}

// Drop forgets what was filled in.
func (f *Filling) Drop() error {
	f.release()
	return rollback(f.tx)
}

func (f *Filling) release() {
	for _, s := range f.stmts {
		_ = s.Close() // the transaction's end would do so too
	}
	clear(f.stmts)
}

// Advance moves the revision forward to at least the given one, without a commit:
// after a restore, past every revision that the audit log speaks of, so that what
// comes next is later than all of them.
func (db *DB) Advance(ctx context.Context, revision int64) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE head SET revision = $1 WHERE one = 1 AND revision < $1`, revision)
		return err
	})
	if err != nil {
		return fmt.Errorf("advancing the revision: %w", err)
	}
	return nil
}
