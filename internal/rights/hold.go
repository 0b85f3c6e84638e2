package rights

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

// Hold says how what waits for a human waits: answers that are held whole, and
// calls of tools that write. Its zero value: a call is answered at once and the
// rest collected later, within an hour, once one holder of the role approver
// released it.
type Hold struct {
	Mode    string            `json:"mode,omitempty" yaml:"mode,omitempty"`       // pending or wait; empty: pending
	Wait    identity.Duration `json:"wait,omitempty" yaml:"wait,omitempty"`       // how long a call of mode wait waits; 0: 30s, at most 50s
	Expires identity.Duration `json:"expires,omitempty" yaml:"expires,omitempty"` // after which what nobody decided is rejected; 0: 1h, at most 168h
	Receipt identity.Duration `json:"receipt,omitempty" yaml:"receipt,omitempty"` // how long a receipt counts after the release; 0: 15m, at most 24h
	// Approvers are selectors, as stages have them; empty: role:approver.
	Approvers []string `json:"approvers,omitempty" yaml:"approvers,omitempty"`
	Needed    int      `json:"needed,omitempty" yaml:"needed,omitempty"` // people who must agree; 0: one
	// Thresholds ask for more people. The highest that applies counts.
	Thresholds []Threshold `json:"thresholds,omitempty" yaml:"thresholds,omitempty"`
	Unknown    string      `json:"unknown,omitempty" yaml:"unknown,omitempty"` // calls of unknown or changed tools: hold or refuse; empty: hold
}

// Threshold asks for more people where an argument of a tool call is over a
// figure, counted without its sign. An argument that is absent, or no JSON
// number — a text of digits is none — counts as over it.
type Threshold struct {
	Tool     string `json:"tool,omitempty" yaml:"tool,omitempty"` // empty: every tool
	Argument string `json:"argument" yaml:"argument"`             // required: JSON Pointer (RFC 6901)
	Over     string `json:"over" yaml:"over"`                     // required: a decimal without sign
	Needed   int    `json:"needed" yaml:"needed"`                 // required: 2 or more
}

// The modes of a hold, and what becomes of calls of unknown tools.
const (
	HoldPending   = "pending"
	HoldWait      = "wait"
	UnknownHold   = "hold"
	UnknownRefuse = "refuse"
)

// Bounds and defaults of a hold. The longest wait stays under the minute after
// which clients give up.
const (
	DefaultHoldWait    = 30 * time.Second
	MaxHoldWait        = 50 * time.Second
	DefaultHoldExpiry  = time.Hour
	MaxHoldExpiry      = 168 * time.Hour
	DefaultReceiptLife = 15 * time.Minute
	MaxReceiptLife     = 24 * time.Hour
	MaxHoldNeeded      = 8
	maxThresholds      = 32
)

// Waits reports whether anything of an answer waits for a human.
func (c *Conditions) Waits() bool { return c.HoldAnswer || len(c.Tools.Write) > 0 || c.Tools.Any }

// validate reports what is wrong with the terms of a hold. Whether the people
// exist is for others to say.
func (h Hold) validate() problems {
	var errs problems
	if !slices.Contains([]string{"", HoldPending, HoldWait}, h.Mode) {
		errs.add("hold.mode %q: want pending or wait", h.Mode)
	}
	if !slices.Contains([]string{"", UnknownHold, UnknownRefuse}, h.Unknown) {
		errs.add("hold.unknown %q: want hold or refuse", h.Unknown)
	}
	for _, d := range []struct {
		field string
		is    identity.Duration
		most  time.Duration
	}{{"wait", h.Wait, MaxHoldWait}, {"expires", h.Expires, MaxHoldExpiry}, {"receipt", h.Receipt, MaxReceiptLife}} {
		if d.is < 0 || time.Duration(d.is) > d.most {
			errs.add("hold.%s %v: want at most %v", d.field, d.is, d.most)
		}
	}
	if h.Needed < 0 || h.Needed > MaxHoldNeeded {
		errs.add("hold.needed %d: want 1 to %d", h.Needed, MaxHoldNeeded)
	}
	errs.unique("hold.approvers", h.Approvers)
	for _, a := range h.Approvers {
		if _, err := ParsePeople(a); err != nil {
			errs = append(errs, fmt.Errorf("hold.approvers: %w", err))
		}
	}
	if len(h.Thresholds) > maxThresholds {
		errs.add("hold.thresholds: %d: want at most %d", len(h.Thresholds), maxThresholds)
	}
	for i, t := range h.Thresholds {
		if err := t.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("hold.thresholds: %d: %w", i, err))
		}
	}
	return errs
}

// Validate reports what is wrong with a threshold, or nil.
func (t Threshold) Validate() error {
	var errs problems
	if len(t.Tool) > 256 {
		errs.add("tool: want at most 256 bytes")
	}
	if !strings.HasPrefix(t.Argument, "/") || len(t.Argument) > 512 || badPointer(t.Argument) {
		errs.add("argument %.100q: want a JSON Pointer, such as /amount", t.Argument)
	}
	if !plainDecimal(t.Over) {
		errs.add("over %.100q: want a decimal of at most 30 digits, without sign or exponent", t.Over)
	}
	if t.Needed < 2 || t.Needed > MaxHoldNeeded {
		errs.add("needed %d: want 2 to %d", t.Needed, MaxHoldNeeded)
	}
	return errors.Join(errs...)
}

// badPointer reports an escape that a JSON Pointer does not have.
func badPointer(p string) bool {
	for i := range len(p) {
		if p[i] == '~' && (i+1 == len(p) || p[i+1] != '0' && p[i+1] != '1') {
			return true
		}
	}
	return false
}

func plainDecimal(s string) bool {
	whole, fraction, dotted := strings.Cut(s, ".")
	return len(s) <= 31 && only(whole, 30, digits) && (!dotted || only(fraction, 30, digits))
}

// Looser reports the field by which terms ask for less than others did, or "":
// what a live grant's calls wait for has become easier to get.
func (h Hold) Looser(was Hold) string {
	switch {
	case max(h.Needed, 1) < max(was.Needed, 1):
		return "needed"
	case h.Unknown != UnknownRefuse && was.Unknown == UnknownRefuse:
		return "unknown"
	case !drawnFrom(orApprovers(h.Approvers), orApprovers(was.Approvers)):
		return "approvers"
	case or(h.Receipt, DefaultReceiptLife) > or(was.Receipt, DefaultReceiptLife):
		return "receipt"
	case or(h.Expires, DefaultHoldExpiry) > or(was.Expires, DefaultHoldExpiry):
		return "expires"
	}
	for _, t := range was.Thresholds {
		if max(h.Needed, 1) < t.Needed && !slices.Contains(h.Thresholds, t) {
			return "thresholds"
		}
	}
	return ""
}

func orApprovers(list []string) []string {
	if len(list) == 0 {
		return []string{string(PeopleRole) + ":approver"}
	}
	return list
}

func or(d identity.Duration, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return time.Duration(d)
}

func drawnFrom(list, of []string) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(of, s) })
}
