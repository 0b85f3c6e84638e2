package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// SaltSize is the length of a salt in bytes.
const SaltSize = 32

// Salt returns the salt of a subject's commitments on a day (in UTC), making
// it when there is none. Replicas that ask at once get the same one.
func (db *DB) Salt(ctx context.Context, subject string, day time.Time) ([]byte, error) {
	date := day.UTC().Format(time.DateOnly)
	salt, err := db.salt(ctx, subject, date)
	if errors.Is(err, sql.ErrNoRows) {
		fresh := make([]byte, SaltSize)
		rand.Read(fresh)
		if err = db.addSalt(ctx, subject, date, fresh); err == nil {
			salt, err = db.salt(ctx, subject, date)
		}
	}
	if err == nil && len(salt) != SaltSize {
		err = fmt.Errorf("it has %d bytes", len(salt))
	}
	if err != nil {
		return nil, fmt.Errorf("reading a salt: %w", err)
	}
	return salt, nil
}

func (db *DB) salt(ctx context.Context, subject, date string) (salt []byte, err error) {
	err = db.read.QueryRowContext(ctx, `SELECT salt FROM salts WHERE subject = $1 AND day = $2`, subject, date).Scan(&salt)
	return salt, err
}

func (db *DB) addSalt(ctx context.Context, subject, date string, salt []byte) error {
	return db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO salts (subject, day, salt) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, subject, date, salt)
		return err
	})
}

// EraseSalts forgets every salt of a subject, and so whom its commitments in
// the log are about (security S26). It returns how many there were. On SQLite
// the bytes are gone from the files when it returns; on PostgreSQL after the
// next vacuum, and from the server's own logs and backups when those are.
func (db *DB) EraseSalts(ctx context.Context, subject string) (erased int64, err error) {
	err = db.update(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM salts WHERE subject = $1`, subject)
		if err != nil {
			return err
		}
		erased, err = res.RowsAffected()
		return err
	})
	if err == nil {
		err = db.dialect.scrub(ctx, db.write)
	}
	if err != nil {
		return erased, fmt.Errorf("erasing salts: %w", err)
	}
	return erased, nil
}
