package identifier

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// date reads a day of birth: any full date that a cue or a field's name calls
// one.
func (s *scanner) date(best *candidate, start, stop int) {
	if !mayBeDate(s.b, start, stop) || !s.look(start).far.meets(forBirth) {
		return
	}
	from, end, ok := s.fullDate(start, stop)
	if !ok {
		return
	}
	c := s.look(from)
	cue, ok := s.birthCue(c)
	if !ok {
		return
	}
	best.offer(dataclass.Finding{Entity: dataclass.DateOfBirth, Start: from, End: end, Score: 88, Detector: detector, Check: "date", Cue: cue})
}

// mayBeDate reports whether a date may begin with the token: a year and a
// separator, eight digits, or a day.
func mayBeDate(b []byte, start, stop int) bool {
	switch n := digitRun(b, start); n {
	case 1, 2:
		return stop+1 < len(b)
	case 4:
		return start+4 < len(b) && (b[start+4] == '-' || b[start+4] == '/' || b[start+4] == '.' || b[start+4] >= 0x80)
	case 8:
		return true
	}
	return false
}

// birthCue is the cue for a date of birth: the nearest cue for any date must be
// one, and no other date of birth may have used it.
func (s *scanner) birthCue(c *context) (string, bool) {
	if c.field.has(birthTopic) {
		return c.name, true
	}
	for i := range c.n {
		h := s.hit(c, i)
		if h.end < s.birthEnd && s.birthEnd > 0 {
			return "", false
		}
		d := c.start - h.end
		switch {
		case h.topic == birthTopic && (d <= 48 || c.reply):
			return h.phrase, true
		case h.topic == otherDate && d <= 48:
			return "", false
		}
	}
	return "", false
}

// fullDate reads the date that holds the number at start: it may begin with
// the name of a month before it.
func (s *scanner) fullDate(start, stop int) (from, end int, ok bool) {
	b, n := s.b, stop-start
	if start > 0 && (isWordByte(b[start-1]) || b[start-1] == '.' && start > 1 && isDigit(b[start-2])) {
		return 0, 0, false
	}
	switch {
	case n == 4 && digitRun(b, start) == 4:
		end, ok = yearFirst(b, start)
	case n == 8 && digitRun(b, start) == 8:
		y := number(b[start : start+4])
		return start, stop, plausibleYear(y) && validDay(number(b[start+4:start+6]), number(b[start+6:stop]))
	case digitRun(b, start) <= 2:
		if end, ok = dayFirst(b, start); ok {
			break
		}
		if end, ok = dayAndName(b, start); ok {
			break
		}
		return nameFirst(b, start)
	}
	return start, end, ok && dateCloses(b, end)
}

func dateCloses(b []byte, end int) bool { return end == len(b) || !isAlnum(b[end]) || b[end] == 'T' }

func digitRun(b []byte, i int) int {
	from := i
	for i < len(b) && i-from < 9 && isDigit(b[i]) {
		i++
	}
	return i - from
}

func number(b []byte) int {
	v := 0
	for _, c := range b {
		v = v*10 + int(c-'0')
	}
	return v
}

func plausibleYear(y int) bool { return y >= 1880 && y <= 2100 }

func validDay(month, day int) bool { return month >= 1 && month <= 12 && day >= 1 && day <= 31 }

// yearFirst reads 1990-01-31, 1990/1/31, 1990.01.31, 1990年1月31日.
func yearFirst(b []byte, i int) (end int, ok bool) {
	y := number(b[i : i+4])
	i += 4
	m, i, ok := nextPart(b, i)
	if !ok {
		return 0, false
	}
	d, i, ok := nextPart(b, i)
	if bytes.HasPrefix(b[min(i, len(b)):], []byte("日")) {
		i += len("日")
	}
	return i, ok && plausibleYear(y) && validDay(m, d)
}

// nextPart reads a separator and a number of one or two digits.
func nextPart(b []byte, i int) (v, end int, ok bool) {
	switch {
	case i < len(b) && (b[i] == '-' || b[i] == '/' || b[i] == '.'):
		i++
		if i < len(b) && b[i] == ' ' {
			i++
		}
	case bytes.HasPrefix(b[min(i, len(b)):], []byte("年")) || bytes.HasPrefix(b[min(i, len(b)):], []byte("月")):
		i += len("年")
	default:
		return 0, 0, false
	}
	n := digitRun(b, i)
	if n < 1 || n > 2 {
		return 0, 0, false
	}
	return number(b[i : i+n]), i + n, true
}

// dayFirst reads 31/01/1990, 1.31.90, 01-31-1990 and the like, either order.
func dayFirst(b []byte, i int) (end int, ok bool) {
	n := digitRun(b, i)
	p := number(b[i : i+n])
	q, i, ok := nextPart(b, i+n)
	if !ok || i >= len(b) || b[i] != '-' && b[i] != '/' && b[i] != '.' {
		return 0, false
	}
	i++
	if i < len(b) && b[i] == ' ' {
		i++
	}
	n = digitRun(b, i)
	if n != 2 && n != 4 || n == 4 && !plausibleYear(number(b[i:i+4])) {
		return 0, false
	}
	return i + n, validDay(p, q) || validDay(q, p)
}

// dayAndName reads 31 January 1990, 31. Januar 1990, 15 de marzo de 1980,
// 31-Jan-1990, 1st of May, 1990.
func dayAndName(b []byte, i int) (end int, ok bool) {
	n := digitRun(b, i)
	if d := number(b[i : i+n]); d < 1 || d > 31 {
		return 0, false
	}
	i = joint(b, ordinal(b, i+n))
	n = month(b, i)
	if n == 0 {
		return 0, false
	}
	return year(b, joint(b, i+n))
}

// ordinal steps over what makes a day an ordinal: 1st, 2nd, 1er, 1º.
func ordinal(b []byte, i int) int {
	if i+2 > len(b) {
		return i
	}
	switch string(b[i : i+2]) {
	case "st", "nd", "rd", "th", "er", "º", "ª", "ST", "ND", "RD", "TH":
		return i + 2
	}
	return i
}

// joint steps over what joins the parts of a date: up to two signs, and a word
// such as "of" or "de".
func joint(b []byte, i int) int {
	i = signs(b, i)
	n := 0
	for n < 3 && isLetterAt(b, i+n) {
		n++
	}
	switch string(b[i : i+n]) {
	case "of", "de", "di", "del":
		if j := signs(b, i+n); j > i+n {
			return j
		}
	}
	return i
}

func signs(b []byte, i int) int {
	for k := 0; k < 2 && i < len(b); k++ {
		switch b[i] {
		case ' ', ',', '.', '-', '/', '\'':
			i++
		}
	}
	return i
}

// nameFirst reads January 31, 1990 from its day.
func nameFirst(b []byte, i int) (from, end int, ok bool) {
	n := digitRun(b, i)
	if d := number(b[i : i+n]); d < 1 || d > 31 {
		return 0, 0, false
	}
	end, ok = year(b, joint(b, ordinal(b, i+n)))
	if !ok {
		return 0, 0, false
	}
	word := i
	for word > 0 && (b[word-1] == ' ' || b[word-1] == '.') && i-word < 2 {
		word--
	}
	from = word
	for from > 0 && word-from < 12 && isWordByte(b[from-1]) {
		from--
	}
	if from == word || month(b, from) != word-from {
		return 0, 0, false
	}
	return from, end, dateCloses(b, end)
}

func year(b []byte, i int) (end int, ok bool) {
	if i > len(b) || digitRun(b, i) != 4 {
		return 0, false
	}
	return i + 4, plausibleYear(number(b[i : i+4]))
}
