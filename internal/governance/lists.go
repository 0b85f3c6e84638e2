package governance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/grant"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/sod"
	"github.com/writ-project/writ/internal/store"
)

// Sizes of a page.
const (
	defaultPage = 50
	longestPage = 500
)

func pageSize(asked int) int {
	if asked <= 0 {
		return defaultPage
	}
	return min(asked, longestPage)
}

// seesRequest reports whether the actor may see a request: whose it is, who may
// decide on it now, and who sees everything.
func (o *Office) seesRequest(ctx context.Context, a Actor, c *circle, r *request.Request) bool {
	on := c.object
	if st, open := r.Open(); open {
		on.Eligible = slices.Clip(c.deciders(&st, r.Escalated))
	}
	for _, d := range r.Decisions {
		on.Eligible = append(on.Eligible, d.By.Operator) // who decided may see what became of it
	}
	return o.sees(ctx, a, on) || o.standsIn(c.state, a, on.Eligible)
}

// standsIn reports whether somebody who may decide has delegated to the actor.
func (o *Office) standsIn(s *snapshot.Snapshot, a Actor, eligible []string) bool {
	now := o.cfg.Now()
	return slices.ContainsFunc(s.Delegations(), func(d *operator.Delegation) bool {
		return d.To == a.Name && d.During(now) && slices.Contains(eligible, d.From)
	})
}

// Request returns one request, in progress or over.
func (o *Office) Request(ctx context.Context, a Actor, id string) (RequestView, error) {
	row, _, err := o.cfg.Store.Last(ctx, manifest.Request, id)
	if err != nil {
		return RequestView{}, err
	}
	s, err := o.present(ctx)
	if err != nil {
		return RequestView{}, err
	}
	view, seen, err := o.viewRequest(ctx, s, a, row, o.editors)
	switch {
	case err != nil:
		return RequestView{}, err
	case !seen:
		return RequestView{}, fmt.Errorf("request %q: %w", id, store.ErrNotFound)
	case !view.State.Over():
		view.Conflicts = o.would(s, &view.Request)
	}
	return view, nil
}

func (o *Office) viewRequest(ctx context.Context, s *snapshot.Snapshot, a Actor, row store.Row, by editorsOf) (RequestView, bool, error) {
	row, err := o.vouched(ctx, row)
	if err != nil {
		return RequestView{}, false, err
	}
	res, err := row.Resource()
	if err != nil {
		return RequestView{}, false, err
	}
	r := *res.Spec.(*request.Request)
	editors, err := by(ctx, &r)
	if err != nil {
		return RequestView{}, false, err
	}
	c := o.circleOf(s, &r, editors)
	if !o.seesRequest(ctx, a, c, &r) {
		return RequestView{}, false, nil
	}
	view := RequestView{ID: row.Name, Version: row.Revision, Request: r}
	if st, open := r.Open(); open {
		view.Eligible = c.deciders(&st, r.Escalated)
		view.May = o.options(ctx, s, a, c, &r)
	}
	return view, true, nil
}

// options are what the actor may do with an open request.
func (o *Office) options(ctx context.Context, s *snapshot.Snapshot, a Actor, c *circle, r *request.Request) []string {
	var out []string
	if o.mayDecide(ctx, s, &word{request: *r, circle: c, actor: a, seen: true}, "") == nil {
		out = append(out, "decide")
	}
	if o.May(ctx, a, authority.Cancel, c.object) == nil && r.Kind != request.ForReview {
		out = append(out, "cancel")
	}
	return out
}

// Requests lists the requests that the actor may see.
func (o *Office) Requests(ctx context.Context, a Actor, q RequestQuery) (Page[RequestView], error) {
	s, err := o.present(ctx)
	if err != nil {
		return Page[RequestView]{}, err
	}
	over := q.Over || q.State.Over()
	find := store.Query{Kind: manifest.Request, Subject: q.Identity, State: string(q.State), After: q.After}
	editors := o.remembered()
	return fill(pageSize(q.Limit), func(after string, limit int) ([]store.Row, []string, error) {
		find.After, find.Limit = after, limit
		if after == "" {
			find.After = q.After
		}
		return o.rows(ctx, find, over)
	}, func(row store.Row) (RequestView, bool, error) {
		view, seen, err := o.viewRequest(ctx, s, a, row, editors)
		if errors.Is(err, snapshot.ErrUnauthorised) {
			return view, false, nil // nobody asked for it, so nobody is shown it
		}
		seen = seen && (!q.Mine || view.Requester.Operator == a.Name) && (q.Kind == "" || view.Kind == q.Kind)
		return view, seen && (!q.ToDecide || slices.Contains(view.May, "decide")), err
	})
}

// rows reads a page of what lives, or of what has ended, with the cursor after each.
func (o *Office) rows(ctx context.Context, q store.Query, over bool) (rows []store.Row, cursors []string, err error) {
	if !over {
		rows, err = o.cfg.Store.Page(ctx, q)
		for _, r := range rows {
			cursors = append(cursors, r.Name)
		}
		return rows, cursors, err
	}
	ended, err := o.cfg.Store.Archive(ctx, q)
	for _, e := range ended {
		rows, cursors = append(rows, e.Row), append(cursors, e.Cursor())
	}
	return rows, cursors, err
}

// fill reads on until a page is full of rows that its reader may see.
func fill[T any](size int, read func(after string, limit int) ([]store.Row, []string, error), view func(store.Row) (T, bool, error)) (Page[T], error) {
	page := Page[T]{Items: []T{}}
	after := ""
	for {
		rows, cursors, err := read(after, size+1)
		if err != nil {
			return page, err
		}
		for i, row := range rows {
			item, seen, err := view(row)
			if err != nil {
				return page, err
			}
			if !seen {
				continue
			}
			if len(page.Items) == size {
				return page, nil // Next was set by the last item
			}
			page.Items = append(page.Items, item)
			page.Next = cursors[i]
		}
		if len(rows) <= size {
			page.Next = ""
			return page, nil
		}
		after = cursors[len(cursors)-1]
	}
}

// Grant returns one grant, live or ended.
func (o *Office) Grant(ctx context.Context, a Actor, name string) (GrantView, error) {
	row, ended, err := o.cfg.Store.Last(ctx, manifest.Grant, name)
	if err != nil {
		return GrantView{}, err
	}
	s, err := o.present(ctx)
	if err != nil {
		return GrantView{}, err
	}
	view, seen, err := o.viewGrant(ctx, s, a, row)
	if err == nil && !seen {
		err = fmt.Errorf("grant %q: %w", name, store.ErrNotFound)
	}
	view.Ended = ended
	return view, err
}

func (o *Office) viewGrant(ctx context.Context, s *snapshot.Snapshot, a Actor, row store.Row) (GrantView, bool, error) {
	res, err := row.Resource()
	if err != nil {
		return GrantView{}, false, err
	}
	g := *res.Spec.(*rights.Grant)
	if !o.sees(ctx, a, grantObject(s, &g)) {
		return GrantView{}, false, nil
	}
	view := GrantView{ID: row.Name, Version: row.Revision, Grant: g}
	view.Standing = grant.Standing(g, o.cfg.Now(), o.drifted(s, row))
	if grant.Live(g, o.cfg.Now()) {
		view.Others = others(s, &g, o.cfg.Now())
	}
	return view, true, nil
}

func grantObject(s *snapshot.Snapshot, g *rights.Grant) authority.Object {
	on := objectOf(s, "Grant", g.ID, g.Identity, g.Entitlement)
	if g.From != nil {
		on.Requester = g.From.Requester
	}
	return on
}

// drifted reports whether the state that this server decides on differs from a
// living row of the store: it could not be loaded, since the log does not vouch
// for it or the whole would not be sound.
func (o *Office) drifted(s *snapshot.Snapshot, row store.Row) bool {
	if row.Deleted() {
		return false
	}
	live, ok := s.Resource(row.Kind, row.Name)
	return !ok || live.Digest() != row.Stored
}

// others are live grants that still give what a grant gives (rule R6).
func others(s *snapshot.Snapshot, g *rights.Grant, now time.Time) []string {
	var all []rights.Grant
	for _, other := range s.GrantsOf(g.Identity) {
		all = append(all, *other)
	}
	var out []string
	for _, other := range grant.Overlaps(all, *g, now) {
		out = append(out, other.ID)
	}
	return out
}

// Grants lists the grants that the actor may see.
func (o *Office) Grants(ctx context.Context, a Actor, q GrantQuery) (Page[GrantView], error) {
	s, err := o.present(ctx)
	if err != nil {
		return Page[GrantView]{}, err
	}
	find := store.Query{Kind: manifest.Grant, Subject: q.Identity, Parent: q.Entitlement, State: string(q.State)}
	return fill(pageSize(q.Limit), func(after string, limit int) ([]store.Row, []string, error) {
		find.After, find.Limit = after, limit
		if after == "" {
			find.After = q.After
		}
		return o.rows(ctx, find, q.Ended)
	}, func(row store.Row) (GrantView, bool, error) { return o.viewGrant(ctx, s, a, row) })
}

// QuarantineView is a quarantine as its reader may see it.
type QuarantineView struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	rights.Quarantine
}

// Quarantines lists what is stopped and the actor may see.
func (o *Office) Quarantines(ctx context.Context, a Actor) ([]QuarantineView, error) {
	s, err := o.present(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := o.cfg.Store.Page(ctx, store.Query{Kind: manifest.Quarantine})
	if err != nil {
		return nil, err
	}
	out := []QuarantineView{}
	for _, row := range rows {
		q, ok := s.Quarantine(row.Name)
		if !ok {
			return nil, fmt.Errorf("quarantine %q: %w", row.Name, snapshot.ErrUnauthorised)
		}
		on, err := targetObject(s, q.Target)
		if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, ErrInvalid) {
			return nil, err
		}
		if o.sees(ctx, a, on) {
			out = append(out, QuarantineView{row.Name, row.Revision, *q})
		}
	}
	return out, nil
}

// WaiverView is an exception to a rule.
type WaiverView struct {
	ID string `json:"id"`
	sod.Waiver
}

// Waivers lists the exceptions in force.
func (o *Office) Waivers(ctx context.Context, a Actor) ([]WaiverView, error) {
	s, err := o.present(ctx)
	if err != nil {
		return nil, err
	}
	out := []WaiverView{}
	for _, w := range s.Waivers() {
		who, _ := strings.CutPrefix(w.Subject, "Identity/")
		if o.sees(ctx, a, objectOf(s, "Waiver", w.ID, who, "")) {
			out = append(out, WaiverView{w.ID, *w})
		}
	}
	return out, nil
}
