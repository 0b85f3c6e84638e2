package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// How far ahead is looked, how often, and at how many grants at most: those that
// end soonest.
const (
	lookEvery  = time.Minute
	lookGrants = 1000
	longestFor = 7 * 24 * time.Hour // the earliest warning of a grant's end
)

// warnings are how long before a validation's end it is told, the last first.
var warnings = []time.Duration{24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}

// foresee tells of what is about to end by itself.
func (k *keeper) foresee(ctx context.Context, hold store.Hold) error {
	now := k.now()
	if now.Sub(k.looked) < lookEvery {
		return nil
	}
	events, err := k.expiringGrants(ctx, now)
	if err != nil {
		return err
	}
	queue, err := k.pack(append(events, k.validations(now)...))
	if err != nil {
		return err
	}
	if err := k.n.cfg.Store.Enqueue(ctx, hold, hold.Cursor, queue); err != nil {
		return err
	}
	k.looked = now
	return nil
}

// expiringGrants tells of grants of the people's road whose last tenth has begun.
func (k *keeper) expiringGrants(ctx context.Context, now time.Time) ([]Event, error) {
	rows, err := k.n.cfg.Store.Due(ctx, manifest.Grant, now.Add(longestFor), lookGrants)
	if err != nil {
		return nil, err
	}
	var out []Event
	for _, row := range rows {
		r, err := row.Resource()
		g, ok := r.Spec.(*rights.Grant)
		if err != nil || !ok || !g.State.Confers() || !g.NotAfter.After(now) || g.NotAfter.Sub(now) > warningOf(g) {
			continue
		}
		n := &news{Event: store.Event{Kind: manifest.Grant, Name: row.Name, Record: row.Record, At: now}, row: row, state: k.n.cfg.State()}
		d := n.facts(g, "the grant of %s to %s ends at %s", g.Entitlement, g.Identity, g.NotAfter.UTC().Format("2006-01-02 15:04 UTC"))
		d.Command = "writ grant extend " + row.Name
		out = append(out, n.event(GrantExpiring, "expiring/"+g.NotAfter.UTC().Format(time.RFC3339), d, n.concerned(g)...))
	}
	return out, nil
}

// warningOf is how long before its end a grant's end is told: a tenth of its
// life, at least ten minutes and at most a week.
func warningOf(g *rights.Grant) time.Duration {
	if g.NotBefore.IsZero() {
		return 24 * time.Hour
	}
	return min(longestFor, max(10*time.Minute, g.NotAfter.Sub(g.NotBefore)/10))
}

// validations tells of attestations that end or have ended, where none that is
// newer stands in their place.
func (k *keeper) validations(now time.Time) []Event {
	state := k.n.cfg.State()
	if state == nil {
		return nil
	}
	type what struct{ model, kind string }
	latest := map[what]*bedrock.Validation{}
	for _, v := range state.Validations() {
		w := what{v.Model, v.Kind}
		if old := latest[w]; old == nil || v.Expires.After(old.Expires) {
			latest[w] = v
		}
	}
	var out []Event
	for _, v := range latest {
		if e, ok := validationEvent(v, now); ok {
			n := &news{state: state}
			e.To = n.modelOwner(v.Model)
			out = append(out, e)
		}
	}
	return out
}

// validationEvent is what there is to tell of a validation at a time. One that
// ended more than a month ago is no news.
func validationEvent(v *bedrock.Validation, now time.Time) (Event, bool) {
	left := v.Expires.Sub(now)
	until := v.Expires
	d := Data{Model: v.Model, State: v.Kind, Until: &until, By: v.By, Command: "writ model attest " + v.Model}
	e := Event{Subject: "Validation/" + v.ID, Time: now}
	key := v.Expires.UTC().Format(time.RFC3339)
	switch {
	case left < -30*24*time.Hour:
		return e, false
	case left <= 0:
		e.Type, key = ValidationExpired, "expired/"+key
		d.Summary = fmt.Sprintf("%s of %s has expired: the model is not invoked where it is required", v.Kind, v.Model)
	default:
		step := time.Duration(0)
		for _, w := range warnings {
			if left <= w {
				step = w
				break
			}
		}
		if step == 0 {
			return e, false
		}
		e.Type, key = ValidationExpiring, fmt.Sprintf("expiring/%v/%s", step, key)
		d.Summary = fmt.Sprintf("%s of %s expires at %s", v.Kind, v.Model, v.Expires.UTC().Format("2006-01-02 15:04 UTC"))
	}
	e.ID, e.Data = idOf(e.Subject+"/"+key), d
	return e, true
}
