package budget

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestWhatABudgetHoldsBackNoMoreIsSaid(t *testing.T) {
	was := func() *Budget {
		b := valid()
		b.Covers, b.Requests = Covers{Teams: []string{"payments", "sales"}}, amount(100)
		return b
	}
	for name, tc := range map[string]struct {
		change func(*Budget)
		want   string // empty: it holds back all that it did
	}{
		"nothing":             {func(*Budget) {}, ""},
		"a title":             {func(b *Budget) { b.Title, b.Owner = "Teams", "dana" }, ""},
		"lower":               {func(b *Budget) { b.USD = dollars(9) }, ""},
		"a further limit":     {func(b *Budget) { b.Streams = amount(1) }, ""},
		"higher":              {func(b *Budget) { b.USD = dollars(11) }, "limits usd to 11.00 USD, and did to 10.00 USD"},
		"a limit gone":        {func(b *Budget) { b.Requests = nil }, "does not limit requests any more, and did to 100"},
		"everybody":           {func(b *Budget) { b.Covers.Teams = nil }, ""},
		"a further team":      {func(b *Budget) { b.Covers.Teams = append(b.Covers.Teams, "legal") }, ""},
		"a team less":         {func(b *Budget) { b.Covers.Teams = []string{"payments"} }, "covers fewer teams"},
		"another condition":   {func(b *Budget) { b.Covers.Identities = []string{"bot"} }, "covers fewer identities"},
		"split otherwise":     {func(b *Budget) { b.Per = PerIdentity }, "is counted per identity, and was per team"},
		"not split":           {func(b *Budget) { b.Per = "" }, "is counted per budget, and was per team"},
		"a longer window":     {func(b *Budget) { b.Window = Month }, "counts over a month of Europe/Berlin, and did over a day of Europe/Berlin"},
		"another zone":        {func(b *Budget) { b.TimeZone = "" }, "counts over a day of UTC"},
		"told more":           {func(b *Budget) { b.Notify = []int{10, 50, 80, 100} }, ""},
		"told less":           {func(b *Budget) { b.Notify = []int{80, 100} }, "tells nobody at 50 %"},
		"for each session":    {func(b *Budget) { b.Window, b.TimeZone, b.Per = Session, "", "" }, "is counted per session"},
		"raised and narrower": {func(b *Budget) { b.Requests, b.Covers.Teams = amount(101), nil }, "limits requests to 101"},
	} {
		now := was()
		tc.change(now)
		got := strings.Join(Looser(was(), now), "; ")
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	if got := Looser(was(), nil); len(got) != 1 || got[0] != "is gone" {
		t.Errorf("gone: %v", got)
	}
	if got := Looser(nil, was()); got != nil {
		t.Errorf("new: %v", got)
	}
}

func TestStreamsAloneHaveNoWindowToChange(t *testing.T) {
	was := &Budget{ID: "b", Terms: Terms{Limits: Limits{Streams: amount(3)}}}
	now := &Budget{ID: "b", Terms: Terms{Limits: Limits{Streams: amount(3)}, Window: Day}}
	if got := Looser(was, now); got != nil {
		t.Errorf("%v", got)
	}
}

func TestLimitsOfAnEntitlementAreComparedByUnitAndWindow(t *testing.T) {
	day := func(usd Money) Terms { return Terms{Limits: Limits{USD: dollars(usd)}, Window: Day} }
	streams := func(n int64, w Window) Terms { return Terms{Limits: Limits{Streams: amount(n)}, Window: w} }
	for name, tc := range map[string]struct {
		was, now []Terms
		want     string
	}{
		"none":                      {nil, []Terms{day(1)}, ""},
		"the same":                  {[]Terms{day(1)}, []Terms{day(1)}, ""},
		"lower, and others":         {[]Terms{day(2)}, []Terms{streams(1, ""), day(1)}, ""},
		"higher":                    {[]Terms{day(1)}, []Terms{day(2)}, "limits usd over a day of UTC to 2.00 USD, and did to 1.00 USD"},
		"gone":                      {[]Terms{day(1)}, nil, "does not limit usd over a day of UTC any more"},
		"another zone":              {[]Terms{day(1)}, []Terms{{Limits: Limits{USD: dollars(1)}, Window: Day, TimeZone: "Asia/Tokyo"}}, "does not limit usd"},
		"streams, whatever window":  {[]Terms{streams(2, Month)}, []Terms{streams(2, Day)}, ""},
		"streams of each session":   {[]Terms{streams(2, Month)}, []Terms{streams(2, Session)}, "does not limit streams any more"},
		"nobody is told of a limit": {[]Terms{day(1)}, []Terms{{Limits: Limits{USD: dollars(1)}, Window: Day, Notify: []int{}}}, "tells nobody at 50 %"},
	} {
		got := strings.Join(LooserAll(tc.was, tc.now), "; ")
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// TestABudgetThatIsNotLooserHoldsBackAllThatItDid: each limit that covers a call is
// there afterwards, in the same account and no higher. A change that only lowers
// limits or covers more is never called looser.
func TestABudgetThatIsNotLooserHoldsBackAllThatItDid(t *testing.T) {
	noon := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	tight, lost := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		was, now := drawnBudget(t, "b"), drawnBudget(t, "b")
		if rapid.Bool().Draw(t, "alike") {
			now.Per, now.Window, now.Covers = was.Per, was.Window, was.Covers
		}
		why := Looser(was, now)
		before, after := NewBook([]*Budget{was}, nil), NewBook([]*Budget{now}, nil)
		for range 10 {
			s := drawnSubject(t)
			missing := heldBackNoMore(before.Covering(s), after.Covering(s), noon)
			if missing != "" {
				lost++
			}
			if missing != "" && len(why) == 0 {
				t.Fatalf("%s of %+v is lost, and nothing is looser: %+v, %+v", missing, s, was, now)
			}
		}
		if len(why) == 0 {
			tight++
		}
	})
	if tight == 0 || lost == 0 {
		t.Errorf("%d changes are tight, %d lines were lost: the test compares nothing", tight, lost)
	}
}

// heldBackNoMore is an account that has a lower limit before than after.
func heldBackNoMore(before, after []Line, now time.Time) string {
	limits := map[string]int64{}
	for _, l := range after {
		limits[l.Account(now).ID] = l.Limit
	}
	for _, l := range before {
		id := l.Account(now).ID
		if limit, still := limits[id]; !still || limit > l.Limit {
			return id
		}
	}
	return ""
}
