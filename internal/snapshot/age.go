package snapshot

import "time"

// Age is how long ago the store was last read, by the monotonic clock.
func (s *Source) Age(now time.Time) time.Duration { return now.Sub(s.health.Load().read) }
