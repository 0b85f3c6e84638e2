package identifier

import "github.com/writ-project/writ/internal/dataclass"

// age reads how old somebody is: "29 years old", "aged 29", "29 años".
func (s *scanner) age(best *candidate, start, stop int) {
	if stop-start > 3 || !opens(s.b, start) || digitRun(s.b, start) != stop-start {
		return
	}
	if v := number(s.b[start:stop]); v > 120 {
		return
	}
	f := dataclass.Finding{Entity: dataclass.Age, Start: start, End: stop, Detector: detector}
	c := s.look(start)
	unit, firm := ageUnit(s.b, stop)
	switch {
	case unit > 0 && firm:
		f.Score, f.Cue = 88, "years old"
	case unit > 0 && s.aged(c, s.b[stop:unit]) && !spanAfter(s.b, unit):
		f.Score, f.End, f.Cue = 80, unit, s.hit(c, 0).phrase
	case closes(s.b, stop) && s.announced(c):
		f.Score, f.Cue = 80, s.cueOf(c)
		if unit > 0 {
			f.End = unit
		}
	}
	best.offer(f)
}

// cue is the field's name, or the nearest cue.
func (s *scanner) cueOf(c *context) string {
	if c.name != "" || c.n == 0 {
		return c.name
	}
	return s.hit(c, 0).phrase
}

// ageUnit is where a unit of age after a number ends; firm ones, as "years
// old", are of an age and nothing else, and are not part of it.
func ageUnit(b []byte, i int) (end int, firm bool) {
	j := i
	for j < len(b) && j-i < 2 && (b[j] == ' ' || b[j] == '-') {
		j++
	}
	if !isLetterAt(b, j) {
		return 0, false
	}
	for _, u := range unitsBy[b[j]|0x20] {
		if hasFold(b, j, u.text) && !isLetterAt(b, j+len(u.text)) {
			return j + len(u.text), u.firm
		}
	}
	return 0, false
}

type unit struct {
	text string
	firm bool
}

// unitsBy are the units by their first byte, the firm ones first.
var unitsBy = func() (t [256][]unit) {
	for _, u := range firmUnits {
		t[u[0]|0x20] = append(t[u[0]|0x20], unit{u, true})
	}
	for _, u := range looseUnits {
		t[u[0]|0x20] = append(t[u[0]|0x20], unit{u, false})
	}
	return t
}()

func isLetterAt(b []byte, i int) bool { return i < len(b) && (isLetter(b[i]) || b[i] >= 0xC3) }

var firmUnits = []string{"years old", "year old", "years-old", "year-old", "years of age", "yrs old", "yr old", "yr-old", "y/o", "yo", "y.o", "months old", "month old", "month-old", "weeks old",
	"jahre alt", "jahre jung", "jährige", "jähriger", "jähriges", "jähriger", "letni", "letnia", "letniego", "letniej", "vuotias", "år gammal", "år gammel", "jaar oud", "jarige"}

var shortUnits = []string{"meses", "mes", "mesi", "mois", "monate", "días", "semanas"}

var looseUnits = []string{"años", "año", "anos", "ans", "anni", "jahre", "lat", "lata", "meses", "mes", "mesi", "mois", "monate", "års", "år", "jaar", "días", "semanas", "yaşında"}

// aged reports whether a number of years before this one's unit is an age: a
// person is spoken of, and no span of time.
func (s *scanner) aged(c *context, unit []byte) bool {
	years, reach := yearsUnit(unit), 6
	if c.field.has(ageTopic) || years && s.follows(c.start, "a los ") {
		return true
	}
	if years {
		reach = 40
	}
	for _, w := range spans {
		if s.follows(c.start, w) {
			return false
		}
	}
	for i := range c.n {
		h := s.hit(c, i)
		if d := c.start - h.end; (h.topic == ageTopic && d <= 24 || h.topic == personTopic && d <= reach) && !digitIn(s.b[h.end:c.start]) {
			return true
		}
	}
	return false
}

// spanAfter reports whether what follows the unit makes it a span of time.
func spanAfter(b []byte, i int) bool {
	for _, w := range spanEnds {
		if hasFold(b, i, w) {
			return true
		}
	}
	return false
}

var spanEnds = []string{" antes", " de evoluci", " desp", " atr", " de antig", " de tratam", " de duraci", " de seguim", " plus tard", " später", " dopo", " fa", " temu", " depois", " geleden"}

// yearsUnit reports whether the unit is of years, not of months or weeks.
func yearsUnit(unit []byte) bool {
	for _, u := range shortUnits {
		if len(unit) >= len(u) && hasFold(unit, len(unit)-len(u), u) {
			return false
		}
	}
	return true
}

// spans are the words before a number of years that tell of a span of time.
var spans = []string{"hace ", "durante ", "desde ", "tras ", "cada ", "por ", "depuis ", "pendant ", "seit ", "od ", "przez ", "da ", "desde hace ", "aproximadamente "}

// follows reports whether the offset comes right after the text, in any case.
func (s *scanner) follows(at int, text string) bool {
	return at >= len(text) && hasFold(s.b, at-len(text), text)
}

// announced reports whether a cue for an age comes right before the number.
func (s *scanner) announced(c *context) bool {
	if c.field.has(ageTopic) {
		return true
	}
	return c.n > 0 && s.hit(c, 0).topic == ageTopic && c.start-s.hit(c, 0).end <= 12 && !digitIn(s.b[s.hit(c, 0).end:c.start])
}
