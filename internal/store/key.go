package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Key is a key as the database holds it: wrapped, of no use without the
// key-encryption key (security S10).
type Key struct {
	Purpose string // seal, derive, log, receipt or hold
	ID      uint16 // unique within the purpose
	Wrapped []byte
	Epoch   uint32    // raised by an emergency rotation
	Created time.Time // required
	Retired time.Time // zero while in use
	Record  Ref       // the log record that authorised it
}

// AddKey stores a new key; ErrConflict when its purpose has that id already.
func (db *DB) AddKey(ctx context.Context, k Key) error {
	err := db.writeOne(ctx, ErrConflict, `INSERT INTO keys (purpose, id, wrapped, epoch, created, retired, record_shard, record_index)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		k.Purpose, int64(k.ID), k.Wrapped, int64(k.Epoch), micros(k.Created), micros(k.Retired), k.Record.Shard, int64(k.Record.Index))
	if err != nil {
		return fmt.Errorf("adding %s key %d: %w", k.Purpose, k.ID, err)
	}
	return nil
}

// Keys returns every key, retired ones too, by purpose and id.
func (db *DB) Keys(ctx context.Context) (keys []Key, err error) {
	found, err := db.read.QueryContext(ctx, `SELECT purpose, id, wrapped, epoch, created, retired, record_shard, record_index
		FROM keys ORDER BY purpose, id`)
	if err != nil {
		return nil, fmt.Errorf("reading keys: %w", err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var k Key
		var created, retired, index int64
		if err := found.Scan(&k.Purpose, &k.ID, &k.Wrapped, &k.Epoch, &created, &retired, &k.Record.Shard, &index); err != nil {
			return nil, fmt.Errorf("reading keys: %w", err)
		}
		k.Created, k.Retired, k.Record.Index = when(created), when(retired), uint64(index)
		keys = append(keys, k)
	}
	return keys, found.Err()
}

// RetireKey ends a key's use at a time; ErrNotFound when it is not there or
// has been retired.
func (db *DB) RetireKey(ctx context.Context, purpose string, id uint16, at time.Time, record Ref) error {
	err := db.writeOne(ctx, ErrNotFound, `UPDATE keys SET retired = $3, record_shard = $4, record_index = $5
		WHERE purpose = $1 AND id = $2 AND retired = 0`, purpose, int64(id), micros(at), record.Shard, int64(record.Index))
	if err != nil {
		return fmt.Errorf("retiring %s key %d: %w", purpose, id, err)
	}
	return nil
}

// RemoveKey deletes a retired key; ErrNotFound when it is not there or in use.
func (db *DB) RemoveKey(ctx context.Context, purpose string, id uint16) error {
	err := db.writeOne(ctx, ErrNotFound, `DELETE FROM keys WHERE purpose = $1 AND id = $2 AND retired <> 0`, purpose, int64(id))
	if err != nil {
		return fmt.Errorf("removing %s key %d: %w", purpose, id, err)
	}
	return nil
}
