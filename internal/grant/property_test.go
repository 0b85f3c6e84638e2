package grant

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
)

// life is a grant on its way, with what was approved, and a clock that jumps.
type life struct {
	approved request.Request
	narrow   *rights.Narrowing
	most     time.Duration
	born     rights.Grant
	g        rights.Grant
	now      time.Time
	began    time.Time // when it was first in force
	taken    bool      // a step took it away
}

// move applies a step and holds the outcome against what was approved.
func (l *life) move(t *rapid.T, next rights.Grant, err error) {
	if err != nil {
		if d := cmp.Diff(l.g, next); d != "" {
			t.Fatalf("a refused step changed the grant:\n%s", d)
		}
		return
	}
	l.g = next
	if next.State == rights.GrantActivating && l.began.IsZero() {
		l.began = l.now
	}
	if next.State == rights.GrantRevoking || next.State == rights.GrantEnded {
		l.taken = true
	}
}

func (l *life) check(t *rapid.T) {
	ask := l.approved.Ask.Grant
	if d := cmp.Diff(l.narrow, l.g.Narrow); d != "" || l.g.Identity != ask.Identity || l.g.Entitlement != ask.Entitlement {
		t.Fatalf("it gives something else than was approved:\n%s", d)
	}
	if d := cmp.Diff(l.born.From, l.g.From); d != "" || l.g.Origin != l.born.Origin {
		t.Fatalf("where it comes from has changed:\n%s", d)
	}
	if l.g.NotAfter.Sub(l.g.NotBefore) > l.most {
		t.Fatalf("it lasts %v, approved were %v", l.g.NotAfter.Sub(l.g.NotBefore), l.most)
	}
	if err := l.g.Validate(rights.Entitlement{ID: ask.Entitlement}); err != nil {
		t.Fatalf("it is not valid: %v", err)
	}
	for _, at := range []time.Time{l.now, l.g.NotBefore, l.g.NotAfter, l.g.NotAfter.Add(-1), l.now.Add(time.Hour)} {
		l.checkAt(t, at)
	}
}

// checkAt: what gives a right at a time was activated before it, in the time
// approved, and was not taken away.
func (l *life) checkAt(t *rapid.T, at time.Time) {
	if !Live(l.g, at) {
		return
	}
	switch {
	case l.taken:
		t.Fatalf("it is %s and live after it was taken away", l.g.State)
	case l.began.IsZero():
		t.Fatalf("it is %s and live before it was activated", l.g.State)
	case at.Before(l.approved.Ask.Grant.Start):
		t.Fatalf("it is live at %v, before its approved start", at)
	case at.Before(l.g.NotBefore) || !at.Before(l.g.NotBefore.Add(l.most)):
		t.Fatalf("it is live at %v, longer than approved", at)
	}
}

// TestEffectiveRightIsWithinTheApprovedRight: whatever happens in whatever order, by
// whatever clock.
func TestEffectiveRightIsWithinTheApprovedRight(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := born(t, rt)
		if l == nil {
			return
		}
		why := rapid.SampledFrom([]rights.EndReason{rights.EndRevoked, rights.EndSuperseded, rights.EndOffboarded, rights.EndExpired, ""})
		rt.Repeat(map[string]func(*rapid.T){
			"": l.check,
			"time": func(t *rapid.T) {
				l.now = l.now.Add(time.Duration(rapid.IntRange(-20, 60).Draw(t, "minutes")) * time.Minute)
			},
			"activate": func(t *rapid.T) { n, err := Activate(l.g, l.now); l.move(t, n, err) },
			"confirm":  func(t *rapid.T) { n, err := Confirmed(l.g); l.move(t, n, err) },
			"fail":     func(t *rapid.T) { n, err := FailActivation(l.g, "why"); l.move(t, n, err) },
			"revoke":   func(t *rapid.T) { n, err := Revoke(l.g, why.Draw(t, "reason"), l.now); l.move(t, n, err) },
			"lost":     func(t *rapid.T) { n, err := RevokeFailed(l.g, "why"); l.move(t, n, err) },
			"end":      func(t *rapid.T) { n, err := Ended(l.g, l.now); l.move(t, n, err) },
			"expire":   func(t *rapid.T) { n, err := Expire(l.g, l.now); l.move(t, n, err) },
		})
	})
}

// born draws an approved request and makes its grant; nil where its time passed.
func born(t *testing.T, rt *rapid.T) *life {
	minutes := rapid.IntRange(1, 240)
	asked := time.Duration(minutes.Draw(rt, "asked")) * time.Minute
	r := approved(t, func(a *request.GrantAsk) {
		a.Duration = asked
		if rapid.Bool().Draw(rt, "later") {
			a.Start = after(time.Duration(minutes.Draw(rt, "start")) * time.Minute)
		}
	}, func(d *request.Decision) {
		d.Narrow = &rights.Narrowing{NoTools: rapid.Bool().Draw(rt, "no tools"), MaxTokens: 100}
		d.Duration = min(asked, time.Duration(minutes.Draw(rt, "approved"))*time.Minute)
	})
	l := &life{approved: r, now: after(time.Duration(minutes.Draw(rt, "at")) * time.Minute)}
	l.narrow, l.most, _ = r.Granted()
	g, err := FromRequest(r, "g", "", l.now)
	if err != nil {
		return nil
	}
	l.born, l.g = g, g
	l.move(rt, g, nil)
	return l
}
