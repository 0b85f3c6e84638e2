package secret

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// spoken is what the name of a field says of its values.
type spoken struct {
	kind own
	cue  string
}

// fields looks at the parts of the text that something names from elsewhere: a
// column of a table says what stands in each of its rows.
func (s *scan) fields(t *dataclass.Text) {
	var says []spoken
	for _, name := range t.Names {
		s.text = []byte(name)
		says = append(says, s.says())
	}
	s.text = t.Bytes
	for _, f := range t.Fields {
		if f.Name < 0 || f.Name >= len(says) || says[f.Name].cue == "" || f.Start < 0 || f.End > len(s.text) {
			continue
		}
		s.field(says[f.Name], f.Start, f.End)
	}
}

func (s *scan) field(says spoken, from, to int) {
	s.used = true
	for from < to && (isSpace(s.text[from]) || isQuote(s.text[from])) {
		from++
	}
	for from < to && (isSpace(s.text[to-1]) || isQuote(s.text[to-1])) {
		to--
	}
	if from >= to || bytes.IndexByte(s.text[from:to], '\n') >= 0 {
		return
	}
	v := value{from: from, to: to, quoted: true, link: byOperator, colon: true, cue: from}
	if says.kind == ownPassword {
		s.password(v, says.cue)
		return
	}
	s.token(v, says.cue)
}

// says is what a name, which is all of the text, says; without a cue, nothing.
func (s *scan) says() spoken {
	words, place := s.rules.words, uint32(0)
	for i, c := range s.text[:min(len(s.text), nameSpan)] {
		if place = words.step(place, c); place&1 == 0 {
			continue
		}
		for at := words.state(place); at != 0; at = words.suffix[at] {
			for w := words.first[at]; w != 0; w = words.chain[w-1] {
				if kind, ok := s.speaks(&s.rules.calls[w-1], i+1); ok {
					return spoken{kind, s.rules.calls[w-1].word}
				}
			}
		}
	}
	return spoken{}
}

// speaks reports whether a word that ends at end makes a name, whose words are
// parted by spaces, one of a secret.
func (s *scan) speaks(c *calls, end int) (own, bool) {
	start := end - len(c.word)
	for _, kind := range c.own {
		if kind != ownPassword && kind != ownToken || !s.startsWord(kind, start, len(c.word)) || !endsWord(s.text[end:], s.text[start:end]) {
			continue
		}
		behind := s.text[end:]
		return kind, !about(behind, aboutBehind) && (kind == ownPassword || !about(behind, aboutToken)) && !about(s.text[:start], aboutBefore)
	}
	return 0, false
}

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }
