package governance

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/widening"
)

// divert takes out of a plan what it takes other people to agree to, and has it
// asked for instead: every grant, and every change that widens a live grant or an
// operator's roles, as long as there is somebody to ask.
func (o *Office) divert(ctx context.Context, a Actor, p *Plan, current []manifest.Resource) error {
	var rest []manifest.Change
	for _, c := range p.Changes {
		g, isGrant := c.Resource.Spec.(*rights.Grant)
		switch {
		case !isGrant || c.Op == manifest.Unchanged:
			rest = append(rest, c)
		case c.Op == manifest.Delete:
			return fmt.Errorf("%s: %w", c.Resource.ID(), ErrBootstrapOver)
		default:
			p.Requests = append(p.Requests, o.asked(g, c.Op == manifest.Update))
		}
	}
	p.Changes = rest
	return o.divertWidening(ctx, a, p, current)
}

// asked is the request for a grant as a file has it.
func (o *Office) asked(g *rights.Grant, replaces bool) Submission {
	ask := &request.GrantAsk{Identity: g.Identity, Entitlement: g.Entitlement, Narrow: g.Narrow, Start: g.NotBefore}
	from := o.cfg.Now()
	if ask.Start.After(from) {
		from = ask.Start
	} else {
		ask.Start = time.Time{}
	}
	ask.Duration = min(max(g.NotAfter.Sub(from), time.Second), longestDuration)
	if replaces {
		ask.Replaces = g.ID
	}
	reason := g.Reason
	if reason == "" {
		reason = "applied from a file"
	}
	return Submission{Ask: request.Ask{Grant: ask}, Justification: reason}
}

func (o *Office) divertWidening(_ context.Context, a Actor, p *Plan, current []manifest.Resource) error {
	changes, err := store.Changes(p.Changes)
	if err != nil || len(changes) == 0 {
		return err
	}
	// What the log vouched for last, not what the store says: a row that somebody
	// widened there must not count as what was approved.
	if o.state == nil {
		return errors.New("the state cannot be loaded, and what a change widens cannot be told without it: restore the installation")
	}
	before := o.state.Current()
	if !approverBeside(before, a.Name, a.Party().Person) {
		return nil // nobody could be asked
	}
	widens, err := o.widens(before, changes)
	if err != nil || len(widens) == 0 {
		return err
	}
	return o.askFor(p, current, widens)
}

// widens is everything that changes give beyond what was approved.
func (o *Office) widens(before *snapshot.Snapshot, changes []store.Change) ([]request.Widens, error) {
	now := o.cfg.Now()
	after, err := before.With(changes, now)
	if err != nil {
		return nil, err
	}
	out, err := widening.Find(before, after, changes, rights.Place{Catalogue: after.Catalogue, Account: o.cfg.Account}, now)
	return append(out, widening.Roles(before, after, changes)...), err
}

// settleChange takes of a change that is asked for only what it would do: what that
// replaces, and what it widens, is found here and not believed.
func (o *Office) settleChange(s *snapshot.Snapshot, ask *request.ChangeAsk) (*request.ChangeAsk, error) {
	out := &request.ChangeAsk{}
	if len(ask.Changes) == 0 || len(ask.Changes) > batch-1 {
		return nil, fmt.Errorf("%w: a request is for 1 to %d changes", ErrInvalid, batch-1)
	}
	for _, c := range ask.Changes {
		kind := manifest.Kind(c.Kind)
		if !kind.InFiles() || kind == manifest.Grant {
			return nil, fmt.Errorf("%w: %s/%s is not changed by such a request", ErrInvalid, c.Kind, c.Name)
		}
		if c.Before = ""; c.Op != string(manifest.Create) {
			live, ok := s.Resource(kind, c.Name)
			if !ok {
				return nil, fmt.Errorf("%s/%s: %w", c.Kind, c.Name, store.ErrNotFound)
			}
			sum := live.Digest()
			c.Before = hex.EncodeToString(sum[:])
		}
		out.Changes = append(out.Changes, c)
	}
	changes, err := changesOf(s, out)
	if err == nil {
		err = o.tried(s, changes)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if out.Widens, err = o.widens(s, changes); err == nil && len(out.Widens) == 0 {
		err = fmt.Errorf("%w: it widens nothing, and can simply be applied", ErrNothing)
	}
	return out, err
}

// askFor moves the changes that widen into one request. What is left must be sound
// by itself; where it is not, everything is asked for.
func (o *Office) askFor(p *Plan, current []manifest.Resource, widens []request.Widens) error {
	causes := make(map[string]bool)
	for _, w := range widens {
		causes[w.Cause] = true
	}
	wide := func(c manifest.Change) bool { return causes[c.Resource.ID()] }
	rest := slices.DeleteFunc(slices.Clone(p.Changes), wide)
	if o.check(manifest.After(current, rest)) != nil {
		rest, wide = nil, func(manifest.Change) bool { return true }
	}
	ask := &request.ChangeAsk{Widens: widens}
	for _, c := range p.Changes {
		if c.Op == manifest.Unchanged || !wide(c) {
			continue
		}
		r, err := requested(c)
		if err != nil {
			return err
		}
		ask.Changes = append(ask.Changes, r)
	}
	if len(ask.Changes) > batch-1 {
		return fmt.Errorf("%w: %d changes would widen what was approved: ask for at most %d at once", ErrInvalid, len(ask.Changes), batch-1)
	}
	p.Changes = rest
	p.Requests = append(p.Requests, Submission{Ask: request.Ask{Change: ask}, Justification: "applied from files"})
	return nil
}

// requested words a change for a request, with what it replaces.
func requested(c manifest.Change) (request.Change, error) {
	out := request.Change{Op: string(c.Op), Kind: string(c.Resource.Kind), Name: c.Resource.Name}
	if c.Before != nil {
		sum := c.Before.Digest()
		out.Before = hex.EncodeToString(sum[:])
	}
	if c.Op == manifest.Delete {
		return out, nil
	}
	spec, err := c.Resource.Encode()
	out.Spec = json.RawMessage(spec)
	return out, err
}

// changesOf words the changes of an approved request, as long as what they replace
// is what it was.
func changesOf(s *snapshot.Snapshot, ask *request.ChangeAsk) ([]store.Change, error) {
	var out []store.Change
	for _, c := range ask.Changes {
		kind := manifest.Kind(c.Kind)
		live, there := s.Resource(kind, c.Name)
		var before string
		if there {
			sum := live.Digest()
			before = hex.EncodeToString(sum[:])
		}
		if before != c.Before {
			return nil, fmt.Errorf("%s/%s is no longer what the change was made for", c.Kind, c.Name)
		}
		change := store.Change{Op: manifest.Op(c.Op), Kind: kind, Name: c.Name, Spec: []byte(c.Spec)}
		if len(c.Spec) > 0 {
			if _, err := manifest.Decode(kind, c.Name, c.Spec); err != nil {
				return nil, err
			}
		}
		out = append(out, keepEpoch(live, change))
	}
	return out, nil
}

// keepEpoch carries an operator's or identity's present epoch into a change that
// was written before it rose: nothing lowers one.
func keepEpoch(live manifest.Resource, c store.Change) store.Change {
	switch was := live.Spec.(type) {
	case *operator.Operator:
		if r, err := manifest.Decode(c.Kind, c.Name, c.Spec); err == nil {
			next := *r.Spec.(*operator.Operator)
			next.Epoch = max(next.Epoch, was.Epoch)
			if spec, err := (manifest.Resource{Kind: c.Kind, Name: c.Name, Spec: &next}).Encode(); err == nil {
				c.Spec = spec
			}
		}
	}
	return c
}

// described names what is asked for, for errors.
func described(ask request.Ask) string {
	switch {
	case ask.Grant != nil:
		return "a grant of " + ask.Grant.Entitlement + " to " + ask.Grant.Identity
	case ask.Change != nil:
		var names []string
		for _, c := range ask.Change.Changes {
			names = append(names, c.Kind+"/"+c.Name)
		}
		return "changes of " + strings.Join(names, ", ")
	case ask.Lift != nil:
		return "the end of a quarantine"
	}
	return "a waiver"
}
