package identifier

import (
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/idnumber"
)

// Rows are groups of digits with single separators between them. A card number
// may stand anywhere in a longer one, and its groups may be parted by what no
// outline has.

// rowEdge is how many groups at either end of a long row are tried for all
// kinds of numbers, and rowSpan the bytes that they have at most at its end.
const (
	rowEdge = 8
	rowSpan = 8 * rowEdge
)

// row is where the scan is in a row.
type row struct {
	next  int  // where the next group begins
	n     int  // groups so far
	end   int  // of the row, once it is long, as far as it was read
	whole bool // it ends there
}

// inRow reports whether the digits are deep within a long row: then only cards
// are looked for, so that a row costs little however long it is.
func (s *scanner) inRow(start, stop, digits int) bool {
	r := &s.row
	if start != r.next {
		*r = row{}
	}
	if digits != stop-start || digits == 0 || stop+1 >= len(s.b) || !rowSeparator[s.b[stop]] || !isDigit(s.b[stop+1]) {
		*r = row{}
		return false
	}
	r.n++
	r.next = stop + 1
	if r.n < rowEdge {
		return false
	}
	if r.end-start <= rowSpan && !r.whole {
		r.end, r.whole = rowEnd(s.b, start)
	}
	return r.end-start > rowSpan
}

// rowEnd is where a row of digits ends, as far as it looks ahead, and whether
// that is all of it.
func rowEnd(b []byte, i int) (end int, whole bool) {
	limit := min(len(b), i+2*rowSpan)
	for i < limit && (isDigit(b[i]) || rowSeparator[b[i]] && isDigit(b[i-1])) {
		i++
	}
	return i, i < limit || i == len(b)
}

// rowSeparator are the bytes that part the groups of a row on one line.
var rowSeparator = byteSet(" -._/")

// window is a stretch of a row that may be a card number.
type window struct {
	digits [19]byte
	n      int
	sizes  [19]int8
	groups int
	line   bool // it goes over the end of a line
}

// grouped looks for a card number in the groups that begin at the offset, also
// as part of a longer row.
func (s *scanner) grouped(best *candidate, start int) {
	if best.f.Score >= dataclass.VeryLikely {
		return
	}
	if w, end := cardAt(s.b, start); end > 0 {
		s.cardIn(best, &w, start, end)
	}
}

// cardAt reads the card number whose groups begin at the offset, and where it
// ends, or 0.
func cardAt(b []byte, start int) (w window, end int) {
	if b[start] < '2' || b[start] > '6' || !groupOpens(b, start) {
		return w, 0
	}
	for i := start; w.n < len(w.digits); {
		run := digitRun(b, i)
		if run == 0 || run > 8 || w.n+run > len(w.digits) {
			return w, 0
		}
		w.take(b[i : i+run])
		i += run
		if w.n >= 13 && w.groups > 1 && groupCloses(b, i) && idnumber.Card(w.digits[:w.n]) {
			return w, i
		}
		if i+1 >= len(b) || !rowSeparator[b[i]] && b[i] != '\n' || !isDigit(b[i+1]) {
			return w, 0
		}
		w.line = w.line || b[i] == '\n'
		i++
	}
	return w, 0
}

// coversCard reports whether a card number begins in a finding and goes on
// behind it: taking the finding would hide the card.
func coversCard(b []byte, f *dataclass.Finding) bool {
	if f.Entity == dataclass.CardNumber || f.End == len(b) || !rowSeparator[b[f.End]] {
		return false
	}
	for i := f.Start + 1; i < f.End; i++ {
		if isDigit(b[i]) && !isDigit(b[i-1]) {
			if w, end := cardAt(b, i); end > f.End && w.printed() && !w.line {
				return true
			}
		}
	}
	return false
}

// joined is the end of the card numbers that overlap the one at start: which of
// them is one by chance cannot be told, so that all of it is taken.
func joined(b []byte, start, end int) int {
	for i, seen := start+1, 0; i < end && seen < rowEdge; i++ {
		if isDigit(b[i]) && !isDigit(b[i-1]) {
			if w, next := cardAt(b, i); next > end && w.printed() && !w.line {
				end = next
			}
			seen++
		}
	}
	return end
}

func (w *window) take(group []byte) {
	w.n += copy(w.digits[w.n:], group)
	w.sizes[w.groups] = int8(len(group))
	w.groups++
}

// cardIn scores a card number found in a row: by a cue, or by the groups that
// cards are printed in.
func (s *scanner) cardIn(best *candidate, w *window, start, end int) {
	f := dataclass.Finding{Entity: dataclass.CardNumber, Start: start, End: end, Score: 45, Detector: detector, Check: "luhn"}
	c := s.look(start)
	if cue, ok := s.speaks(c, forCard, end, cueReach); ok {
		f.Score, f.Cue = 90, cue
	} else if w.printed() && !c.against && !c.inURL && (!w.line || !rowBefore(s.b, start) && !rowAfter(s.b, end)) {
		f.Score = 65
		f.End = joined(s.b, start, end)
	}
	best.offer(f)
}

// printed reports whether the groups are those that cards print: fours, or
// 4-6-5 and 4-6-4.
func (w *window) printed() bool {
	if w.groups == 3 && w.sizes[0] == 4 && w.sizes[1] == 6 {
		return w.sizes[2] >= 4
	}
	for _, size := range w.sizes[:w.groups] {
		if size != 4 {
			return false
		}
	}
	return true
}

// groupOpens is opens for a group of a row: one of four digits may stand before.
func groupOpens(b []byte, at int) bool {
	if opens(b, at) {
		return true
	}
	return at >= 5 && (b[at-1] == '-' || b[at-1] == '_') && digitsBefore(b, at-1) == 4 && (at == 5 || !isAlnum(b[at-6]))
}

// groupCloses is closes for a group of a row.
func groupCloses(b []byte, end int) bool {
	if closes(b, end) {
		return true
	}
	return (b[end] == '-' || b[end] == '_') && digitRun(b, end+1) == 4 && (end+5 == len(b) || !isAlnum(b[end+5]))
}

func rowBefore(b []byte, at int) bool {
	return at >= 2 && (rowSeparator[b[at-1]] || b[at-1] == '\n') && isDigit(b[at-2])
}

func rowAfter(b []byte, end int) bool {
	return end+1 < len(b) && (rowSeparator[b[end]] || b[end] == '\n') && isDigit(b[end+1])
}
