package snapshot

import "time"

// Age is how long ago the store was last read, by the monotonic clock.
func (s *Source) Age(now time.Time) time.Duration { return now.Sub(s.health.Load().read) }

// LeaseLeft is for how long this replica may go on deciding unless it renews its
// lease, by whichever clock says less; zero once it has ended or was never granted.
func (s *Source) LeaseLeft(now time.Time) time.Duration {
	r := s.tenure.state.Load()
	if s.tenure.Lease == nil || r.sent.IsZero() {
		return 0
	}
	passed := max(now.Sub(r.sent), now.Round(0).Sub(r.sent.Round(0)))
	return max(s.tenure.For-passed, 0)
}
