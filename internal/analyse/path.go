package analyse

import (
	"context"
	"slices"

	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// Edge is the kind of a hop: by what means it is taken.
type Edge string

// The kinds of hop. All but the last two end in the rights of another principal.
const (
	AssumeEdge     Edge = "assume-role"
	CredentialEdge Edge = "credential" // an access key, a password or an API key of another user
	TrustEdge      Edge = "trust"      // a trust policy or its provider is changed, and the role assumed
	PassEdge       Edge = "pass-role"  // a service is told to work as the role
	ComputeEdge    Edge = "compute"    // what already works as the role is given other work
	PolicyEdge     Edge = "policy"     // a policy or a boundary is changed
	DoorEdge       Edge = "door"       // a model is called by another surface
)

// Path is how a principal comes to what is asked: hop by hop, and the answer at
// its end. Without hops it is the principal's own right.
type Path struct {
	Hops []Hop
	End  rights.Answer
}

// mostPaths bounds how many paths of one principal are listed.
const mostPaths = 100

// defaultHops is how far paths are followed when nobody says.
const defaultHops = 4

// Paths lists the ways by which a principal comes to what is asked, in at most
// max hops (0: four): shorter ones first, of those the certain before the
// undetermined, and at most a hundred. No path goes through a principal twice,
// or beyond one that can itself.
func (a *Analysis) Paths(ctx context.Context, p *estate.Principal, q Question, max int) ([]Path, error) {
	f, err := a.pathfinder(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := f.spread(hopsOr(max)); err != nil {
		return nil, err
	}
	if own := f.nodes[p]; own != nil && own.depth == 0 {
		return []Path{{End: f.end(own)}}, nil
	}
	return f.list(p, hopsOr(max)), ctx.Err()
}

// Reach finds everyone who comes to what is asked and cannot do it themselves,
// in at most max hops (0: four), each by a shortest path: a certain one if there
// is any, of whatever kind its hops are.
func (a *Analysis) Reach(ctx context.Context, q Question, max int) (map[*estate.Principal]Path, error) {
	f, err := a.pathfinder(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := f.spread(hopsOr(max)); err != nil {
		return nil, err
	}
	return f.paths(), nil
}

func hopsOr(max int) int {
	if max <= 0 {
		return defaultHops
	}
	return max
}

// pathfinder looks for paths to one goal, backwards from those who can.
type pathfinder struct {
	*Analysis
	ctx     context.Context
	goal    *goal
	actors  []*actor
	nodes   map[*estate.Principal]*node // reached
	order   []*node                     // of nodes, as they were reached
	workers map[string][]worker         // Bedrock's own resources, by the role they work as
	regions []string                    // that calls are tried in
	steps   []step
	places  *places
	written map[*estate.Account]*writable
}

// node is a principal that comes to the goal: by its hops, and then as next
// does, or else to the end.
type node struct {
	p        *estate.Principal
	depth    int // hops to the goal
	hops     []Hop
	next     *node
	end      *rights.Answer
	sure     bool // all of it is certain, under its conditions
	services []trusted
}

// ending is a way to the goal that ends in no other principal's own right.
type ending struct {
	hops []Hop
	end  rights.Answer
	sure bool
}

func (a *Analysis) pathfinder(ctx context.Context, q Question) (*pathfinder, error) {
	g, err := a.goalOf(q)
	if err != nil {
		return nil, err
	}
	f := a.finder(ctx, g, a.Principals())
	err = inParallel(ctx, len(f.actors), func(i int) {
		p := f.actors[i].p
		ans := a.answer(p, g.checks[p.Principal.Account][0], q.Known)
		f.actors[i].own = &ans
	})
	for _, act := range f.actors {
		if act.own != nil && act.own.Decision.Can() {
			f.begin(act.p, act.own.Decision, act.own)
		}
	}
	return f, err
}

// finder prepares a search among principals, with nobody at the goal yet.
func (a *Analysis) finder(ctx context.Context, g *goal, all []*estate.Principal) *pathfinder {
	f := &pathfinder{Analysis: a, ctx: ctx, goal: g, actors: a.actorsOf(all), nodes: map[*estate.Principal]*node{},
		workers: a.workersByRole(), regions: a.callRegions(g.region), steps: steps(), written: map[*estate.Account]*writable{}, places: &places{}}
	for _, acct := range a.Estate.Accounts {
		f.written[acct] = &writable{gains: gains(acct), groups: groups(acct)}
	}
	return f
}

// prober decides single steps, without a search.
func (a *Analysis) prober(ctx context.Context) *pathfinder {
	return &pathfinder{Analysis: a, ctx: ctx, goal: &goal{Analysis: a}, places: &places{}}
}

// begin takes note of one who can without a hop.
func (f *pathfinder) begin(p *estate.Principal, d rights.Decision, end *rights.Answer) {
	f.reached(&node{p: p, end: end, sure: d != rights.Undetermined})
}

func (f *pathfinder) reached(n *node) {
	f.nodes[n.p] = n
	f.order = append(f.order, n)
}

// spread walks back from the goal, one hop at a time: first by what is certain,
// then by what cannot be excluded.
func (f *pathfinder) spread(max int) error {
	f.prepare(f.order)
	for _, sure := range []bool{true, false} {
		for depth := 1; depth <= max && f.ctx.Err() == nil; depth++ {
			f.prepare(f.back(depth, sure))
		}
	}
	return f.ctx.Err()
}

// back is one step back: everyone who comes to the goal in so many hops.
func (f *pathfinder) back(depth int, sure bool) (fresh []*node) {
	to := newFront()
	for _, n := range f.order {
		if n.depth == depth-1 && (n.sure || !sure) && !n.p.ServiceLinked {
			to.add(n)
		}
	}
	found := make([]*node, len(f.actors))
	_ = inParallel(f.ctx, len(f.actors), func(i int) {
		act := f.actors[i]
		if f.nodes[act.p] == nil && !act.p.ServiceLinked {
			found[i] = f.first(act, to, depth, sure)
		}
	})
	for _, n := range found {
		if n != nil {
			f.reached(n)
			fresh = append(fresh, n)
		}
	}
	return fresh
}

// first is the first way that a principal has: to one of the front, or to an
// end of its own.
func (f *pathfinder) first(act *actor, to *front, depth int, sure bool) *node {
	for _, s := range f.steps {
		if sure && s.possible || !act.mayAny(s.actions) {
			continue
		}
		for n := range to.of(act, s.trusted) {
			if hop, ok := s.find(f, act, n); ok && (!sure || hop.Decision != rights.Undetermined) {
				return &node{p: act.p, depth: depth, hops: []Hop{hop}, next: n, sure: sure}
			}
		}
	}
	for _, e := range f.endings(act) {
		if len(e.hops) == depth && (e.sure || !sure) {
			return &node{p: act.p, depth: depth, hops: e.hops, end: &e.end, sure: e.sure}
		}
	}
	return nil
}

// paths are the paths of all who were reached by hops.
func (f *pathfinder) paths() map[*estate.Principal]Path {
	out := map[*estate.Principal]Path{}
	for _, n := range f.order {
		if n.depth > 0 {
			out[n.p] = f.path(n)
		}
	}
	return out
}

func (f *pathfinder) path(n *node) Path {
	var p Path
	for ; n.next != nil; n = n.next {
		p.Hops = append(p.Hops, n.hops...)
	}
	p.Hops = append(p.Hops, n.hops...)
	p.End = weakened(f.end(n), p.Hops)
	return p
}

// end is the answer of a node that has no next.
func (f *pathfinder) end(n *node) rights.Answer {
	if n.end == nil {
		ans := f.goal.answer(n.p)
		n.end = &ans
	}
	return *n.end
}

// weakened is an answer as certain as the weakest hop that leads to it.
func weakened(end rights.Answer, hops []Hop) rights.Answer {
	for _, h := range hops {
		end = along(h, end)
	}
	return end
}

// list enumerates paths, shorter ones first.
func (f *pathfinder) list(p *estate.Principal, max int) []Path {
	i := slices.IndexFunc(f.actors, func(x *actor) bool { return x.p == p })
	if i < 0 || p.ServiceLinked {
		return nil
	}
	var out []Path
	for length := 1; length <= max && len(out) < mostPaths && f.ctx.Err() == nil; length++ {
		from := len(out)
		w := walk{pathfinder: f, out: &out, on: map[*estate.Principal]bool{}}
		w.from(f.actors[i], length)
		slices.SortStableFunc(out[from:], func(x, y Path) int { return certainty(y.End.Decision) - certainty(x.End.Decision) })
	}
	return out
}

func certainty(d rights.Decision) int {
	return int(cellOf(d))
}

// walk enumerates the paths of one length.
type walk struct {
	*pathfinder
	out  *[]Path
	on   map[*estate.Principal]bool // on the path
	hops []Hop
}

// from walks on from a principal, with so many hops to go.
func (w *walk) from(act *actor, left int) {
	w.on[act.p] = true
	defer delete(w.on, act.p)
	for _, e := range w.endings(act) {
		if len(e.hops) == left {
			w.emit(e.hops, e.end)
		}
	}
	for _, s := range w.steps {
		if !act.mayAny(s.actions) {
			continue
		}
		for _, to := range w.order {
			if to.depth > left-1 || (to.depth == 0) != (left == 1) || w.on[to.p] || to.p.ServiceLinked || len(*w.out) >= mostPaths {
				continue
			}
			if hop, ok := s.find(w.pathfinder, act, to); ok {
				w.step(hop, to, left-1)
			}
		}
	}
}

func (w *walk) step(hop Hop, to *node, left int) {
	if left == 0 {
		w.emit([]Hop{hop}, w.end(to))
		return
	}
	w.hops = append(w.hops, hop)
	i := slices.IndexFunc(w.actors, func(x *actor) bool { return x.p == to.p })
	w.from(w.actors[i], left)
	w.hops = w.hops[:len(w.hops)-1]
}

func (w *walk) emit(hops []Hop, end rights.Answer) {
	if len(*w.out) < mostPaths {
		all := slices.Concat(w.hops, hops)
		*w.out = append(*w.out, Path{Hops: all, End: weakened(end, all)})
	}
}
