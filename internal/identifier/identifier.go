// Package identifier finds structured identifiers in text: card and account
// numbers, national and tax numbers, telephone numbers, addresses of mail and
// of machines, dates of birth, record numbers. One pass over the bytes picks
// candidates; a table of specs says by shape, check digit and the words and
// field names around it what a candidate is.
//
// It trusts nothing it reads: the work is bounded by the length of the text
// and the budget, and no finding holds what was found.
package identifier

import "github.com/writ-project/writ/internal/dataclass"

// Version names the rule set; it changes when the same text may get other findings.
const Version = "1"

const (
	detector      = "identifier"
	phoneDetector = "phone"
)

// maxPossible bounds how many findings that do not count are reported.
const maxPossible = 256

// Scan appends what it finds in the text to dst, sorted by Start. Findings do
// not overlap; where two would, what implies a class stands, then the longer,
// then the surer one. It stops when the budget of findings is used up.
func Scan(dst []dataclass.Finding, t *dataclass.Text, b *dataclass.Budget) []dataclass.Finding {
	s := scanner{text: t, b: t.Bytes, budget: b, found: dst, first: len(dst), cues: lexer{table: cues()}, aside: lexer{table: cues()}, shapes: shapes(), at: -1, asideOf: -1, field: -1}
	s.scan()
	s.userFields()
	return s.found
}

// scanner is one pass over one text.
type scanner struct {
	text     *dataclass.Text
	b        []byte
	budget   *dataclass.Budget
	found    []dataclass.Finding
	first    int // of ours in found
	passed   int // end in found of what a name of a user may not overlap
	possible int // findings that do not count
	stopped  bool
	cues     lexer // of the text before a candidate
	aside    lexer // of a field's name, or of what follows
	asideOf  int   // the end of what the latter follows
	asideSet topicSet
	shapes   *automaton
	compact  []byte // a candidate without its separators, in upper case; made when there is one

	line     int // where the last line began, and the one before
	lastLine int
	done     int // everything before it has been decided
	urlEnd   int // end of the last URL
	cardEnd  int // end of the last card number
	birthEnd int // end of the last date of birth
	row      row
	asked    [maxAsked]asked
	asks     int
	phone    int // end of the last telephone number

	at      int // the candidate that the context is of
	context context
	field   int // index in text.Fields, at or after the last candidate
}

// scan looks at every byte once and hands those that may belong to an
// identifier to the one who knows.
func (s *scanner) scan() {
	b := s.b
	for i := 0; i < len(b) && !s.stopped; i++ {
		switch trigger[b[i]] {
		case 0:
			continue
		case digitTrigger:
			i = max(i, s.number(i)-1)
		case atTrigger:
			s.mail(i)
		case colonTrigger:
			i = max(i, s.colon(i)-1)
		case dotTrigger:
			i = max(i, s.domain(i)-1)
		case hyphenTrigger:
			i = max(i, s.hardware(i)-1)
		case upperTrigger:
			if b[i] == 'U' {
				s.user(i)
			}
			i = max(i, s.bank(i)-1)
		case userTrigger:
			s.user(i)
		case lineTrigger:
			s.lastLine, s.line = s.line, i
		}
	}
}

const (
	digitTrigger = iota + 1
	atTrigger
	colonTrigger
	dotTrigger
	hyphenTrigger
	upperTrigger
	userTrigger
	lineTrigger
)

var trigger = func() (t [256]uint8) {
	for c := '0'; c <= '9'; c++ {
		t[c] = digitTrigger
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = upperTrigger
	}
	t['@'], t[':'], t['.'], t['-'] = atTrigger, colonTrigger, dotTrigger, hyphenTrigger
	t['u'], t['\n'] = userTrigger, lineTrigger
	return t
}()
