package budget

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestWindowsEndWhereTheCalendarSays(t *testing.T) {
	for name, tc := range map[string]struct {
		window     Window
		zone, in   string
		start, end string
	}{
		"a minute":                          {Minute, "UTC", "2026-11-18T12:34:56Z", "2026-11-18T12:34:00Z", "2026-11-18T12:35:00Z"},
		"an hour":                           {Hour, "UTC", "2026-11-18T12:34:56Z", "2026-11-18T12:00:00Z", "2026-11-18T13:00:00Z"},
		"an hour is UTC's":                  {Hour, "Asia/Kathmandu", "2026-11-18T12:10:00Z", "2026-11-18T12:00:00Z", "2026-11-18T13:00:00Z"},
		"the first hour that comes twice":   {Hour, "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		"the second hour that comes twice":  {Hour, "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
		"a day":                             {Day, "UTC", "2026-11-18T12:34:56Z", "2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z"},
		"a day of Kathmandu":                {Day, "Asia/Kathmandu", "2026-11-18T18:15:00Z", "2026-11-18T18:15:00Z", "2026-11-19T18:15:00Z"},
		"the last instant of a day":         {Day, "UTC", "2026-11-18T23:59:59.999999999Z", "2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z"},
		"a day of 25 hours":                 {Day, "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		"a day of 23 hours":                 {Day, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		"a day of 24 hours and a half":      {Day, "Australia/Lord_Howe", "2026-04-05T00:00:00Z", "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z"},
		"a day without a midnight":          {Day, "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		"a day whose last hour comes twice": {Day, "America/Sao_Paulo", "2018-02-18T02:30:00Z", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"},
		"a day begun before its clock fell": {Day, "America/St_Johns", "2010-11-07T02:30:30Z", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"},
		"a date shown again is over":        {Day, "America/St_Johns", "2010-11-07T02:45:00Z", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"},
		"the day before a date left out":    {Day, "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		"the day after a date left out":     {Day, "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
		"a week begins on Monday":           {Week, "UTC", "2026-11-22T23:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"},
		"a week, on Monday":                 {Week, "UTC", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
		"a week over a new year":            {Week, "America/New_York", "2026-01-01T12:00:00Z", "2025-12-29T05:00:00Z", "2026-01-05T05:00:00Z"},
		"a week with a short day":           {Week, "America/New_York", "2026-03-08T12:00:00Z", "2026-03-02T05:00:00Z", "2026-03-09T04:00:00Z"},
		"a month":                           {Month, "UTC", "2026-11-30T23:59:59Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"},
		"a month ends at local midnight":    {Month, "Asia/Tokyo", "2026-11-30T15:00:00Z", "2026-11-30T15:00:00Z", "2026-12-31T15:00:00Z"},
		"a leap month":                      {Month, "Europe/Berlin", "2028-02-29T12:00:00Z", "2028-01-31T23:00:00Z", "2028-02-29T23:00:00Z"},
		"a month of a changed clock":        {Month, "Europe/Berlin", "2026-10-31T22:59:59Z", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"},
		"a day that Go has no end for":      {Day, "Europe/Berlin", "2040-12-31T12:00:00Z", "2040-12-30T23:00:00Z", "2040-12-31T23:00:00Z"},
		"a month over a new year":           {Month, "America/Los_Angeles", "2027-01-01T07:59:59Z", "2026-12-01T08:00:00Z", "2027-01-01T08:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			start, end := tc.window.At(at(t, tc.in), zone(t, tc.zone))
			if !start.Equal(at(t, tc.start)) || !end.Equal(at(t, tc.end)) {
				t.Errorf("from %s to %s, want from %s to %s", start.Format(time.RFC3339), end.Format(time.RFC3339), tc.start, tc.end)
			}
		})
	}
}

func TestASessionsWindowHasNoEdges(t *testing.T) {
	if start, end := Session.At(time.Now(), nil); !start.IsZero() || !end.IsZero() {
		t.Errorf("from %v to %v", start, end)
	}
}

var oddZones = []string{
	"", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/St_Johns", "Asia/Kathmandu", "Asia/Beirut", "Asia/Tehran", "Africa/Cairo", "Africa/Casablanca",
	"Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kwajalein", "Pacific/Kiritimati", "Pacific/Chatham", "Antarctica/Troll", "America/Godthab", "Asia/Manila", "America/Juneau",
}

// TestWindowsPartitionTime: an instant is in its window; each instant of that window
// says the same window; and the next begins where it ends.
func TestWindowsPartitionTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(oddZones).Draw(t, "zone")
		z, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		w := rapid.SampledFrom(Windows[:5]).Draw(t, "window")
		when := time.Unix(rapid.Int64Range(-5_000_000_000, 8_000_000_000).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond"))
		if near := rapid.IntRange(0, 2).Draw(t, "near a change"); near > 0 {
			if _, change := when.In(z).ZoneBounds(); !change.IsZero() {
				when = change.Add(time.Duration(rapid.Int64Range(-int64(36*time.Hour), int64(36*time.Hour)).Draw(t, "off")))
			}
		}
		start, end := w.At(when, z)
		said := fmt.Sprintf("%s of %s at %v: from %v to %v", w, name, when.In(z), start.In(z), end.In(z))
		if when.Before(start) || !when.Before(end) {
			t.Fatalf("%s is not in it", said)
		}
		inside := start.Add(time.Duration(rapid.Int64Range(0, int64(end.Sub(start))-1).Draw(t, "inside")))
		for what, other := range map[string]time.Time{"begins": start, "inside": inside, "ends": end.Add(-1)} {
			if s, e := w.At(other, z); !s.Equal(start) || !e.Equal(end) {
				t.Fatalf("%s; %s says from %v to %v", said, what, s.In(z), e.In(z))
			}
		}
		if s, e := w.At(end, z); !s.Equal(end) || !e.After(end) {
			t.Fatalf("%s; the next is from %v to %v", said, s.In(z), e.In(z))
		}
		if s, e := w.At(start.Add(-1), z); !e.Equal(start) || !s.Before(start) {
			t.Fatalf("%s; the one before is from %v to %v", said, s.In(z), e.In(z))
		}
	})
}

// TestWindowsAreAsLongAsTheyCanBe: none is so short or so long that a limit over it
// would mean something else.
func TestWindowsAreAsLongAsTheyCanBe(t *testing.T) {
	lengths := map[Window][2]time.Duration{
		Minute: {time.Minute, time.Minute}, Hour: {time.Hour, time.Hour},
		Day: {22 * time.Hour, 26 * time.Hour}, Week: {7*24*time.Hour - 3*time.Hour, 7*24*time.Hour + 3*time.Hour}, Month: {28*24*time.Hour - 3*time.Hour, 31*24*time.Hour + 3*time.Hour},
	}
	rapid.Check(t, func(t *rapid.T) {
		z, err := time.LoadLocation(rapid.SampledFrom(oddZones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		// From 2012 on no clock has left out or repeated a whole date.
		when := time.Unix(rapid.Int64Range(1_330_000_000, 4_000_000_000).Draw(t, "second"), 0)
		for w, length := range lengths {
			start, end := w.At(when, z)
			if took := end.Sub(start); took < length[0] || took > length[1] {
				t.Fatalf("%s of %v at %v takes %v", w, z, when.In(z), took)
			}
		}
	})
}
