package auditlog

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
)

// FindingKind names a way in which records do not fit together.
type FindingKind string

// The kinds of finding.
const (
	// UnknownOutcome is an intent without an outcome: the call may or may not
	// have happened. On a running server the newest are calls in progress.
	UnknownOutcome FindingKind = "unknown_outcome"
	// OpenControl is a control action without its outcome.
	OpenControl FindingKind = "open_control"
	// StrayOutcome names no earlier intent or control that is still open.
	StrayOutcome FindingKind = "stray_outcome"
	// UnmintedCredential is an intent whose credential names no mint record, or
	// one that was made for another credential or identity (security S10).
	UnmintedCredential FindingKind = "unminted_credential"
	// ForeignMint is an intent whose mint record is in another shard's log;
	// whether it exists must be checked there.
	ForeignMint FindingKind = "foreign_mint"
)

// maxFindings bounds how many findings of one kind a report lists.
const maxFindings = 1000

// Finding is one record that does not fit.
type Finding struct {
	Kind  FindingKind `json:"kind"`
	Index uint64      `json:"index"` // of the record
	ID    string      `json:"id"`    // of the record
	Text  string      `json:"text,omitempty"`
}

// open is an intent or control that waits for its outcome.
type open struct {
	kind Kind
	id   string
}

// story follows the records of a log in order. It holds what is open and one
// small value for each mint, so memory grows with sessions, not with calls.
type story struct {
	origin string
	open   map[uint64]open
	// mints maps the index of a mint record to a keyed hash of the credential
	// and identity it was made for.
	mints    map[uint64]uint64
	seed     maphash.Seed
	records  map[Kind]uint64
	counts   map[FindingKind]uint64
	findings []Finding
	first    Time
	last     Time
}

func newStory(origin string) *story {
	return &story{
		origin:  origin,
		open:    map[uint64]open{},
		mints:   map[uint64]uint64{},
		seed:    maphash.MakeSeed(),
		records: map[Kind]uint64{},
		counts:  map[FindingKind]uint64{},
	}
}

func (s *story) add(index uint64, r *Record) {
	if index == 0 {
		s.first = r.Time
	}
	s.last = r.Time
	s.records[r.Kind]++
	switch r.Kind {
	case KindMint:
		s.mints[index] = s.holder(r)
	case KindIntent:
		s.open[index] = open{r.Kind, r.ID}
		s.checkMint(index, r)
	case KindCollected:
		s.checkMint(index, r)
	case KindControl:
		s.open[index] = open{r.Kind, r.ID}
	case KindOutcome:
		s.close(index, r, KindIntent)
	case KindControlOutcome:
		s.close(index, r, KindControl)
	}
}

// holder condenses whose credential a record is about. The seed is random, so
// nobody can prepare a collision.
func (s *story) holder(r *Record) uint64 {
	return maphash.Comparable(s.seed, [2]string{r.Credential.ID, r.Who.Identity})
}

func (s *story) checkMint(index uint64, r *Record) {
	c := r.Credential
	if c.MintRecord == nil {
		s.find(UnmintedCredential, index, r.ID, "credential "+c.ID+" names no mint record")
		return
	}
	if c.MintLog != "" && c.MintLog != s.origin {
		s.find(ForeignMint, index, r.ID, fmt.Sprintf("minted by record %d of %s", *c.MintRecord, c.MintLog))
		return
	}
	if holder, ok := s.mints[*c.MintRecord]; !ok || holder != s.holder(r) {
		s.find(UnmintedCredential, index, r.ID, fmt.Sprintf("record %d did not mint credential %s for %s", *c.MintRecord, c.ID, r.Who.Identity))
	}
}

func (s *story) close(index uint64, r *Record, want Kind) {
	if o, ok := s.open[r.Outcome.Intent]; !ok || o.kind != want {
		s.find(StrayOutcome, index, r.ID, fmt.Sprintf("record %d is no %s without an outcome", r.Outcome.Intent, want))
		return
	}
	delete(s.open, r.Outcome.Intent)
}

func (s *story) find(kind FindingKind, index uint64, id, text string) {
	s.counts[kind]++
	if s.counts[kind] <= maxFindings {
		s.findings = append(s.findings, Finding{kind, index, id, text})
	}
}

// finish writes what was found into the report.
func (s *story) finish(r *Report) {
	indexes := make([]uint64, 0, len(s.open))
	for index := range s.open {
		indexes = append(indexes, index)
	}
	slices.Sort(indexes)
	for _, index := range indexes {
		kind := UnknownOutcome
		if s.open[index].kind == KindControl {
			kind = OpenControl
		}
		s.find(kind, index, s.open[index].id, "")
	}
	slices.SortStableFunc(s.findings, func(a, b Finding) int { return cmp.Compare(a.Index, b.Index) })
	r.Records, r.Counts, r.Findings = s.records, s.counts, s.findings
	r.First, r.Last = s.first, s.last
}
