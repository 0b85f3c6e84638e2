package auditlog

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Report is what [Verify] found.
type Report struct {
	Origin     string `json:"origin"`
	Size       uint64 `json:"size"`      // entries under the newest signed checkpoint
	Published  uint64 `json:"published"` // entries under the published one
	Root       string `json:"root,omitempty"`
	Checkpoint string `json:"checkpoint"` // the newest signed note: keep it elsewhere
	Tiles      int    `json:"tiles"`      // stored tiles and bundles compared, besides the bundles read
	// TornBytes were left by a crash after the last whole frame. They are not
	// part of the log; the writer removes them when it starts.
	TornBytes int64           `json:"torn_bytes,omitempty"`
	Records   map[Kind]uint64 `json:"records,omitempty"`
	First     Time            `json:"first,omitzero"` // time of the first record
	Last      Time            `json:"last,omitzero"`  // time of the last record
	// Findings are records that do not fit together, at most 1000 of each kind,
	// in order of Index; Counts holds the full numbers.
	Findings []Finding              `json:"findings,omitempty"`
	Counts   map[FindingKind]uint64 `json:"finding_counts,omitempty"`

	anchors  []anchor
	complete bool
	resume   *Tree
}

// Verdict says what was shown: "self-consistent", or "anchored to WHO at
// TIME" for the checkpoint from elsewhere that covers most of the log. It is
// "not verified" for the report of a check that failed.
func (r Report) Verdict() string {
	if !r.complete {
		return "not verified"
	}
	// A checkpoint of an empty log vouches for nothing in this one.
	anchors := slices.DeleteFunc(slices.Clone(r.anchors), func(a anchor) bool { return a.size == 0 && r.Size > 0 })
	if len(anchors) == 0 {
		return "self-consistent"
	}
	best := slices.MaxFunc(anchors, func(a, b anchor) int {
		return cmp.Or(cmp.Compare(a.size, b.size), a.at.Compare(b.at))
	})
	at := "an unknown time"
	if !best.at.IsZero() {
		at = best.at.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("anchored to %s at %s (%d of %d entries)", best.who, at, best.size, r.Size)
}

// Resume returns the tree of the entries that are in full bundles and not in
// the tail: where a writer that replays the tail begins. It is nil unless the
// log was verified.
func (r Report) Resume() *Tree {
	if !r.complete {
		return nil
	}
	return r.resume
}
