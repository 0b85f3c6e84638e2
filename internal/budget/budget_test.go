package budget

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func amount(n int64) *int64 { return &n }

func dollars(n Money) *Money { n *= Dollar; return &n }

// valid is a budget that nothing is wrong with.
func valid() *Budget {
	return &Budget{ID: "team-day", Per: PerTeam, Terms: Terms{Limits: Limits{USD: dollars(10)}, Window: Day, TimeZone: "Europe/Berlin"}}
}

func TestWhatIsWrongWithABudgetIsSaid(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Budget)
		want   string // empty: nothing is wrong
	}{
		"nothing":                   {func(*Budget) {}, ""},
		"the name":                  {func(b *Budget) { b.ID = "Team" }, "name"},
		"per":                       {func(b *Budget) { b.Per = "region" }, `per "region"`},
		"no limit":                  {func(b *Budget) { b.USD = nil }, "a limit is required"},
		"a limit of zero":           {func(b *Budget) { b.USD = dollars(0) }, ""},
		"a negative limit of money": {func(b *Budget) { b.USD = dollars(-1) }, "usd"},
		"a negative limit":          {func(b *Budget) { b.TotalTokens = amount(-1) }, "totalTokens"},
		"no window":                 {func(b *Budget) { b.Window, b.TimeZone = "", "" }, "window is required"},
		"no window for streams":     {func(b *Budget) { b.Limits, b.Window, b.TimeZone = Limits{Streams: amount(3)}, "", "" }, ""},
		"an unknown window":         {func(b *Budget) { b.Window, b.TimeZone = "year", "" }, `window "year"`},
		"an unknown zone":           {func(b *Budget) { b.TimeZone = "Europe/Atlantis" }, "Europe/Atlantis"},
		"the machine's own zone":    {func(b *Budget) { b.TimeZone = "Local" }, "Local"},
		"a zone that is a path":     {func(b *Budget) { b.TimeZone = "../../etc/passwd" }, "timeZone"},
		"a zone of an hour":         {func(b *Budget) { b.Window = Hour }, "it has a meaning"},
		"a session's window":        {func(b *Budget) { b.Window, b.TimeZone, b.Per = Session, "", "" }, ""},
		"a session per session":     {func(b *Budget) { b.Window, b.TimeZone, b.Per = Session, "", PerSession }, ""},
		"a session per identity":    {func(b *Budget) { b.Window, b.TimeZone, b.Per = Session, "", PerIdentity }, "for each session"},
		"a month per session":       {func(b *Budget) { b.Window, b.Per = Month, PerSession }, ""},
		"percents":                  {func(b *Budget) { b.Notify = []int{0} }, "notify"},
		"a percent above":           {func(b *Budget) { b.Notify = []int{101} }, "notify"},
		"a percent twice":           {func(b *Budget) { b.Notify = []int{50, 50} }, "given twice"},
		"nobody is told":            {func(b *Budget) { b.Notify = []int{} }, ""},
		"an identity":               {func(b *Budget) { b.Covers.Identities = []string{"A B"} }, "covers.identities"},
		"a grant":                   {func(b *Budget) { b.Covers.Grants = []string{""} }, "covers.grants"},
		"an entitlement":            {func(b *Budget) { b.Covers.Entitlements = []string{"-"} }, "covers.entitlements"},
		"an empty team":             {func(b *Budget) { b.Covers.Teams = []string{""} }, "covers.teams"},
		"a team twice":              {func(b *Budget) { b.Covers.Teams = []string{"a", "a"} }, "given twice"},
		"a long model":              {func(b *Budget) { b.Covers.Models = []string{strings.Repeat("m", maxCovered+1)} }, "covers.models"},
	} {
		b := valid()
		tc.change(b)
		err := b.Validate()
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func TestEntitlementsLimitEachUnitOnceOverAWindow(t *testing.T) {
	for name, tc := range map[string]struct {
		all  []Terms
		want string
	}{
		"none":              {nil, ""},
		"two windows":       {[]Terms{{Limits: Limits{USD: dollars(1)}, Window: Day}, {Limits: Limits{USD: dollars(9)}, Window: Month}}, ""},
		"two units":         {[]Terms{{Limits: Limits{USD: dollars(1)}, Window: Day}, {Limits: Limits{Requests: amount(9)}, Window: Day}}, ""},
		"twice":             {[]Terms{{Limits: Limits{USD: dollars(1)}, Window: Day}, {Limits: Limits{USD: dollars(9)}, Window: Day, TimeZone: "Asia/Tokyo"}}, "usd over window day is limited twice"},
		"streams twice":     {[]Terms{{Limits: Limits{Streams: amount(1)}, Window: Day}, {Limits: Limits{Streams: amount(2)}}}, "streams is limited twice"},
		"terms that are no": {[]Terms{{Window: Day}}, "a limit is required"},
	} {
		err := ValidateAll(tc.all)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// TestABudgetsTextIsFlat: limits and window stand beside what is covered.
func TestABudgetsTextIsFlat(t *testing.T) {
	b := valid()
	b.Covers.Teams, b.Requests, b.Notify = []string{"payments"}, amount(5), []int{90}
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"covers":{"teams":["payments"]},"per":"team","usd":"10.00","requests":5,"window":"day","timeZone":"Europe/Berlin","notify":[90]}`
	if d := cmp.Diff(want, string(text)); d != "" {
		t.Error(d)
	}
}

func TestPercentsRise(t *testing.T) {
	terms := Terms{Notify: []int{90, 10}}
	if got := terms.Percents(); !slices.Equal(got, []int{10, 90}) || !slices.Equal(terms.Notify, []int{90, 10}) {
		t.Errorf("%v, of %v", got, terms.Notify)
	}
	if got := (&Terms{}).Percents(); !slices.Equal(got, []int{50, 80, 100}) {
		t.Errorf("where nothing is said: %v", got)
	}
}
