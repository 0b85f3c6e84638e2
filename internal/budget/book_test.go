package budget

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const haiku, llama, profile = "anthropic.claude-haiku", "meta.llama3", "eu.anthropic.claude-haiku"

// caller is a call by bot of payments, under two grants.
func caller() *Subject {
	return &Subject{
		Identity: "bot", Session: "s1", Team: "payments", SessionEnds: time.Date(2026, 11, 18, 13, 0, 0, 0, time.UTC),
		Held: []Held{{Grant: "g2", Entitlement: "chat"}, {Grant: "g1", Entitlement: "chat"}}, Model: haiku, Profile: profile, Family: "claude", Provider: "anthropic",
	}
}

func daily(id string, change func(*Budget)) *Budget {
	b := &Budget{ID: id, Terms: Terms{Limits: Limits{USD: dollars(5)}, Window: Day}}
	change(b)
	return b
}

// told writes lines down: budget|key|unit=limit.
func told(lines []Line) (out []string) {
	for _, l := range lines {
		out = append(out, fmt.Sprintf("%s|%s|%s=%s", l.Budget, l.Key, l.Unit, Figure(l.Unit, l.Limit)))
	}
	return out
}

func TestBudgetsCoverWhatTheyName(t *testing.T) {
	for name, tc := range map[string]struct {
		covers Covers
		want   bool
	}{
		"everything":                     {Covers{}, true},
		"the identity":                   {Covers{Identities: []string{"other", "bot"}}, true},
		"another identity":               {Covers{Identities: []string{"other"}}, false},
		"the identity's team":            {Covers{Teams: []string{"payments"}}, true},
		"another team":                   {Covers{Teams: []string{"sales"}}, false},
		"one of the grants":              {Covers{Grants: []string{"g1"}}, true},
		"another grant":                  {Covers{Grants: []string{"g3"}}, false},
		"the entitlement":                {Covers{Entitlements: []string{"chat"}}, true},
		"a grant of another entitlement": {Covers{Grants: []string{"g1"}, Entitlements: []string{"list"}}, false},
		"the bare model":                 {Covers{Models: []string{haiku}}, true},
		"the profile":                    {Covers{Models: []string{profile}}, true},
		"the family":                     {Covers{Models: []string{"family:claude"}}, true},
		"the provider":                   {Covers{Models: []string{"provider:anthropic"}}, true},
		"another model":                  {Covers{Models: []string{llama, "family:llama", "provider:meta", "claude", "anthropic"}}, false},
		"team and model":                 {Covers{Teams: []string{"payments"}, Models: []string{haiku}}, true},
		"the team, but not the model":    {Covers{Teams: []string{"payments"}, Models: []string{llama}}, false},
	} {
		book := NewBook([]*Budget{daily("b", func(b *Budget) { b.Covers = tc.covers })}, nil)
		if got := len(book.Covering(caller())) == 1; got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestBudgetsAreSplit(t *testing.T) {
	for per, want := range map[string][]string{
		"":             {"b||usd=5.00 USD"},
		PerIdentity:    {"b|bot|usd=5.00 USD"},
		PerSession:     {"b|s1|usd=5.00 USD"},
		PerTeam:        {"b|payments|usd=5.00 USD"},
		PerModel:       {"b|" + haiku + "|usd=5.00 USD"},
		PerFamily:      {"b|claude|usd=5.00 USD"},
		PerGrant:       {"b|g1|usd=5.00 USD", "b|g2|usd=5.00 USD"},
		PerEntitlement: {"b|chat|usd=5.00 USD"},
	} {
		book := NewBook([]*Budget{daily("b", func(b *Budget) { b.Per = per })}, nil)
		if d := cmp.Diff(want, told(book.Covering(caller()))); d != "" {
			t.Errorf("per %q: %s", per, d)
		}
	}
}

// TestNothingSlipsBetweenAccounts: calls that have not what a budget is split by
// share an account.
func TestNothingSlipsBetweenAccounts(t *testing.T) {
	for _, per := range splits[1:] {
		book := NewBook([]*Budget{daily("b", func(b *Budget) { b.Per = per })}, nil)
		if d := cmp.Diff([]string{"b||usd=5.00 USD"}, told(book.Covering(&Subject{}))); d != "" {
			t.Errorf("per %s: %s", per, d)
		}
	}
}

func TestLimitsOfGrantsComeWithEachGrant(t *testing.T) {
	book := NewBook([]*Budget{daily("z", func(b *Budget) { b.Requests = amount(9) }), daily("a", func(*Budget) {})}, map[string][]Terms{
		"chat": {{Limits: Limits{OutputTokens: amount(100), Streams: amount(2)}, Window: Hour}, {Limits: Limits{Requests: amount(7)}, Window: Session}},
		"list": {{Limits: Limits{Requests: amount(1)}, Window: Hour}},
	})
	s := caller()
	s.Held[0].Monthly = dollars(20)
	lines := book.Covering(s)
	want := []string{
		"a||usd=5.00 USD", "z||usd=5.00 USD", "z||requests=9",
		"entitlement:chat|g1|output_tokens=100", "entitlement:chat|g1|streams=2", "entitlement:chat|g1/s1|requests=7",
		"entitlement:chat|g2|output_tokens=100", "entitlement:chat|g2|streams=2", "entitlement:chat|g2/s1|requests=7",
		"grant:g2||usd=20.00 USD",
	}
	if d := cmp.Diff(want, told(lines)); d != "" {
		t.Error(d)
	}
	if last := lines[len(lines)-1]; last.Window != Month || last.Zone != time.UTC || !slices.Equal(last.Notify, DefaultNotify) {
		t.Errorf("what a grant may cost: %+v", last)
	}
	if !LimitsUSD(lines) || LimitsUSD(lines[3:5]) || LimitsUSD(nil) {
		t.Error("what limits money is mistaken")
	}
	if got := NewBook(nil, nil).Covering(caller()); got != nil {
		t.Errorf("nothing limits the call, and %v do", told(got))
	}
}

func TestAZoneThatIsNotKnownAllowsNothing(t *testing.T) {
	book := NewBook([]*Budget{daily("b", func(b *Budget) { b.TimeZone = "Europe/Atlantis" })}, nil)
	lines := book.Covering(caller())
	if len(lines) != 1 || lines[0].Limit != 0 || lines[0].Account(time.Now()).Start.IsZero() {
		t.Errorf("%+v", lines)
	}
}

func TestAccountsAreNamedByWhatIsCountedTogether(t *testing.T) {
	noon := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	berlin := zone(t, "Europe/Berlin")
	for name, tc := range map[string]struct {
		line Line
		id   string
		end  time.Time
	}{
		"a month":   {Line{Budget: "org", Unit: USD, Window: Month, Zone: berlin}, "org||usd|month|2026-10-31T23:00:00Z", time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)},
		"a key":     {Line{Budget: "each", Key: "bot", Unit: Requests, Window: Hour}, "each|bot|requests|hour|2026-11-18T12:00:00Z", noon.Add(time.Hour)},
		"streams":   {Line{Budget: "each", Key: "bot", Unit: Streams, Window: Month}, "each|bot|streams||", time.Time{}},
		"a session": {Line{Budget: "each", Key: "s1", Unit: USD, Window: Session, Ends: noon.Add(time.Minute)}, "each|s1|usd|session|", noon.Add(time.Minute)},
		"odd names": {Line{Budget: "each", Key: "a|b%7C", Unit: Requests, Window: Hour}, "each|a%7Cb%257C|requests|hour|2026-11-18T12:00:00Z", noon.Add(time.Hour)},
	} {
		got := tc.line.Account(noon)
		if got.ID != tc.id || !got.End.Equal(tc.end) {
			t.Errorf("%s: %q until %v, want %q until %v", name, got.ID, got.End, tc.id, tc.end)
		}
	}
}

// TestALineKnowsTheAccountOfEachInstant: what it remembers is never another
// window's, whichever way the clock goes.
func TestALineKnowsTheAccountOfEachInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book := NewBook([]*Budget{{ID: "b", Terms: Terms{Limits: Limits{USD: dollars(1), Streams: amount(1)}, Window: rapid.SampledFrom(Windows).Draw(t, "window")}}}, nil)
		now := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
		for range 10 {
			now = now.Add(time.Duration(rapid.Int64Range(-int64(40*24*time.Hour), int64(40*24*time.Hour)).Draw(t, "step")))
			for _, l := range book.Covering(caller()) {
				plain := l
				plain.last = nil
				if got, want := l.Account(now), plain.Account(now); got.ID != want.ID || !got.Start.Equal(want.Start) || !got.End.Equal(want.End) {
					t.Fatalf("at %v: %s, want %s", now, got.ID, want.ID)
				}
			}
		}
	})
}

// TestAccountsOfDifferentThingsDiffer, whatever the names are.
func TestAccountsOfDifferentThingsDiffer(t *testing.T) {
	draw := func(t *rapid.T, what string) Line {
		name := rapid.StringOfN(rapid.SampledFrom([]rune("a|%7C25")), 0, 4, -1)
		return Line{Budget: name.Draw(t, what), Key: name.Draw(t, what+"'s key"), Unit: rapid.SampledFrom(Units[:5]).Draw(t, what+"'s unit"), Window: rapid.SampledFrom(Windows).Draw(t, what+"'s window")}
	}
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) // a Monday: day, week and month begin together
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		same := a.Budget == b.Budget && a.Key == b.Key && a.Unit == b.Unit && a.Window == b.Window
		if (a.Account(now).ID == b.Account(now).ID) != same {
			t.Fatalf("%q and %q", a.Account(now).ID, b.Account(now).ID)
		}
	})
}

// drawn are budgets and subjects of few names, so that they meet.
func drawnBudget(t *rapid.T, id string) *Budget {
	few := func(what string, list ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(list), 0, 2, rapid.ID[string]).Draw(t, what)
	}
	b := &Budget{ID: id, Per: rapid.SampledFrom(splits).Draw(t, "per"), Terms: Terms{Window: rapid.SampledFrom([]Window{Hour, Day, Month, Session}).Draw(t, "window")}}
	if b.Window == Session {
		b.Per = ""
	}
	b.Covers = Covers{
		Identities: few("identities", "bot", "other"), Grants: few("grants", "g1", "g2", "g3"), Entitlements: few("entitlements", "chat", "list"),
		Teams: few("teams", "payments", "sales"), Models: few("models", haiku, llama, profile, "family:claude", "provider:meta"),
	}
	usd := Money(rapid.Int64Range(0, 3).Draw(t, "usd"))
	b.USD = &usd
	if rapid.Bool().Draw(t, "streams too") {
		b.Streams = amount(rapid.Int64Range(0, 2).Draw(t, "streams"))
	}
	return b
}

func drawnSubject(t *rapid.T) *Subject {
	s := caller()
	s.Identity, s.Team = rapid.SampledFrom([]string{"bot", "other"}).Draw(t, "identity"), rapid.SampledFrom([]string{"", "payments", "sales"}).Draw(t, "team")
	s.Session = rapid.SampledFrom([]string{"s1", "s2"}).Draw(t, "session")
	all := []Held{{"g1", "chat", nil}, {"g2", "chat", dollars(3)}, {"g3", "list", nil}, {"g2", "chat", dollars(4)}}
	s.Held = rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, 2, func(h Held) string { return h.Grant }).Draw(t, "held")
	switch rapid.IntRange(0, 2).Draw(t, "model") {
	case 0:
		s.Model, s.Profile, s.Family, s.Provider = llama, "", "llama", "meta"
	case 1:
		s.Model, s.Profile, s.Family, s.Provider = "", "", "", ""
	}
	return s
}

// TestEveryBudgetThatCoversACallIsFound, and no other: the book finds what looking
// at each budget by itself does, the second time as the first, for many callers at
// once.
func TestEveryBudgetThatCoversACallIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var budgets []*Budget
		for i := range rapid.IntRange(0, 8).Draw(t, "budgets") {
			budgets = append(budgets, drawnBudget(t, fmt.Sprintf("b%d", 9-i)))
		}
		book := NewBook(budgets, nil)
		for range 6 {
			s := drawnSubject(t)
			var want []string
			for _, b := range slices.SortedFunc(slices.Values(budgets), func(x, y *Budget) int { return strings.Compare(x.ID, y.ID) }) {
				want = append(want, told(NewBook([]*Budget{b}, nil).covering(&Subject{
					Identity: s.Identity, Session: s.Session, Team: s.Team, Held: withoutMonthly(s.Held), Model: s.Model, Profile: s.Profile, Family: s.Family, Provider: s.Provider,
				}))...)
			}
			for _, h := range slices.SortedFunc(slices.Values(s.Held), func(x, y Held) int { return strings.Compare(x.Grant, y.Grant) }) {
				if h.Monthly != nil {
					want = append(want, fmt.Sprintf("grant:%s||usd=%v", h.Grant, *h.Monthly))
				}
			}
			var wait sync.WaitGroup
			for range 3 {
				wait.Go(func() {
					if d := cmp.Diff(want, told(book.Covering(s))); d != "" {
						t.Errorf("%+v: %s", s, d)
					}
				})
			}
			wait.Wait()
		}
	})
}

func withoutMonthly(held []Held) (out []Held) {
	for _, h := range held {
		out = append(out, Held{Grant: h.Grant, Entitlement: h.Entitlement})
	}
	return out
}

// TestWhatIsRememberedIsTheSubjectsOwn: a caller uses his subject again, and another
// takes its place in the table.
func TestWhatIsRememberedIsTheSubjectsOwn(t *testing.T) {
	book := NewBook([]*Budget{daily("b", func(b *Budget) { b.Per = PerIdentity })}, nil)
	s := caller()
	s.Held[0].Monthly = dollars(1)
	book.Covering(s)
	*s.Held[0].Monthly = 2 * Dollar
	if got := told(book.Covering(s)); got[1] != "grant:g2||usd=2.00 USD" {
		t.Errorf("after the subject changed: %v", got)
	}
	for i := range 3 * len(book.memo.pages) {
		s.Identity = fmt.Sprintf("i%d", i)
		if got := book.Covering(s); got[0].Key != s.Identity {
			t.Fatalf("%s is counted as %s", s.Identity, got[0].Key)
		}
	}
}

// crowd is a book of ten thousand budgets, of which five lines cover the caller.
func crowd() *Book {
	var budgets []*Budget
	for i := range 10_000 {
		budgets = append(budgets, daily(fmt.Sprintf("b%d", i), func(b *Budget) { b.Covers.Identities = []string{fmt.Sprintf("i%d", i)} }))
	}
	budgets = append(budgets, daily("org", func(b *Budget) { b.Requests = amount(5) }), daily("team", func(b *Budget) { b.Covers.Teams, b.Streams = []string{"payments"}, amount(3) }),
		daily("claude", func(b *Budget) { b.Covers.Models = []string{"family:claude"} }))
	return NewBook(budgets, nil)
}

func BenchmarkCoveringAgain(b *testing.B) {
	book, s := crowd(), caller()
	if n := len(book.Covering(s)); n != 5 {
		b.Fatalf("%d lines", n)
	}
	b.ReportAllocs()
	for b.Loop() {
		book.Covering(s)
	}
}

func BenchmarkCoveringFirst(b *testing.B) {
	book, s := crowd(), caller()
	b.ReportAllocs()
	for b.Loop() {
		book.covering(s)
	}
}

func BenchmarkAccountAgain(b *testing.B) {
	book, now := crowd(), time.Now()
	l := book.Covering(caller())[0]
	b.ReportAllocs()
	for b.Loop() {
		l.Account(now)
	}
}
