// Package sod is separation of duties: pairs of rights and duties that must not
// meet in one hand, as data, and the search for hands in which they do. The same
// search serves before a right is given (would this bring two together?) and after
// (where are two together already?).
//
// The package is pure. It trusts the caller for the facts; a duty that nobody
// asserts is taken as absent, so the caller says which duties it cannot know.
package sod

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

// Duty is something a hand can do, or does.
type Duty string

// Rule is a pair of duties that must not meet. A hand is a person, with all
// accounts; or a non-human identity.
type Rule struct {
	ID       string `json:"-" yaml:"-"`
	Title    string `json:"title" yaml:"title"`       // required
	Left     []Duty `json:"left" yaml:"left"`         // required: any of these …
	Right    []Duty `json:"right" yaml:"right"`       // required: … with any of these
	Hand     string `json:"hand" yaml:"hand"`         // required: person or identity
	Severity string `json:"severity" yaml:"severity"` // low, medium, high
	// Prevent refuses what would bring the two together; without it they are
	// only found.
	Prevent bool `json:"prevent,omitempty" yaml:"prevent,omitempty"`
	// SameObject requires both duties to be about one identity, entitlement or
	// model; without it any two do.
	SameObject bool `json:"sameObject,omitempty" yaml:"sameObject,omitempty"`
	Off        bool `json:"off,omitempty" yaml:"off,omitempty"` // switches a built-in rule of the same name off
}

// Waiver is a dated exception to a rule.
type Waiver struct {
	ID           string    `json:"-" yaml:"-"`
	Rule         string    `json:"rule" yaml:"rule"`                                     // required
	Subject      string    `json:"subject" yaml:"subject"`                               // required: Identity/name or Operator/name
	Reason       string    `json:"reason" yaml:"reason"`                                 // required
	Compensating string    `json:"compensating,omitempty" yaml:"compensating,omitempty"` // what is done instead
	Approvers    []string  `json:"approvers" yaml:"approvers"`                           // required: operators
	Request      string    `json:"request" yaml:"request"`                               // required
	From         time.Time `json:"from" yaml:"from"`                                     // required
	Expires      time.Time `json:"expires" yaml:"expires"`                               // required
	// Ending is who took it back before it expired, and why.
	Ending *identity.Remark `json:"ending,omitempty" yaml:"ending,omitempty"`
}

// Hands of a rule.
const (
	HandPerson   = "person"
	HandIdentity = "identity"
)

// Validate reports what is wrong with a rule, or nil.
func (r *Rule) Validate() error {
	var errs []error
	if !identity.ValidName(r.ID) {
		errs = append(errs, fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", r.ID))
	}
	if r.Off {
		return errors.Join(errs...)
	}
	if r.Title == "" {
		errs = append(errs, errors.New("title is required"))
	}
	if len(r.Left) == 0 || len(r.Right) == 0 {
		errs = append(errs, errors.New("left and right are required"))
	}
	for _, d := range slices.Concat(r.Left, r.Right) {
		if !slices.Contains(Duties, d) {
			errs = append(errs, fmt.Errorf("left or right: %q: want some of %v", d, Duties))
		}
	}
	if r.Hand != HandPerson && r.Hand != HandIdentity {
		errs = append(errs, fmt.Errorf("hand %q: want person or identity", r.Hand))
	}
	if !slices.Contains([]string{"low", "medium", "high"}, r.Severity) {
		errs = append(errs, fmt.Errorf("severity %q: want low, medium or high", r.Severity))
	}
	return errors.Join(errs...)
}

// Validate reports what is wrong with a waiver, or nil.
func (w *Waiver) Validate() error {
	switch {
	case !identity.ValidName(w.ID):
		return fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", w.ID)
	case w.Rule == "" || w.Subject == "" || w.Reason == "" || len(w.Approvers) == 0 || w.Request == "":
		return errors.New("rule, subject, reason, approvers and request are required")
	case w.From.IsZero() || !w.Expires.After(w.From):
		return errors.New("expires is required, and after from")
	}
	return nil
}

// During reports whether the waiver holds at a time.
func (w *Waiver) During(now time.Time) bool { return !now.Before(w.From) && now.Before(w.Expires) }
