package budget

import (
	"fmt"
	"slices"
	"time"
)

// Looser says in what a budget provably is not, or cannot be shown to be, at least
// as tight as it was: which calls it does not cover any more, which limits rose or
// went, and what is counted anew in other accounts, where what was spent so far
// does not count. Nothing where it holds back all that it did. A nil budget is none.
func Looser(was, now *Budget) (why []string) {
	switch {
	case was == nil:
		return nil
	case now == nil:
		return []string{"is gone"}
	}
	for _, list := range []struct {
		what     string
		was, now []string
	}{
		{"identities", was.Covers.Identities, now.Covers.Identities}, {"grants", was.Covers.Grants, now.Covers.Grants},
		{"entitlements", was.Covers.Entitlements, now.Covers.Entitlements}, {"teams", was.Covers.Teams, now.Covers.Teams}, {"models", was.Covers.Models, now.Covers.Models},
	} {
		if !within(list.was, list.now) {
			why = append(why, "covers fewer "+list.what)
		}
	}
	if was.Split() != now.Split() {
		why = append(why, fmt.Sprintf("is counted per %s, and was per %s", orOne(now.Split()), orOne(was.Split())))
	}
	return append(why, was.Terms.looser(&now.Terms)...)
}

// within reports whether a list names all that another does; an empty one names
// everything.
func within(part, whole []string) bool {
	if len(whole) == 0 {
		return true
	}
	return len(part) > 0 && !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(whole, s) })
}

func orOne(split string) string {
	if split == "" {
		return "budget"
	}
	return split
}

// looser says what terms hold back no more, where others take their place.
func (t *Terms) looser(now *Terms) (why []string) {
	for _, u := range Units {
		limit, had := t.Of(u)
		next, has := now.Of(u)
		switch {
		case had && !has:
			why = append(why, fmt.Sprintf("does not limit %s any more, and did to %s", fields[u], Figure(u, limit)))
		case had && next > limit:
			why = append(why, fmt.Sprintf("limits %s to %s, and did to %s", fields[u], Figure(u, next), Figure(u, limit)))
		}
	}
	if t.counted() && (t.Window != now.Window || t.TimeZone != now.TimeZone) {
		why = append(why, fmt.Sprintf("counts over %s, and did over %s", now.over(), t.over()))
	}
	return append(why, t.untold(now)...)
}

// untold says at which percent nobody is told any more.
func (t *Terms) untold(now *Terms) []string {
	for _, percent := range t.Percents() {
		if !slices.Contains(now.Percents(), percent) {
			return []string{fmt.Sprintf("tells nobody at %d %% any more", percent)}
		}
	}
	return nil
}

// counted reports whether anything is limited over the window.
func (t *Terms) counted() bool {
	return slices.ContainsFunc(Units, func(u Unit) bool { _, ok := t.Of(u); return ok && u != Streams })
}

func (t *Terms) over() string {
	out := "a " + string(t.Window)
	if t.Window == "" {
		out = "no window"
	}
	if t.Window.calendar() {
		zone := t.TimeZone
		if zone == "" {
			zone = time.UTC.String()
		}
		out += " of " + zone
	}
	return out
}

// Figure is an amount in a unit for people to read.
func Figure(u Unit, amount int64) string {
	if u == USD {
		return Money(amount).String()
	}
	return fmt.Sprint(amount)
}

// LooserAll is Looser for the limits that come with an entitlement: those of one
// unit over one window are compared.
func LooserAll(was, now []Terms) (why []string) {
	for i := range was {
		for _, u := range Units {
			if _, limited := was[i].Of(u); limited {
				why = append(why, looserLimit(&was[i], now, u)...)
			}
		}
	}
	return why
}

// looserLimit says whether no terms limit a unit as much over the same window.
func looserLimit(was *Terms, now []Terms, u Unit) []string {
	limit, _ := was.Of(u)
	what := fields[u]
	if u != Streams {
		what += " over " + was.over()
	}
	for i := range now {
		next, has := now[i].Of(u)
		same := now[i].Window == was.Window && now[i].TimeZone == was.TimeZone
		if u == Streams {
			same = (now[i].Window == Session) == (was.Window == Session)
		}
		switch {
		case has && same && next > limit:
			return []string{fmt.Sprintf("limits %s to %s, and did to %s", what, Figure(u, next), Figure(u, limit))}
		case has && same:
			return was.untold(&now[i])
		}
	}
	return []string{fmt.Sprintf("does not limit %s any more, and did to %s", what, Figure(u, limit))}
}
