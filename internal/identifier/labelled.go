package identifier

import (
	"bytes"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/dataclass"
)

// labelled reads a number that the cue or field right before it names.
func (s *scanner) labelled(best *candidate, start, stop int) {
	if best.f.Score >= 80 {
		return
	}
	t, cue, ok := s.labelOf(start)
	l := &labels[t]
	if !ok || l.entity == "" {
		return
	}
	if _, _, ok := s.fullDate(start, stop); ok {
		return
	}
	from := s.labelStart(start)
	end, n, digits := s.value(from, l)
	if n < l.min || n > l.max || digits < l.digits || l.noSpace && n == digits || !closes(s.b, end) || !l.letters && n != digits {
		return
	}
	if t == accountTopic && digits < 8 && s.loosely(cue, start) {
		return
	}
	f := dataclass.Finding{Entity: l.entity, Start: from, End: end, Score: labelScore, Detector: detector, Cue: cue}
	if l.score > 0 {
		f.Score = l.score
	}
	best.offer(f)
}

// loosely reports whether a cue of one word, such as "account", stands some
// words before the number: the account has 150000 points.
func (s *scanner) loosely(cue string, start int) bool {
	c := s.look(start)
	return c.field.empty() && !c.reply && c.n > 0 && start-s.hit(c, 0).end > 4 && !strings.Contains(cue, " ")
}

// labelOf is the topic of the field or of the cue right before the offset.
func (s *scanner) labelOf(start int) (topic, string, bool) {
	c := s.look(start)
	if !c.field.empty() {
		for t := firstPositive; t < topics; t++ {
			if c.field.has(t) && labels[t].entity != "" && !(labels[t].acronym && len(c.name) <= 4) {
				return t, c.name, true
			}
		}
	}
	if c.n == 0 {
		return none, "", false
	}
	h := s.hit(c, 0)
	for i := 1; i < c.n && neutral.has(h.topic) && labels[h.topic].entity == ""; i++ {
		h = s.hit(c, i)
	}
	gap := s.b[h.end:start]
	if len(gap) > 0 && gap[0] == '.' && shortened(s.b[h.start:h.end]) {
		gap = gap[1:]
	}
	if labels[h.topic].entity == "" || len(gap) > closeReach && !c.reply || digitIn(gap) && !c.reply {
		return none, "", false
	}
	if !c.reply && !leads(gap) || labels[h.topic].acronym && !capitals(s.b[h.start:h.end]) {
		return none, "", false
	}
	return h.topic, h.phrase, true
}

// shortened reports whether a label ends in a word that is written with a dot.
func shortened(label []byte) bool {
	for _, word := range []string{"nr", "no", "num", "acct", "tel"} {
		if hasFold(label, max(0, len(label)-len(word)), word) {
			return true
		}
	}
	return false
}

// capitals reports whether a short cue is written in capitals; of longer ones
// none is a plain word.
func capitals(cue []byte) bool { return len(cue) > 4 || !hasLower(cue) }

// leads reports whether the words between a label and a number lead from one to
// the other: no sentence, list or bracket ends there.
func leads(gap []byte) bool {
	if i := bytes.IndexByte(gap, '\n'); i >= 0 && len(bytes.Trim(gap, " \t\r\n:*")) > 0 {
		return false
	}
	return !bytes.Contains(gap, []byte(". ")) && !bytes.Contains(gap, []byte("; ")) && !bytes.Contains(gap, []byte(", ")) && !bytes.ContainsAny(gap, "?!|)")
}

// labelStart goes back over a prefix of letters or digits and hyphens, as in
// pmc-6120172-1, that is not the label itself.
func (s *scanner) labelStart(start int) int {
	i := start
	for i > s.done+1 && start-i < 24 && s.b[i-1] == '-' && isAlnum(s.b[i-2]) {
		j := i - 1
		for j > s.done && start-j < 24 && isAlnum(s.b[j-1]) {
			j--
		}
		if h, ok := s.cues.back(0); ok && h.end > j && h.start <= j && !s.twice(h) || !opens(s.b, j) {
			break
		}
		i = j
	}
	return i
}

// twice reports whether a cue in capitals is part of a value too, as in MRN-123456:
// the field or the cue before it has said the same.
func (s *scanner) twice(h hit) bool {
	if s.b[h.start]-'A' >= 26 {
		return false
	}
	before, ok := s.cues.back(1)
	return s.context.field.has(h.topic) || ok && before.topic == h.topic && h.start-before.end < 16
}

// value is where the value at the offset ends: letters and digits in groups.
// Spaces part groups of digits only.
func (s *scanner) value(i int, l *label) (end, n, digits int) {
	b := s.b
	for i < len(b) && n <= l.max {
		switch c := b[i]; {
		case isAlnum(c):
			n++
			if isDigit(c) {
				digits++
			}
		case (c == '-' || c == '/' || c == '.' || c == '_') && i+1 < len(b) && isAlnum(b[i+1]) && (c != '.' || l.noSpace || isDigit(b[i+1])):
		case c == ' ' && !l.noSpace && digitGroup(b, i+1) && isDigit(b[i-1]):
		default:
			return i, n, digits
		}
		i++
	}
	return i, n, digits
}

// digitGroup reports whether two or more digits stand alone at the offset.
func digitGroup(b []byte, i int) bool {
	n := digitRun(b, i)
	return n >= 2 && closes(b, i+n)
}

// secrets reads the short numbers of a card, of three to eight digits, that only
// a cue makes known: its security code, its PIN, its last four digits.
func (s *scanner) secrets(best *candidate, start, stop int) {
	n := stop - start
	if !closes(s.b, stop) {
		return
	}
	if n == 4 && masked(s.b, start) {
		best.offer(dataclass.Finding{Entity: dataclass.CardLast4, Start: start, End: stop, Score: 70, Detector: detector, Check: "mask"})
		return
	}
	if !opens(s.b, start) {
		return
	}
	c := s.look(start)
	if c.n == 0 && c.field.empty() {
		return
	}
	for _, p := range shortSecrets {
		if n < p.min || n > p.max {
			continue
		}
		if cue, ok := s.close(c, p.topic, p.reach); ok && (p.topic != last4Topic || s.cardNear(c)) {
			best.offer(dataclass.Finding{Entity: p.entity, Start: start, End: stop, Score: 84, Detector: detector, Cue: cue})
		}
	}
}

var shortSecrets = []struct {
	topic           topic
	entity          dataclass.Entity
	min, max, reach int
}{
	{cvvTopic, dataclass.CardCVV, 3, 4, 20},
	{pinTopic, dataclass.PIN, 4, 6, 16},
	{last4Topic, dataclass.CardLast4, 4, 4, 24},
}

// close is the nearest cue where it is of the topic and near, or the field's.
func (s *scanner) close(c *context, t topic, reach int) (string, bool) {
	if c.field.has(t) {
		return c.name, true
	}
	if c.n == 0 || s.hit(c, 0).topic != t {
		return "", false
	}
	h := s.hit(c, 0)
	return h.phrase, (c.start-h.end <= reach && leads(s.b[h.end:c.start]) || c.reply) && !digitIn(s.b[h.end:c.start])
}

// cardNear reports whether a card is spoken of near the candidate.
func (s *scanner) cardNear(c *context) bool {
	if c.field.has(last4Topic) || s.cardEnd > 0 && c.start-s.cardEnd < 100 {
		return true
	}
	for i := range c.n {
		if s.hit(c, i).topic == cardTopic {
			return true
		}
		if t := s.hit(c, i).topic; t == ssnTopic || t == phoneTopic || t == accountTopic {
			return false
		}
	}
	return false
}

// masked reports whether the digits come after those that a mask hides:
// ****1234, XXXX-XXXX-XXXX-1234.
func masked(b []byte, at int) bool {
	i, n := at, 0
	for i > 0 && at-i < 24 && (b[i-1] == '*' || b[i-1]|0x20 == 'x' || b[i-1] == '-' || b[i-1] == ' ') {
		i--
		if b[i] != '-' && b[i] != ' ' {
			n++
		}
	}
	return n >= 8
}

// userFields reads the values of fields that hold names of users; such a name
// needs no digit, so no candidate leads to it.
func (s *scanner) userFields() {
	s.passed = len(s.found)
	for _, f := range s.text.Fields {
		if f.Name < len(s.text.Names) && f.End <= len(s.b) && (isUserField(s.text.Names[f.Name]) || s.text.Names[f.Name] == "user" && isHandle(s.b[f.Start:f.End])) {
			s.username(f.Start, f.End)
		}
	}
	if len(s.found) > s.passed {
		slices.SortFunc(s.found[s.first:], func(a, b dataclass.Finding) int { return a.Start - b.Start })
	}
}

// user reads the name of a user after a label that begins at the u.
func (s *scanner) user(at int) {
	if at+8 > len(s.b) {
		return
	}
	for _, word := range userWords[s.b[at+1]|0x20] {
		if hasFold(s.b, at, word) {
			s.passed = len(s.found)
			s.username(leadIn(s.b, at+len(word)), len(s.b))
			return
		}
	}
}

// userWords are labels of users' names, from their first u, by the letter after it.
var userWords = [256][]string{
	's': {"username", "user name", "user_name", "user id", "userid", "user_id", "usuario"},
	't': {"utzername"},
	'i': {"uikersnaam"},
}

func isUserField(name string) bool {
	switch name {
	case "username", "user name", "login", "user id", "userid", "handle", "screen name", "nickname", "nick", "usuario", "nombre de usuario", "benutzername", "nazwa uzytkownika", "nazwa użytkownika", "identifiant", "nom d utilisateur", "nome utente", "gebruikersnaam":
		return true
	}
	return false
}

// isHandle reports whether the value of a field "user", which may hold a person's
// name too, is the name of an account: one word with a digit, point or underscore
// in it.
func isHandle(b []byte) bool {
	marked := false
	for _, c := range b {
		if c != '.' && c != '_' && c != '-' && !isAlnum(c) {
			return false
		}
		marked = marked || c == '.' || c == '_' || isDigit(c)
	}
	return marked && len(b) > 3 && isLetter(b[0])
}

// pass steps over one of each of the given texts, in any order, at most three.
func pass(b []byte, i int, texts ...string) int {
	for range 3 {
		j := i
		for _, t := range texts {
			if len(b)-i >= len(t) && string(b[i:i+len(t)]) == t {
				i += len(t)
				break
			}
		}
		if i == j {
			break
		}
	}
	return i
}

// leadIn steps over what may stand between the label and the name; -1: nothing does.
func leadIn(b []byte, i int) int {
	j := pass(b, i, "\"", "'", " ", ":", "=")
	j = pass(b, j, "is ", "es ", "ist ", "to ", "to: ")
	j = pass(b, j, " ", "\"", "'")
	if j == i || !bytes.ContainsAny(b[i:j], ":=") && bytes.IndexByte(bytes.TrimSpace(b[i:j]), 's') < 0 {
		return -1
	}
	return j
}

// username emits the word at the offset as a user's name.
func (s *scanner) username(start, limit int) {
	if start < 0 || start >= len(s.b) || s.stopped {
		return
	}
	end := start
	for end < limit && end-start < 41 && (isAlnum(s.b[end]) || s.b[end] == '_' || s.b[end] == '-' || s.b[end] == '.' && end+1 < limit && isAlnum(s.b[end+1])) {
		end++
	}
	if n := end - start; n < 3 || n > 40 || end < len(s.b) && (s.b[end] == '@' || s.b[end] >= 0x80) || s.taken(start, end) {
		return
	}
	f := dataclass.Finding{Entity: dataclass.Username, Start: start, End: end, Score: 75, Detector: detector, Cue: "username"}
	if s.afford(f) {
		s.found = append(s.found, f)
	}
}

// taken reports whether the pass over the text found something there.
func (s *scanner) taken(start, end int) bool {
	found := s.found[s.first:s.passed]
	i, _ := slices.BinarySearchFunc(found, start, func(f dataclass.Finding, at int) int {
		if f.End <= at {
			return -1
		}
		return 1
	})
	return i < len(found) && found[i].Start < end
}
