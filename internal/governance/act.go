package governance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/store"
)

// act records an intention, performs it, and records how it ended. do is told
// which record authorises it.
func (o *Office) act(ctx context.Context, c auditlog.Control, do func(store.Ref) error) error {
	index, err := o.announce(ctx, c)
	if err != nil {
		return err
	}
	defer o.cfg.Ledger.leave(index)
	done := do(o.ref(index))
	// The act stands or fell whether or not the caller still listens.
	ctx = context.WithoutCancel(ctx)
	if done != nil {
		if done, err = o.wentThrough(ctx, o.ref(index), done); err != nil {
			return err
		}
	}
	return errors.Join(done, o.close(ctx, index, done))
}

func (o *Office) ref(index uint64) store.Ref {
	return store.Ref{Shard: o.cfg.Instance.Shard, Index: index}
}

// announce records an intention. One that the other replicas could not be told
// of is given up.
func (o *Office) announce(ctx context.Context, c auditlog.Control) (uint64, error) {
	entry, err := o.record(auditlog.KindControl, func(r *auditlog.Record) { r.Control = &c })
	if err != nil {
		return 0, err
	}
	index, err := o.cfg.Ledger.write(ctx, entry)
	if err != nil && !errors.Is(err, errUnpublished) {
		return 0, fmt.Errorf("recording the intention: %w", err)
	}
	if wrong := o.cfg.Ledger.announce(place{o.cfg.Ledger.own, index}, &c); wrong != nil {
		return 0, fmt.Errorf("recording the intention: %w", wrong)
	}
	if err != nil {
		defer o.cfg.Ledger.leave(index)
		return 0, errors.Join(fmt.Errorf("recording the intention: %w", err), o.close(context.WithoutCancel(ctx), index, err))
	}
	return index, nil
}

// close records the outcome of the act that record intent announced. That the
// other replicas are told later is no error: they go by what is committed.
func (o *Office) close(ctx context.Context, intent uint64, failed error) error {
	out := auditlog.Outcome{Intent: intent, Ended: ended}
	if failed != nil {
		out.Ended, out.ErrorType = "refused", errorType(failed)
	}
	entry, err := o.record(auditlog.KindControlOutcome, func(r *auditlog.Record) { r.Outcome = &out })
	if err != nil {
		return err
	}
	if _, err := o.cfg.Ledger.write(ctx, entry); err != nil && !errors.Is(err, errUnpublished) {
		return fmt.Errorf("recording the outcome: %w", err)
	}
	return o.cfg.Ledger.close(place{o.cfg.Ledger.own, intent}, failed == nil)
}

// A connection that broke in the middle of a commit leaves open whether it was
// made. The store knows, once it answers again; what takes longer than this is
// settled later.
const (
	askAgain    = 100 * time.Millisecond
	askAgainFor = 5 * time.Second
)

// wentThrough finds out how an act ended that failed: nil when it was committed
// all the same. When the store does not answer, the act is left open, for the
// clerk or the next start, and the error says so.
func (o *Office) wentThrough(ctx context.Context, ref store.Ref, failed error) (error, error) {
	for _, certain := range []error{store.ErrConflict, store.ErrEpoch, store.ErrNotFound, store.ErrRecordUsed, store.ErrReadOnly, ErrReplayed} {
		if errors.Is(failed, certain) {
			return failed, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askAgainFor)
	defer cancel()
	for {
		committed, err := o.committed(ctx, ref)
		switch {
		case err == nil && committed:
			return nil, nil
		case err == nil:
			return failed, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("it is not known whether this was done, and will be settled when the store answers again: %w", errors.Join(failed, err))
		case <-time.After(askAgain):
		}
	}
}

var errOrphan = errors.New("the process ended before the change was committed")

// Reconcile closes control actions of this process's log that a crash left
// open: committed ones as complete, the others as orphans. It runs before
// anything is served (security S27) and returns how many it closed. Open acts
// of other logs are theirs to close.
func (o *Office) Reconcile(ctx context.Context) (int, error) {
	return o.reconcile(ctx, o.cfg.Ledger.unfinished())
}

// settleLeft does so in a process that goes on, for acts that nobody performs any
// more since the store did not say how they ended.
func (o *Office) settleLeft(ctx context.Context) (int, error) {
	return o.reconcile(ctx, o.cfg.Ledger.abandoned())
}

func (o *Office) reconcile(ctx context.Context, open []uint64) (int, error) {
	for i, index := range open {
		committed, err := o.committed(ctx, o.ref(index))
		if err != nil {
			return i, err
		}
		failed := error(nil)
		if !committed {
			failed = errOrphan
		}
		if err := o.close(ctx, index, failed); err != nil {
			return i, err
		}
	}
	return len(open), nil
}

// committed reports whether the store holds anything by a record's authority.
func (o *Office) committed(ctx context.Context, ref store.Ref) (bool, error) {
	if _, ok, err := o.cfg.Store.Ascertain(ctx, ref); ok || err != nil {
		return ok, err
	}
	if ok, err := o.committedObserve(ctx, ref); ok || err != nil {
		return ok, err
	}
	if ok, err := o.committedUnfreezing(ctx, ref); ok || err != nil {
		return ok, err
	}
	keys, err := o.cfg.Store.Keys(ctx)
	for _, k := range keys {
		if k.Record == ref {
			return true, err
		}
	}
	return false, err
}
