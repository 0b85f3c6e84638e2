package secret

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// maxNested is the longest value in which another assignment is looked for.
const maxNested = 128

// assignment finds a value given to a name that says that it is secret, in the
// syntax of whatever language: code, YAML, JSON, a shell, a header, prose.
func (s *scan) assignment(kind own, cue string, start, end int) {
	name, ok := s.name(kind, start, end)
	if !ok || name < s.last[kind] {
		return
	}
	v, ok := s.value(name, end)
	if !ok || s.aboutSecret(kind, start, end, name) {
		return
	}
	v.cue = start
	s.last[kind] = v.from
	if v.to-v.from > maxNested {
		s.last[kind] = v.to
	}
	if kind == ownPassword {
		s.password(v, cue)
		return
	}
	s.token(v, cue)
}

// name is the end of the name that has the cue in it; false where the cue is
// part of a longer word.
func (s *scan) name(kind own, start, end int) (int, bool) {
	if !s.startsWord(kind, start, end-start) {
		return 0, false
	}
	stop := end
	for stop < len(s.text) && stop-end < nameSpan && isName(s.text[stop]) {
		stop++
	}
	for stop > end && (s.text[stop-1] == '.' || s.text[stop-1] == '-') {
		stop--
	}
	return stop, endsWord(s.text[end:stop], s.text[start:end])
}

// aboutSecret reports whether a name, which ends at stop, is of something
// about the secret and not of the secret.
func (s *scan) aboutSecret(kind own, start, end, stop int) bool {
	return about(s.text[end:stop], aboutBehind) || kind == ownToken && about(s.text[end:stop], aboutToken) || about(s.text[s.cueStart(start):start], aboutBefore)
}

// startsWord reports whether the cue is a word of its own where it begins: a
// long one may follow other letters (dbpassword), a short one may not (bypass).
func (s *scan) startsWord(kind own, start, size int) bool {
	if start == 0 || !isLetter(s.text[start-1]) {
		return true
	}
	if isUpper(s.text[start]) && isLower(s.text[start-1]) {
		return true
	}
	if kind == ownPassword && size <= 4 && compounded(s.text[max(0, start-nameSpan):start], size) {
		return true
	}
	return kind == ownPassword && size >= 6 || size == 3 && hasFold(s.text[start:], "pwd") || size >= 6 && hasFold(s.text[start:], "apikey")
}

// compounds are what short cues grow together with, as in bindpw; words that
// end with "pass" and have nothing to do with one are fewer than what a pass is of.
var (
	compounds = []string{"root", "bind", "user", "admin", "db", "my", "auth", "http", "vpn", "login"}
	othersOf  = []string{"by", "com", "tres", "sur", "over", "under", "encom", "multi", "single", "one", "two", "high", "low", "band", "all", "first", "second", "re", "st"}
)

// compounded reports whether b, which ends before a cue of some letters, makes
// one word with it that is a password's name.
func compounded(b []byte, size int) bool {
	words, want := compounds, true
	if size == 4 {
		words, want = othersOf, false
	}
	for _, w := range words {
		if at := len(b) - len(w); at >= 0 && hasFold(b[at:], w) && (size < 4 || at == 0 || !isLetter(b[at-1])) {
			return want
		}
	}
	return !want
}

// endsWord reports whether a name goes on behind the cue with a new word.
func endsWord(rest, cue []byte) bool {
	if len(rest) == 0 || !isLetter(rest[0]) {
		return true
	}
	return isUpper(rest[0]) && isLower(cue[len(cue)-1])
}

// Words that make a name one of something about the secret.
var (
	aboutBehind = listOf("hint", "encrypt", "conn", "len", "length", "polic", "reset", "expir", "field", "label", "placeholder", "type", "ur", "endpoint", "name", "file", "path", "min", "max", "count", "limit", "ttl", "regex",
		"pattern", "format", "alg", "version", "error", "message", "msg", "title", "prompt", "input", "button", "valid", "strength", "enabled", "required", "visible", "id", "arn", "size", "date", "time",
		"age", "lifetime", "rotation", "store", "manager", "ref", "from", "provider", "class", "board", "word", "map", "maps", "info", "desc", "status", "state", "usage", "index", "column", "prefix", "source", "scope", "mode", "cmd", "command", "header", "ring", "pair", "through", "over")
	aboutToken  = listOf("hash", "digest", "fingerprint", "checksum", "map", "mapping", "binding", "code", "signature", "stone", "selector")
	aboutBefore = listOf("no", "show", "hide", "forgot", "reset", "change", "public", "pub", "primary", "foreign", "partition", "sort", "csrf", "xsrf", "next", "page", "continuation", "cancel", "max", "min", "num", "total",
		"sequence", "natural", "hot", "cache", "object", "s3", "bucket", "idempotency", "publishable", "message", "turn", "mon", "is", "has", "per", "completion", "input", "output", "map", "dict", "group", "unique",
		"fake", "dummy", "mock", "invalid", "non", "not", "wrong", "bad", "example", "sample", "bogus")
)

// password judges what a name of a password was given.
func (s *scan) password(v value, cue string) {
	b := s.text[v.from:v.to]
	if weak(cue) && s.otherwise(v, cue) {
		return
	}
	if len(b) < 4 || len(b) > 128 || s.rules.placeholder(b) || v.link == byPlace && located(b) {
		return
	}
	if cue == "pwd" && b[0] == '/' || bytes.Contains(b, []byte("://")) || cue == "psk" && !v.quoted && !v.tight {
		return
	}
	v.spelled, v.phrase, v.weak = holdsFold(b, cue), cue == "passphrase", weak(cue)
	if s.expression(v) && !(v.phrase && v.quoted) {
		return
	}
	c := contentOf(b)
	if v.weak && v.colon && c.lower == 0 { // the number of a pass
		return
	}
	score := passwordScore(c, v, len(b))
	if v.spelled && score >= dataclass.Likely && c.symbols == 0 && (c.digits == 0 && (c.upper > 0 && c.lower > 0 || c.joins > 0) || !v.quoted && len(b)-len(cue) < 4 && c.letters() == len(cue)) {
		score = hinted
	}
	if score == dataclass.Likely && titled(b, c) && !v.quoted && isLower(s.text[v.cue]) {
		score = hinted
	}
	if score < dataclass.Likely && s.configured(v, c) {
		score = dataclass.Likely
	}
	if score > 0 {
		s.keep(dataclass.Password, v.from, v.to, score, "password", cue)
	}
}

// titled reports whether a value is one word as sentences and labels begin.
func titled(b []byte, c content) bool { return c.upper == 1 && c.lower == len(b)-1 && isUpper(b[0]) }

// configured reports whether a word that could be any is a password for where
// it stands: among the settings of a connection, or given to a name that says
// what the password is of.
func (s *scan) configured(v value, c content) bool {
	b := s.text[v.from:v.to]
	if c.high > 0 || c.letters() == 0 || bytes.IndexByte(b, ' ') >= 0 || v.spelled {
		return false
	}
	switch v.link {
	case byOperator:
		return s.company(v.from) || !titled(b, c) && s.alone(v, c) || !titled(b, c) && s.owned(v) && (v.quoted || v.tight && !v.colon || (v.colon || s.leftmost(v)) && s.endsLine(v.to))
	case byPlace:
		return (v.quoted || s.endsLine(v.to) && s.follows(v.cue)) && s.company(v.from) || v.quoted && isUpper(s.text[v.cue])
	}
	return false
}

// alone reports whether a value is all that its line, or its member, has
// beside the name, as in a file of settings.
func (s *scan) alone(v value, c content) bool {
	if about(s.text[s.cueStart(v.cue):v.cue], labels) {
		return false
	}
	if !v.colon {
		return s.leftmost(v) && s.endsLine(v.to)
	}
	if c.upper > 0 || c.lower < 6 {
		return false
	}
	if v.quoted {
		return v.to+1 >= len(s.text) || membersEnd.has(s.text[v.to+1])
	}
	return s.endsLine(v.to) && s.leftmost(v)
}

var membersEnd = setOf(",}\n\r")

// follows reports whether a cue stands where files that part words by spaces
// have it: first in its line, or behind an account.
func (s *scan) follows(cue int) bool {
	line := s.text[max(0, cue-maxSetting):cue]
	line = bytes.TrimRight(line[bytes.LastIndexByte(line, '\n')+1:], " \t")
	if len(line) == 0 {
		return true
	}
	line = bytes.TrimRight(line[:bytes.LastIndexByte(line, ' ')+1], " \t")
	switch string(line[bytes.LastIndexByte(line, ' ')+1:]) {
	case "login", "user", "username", "account":
		return true
	}
	return false
}

// labels are the words before a cue that name a field of a form and nothing
// that has a password.
var labels = listOf("confirm", "repeat", "retype", "again", "verify", "old", "new", "current", "enter", "your", "login", "label", "text", "title", "field", "form", "page", "button")

// owned reports whether the name has, before the cue, what the password is of.
func (s *scan) owned(v value) bool {
	before := s.text[s.cueStart(v.cue):v.cue]
	c := contentOf(before)
	return c.letters() > 1 && !about(before, labels)
}

// leftmost reports whether the name begins a line, as settings do and code in
// a function does not.
func (s *scan) leftmost(v value) bool {
	at := s.cueStart(v.cue)
	for v.colon && at > 0 && s.text[at-1] == ' ' {
		at--
	}
	return at == 0 || s.text[at-1] == '\n'
}

// endsLine reports whether a line ends at at, but for a quote.
func (s *scan) endsLine(at int) bool {
	if at < len(s.text) && isQuote(s.text[at]) {
		at++
	}
	at = skip(s.text, at, &blanks, 8)
	return at == len(s.text) || s.text[at] == '\n' || s.text[at] == '\r' || s.text[at] == '#'
}

// weak are the cues that are words for other things too.
func weak(cue string) bool { return cue == "pass" || cue == "pw" || cue == "mdp" || cue == "passcode" }

// otherwise reports whether a weak cue is a word of another meaning: in prose,
// or as the verdict of a test ("PASS: …").
func (s *scan) otherwise(v value, cue string) bool {
	if v.link == byPlace && s.endsLine(v.to) && s.follows(v.cue) && s.company(v.cue) {
		return false
	}
	if v.link != byOperator {
		return !v.option
	}
	caps := cue == "pass" && isUpper(s.text[v.cue+1]) && s.cueStart(v.cue) == v.cue
	return v.colon && (caps || qualified(s.text, v.cue))
}

// qualified reports whether a word stands before the one at at, as in "boarding
// pass", and no option of a command.
func qualified(b []byte, at int) bool {
	if at < 2 || b[at-1] != ' ' || !isLetter(b[at-2]) {
		return false
	}
	word := bytes.LastIndexByte(b[max(0, at-24):at-1], ' ')
	return b[max(0, at-24)+word+1] != '-'
}

func passwordScore(c content, v value, size int) int {
	mixed := c.digits > 0 && c.letters() > 0 || c.symbols > 0 && c.letters() > 2 || c.marks > 0 && c.digits > 2
	switch {
	case v.link == byPlace:
		return c.placeScore(size)
	case v.link == byArgument && v.spelled:
		return hinted
	case v.phrase && v.quoted && size >= 8:
		return assigned
	case c.joins > 0 && holdsSpaces(c, size):
		return hinted
	case v.link == byVerb:
		if mixed || c.digits >= 6 && c.digits == size || v.quoted && size >= 5 {
			return assigned
		}
		return 0
	case mixed && size >= 5, c.digits == size && size >= 4 && !v.weak:
		return assigned
	case c.changes >= 2 && size >= 8, v.quoted && !v.colon && v.link != byPlace && size >= 4, v.tight && !v.colon && size >= 6 && c.joins == 0:
		return dataclass.Likely
	case size >= 6:
		return hinted
	}
	return 0
}

// placeScore judges a word that stands behind the cue: only what no language
// writes as a word will do.
func (c content) placeScore(size int) int {
	if c.letters() > 0 && size >= 6 && (c.digits >= 2 || c.digits == 1 && c.marks > 0 || c.marks > 0 && size >= 8) {
		return assigned
	}
	return 0
}

// located reports whether b is like an address of mail, or a path.
func located(b []byte) bool {
	at := bytes.IndexByte(b, '@')
	return at > 0 && bytes.IndexByte(b[at:], '.') > 0 || bytes.ContainsAny(b, "/([")
}

func holdsSpaces(c content, size int) bool { return c.joins > size/3 }

// expression reports whether a value without quotes is code that gets a secret
// and not one: a call, an index, a member.
func (s *scan) expression(v value) bool {
	b := s.text[v.from:v.to]
	if v.quoted {
		c := contentOf(b)
		return bytes.IndexByte(b, ' ') >= 0 && c.marks < 4
	}
	if v.to < len(s.text) && (s.text[v.to] == '(' || s.text[v.to] == '[') {
		return true
	}
	c := contentOf(b)
	for i, x := range b {
		if (x == '(' || x == '[' || x == '{') && i > 0 && isName(b[i-1]) && (c.digits < 2 || i > 3 && run(b, 0, &typeName) >= i) {
			return true
		}
		if x == '.' && i > 0 && i+1 < len(b) && isLetter(b[i-1]) && isLetter(b[i+1]) && c.digits == 0 && c.symbols == 0 {
			return true
		}
	}
	return c.joins > 0 && c.digits == 0 && c.symbols == 0
}

// minGeneric is the shortest token that only its name speaks for.
const minGeneric = 15

// minApart is the shortest where nothing but a space is between the two.
const minApart = 20

// token judges what a name of a token or a key was given.
func (s *scan) token(v value, cue string) {
	b := s.text[v.from:v.to]
	if v.link == byOperator && s.shared(b, v, cue) {
		s.keep(dataclass.Secret, v.from, v.to, assigned, "shared-secret", cue)
		return
	}
	if len(b) < minGeneric || len(b) > maxValue {
		return
	}
	if name := s.text[s.cueStart(v.cue):v.from]; secretKey(b) && (holdsFold(name, "aws") || holdsFold(name, "access")) {
		s.keep(dataclass.AWSSecretKey, v.from, v.to, 80, "aws-secret-key", cue)
		return
	}
	if s.rules.placeholder(b) || s.expression(v) || !random(b) || s.worded(b) || !v.quoted && identifier(b) {
		return
	}
	if cue == "key" && v.from > 0 && s.text[v.from-1] == '>' || bytes.IndexByte(b, '/') > 0 && bytes.IndexByte(b, '.') > 0 {
		return
	}
	if v.link == byPlace && (len(b) < minApart || cue == "key" || cue == "session" || cue == "auth") {
		return
	}
	score := dataclass.Likely
	if ofNoUse(b) || uuid(b) && !s.grants(v) && (cue == "token" || cue == "key" || cue == "session" || cue == "sid" || cue == "auth") {
		score = hinted
	}
	s.keep(dataclass.Secret, v.from, v.to, score, genericRule, cue)
}

// grants reports whether the name of a token says that it opens something.
func (s *scan) grants(v value) bool {
	name := s.text[s.cueStart(v.cue):v.from]
	return holdsFold(name, "token") && (holdsFold(name, "auth") || holdsFold(name, "access") || holdsFold(name, "api"))
}

// shared reports whether a short value is a secret that the two ends of a
// connection share: such as looks drawn, or stands beside its connection.
func (s *scan) shared(b []byte, v value, cue string) bool {
	if len(b) < 6 || len(b) > 24 || cue != "secret" {
		return false
	}
	c := contentOf(b)
	if c.digits == 0 || c.letters() == 0 || c.joins > 0 || c.high > 0 || s.rules.placeholder(b) {
		return false
	}
	if len(b) >= minGeneric {
		return v.quoted && s.cueStart(v.cue) == v.cue && c.changes >= 2 && c.symbols == 0
	}
	return len(b) >= 10 && c.changes >= 4 && entropy(b) > 2.9 || v.quoted && len(b) >= 8 && c.changes >= 2 || s.company(v.from)
}

// identifier reports whether most of a value is words with a capital each, as
// identifiers of programs are.
func identifier(b []byte) bool {
	words, at := 0, 0
	for at < len(b) {
		from := at
		for at++; at < len(b) && isLower(b[at]); at++ {
		}
		if n := at - from; isUpper(b[from]) && n >= 3 || from == 0 && n >= 4 && at < len(b) && isUpper(b[at]) {
			words += n
		}
	}
	return 5*words >= 3*len(b)
}

// worded reports whether a value has words in it that gitleaks takes for a sign
// of a name.
func (s *scan) worded(b []byte) bool {
	if len(b) > 24 && entropy(b) > 4 {
		return false
	}
	for _, words := range s.rules.generic {
		if words.within(b) {
			return true
		}
	}
	return false
}
