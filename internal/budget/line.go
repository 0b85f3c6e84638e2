package budget

import (
	"strings"
	"sync/atomic"
	"time"
)

// Line is one limit that covers a call.
type Line struct {
	Budget string // a budget's name, "entitlement:NAME" or "grant:NAME"
	Key    string // whose account it is, where the budget is split; "" otherwise
	Unit   Unit
	Limit  int64 // in the unit; micro-USD for money
	Window Window
	Zone   *time.Location
	Notify []int     // percents, rising
	Ends   time.Time // when the session does, of a window that is a session's

	last *atomic.Pointer[Account] // the account that was asked for last; nil where none is kept
}

// Account is a line at a time: what is counted together.
type Account struct {
	// ID is budget, key, unit, window and the window's start, the same on every
	// replica and at every start.
	ID         string
	Line       Line
	Start, End time.Time // of the window; zero for streams. A session's has an end only
}

// Account is the account that a call at an instant is counted in.
func (l Line) Account(now time.Time) Account {
	if l.last != nil {
		if a := l.last.Load(); a != nil && (a.Start.IsZero() || !now.Before(a.Start) && now.Before(a.End)) {
			return *a
		}
	}
	a := l.account(now)
	if l.last != nil {
		l.last.Store(&a)
	}
	return a
}

func (l Line) account(now time.Time) Account {
	a := Account{Line: l}
	window, from := l.Window, ""
	switch {
	case l.Unit == Streams:
		window = ""
	case l.Window == Session:
		a.End = l.Ends
	default:
		a.Start, a.End = l.Window.At(now, l.Zone)
		from = a.Start.UTC().Format(time.RFC3339)
	}
	a.ID = strings.Join([]string{plain(l.Budget), plain(l.Key), string(l.Unit), string(window), from}, "|")
	return a
}

// separators keep the parts of an account's ID apart, whatever names there are.
var separators = strings.NewReplacer("%", "%25", "|", "%7C")

func plain(name string) string { return separators.Replace(name) }

// LimitsUSD reports whether any of the lines limits money.
func LimitsUSD(lines []Line) bool {
	for i := range lines {
		if lines[i].Unit == USD {
			return true
		}
	}
	return false
}
