package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// SpendTags say what a sum of spend is about; empty: not known.
type SpendTags struct {
	Day                                                      string // 2006-01-02 in UTC, of the call's beginning
	Identity, Team, Owner, Sponsor, Environment, Entitlement string
	Model, Profile, Region, Account, Operation, Tier         string
}

// SpendRow is a sum of what calls took.
type SpendRow struct {
	SpendTags
	Requests          int64
	Unpriced          int64 // of them, without a known price: they are not in MicroUSD
	Estimated         int64 // of them, without usage: at what was reserved
	Input             int64 // tokens, without those read from or written to a cache
	Output            int64
	CacheRead         int64
	CacheWrite        int64 // to a cache of five minutes
	CacheWriteHour    int64 // to a cache of an hour
	GuardrailUnits    int64
	MicroUSD          int64
	EstimatedMicroUSD int64 // of it, of requests without usage
}

// Add adds the sums of another row.
func (r *SpendRow) Add(o *SpendRow) {
	from := o.sums()
	for i, into := range r.sums() {
		*into += *from[i]
	}
}

// sums are the columns of numbers, in the order of the table.
func (r *SpendRow) sums() [11]*int64 {
	return [11]*int64{&r.Requests, &r.Unpriced, &r.Estimated, &r.Input, &r.Output, &r.CacheRead, &r.CacheWrite, &r.CacheWriteHour,
		&r.GuardrailUnits, &r.MicroUSD, &r.EstimatedMicroUSD}
}

// SpendColumns are what spend can be summed by.
var SpendColumns = words(`day identity team owner sponsor environment entitlement model profile region account operation tier`)

// columns are the tags in the order of SpendColumns.
func (t *SpendTags) columns() [13]*string {
	return [13]*string{&t.Day, &t.Identity, &t.Team, &t.Owner, &t.Sponsor, &t.Environment, &t.Entitlement, &t.Model, &t.Profile,
		&t.Region, &t.Account, &t.Operation, &t.Tier}
}

// id is the same for the same tags and no others.
func (t *SpendTags) id() string {
	h := sha256.New()
	var size [8]byte
	for _, c := range t.columns() {
		binary.BigEndian.PutUint64(size[:], uint64(len(*c)))
		h.Write(size[:])
		h.Write([]byte(*c))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// addSpend adds sums to the table, in one order for all replicas.
func addSpend(ctx context.Context, tx *sql.Tx, rows []SpendRow) error {
	ids := make(map[string]*SpendRow, len(rows))
	order := make([]string, 0, len(rows))
	for i := range rows {
		id := rows[i].id()
		if ids[id] == nil {
			order = append(order, id)
		}
		ids[id] = &rows[i]
	}
	slices.Sort(order)
	for _, id := range order {
		args := []any{id}
		for _, c := range ids[id].columns() {
			args = append(args, *c)
		}
		for _, n := range ids[id].sums() {
			args = append(args, *n)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO spend (id, day, identity, team, owner, sponsor, environment, entitlement, model, profile, region, account, operation, tier,
				requests, unpriced, estimated, input, output, cache_read, cache_write, cache_hour, guardrail_units, micro_usd, estimated_usd)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)
			ON CONFLICT (id) DO UPDATE SET requests = spend.requests + excluded.requests, unpriced = spend.unpriced + excluded.unpriced,
				estimated = spend.estimated + excluded.estimated, input = spend.input + excluded.input, output = spend.output + excluded.output,
				cache_read = spend.cache_read + excluded.cache_read, cache_write = spend.cache_write + excluded.cache_write,
				cache_hour = spend.cache_hour + excluded.cache_hour, guardrail_units = spend.guardrail_units + excluded.guardrail_units,
				micro_usd = spend.micro_usd + excluded.micro_usd, estimated_usd = spend.estimated_usd + excluded.estimated_usd`, args...)
		if err != nil {
			return fmt.Errorf("adding to what was spent: %w", err)
		}
	}
	return nil
}

// SpendQuery says what to sum.
type SpendQuery struct {
	From, To string   // days, 2006-01-02, both included; empty: open
	By       []string // of SpendColumns; none: one sum of all
}

// Spend sums what was spent, in the order of the tags. Tags that are not asked for
// are empty.
func (db *DB) Spend(ctx context.Context, q SpendQuery) (out []SpendRow, err error) {
	args := []any{q.From, q.To}
	for _, by := range q.By {
		if !slices.Contains(SpendColumns, by) {
			return nil, fmt.Errorf("spend by %q: want some of %s", by, strings.Join(SpendColumns, ", "))
		}
	}
	for _, name := range SpendColumns {
		by := ""
		if slices.Contains(q.By, name) {
			by = name
		}
		args = append(args, by)
	}
	rows, err := db.read.QueryContext(ctx, sumSpend, args...)
	if err != nil {
		return nil, fmt.Errorf("summing what was spent: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r SpendRow
		var into []any
		for _, c := range r.columns() {
			into = append(into, c)
		}
		for _, n := range r.sums() {
			into = append(into, n)
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("summing what was spent: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// sumSpend leaves out the tags that are not asked for before it sums.
const sumSpend = `SELECT day, identity, team, owner, sponsor, environment, entitlement, model, profile, region, account, operation, tier,
		CAST(SUM(requests) AS BIGINT), CAST(SUM(unpriced) AS BIGINT), CAST(SUM(estimated) AS BIGINT), CAST(SUM(input) AS BIGINT), CAST(SUM(output) AS BIGINT),
		CAST(SUM(cache_read) AS BIGINT), CAST(SUM(cache_write) AS BIGINT), CAST(SUM(cache_hour) AS BIGINT), CAST(SUM(guardrail_units) AS BIGINT),
		CAST(SUM(micro_usd) AS BIGINT), CAST(SUM(estimated_usd) AS BIGINT)
	FROM (SELECT CASE WHEN $3 = '' THEN '' ELSE day END AS day, CASE WHEN $4 = '' THEN '' ELSE identity END AS identity,
			CASE WHEN $5 = '' THEN '' ELSE team END AS team, CASE WHEN $6 = '' THEN '' ELSE owner END AS owner,
			CASE WHEN $7 = '' THEN '' ELSE sponsor END AS sponsor, CASE WHEN $8 = '' THEN '' ELSE environment END AS environment,
			CASE WHEN $9 = '' THEN '' ELSE entitlement END AS entitlement, CASE WHEN $10 = '' THEN '' ELSE model END AS model,
			CASE WHEN $11 = '' THEN '' ELSE profile END AS profile, CASE WHEN $12 = '' THEN '' ELSE region END AS region,
			CASE WHEN $13 = '' THEN '' ELSE account END AS account, CASE WHEN $14 = '' THEN '' ELSE operation END AS operation,
			CASE WHEN $15 = '' THEN '' ELSE tier END AS tier,
			requests, unpriced, estimated, input, output, cache_read, cache_write, cache_hour, guardrail_units, micro_usd, estimated_usd
		FROM spend WHERE ($1 = '' OR day >= $1) AND ($2 = '' OR day <= $2)) AS tagged
	GROUP BY day, identity, team, owner, sponsor, environment, entitlement, model, profile, region, account, operation, tier
	ORDER BY day, identity, team, owner, sponsor, environment, entitlement, model, profile, region, account, operation, tier`
