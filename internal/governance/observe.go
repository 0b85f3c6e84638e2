package governance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
)

// Errors of observe mode that faces tell apart.
var (
	// ErrReplayed: the statement's nonce has been used.
	ErrReplayed = errors.New("the statement has been used: a statement switches observe mode on once")
	// ErrObserving: observe mode is on already.
	ErrObserving = errors.New("observe mode is on: switch it off first")
	// ErrNotObserving: there is nothing to switch off.
	ErrNotObserving = errors.New("observe mode is off")
)

// observeKind is how records name observe mode among what they change; the
// name of the thing is the statement's nonce.
const observeKind = "Observe"

// Window is a time for which enforcement is switched off.
type Window struct {
	Statement
	Approvers []string // who signed
	Record    uint64   // of the control action
}

// During reports whether the window is open.
func (w *Window) During(now time.Time) bool {
	return w != nil && !now.Before(w.From) && now.Before(w.Until)
}

// Observe is the switch of observe mode: it takes a statement that two people
// signed to turn it on, one operator to turn it off, and ends by itself. Both
// are control actions in the log, which is also what is asked whether it is on:
// whoever can only write the store can turn it off, and never on (security
// S17). A statement counts from when it was recorded, and once.
type Observe struct {
	office    *Office
	origin    string
	approvers []string
	log       *slog.Logger

	mu  sync.Mutex      // one switching at a time
	off map[string]bool // nonces that were ended here, recorded or not
	now atomic.Pointer[Window]
}

// kept is a statement as the store holds it.
type kept struct {
	Record store.Ref `json:"record"`
	Signed string    `json:"signed"`
}

// OpenObserve reads the switch's position. A statement that is no longer
// signed by two of today's approvers does not count.
func OpenObserve(ctx context.Context, office *Office, origin string, approvers []string, log *slog.Logger) (*Observe, error) {
	o := &Observe{office: office, origin: origin, approvers: approvers, log: log, off: make(map[string]bool)}
	return o, o.look(ctx)
}

// look takes over what the store and the log say: at the start, and when
// another replica switches.
func (o *Observe) look(ctx context.Context) error {
	all, err := o.office.cfg.Store.FactsOf(ctx, store.ObserveOn)
	if err != nil {
		return err
	}
	var on *Window
	for _, nonce := range sortedKeys(all) {
		if o.off[nonce] || !o.office.cfg.Ledger.observing(nonce) {
			continue // long over
		}
		w, err := o.read(nonce, all[nonce])
		switch {
		case err != nil:
			o.log.Error("a statement of observe mode in the store does not count", "nonce", nonce, "err", err)
		case !o.office.cfg.Now().Before(w.Until):
			if err := o.end(ctx, w, Actor{Name: Self}, "observe.ended"); err != nil {
				return err
			}
		default:
			on = w
		}
	}
	o.now.Store(on)
	return nil
}

// read believes a stored statement that the log and two approvers vouch for.
func (o *Observe) read(nonce, text string) (*Window, error) {
	var k kept
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return nil, err
	}
	if err := o.office.cfg.Ledger.names(k.Record, announcedOn(nonce, []byte(k.Signed))); err != nil {
		return nil, err
	}
	s, names, err := OpenStatement([]byte(k.Signed), o.approvers)
	if err != nil {
		return nil, err
	}
	if s.Nonce != nonce || s.Origin != o.origin {
		return nil, errors.New("it is another statement")
	}
	return &Window{Statement: s, Approvers: names, Record: k.Record.Index}, nil
}

func announcedOn(nonce string, signed []byte) auditlog.Change {
	return auditlog.Change{Kind: observeKind, Name: nonce, Op: string(manifest.Create), Digest: digestOf(signed)}
}

// Current returns the window that is open now, or nil. It takes no lock.
func (o *Observe) Current(now time.Time) *Window {
	if w := o.now.Load(); w.During(now) {
		return w
	}
	return nil
}

// Pending returns the window that is open or will be, or nil.
func (o *Observe) Pending() *Window { return o.now.Load() }

// On switches observe mode on by a signed statement.
func (o *Observe) On(ctx context.Context, actor Actor, signed []byte) (*Window, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s, names, err := OpenStatement(signed, o.approvers)
	if err != nil {
		return nil, err
	}
	if err := o.usable(ctx, s); err != nil {
		return nil, err
	}
	w := &Window{Statement: s, Approvers: names}
	c := auditlog.Control{
		Action: "observe.on", Actor: actor.Name, Target: "signed by " + strings.Join(names, ", "),
		Changes: append(o.office.cfg.Ledger.closings(s.Nonce), announcedOn(s.Nonce, signed)),
	}
	c.ChangeCount = len(c.Changes)
	err = o.office.act(ctx, c, func(ref store.Ref) error {
		w.Record = ref.Index
		return o.keep(ctx, store.Fact(store.ObserveOn+s.Nonce), kept{ref, string(signed)})
	})
	if err != nil {
		return nil, err
	}
	o.now.Store(w)
	o.log.Warn("OBSERVE MODE IS ON: calls that no right covers are let through", "until", w.Until, "approvers", names, "record", w.Record)
	return w, nil
}

// usable checks a statement against the present.
func (o *Observe) usable(ctx context.Context, s Statement) error {
	now := o.office.cfg.Now()
	switch {
	case s.Origin != o.origin:
		return fmt.Errorf("the statement is for %s, and this is %s", s.Origin, o.origin)
	case !now.Before(s.Until):
		return fmt.Errorf("the statement ended at %s", s.Until.Format(time.RFC3339))
	case s.Until.Sub(now) > MaxObserve:
		return errors.New("the statement is for too far ahead: it must end within 30 days from now")
	case o.office.cfg.Ledger.spoken(s.Nonce):
		return ErrReplayed
	}
	if w := o.now.Load(); w != nil && now.Before(w.Until) {
		return ErrObserving
	}
	_, err := o.office.cfg.Store.Fact(ctx, store.Fact(store.ObserveOn+s.Nonce))
	switch {
	case err == nil:
		return ErrReplayed
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return nil
}

// keep sets a fact, which must not have been set.
func (o *Observe) keep(ctx context.Context, f store.Fact, k kept) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	stands, err := o.office.cfg.Store.SetFact(ctx, f, string(text))
	if err == nil && stands != string(text) {
		err = ErrReplayed
	}
	return err
}

// Off switches observe mode off: one person may.
func (o *Observe) Off(ctx context.Context, actor Actor) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.now.Load()
	if w == nil {
		return ErrNotObserving
	}
	return o.end(ctx, w, actor, "observe.off")
}

// end ends a window at once, and then records that it did: what cannot be
// recorded is off all the same.
func (o *Observe) end(ctx context.Context, w *Window, actor Actor, action string) error {
	o.now.Store(nil)
	o.off[w.Nonce] = true
	c := auditlog.Control{Action: action, Actor: actor.Name, Changes: o.office.cfg.Ledger.closings("")}
	c.ChangeCount = len(c.Changes)
	err := o.office.act(ctx, c, func(ref store.Ref) error {
		return o.keep(ctx, store.Fact(store.ObserveOff+w.Nonce), kept{Record: ref})
	})
	if errors.Is(err, ErrReplayed) {
		return nil // another replica was faster
	}
	if err != nil {
		return fmt.Errorf("observe mode is off here, but that is not recorded: %w", err)
	}
	o.log.Warn("observe mode is off: every call needs its right again", "action", action, "by", actor.Name)
	return nil
}

// endEvery is how often Run looks whether the window is over, here or since
// another replica ended it. Current asks the clock itself: this only writes
// down that it ended.
const endEvery = time.Second

// Run records the end of a window that ends by itself, takes over what other
// replicas switch, and calls ended for whoever must reconsider open calls, until
// ctx ends.
func (o *Observe) Run(ctx context.Context, ended func()) {
	tick := time.NewTicker(endEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := o.turn(ctx, ended); err != nil && ctx.Err() == nil {
			o.log.Error("observe mode could not be brought up to date", "err", err)
		}
	}
}

// turn ends a window that is over, and otherwise looks what others did. What
// was open under it is reconsidered when it is off.
func (o *Observe) turn(ctx context.Context, ended func()) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.now.Load()
	if w != nil && !o.office.cfg.Now().Before(w.Until) {
		defer ended()
		return o.end(ctx, w, Actor{Name: Self}, "observe.ended")
	}
	if err := o.look(ctx); err != nil {
		return err
	}
	if w != nil && o.now.Load() == nil {
		o.log.Warn("observe mode is off: another replica ended it", "record", w.Record)
		ended()
	}
	return nil
}

// observing reports whether the log's last word on a nonce is that it switched
// observe mode on.
func (l *Ledger) observing(nonce string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, known := l.observed(nonce)
	return known && !l.ends(last)
}

// observed is the log's last word on a nonce; it needs the ledger's lock.
func (l *Ledger) observed(nonce string) (last saying, known bool) {
	kind, known := l.terms.at[observeKind]
	if known {
		last, known = l.latest[thing{nonce, kind}]
	}
	return last, known
}

// closings are the changes that end every window the log has open but one:
// also those that the store has lost, so that putting a row back opens none.
func (l *Ledger) closings(but string) (out []auditlog.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for t, last := range l.latest {
		if l.terms.names[t.kind] == observeKind && t.name != but && !l.ends(last) {
			out = append(out, auditlog.Change{Kind: observeKind, Name: t.name, Op: string(manifest.Delete)})
		}
	}
	slices.SortFunc(out, func(a, b auditlog.Change) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// spoken reports whether the log has ever named a nonce.
func (l *Ledger) spoken(nonce string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.observed(nonce)
	return known
}

// committedObserve reports whether the store holds a switching of observe mode
// by a record's authority.
func (o *Office) committedObserve(ctx context.Context, ref store.Ref) (bool, error) {
	for _, prefix := range []string{store.ObserveOn, store.ObserveOff} {
		facts, err := o.cfg.Store.FactsOf(ctx, prefix)
		if err != nil {
			return false, err
		}
		for _, text := range facts {
			var k kept
			if json.Unmarshal([]byte(text), &k) == nil && k.Record == ref {
				return true, nil
			}
		}
	}
	return false, nil
}
