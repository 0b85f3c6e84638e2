package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/writ-project/writ/internal/manifest"
)

func (sqliteDialect) whole(ctx context.Context, r reading) ([]Row, error) {
	found, err := r.QueryContext(ctx, loadWhole)
	if err != nil {
		return nil, err
	}
	return scanRows(found)
}

// whole asks past database/sql, which for a million rows costs more than what
// PostgreSQL does to find them.
func (*postgresDialect) whole(ctx context.Context, r reading) (rows []Row, err error) {
	err = r.conn.Raw(func(driver any) error {
		conn, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the connection is a %T", driver)
		}
		found, err := conn.Conn().Query(ctx, loadWhole, pgx.QueryResultFormats{pgx.BinaryFormatCode})
		if err != nil {
			return err
		}
		defer found.Close()
		var all heap
		var in binaryRows
		for found.Next() {
			if err := in.read(found.RawValues(), all.next()); err != nil {
				return err
			}
		}
		rows = all.rows()
		return found.Err()
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// binaryRows reads rows in PostgreSQL's binary format, and keeps their texts
// side by side: specs, which go as soon as they are read, and names, which stay.
type binaryRows struct {
	specs []byte
	names strings.Builder
	same  repeated
}

// Sizes of what texts are kept in.
const (
	specsRoom = 1 << 20
	namesRoom = 4 << 10
)

// read reads the rowColumns.
func (in *binaryRows) read(v [][]byte, r *Row) error {
	if len(v) != 9 || len(v[5]) != 8 || len(v[7]) != 8 || len(v[8]) != 8 {
		return errors.New("PostgreSQL answered in another format than it was asked for")
	}
	r.Kind, r.Name, r.Spec = manifest.Kind(in.same.of(v[0])), in.name(v[1]), in.spec(v[2])
	if len(v[3]) != len(r.Stored) {
		return fmt.Errorf("%s/%s: the digest has %d bytes", r.Kind, r.Name, len(v[3]))
	}
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(v[i])) }
	r.Stored, r.Op, r.Revision = [sha256.Size]byte(v[3]), manifest.Op(in.same.of(v[4])), number(5)
	r.Record = Ref{Shard: in.same.of(v[6]), Index: uint64(number(7))}
	r.Updated = when(number(8))
	return nil
}

func (in *binaryRows) spec(text []byte) []byte {
	if len(text) > specsRoom/16 {
		return append([]byte(nil), text...)
	}
	if cap(in.specs)-len(in.specs) < len(text) {
		in.specs = make([]byte, 0, specsRoom)
	}
	from := len(in.specs)
	in.specs = append(in.specs, text...)
	return in.specs[from:len(in.specs):len(in.specs)]
}

// name is cut from a text that is never moved: a Builder that does not grow
// beyond its room keeps what it has given.
func (in *binaryRows) name(text []byte) string {
	if len(text) > namesRoom/16 {
		return string(text)
	}
	if in.names.Cap()-in.names.Len() < len(text) {
		in.names = strings.Builder{}
		in.names.Grow(namesRoom)
	}
	from := in.names.Len()
	in.names.Write(text)
	return in.names.String()[from:]
}
