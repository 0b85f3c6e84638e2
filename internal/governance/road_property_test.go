package governance

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// road drives a hall at random and holds what is in force to what was approved.
type road struct {
	*hall
	tb   *testing.T
	asks []string // ids of requests, also of those that are over
	held int      // grants that conferred when they were looked at
}

// TestNothingIsInForceThatEligiblePeopleDidNotApprove tries every road that there
// is, by everybody, in any order: what confers a right at any moment was asked for,
// approved in every stage by as many eligible people as the stage needed, and is
// within what they approved.
func TestNothingIsInForceThatEligiblePeopleDidNotApprove(t *testing.T) {
	held, roads := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		if roads++; roads > 50 {
			return // each step is a record on the disk
		}
		r := &road{hall: openHall(t), tb: t}
		defer func() { held += r.held; r.close(t) }()
		for range rapid.IntRange(4, 16).Draw(rt, "steps") {
			r.step(rt)
			r.hold(rt)
		}
	})
	if held == 0 {
		t.Error("no run led to a grant: nothing was tested")
	}
}

var everybody = []string{"dana", "owen", "alex", "al", "sam", "pat", "rita", "ada", "bea", "adam", "robo", "finn", LocalAdmin}

// actors are everybody, and those who may do it often enough for something to come
// of it.
func actors(what string) []string {
	switch what {
	case "ask":
		return append([]string{"dana", "dana", "dana", "dana", "dana", "dana", "dana", "dana"}, everybody...)
	case "decide":
		return append([]string{"alex", "alex", "alex", "alex", "sam", "sam", "sam", "sam"}, everybody...)
	}
	return everybody
}

func (r *road) step(rt *rapid.T) {
	what := rapid.SampledFrom([]string{"ask", "ask", "decide", "decide", "decide", "cancel", "revoke", "pass", "edit", "delegate"}).Draw(rt, "what")
	who := r.as(r.tb, rapid.SampledFrom(actors(what)).Draw(rt, "who"))
	ctx := context.Background()
	switch what {
	case "ask":
		in := askGrant(rapid.SampledFrom([]string{"bot", "cousin", "stranger"}).Draw(rt, "identity"), rapid.SampledFrom([]string{"chat", "small", "grave"}).Draw(rt, "entitlement"))
		in.Ask.Grant.Duration = time.Duration(rapid.IntRange(0, 40).Draw(rt, "hours")) * time.Hour
		in.Ask.Grant.Emergency = rapid.IntRange(0, 9).Draw(rt, "emergency") == 0
		if rapid.IntRange(0, 3).Draw(rt, "later") == 0 && !in.Ask.Grant.Emergency {
			in.Ask.Grant.Start = r.now.Add(2 * time.Hour)
		}
		if v, err := r.office.Submit(ctx, who, in); err == nil {
			r.asks = append(r.asks, v.ID)
		} else if page, err := r.office.Requests(ctx, r.as(r.tb, "ada"), RequestQuery{}); err == nil {
			for _, v := range page.Items { // filed, though its author may not see it
				if !slices.Contains(r.asks, v.ID) {
					r.asks = append(r.asks, v.ID)
				}
			}
		}
	case "decide":
		v := Verdict{Verdict: request.Approve}
		if rapid.IntRange(0, 5).Draw(rt, "deny") == 0 {
			v = Verdict{Verdict: request.Deny, Reason: "no"}
		}
		if rapid.IntRange(0, 3).Draw(rt, "less") == 0 {
			v.Duration, v.Narrow = time.Hour, &rights.Narrowing{MaxTokens: 10}
		}
		if rapid.IntRange(0, 4).Draw(rt, "for") == 0 {
			v.For = rapid.SampledFrom([]string{"alex", "sam", "owen"}).Draw(rt, "absent")
		}
		if id := r.some(rt); id != "" {
			_, _ = r.office.Decide(ctx, who, id, v)
		}
	case "cancel":
		if id := r.some(rt); id != "" {
			_, _ = r.office.Cancel(ctx, who, id, "changed plans", 0)
		}
	case "revoke":
		target := rights.Target{Kind: rights.TargetIdentity, Name: rapid.SampledFrom([]string{"bot", "cousin"}).Draw(rt, "target")}
		_, _ = r.office.Revoke(ctx, who, Order{Target: target, Reason: "drill"})
	case "pass":
		r.pass(time.Duration(rapid.IntRange(1, 30).Draw(rt, "pass")) * time.Hour)
		if err := r.clerk.CatchUp(ctx); err != nil {
			rt.Fatal(err)
		}
	case "edit":
		e, _ := r.state.Current().Entitlement("grave")
		edited := *e
		edited.Title = rapid.StringMatching(`[a-z]{1,6}`).Draw(rt, "title")
		r.apply(r.tb, manifest.Resource{Kind: manifest.Entitlement, Name: "grave", Spec: &edited})
	case "delegate":
		_, _ = r.office.Delegate(ctx, who, DelegationOrder{To: rapid.SampledFrom([]string{"pat", "dana", "al"}).Draw(rt, "to"), NotBefore: r.now, NotAfter: r.now.Add(time.Hour)})
	}
}

func (r *road) some(rt *rapid.T) string {
	if len(r.asks) == 0 {
		return ""
	}
	return rapid.SampledFrom(r.asks).Draw(rt, "request")
}

// hold checks every grant that confers now against the request it came from.
func (r *road) hold(rt *rapid.T) {
	if err := r.state.Refresh(context.Background()); err != nil {
		rt.Fatal(err)
	}
	s := r.state.Current()
	for _, g := range s.Grants() {
		if !g.State.Confers() || r.now.Before(g.NotBefore) || !r.now.Before(g.NotAfter) {
			continue
		}
		if g.From == nil {
			rt.Fatalf("grant %s comes from nowhere", g.ID)
		}
		row, ended, err := r.db.Last(context.Background(), manifest.Request, g.From.Request)
		if err != nil || ended.IsZero() {
			rt.Fatalf("grant %s: its request: ended %v, %v", g.ID, ended, err)
		}
		res, err := row.Resource()
		if err != nil {
			rt.Fatal(err)
		}
		r.held++
		r.holdOne(rt, s, g, res.Spec.(*request.Request))
	}
}

func (r *road) holdOne(rt *rapid.T, s *snapshot.Snapshot, g *rights.Grant, q *request.Request) {
	ask := q.Ask.Grant
	if q.State != request.Approved || ask == nil || ask.Identity != g.Identity || ask.Entitlement != g.Entitlement {
		rt.Fatalf("grant %s rests on a request that is %s for %+v", g.ID, q.State, ask)
	}
	e, _ := s.Entitlement(g.Entitlement)
	if d := g.NotAfter.Sub(g.NotBefore); d > ask.Duration || d > e.Longest(ask.Emergency) {
		rt.Fatalf("grant %s lasts %v; asked for %v, the entitlement gives %v", g.ID, d, ask.Duration, e.Longest(ask.Emergency))
	}
	if len(q.Stages) == 0 {
		if byRule := g.Entitlement == "small" || ask.Emergency; !byRule {
			rt.Fatalf("grant %s was approved by nobody", g.ID)
		}
		return
	}
	for n, st := range q.Stages {
		voices := make(map[string]bool)
		for _, d := range q.Decisions {
			if d.Round != q.Round || d.Stage != n || d.Verdict != request.Approve {
				continue
			}
			voices[d.By.Person] = true
			r.holdDecision(rt, s, g, q, d)
		}
		if len(voices) < st.Needed {
			rt.Fatalf("grant %s: stage %q was passed by %d of %d", g.ID, st.Name, len(voices), st.Needed)
		}
	}
}

// holdDecision checks a decider by rules of its own, not by the office's.
func (r *road) holdDecision(rt *rapid.T, s *snapshot.Snapshot, g *rights.Grant, q *request.Request, d request.Decision) {
	op, ok := s.Operator(d.By.Operator)
	if !ok || op.Has("administrator") {
		rt.Fatalf("grant %s: %s decided", g.ID, d.By.Operator)
	}
	right := op
	if d.For != nil {
		right, _ = s.Operator(d.For.Operator)
	}
	if !right.Has("approver") {
		rt.Fatalf("grant %s: %s decided by the right of %s, who has none", g.ID, op.ID, right.ID)
	}
	i, _ := s.Identity(g.Identity)
	for _, own := range []string{q.Requester.Person, i.Sponsor, i.Owner, i.Deputy} {
		if own != "" && (strings.EqualFold(own, op.Behind()) || strings.EqualFold(own, right.Behind())) {
			rt.Fatalf("grant %s of %s: %s decided on their own", g.ID, g.Identity, op.ID)
		}
	}
}
