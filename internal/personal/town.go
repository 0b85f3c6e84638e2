package personal

// maxTown is the number of words that may follow a street in its address.
const maxTown = 16

// town is the index behind what goes on an address from k on: a flat, a town, a
// state, a postcode, a country.
func (s *scanner) town(k int) int {
	from, numbers, sure := k, 0, false
	for k < len(s.tokens) && k-from < maxTown {
		if s.aside(k) {
			k++
			continue
		}
		if !s.onward(k) {
			return k
		}
		t := &s.tokens[k]
		if end := s.unitAt(k); end > k {
			k, numbers, sure = end, 0, true
			continue
		}
		switch {
		case t.shape >= number:
			end := s.code(k)
			if end == k || numbers > 1 {
				return k
			}
			k, sure = end, true
			numbers++
			continue
		case t.shape == upper && t.roles&state != 0 || t.shape == initial && (t.gap&gapComma != 0 || numbers > 0):
			k++
			sure = true
			continue
		}
		end := s.city(k, sure)
		if end == k {
			return k
		}
		k, numbers = end, 0
	}
	return k
}

// aside reports whether the word at k stands in brackets behind a town: Cyprus
// (Greek).
func (s *scanner) aside(k int) bool {
	t := &s.tokens[k]
	return t.gap == gapOpen && t.start-s.tokens[k-1].end == 2 && s.tokens[k-1].shape != small && t.shape != small && t.shape < number &&
		t.end < len(s.text) && s.text[t.end] == ')'
}

// onward reports whether what stands before word k leaves room for more of an
// address.
func (s *scanner) onward(k int) bool {
	t, p := &s.tokens[k], &s.tokens[k-1]
	if t.gap&(gapBlank|gapColon|gapOpen|gapQuote) != 0 || t.gap&gapClose != 0 && (k < 2 || !s.aside(k-1)) || t.start-p.end > 8 {
		return false
	}
	if t.gap&gapStop != 0 && p.end-p.start > 4 || t.gap&(gapStop|gapLine) == gapStop && p.shape >= number && t.roles&unit == 0 {
		return false
	}
	return t.gap&gapOther == 0 || s.text[t.start-1] == '#'
}

// unitAt is the index behind a flat, floor or suite at k; k if there is none.
func (s *scanner) unitAt(k int) int {
	if k >= len(s.tokens) || k == 0 || !s.onward(k) {
		return k
	}
	t := &s.tokens[k]
	if t.roles&unit == 0 || t.shape == number || t.shape == small && t.end-t.start < 2 && s.tokens[k-1].shape < number {
		return k
	}
	if k+1 < len(s.tokens) && s.tokens[k+1].start-t.end <= 3 && s.tokens[k+1].gap&^(gapStop|gapOther) == 0 {
		if n := &s.tokens[k+1]; n.shape >= number && n.end-n.start <= 6 || n.shape == initial {
			return k + 2
		}
	}
	if t.gap&^gapComma == 0 && s.tokens[k-1].shape >= number {
		return k + 1 // 2 Izq
	}
	return k
}

// code is the index behind a postcode or another number at k; k if it is part of
// something else.
func (s *scanner) code(k int) int {
	t := &s.tokens[k]
	if t.end-t.start > 8 || t.glued && t.shape == number || classes[s.text[t.start]] != inDigit && t.end-t.start > 4 {
		return k
	}
	k++
	if k < len(s.tokens) && s.tokens[k].shape == number && s.tokens[k].gap&^gapNone == gapDash && s.tokens[k].start-t.end == 1 {
		if t.end-t.start > 5 || k+1 < len(s.tokens) && s.tokens[k+1].gap&gapDash != 0 {
			return k - 1 // a telephone number, a date
		}
		return k + 1
	}
	if k < len(s.tokens) && s.tokens[k].gap&^gapNone == gapDash {
		return k - 1
	}
	if k < len(s.tokens) && s.tokens[k].shape == small && s.tokens[k].gap == 0 && t.end-t.start < 3 && s.tokens[k].roles&(stop|particle) == 0 {
		return k - 1 // 5 people
	}
	return k
}

// city is the index behind the name of a town or country at k; k if there is
// none.
func (s *scanner) city(k int, sure bool) int {
	end := k
	var m mark
	for end < len(s.tokens) && end-k < 5 {
		t := &s.tokens[end]
		if end > k && (t.gap != 0 || t.start-s.tokens[end-1].end > 1) {
			break
		}
		if t.shape == small && (end == k || t.end-t.start > 4 || t.roles&(particle|stop) == 0 && t.end-t.start > 3) && !s.flat || t.shape >= number {
			break
		}
		if t.roles&(stop|verb|greeting|label) != 0 && t.shape != small && t.roles&(particle|orgBefore|state) == 0 || s.flat && t.roles&(stop|verb) != 0 || t.glued {
			break
		}
		m |= t.marks
		end++
	}
	for end > k && s.tokens[end-1].shape == small && !s.flat {
		end--
	}
	if end == k || s.tokens[k].marks&(given|word|place) == given && s.tokens[end-1].marks&(surname|place) == surname && end-k == 2 {
		return k
	}
	if m&place != 0 {
		return end
	}
	open := s.tokens[k].gap&(gapComma|gapLine) != 0 || sure
	if end == len(s.tokens) {
		return pick(open, end, k)
	}
	n := &s.tokens[end]
	if n.gap&gapColon != 0 {
		return k
	}
	if s.unitAt(end) > end {
		return end
	}
	done := n.gap&(gapComma|gapLine|gapStop|gapClose|gapQuote) != 0 || n.shape >= number || n.shape == upper
	return pick(open && (done || sure), end, k)
}

func pick(yes bool, a, b int) int {
	if yes {
		return a
	}
	return b
}

// cityFollows reports whether a flat, or a town on a line of its own, stands at k.
func (s *scanner) cityFollows(k int) bool {
	if k >= len(s.tokens) || !s.onward(k) {
		return false
	}
	return s.unitAt(k) > k || s.tokens[k].gap&(gapLine|gapComma) != 0 && s.tokens[k].shape != small && s.city(k, false) > k
}
