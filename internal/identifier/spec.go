package identifier

import "github.com/writ-project/writ/internal/dataclass"

// spec is one way of writing one identifier. A country is added by a row here,
// a check function in idnumber and its cues.
type spec struct {
	entity dataclass.Entity
	check  string // what confirms it; empty: only its shape
	valid  func(b []byte) bool
	shapes []string
	own    int // score by itself
	cued   int // score with a cue; 0: a cue does not help
	whole  int // score of a text that is nothing else; 0: likely where it is checked
	cues   topicSet
}

// alone is the score of a text that is nothing but the number.
func (s *spec) alone() int {
	switch {
	case s.whole != 0:
		return max(s.whole, s.own)
	case s.check != "":
		return max(dataclass.Likely, s.own)
	}
	return s.own
}

// isShape accepts what has the outline: the identifier has no check digit.
func isShape(b []byte) bool { return len(b) > 0 }
