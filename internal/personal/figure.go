package personal

import "github.com/writ-project/writ/internal/dataclass"

// figureReach is the number of words in which a figure, what it is a figure of
// and the sign that it is not public must stand.
const figureReach = 24

// scanFigures finds amounts of money that an organisation does not publish: the
// words of such a figure (revenue forecast, payroll) and a sign that it is inside
// knowledge (our, confidential) stand close to an amount.
func (s *scanner) scanFigures(from, to int) {
	figureAt, insideAt := -figureReach-1, -figureReach-1
	for i := max(0, from-lead); i < to; i++ {
		t := &s.tokens[i]
		if t.gap&gapBlank != 0 {
			figureAt = -figureReach - 1
		}
		if t.roles&figure != 0 || t.first&figure != 0 && s.phraseAt(i, figure) > i {
			figureAt = i
		}
		if t.roles&inside != 0 || t.first&inside != 0 && s.phraseAt(i, inside) > i {
			insideAt = i
		}
		if i < from || t.shape < number || i-figureAt > figureReach {
			continue
		}
		end := s.amount(i)
		if end == i {
			continue
		}
		start, stop := t.start-s.sign(t.start), s.tokens[end-1].end
		if stop < len(s.text) && s.text[stop] == '%' {
			stop++
		}
		if i-insideAt <= figureReach {
			s.add(dataclass.FinancialFigure, start, stop, dataclass.Likely, "amount", "figure that is not public")
		} else {
			s.add(dataclass.FinancialFigure, start, stop, dataclass.Possible, "amount", "")
		}
		i = end - 1
	}
}

// amount is the index behind an amount of money or a share at i; i if it is none.
func (s *scanner) amount(i int) int {
	t := &s.tokens[i]
	if classes[s.text[t.start]] != inDigit {
		return i
	}
	k := i + 1
	for k < len(s.tokens) && k-i < 6 && s.tokens[k].shape >= number && s.tokens[k].start-s.tokens[k-1].end == 1 && (s.text[s.tokens[k].start-1] == ',' || s.text[s.tokens[k].start-1] == '.') {
		k++
	}
	end := s.tokens[k-1].end
	percent := end < len(s.text) && s.text[end] == '%'
	if k < len(s.tokens) && s.tokens[k].gap&^gapNone == 0 && s.tokens[k].roles&currency != 0 {
		return k + 1
	}
	if s.sign(t.start) > 0 || percent || i > 0 && s.tokens[i-1].roles&currency != 0 && t.gap&^gapNone == 0 || s.scaled(k-1) {
		return k
	}
	return i
}

// scaled reports whether a number has its thousands or millions as a letter: 4M.
func (s *scanner) scaled(k int) bool {
	t := &s.tokens[k]
	c := s.text[t.end-1]
	return c == 'M' || c == 'K' || c == 'k' || c == 'B'
}

// sign is the length of a currency's sign that ends at an offset.
func (s *scanner) sign(at int) int {
	for _, c := range [...]string{"$", "€", "£", "¥"} {
		if at >= len(c) && string(s.text[at-len(c):at]) == c {
			return len(c)
		}
	}
	return 0
}
