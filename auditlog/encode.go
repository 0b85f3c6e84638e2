package auditlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
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
func (t Time) MarshalJSON() ([]byte, error) { return t.appendJSON(make([]byte, 0, 32)) }

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

// writers keeps writers and their buffers for reuse.
var writers = sync.Pool{New: func() any { return &jsonWriter{b: make([]byte, 0, 2048)} }}

func (r *Record) encode() ([]byte, error) {
	w := writers.Get().(*jsonWriter)
	w.b, w.err = w.b[:0], nil
	r.append(w)
	b, err := bytes.Clone(w.b), w.err
	if cap(w.b) <= 2*MaxEntry { // a record that was refused may have been huge
		writers.Put(w)
	}
	switch {
	case err != nil:
		return nil, err
	case len(b) > MaxEntry:
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(b), MaxEntry)
	}
	return b, nil
}

// capped returns a shallow copy with the capped lists cut.
func (r *Record) capped() *Record {
	c := *r
	c.V = Version
	if g := c.Call; g != nil && g.LegCount < len(g.Legs) {
		counted := *g
		counted.LegCount = len(g.Legs)
		c.Call = &counted
	}
	if g := c.Control; g != nil && g.ChangeCount < len(g.Changes) {
		counted := *g
		counted.ChangeCount = len(g.Changes)
		c.Control = &counted
	}
	cut(&c, "call.legs", &c.Call, func(g *Call) *[]Leg { return &g.Legs }, 64)
	cut(&c, "where.networks", &c.Where, func(g *Where) *[]string { return &g.Networks }, 32)
	cut(&c, "right.grants", &c.Right, func(g *Right) *[]string { return &g.Grants }, 64)
	cut(&c, "right.entitlements", &c.Right, func(g *Right) *[]string { return &g.Entitlements }, 64)
	cut(&c, "decision.policies", &c.Decision, func(g *Decision) *[]string { return &g.Policies }, 64)
	cut(&c, "decision.reasons", &c.Decision, func(g *Decision) *[]string { return &g.Reasons }, 32)
	cut(&c, "data.entities", &c.Data, func(g *Data) *[]string { return &g.Entities }, 64)
	cut(&c, "data.unscanned", &c.Data, func(g *Data) *[]string { return &g.Unscanned }, 32)
	cut(&c, "data.declared", &c.Data, func(g *Data) *[]string { return &g.Declared }, 32)
	cut(&c, "data.findings", &c.Data, func(g *Data) *[]Found { return &g.Findings }, 16)
	cut(&c, "request.tools", &c.Request, func(g *Request) *[]string { return &g.Tools }, 128)
	cut(&c, "request.extras", &c.Request, func(g *Request) *[]string { return &g.Extras }, 64)
	cut(&c, "outcome.tools_called", &c.Outcome, func(g *Outcome) *[]string { return &g.ToolsCalled }, 64)
	c.cutOutput()
	cut(&c, "control.changes", &c.Control, func(g *Control) *[]Change { return &g.Changes }, 64)
	cut(&c, "preauth.samples", &c.Preauth, func(g *Preauth) *[]string { return &g.Samples }, 8)
	return &c
}

// cutOutput cuts the lists of what was found in the answer.
func (r *Record) cutOutput() {
	if r.Outcome == nil || r.Outcome.Output == nil {
		return
	}
	g := *r.Outcome
	found := g.Output
	cut(r, "outcome.output.entities", &found, func(d *Data) *[]string { return &d.Entities }, 64)
	cut(r, "outcome.output.unscanned", &found, func(d *Data) *[]string { return &d.Unscanned }, 32)
	cut(r, "outcome.output.declared", &found, func(d *Data) *[]string { return &d.Declared }, 32)
	cut(r, "outcome.output.findings", &found, func(d *Data) *[]Found { return &d.Findings }, 16)
	if found != g.Output {
		g.Output = found
		r.Outcome = &g
	}
}

// cut shortens a list of a group of c to n entries and says so in c. It copies
// what it changes, and only then: c shares groups and Truncated with a record
// that must stay as it is.
func cut[G, T any](c *Record, name string, group **G, list func(*G) *[]T, n int) {
	if *group == nil || len(*list(*group)) <= n {
		return
	}
	g := **group
	short := list(&g)
	*short = (*short)[:n]
	*group = &g
	c.Truncated = append(c.Truncated[:len(c.Truncated):len(c.Truncated)], name)
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
	case KindCollected:
		need("who", r.Who == nil)
		need("credential", r.Credential == nil)
		need("hold", r.Hold == nil)
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
