package meter

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/store"
)

// spendSums are the sums of what was spent since the last report.
type spendSums struct {
	mu   sync.Mutex
	rows map[store.SpendTags]*store.SpendRow
}

// add adds a call that was settled.
func (s *spendSums) add(c *Call, by *Settlement) {
	var tags store.SpendTags
	c.fill(&tags)
	s.put(&tags, by, c.Unpriced)
}

func (s *spendSums) put(tags *store.SpendTags, by *Settlement, unpriced bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.rows[*tags]
	if sum == nil {
		sum = &store.SpendRow{SpendTags: *tags}
		s.rows[*tags] = sum
	}
	count(sum, by, unpriced)
}

// take empties the sums.
func (s *spendSums) take() []store.SpendRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]store.SpendRow, 0, len(s.rows))
	for _, r := range s.rows {
		out = append(out, *r)
	}
	clear(s.rows)
	return out
}

// count adds one call. Where nobody said what it used, the tokens are those that
// were reserved, all of them as if none had come from a cache.
func count(r *store.SpendRow, by *Settlement, unpriced bool) {
	t := by.Tokens
	if by.Estimated && t == (bedrock.Tokens{}) {
		t.Input, t.Output = by.Amounts.Input, by.Amounts.Output
	}
	r.Requests += by.Amounts.Requests
	r.Input, r.Output = r.Input+t.Input, r.Output+t.Output
	r.CacheRead, r.CacheWrite, r.CacheWriteHour = r.CacheRead+t.CacheRead, r.CacheWrite+t.CacheWrite, r.CacheWriteHour+t.CacheWriteHour
	r.GuardrailUnits += by.GuardrailUnits
	if by.Estimated {
		r.Estimated++
	}
	if unpriced || !by.Priced && by.Amounts.MicroUSD == 0 {
		r.Unpriced++
		return
	}
	r.MicroUSD += int64(by.Amounts.MicroUSD)
	if by.Estimated || !by.Priced {
		r.EstimatedMicroUSD += int64(by.Amounts.MicroUSD)
	}
}

// fill completes what the call's tags leave out.
func (c *Call) fill(t *store.SpendTags) {
	*t = c.Tags
	if t.Day == "" {
		t.Day = dayOf(c.At)
	}
	s := c.Subject
	if s == nil {
		return
	}
	orElse(&t.Identity, s.Identity)
	orElse(&t.Team, s.Team)
	orElse(&t.Owner, s.Owner)
	orElse(&t.Sponsor, s.Sponsor)
	orElse(&t.Environment, s.Environment)
	orElse(&t.Model, s.Model)
	orElse(&t.Profile, s.Profile)
	if len(s.Held) > 0 {
		orElse(&t.Entitlement, s.Held[0].Entitlement)
	}
}

func orElse(into *string, other string) {
	if *into == "" {
		*into = other
	}
}

// day is the text of a day, kept since most calls are of one.
type day struct {
	number int64
	text   string
}

var lastDay atomic.Pointer[day]

// dayOf is the day of an instant in UTC.
func dayOf(t time.Time) string {
	n := t.Unix() / (24 * 60 * 60)
	if d := lastDay.Load(); d != nil && d.number == n {
		return d.text
	}
	d := &day{n, t.UTC().Format(time.DateOnly)}
	lastDay.Store(d)
	return d.text
}
