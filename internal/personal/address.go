package personal

import (
	"cmp"
	"slices"

	"github.com/writ-project/writ/internal/dataclass"
)

// scanAddresses finds postal addresses: a street with a number, or a box, and
// what goes on it, such as a flat, a town and a postcode.
func (s *scanner) scanAddresses(from, to int) {
	const shown = streetPre | streetLow | postBox | military
	for i := from; i < to; i++ {
		if t := &s.tokens[i]; (t.roles|t.first)&shown == 0 && t.shape != capital && t.shape < number {
			continue
		}
		start, end := s.street(i)
		if end <= start {
			continue
		}
		score := dataclass.Likely + 10
		full := s.town(end)
		if full > end && s.tokens[full-1].shape != capital {
			score = dataclass.VeryLikely
		}
		s.noteAddress(start, full, score, "street")
		i = max(i, full-1)
	}
}

// goOn adds to the addresses of fields what the lines below add: a town with its
// postcode.
func (s *scanner) goOn(fields []dataclass.Finding) {
	if len(s.tokens) == 0 || len(fields) == 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(fields, s.tokens[0].start, func(f dataclass.Finding, at int) int { return cmp.Compare(f.End, at) })
	for k := 0; i < len(fields) && fields[i].Start < s.tokens[len(s.tokens)-1].end; i++ {
		f := &fields[i]
		if f.Entity != dataclass.Address {
			continue
		}
		for k < len(s.tokens) && s.tokens[k].start < f.End {
			k++
		}
		if k == 0 || k == len(s.tokens) || s.tokens[k-1].end != f.End || s.tokens[k].gap != gapLine {
			continue
		}
		if end := s.town(k); s.coded(k, end) {
			f.End = s.tokens[end-1].end
			s.dst[s.first+i].End = f.End
		}
	}
}

// coded reports whether one of the words has a digit.
func (s *scanner) coded(i, j int) bool {
	for ; i < j; i++ {
		if s.tokens[i].shape >= number {
			return true
		}
	}
	return false
}

func (s *scanner) noteAddress(i, j, score int, why string) {
	if s.add(dataclass.Address, s.tokens[i].start, s.tokens[j-1].end, score, "", why) {
		for k := i; k < j; k++ {
			s.tokens[k].glued = true
		}
	}
}

// street is the street or box that the word at i shows, as a range of words;
// empty if it shows none.
func (s *scanner) street(i int) (int, int) {
	t := &s.tokens[i]
	if t.shape >= number {
		if end := s.numbered(i); end > i {
			return i, end
		}
		return s.postal(i)
	}
	if (t.roles|t.first)&postBox != 0 {
		if k := s.box(i); k > i {
			return i, k
		}
	}
	if t.roles&military != 0 && t.shape != small {
		if k := s.forces(i); k > i {
			return i, k
		}
	}
	if t.glued && !s.slashed(i) {
		return i, i
	}
	if t.roles&streetPre != 0 {
		if k := s.prefixed(i, false); k > i {
			return i, k
		}
	}
	if t.roles&streetLow != 0 {
		if start := s.nameBefore(i); start < i && s.houseNumber(i+1) > i+1 {
			return start, s.houseNumber(i + 1)
		}
	}
	if t.shape == capital && t.roles&streetSuf == 0 && i+1 < len(s.tokens) && s.tokens[i+1].shape >= number && s.compound(t) {
		if k := s.houseNumber(i + 1); k > i+1 {
			return i, k
		}
	}
	return i, i
}

// maxStreet is the number of words that a street's name may have.
const maxStreet = 6

var theKey = hashOf("the")

// numbered is the end of a street whose number stands first: 12 Timms Drive, 20
// Rue Hsine; i if there is none.
func (s *scanner) numbered(i int) int {
	if !s.house(i) {
		return i
	}
	k := i + 1
	if k < len(s.tokens) && s.house(k) && s.tokens[k].gap == 0 && !s.ordinal(k) {
		k++
	}
	if k >= len(s.tokens) || s.tokens[k].gap&^gapComma != 0 || s.tokens[k].start-s.tokens[k-1].end > 2 {
		return i
	}
	if end := s.box(k); end > k {
		return end
	}
	if s.tokens[k].roles&streetPre != 0 && s.tokens[k].shape != initial {
		if end := s.prefixed(k, true); end > k {
			return end
		}
	}
	if s.tokens[k].key == theKey && k+1 < len(s.tokens) && s.tokens[k+1].gap == 0 && s.tokens[k+1].shape == capital && s.tokens[k+1].roles&streetSuf != 0 {
		return k + 2 // 20 The Crescent
	}
	end, suf := s.walk(k, plain)
	switch {
	case suf > k:
		if s.heading(suf+1) || s.tokens[suf].roles&streetSuf == 0 && (s.tokens[k].gap != 0 || !s.streetlike(k, suf)) {
			return i
		}
		return s.houseNumber(suf + 1)
	case end > k && s.compound(&s.tokens[end-1]):
		return s.houseNumber(end)
	case end > k && s.unitAt(s.houseNumber(end)) > s.houseNumber(end):
		return s.houseNumber(end)
	case end > k && end-k <= 4 && s.houseNumber(end) > end && s.cityFollows(s.houseNumber(end)):
		return s.houseNumber(end)
	}
	return i
}

// ordinal reports whether a token is the number of a street: 42nd, 3rd.
func (s *scanner) ordinal(k int) bool {
	t := &s.tokens[k]
	switch w := s.text[t.start:t.end]; {
	case len(w) < 3 || t.shape == number && classes[w[len(w)-1]] == inDigit:
		return false
	default:
		switch string(w[len(w)-2:]) {
		case "st", "nd", "rd", "th":
			return true
		}
	}
	return false
}

// streetlike reports whether words before what may be a kind of street or
// anything else make it one: one of them is a name or in no list, or a town
// follows.
func (s *scanner) streetlike(k, suf int) bool {
	for ; k < suf; k++ {
		if t := &s.tokens[k]; t.shape == capital && (t.marks == 0 || t.marks&(given|surname) != 0) {
			return true
		}
	}
	return s.town(suf+1) > suf+2
}

// heading reports whether everyday words with capitals go on at k, as in a title.
func (s *scanner) heading(k int) bool {
	if k >= len(s.tokens) || s.tokens[k].gap != 0 {
		return false
	}
	t := &s.tokens[k]
	return t.shape == capital && t.marks&(word|place) == word && t.roles&(unit|direction|state|streetSuf|stop) == 0
}

// house reports whether a token may be the number of a house.
func (s *scanner) house(i int) bool {
	t := &s.tokens[i]
	if t.shape < number || t.end-t.start > 6 || classes[s.text[t.start]] != inDigit {
		return false
	}
	if t.start > 0 && leadsOn[s.text[t.start-1]] {
		return false
	}
	return t.shape == number && !t.glued || t.shape == code && t.end-t.start <= 5
}

// leadsOn are the bytes before a number that make it part of something longer.
var leadsOn = [256]bool{'$': true, '#': true, '.': true, ',': true, '@': true, '/': true, '-': true, ':': true, '_': true}

// close reports whether no more than a space, a short form's full stop or a slash
// parts the word at k from the one before.
func (s *scanner) close(k int) bool {
	t := &s.tokens[k]
	return t.start-s.tokens[k-1].end <= 2 && t.gap&^(gapStop|gapOther|gapQuote|gapNone) == 0
}

func (s *scanner) slashed(i int) bool {
	t := &s.tokens[i]
	return t.end < len(s.text) && s.text[t.end] == '/'
}

// walk goes over the words of a street's name from k on, and returns where it
// ended and the last word that is a kind of street.
func (s *scanner) walk(k int, m manner) (int, int) {
	end, suf := k, -1
	for n := 0; end < len(s.tokens) && n < maxStreet; n++ {
		t := &s.tokens[end]
		if n > 0 && !s.close(end) || n > 0 && t.gap&gapStop != 0 && s.tokens[end-1].end-s.tokens[end-1].start > 4 {
			break
		}
		if t.shape == small && t.roles&streetLow != 0 && n > 0 && !s.flat {
			if suf < 0 && m == plain {
				return end + 1, end
			}
			break
		}
		if !s.ofStreet(t, m) {
			break
		}
		if t.roles&(streetSuf|streetEnd) != 0 && n > 0 && (t.shape != small || s.flat && t.roles&streetSuf != 0) {
			suf = end
		}
		end++
	}
	for end > k && s.tokens[end-1].shape == small && !s.flat && m != loose && !s.elided(&s.tokens[end-1]) {
		end--
	}
	return end, suf
}

// manner is what walk takes for the words of a street.
type manner int

const (
	plain manner = iota // words with capitals that are no function words, and particles
	named               // any words with capitals
	loose               // words without, too
)

// ofStreet reports whether a word may be in a street's name.
func (s *scanner) ofStreet(t *token, m manner) bool {
	switch {
	case t.shape == code:
		return classes[s.text[t.start]] == inDigit && t.end-t.start <= 5 // 42nd
	case t.shape == number:
		return false
	case t.roles&unit != 0 && t.roles&(particle|streetSuf|state) == 0 && t.end-t.start > 2:
		return false
	case t.shape == small:
		return t.roles&particle != 0 || s.elided(t) || s.flat && t.roles&(stop|verb|unit) == 0 || m == loose && t.roles&(stop|verb|unit) == 0 && t.end-t.start > 2
	}
	return m != plain || t.roles&stop == 0 || t.shape == initial || t.roles&(particle|direction|streetSuf|title) != 0
}

// elided reports whether a word is a name behind a short article: d'Ouchy.
func (s *scanner) elided(t *token) bool {
	w := s.text[t.start:t.end]
	return len(w) > 3 && (w[0] == 'd' || w[0] == 'l') && w[1] == '\'' && (w[2]-'A' < 26 || w[2] == 0xC3 && w[3] < 0xA0)
}

// prefixed is the end of a street whose kind stands first: C/ Monforte 129, ul.
// Długa 3; i if there is none. After a number of its own it needs no other.
func (s *scanner) prefixed(i int, counted bool) int {
	t := &s.tokens[i]
	if i+1 >= len(s.tokens) || t.end-t.start == 1 && (t.end >= len(s.text) || s.text[t.end] != '/' && (s.text[t.end] != '.' || t.roles&streetAny != 0)) {
		return i
	}
	if t.shape == small && t.roles&streetAny == 0 && !counted || !s.close(i+1) {
		return i
	}
	m := named
	if t.roles&streetAny != 0 {
		m = loose
	}
	end, _ := s.walk(i+1, m)
	if end == i+1 || !s.capitals(i+1, end) && (t.shape == small || s.houseNumber(end) == end) {
		return i
	}
	if counted {
		return end
	}
	if k := s.houseNumber(end); k > end {
		return k
	}
	if t.roles&streetAny != 0 && (t.shape != small || s.phraseBefore(i, addressCue)) && end-i <= maxStreet {
		return end
	}
	return i
}

// capitals reports whether one of the words is written as a name.
func (s *scanner) capitals(i, j int) bool {
	for k := i; k < j; k++ {
		if t := &s.tokens[k]; t.shape != small && t.end-t.start > 1 || s.flat || s.elided(t) {
			return true
		}
	}
	return false
}

// houseNumber is the index behind the number at k, with what may stand before it:
// a comma, "nº", "km", "s/n" for none; k if there is no number.
func (s *scanner) houseNumber(k int) int {
	if k >= len(s.tokens) {
		return k
	}
	t := &s.tokens[k]
	if t.gap&^(gapComma|gapStop|gapNone|gapOther) != 0 || t.start-s.tokens[k-1].end > 3 || s.text[t.start-1] == '+' || s.text[t.start-1] == '$' {
		return k
	}
	if k+1 < len(s.tokens) && lower(s.text[t.start]) == 's' && t.end-t.start == 1 && s.slashed(k) && lower(s.text[s.tokens[k+1].start]) == 'n' {
		return k + 2
	}
	if t.roles&unit != 0 && t.shape != number && k+1 < len(s.tokens) && s.tokens[k+1].shape == number && t.end-t.start <= 6 && s.tokens[k+1].start-t.end <= 3 && numberWords[t.key] {
		return k + 2
	}
	if t.gap&gapStop != 0 && s.tokens[k-1].end-s.tokens[k-1].start > 4 && !s.shortened(k-1) {
		return k
	}
	if t.shape >= number && t.end-t.start <= 5 && classes[s.text[t.start]] == inDigit && s.text[t.start-1] != '-' {
		if k+1 < len(s.tokens) && s.tokens[k+1].shape >= number && s.tokens[k+1].start == t.end+1 && s.text[t.end] == '/' {
			return k + 2 // 15/4
		}
		if s.stair(k + 1) {
			return k + 2
		}
		return k + 1
	}
	return k
}

// stair reports whether the token at k tells apart the doors of one number, and
// nothing follows it on the line: 768 II.
func (s *scanner) stair(k int) bool {
	if k >= len(s.tokens) || s.tokens[k].gap != 0 || k+1 < len(s.tokens) && s.tokens[k+1].gap&(gapComma|gapLine) == 0 {
		return false
	}
	switch t := &s.tokens[k]; string(s.text[t.start:t.end]) {
	case "I", "II", "III", "IV", "V", "A", "B", "C", "D", "bis", "ter", "hs":
		return true
	}
	return false
}

// shortened reports whether a word ends in the short form of a kind of street:
// Felderstr.
func (s *scanner) shortened(k int) bool {
	w := s.text[s.tokens[k].start:s.tokens[k].end]
	return len(w) > 5 && w[len(w)-3]|0x20 == 's' && string(w[len(w)-2:]) == "tr"
}

// numberWords stand between a street and its number.
var numberWords = map[hash]bool{hashOf("km"): true, hashOf("no"): true, hashOf("numero"): true, hashOf("nº"): true, hashOf("n"): true, hashOf("nr"): true, hashOf("num"): true}

// nameBefore is the first word of the street's name that ends before i; i if none.
func (s *scanner) nameBefore(i int) int {
	start := i
	for start > 0 && i-start < 3 && (start == i || s.tokens[start].gap == 0) && s.tokens[start].gap&^gapStop == 0 {
		p := &s.tokens[start-1]
		if p.glued || p.shape != capital && p.shape != upper || p.roles&(stop|addressCue) != 0 {
			break
		}
		start--
	}
	return start
}

// endings are what streets' names end in where they are one word.
var endings = [...]string{"straße", "strasse", "str", "gasse", "platz", "allee", "damm", "ufer", "weg", "gatan", "vägen", "gata", "vegen", "veien", "gade", "vej", "katu", "tie", "straat", "laan", "plein", "kade", "gracht", "singel", "utca", "braut", "steig", "ring", "feld", "gränd", "pfad", "chaussee", "promenade", "graben", "dijk", "plantsoen", "steeg", "dreef", "sgate", "sgaten", "bakken", "stien", "vegen", "stigen", "torget", "backen", "kuja", "polku", "raitti", "ranta", "kaari", "stræde", "vænge", "torv", "körút"}

// endingsBy are the endings by their last byte.
var endingsBy = func() (by [256][]string) {
	for _, e := range endings {
		last := e[len(e)-1]
		by[last] = append(by[last], e)
	}
	return by
}()

// compound reports whether a word is a street's name by its ending.
func (s *scanner) compound(t *token) bool {
	w := s.text[t.start:t.end]
	for _, e := range endingsBy[w[len(w)-1]] {
		if n := len(w) - len(e); n > 2 && string(w[n+1:]) == e[1:] && (w[n]|0x20 == e[0]|0x20 && w[n-1] == '-' || w[n] == e[0] && t.marks&(given|word) == 0) {
			return true
		}
	}
	return false
}

// box is the index behind a post office box at k; k if there is none.
func (s *scanner) box(k int) int {
	if (s.tokens[k].roles|s.tokens[k].first)&postBox == 0 {
		return k
	}
	for n := min(maxPhrase, len(s.tokens)-k-1); n > 0; n-- {
		r, _ := s.lexicon.get(phrase(s.tokens[k : k+n]))
		if r&postBox == 0 || n == 1 && s.tokens[k].shape == small {
			continue
		}
		if t := &s.tokens[k+n]; t.shape == number && t.gap&^gapStop == 0 {
			return k + n + 1
		}
	}
	return k
}

// forces is the index behind an address of armed forces abroad that begins at i:
// PSC 12, Box 345, APO AE 09012.
func (s *scanner) forces(i int) int {
	for k := i; k+2 < len(s.tokens) && k-i < 7 && s.tokens[k].gap&gapBlank == 0; k++ {
		t := &s.tokens[k]
		if t.roles&military != 0 && t.shape == upper && s.tokens[k+1].shape == upper && s.tokens[k+1].roles&state != 0 && s.tokens[k+2].shape == number {
			return k + 3
		}
	}
	return i
}
