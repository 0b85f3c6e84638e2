package bedrock

import "fmt"

// A near miss is at most this many edits away, and only ids of usual length
// are compared, so that a suggestion costs little however odd the id is.
const (
	nearest     = 3
	longestNear = 96
)

// Near returns the listed model or profile whose id is the fewest edits away
// from id, up to three, or "". Ties go to the first in order.
func (c *Catalogue) Near(id string) string {
	if len(id) > longestNear {
		return ""
	}
	best, distance := "", nearest+1
	consider := func(candidate string) {
		d := edits(id, candidate, distance)
		if d < distance || d == distance && d <= nearest && candidate < best {
			best, distance = candidate, d
		}
	}
	c.eachLayer(func(l *Catalogue) {
		for known := range l.models {
			consider(known)
		}
		for known := range l.profiles {
			consider(known)
		}
	})
	return best
}

// Suggest is the end of a sentence that names a near miss, or "".
func (c *Catalogue) Suggest(id string) string {
	if near := c.Near(id); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// edits is the Levenshtein distance of a and b, or limit+1 when it is more
// than limit. Rows whose every entry is beyond the limit end it early.
func edits(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit || len(b) > longestNear {
		return limit + 1
	}
	var row [longestNear + 1]int
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		diagonal, least := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
			least = min(least, row[j+1])
		}
		if least > limit {
			return limit + 1
		}
	}
	return min(row[len(b)], limit+1)
}
