package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// The facts of observe mode: which statement switched it on, and that it was
// switched off. A statement's nonce names both, so that it can be used once.
const (
	ObserveOn  = "observe_on/"
	ObserveOff = "observe_off/"
)

// FactsOf returns the facts whose names begin with a prefix, by the rest of
// their names.
func (db *DB) FactsOf(ctx context.Context, prefix string) (facts map[string]string, err error) {
	found, err := db.read.QueryContext(ctx, `SELECT name, value FROM instance WHERE substr(name, 1, $1) = $2`, len(prefix), prefix)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", prefix, err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	facts = make(map[string]string)
	for found.Next() {
		var name, value string
		if err := found.Scan(&name, &value); err != nil {
			return nil, fmt.Errorf("reading %s: %w", prefix, err)
		}
		facts[strings.TrimPrefix(name, prefix)] = value
	}
	return facts, found.Err()
}
