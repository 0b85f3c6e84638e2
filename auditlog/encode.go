package auditlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// MaxEntry is the largest entry in bytes (security decision S26).
const MaxEntry = 16 << 10

// maxString bounds every string of a record, in bytes of its JSON form.
const maxString = 2048

// ErrTooLarge is returned for records and entries above the limits.
var ErrTooLarge = errors.New("audit record too large")

// Time is an instant with microseconds, always UTC, in RFC 3339.
type Time struct{ time.Time }

const timeLayout = "2006-01-02T15:04:05.000000Z"

// At converts a time, dropping what is finer than a microsecond.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Microsecond)} }

// MarshalJSON writes the one form that UnmarshalJSON accepts.
func (t Time) MarshalJSON() ([]byte, error) {
	u := t.UTC()
	if y := u.Year(); y < 1 || y > 9999 {
		return nil, fmt.Errorf("year %d is outside 1–9999", y)
	}
	return u.AppendFormat(make([]byte, 0, 32), `"`+timeLayout+`"`), nil
}

// UnmarshalJSON reads RFC 3339 in UTC with exactly six digits of fraction.
func (t *Time) UnmarshalJSON(b []byte) error {
	p, err := time.Parse(`"`+timeLayout+`"`, string(b))
	if err != nil {
		return fmt.Errorf("time %s: want the form %s", b, timeLayout)
	}
	t.Time = p
	return nil
}

// Marshal encodes the record as an entry. It sets V, and cuts the lists that
// are documented as capped, naming each cut one in Truncated. It returns
// [ErrTooLarge] when the rest still exceeds [MaxEntry] or a string its bound,
// and an error for a record that does not validate or holds invalid UTF-8:
// nothing is dropped or replaced unsaid.
func (r *Record) Marshal() ([]byte, error) {
	c := r.capped()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c.encode()
}

func (r *Record) encode() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("encoding record: %w", err)
	}
	b := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if len(b) > MaxEntry {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(b), MaxEntry)
	}
	if err := checkStrings(b); err != nil {
		return nil, err
	}
	return b, nil
}

// checkStrings scans encoded JSON for strings above their bound and for
// `\ufffd`, the escape (never the character) by which encoding/json replaces
// invalid UTF-8.
func checkStrings(b []byte) error {
	for i := 0; i < len(b); i++ {
		if b[i] != '"' {
			continue
		}
		start := i + 1
		for i = start; i < len(b) && b[i] != '"'; i++ {
			if b[i] != '\\' {
				continue
			}
			if bytes.HasPrefix(b[i:], []byte(`\ufffd`)) {
				return errors.New("encoding record: a string is not valid UTF-8")
			}
			i++ // the escaped character cannot end the string
		}
		if i-start > maxString {
			return fmt.Errorf("%w: a string of %d bytes, at most %d", ErrTooLarge, i-start, maxString)
		}
	}
	return nil
}

// capped returns a shallow copy with the capped lists cut.
func (r *Record) capped() *Record {
	c := *r
	c.V = Version
	if r.Call != nil {
		g := *r.Call
		g.LegCount = max(g.LegCount, len(g.Legs))
		g.Legs = cut(&c, "call.legs", g.Legs, 64)
		c.Call = &g
	}
	if r.Where != nil {
		g := *r.Where
		g.Networks = cut(&c, "where.networks", g.Networks, 32)
		c.Where = &g
	}
	if r.Right != nil {
		g := *r.Right
		g.Grants = cut(&c, "right.grants", g.Grants, 64)
		g.Entitlements = cut(&c, "right.entitlements", g.Entitlements, 64)
		c.Right = &g
	}
	if r.Decision != nil {
		g := *r.Decision
		g.Policies = cut(&c, "decision.policies", g.Policies, 64)
		g.Reasons = cut(&c, "decision.reasons", g.Reasons, 32)
		c.Decision = &g
	}
	c.cutRest(r)
	return &c
}

func (c *Record) cutRest(r *Record) {
	if r.Data != nil {
		g := *r.Data
		g.Unscanned = cut(c, "data.unscanned", g.Unscanned, 32)
		g.Declared = cut(c, "data.declared", g.Declared, 32)
		c.Data = &g
	}
	if r.Request != nil {
		g := *r.Request
		g.Tools = cut(c, "request.tools", g.Tools, 128)
		g.Extras = cut(c, "request.extras", g.Extras, 64)
		c.Request = &g
	}
	if r.Control != nil {
		g := *r.Control
		g.ChangeCount = max(g.ChangeCount, len(g.Changes))
		g.Changes = cut(c, "control.changes", g.Changes, 64)
		c.Control = &g
	}
	if r.Preauth != nil {
		g := *r.Preauth
		g.Samples = cut(c, "preauth.samples", g.Samples, 8)
		c.Preauth = &g
	}
}

// cut shortens a list to n and says so in c, whose Truncated it never shares.
func cut[T any](c *Record, name string, list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	c.Truncated = append(c.Truncated[:len(c.Truncated):len(c.Truncated)], name)
	return list[:n]
}

// Validate reports what is missing from a record of its kind, or nil.
func (r *Record) Validate() error {
	if r.V != Version {
		return fmt.Errorf("record version %d: this release knows version %d", r.V, Version)
	}
	if r.ID == "" || r.Time.IsZero() {
		return fmt.Errorf("%s record: id and time are required", r.Kind)
	}
	missing, known := r.missing()
	if !known {
		return fmt.Errorf("unknown record kind %q", r.Kind)
	}
	if missing != "" {
		return fmt.Errorf("%s record without %s", r.Kind, missing)
	}
	return nil
}

// missing names the first group that the record's kind requires and it lacks.
func (r *Record) missing() (group string, known bool) {
	need := func(name string, absent bool) {
		if absent && group == "" {
			group = name
		}
	}
	switch r.Kind {
	case KindIntent:
		need("call", r.Call == nil)
		need("who", r.Who == nil)
		need("credential", r.Credential == nil)
		need("decision", r.Decision == nil)
	case KindRefusal:
		need("decision", r.Decision == nil)
	case KindOutcome, KindControlOutcome:
		need("outcome", r.Outcome == nil)
	case KindMint:
		need("who", r.Who == nil)
		need("credential", r.Credential == nil)
		need("proof", r.Proof == nil)
	case KindControl:
		need("control", r.Control == nil)
	case KindPreauth:
		need("preauth", r.Preauth == nil)
	case KindLifecycle:
		need("instance", r.Instance == nil)
		need("lifecycle", r.Lifecycle == nil)
	default:
		return "", false
	}
	return group, true
}

// ParseRecord decodes an entry. It is strict: the bytes must be exactly what
// [Record.Marshal] would write, which excludes unknown and repeated fields,
// other spellings of a name, spaces, and unknown versions.
func ParseRecord(entry []byte) (*Record, error) {
	if len(entry) > MaxEntry {
		return nil, fmt.Errorf("parsing record: %w", ErrTooLarge)
	}
	var r Record
	dec := json.NewDecoder(bytes.NewReader(entry))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return nil, fmt.Errorf("parsing record: %w", err)
	}
	again, err := r.Marshal()
	if err != nil {
		return nil, fmt.Errorf("parsing record: %w", err)
	}
	if !bytes.Equal(again, entry) {
		return nil, errors.New("parsing record: not in canonical form")
	}
	return &r, nil
}
