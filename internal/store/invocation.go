package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
)

// InvocationRetention is how long an asynchronous invocation is remembered,
// from its submission.
const InvocationRetention = 90 * 24 * time.Hour

// ErrTaken: the invocation is remembered as another identity's.
var ErrTaken = errors.New("the invocation is another identity's")

// Invocation is an asynchronous invocation as it is remembered.
type Invocation struct {
	bedrock.Invocation
	Identity string   // who started it
	Grants   []string // by which right
	Model    string   // as the caller named it
	Region   string
	Account  string
	Record   Ref // the outcome record that names it
}

const invocationColumns = `arn, identity, grants, model, model_arn, region, account, output_uri, output_key, output_owner, token,
	record_shard, record_index, submitted, status, modified, ended`

// RememberInvocation notes an invocation. One that is remembered already stays
// as it is; if it is another identity's, that is ErrTaken.
func (db *DB) RememberInvocation(ctx context.Context, i Invocation) error {
	grants, err := json.Marshal(append([]string{}, i.Grants...))
	if err != nil {
		return fmt.Errorf("remembering an invocation: %w", err)
	}
	err = db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO async_invocations (`+invocationColumns+`, checked)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0) ON CONFLICT DO NOTHING`,
			i.ARN, i.Identity, string(grants), i.Model, i.ModelARN, i.Region, i.Account, i.Output.URI, i.Output.KMSKey, i.Output.BucketOwner,
			i.Token, i.Record.Shard, int64(i.Record.Index), micros(i.Started), string(i.Status), micros(i.Modified), micros(i.Ended))
		if err != nil {
			return err
		}
		var whose string
		if err := tx.QueryRowContext(ctx, `SELECT identity FROM async_invocations WHERE arn = $1`, i.ARN).Scan(&whose); err != nil {
			return err
		}
		if whose != i.Identity {
			return ErrTaken
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remembering an invocation: %w", err)
	}
	return nil
}

// Invocation returns an identity's invocation; ErrNotFound when there is none
// of that name, or it is another's.
func (db *DB) Invocation(ctx context.Context, identity, arn string) (Invocation, error) {
	found, err := db.invocations(ctx, `SELECT `+invocationColumns+` FROM async_invocations WHERE arn = $1 AND identity = $2`, arn, identity)
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Invocation{}, fmt.Errorf("looking up an invocation: %w", err)
	}
	return found[0], nil
}

// UpdateInvocation notes how an identity's invocation goes on. What has ended
// does not begin again.
func (db *DB) UpdateInvocation(ctx context.Context, identity string, i bedrock.Invocation) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE async_invocations SET status = $3, modified = $4, ended = $5, checked = $6
			WHERE arn = $1 AND identity = $2 AND status = 'InProgress'`,
			i.ARN, identity, string(i.Status), micros(i.Modified), micros(i.Ended), db.stamp())
		return err
	})
	if err != nil {
		return fmt.Errorf("updating an invocation: %w", err)
	}
	return nil
}

// InvocationQuery says which of an identity's invocations to list.
type InvocationQuery struct {
	Identity, Region string // required
	After, Before    time.Time
	Status           bedrock.InvocationStatus // empty: any
	Ascending        bool
	Limit            int
	// From is the last invocation of the page before: when it was submitted,
	// and its ARN. The zero time begins at the beginning.
	From    time.Time
	FromARN string
}

const (
	listInvocations = `SELECT ` + invocationColumns + ` FROM async_invocations
		WHERE identity = $1 AND region = $2 AND submitted > $3 AND submitted < $4 AND ($5 = '' OR status = $5)`
	newestFirst = listInvocations + ` AND (submitted, arn) < ($6, $7) ORDER BY submitted DESC, arn DESC LIMIT $8`
	oldestFirst = listInvocations + ` AND (submitted, arn) > ($6, $7) ORDER BY submitted, arn LIMIT $8`
)

// Invocations lists an identity's invocations in the order of submission.
func (db *DB) Invocations(ctx context.Context, q InvocationQuery) ([]Invocation, error) {
	text, from := newestFirst, int64(math.MaxInt64)
	if q.Ascending {
		text, from = oldestFirst, -1
	}
	if !q.From.IsZero() {
		from = micros(q.From)
	}
	before := int64(math.MaxInt64)
	if !q.Before.IsZero() {
		before = micros(q.Before)
	}
	found, err := db.invocations(ctx, text, q.Identity, q.Region, micros(q.After), before, string(q.Status), from, q.FromARN, q.Limit)
	if err != nil {
		return nil, fmt.Errorf("listing invocations: %w", err)
	}
	return found, nil
}

// UncheckedInvocations lists an identity's invocations in progress that nobody
// asked Bedrock about since a time, those longest unasked first.
func (db *DB) UncheckedInvocations(ctx context.Context, identity, region string, since time.Time, limit int) ([]Invocation, error) {
	found, err := db.invocations(ctx, `SELECT `+invocationColumns+` FROM async_invocations
		WHERE identity = $1 AND region = $2 AND status = 'InProgress' AND checked < $3
		ORDER BY checked, submitted LIMIT $4`, identity, region, micros(since), limit)
	if err != nil {
		return nil, fmt.Errorf("listing invocations in progress: %w", err)
	}
	return found, nil
}

func (db *DB) invocations(ctx context.Context, query string, args ...any) (out []Invocation, err error) {
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var i Invocation
		var grants, status string
		var index, submitted, modified, ended int64
		err := rows.Scan(&i.ARN, &i.Identity, &grants, &i.Model, &i.ModelARN, &i.Region, &i.Account, &i.Output.URI, &i.Output.KMSKey, &i.Output.BucketOwner,
			&i.Token, &i.Record.Shard, &index, &submitted, &status, &modified, &ended)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(grants), &i.Grants); err != nil {
			return nil, fmt.Errorf("reading grants: %w", err)
		}
		i.Record.Index, i.Status = uint64(index), bedrock.InvocationStatus(status)
		i.Started, i.Modified, i.Ended = when(submitted), when(modified), when(ended)
		out = append(out, i)
	}
	return out, rows.Err()
}

// ForgetInvocations drops what was submitted before a time. It writes whether
// or not there is any, and so tells whether the store can remember more.
func (db *DB) ForgetInvocations(ctx context.Context, before time.Time) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM async_invocations WHERE submitted < $1`, micros(before))
		return err
	})
	if err != nil {
		return fmt.Errorf("forgetting old invocations: %w", err)
	}
	return nil
}

// InvocationsRead says up to which record of a shard's log invocations were
// looked for; MarkInvocationsRead notes it.
func (db *DB) InvocationsRead(ctx context.Context, shard string) (upto uint64, err error) {
	var n int64
	err = db.read.QueryRowContext(ctx, `SELECT upto FROM async_scans WHERE shard = $1`, shard).Scan(&n)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("reading how far invocations were looked for: %w", err)
	}
	return uint64(n), nil
}

// MarkInvocationsRead notes that every record before upto was looked at.
func (db *DB) MarkInvocationsRead(ctx context.Context, shard string, upto uint64) error {
	err := db.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO async_scans (shard, upto) VALUES ($1, $2)
			ON CONFLICT (shard) DO UPDATE SET upto = excluded.upto`, shard, int64(upto))
		return err
	})
	if err != nil {
		return fmt.Errorf("noting how far invocations were looked for: %w", err)
	}
	return nil
}
