package request

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	strict "github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/rights"
)

// course is a request on its way, and a book of who approved what that is kept
// apart from the request's own.
type course struct {
	r   Request
	now time.Time
	// votes of the present round: stage → person → verdict. A deputy's and the
	// absent one's are one vote: votes counts decisions, voice whom they used up.
	votes [3]map[string]Verdict
	voice [3]map[string]bool
	human [3]bool
	rule  Verdict // what a rule said
}

func (c *course) forget() {
	for i := range c.votes {
		c.votes[i], c.voice[i], c.human[i] = map[string]Verdict{}, map[string]bool{}, false
	}
}

func (c *course) take(t *rapid.T, what string, n Request, err error) bool {
	if err != nil || c.r.State.Over() {
		if d := cmp.Diff(c.r, n); d != "" {
			t.Fatalf("%s changed a request it refused, or that was over:\n%s", what, d)
		}
		return false
	}
	c.r = n
	return true
}

var people = []string{"ann", "ben", "cora", "eve", "ivo"}

// party draws an account: everybody has two, and one of them is a program's owner.
func drawParty(t *rapid.T, label string) Party {
	who := rapid.SampledFrom(people).Draw(t, label)
	return Party{Operator: fmt.Sprintf("%s-%d", who, rapid.IntRange(1, 2).Draw(t, "account")), Person: who + "@example.com"}
}

func drawDecision(t *rapid.T, r *Request) Decision {
	d := Decision{
		Stage: r.Stage, Round: r.Round, By: drawParty(t, "by"), Verdict: rapid.SampledFrom([]Verdict{Approve, Approve, Approve, Approve, Deny, Deny, "maybe"}).Draw(t, "verdict"),
		Reason: rapid.SampledFrom([]string{"because", "so", ""}).Draw(t, "reason"), Automation: rapid.IntRange(0, 3).Draw(t, "automation") == 0,
		Duration: time.Duration(rapid.IntRange(-1, 10).Draw(t, "hours")) * time.Hour,
	}
	if rapid.IntRange(0, 4).Draw(t, "delegated") == 0 {
		p := drawParty(t, "for")
		d.For = &p
	}
	if rapid.IntRange(0, 9).Draw(t, "stale") == 0 {
		d.Stage, d.Round = rapid.IntRange(-1, 3).Draw(t, "stage"), rapid.IntRange(-1, 3).Draw(t, "round")
	}
	if rapid.Bool().Draw(t, "narrowed") {
		d.Narrow = drawNarrow(t)
	}
	return d
}

func drawNarrow(t *rapid.T) *rights.Narrowing {
	return &rights.Narrowing{
		Models:    rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 2, rapid.ID).Draw(t, "models"),
		MaxTokens: rapid.Int64Range(0, 3).Draw(t, "tokens"), NoTools: rapid.Bool().Draw(t, "tools"),
	}
}

func drawStages(t *rapid.T) []Stage {
	out := make([]Stage, rapid.SampledFrom([]int{0, 1, 1, 1, 2, 2, 3}).Draw(t, "stages"))
	for i := range out {
		out[i] = stage(fmt.Sprint("s", i), func(s *Stage) {
			s.Needed, s.Denials, s.Human = rapid.SampledFrom([]int{1, 1, 2, 3}).Draw(t, "needed"), rapid.IntRange(1, 2).Draw(t, "denials"), rapid.Bool().Draw(t, "human")
			if rapid.Bool().Draw(t, "timed") {
				s.Timeout, s.Escalate = time.Hour, rapid.SampledFrom([][]string{nil, {"anyone"}}).Draw(t, "escalate")
			}
		})
	}
	return out
}

func (c *course) submit(t *rapid.T) {
	n, err := c.r.Submit(drawStages(t), nil, c.now.Add(3*time.Hour), c.now)
	c.take(t, "submitting", n, err)
}

func (c *course) decide(t *rapid.T) {
	d := drawDecision(t, &c.r)
	before, round := c.r.Stage, c.r.Round
	n, err := c.r.Decide(d, c.now)
	if !c.take(t, "a decision", n, err) {
		return
	}
	if d.Stage != before || d.Round != round {
		t.Fatalf("a decision on stage %d round %d counts in stage %d round %d", d.Stage, d.Round, before, round)
	}
	for _, v := range d.voices() {
		if v == "ann@example.com" {
			t.Fatal("the requester decides")
		}
		if c.voice[before][v] {
			t.Fatalf("%s has two voices in one stage", v)
		}
		c.voice[before][v] = true
	}
	c.votes[before][d.By.Person] = d.Verdict
	c.human[before] = c.human[before] || d.Verdict == Approve && !d.Automation
}

func (c *course) tick(t *rapid.T) {
	n, changed := c.r.Tick(c.now)
	if !changed {
		if d := cmp.Diff(c.r, n); d != "" {
			t.Fatalf("time changed something, and says that it did not:\n%s", d)
		}
		return
	}
	if c.r.State.Over() || n.State != Expired && n.State != c.r.State {
		t.Fatalf("time makes %s of %s", n.State, c.r.State)
	}
	c.r = n
}

// pass lets time go by, and the clock jump back at times.
func (c *course) pass(t *rapid.T) {
	c.now = c.now.Add(time.Duration(rapid.SampledFrom([]int{-20, 5, 30, 60, 120}).Draw(t, "minutes")) * time.Minute)
	if rapid.Bool().Draw(t, "seen") {
		c.tick(t)
	}
}

func (c *course) void(t *rapid.T) {
	rare(t)
	pins := map[string]string{"Entitlement/chat": strings.Repeat("ab", 32)}
	n, err := c.r.Void(drawStages(t), pins, "the entitlement has changed", c.now)
	if c.take(t, "voiding", n, err) {
		c.forget()
	}
}

func (c *course) automatic(t *rapid.T) {
	v := rapid.SampledFrom([]Verdict{Approve, Deny, ""}).Draw(t, "rule's verdict")
	n, err := c.r.Automatic("rule", v, "", c.now)
	if c.take(t, "a rule", n, err) {
		c.rule = v
	}
}

func (c *course) check(t *rapid.T) {
	if err := c.r.Validate(); err != nil {
		t.Fatalf("%s is not valid: %v", c.r.State, err)
	}
	if c.r.State != Approved {
		if _, _, err := c.r.Granted(); err == nil {
			t.Fatalf("it is %s, and grants", c.r.State)
		}
		return
	}
	if len(c.r.Stages) == 0 && c.rule != Approve {
		t.Fatal("approved by nobody and no rule")
	}
	for i, s := range c.r.Stages {
		approvals, denials := 0, 0
		for _, v := range c.votes[i] {
			if v == Approve {
				approvals++
			} else {
				denials++
			}
		}
		if approvals < s.Needed || denials >= s.Denials || s.Human && !c.human[i] {
			t.Fatalf("approved with %d of %d approvals and %d of %d denials in stage %d", approvals, s.Needed, denials, s.Denials, i)
		}
	}
	c.checkGranted(t)
}

// checkGranted: what is granted is within the ask, and within every approval.
func (c *course) checkGranted(t *rapid.T) {
	narrow, d, err := c.r.Granted()
	if err != nil {
		t.Fatal(err)
	}
	limits := []*rights.Narrowing{c.r.Ask.Grant.Narrow}
	most := c.r.Ask.Grant.Duration
	for _, a := range c.r.Approvals() {
		limits = append(limits, a.Narrow)
		if a.Duration > 0 {
			most = min(most, a.Duration)
		}
	}
	if d <= 0 || d > most {
		t.Fatalf("granted for %v, approved for %v", d, most)
	}
	for _, n := range limits {
		if n == nil || n.Empty() {
			continue
		}
		if narrow == nil {
			t.Fatal("granted without the narrowing that was approved")
		}
		back, err := narrow.And(*n)
		if err != nil || cmp.Diff(*narrow, back) != "" {
			t.Fatalf("granted %+v, of which an approval leaves %+v: %v", *narrow, back, err)
		}
	}
}

// TestNoRoadToApprovedWithoutItsApprovals: whatever is called in whatever order.
func TestNoRoadToApprovedWithoutItsApprovals(t *testing.T) {
	reached := map[State]int{}
	rapid.Check(t, func(rt *rapid.T) {
		ask := askGrant()
		if rapid.Bool().Draw(rt, "asked for less") {
			ask.Grant.Narrow = drawNarrow(rt)
		}
		r, err := New(ForGrant, ask, Party{Operator: "ann-1", Person: "ann@example.com"}, Words{}, noon)
		if err != nil {
			rt.Fatal(err)
		}
		r.ID = "r"
		c := &course{r: r, now: noon}
		c.forget()
		if rapid.IntRange(0, 9).Draw(rt, "submitted") > 0 {
			c.submit(rt)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"": c.check,
			"submit": func(t *rapid.T) {
				n, err := c.r.Submit(drawStages(t), nil, c.now.Add(5*time.Hour), c.now)
				c.take(t, "submitting", n, err)
			},
			"decide": c.decide, "decide again": c.decide, "and again": c.decide, "and once more": c.decide,
			"tick": c.tick, "void": c.void, "rule": c.automatic,
			"time": c.pass, "more time": c.pass,
			"cancel": func(t *rapid.T) { rare(t); n, err := c.r.Cancel("why", c.now); c.take(t, "withdrawing", n, err) },
			"fail":   func(t *rapid.T) { rare(t); n, err := c.r.Fail("why", c.now); c.take(t, "failing", n, err) },
			"doomed": func(t *rapid.T) {
				rare(t)
				n, err := c.r.DecideFailed(drawDecision(t, &c.r), "why", c.now)
				c.take(t, "failing", n, err)
			},
		})
		reached[c.r.State]++
	})
	if reached[Approved] == 0 {
		t.Errorf("no run reaches approved: %v", reached)
	}
}

// rare lets most runs go on.
func rare(t *rapid.T) {
	if rapid.IntRange(0, 19).Draw(t, "rare") > 0 {
		t.Skip()
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range []Request{
		draft(f, ForGrant, askGrant()),
		decide(f, submitted(f, stage("a", nil), stage("b", nil)), yes("ben")),
		decide(f, submitted(f, stage("a", nil)), no("ben")),
	} {
		text, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"kind":"grant","ask":{"grant":{}},"stages":[{"needed":9223372036854775807}],"stage":-9223372036854775808}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := Request{ID: "r"}
		read := func(b []byte, into *Request) error {
			return strict.Unmarshal(b, into, strict.RejectUnknownMembers(true), jsonv1.FormatDurationAsNano(true))
		}
		if read(text, &r) != nil {
			return
		}
		valid := r.Validate() == nil
		// Nothing that can be read makes a step panic, or an approval of nothing.
		r.Tick(noon)
		_, _ = r.Decide(yes("ben"), noon)
		_, _ = r.Void(nil, nil, "x", noon)
		if _, d, err := r.Granted(); valid && r.State == Approved && (err != nil || r.Kind == ForGrant && d <= 0) {
			t.Fatalf("a valid approval grants for %v: %v", d, err)
		}
		if !valid {
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		back := Request{ID: r.ID}
		if err := read(again, &back); err != nil || back.Validate() != nil {
			t.Fatalf("it does not read back: %v, %v\n%s", err, back.Validate(), again)
		}
		if third, err := json.Marshal(back); err != nil || string(third) != string(again) {
			t.Fatalf("%v\n%s\n%s", err, again, third)
		}
	})
}
