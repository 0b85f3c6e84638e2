package hold

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
)

// Validate reports what is wrong with a hold taken alone, or nil. One whose state
// does not follow from its decisions is wrong: a Released one without the people
// for it above all.
func (h *Hold) Validate() error {
	if !identity.ValidName(h.ID) {
		return fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", h.ID)
	}
	return h.check()
}

// check is Validate for a hold that has no name yet.
func (h *Hold) check() error {
	return errors.Join(h.checkFacts(), h.checkTerms(), h.checkCalls(), h.checkDecisions(), h.checkState())
}

func (h *Hold) checkFacts() error {
	if !identity.ValidName(h.Identity) || h.Decision == "" || h.Operation == "" {
		return errors.New("identity, decision and operation are required")
	}
	var errs []error
	for field, text := range map[string]string{
		"session": h.Session, "environment": h.Environment, "team": h.Team, "model": h.Model, "operation": h.Operation, "region": h.Region,
		"account": h.Account, "decision": h.Decision, "shard": h.Shard,
	} {
		errs = append(errs, checkLine(field, text))
	}
	return errors.Join(append(errs, request.CheckText("reason", h.Reason))...)
}

// checkLine judges a text of one line that others will read. A model's ARN can be
// long.
func checkLine(field, text string) error {
	if len(text) > 2048 || strings.ContainsAny(text, "\n\t") {
		return fmt.Errorf("%s: want one line of at most 2048 bytes", field)
	}
	return request.CheckText(field, text)
}

func (h *Hold) checkTerms() error {
	switch {
	case h.Mode != rights.HoldPending && h.Mode != rights.HoldWait:
		return fmt.Errorf("mode %q: want pending or wait", h.Mode)
	case h.Needed < 1 || h.Needed > rights.MaxHoldNeeded:
		return fmt.Errorf("needed %d: want 1 to %d", h.Needed, rights.MaxHoldNeeded)
	case h.Created.IsZero() || !h.Expires.After(h.Created) || h.Expires.Sub(h.Created) > rights.MaxHoldExpiry:
		return fmt.Errorf("expires: want a time after created, within %v", rights.MaxHoldExpiry)
	case h.Receipt <= 0 || time.Duration(h.Receipt) > rights.MaxReceiptLife:
		return fmt.Errorf("receipt: want at most %v", rights.MaxReceiptLife)
	case h.Keep < 0 || h.Size < 0:
		return errors.New("keep and size must not be negative")
	case len(h.Panels) == 0:
		return errors.New("panels: want somebody to decide")
	}
	var errs []error
	for _, p := range h.Panels {
		if len(p.Approvers) == 0 {
			errs = append(errs, errors.New("panels: approvers is required"))
		}
		for _, selector := range p.Approvers {
			_, err := rights.ParsePeople(selector)
			errs = append(errs, err)
		}
	}
	for _, t := range h.Thresholds {
		errs = append(errs, t.Validate())
	}
	return errors.Join(errs...)
}

func (h *Hold) checkCalls() error {
	if len(h.Calls) == 0 && !h.Whole {
		return errors.New("calls: nothing waits")
	}
	if len(h.Calls) > MaxCalls {
		return fmt.Errorf("calls: %w: %d calls", ErrTooLarge, len(h.Calls))
	}
	seen := make(map[int]bool)
	for i := range h.Calls {
		c := &h.Calls[i]
		if err := c.check(h.State); err != nil {
			return fmt.Errorf("calls: %d: %w", c.Index, err)
		}
		if c.Index < 0 || seen[c.Index] {
			return fmt.Errorf("calls: there are two at %d", c.Index)
		}
		seen[c.Index] = true
		if c.Needed > h.Needed {
			return errors.New("needed: a threshold asks for more")
		}
	}
	return nil
}

func (c *Call) check(s State) error {
	for _, text := range []string{c.Tool, c.ID, c.ToolDigest} {
		// A name that is not text would be written down as another.
		if len(text) > MaxName || !utf8.ValidString(text) {
			return fmt.Errorf("%w: names are texts of at most %d bytes", ErrTooLarge, MaxName)
		}
	}
	switch {
	case !slices.Contains([]string{Write, Unknown, Changed, Malformed}, c.Why):
		return fmt.Errorf("why %q: want write, unknown, changed or malformed", c.Why)
	case !digestOrNone(c.Digest) || !digestOrNone(c.Edited):
		return errors.New("digest: want SHA-256, in hex")
	case (s == Released) != (c.Verdict != ""):
		return errors.New("verdict: want one once the hold is released, and none before")
	case (c.Verdict == Edit) != (c.Edited != ""):
		return errors.New("edited: want the digest of what it was edited to")
	case c.Verdict == Release && c.Digest == "", c.Verdict != Reject && c.Verdict != "" && c.Why == Malformed:
		return ErrMalformed
	}
	return nil
}

func digestOrNone(s string) bool {
	sum, err := hex.DecodeString(s)
	return s == "" || err == nil && len(sum) == 32 && strings.ToLower(s) == s
}

func (h *Hold) checkDecisions() error {
	if h.Round < 0 || len(h.Decisions) > MaxDecisions {
		return errors.New("decisions: there are too many")
	}
	for i := range h.Decisions {
		d := &h.Decisions[i]
		if err := d.check(h); err != nil {
			return fmt.Errorf("decisions: %d: %w", i, err)
		}
	}
	return nil
}

func (d *Decision) check(h *Hold) error {
	switch {
	case d.Round < 0 || d.Round > h.Round:
		return fmt.Errorf("round %d has not been", d.Round)
	case d.By.Operator == "" || d.At.IsZero():
		return errors.New("by and at are required")
	case d.Verdict != Release && d.Verdict != Reject:
		return fmt.Errorf("verdict %q: want release or reject", d.Verdict)
	case d.Automatic && d.Verdict != Reject:
		return errors.New("automatic: only people release")
	case d.Verdict == Release && len(d.Calls) != len(h.Calls):
		return ErrChoices
	case !d.At.Before(h.Expires):
		return ErrExpired
	}
	for i, c := range d.Calls {
		if _, ok := h.Call(c.Index); !ok || i > 0 && c.Index <= d.Calls[i-1].Index || !digestOrNone(c.Edited) || (c.Verdict == Edit) != (c.Edited != "") {
			return ErrChoices
		}
	}
	return request.CheckText("reason", d.Reason)
}

// checkState judges whether the state follows from the rest.
func (h *Hold) checkState() error {
	rejected := slices.ContainsFunc(h.Decisions, func(d Decision) bool { return d.Verdict == Reject })
	given, needed := h.Given()
	switch {
	case !slices.Contains(States, h.State):
		return fmt.Errorf("state %q: want one of %v", h.State, States)
	case h.State.Over() == h.Ended.IsZero():
		return errors.New("ended: want the time at which it ended, and none before")
	case h.State == Rejected != rejected:
		return errors.New("state: it is rejected by a rejection")
	case h.State == Released && given < needed:
		return errors.New("state: the people for the release are missing")
	case h.State == Released && !h.Ended.Before(h.Expires):
		return ErrExpired
	case h.State == Pending && given > 0 && given >= needed, h.State == Expired && h.Ended.Before(h.Expires):
		return fmt.Errorf("state %q: the rest says otherwise", h.State)
	}
	if h.State == Released {
		return h.checkReleased()
	}
	return nil
}

// checkReleased judges that what became of each call is what was agreed on.
func (h *Hold) checkReleased() error {
	for _, choice := range h.Agreed() {
		call, _ := h.Call(choice.Index)
		if call.Verdict != choice.Verdict || call.Edited != choice.Edited {
			return fmt.Errorf("calls: %d: it is not what was agreed on", choice.Index)
		}
	}
	return nil
}
