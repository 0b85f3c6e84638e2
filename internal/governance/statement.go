package governance

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// MaxObserve is how long observe mode can last at most.
const MaxObserve = 30 * 24 * time.Hour

// Approvals is how many different people must sign a statement.
const Approvals = 2

const (
	statementTitle = "writ observe v1"
	maxReason      = 200
)

// Statement is what people sign to switch observe mode on: for which
// installation, from when, until when, and why. Signed it is a note
// (https://c2sp.org/signed-note).
type Statement struct {
	Origin string    // of the audit log, which names the installation
	From   time.Time // to the second
	Until  time.Time // at most MaxObserve after From
	Nonce  string    // 32 hex digits; a statement is used once
	Reason string    // one line
}

// Text is the statement as it is signed.
func (s Statement) Text() string {
	return fmt.Sprintf("%s\norigin %s\nfrom %s\nuntil %s\nnonce %s\nreason %s\n", statementTitle, s.Origin,
		s.From.UTC().Format(time.RFC3339), s.Until.UTC().Format(time.RFC3339), s.Nonce, s.Reason)
}

var noncePattern = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Validate reports what is wrong with a statement, whenever it is read.
func (s Statement) Validate() error {
	switch {
	case s.Origin == "" || strings.ContainsFunc(s.Origin, unicode.IsSpace):
		return errors.New("the statement names no log")
	case !noncePattern.MatchString(s.Nonce):
		return errors.New("the statement's nonce is not 32 hex digits")
	case s.Reason == "" || len(s.Reason) > maxReason || strings.TrimSpace(s.Reason) != s.Reason || strings.ContainsFunc(s.Reason, unprintable):
		return fmt.Errorf("the statement's reason: want one line of 1 to %d bytes", maxReason)
	case !s.Until.After(s.From):
		return errors.New("the statement ends before it begins")
	case s.Until.Sub(s.From) > MaxObserve:
		return fmt.Errorf("the statement is for %v: observe mode lasts 30 days at most", s.Until.Sub(s.From))
	}
	return nil
}

func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// ParseStatement reads a statement's text. It is strict: the text must be what
// Text would write.
func ParseStatement(text string) (Statement, error) {
	var s Statement
	lines := strings.Split(text, "\n")
	if len(lines) != 7 || lines[0] != statementTitle || lines[6] != "" {
		return s, errors.New("this is not a statement of observe mode")
	}
	var errs []error
	field := func(i int, name string) string {
		value, ok := strings.CutPrefix(lines[i], name+" ")
		if !ok {
			errs = append(errs, fmt.Errorf("line %d: want %q", i+1, name))
		}
		return value
	}
	instant := func(i int, name string) time.Time {
		t, err := time.Parse(time.RFC3339, field(i, name))
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", i+1, err))
		}
		return t.UTC()
	}
	s.Origin, s.From, s.Until, s.Nonce, s.Reason = field(1, "origin"), instant(2, "from"), instant(3, "until"), field(4, "nonce"), field(5, "reason")
	if len(errs) > 0 {
		return Statement{}, errors.Join(errs...)
	}
	if s.Text() != text {
		return Statement{}, errors.New("the statement is not in its one spelling")
	}
	return s, s.Validate()
}

// OpenStatement reads a signed statement and returns who signed it: at least
// Approvals of the approvers, each once, and nobody else.
func OpenStatement(signed []byte, approvers []string) (Statement, []string, error) {
	if len(approvers) < Approvals {
		return Statement{}, nil, errors.New("nobody may switch observe mode on: observe.approvers names no two people")
	}
	verifiers := make([]note.Verifier, 0, len(approvers))
	for _, a := range approvers {
		v, err := note.NewVerifier(a)
		if err != nil {
			return Statement{}, nil, fmt.Errorf("reading an approver's key: %w", err)
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open(signed, note.VerifierList(verifiers...))
	if err != nil {
		return Statement{}, nil, fmt.Errorf("opening the statement: %w", err)
	}
	for _, sig := range n.UnverifiedSigs {
		return Statement{}, nil, fmt.Errorf("the statement is signed by %s, who is no approver", sig.Name)
	}
	var names []string
	for _, sig := range n.Sigs {
		names = append(names, sig.Name)
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) < Approvals {
		return Statement{}, nil, fmt.Errorf("the statement is signed by %s alone: it takes two people", strings.Join(names, ", "))
	}
	s, err := ParseStatement(n.Text)
	return s, names, err
}

// NewStatement words a statement with a fresh nonce; times are cut to seconds.
func NewStatement(origin, reason string, from, until time.Time) (Statement, error) {
	s := Statement{
		Origin: origin, From: from.UTC().Truncate(time.Second), Until: until.UTC().Truncate(time.Second),
		Nonce: NewID(), Reason: reason,
	}
	return s, s.Validate()
}

// digestOf is how records name a signed statement. The signatures, which are
// not in the log, keep its reason from being guessed.
func digestOf(signed []byte) string {
	sum := sha256.Sum256(signed)
	return hex.EncodeToString(sum[:])
}
