package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/writ-project/writ/internal/manifest"
)

func (sqliteDialect) whole(ctx context.Context, r reading) ([]Row, error) {
	found, err := r.QueryContext(ctx, loadWhole)
	if err != nil {
		return nil, err
	}
	return scanInto(found, manyTexts())
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
		in := manyTexts()
		for found.Next() {
			if err := readBinary(found.RawValues(), all.next(), in); err != nil {
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

// readBinary reads the rowColumns in PostgreSQL's binary format.
func readBinary(v [][]byte, r *Row, in *texts) error {
	if len(v) != 9 || len(v[5]) != 8 || len(v[7]) != 8 || len(v[8]) != 8 {
		return errors.New("PostgreSQL answered in another format than it was asked for")
	}
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(v[i])) }
	r.Kind, r.Name, r.Spec = manifest.Kind(in.same(v[0])), in.name(v[1]), in.spec(v[2])
	r.Op, r.Revision = manifest.Op(in.same(v[4])), number(5)
	r.Record = Ref{Shard: in.same(v[6]), Index: uint64(number(7))}
	r.Updated = when(number(8))
	return r.seal(v[3])
}
