package governance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// HoldView is a hold as its reader may see it. Texts that a model wrote are made
// safe to show.
type HoldView struct {
	ID      string `json:"id"`
	Version int64  `json:"version"` // for HoldVerdict.Version
	hold.Hold
	Kind    string      `json:"kind,omitempty"`    // of the identity
	Sponsor string      `json:"sponsor,omitempty"` // of the identity
	Rights  []HoldRight `json:"rights"`            // what the call stood on
	Given   int         `json:"given"`             // people who agreed on the release that stands
	Wanted  int         `json:"wanted"`            // people that it takes
	// Eligible are the operators that may decide now.
	Eligible []string `json:"eligible,omitempty"`
	// May lists what the reader may do with it: decide. WhyNot says why they may not.
	May       []string  `json:"may,omitempty"`
	WhyNot    string    `json:"whyNot,omitempty"`
	Collected time.Time `json:"collected,omitzero"`
	Purged    bool      `json:"purged,omitempty"` // what it held is gone
	// What follows is for who may decide, and empty for others.
	Shown  bool       `json:"shown"`
	Asked  []CallView `json:"asked,omitempty"`
	Answer string     `json:"answerText,omitempty"` // of a whole answer
}

// HoldRight is one right that a held call stood on.
type HoldRight struct {
	Grant       string    `json:"grant,omitempty"`
	Entitlement string    `json:"entitlement,omitempty"`
	Until       time.Time `json:"until,omitzero"`
	Approvers   []string  `json:"approvers"` // selectors
}

// CallView is a tool call that waits, as whoever decides sees it.
type CallView struct {
	Index     int         `json:"index"`
	Tool      string      `json:"tool"`          // made visible
	Odd       string      `json:"odd,omitempty"` // what is odd about its name
	Why       string      `json:"why"`
	Arguments []string    `json:"arguments"`        // line by line
	Raw       []byte      `json:"raw"`              // as the model gave them, to edit
	Agreed    []byte      `json:"agreed,omitempty"` // what people agreed to release instead
	Diff      []hold.Line `json:"diff,omitempty"`   // from Raw to that
}

// HoldQuery picks holds.
type HoldQuery struct {
	Identity string
	State    hold.State // empty: those that wait
	Over     bool       // those that were decided or expired instead, whatever their state
	Purged   bool       // those whose content is gone instead
	ToDecide bool       // that the reader may decide on
	After    string
	Limit    int
}

// Holds lists the holds that the actor may see, without what they hold.
func (o *Office) Holds(ctx context.Context, a Actor, q HoldQuery) (Page[HoldView], error) {
	s, err := o.present(ctx)
	if err != nil {
		return Page[HoldView]{}, err
	}
	find := store.Query{Kind: manifest.Hold, Subject: q.Identity, State: string(q.State), After: q.After}
	if q.State == "" && !q.Over && !q.Purged {
		find.State = string(hold.Pending)
	}
	return fill(pageSize(q.Limit), func(after string, limit int) ([]store.Row, []string, error) {
		find.After, find.Limit = after, limit
		if after == "" {
			find.After = q.After
		}
		return o.rows(ctx, find, q.Purged)
	}, func(row store.Row) (HoldView, bool, error) {
		view, _, seen, err := o.viewHold(ctx, s, a, row)
		if errors.Is(err, snapshot.ErrUnauthorised) {
			return view, false, nil // it is none
		}
		seen = seen && (!q.Over || view.State.Over()) && (q.State == "" || view.State == q.State)
		return view, seen && (!q.ToDecide || slices.Contains(view.May, "decide")), err
	})
}

// HoldOf returns one hold, with what it holds where the actor may decide on it.
func (o *Office) HoldOf(ctx context.Context, a Actor, id string) (HoldView, error) {
	row, _, err := o.cfg.Store.Last(ctx, manifest.Hold, id)
	if err != nil {
		return HoldView{}, err
	}
	s, err := o.present(ctx)
	if err != nil {
		return HoldView{}, err
	}
	view, p, seen, err := o.viewHold(ctx, s, a, row)
	switch {
	case err != nil:
		return HoldView{}, err
	case !seen:
		return HoldView{}, fmt.Errorf("hold %q: %w", id, store.ErrNotFound)
	case o.holds == nil || view.Purged || !o.readsHold(s, p, a):
		return view, nil
	}
	return view, o.show(ctx, &view)
}

// viewHold is everything of a hold but what it holds.
func (o *Office) viewHold(ctx context.Context, s *snapshot.Snapshot, a Actor, row store.Row) (view HoldView, p panel, seen bool, err error) {
	if row, err = o.vouched(ctx, row); err != nil {
		return view, p, false, err
	}
	k, err := decodedHold(row)
	if err != nil {
		return view, p, false, err
	}
	view = HoldView{ID: row.Name, Version: row.Revision, Hold: k.At(o.cfg.Now()), Purged: row.Deleted()}
	p = o.panelOf(s, &view.Hold)
	if !o.seesHold(ctx, a, p) {
		return view, p, false, nil
	}
	view.Given, view.Wanted = view.Hold.Given()
	view.about(s)
	if view.Collected, err = o.cfg.Store.Collected(ctx, row.Name); err != nil || view.State.Over() {
		return view, p, true, err
	}
	view.Eligible = p.deciders()
	if _, err := o.mayDecideHold(ctx, s, p, a, ""); err != nil {
		view.WhyNot = err.Error()
	} else if why := endedFor(s, &view.Hold, o.cfg.Now()); why != "" {
		view.May, view.WhyNot = []string{"decide"}, "it can only be rejected: "+why
	} else {
		view.May = []string{"decide"}
	}
	return view, p, true, nil
}

// about fills in who asked, and by which rights.
func (v *HoldView) about(s *snapshot.Snapshot) {
	if i, ok := s.Identity(v.Identity); ok {
		v.Kind, v.Sponsor = string(i.Kind), i.Sponsor
	}
	for _, right := range v.Panels {
		r := HoldRight{Grant: right.Grant, Entitlement: right.Entitlement, Approvers: right.Approvers}
		if g, ok := s.Grant(right.Grant); ok {
			r.Until = g.NotAfter
		}
		v.Rights = append(v.Rights, r)
	}
	v.Calls = slices.Clone(v.Calls)
	for i := range v.Calls {
		v.Calls[i].Tool, v.Calls[i].ID = hold.Visible(v.Calls[i].Tool), hold.Visible(v.Calls[i].ID)
	}
}

// show fills in what is held.
func (o *Office) show(ctx context.Context, v *HoldView) error {
	k, err := o.holds.look(ctx, v.ID)
	if err != nil {
		return err
	}
	c, err := o.holds.content(ctx, &k.Hold)
	if err != nil {
		return err
	}
	v.Shown, v.Answer = true, hold.Readable(c.Text)
	for _, call := range k.Calls {
		arguments := c.Calls[call.Index]
		view := CallView{Index: call.Index, Tool: hold.Visible(call.Tool), Odd: hold.OddName(call.Tool), Why: call.Why, Arguments: hold.Pretty(arguments), Raw: arguments}
		edited, err := o.agreedEdit(ctx, &k.Hold, call.Index)
		if err != nil {
			return err
		}
		if edited != nil {
			view.Agreed, view.Diff = edited, hold.Diff(arguments, edited)
		}
		v.Asked = append(v.Asked, view)
	}
	return nil
}

// agreedEdit are the arguments that people agreed on so far in the place of the
// model's; nil where they did not.
func (o *Office) agreedEdit(ctx context.Context, h *hold.Hold, index int) ([]byte, error) {
	for _, choice := range h.Agreed() {
		if choice.Index == index && choice.Verdict == hold.Edit {
			return o.holds.unsealed(ctx, h.ID, editPart(index, choice.Edited))
		}
	}
	return nil, nil
}
