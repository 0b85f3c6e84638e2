package budget

import (
	"slices"
	"time"
)

// Window is the time over which a limit counts.
type Window string

// The windows. Minutes and hours are those of UTC, whatever the zone: all are
// of one length, and none comes twice where clocks are put back. Days, weeks —
// from Monday — and months are those of the zone's calendar: a day may have 23 or 25
// hours. A day begins when the zone's clock first shows its date or a later one,
// so that each instant is in exactly one.
const (
	Minute  Window = "minute"
	Hour    Window = "hour"
	Day     Window = "day"
	Week    Window = "week"
	Month   Window = "month"
	Session Window = "session" // as long as a session lasts; each session has an account
)

// Windows lists the windows, from short to long.
var Windows = []Window{Minute, Hour, Day, Week, Month, Session}

// calendar reports whether a window's edges depend on a zone.
func (w Window) calendar() bool { return slices.Contains([]Window{Day, Week, Month}, w) }

// At is the window that an instant is in: from start, and before end. A session
// has neither here: the zero times. A nil zone is UTC.
func (w Window) At(t time.Time, zone *time.Location) (start, end time.Time) {
	switch w {
	case Minute:
		start = t.UTC().Truncate(time.Minute)
		return start, start.Add(time.Minute)
	case Hour:
		start = t.UTC().Truncate(time.Hour)
		return start, start.Add(time.Hour)
	case Day, Week, Month:
		if zone == nil {
			zone = time.UTC
		}
		return w.between(t, zone)
	}
	return time.Time{}, time.Time{}
}

// between finds the calendar window of an instant. Where a clock was put back
// over midnight, the date that it shows may be one whose window is over.
func (w Window) between(t time.Time, zone *time.Location) (start, end time.Time) {
	year, month, day := t.In(zone).Date()
	first := date{year, month, day}.first(w)
	for start = first.begins(zone); ; start = end {
		first = first.next(w)
		if end = first.begins(zone); t.Before(end) {
			return start, end
		}
	}
}

// date is a day of the calendar.
type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date{y, m, d}
}

// utc is the date's midnight in UTC.
func (d date) utc() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }

// first is the first date of the window that a date is in.
func (d date) first(w Window) date {
	switch w {
	case Week:
		sinceMonday := (int(d.utc().Weekday()) + 6) % 7
		return dateOf(d.utc().AddDate(0, 0, -sinceMonday))
	case Month:
		return date{d.year, d.month, 1}
	}
	return d
}

// next is the first date of the next window, of one that begins at a date.
func (d date) next(w Window) date {
	switch w {
	case Week:
		return dateOf(d.utc().AddDate(0, 0, 7))
	case Month:
		return dateOf(d.utc().AddDate(0, 1, 0))
	}
	return dateOf(d.utc().AddDate(0, 0, 1))
}

// farthest is more than any clock was ever ahead of, or behind, UTC.
const farthest = 26 * time.Hour

// begins is the first instant at which a zone's clock shows the date or a later
// one. time.Date does not say: midnight may be skipped, or come twice.
func (d date) begins(zone *time.Location) time.Time {
	midnight := d.utc()
	for t := midnight.Add(-farthest); ; {
		local := t.In(zone)
		_, offset := local.Zone()
		_, until := local.ZoneBounds()
		at := midnight.Add(-time.Duration(offset) * time.Second)
		if at.Before(t) {
			at = t
		}
		if !until.IsZero() && !until.After(t) {
			until = t.Add(time.Hour) // on the last day of some years after 2037, Go says that a zone's time has ended
		}
		if until.IsZero() || at.Before(until) {
			return at.UTC()
		}
		t = until
	}
}
