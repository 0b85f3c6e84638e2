package identifier

import (
	"bytes"

	"github.com/nyaruka/phonenumbers"

	"github.com/writ-project/writ/internal/dataclass"
)

// The digits that a telephone number may have: ITU-T E.164 allows 15, a prefix
// for calling abroad comes before.
const (
	minPhone = 7
	maxPhone = 15
)

// dial is a telephone number as read: its groups of digits and how it is written.
type dial struct {
	start, end int
	digits     [maxPhone + 4]byte
	n          int
	groups     [10]int8
	g          int
	plus       bool
	parens     bool
	seps       [3]int // spaces, hyphens and dots, slashes
	extension  int    // end with the extension, or 0
}

// telephone reads a telephone number around the digit at start.
func (s *scanner) telephone(best *candidate, start int) {
	if !mayDial(s.b, start) {
		return
	}
	from := phoneStart(s.b, start)
	if from < s.done && s.done > 0 && from < start && s.done > from {
		from = start
	}
	if !phoneOpens(s.b, from) || from == start && !dials(s.b, start) && !s.called(start) {
		return
	}
	d := readDial(s.b, from)
	end := d.end
	if d.extension > 0 {
		end = d.extension
	}
	if d.n < minPhone || !phoneCloses(s.b, end) && !(s.b[end] == ',' && (d.plus || d.g > 2)) {
		return
	}
	score, check, cue := s.dialled(&d, s.look(start), best)
	best.offer(dataclass.Finding{Entity: dataclass.Phone, Start: from, End: end, Score: score, Detector: phoneDetector, Check: check, Cue: cue})
}

// mayDial reports whether the digits at the offset are enough for a telephone
// number, or more may follow them.
func mayDial(b []byte, i int) bool {
	n := digitRunTo(b, i)
	if n >= minPhone {
		return true
	}
	i += n
	if i+1 >= len(b) {
		return false
	}
	switch b[i] {
	case ' ', '-', '.', '/', ')', '(':
		return isDigit(b[i+1]) || b[i+1] == '(' || b[i+1] == ' ' || b[i+1] == '-'
	}
	return false
}

// called reports whether a cue for a telephone number, or another one, stands
// before the candidate.
func (s *scanner) called(start int) bool {
	return s.phone > 0 && start-s.phone < 48 || s.look(start).far.meets(forDial)
}

// dials reports whether a number may begin with the group at the offset without
// a cue: one of three digits or more, one with a trunk prefix, the 1 of North
// America, an area code before the 9 of Brazilian mobile numbers.
func dials(b []byte, i int) bool {
	n := digitRunTo(b, i)
	switch {
	case n >= 3 || b[i] == '0':
		return true
	case n == 1:
		return b[i] == '1' && digitRunTo(b, i+2) == 3 || i+2 < len(b) && b[i+2] == '('
	}
	return i+3 < len(b) && (b[i+3] == '9' || b[i+2] == '(')
}

// phoneStart goes back over what may come before the first digit: + ( or (+.
func phoneStart(b []byte, i int) int {
	if i > 0 && b[i-1] == '(' {
		i--
	}
	if i > 0 && b[i-1] == '+' {
		i--
	}
	if i > 0 && b[i] == '+' && b[i-1] == '(' {
		i--
	}
	return i
}

func phoneOpens(b []byte, at int) bool {
	if at > 0 && b[at] == '(' {
		return !isWordByte(b[at-1]) || b[at-1] >= 0x80 && !letterBefore(b, at)
	}
	return opens(b, at) && (at == 0 || b[at-1] != '-')
}

func phoneCloses(b []byte, end int) bool {
	if end < len(b) && (b[end] == '-' || b[end] == '/') && end+1 < len(b) && isDigit(b[end+1]) {
		return false
	}
	return closes(b, end)
}

// readDial reads groups of digits with what people put between them.
func readDial(b []byte, from int) dial {
	d := dial{start: from}
	i := from
	var last byte
	for i < len(b) && d.g < len(d.groups) && (d.g < 4 || d.n > d.g+1) {
		next, sep := d.separator(b, i)
		if !isDigitAt(b, next) || d.g > 0 && sep == ' ' && (last == '-' || last == '.' || last == '/') && d.n >= minPhone {
			break
		}
		run := digitRunTo(b, next)
		if d.n+run > maxPhone+3 || !d.plus && d.n+run > maxPhone {
			break
		}
		copy(d.digits[d.n:], b[next:next+run])
		d.n += run
		d.groups[d.g] = int8(min(run, 100))
		d.g++
		if d.g > 1 {
			last = sep
			d.count(sep)
		}
		i = next + run
		d.end = i
	}
	d.extension = extension(b, d.end)
	return d
}

func (d *dial) count(sep byte) {
	switch sep {
	case ' ':
		d.seps[0]++
	case '-', '.':
		d.seps[1]++
	case '/':
		d.seps[2]++
	}
}

// separator steps over what may stand before the next group of digits.
func (d *dial) separator(b []byte, i int) (next int, sep byte) {
	from := i
	if i == d.start {
		for i < len(b) && i-from < 3 && (b[i] == '(' || b[i] == '+') {
			d.plus = d.plus || b[i] == '+'
			d.parens = d.parens || b[i] == '('
			i++
		}
		return i, 0
	}
	if i < len(b) && b[i] == ')' {
		sep, d.parens = ')', true
		i++
	}
	if i < len(b) && (b[i] == ' ' || b[i] == '-' || b[i] == '.' || b[i] == '/') {
		if sep == 0 {
			sep = b[i]
		}
		i++
	}
	if i < len(b) && b[i] == '(' && i > from && closesSoon(b, i) {
		d.parens = true
		sep = '('
		i++
	} else if i == from && i+2 < len(b) && b[i] == '(' && b[i+1] == '0' && b[i+2] == ')' {
		sep = '('
		i++
	}
	if i == from {
		return len(b), 0
	}
	return i, sep
}

// closesSoon reports whether a bracket holds one short group of digits.
func closesSoon(b []byte, i int) bool {
	n := digitRunTo(b, i+1)
	return n >= 1 && n <= 5 && i+1+n < len(b) && b[i+1+n] == ')'
}

func isDigitAt(b []byte, i int) bool { return i < len(b) && isDigit(b[i]) }

// digitRunTo counts the digits at the offset, to one more than a telephone
// number may have.
func digitRunTo(b []byte, i int) int {
	from := i
	for i < len(b) && i-from < maxPhone+4 && isDigit(b[i]) {
		i++
	}
	return i - from
}

// extension is the end of an extension after a number: x123, ext. 123, or 0.
func extension(b []byte, i int) int {
	j := i
	for j < len(b) && j-i < 2 && (b[j] == ' ' || b[j] == ',') {
		j++
	}
	switch {
	case hasFold(b, j, "extension"):
		j += len("extension")
	case hasFold(b, j, "ext"):
		j += len("ext")
	case hasFold(b, j, "x"):
		j++
	default:
		return 0
	}
	for k := 0; k < 2 && j < len(b) && (b[j] == '.' || b[j] == ' ' || b[j] == ':'); k++ {
		j++
	}
	n := digitRunTo(b, j)
	if n < 1 || n > 6 || !closes(b, j+n) {
		return 0
	}
	return j + n
}

// hasFold reports whether the lower-case ASCII text stands at the offset in any case.
func hasFold(b []byte, i int, text string) bool {
	if i+len(text) > len(b) {
		return false
	}
	for k := range len(text) {
		if c := b[i+k]; c != text[k] && (!isLetter(c) || c|0x20 != text[k]) {
			return false
		}
	}
	return true
}

// dialled scores a number: by a cue, by its own shape, by the published plans.
func (s *scanner) dialled(d *dial, c *context, best *candidate) (score int, check, cue string) {
	if d.date(s.b) || !d.plus && d.n > 13 {
		return 0, "", ""
	}
	if c.inURL && !d.plus {
		return 0, "", ""
	}
	if cue, ok := s.phoneCue(c, d, forPhone, cueReach); ok {
		return 90, "", cue
	}
	if d.otherwise() || d.decimal(s.b) {
		return 0, "", ""
	}
	cue, reach := s.phoneCue(c, d, forReach, cueReach)
	again := s.phone > 0 && d.start-s.phone < 48 && d.g > 1 && !c.crowded
	reach = reach && (d.plus || !plainNumber(cue) || !c.crowded && (d.n == 10 && d.groups[0] >= 3 || s.valid(d)))
	grouped := d.g > 1 || d.plus || d.digits[0] == '0' && d.n >= 10
	switch {
	case (reach && s.sameLine(c) || again) && (grouped && d.n <= 13 || d.n == 10 && c.reply):
		return 80, "", cue
	case (c.against || c.other >= firstPositive && !neutral.has(c.other)) && !d.abroad():
		return 40, "", ""
	case c.crowded && !d.plus:
		return 0, "", "" // the end of a longer row
	case best.f.Score >= s.sure(d) && best.f.End >= d.end:
		return 0, "", "" // something surer has these digits
	case s.valid(d):
		return s.sure(d), "plan", ""
	case d.n == 10 && d.parens && d.seps[1] > 0:
		return 66, "", "" // (555) 010-0000: nothing else is written so
	}
	return 0, "", ""
}

// sure is the score of a number that a numbering plan has.
func (s *scanner) sure(d *dial) int {
	switch {
	case d.plus:
		return 92
	case d.g > 1:
		return 70
	case d.digits[0] == '0':
		return 62
	}
	return 40
}

// sameLine reports whether the nearest cues stand on the candidate's line, or on
// that of a question before it.
func (s *scanner) sameLine(c *context) bool {
	return c.reply || c.n > 0 && bytes.IndexByte(s.b[s.hit(c, 0).end:c.start], '\n') < 0
}

// phoneCue is speaks, for telephones: a nearer cue for something else wins.
func (s *scanner) phoneCue(c *context, d *dial, want topicSet, reach int) (string, bool) {
	if (topicSet{c.field[0] & want[0], c.field[1] & want[1]}) != (topicSet{}) {
		return c.name, true
	}
	for i := range c.n {
		h := s.hit(c, i)
		gap := c.start - h.end
		if want.has(h.topic) {
			return h.phrase, gap <= reach || c.reply
		}
		if gap <= cueReach && !neutral.has(h.topic) && !digitIn(s.b[h.end:c.start]) {
			return "", false
		}
	}
	return "", false
}

// neutral are the topics that announce no number of a certain kind.
var neutral = setOf(phoneTopic, reachTopic, usernameTopic, mentionTopic, personTopic, ageTopic, addressTopic, postcodeTopic, otherDate)

// valid reports whether the number is one of a numbering plan. North American
// ones are checked here, all others by the library, within the budget.
func (s *scanner) valid(d *dial) bool {
	if d.american() {
		return true
	}
	if d.g > 6 || d.n > maxPhone || !d.plus && d.g == 1 && (d.digits[0] != '0' || d.n < 10) {
		return false
	}
	if d.plus || d.digits[0] == '0' && d.digits[1] == '0' {
		return s.planned(d, "ZZ")
	}
	for _, region := range d.regions() {
		if s.planned(d, region) {
			return true
		}
	}
	return false
}

// american reports whether the number is written as in North America, with an
// area and an exchange code that may be: NXX-NXX-XXXX.
func (d *dial) american() bool {
	g, at := d.groups[:d.g], 0
	if d.plus && d.digits[0] != '1' {
		return false
	}
	if len(g) == 4 && (g[0] == 1 && d.digits[0] == '1' || g[0] == 3 && string(d.digits[:3]) == "001") {
		at, g = int(g[0]), g[1:]
	}
	if len(g) != 3 || g[0] != 3 || g[1] != 3 || g[2] != 4 || !d.parens && d.seps[0] == 2 && d.seps[1] == 0 {
		return false
	}
	return d.digits[at] >= '2' && d.digits[at+3] >= '2'
}

// regions are the countries where a number without its country code may be
// from, by its length and first digits, the likeliest first; each costs a
// validation, so they are two at most.
func (d *dial) regions() []string {
	switch {
	case d.digits[0] == '0' && d.n == 11 && d.g == 4 && d.groups[2] == 2:
		return turkish // 0312 123 45 67
	case d.digits[0] == '0' && d.n == 11:
		return zeroEleven[d.digits[1]-'0']
	case d.digits[0] == '0' && d.n == 10:
		return zeroTen
	case d.digits[0] == '0' && d.n == 9:
		return zeroNine
	case d.digits[0] == '0' && d.g > 1:
		return zeroOther
	case d.n == 10 && d.g == 3 && d.groups[0] == 3:
		return ten
	case d.n == 11 && d.digits[2] == '9' && d.g >= 2:
		return eleven
	}
	return nil
}

// zeroEleven goes by the digit after the trunk prefix: British numbers begin
// with 1, 2, 3, 7, 8, Philippine mobile ones with 9, Turkish ones with 5.
var zeroEleven = [10][]string{
	1: {"GB", "DE"}, 2: {"GB", "DE"}, 3: {"GB", "DE"}, 4: {"DE"}, 5: {"TR", "DE"}, 6: {"DE"}, 7: {"GB", "DE"}, 8: {"GB", "DE"}, 9: {"PH", "DE"},
}

var (
	turkish   = []string{"TR", "DE"}
	zeroTen   = []string{"FR", "AU"}
	zeroNine  = []string{"BE", "FR"}
	zeroOther = []string{"DE", "IT"}
	ten       = []string{"US"}
	eleven    = []string{"BR"}
)

// asked is a number that the library was asked about, and its answer.
type asked struct {
	digits [maxPhone + 4]byte
	n      int
	region string
	plan   bool
}

// maxAsked is how many answers a scan remembers: texts repeat their numbers.
const maxAsked = 4

// planned reports whether a region has the number.
func (s *scanner) planned(d *dial, region string) bool {
	switch {
	case d.plus && d.zeroInParens() >= 0:
		region = "+(0)"
	case d.plus:
		region = "+"
	}
	for i := range s.asked {
		if a := &s.asked[i]; a.n == d.n && a.digits == d.digits && a.region == region {
			return a.plan
		}
	}
	if !s.budget.Spend(&s.budget.Phones, 1) {
		return false
	}
	plan := d.planned(region)
	s.asked[s.asks%maxAsked] = asked{d.digits, d.n, region, plan}
	s.asks++
	return plan
}

// planned asks the library; one with its country code has + for a region.
func (d *dial) planned(region string) bool {
	text := string(d.digits[:d.n])
	switch region {
	case "+(0)":
		z := d.zeroInParens()
		text, region = "+"+text[:z]+text[z+1:], "ZZ"
	case "+":
		text, region = "+"+text, "ZZ"
	case "ZZ":
		text = "+" + text[2:]
	}
	var number phonenumbers.PhoneNumber
	if err := phonenumbers.ParseToNumber(text, region, &number); err != nil {
		return false
	}
	return phonenumbers.IsValidNumber(&number)
}

// zeroInParens is where the (0) of +44 (0)20 stands among the digits, or -1.
func (d *dial) zeroInParens() int {
	at := int(d.groups[0])
	if d.parens && d.g > 2 && d.groups[1] == 1 && d.digits[at] == '0' {
		return at
	}
	return -1
}
