package identifier

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// How far before a candidate a cue speaks for it, and a contrary one against
// it, in bytes.
const (
	lookBack   = 240 // of the words of a question before its answer
	cueReach   = 72
	looseReach = 44 // of cues for outlines without a check digit
	closeReach = 28 // of cues for numbers that have no outline of their own
	againstIt  = 24
	afterReach = 36
)

// context is what stands around one candidate.
type context struct {
	skip    int  // hits that end after the candidate begins
	n       int  // hits before it
	reply   bool // the candidate answers a question of the line before
	against bool // the nearest cue is a contrary one
	other   topic
	field   topicSet
	near    topicSet // what speaks for it within looseReach, the field among it
	far     topicSet // and within cueReach
	name    string   // of the field
	crowded bool     // another number stands right beside it
	inURL   bool
	start   int
}

// maxHits is how many cues before a candidate are looked at.
const maxHits = 8

// hit is the i-th cue before the candidate, the nearest first.
func (s *scanner) hit(c *context, i int) *hit { return s.cues.at(c.skip + i) }

// look makes the context of a candidate, once per start.
func (s *scanner) look(start int) *context {
	if s.at == start {
		return &s.context
	}
	s.at = start
	s.context = context{start: start}
	c := &s.context
	reach := cueReach + 24
	if s.answers(start) {
		c.reply, reach = true, lookBack
	}
	s.cues.advance(s.b, start, reach)
	for c.n < maxHits {
		h := s.cues.at(c.skip + c.n)
		switch {
		case h == nil || start-h.end > lookBack:
		case h.end > start && c.n == 0:
			c.skip++
			continue
		default:
			c.n++
			continue
		}
		break
	}
	if c.n > 0 {
		s.nearest(c)
	}
	c.inURL = start < s.urlEnd
	c.crowded = start >= 2 && s.b[start-1] == ' ' && isDigit(s.b[start-2])
	s.named(c)
	s.gathered(c)
	return c
}

// gathered sums up which topics speak for the candidate, so that a spec learns
// at once that none does.
func (s *scanner) gathered(c *context) {
	c.near, c.far = c.field, c.field
	for i := range c.n {
		h := s.hit(c, i)
		d := c.start - h.end
		switch {
		case h.topic < firstPositive:
			if d <= againstIt && h.topic != otherDate {
				return
			}
			continue
		case c.against && i > 0:
			return
		}
		if c.reply || d <= looseReach {
			c.near.speak(h.topic)
		}
		if c.reply || d <= cueReach {
			c.far.speak(h.topic)
		}
	}
}

// speak adds a topic and what it also speaks for.
func (s *topicSet) speak(t topic) {
	s.add(t)
	if t == idTopic {
		s.add(nationalTopic)
	}
}

// nearest notes what the nearest cue says where it is close.
func (s *scanner) nearest(c *context) {
	h := s.hit(c, 0)
	d := c.start - h.end
	if d > againstIt || bytes.IndexByte(s.b[h.end:c.start], '\n') >= 0 && d > 4 {
		return
	}
	c.against = h.topic < firstPositive && h.topic != otherDate && !digitIn(s.b[h.end:c.start])
	c.other = h.topic
}

func digitIn(b []byte) bool {
	for _, c := range b {
		if isDigit(c) {
			return true
		}
	}
	return false
}

// answers reports whether the candidate is on the line after a question: then
// the words of the question speak for it.
func (s *scanner) answers(start int) bool {
	if s.line <= 0 || s.line >= start || start-s.line > 120 {
		return false
	}
	return bytes.IndexByte(s.b[max(s.lastLine, s.line-120, 0):s.line], '?') >= 0
}

// named notes the field that holds the candidate.
func (s *scanner) named(c *context) {
	f, ok := s.fieldAt(c.start)
	if !ok {
		return
	}
	l := &s.aside
	l.reset()
	s.asideOf = -1
	name := s.text.Names[f.Name]
	l.advanceString(name)
	for i := 0; ; i++ {
		h, ok := l.back(i)
		if !ok {
			break
		}
		c.field.add(h.topic)
		c.name = h.phrase
	}
}

// fieldAt is the field that holds the offset.
func (s *scanner) fieldAt(at int) (dataclass.Field, bool) {
	fields := s.text.Fields
	i := max(s.field, 0)
	for i > 0 && i < len(fields) && fields[i].Start > at {
		i--
	}
	for i < len(fields) && fields[i].End <= at {
		i++
	}
	s.field = i
	if i < len(fields) && fields[i].Start <= at && fields[i].Name < len(s.text.Names) {
		return fields[i], true
	}
	return dataclass.Field{}, false
}

// advanceString reads a field's name for cues.
func (l *lexer) advanceString(name string) {
	var buf [96]byte
	n := copy(buf[:], name)
	l.advance(buf[:n], n, n)
}

// speaks returns the cue for one of the topics: the field's name, or a cue
// within reach before the candidate, or right after it.
func (s *scanner) speaks(c *context, want topicSet, end, reach int) (string, bool) {
	if c.field.meets(want) {
		return c.name, true
	}
	if c.far.meets(want) {
		for i := range c.n {
			h := s.hit(c, i)
			d := c.start - h.end
			if (want.has(h.topic) || h.topic == idTopic && want.has(nationalTopic)) && c.far.has(h.topic) && (d <= reach || c.reply) {
				return h.phrase, true
			}
		}
	}
	if want.has(postcodeTopic) || !s.behind(c, end).meets(want) {
		return "", false
	}
	for i := min(s.aside.count, len(s.aside.hits)) - 1; i >= 0; i-- {
		if h, ok := s.aside.back(i); ok && want.has(h.topic) && !colonAfter(s.b, end+h.end) {
			return h.phrase, true
		}
	}
	return "", false
}

// minBehind is how long a candidate is at least for words behind it to speak
// for it: short numbers stand in any sentence.
const minBehind = 6

// behind are the topics of the cues right behind a candidate, in the same
// sentence. Postcodes are never named behind them.
func (s *scanner) behind(c *context, end int) topicSet {
	if s.asideOf == end {
		return s.asideSet
	}
	stop := end
	for stop < len(s.b) && stop-end < afterReach && !sentenceEnd[s.b[stop]] {
		stop++
	}
	if stop-end < 4 || end-c.start < minBehind {
		return topicSet{}
	}
	l := &s.aside
	s.asideOf, s.asideSet = end, topicSet{}
	l.reset()
	l.advance(s.b[end:stop], stop-end, afterReach)
	for i := min(l.count, len(l.hits)) - 1; i >= 0; i-- {
		if h, ok := l.back(i); ok && !colonAfter(s.b, end+h.end) {
			s.asideSet.add(h.topic)
		}
	}
	return s.asideSet
}

// colonAfter reports whether a cue names what follows it rather than what
// stands before.
func colonAfter(b []byte, at int) bool {
	for ; at < len(b) && (b[at] == ' ' || b[at] == '"'); at++ {
	}
	return at < len(b) && (b[at] == ':' || b[at] == '=' || b[at] == '#' || isDigit(b[at]))
}

// sentenceEnd are the bytes past which words say nothing of what came before.
var sentenceEnd = func() (t [256]bool) {
	for _, c := range "\n\r.;,!?|\t\"{}:(0123456789" {
		t[c] = true
	}
	return t
}()

// isWhole reports whether the text is nothing but b[start:end], quotes and
// full stop aside, in no field that says what it is.
func (s *scanner) isWhole(start, end int) bool {
	if len(s.b) > 64+end-start {
		return false
	}
	_, named := s.fieldAt(start)
	return !named && blank(s.b[:start]) && blank(s.b[end:])
}

func blank(b []byte) bool {
	return len(bytes.Trim(b, " \t\r\n\"'.,()")) == 0
}
