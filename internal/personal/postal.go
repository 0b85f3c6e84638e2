package personal

// postal is the street whose number is at i and behind which a postcode and a
// town stand, as most countries write them: Lindenhof 12, 24103 Kiel. Whatever
// its street is called, that is an address; empty if it is none.
func (s *scanner) postal(i int) (int, int) {
	if !s.house(i) || i == 0 || s.tokens[i].gap&^gapComma != 0 {
		return i, i
	}
	start, end := s.nameBefore(i), s.houseNumber(i)
	if start > 0 && s.tokens[start-1].roles&streetPre != 0 && s.tokens[start].gap&^gapStop == 0 && !s.tokens[start-1].glued {
		start--
	}
	if start == i || end == i || !s.townLine(end) {
		return i, i
	}
	return start, end
}

// townLine reports whether a postcode of five digits, or of two and three or four
// and two letters, stands at k behind a comma or on a new line, and a town behind
// it.
func (s *scanner) townLine(k int) bool {
	if k+1 >= len(s.tokens) || s.tokens[k].shape < number || s.tokens[k].gap&(gapComma|gapLine) == 0 || s.tokens[k].gap&^(gapComma|gapLine) != 0 {
		return false
	}
	t, end := &s.tokens[k], k+1
	switch n := &s.tokens[end]; {
	case t.end-t.start == 2 && n.shape == number && n.gap&^gapNone == gapDash && n.end-n.start == 3:
		end++
	case t.end-t.start == 4 && n.shape == upper && n.end-n.start == 2 && n.gap == 0:
		end++
	case t.end-t.start != 5 || t.shape != number:
		return false
	}
	if end >= len(s.tokens) || s.tokens[end].gap != 0 {
		return false
	}
	n := &s.tokens[end]
	return (n.shape == capital || n.shape == upper) && n.end-n.start > 2 && n.roles&(stop|verb|greeting) == 0 && (n.marks&word == 0 || n.marks&place != 0)
}
