package policy

import (
	"slices"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
)

// need is one required validation, with the attestations that could meet it.
type need struct {
	kind     string
	attested []bedrock.Validation
}

// cover says, from a time on, which required validations are not in force and
// when the first of those in force ends.
type cover struct {
	from    time.Time
	missing []string // sorted, unique
	until   time.Time
}

func needs(requires []string, known []bedrock.Validation) []need {
	out := make([]need, 0, len(requires))
	for _, kind := range requires {
		n := need{kind: kind}
		for _, v := range known {
			if v.Kind == kind {
				n.attested = append(n.attested, v)
			}
		}
		out = append(out, n)
	}
	return out
}

func coverageOf(requires []string, known []bedrock.Validation) []cover {
	return coverage(needs(requires, known))
}

// coverage computes the covers over all time: a new one begins whenever an
// attestation comes into force or expires. The first begins at the zero time.
func coverage(all []need) []cover {
	turns := []time.Time{{}}
	for _, n := range all {
		for _, v := range n.attested {
			turns = append(turns, v.At, v.Expires)
		}
	}
	slices.SortFunc(turns, time.Time.Compare)
	turns = slices.CompactFunc(turns, time.Time.Equal)
	out := make([]cover, 0, len(turns))
	for _, from := range turns {
		out = append(out, coverAt(all, from))
	}
	return out
}

func coverAt(all []need, now time.Time) cover {
	c := cover{from: now, until: forever}
	for _, n := range all {
		var end time.Time
		for _, v := range n.attested {
			if !v.At.After(now) && v.Expires.After(now) && v.Expires.After(end) {
				end = v.Expires
			}
		}
		switch {
		case end.IsZero():
			c.missing = append(c.missing, n.kind)
		case end.Before(c.until):
			c.until = end
		}
	}
	slices.Sort(c.missing)
	c.missing = slices.Compact(c.missing)
	return c
}
