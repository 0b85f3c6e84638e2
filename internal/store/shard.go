package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Shard is one replica's part of the audit log.
type Shard struct {
	Name   string
	Origin string // of its checkpoints
}

// FirstShard is the log of a process that has no name among others.
const FirstShard = "0"

// ErrShardOrigin: the shard is registered as another log.
var ErrShardOrigin = errors.New("the shard is registered with another origin")

// RegisterShard notes a shard of the audit log, for the other replicas to
// follow. Registering it again changes nothing; ErrShardOrigin when the name
// is another log's.
func (db *DB) RegisterShard(ctx context.Context, s Shard) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO shards (name, origin, registered) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, s.Name, s.Origin, db.stamp())
		if err != nil {
			return err
		}
		var origin string
		if err := tx.QueryRowContext(ctx, `SELECT origin FROM shards WHERE name = $1`, s.Name).Scan(&origin); err != nil {
			return err
		}
		if origin != s.Origin {
			return fmt.Errorf("%w: %s, not %s", ErrShardOrigin, origin, s.Origin)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("registering shard %q: %w", s.Name, err)
	}
	return nil
}

// Shards returns every shard of the audit log, by name.
func (db *DB) Shards(ctx context.Context) (all []Shard, err error) {
	err = db.View(ctx, func(v *View) error {
		all, err = v.Shards(ctx)
		return err
	})
	return all, err
}

// Shards returns every shard of the audit log, by name.
func (v *View) Shards(ctx context.Context) (all []Shard, err error) {
	found, err := v.tx.QueryContext(ctx, `SELECT name, origin FROM shards ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("reading the shards: %w", err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var s Shard
		if err := found.Scan(&s.Name, &s.Origin); err != nil {
			return nil, fmt.Errorf("reading the shards: %w", err)
		}
		all = append(all, s)
	}
	return all, found.Err()
}
