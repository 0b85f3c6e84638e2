package secret

import "github.com/writ-project/writ/internal/dataclass"

// The windows that expressions are put to, in bytes.
const (
	callCost  = 256  // charged for each call beside its text: what a call costs before it reads
	maxToken  = 4096 // the longest token without white space
	tokenLead = 256  // what of a token may stand before its keyword
	near      = 512  // how far a token may be from its keyword, on either side
	overlap   = 256  // how far a window must reach beyond a keyword to serve for it
	nameSpan  = 64   // the longest name of an assignment, on either side of its keyword
	maxValue  = 512  // the longest value of an assignment
)

// try tries one rule where its keyword is.
func (s *scan) try(t *trial, start, end int) error {
	if t.way >= inValue && end+overlap <= s.tried[t.form.index] {
		return nil
	}
	if t.at != nil && end < len(s.text) && !t.behind.has(s.text[end]) {
		return nil
	}
	switch t.way {
	case atOffset:
		return s.tryToken(t, start-t.offset)
	case inName:
		return s.tryAssignment(t, start)
	case inValue:
		if _, _, _, ok := t.at.match(s.text, start-t.offset); ok {
			return s.ask(t, end, max(0, start-t.offset-nameSpan-40), s.tokenEnd(end))
		}
	case inToken:
		return s.ask(t, end, s.tokenStart(start), s.tokenEnd(end))
	case somewhere:
		return s.ask(t, end, max(0, start-near), min(len(s.text), end+near))
	}
	return nil
}

// tryToken tries a token that would begin at start.
func (s *scan) tryToken(t *trial, start int) error {
	if t.at.long && start < s.tried[t.form.index] && start != s.began[t.form.index] {
		return nil
	}
	end, from, to, ok := t.at.match(s.text, start)
	if t.at.long && t.at.exact {
		s.tried[t.form.index], s.began[t.form.index] = max(end, s.tried[t.form.index]), start
	}
	if !ok {
		return nil
	}
	if t.at.exact {
		if t.form.ending && !ends(s.text, end) {
			return nil
		}
		return s.judge(t, &match{s.text, start, end, from, to})
	}
	if t.form.spaced {
		return s.ask(t, end, max(0, start-1), min(len(s.text), end+2*near))
	}
	return s.ask(t, end, max(0, start-1), s.tokenEnd(end))
}

// tryAssignment tries an assignment whose name has in it what begins at start.
func (s *scan) tryAssignment(t *trial, start int) error {
	start -= t.offset
	name, _, _, ok := t.at.match(s.text, start)
	if !ok || !t.at.exact {
		return nil
	}
	if s.frame.name != name+1 { // for each of the rules of one service
		s.frame.name = name + 1
		s.frame.value, s.frame.ok = framed(s.text, name)
	}
	value := s.frame.value
	if !s.frame.ok {
		return nil
	}
	for p := value; p <= value+maxLead && p <= len(s.text); p++ {
		for i := range t.form.shapes {
			if err := s.tryValue(t, &t.form.shapes[i], start, p); err != nil {
				return err
			}
		}
		if p == len(s.text) || !leads.has(s.text[p]) {
			break
		}
	}
	return nil
}

func (s *scan) tryValue(t *trial, value *shape, name, start int) error {
	end, from, to, ok := value.match(s.text, start)
	if !ok {
		return nil
	}
	if !value.exact {
		return s.ask(t, end, max(0, name-nameSpan), s.tokenEnd(end))
	}
	if !ends(s.text, end) {
		return nil
	}
	return s.judge(t, &match{s.text, s.nameStart(name), end, from, to})
}

// nameStart is where the name that b[at] is part of begins.
func (s *scan) nameStart(at int) int {
	for n := 0; at > 0 && n < 50 && isName(s.text[at-1]); n++ {
		at--
	}
	return at
}

const maxLead = 5 // quotes and spaces before a value

var (
	leads   = setOf("`'\"= \t\n\r\f\v")
	enders  = setOf("`'\"; \t\n\r\f\v")
	nameGap = setOf("A-Za-z0-9_.\t -")
)

// framing is what framed said.
type framing struct {
	name  int // one more than where the name ends; 0: nothing
	value int
	ok    bool
}

// framed follows the common frame of an assignment from the end of what must
// be in its name to where the value and what leads it begin.
func framed(b []byte, at int) (int, bool) {
	for n := 0; n < 20 && at < len(b) && nameGap.has(b[at]); n++ {
		at++
	}
	for n := 0; n < 3 && at < len(b) && (isSpace(b[at]) || b[at] == '\'' || b[at] == '"'); n++ {
		at++
	}
	if at == len(b) {
		return 0, false
	}
	switch rest := b[at:]; {
	case rest[0] == ':':
		n := 1
		for n < 3 && n < len(rest) && rest[n] == ':' {
			n++
		}
		if n < len(rest) && rest[n] == '=' {
			return at + n + 1, true
		}
		return at + 1, true
	case rest[0] == '=' && len(rest) > 1 && rest[1] == '>':
		return at + 2, true
	case rest[0] == '=' || rest[0] == '>' || rest[0] == ',':
		return at + 1, true
	case rest[0] == '|' && len(rest) > 1 && rest[1] == '|', rest[0] == '?' && len(rest) > 1 && rest[1] == '=':
		return at + 2, true
	}
	return 0, false
}

// ends reports whether a token may end before b[at].
func ends(b []byte, at int) bool {
	if at == len(b) || enders.has(b[at]) {
		return true
	}
	return b[at] == '\\' && at+1 < len(b) && (b[at+1] == 'n' || b[at+1] == 'r')
}

func (s *scan) tokenStart(at int) int {
	for n := 0; at > 0 && n < tokenLead && !isSpace(s.text[at-1]); n++ {
		at--
	}
	return at
}

// tokenEnd is one past the white space that ends the token at at.
func (s *scan) tokenEnd(at int) int {
	for n := 0; at < len(s.text) && n < maxToken && !isSpace(s.text[at]); n++ {
		at++
	}
	return min(at+1, len(s.text))
}

// ask puts a window to the rule's expression, unless one that it was put to
// reaches well beyond what called for it.
func (s *scan) ask(t *trial, hit, from, to int) error {
	tried := s.tried[t.form.index]
	if to <= tried || hit+overlap <= tried {
		return nil
	}
	from = max(from, min(hit-len(t.word), tried-overlap))
	s.tried[t.form.index] = to
	if !s.budget.Spend(&s.budget.Patterns, to-from+callCost) {
		return nil
	}
	found, err := t.form.pattern.find(s.text[from:to], max(1, s.budget.Findings))
	if err != nil {
		return err
	}
	for _, loc := range found {
		at, until := secretGroup(loc, s.rules.rules[t.rule].group)
		if err := s.judge(t, &match{s.text, from + loc[0], from + loc[1], from + at, from + until}); err != nil {
			return err
		}
	}
	return nil
}

// secretGroup is the group that a rule names, or the first that matched.
func secretGroup(loc []int, group int) (from, to int) {
	if group > 0 && 2*group+1 < len(loc) && loc[2*group] >= 0 {
		return loc[2*group], loc[2*group+1]
	}
	for i := 2; i < len(loc); i += 2 {
		if loc[i+1] > loc[i] && loc[i] >= 0 {
			return loc[i], loc[i+1]
		}
	}
	return loc[0], loc[1]
}

// judge puts what matched to the tests of its rule.
func (s *scan) judge(t *trial, m *match) error {
	r := &s.rules.rules[t.rule]
	if m.from >= m.to || s.again(r.id, m.from, m.to) || s.covered(dataclass.Finding{Start: m.from, End: m.to, Score: r.score}) {
		return nil
	}
	if monotone(m.secret()) || r.entropy > 0 && entropy(m.secret()) <= r.entropy {
		return nil
	}
	for _, list := range r.lists {
		ok, err := list.allows(m)
		if ok || err != nil {
			return err
		}
	}
	check := ""
	if r.entropy > 0 {
		check = "entropy"
	}
	s.add(dataclass.Finding{Entity: r.entity, Start: m.from, End: m.to, Score: r.score, Check: check, Rule: r.id})
	return nil
}
