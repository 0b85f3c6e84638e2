package governance

import (
	"context"
	"time"

	"github.com/writ-project/writ/internal/hold"
)

// Run hears of what other replicas decide, until ctx ends. What this process
// decides is heard of at once.
func (h *Holds) Run(ctx context.Context) {
	var heard int64
	for range h.office.cfg.Store.Watch(ctx) {
		changed, revision, err := h.office.cfg.Store.ChangedHolds(ctx, heard)
		if err != nil {
			if ctx.Err() == nil {
				h.cfg.Log.Warn("whether holds were decided elsewhere cannot be seen; it is tried again", "err", err)
			}
			continue
		}
		if heard > 0 || revision == 0 { // at first every hold there ever was has changed
			h.tell(changed)
		} else {
			h.tellAll()
		}
		heard = revision
	}
}

// Await returns a hold once it is over, or as it stands when ctx ends.
func (h *Holds) Await(ctx context.Context, id string) (hold.Hold, error) {
	told, forget := h.await(id)
	defer forget()
	for {
		k, err := h.look(context.WithoutCancel(ctx), id)
		if err != nil {
			return hold.Hold{}, err
		}
		n := k.At(h.office.cfg.Now())
		if n.State.Over() || ctx.Err() != nil {
			return n, nil
		}
		expiry := time.NewTimer(n.Expires.Sub(h.office.cfg.Now()))
		select {
		case <-ctx.Done():
		case <-told:
		case <-expiry.C:
		}
		expiry.Stop()
	}
}

// await has somebody told of a hold's changes.
func (h *Holds) await(id string) (told chan struct{}, forget func()) {
	told = make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting[id] == nil {
		h.waiting[id] = make(map[chan struct{}]bool)
	}
	h.waiting[id][told] = true
	return told, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if delete(h.waiting[id], told); len(h.waiting[id]) == 0 {
			delete(h.waiting, id)
		}
	}
}

// tell wakes who waits for some holds.
func (h *Holds) tell(ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		wake(h.waiting[id])
	}
}

func (h *Holds) tellAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, who := range h.waiting {
		wake(who)
	}
}

func wake(who map[chan struct{}]bool) {
	for told := range who {
		select {
		case told <- struct{}{}:
		default: // it will look anyway
		}
	}
}
