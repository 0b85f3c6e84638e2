package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// Config assembles a Notifier. Every field but Link and Log is required.
type Config struct {
	Store *store.DB
	// State is the newest snapshot: it says who people are. It may be nil while
	// there is none.
	State func() *snapshot.Snapshot
	Sinks []Sink
	// Source is the CloudEvents source: the origin of the audit log.
	Source string
	// Replica names this process among all that might tell a sink.
	Replica string
	Link    string // base URL of the console; empty: events carry commands only
	Log     *slog.Logger
}

// Notifier tells the configured sinks.
type Notifier struct {
	cfg     Config
	keepers []*keeper
}

// How a sink is held and told.
const (
	lease     = 45 * time.Second // a pass that is cut off leaves the sink to others after it
	idle      = 5 * time.Second  // between passes, when nothing is heard
	attempts  = 15               // until a delivery is dead: a good five hours
	firstWait = 5 * time.Second
	lastWait  = time.Hour
	window    = 500 // deliveries looked at in one pass
	keepSent  = 30 * 24 * time.Hour
)

// New makes a Notifier; it fails when a sink cannot be used as configured.
func New(cfg Config) (*Notifier, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Link = strings.TrimSuffix(cfg.Link, "/")
	n := &Notifier{cfg: cfg}
	seen := map[string]bool{}
	for _, s := range cfg.Sinks {
		send, err := s.sender(cfg.Source)
		if err != nil {
			return nil, err
		}
		if seen[s.Name] {
			return nil, fmt.Errorf("sink %s: the name is taken", s.Name)
		}
		seen[s.Name] = true
		n.keepers = append(n.keepers, &keeper{n: n, sink: s, send: send, now: time.Now})
	}
	return n, nil
}

// Run tells the sinks until ctx ends, and then leaves them to others.
func (n *Notifier) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, k := range n.keepers {
		all.Go(func() { k.run(ctx) })
	}
	all.Wait()
}

// keeper tells one sink.
type keeper struct {
	n       *Notifier
	sink    Sink
	send    sender
	now     func() time.Time
	looked  time.Time // when it last looked ahead
	cleared time.Time // when it last forgot what was delivered
	crossed int64     // the crossing of a budget's threshold that it looked at last
}

func (k *keeper) run(ctx context.Context) {
	changed := k.n.cfg.Store.Watch(ctx)
	tick := time.NewTicker(idle)
	defer tick.Stop()
	for {
		if err := k.pass(ctx); err != nil && !errors.Is(err, store.ErrHeld) && ctx.Err() == nil {
			k.n.cfg.Log.Warn("a sink was not told", "sink", k.sink.Name, "err", err)
		}
		select {
		case <-ctx.Done():
			_ = k.n.cfg.Store.ReleaseSink(context.WithoutCancel(ctx), k.sink.Name, k.n.cfg.Replica)
			return
		case _, open := <-changed:
			if !open {
				changed = nil
			}
		case <-tick.C:
		}
	}
}

// pass holds the sink, puts what is new behind what waits, and sends what is due.
func (k *keeper) pass(ctx context.Context) error {
	began := k.now() // the lease is counted from before it was asked for
	hold, err := k.n.cfg.Store.HoldSink(ctx, k.sink.Name, k.n.cfg.Replica, lease)
	if err != nil {
		return err
	}
	if err := k.collect(ctx, hold); err != nil {
		return err
	}
	if err := k.foresee(ctx, hold); err != nil {
		return err
	}
	if err := k.budgets(ctx, hold); err != nil {
		return err
	}
	if err := k.clear(ctx); err != nil {
		return err
	}
	return k.deliver(ctx, hold, began.Add(lease-2*sendTimeout))
}

// collect derives events from the changes behind the cursor.
func (k *keeper) collect(ctx context.Context, hold store.Hold) error {
	const batch = 200
	for {
		changes, err := k.n.cfg.Store.HistoryAfter(ctx, hold.Cursor, batch)
		if err != nil || len(changes) == 0 {
			return err
		}
		var all []Event
		for _, c := range changes {
			events, err := derive(ctx, k.n.cfg.Store, k.n.cfg.State(), hold.Since, c)
			if err != nil {
				return err
			}
			all = append(all, events...)
			hold.Cursor = store.Cursor{Revision: c.Revision, Position: c.Position}
		}
		queue, err := k.pack(all)
		if err != nil {
			return err
		}
		if err := k.n.cfg.Store.Enqueue(ctx, hold, hold.Cursor, queue); err != nil {
			return err
		}
	}
}

// pack turns events into deliveries to this sink.
func (k *keeper) pack(events []Event) ([]store.Delivery, error) {
	var out []store.Delivery
	for _, e := range events {
		if k.n.cfg.Link != "" && e.Data.Request != "" {
			e.Data.Link = k.n.cfg.Link + "/requests/" + url.PathEscape(e.Data.Request)
		}
		for _, p := range k.sink.parcels(e, k.n.email) {
			text, err := json.Marshal(p)
			if err != nil {
				return nil, fmt.Errorf("wording an event: %w", err)
			}
			out = append(out, store.Delivery{
				ID: idOf(k.sink.Name + "\n" + e.ID + "\n" + p.To), Subject: strings.TrimSpace(e.Subject + " " + p.To), Event: text,
			})
		}
	}
	return out, nil
}

// email finds somebody's address; empty where none is known.
func (n *Notifier) email(name string) string {
	if s := n.cfg.State(); s != nil {
		if o, ok := s.Operator(name); ok {
			return o.Email
		}
	}
	if a, err := address(name); err == nil && strings.Contains(a, "@") {
		return a
	}
	return ""
}

// deliver sends what is due, in order: what is about a thing waits for what was
// about it before. It stops while the sink is surely held.
func (k *keeper) deliver(ctx context.Context, hold store.Hold, until time.Time) error {
	queue, err := k.n.cfg.Store.Deliveries(ctx, store.DeliveryQuery{Sink: k.sink.Name, State: store.DeliveryWaiting, Limit: window})
	if err != nil {
		return err
	}
	blocked := map[string]bool{}
	for _, d := range queue {
		now := k.now()
		switch {
		case ctx.Err() != nil || !now.Before(until):
			return ctx.Err()
		case blocked[d.Subject]:
			continue
		case d.Next.After(now):
			blocked[d.Subject] = true
			continue
		}
		d = k.attempt(ctx, d)
		if ctx.Err() != nil && d.State != store.DeliveryDelivered {
			return ctx.Err() // it was cut off, and counts for nothing
		}
		blocked[d.Subject] = d.State == store.DeliveryWaiting
		if err := k.n.cfg.Store.Attempted(context.WithoutCancel(ctx), hold, d); err != nil {
			return err
		}
	}
	return nil
}

// attempt sends one delivery and says what became of it.
func (k *keeper) attempt(ctx context.Context, d store.Delivery) store.Delivery {
	var p parcel
	err := json.Unmarshal(d.Event, &p)
	if err != nil {
		err = permanentError{errors.New("the event cannot be read")}
	} else {
		ctx, cancel := context.WithTimeout(ctx, sendTimeout)
		err = k.send.send(ctx, p)
		cancel()
	}
	d.Attempts++
	var permanent permanentError
	switch {
	case err == nil:
		d.State, d.Error, d.Next = store.DeliveryDelivered, "", time.Time{}
	case errors.As(err, &permanent) || d.Attempts >= attempts:
		d.State, d.Error = store.DeliveryDead, cut(err.Error(), 500)
		k.n.cfg.Log.Warn("a notification is given up", "sink", k.sink.Name, "delivery", d.ID, "err", err)
	default:
		d.State, d.Error, d.Next = store.DeliveryWaiting, cut(err.Error(), 500), k.now().Add(backoff(d.Attempts))
	}
	return d
}

// backoff is how long to wait after a number of attempts: twice as long each
// time, and by chance up to a half less, so that sinks do not beat in step.
func backoff(attempts int) time.Duration {
	wait := lastWait
	if attempts < 12 {
		wait = min(lastWait, firstWait<<(attempts-1))
	}
	return wait - rand.N(wait/2)
}

// clear forgets, now and then, what was delivered long ago.
func (k *keeper) clear(ctx context.Context) error {
	now := k.now()
	if now.Sub(k.cleared) < time.Hour {
		return nil
	}
	k.cleared = now
	return k.n.cfg.Store.ForgetDeliveries(ctx, now.Add(-keepSent))
}
