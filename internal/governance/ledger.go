package governance

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/store"
)

// Ledger answers, from the audit log, whether a change was authorised.
type Ledger struct {
	log   Recorder
	shard string

	// Rows are loaded in the order of their records, so the last one parsed
	// serves many rows.
	mu    sync.Mutex
	index uint64
	named map[auditlog.Change]bool
}

// NewLedger reads from log, which holds the records of one shard.
func NewLedger(log Recorder, shard string) *Ledger { return &Ledger{log: log, shard: shard} }

// Authorised reports an error unless the record that a row names exists and
// names that very change, by digest (security S17).
func (l *Ledger) Authorised(ref store.Ref, c store.Change) error {
	sum := c.Digest()
	return l.names(ref, auditlog.Change{Kind: string(c.Kind), Name: c.Name, Op: string(c.Op), Digest: hex.EncodeToString(sum[:])})
}

func (l *Ledger) names(ref store.Ref, want auditlog.Change) error {
	if ref.Shard != l.shard {
		return fmt.Errorf("record %v: this log is shard %q", ref, l.shard)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.named == nil || l.index != ref.Index {
		named, err := l.changes(ref.Index)
		if err != nil {
			return fmt.Errorf("record %v: %w", ref, err)
		}
		l.index, l.named = ref.Index, named
	}
	if !l.named[want] {
		return fmt.Errorf("record %v does not authorise this %s of %s/%s", ref, want.Op, want.Kind, want.Name)
	}
	return nil
}

func (l *Ledger) changes(index uint64) (map[auditlog.Change]bool, error) {
	entry, err := l.log.Entry(index)
	if err != nil {
		return nil, err
	}
	r, err := auditlog.ParseRecord(entry)
	if err != nil {
		return nil, err
	}
	if r.Control == nil || r.Kind != auditlog.KindControl {
		return nil, fmt.Errorf("it is a record of kind %s", r.Kind)
	}
	named := make(map[auditlog.Change]bool, len(r.Control.Changes))
	for _, c := range r.Control.Changes {
		named[c] = true
	}
	return named, nil
}

var errOrphan = errors.New("the process ended before the change was committed")

// Reconcile closes control actions that a crash left open: committed ones as
// complete, the others as orphans. It runs before anything is served
// (security S27) and returns how many it closed.
func (o *Office) Reconcile(ctx context.Context) (int, error) {
	open := make(map[uint64]bool)
	err := o.cfg.Log.Scan(ctx, 0, func(index uint64, entry []byte) error {
		r, err := auditlog.ParseRecord(entry)
		if err != nil {
			return fmt.Errorf("record %d: %w", index, err)
		}
		switch r.Kind {
		case auditlog.KindControl:
			open[index] = true
		case auditlog.KindControlOutcome:
			delete(open, r.Outcome.Intent)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("looking for unfinished acts: %w", err)
	}
	for index := range open {
		ref := store.Ref{Shard: o.cfg.Instance.Shard, Index: index}
		committed, err := o.committed(ctx, ref)
		if err != nil {
			return 0, err
		}
		failed := error(nil)
		if !committed {
			failed = errOrphan
		}
		if err := o.close(ctx, index, failed); err != nil {
			return 0, err
		}
	}
	return len(open), nil
}

// committed reports whether the store holds anything by a record's authority.
func (o *Office) committed(ctx context.Context, ref store.Ref) (bool, error) {
	if _, ok, err := o.cfg.Store.Committed(ctx, ref); ok || err != nil {
		return ok, err
	}
	keys, err := o.cfg.Store.Keys(ctx)
	return slices.ContainsFunc(keys, func(k store.Key) bool { return k.Record == ref }), err
}
