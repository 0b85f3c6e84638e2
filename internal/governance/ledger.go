package governance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
)

// Ledger is what the audit log says the state must be: which record spoke last
// of each resource, and which acts are still open. Against it, whoever can
// write the store but not the log can neither add a row, nor put an old one
// back, nor take one away (security S17).
type Ledger struct {
	log   Recorder
	shard string

	mu     sync.Mutex
	latest map[resource]word
	floors map[string]uint32            // the lowest epoch at which an identity's sessions count
	open   map[uint64][]auditlog.Change // control records without an outcome
}

// resource names what a change is about.
type resource struct{ kind, name string }

// word is the last completed change of a resource.
type word struct {
	index uint64
	auditlog.Change
}

// OpenLedger reads the log's control records.
func OpenLedger(ctx context.Context, log Recorder, shard string) (*Ledger, error) {
	l := &Ledger{log: log, shard: shard, latest: make(map[resource]word), floors: make(map[string]uint32), open: make(map[uint64][]auditlog.Change)}
	err := log.Scan(ctx, 0, func(index uint64, entry []byte) error {
		if !control(entry) {
			return nil
		}
		r, err := auditlog.ParseRecord(entry)
		if err != nil {
			return fmt.Errorf("record %d: %w", index, err)
		}
		if r.Kind == auditlog.KindControl {
			l.announce(index, r.Control.Changes)
		} else {
			l.close(r.Outcome.Intent, r.Outcome.Ended == ended)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	return l, nil
}

// control recognises the two kinds of control record by how every entry in
// canonical form begins, which spares parsing a log full of calls.
func control(entry []byte) bool { return bytes.HasPrefix(entry, []byte(`{"v":1,"kind":"control`)) }

// announce notes a control record.
func (l *Ledger) announce(index uint64, changes []auditlog.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[index] = changes
}

// close notes how the act of a control record ended.
func (l *Ledger) close(index uint64, complete bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if complete {
		for _, c := range l.open[index] {
			l.latest[resource{c.Kind, c.Name}] = word{index, c}
			l.raise(c)
		}
	}
	delete(l.open, index)
}

// raise keeps an identity's epoch from ever being lower than the log has seen
// it; deleting an identity ends its sessions for good.
func (l *Ledger) raise(c auditlog.Change) {
	if c.Kind != string(manifest.Identity) {
		return
	}
	floor := max(l.floors[c.Name], c.Epoch)
	if c.Op == string(manifest.Delete) {
		floor++
	}
	l.floors[c.Name] = floor
}

// Floors returns the epochs that a restored store must not fall below
// (security S17).
func (l *Ledger) Floors() map[string]uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.floors)
}

// unfinished lists the open acts in order.
func (l *Ledger) unfinished() []uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []uint64
	for index := range l.open {
		out = append(out, index)
	}
	slices.Sort(out)
	return out
}

// Authorised reports an error unless the record that a row names is the last
// that spoke of its resource, and names that very change by digest.
func (l *Ledger) Authorised(ref store.Ref, c store.Change) error {
	return l.names(ref, worded(c))
}

func (l *Ledger) names(ref store.Ref, want auditlog.Change) error {
	if ref.Shard != l.shard {
		return fmt.Errorf("record %v: this log is shard %q", ref, l.shard)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	last, known := l.latest[resource{want.Kind, want.Name}]
	switch {
	case known && last.index == ref.Index && last.Change == want:
		return nil
	case known && last.index > ref.Index:
		return fmt.Errorf("record %v is overtaken: record %d spoke of %s/%s after it", ref, last.index, want.Kind, want.Name)
	case slices.Contains(l.open[ref.Index], want):
		return nil // committed a moment ago; its outcome is on the way
	}
	return fmt.Errorf("record %v does not authorise this %s of %s/%s", ref, want.Op, want.Kind, want.Name)
}

// Whole reports an error when rows, loaded as the whole state, lack a resource
// that the log says is there.
func (l *Ledger) Whole(rows []store.Row) error {
	have := make(map[resource]bool, len(rows))
	for _, r := range rows {
		have[resource{string(r.Kind), r.Name}] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for r, last := range l.latest {
		if r.kind != keyKind && r.kind != observeKind && last.Op != string(manifest.Delete) && !have[r] {
			return fmt.Errorf("%s/%s is missing from the store: record %d put it there", r.kind, r.name, last.index)
		}
	}
	return nil
}

// Load reads the state of a store, and refuses a whole one with gaps.
func (l *Ledger) Load(ctx context.Context, db *store.DB, since int64) ([]store.Row, int64, error) {
	rows, revision, err := db.Load(ctx, since)
	if err == nil && since == 0 {
		err = l.Whole(rows)
	}
	return rows, revision, err
}

var errOrphan = errors.New("the process ended before the change was committed")

// Reconcile closes control actions that a crash left open: committed ones as
// complete, the others as orphans. It runs before anything is served
// (security S27) and returns how many it closed.
func (o *Office) Reconcile(ctx context.Context) (int, error) {
	open := o.cfg.Ledger.unfinished()
	for _, index := range open {
		committed, err := o.committed(ctx, store.Ref{Shard: o.cfg.Instance.Shard, Index: index})
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
	if ok, err := o.committedObserve(ctx, ref); ok || err != nil {
		return ok, err
	}
	keys, err := o.cfg.Store.Keys(ctx)
	return slices.ContainsFunc(keys, func(k store.Key) bool { return k.Record == ref }), err
}
