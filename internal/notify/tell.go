package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/store"
)

// Impersonation is a session that an operator minted for an identity.
type Impersonation struct {
	Identity string
	Operator string // who minted it
	Session  string // its id
	Until    time.Time
	Record   store.Ref // of the mint
}

// Impersonated tells whoever answers for the identity (security S17). It returns
// once the event waits for every sink.
func (n *Notifier) Impersonated(ctx context.Context, m Impersonation) error {
	w := &news{state: n.cfg.State()}
	until := m.Until
	return n.tell(ctx, Event{
		ID: idOf("Session/" + m.Session + "/impersonated"), Type: Impersonated, Subject: "Identity/" + m.Identity, Time: time.Now(),
		Data: Data{Summary: fmt.Sprintf("%s has a session of %s", m.Operator, m.Identity), By: m.Operator, Identity: m.Identity, Until: &until,
			Command: "writ sessions revoke " + m.Identity, Record: recordOf(m.Record)},
		To: w.sponsors(m.Identity),
	})
}

// Drifted tells that a replica's snapshot differs from the store in a grant.
func (n *Notifier) Drifted(ctx context.Context, grant, identity, replica string, revision int64) error {
	w := &news{state: n.cfg.State()}
	return n.tell(ctx, Event{
		ID: idOf(fmt.Sprintf("Grant/%s/drifted/%s/%d", grant, replica, revision)), Type: GrantDrifted, Subject: "Grant/" + grant, Time: time.Now(),
		Data: Data{Summary: fmt.Sprintf("replica %s does not decide on grant %s as the store has it", replica, grant),
			Grant: grant, Identity: identity, Command: "writ grant show " + grant},
		To: w.sponsors(identity),
	})
}

// tell puts an event behind what waits for each sink. A sink that nobody has
// held yet has nothing to be told.
func (n *Notifier) tell(ctx context.Context, e Event) error {
	var errs []error
	for _, k := range n.keepers {
		queue, err := k.pack([]Event{e})
		if err == nil && len(queue) > 0 {
			err = n.cfg.Store.Post(ctx, k.sink.Name, queue)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// SinkView is how a sink is doing.
type SinkView struct {
	Name      string   `json:"name"`
	Kind      SinkKind `json:"kind"`
	Events    []string `json:"events,omitempty"`
	Audience  []string `json:"audience,omitempty"`
	Holder    string   `json:"holder,omitempty"` // the replica that tells it
	Waiting   int64    `json:"waiting"`
	Delivered int64    `json:"delivered"` // of the last thirty days
	Dead      int64    `json:"dead"`
}

// Sinks lists the configured sinks.
func (n *Notifier) Sinks(ctx context.Context) ([]SinkView, error) {
	out := []SinkView{}
	for _, k := range n.keepers {
		s, err := n.cfg.Store.SinkState(ctx, k.sink.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, SinkView{
			Name: k.sink.Name, Kind: k.sink.Kind, Events: k.sink.Events, Audience: k.sink.Audience, Holder: s.Holder,
			Waiting: s.Waiting, Delivered: s.Delivered, Dead: s.Dead,
		})
	}
	return out, nil
}

// DeadView is a notification that was given up.
type DeadView struct {
	ID       string    `json:"id"`
	Sink     string    `json:"sink"`
	Subject  string    `json:"subject"`
	Error    string    `json:"error"`
	Attempts int       `json:"attempts"`
	Created  time.Time `json:"created"`
}

// Dead lists what was given up, at most a thousand.
func (n *Notifier) Dead(ctx context.Context) ([]DeadView, error) {
	all, err := n.cfg.Store.Deliveries(ctx, store.DeliveryQuery{State: store.DeliveryDead, Limit: 1000})
	if err != nil {
		return nil, err
	}
	out := []DeadView{}
	for _, d := range all {
		out = append(out, DeadView{d.ID, d.Sink, d.Subject, d.Error, d.Attempts, d.Created})
	}
	return out, nil
}

// Retry has a notification that was given up tried again; store.ErrNotFound when
// there is none such.
func (n *Notifier) Retry(ctx context.Context, id string) error { return n.cfg.Store.Revive(ctx, id) }

// Test sends an event to a sink at once, to each address that a mail sink has for
// security, and says how that went; store.ErrNotFound when there is no such sink.
func (n *Notifier) Test(ctx context.Context, sink, by string) error {
	for _, k := range n.keepers {
		if k.sink.Name != sink {
			continue
		}
		now := time.Now()
		p := parcel{Event: Event{
			ID: idOf(fmt.Sprintf("Sink/%s/test/%d", sink, now.UnixNano())), Type: SinkTest, Subject: "Sink/" + sink, Time: now,
			Data: Data{Summary: "a test of sink " + sink, By: by},
		}}
		if k.sink.Kind != MailSink {
			return k.send.send(ctx, p)
		}
		if len(k.sink.Mail.To) == 0 {
			return fmt.Errorf("sink %s: it has no addresses of its own: set mail.to", sink)
		}
		for _, p.To = range k.sink.Mail.To {
			if err := k.send.send(ctx, p); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("sink %q: %w", sink, store.ErrNotFound)
}
