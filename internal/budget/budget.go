// Package budget says what a budget is: which calls it covers, what it limits,
// over which window, and in which account a call is counted.
//
// Whoever holds a Book asks it for the lines that cover a call; every one of them
// must have room. The room is reserved and settled elsewhere: the package knows no
// amounts that were spent. It is pure, but for the time zones: those come from the
// system, or from the copy in the program where it has none, and all replicas must
// know the same ones, since the edges of a window name its account.
//
// It trusts what it is given: a Subject is what the gateway has established, not
// what a caller says of himself.
package budget

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a container may have no time zones of its own

	"github.com/writ-project/writ/internal/identity"
)

// Budget limits what the calls that it covers may take.
type Budget struct {
	ID     string `json:"-" yaml:"-"`
	Title  string `json:"title,omitempty" yaml:"title,omitempty"`
	Covers Covers `json:"covers,omitzero" yaml:"covers,omitempty"` // empty: every call of the organisation
	// Per is "" for one account that all covered calls are counted in, or what
	// each has an account of: identity, session, grant, entitlement, team, model
	// or family. Calls that have no such thing share one.
	Per   string `json:"per,omitempty" yaml:"per,omitempty"`
	Terms `yaml:",inline"`
	Owner string `json:"owner,omitempty" yaml:"owner,omitempty"` // who is told: an operator's name or email
}

// Terms are limits over one window.
type Terms struct {
	Limits   `yaml:",inline"`
	Window   Window `json:"window,omitempty" yaml:"window,omitempty"`     // required, unless only streams are limited
	TimeZone string `json:"timeZone,omitempty" yaml:"timeZone,omitempty"` // IANA name of the calendar's zone; empty: UTC
	// Notify are percents of a limit at which people are told; nil: 50, 80, 100.
	Notify []int `json:"notify,omitempty" yaml:"notify,omitempty"`
}

// Limits are the largest amounts; nil: no such limit. Zero is one: it allows
// nothing.
type Limits struct {
	USD          *Money `json:"usd,omitempty" yaml:"usd,omitempty"`
	InputTokens  *int64 `json:"inputTokens,omitempty" yaml:"inputTokens,omitempty"`
	OutputTokens *int64 `json:"outputTokens,omitempty" yaml:"outputTokens,omitempty"`
	TotalTokens  *int64 `json:"totalTokens,omitempty" yaml:"totalTokens,omitempty"`
	Requests     *int64 `json:"requests,omitempty" yaml:"requests,omitempty"`
	Streams      *int64 `json:"streams,omitempty" yaml:"streams,omitempty"` // at once
}

// Of is the limit of a unit, if there is one.
func (l *Limits) Of(u Unit) (limit int64, ok bool) {
	at := map[Unit]*int64{InputTokens: l.InputTokens, OutputTokens: l.OutputTokens, TotalTokens: l.TotalTokens, Requests: l.Requests, Streams: l.Streams}[u]
	switch {
	case u == USD && l.USD != nil:
		return int64(*l.USD), true
	case at != nil:
		return *at, true
	}
	return 0, false
}

// What a budget may be split by.
const (
	PerIdentity    = "identity"
	PerSession     = "session"
	PerGrant       = "grant"
	PerEntitlement = "entitlement"
	PerTeam        = "team"
	PerModel       = "model"
	PerFamily      = "family"
)

var splits = []string{"", PerIdentity, PerSession, PerGrant, PerEntitlement, PerTeam, PerModel, PerFamily}

// Split is what the budget is split by: of a window that is a session's, sessions.
func (b *Budget) Split() string {
	if b.Window == Session {
		return PerSession
	}
	return b.Per
}

// DefaultNotify are the percents at which people are told where nothing is said.
var DefaultNotify = []int{50, 80, 100}

// Percents are the percents at which people are told, rising.
func (t *Terms) Percents() []int {
	if t.Notify == nil {
		return DefaultNotify
	}
	return slices.Sorted(slices.Values(t.Notify))
}

// Zone is the time zone of the terms.
func (t *Terms) Zone() (*time.Location, error) {
	if t.TimeZone == "Local" {
		return nil, errors.New(`timeZone "Local": want the name of a zone, such as Europe/Berlin`)
	}
	zone, err := time.LoadLocation(t.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("timeZone %q: want the name of a zone, such as Europe/Berlin", t.TimeZone)
	}
	return zone, nil
}

// problems collects what is wrong.
type problems []error

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

// Validate reports everything that is wrong with a budget, or nil. Whether what it
// names exists is not judged here.
func (b *Budget) Validate() error {
	var errs problems
	if !identity.ValidName(b.ID) {
		errs.add("name %q: want 1–64 of a–z 0–9 . _ -", b.ID)
	}
	if !slices.Contains(splits, b.Per) {
		errs.add("per %q: want one of %s", b.Per, strings.Join(splits[1:], ", "))
	}
	if b.Window == Session && b.Per != "" && b.Per != PerSession {
		errs.add("per %q: a window that is a session's has an account for each session", b.Per)
	}
	errs = append(errs, b.Covers.validate()...)
	return errors.Join(append(errs, b.Terms.validate()...)...)
}

// Validate reports everything that is wrong with terms, or nil.
func (t *Terms) Validate() error { return errors.Join(t.validate()...) }

func (t *Terms) validate() (errs problems) {
	limited, counted := false, false
	for _, u := range Units {
		limit, ok := t.Of(u)
		if ok && limit < 0 {
			errs.add("%s %s: want 0 or more", fields[u], Figure(u, limit))
		}
		limited, counted = limited || ok, counted || ok && u != Streams
	}
	switch {
	case !limited:
		errs.add("a limit is required: one of usd, inputTokens, outputTokens, totalTokens, requests, streams")
	case t.Window == "" && counted:
		errs.add("window is required: minute, hour, day, week, month or session")
	case t.Window != "" && !slices.Contains(Windows, t.Window):
		errs.add("window %q: want one of minute, hour, day, week, month, session", t.Window)
	}
	if _, err := t.Zone(); err != nil {
		errs = append(errs, err)
	}
	if t.TimeZone != "" && !t.Window.calendar() {
		errs.add("timeZone %q: it has a meaning for the windows day, week and month only", t.TimeZone)
	}
	return append(errs, t.validateNotify()...)
}

// fields are the names of the limits in files.
var fields = map[Unit]string{USD: "usd", InputTokens: "inputTokens", OutputTokens: "outputTokens", TotalTokens: "totalTokens", Requests: "requests", Streams: "streams"}

func (t *Terms) validateNotify() (errs problems) {
	for i, percent := range t.Notify {
		if percent < 1 || percent > 100 {
			errs.add("notify %d: want percents from 1 to 100", percent)
		}
		if slices.Index(t.Notify, percent) != i {
			errs.add("notify %d: is given twice", percent)
		}
	}
	return errs
}

// ValidateAll reports everything that is wrong with the terms of one bundle, or
// nil: each unit is limited at most once over each window.
func ValidateAll(all []Terms) error {
	var errs problems
	seen := map[string]bool{}
	for i := range all {
		errs = append(errs, all[i].validate()...)
		for _, u := range Units {
			key := fields[u] + " over window " + string(all[i].Window)
			if u == Streams {
				key = fields[u]
			}
			if _, ok := all[i].Of(u); ok && seen[key] {
				errs.add("%s is limited twice", key)
			} else if ok {
				seen[key] = true
			}
		}
	}
	return errors.Join(errs...)
}
