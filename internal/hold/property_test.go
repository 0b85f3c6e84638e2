package hold

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
)

// course is a hold on its way, and a book of who agreed to what that is kept apart
// from the hold's own.
type course struct {
	h   Hold
	now time.Time
	// agreed are the persons who have agreed to what stands, which is what the last
	// release said.
	agreed map[string]bool
	stands string
	over   int // what the edit that stands asks for
}

var people = []string{"ann", "ben", "cora", "eve"}

// party draws an account: everybody has two.
func party(t *rapid.T, label string) request.Party {
	who := rapid.SampledFrom(people).Draw(t, label)
	return request.Party{Operator: fmt.Sprintf("%s-%d", who, rapid.IntRange(1, 2).Draw(t, "account")), Person: who + "@example.com"}
}

func (c *course) choices(t *rapid.T) (out []CallChoice) {
	for _, call := range c.h.Calls {
		choice := CallChoice{Index: call.Index, Verdict: rapid.SampledFrom([]Choice{Release, Release, Release, Edit, Reject}).Draw(t, "choice")}
		if choice.Verdict == Edit {
			choice.Arguments = fmt.Appendf(nil, `{"amount":%d}`, rapid.SampledFrom([]int{50, 500, 5000}).Draw(t, "amount"))
		}
		out = append(out, choice)
	}
	return out
}

func (c *course) decide(t *rapid.T) {
	d := Decision{By: party(t, "by"), Verdict: rapid.SampledFrom([]Choice{Release, Release, Release, Release, Reject, "maybe"}).Draw(t, "verdict"), Reason: "so"}
	if rapid.IntRange(0, 4).Draw(t, "delegated") == 0 {
		p := party(t, "for")
		d.For = &p
	}
	if d.Verdict == Release {
		d.Calls = c.choices(t)
	}
	n, err := c.h.Decide(d, c.now)
	if !c.take(t, n, err) {
		return
	}
	if !c.now.Before(n.Expires) {
		t.Fatal("it is decided on after its time")
	}
	if d.Verdict == Release {
		c.agree(t, d, n)
	}
}

// agree writes down a release that counted.
func (c *course) agree(t *rapid.T, d Decision, n Hold) {
	if said := fmt.Sprint(n.Decisions[len(n.Decisions)-1].Calls); said != c.stands {
		c.agreed, c.stands, c.over = map[string]bool{}, said, 0
	}
	for _, choice := range d.Calls {
		if choice.Verdict == Edit {
			c.over = max(c.over, NeededFor(n.Thresholds, "post_payment", choice.Arguments))
		}
	}
	for _, v := range d.voices() {
		if c.agreed[v] {
			t.Fatalf("%s has two voices", v)
		}
	}
	c.agreed[d.voices()[0]] = true
	if len(d.voices()) > 1 {
		c.agreed[d.voices()[1]] = false // used up, and no second person
	}
}

func (c *course) take(t *rapid.T, n Hold, err error) bool {
	if err != nil || c.h.State.Over() {
		if d := cmp.Diff(c.h, n); d != "" {
			t.Fatalf("a hold that was over, or refused, has changed:\n%s", d)
		}
		return false
	}
	c.h = n
	return true
}

func (c *course) check(t *rapid.T) {
	if err := c.h.Validate(); err != nil {
		t.Fatalf("%s is not valid: %v", c.h.State, err)
	}
	if c.h.State != Released {
		if c.h.Approvers() != nil {
			t.Fatalf("it is %s, and released by somebody", c.h.State)
		}
		return
	}
	count := 0
	for _, yes := range c.agreed {
		if yes {
			count++
		}
	}
	if count < max(c.h.Needed, c.over) {
		t.Fatalf("released by %d people, of %d", count, max(c.h.Needed, c.over))
	}
}

// TestS24_NoRoadToReleasedWithoutItsPeople: whatever is called in whatever order.
func TestS24_NoRoadToReleasedWithoutItsPeople(t *testing.T) {
	reached := map[State]int{}
	rapid.Check(t, func(rt *rapid.T) {
		terms := rights.Hold{Needed: rapid.IntRange(0, 3).Draw(rt, "needed"), Thresholds: []rights.Threshold{{Argument: "/amount", Over: "1000", Needed: 2}}}
		amount := rapid.SampledFrom([]int{100, 2000}).Draw(rt, "asked")
		h := opened(rt, terms, Asked{Index: 1, Tool: "post_payment", Why: Write, Arguments: fmt.Appendf(nil, `{"amount":%d}`, amount)})
		c := &course{h: h, now: noon, agreed: map[string]bool{}}
		rt.Repeat(map[string]func(*rapid.T){
			"decide": c.decide,
			"pass": func(t *rapid.T) {
				c.now = c.now.Add(time.Duration(rapid.SampledFrom([]int{-5, 1, 10, 45}).Draw(t, "minutes")) * time.Minute)
			},
			"expire": func(t *rapid.T) { n, err := c.h.Expire(c.now); c.take(t, n, err) },
			"withdraw": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") == 0 {
					n, err := c.h.Withdraw("the grant has ended", c.now)
					c.take(t, n, err)
				}
			},
			"": c.check,
		})
		reached[c.h.State]++
	})
	for _, s := range States {
		if reached[s] == 0 {
			t.Errorf("no course ended %s: %v", s, reached)
		}
	}
}
