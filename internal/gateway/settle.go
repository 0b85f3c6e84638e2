package gateway

import (
	"time"

	"github.com/writ-project/writ/internal/bedrock"
)

// settle records the outcome, linked to its intent. It joins a later flush of
// the log; in strict mode it waits for it, and its error keeps the last byte
// from being released (security S27).
func (x *exchange) settle() error {
	if !x.ordered || x.settled {
		return nil
	}
	x.settled = true
	entry, err := x.outcomeRecord()
	if err == nil && x.g.cfg.Strict {
		_, err = x.g.cfg.Journal.Append(x.g.background, entry)
	} else if err == nil {
		_, err = x.g.cfg.Journal.Enqueue(entry)
	}
	if err != nil {
		x.unrecorded = true
		// The intent stays, listed as outcome unknown; a failed journal also
		// stops every later call.
		x.g.cfg.Log.Error("the outcome could not be recorded", "id", x.id, "intent", x.intent, "err", err)
	}
	return err
}

// cost is the list price of the usage in millionths of a USD, or nil when
// usage or price is unknown: unpriced is not free.
func (x *exchange) cost() *int64 {
	if x.target.Operation.Free() {
		return new(int64)
	}
	if !x.result.usage.Known {
		return nil
	}
	price, ok := x.state.Catalogue.PriceOf(x.model.ID, x.profile)
	if !ok {
		return nil
	}
	c, ok := bedrock.Cost(price, x.result.usage.Tokens)
	if !ok {
		return nil
	}
	return &c
}

// took is the exchange's duration so far.
func (x *exchange) took() time.Duration { return time.Since(x.began) }
