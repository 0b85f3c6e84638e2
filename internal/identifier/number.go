package identifier

import "github.com/writ-project/writ/internal/dataclass"

// candidate is the best reading of what begins at one offset.
type candidate struct {
	f dataclass.Finding
}

// better reports whether g is to be preferred to f: what counts, then what
// implies a class, then the surer, then the longer.
func better(f, g dataclass.Finding) bool {
	if f.Counts() != g.Counts() {
		return g.Counts()
	}
	if f.Score != g.Score {
		return g.Score > f.Score
	}
	return g.End-g.Start > f.End-f.Start
}

func (c *candidate) offer(f dataclass.Finding) {
	if f.Score >= dataclass.Possible && (c.f.Score == 0 || better(c.f, f)) {
		c.f = f
	}
}

// maxToken is the longest run of letters and digits that any spec or shape of
// address can begin in.
const maxToken = 110

// number decides on the token around the digit at the offset, and returns
// where to go on.
func (s *scanner) number(at int) int {
	b := s.b
	start := at
	for start > s.done && at-start < maxToken && isAlnum(b[start-1]) {
		start--
	}
	stop := at
	for stop < len(b) && stop-start <= maxToken && isAlnum(b[stop]) {
		stop++
	}
	if stop-start > maxToken {
		return s.skip(stop)
	}
	if end := s.token(start, stop); end > 0 {
		return end
	}
	return stop
}

// skip passes over a run that is too long for anything.
func (s *scanner) skip(at int) int {
	for at < len(s.b) && isAlnum(s.b[at]) {
		at++
	}
	return at
}

// token tries all readings of a token with a digit, and of a short word before
// it with the token; it returns the end of what was found, or 0.
func (s *scanner) token(start, stop int) int {
	var best candidate
	digits := 0
	for start+digits < stop && isDigit(s.b[start+digits]) {
		digits++
	}
	if s.inRow(start, stop, digits) {
		s.grouped(&best, start)
		return s.emit(best.f)
	}
	if end := timestamp(s.b, start, digits); end > 0 {
		s.date(&best, start, stop)
		return max(end, s.emit(best.f))
	}
	pure := digits == stop-start
	if pure && digits <= 5 && s.lone(start, stop) {
		return 0
	}
	s.fixed(&best, start, stop, digits)
	if opens(s.b, start) && !s.code(start, stop) {
		if stop == start+1 {
			if end := s.single(start); end > 0 {
				return end
			}
		}
		s.shaped(&best, start, stop)
	}
	if pure || digits > 0 && s.b[start+digits]|0x20 == 'x' { // an extension
		card := best
		s.grouped(&card, start)
		s.telephone(&best, start)
		if card.f.Counts() && (card.f.End > best.f.End || better(best.f, card.f)) {
			best = card
		}
	}
	if best.f.Counts() && best.f.Score < 95 && coversCard(s.b, &best.f) {
		return 0
	}
	return s.emit(best.f)
}

// timestamp is the end of a time as logs write it, 2024-11-03T09:15:22.123Z, or 0.
func timestamp(b []byte, i, digits int) int {
	if digits != 4 || i+13 > len(b) || b[i+4] != '-' || b[i+7] != '-' || b[i+10] != 'T' || !isDigit(b[i+11]) || !isDigit(b[i+12]) {
		return 0
	}
	for i += 11; i < len(b) && (isDigit(b[i]) || b[i] == ':' && isDigitAt(b, i+1) || b[i] == '.' && isDigitAt(b, i+1)); i++ {
	}
	return i
}

// fixed tries what has a form of its own: addresses, dates, ages, accounts.
func (s *scanner) fixed(best *candidate, start, stop, digits int) {
	if digits == 0 {
		s.iban(best, start)
	} else {
		if digits <= 3 && start+digits < len(s.b) && s.b[start+digits] == '.' {
			s.address(best, start)
		}
		s.date(best, start, stop)
		if digits <= 3 {
			s.age(best, start, stop)
		}
		if digits == stop-start && digits >= 3 && digits <= 8 {
			s.secrets(best, start, stop)
		}
	}
	s.wallet(best, start, stop)
	if mayBeMachine(s.b, start) {
		s.machine(best, start)
	}
}

// shaped tries the outlines of all specs, and the numbers that only a label
// makes known.
func (s *scanner) shaped(best *candidate, start, stop int) {
	s.match(best, start)
	if stop-start > 2 || len(s.text.Fields) > 0 || stop+1 < len(s.b) && rowSeparator[s.b[stop]] && isAlnum(s.b[stop+1]) {
		s.labelled(best, start, stop)
	}
	if word, ok := s.shortWord(start); ok {
		s.match(best, word)
		s.iban(best, word)
		if first, ok := s.shortWord(word); ok {
			s.match(best, first)
		}
	}
}

// lone reports whether a short number stands alone and nothing speaks for it:
// most numbers in prose do.
func (s *scanner) lone(start, stop int) bool {
	if len(s.b) < 128 || goesOn(s.b, stop) || start > 0 && beforeNumber[s.b[start-1]] && (start < 2 || isWordByte(s.b[start-2]) || s.b[start-1] == '*') {
		return false
	}
	c := s.look(start)
	return !c.near.meets(forShort) && !s.announced(c) && !masked(s.b, start) && !startsUnit(s.b, stop)
}

// beforeNumber are the bytes before a number that may belong to it.
var beforeNumber = byteSet("-+/.:_*")

// goesOn reports whether what follows a number may continue it.
func goesOn(b []byte, i int) bool {
	if i+1 >= len(b) {
		return false
	}
	next := b[i+1]
	switch b[i] {
	case ' ':
		return isDigit(next) || next == '(' || next == '-' || next == '.' || next == '/'
	case ')':
		return isDigit(next) || (next == ' ' || next == '-' || next == '.' || next == '/') && i+2 < len(b) && (isDigit(b[i+2]) || b[i+2] == '(' || b[i+2] == ' ')
	case '-', '/', '.', ':', '_', '(', '+':
		return isAlnum(next) || next == '(' || next == ' ' && b[i] != '.' && b[i] != ':' || next == ':'
	}
	return b[i] >= 0x80
}

// startsUnit reports whether a unit of age may stand behind the number.
func startsUnit(b []byte, i int) bool {
	unit, _ := ageUnit(b, i)
	return unit > 0
}

// shortWord is the start of a word of one to four letters right before the
// token, which may be the beginning of a plate or number written in groups.
func (s *scanner) shortWord(start int) (int, bool) {
	if start < 2 || s.b[start-1] != ' ' && s.b[start-1] != '-' {
		return 0, false
	}
	i := start - 1
	for i > s.done && start-1-i < 5 && isLetter(s.b[i-1]) {
		i--
	}
	return i, i < start-1 && start-1-i <= 4 && opens(s.b, i)
}

// code reports whether the token is part of a UUID, hash or other long code:
// runs of letters and digits joined by hyphens.
func (s *scanner) code(start, stop int) bool {
	const long = 28
	i, j := start, stop
	for i > 0 && stop-i <= long+8 && joins(s.b[i-1]) {
		i--
	}
	for j < len(s.b) && j-i <= long+8 && joins(s.b[j]) {
		j++
	}
	return j-i >= long && mixed(s.b[i:j])
}

func joins(c byte) bool { return isAlnum(c) || c == '-' || c == '_' }

// mixed reports whether letters and digits alternate more than an identifier's do.
func mixed(b []byte) bool {
	changes := 0
	for i := 1; i < len(b); i++ {
		if isAlnum(b[i]) && isAlnum(b[i-1]) && isDigit(b[i]) != isDigit(b[i-1]) {
			changes++
		}
	}
	return changes >= 4
}

// match runs the automaton from the offset and weighs every spec that accepts;
// where nothing speaks for the candidate, only those that may count by
// themselves.
func (s *scanner) match(best *candidate, start int) {
	b, state, n := s.b, uint16(1), 0
	s.make()
	for i := start; i < len(b) && i-start < maxCompact; i++ {
		state = s.shapes.next[state][classOf[b[i]]]
		if state == 0 {
			return
		}
		if isAlnum(b[i]) {
			s.compact[n] = upper(b[i])
			n++
		}
		if ended := s.shapes.accept[state]; len(ended) > 0 && (closes(b, i+1) || n >= 12 && expiryAt(b, i+1)) {
			c := s.look(start)
			if cues := s.shapes.cues[state]; !c.far.meets(cues) && !s.behind(c, i+1).meets(cues) && !s.isWhole(start, i+1) {
				ended = s.shapes.sure[state]
			}
			for _, k := range ended {
				s.weigh(best, &specs[k], c, i+1, n)
			}
		}
	}
}

// expiryAt reports whether a slash and a month and year follow, as behind the
// number of a card: /10/31.
func expiryAt(b []byte, i int) bool {
	return i < len(b) && b[i] == '/' && digitRun(b, i+1) == 2 && (b[i+1] == '0' || b[i+1] == '1') && i+3 < len(b) && b[i+3] == '/' && closes(b, i+4+digitRun(b, i+4))
}

// maxCompact is the most characters a candidate of a shape, or an IBAN, may have.
const maxCompact = 48

func (s *scanner) make() {
	if s.compact == nil {
		s.compact = make([]byte, maxCompact)
	}
}

// weigh scores one spec on one candidate; it is checked only where it could
// become the best reading.
func (s *scanner) weigh(best *candidate, p *spec, c *context, end, n int) {
	start := c.start
	reach, spoken := cueReach, c.far.meets(p.cues)
	if p.check == "" {
		reach, spoken = looseReach, c.near.meets(p.cues)
	}
	spoken = spoken || !p.cues.has(postcodeTopic) && s.behind(c, end).meets(p.cues)
	top := p.own
	switch {
	case spoken:
		top = max(p.cued, p.own)
	case s.isWhole(start, end):
		top = max(p.alone(), p.own)
	}
	if top < dataclass.Possible || top < best.f.Score || top == best.f.Score && end-start <= best.f.End-best.f.Start || !p.valid(s.compact[:n]) {
		return
	}
	f := dataclass.Finding{Entity: p.entity, Start: start, End: end, Detector: detector, Check: p.check}
	if spoken && !(p.check == "" && s.detached(c, p)) {
		f.Score = top
		f.Cue, _ = s.speaks(c, p.cues, end, reach)
	} else {
		f.Score = s.unspoken(c, p, start, end)
	}
	best.offer(f)
}

// detached reports whether the cue of a number without a check digit is not the
// nearest one, or another number took its postcode or expiry.
func (s *scanner) detached(c *context, p *spec) bool {
	if c.field.meets(p.cues) {
		return false
	}
	for i := range c.n {
		h := s.hit(c, i)
		if p.cues.has(h.topic) {
			return (p.entity == dataclass.Postcode || p.entity == dataclass.CardExpiry) && digitIn(s.b[h.end:c.start])
		}
		if !neutral.has(h.topic) {
			return c.start-h.end < looseReach
		}
	}
	return false
}

// unspoken is the score of a candidate for which no cue speaks.
func (s *scanner) unspoken(c *context, p *spec, start, end int) int {
	const doubtful = dataclass.Likely - 15
	switch {
	case c.against || c.inURL:
		return min(p.own, doubtful)
	case s.isWhole(start, end) && (p.check != "" || !hasLower(s.b[start:end])):
		return p.alone()
	case (c.crowded || crowdedAfter(s.b, end)) && !standsOut(s.b[start:end], p.own) && !s.repeats(start, end):
		return min(p.own, doubtful)
	case p.own < 80 && c.other >= firstPositive && !neutral.has(c.other):
		return min(p.own, doubtful) // another kind of number was announced
	case epoch(s.b[start:end]), fraction(s.b[start:end]):
		return min(p.own, doubtful)
	}
	return p.own
}

// standsOut reports whether a candidate is one thing whatever numbers stand
// beside it: it has no space in it, and separators or a strong check.
func standsOut(b []byte, own int) bool {
	plain := true
	for _, c := range b {
		if c == ' ' {
			return false
		}
		plain = plain && isDigit(c)
	}
	return !plain || own >= 70
}

// repeats reports whether the same outline stands right before or behind the
// candidate, as in a list of such numbers. Groups of one size prove nothing.
func (s *scanner) repeats(start, end int) bool {
	b, n := s.b, end-start
	if evenGroups(b[start:end]) {
		return false
	}
	return start > n && sameOutline(b[start:end], b[start-n-1:start-1]) || end+n < len(b) && sameOutline(b[start:end], b[end+1:end+1+n]) && closes(b, end+1+n)
}

func sameOutline(a, b []byte) bool {
	for i, c := range a {
		if classOf[c] != classOf[b[i]] {
			return false
		}
	}
	return true
}

// evenGroups reports whether all groups of digits are of one size.
func evenGroups(b []byte) bool {
	first := digitRun(b, 0)
	for i := 0; i < len(b); i++ {
		n := digitRun(b, i)
		if n != first {
			return false
		}
		i += n
	}
	return true
}

func hasLower(b []byte) bool {
	for _, c := range b {
		if c-'a' < 26 {
			return true
		}
	}
	return false
}

// crowdedAfter reports whether another number follows at once, other than a date
// of expiry.
func crowdedAfter(b []byte, end int) bool {
	return end+1 < len(b) && b[end] == ' ' && isDigit(b[end+1]) && !(digitRun(b, end+1) == 2 && end+3 < len(b) && b[end+3] == '/')
}

// epoch reports whether digits are a time in seconds or milliseconds from 2001
// to 2033.
func epoch(b []byte) bool {
	return (len(b) == 10 || len(b) == 13) && b[0] == '1' && !digitless(b)
}

// fraction reports whether digits with one full stop and nothing else are a number
// with decimals.
func fraction(b []byte) bool {
	stops := 0
	for _, c := range b {
		if c == '.' {
			stops++
		} else if !isDigit(c) {
			return false
		}
	}
	return stops == 1
}

func digitless(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return true
		}
	}
	return false
}

// emit adds a finding in place of what it overlaps and beats; it returns where
// to go on if it counts, or 0.
func (s *scanner) emit(f dataclass.Finding) int {
	if f.Score < dataclass.Possible || s.stopped {
		return 0
	}
	keep := len(s.found)
	for keep > s.first && s.found[keep-1].End > f.Start {
		keep--
		if !beats(f, s.found[keep]) {
			return f.End * counts(f)
		}
	}
	if !s.afford(f) {
		return 0
	}
	s.found = append(s.found[:keep], f)
	s.remember(f)
	return f.End * counts(f)
}

func counts(f dataclass.Finding) int {
	if f.Counts() {
		return 1
	}
	return 0
}

// beats reports whether f stands where it overlaps g.
func beats(f, g dataclass.Finding) bool {
	if f.Counts() != g.Counts() {
		return f.Counts()
	}
	if a, b := f.Class() != "", g.Class() != ""; a != b {
		return a
	}
	if a, b := f.End-f.Start, g.End-g.Start; a != b {
		return a > b
	}
	return f.Score > g.Score
}

func (s *scanner) afford(f dataclass.Finding) bool {
	if !f.Counts() {
		s.possible++
		return s.possible <= maxPossible
	}
	if !s.budget.Spend(&s.budget.Findings, 1) {
		s.stopped = true
		return false
	}
	return true
}

// remember notes where things ended that speak for what follows them.
func (s *scanner) remember(f dataclass.Finding) {
	if !f.Counts() {
		return
	}
	s.done = max(s.done, f.End)
	switch f.Entity {
	case dataclass.CardNumber:
		s.cardEnd = f.End
	case dataclass.Phone:
		s.phone = f.End
	case dataclass.DateOfBirth:
		s.birthEnd = f.End
	}
	if f.Entity == dataclass.URL {
		s.done = f.Start
	}
}
