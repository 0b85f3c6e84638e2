package secret

import (
	"bytes"
	"slices"
)

// link is how a name and a value are tied together, surest first.
type link uint8

const (
	noLink link = iota
	byOperator
	byArgument // the next argument of a call, or the next word of a command
	byVerb     // is, are, to: in prose
	byPlace    // nothing but a space: prose, or a list of words
)

// value is what a name was given.
type value struct {
	from, to int
	quoted   bool
	link     link
	colon    bool // by a colon, as prose and translations have it too
	tight    bool // nothing between the operator and the value
	cue      int  // where the cue begins
	coded    bool // by an operator of programs: what is no literal is computed
	text     bool // by the end of a tag
	broken   bool // a line ends between the two
	weak     bool // the cue is a word for other things too
	spelled  bool // the value has the cue in it
	phrase   bool // the cue is one of several words
	option   bool // the cue is an option of a command
	open     bool // the text ends before it does
}

// value follows what may stand between a name and its value.
func (s *scan) value(name, cue int) (value, bool) {
	b := s.text
	at := skip(b, name, &closers, 4)
	at = skip(b, at, &blanks, 8)
	v := value{open: at == len(b)}
	if v.open {
		return v, false
	}
	switch c := b[at]; {
	case c == '<' && hasFold(b[at:], "</key>"):
		return s.listed(v, at+len("</key>"))
	case name > 0 && isQuote(b[name]) && s.attribute(cue, b[name]):
		return s.attributed(v, name)
	case (at > name || c == '>') && s.opensElement(cue):
		return s.element(v, at)
	case c == '(' && at == name && at+1 < len(b) && isQuote(b[at+1]) && s.setter(name, cue):
		at, v.link = at+1, byArgument
	case c == '-' && at+1 < len(b) && isLetter(b[at+1]), (c == '>' || c == '-' && at+1 < len(b) && b[at+1] == '>') && (at > name && b[at-1] == ' ') == (c == '>'), c == '|' && !blankBeside(b, at):
	case c == '=' || c == ':' || c == '?' || c == '|' || c == '>' || c == '-' || c == '<' || c == '+':
		begins := at
		at, v.colon = operator(b, at)
		v.link, v.coded = byOperator, at-begins == 2 && (b[begins] == ':' && !isUpper(b[cue-1]) || b[begins] == '|' || b[begins] == '+') || at-begins == 3 && b[begins] == '='
		v.text = b[begins] == '>'
	case c == ',' && s.literal(name, cue):
		at, v.link = at+1, byArgument
	default:
		at, v.link = s.verb(at, name, cue)
		v.option = v.link == byArgument
		if v.link == byPlace && s.environment(cue) {
			v.link, v.tight = byOperator, at-name == 1
		}
	}
	if v.link == noLink || at > len(b) {
		v.open = verbBegins(b[name:])
		return v, false
	}
	return s.given(v, at)
}

// wordEnd is where a value without quotes ends that begins at from. Where names
// stand in the value of another they share its end, which is looked for once.
func (s *scan) wordEnd(from int) int {
	b := s.text
	if from < s.word.from || from > s.word.to {
		s.word.from, s.word.to = from, from
	}
	to := s.word.to
	for to < len(b) && to-from < maxValue && (!stops(b[to]) || b[to] == '&' && !parameter(b[to+1:])) {
		to++
	}
	s.word.to = to
	return min(to, from+maxValue)
}

// literal reports whether the name is a literal that a list of arguments begins
// with, or an option among those of a command.
func (s *scan) literal(name, cue int) bool {
	at := s.cueStart(cue)
	if at < 2 || !isQuote(s.text[name]) || s.text[at-1] != s.text[name] {
		return false
	}
	before := at - 2
	for before > 0 && at-before < 12 && isSpace(s.text[before]) {
		before--
	}
	return s.text[before] == '(' || s.text[at] == '-'
}

// environment reports whether the name is set as the recipes of containers do
// (https://docs.docker.com/reference/dockerfile/#env).
func (s *scan) environment(cue int) bool {
	start := s.cueStart(cue)
	return start >= 4 && string(s.text[start-4:start]) == "ENV "
}

// setter reports whether a name that ends with the cue takes the secret when it
// is called: password(…), setPassword(…), with_password(…).
func (s *scan) setter(name, cue int) bool {
	return name == cue && !about(s.text[s.cueStart(cue):cue], askers)
}

// askers are what functions do with a password other than to take it.
var askers = listOf("find", "get", "user", "check", "verify", "validate", "hash", "encrypt", "decrypt", "compare", "match", "is", "change", "reset", "generate", "read", "parse", "test")

// blankBeside reports whether white space parts the bar at at from what stands
// beside it, as in a table; with two bars, an alternative is given.
func blankBeside(b []byte, at int) bool {
	return at > 0 && b[at-1] == ' ' || at+1 < len(b) && (b[at+1] == ' ' || b[at+1] == '|')
}

// given reads the value itself.
func (s *scan) given(v value, at int) (value, bool) {
	b := s.text
	from := skip(b, at, &gaps, 12)
	v.tight = from == at
	quote := byte(0)
	if from < len(b) && b[from] == '\\' {
		from++
	}
	if from < len(b) && (b[from] == '"' || b[from] == '\'' || b[from] == '`') {
		quote = b[from]
		from++
	}
	stop := s.wordEnd(from)
	if quote != 0 {
		stop = quoteEnd(b[:min(len(b), from+maxValue)], from-1)
	}
	v.from, v.to, v.quoted, v.open = from, stop, quote != 0, stop == len(b)
	v.broken = bytes.IndexByte(b[at:from], '\n') >= 0
	if !v.quoted && s.elsewhere(v, stop) {
		return v, false
	}
	if stop == len(b) || !v.quoted {
		v.to = trimmed(b, from, stop, v.link)
	} else if b[stop] != quote {
		return v, false
	}
	if v.quoted && v.to > v.from && b[v.to-1] == '\\' {
		v.to--
	}
	return v, v.to > v.from && (v.link != byArgument || !names(b, stop))
}

// elsewhere reports whether what is not in quotes cannot be the value: the
// argument of a call, an expression, text that no tag ends, the next line.
func (s *scan) elsewhere(v value, stop int) bool {
	b := s.text
	switch {
	case stop < len(b) && b[stop] == '>' && stop > v.from && b[stop-1] == '-': // a member of what a pointer points to
		return true
	case v.coded || v.link == byArgument && b[v.from-1] != ' ' || v.link == byArgument && !v.option:
		return true
	case v.text:
		return stop < len(b) && b[stop] != '<' && b[stop] != '\n' && b[stop] != '\r'
	case v.broken:
		return stop > v.from && !isWord(b[v.from]) || !s.endsLine(stop)
	case stop > v.from && openers.has(b[v.from]):
		return contentOf(b[v.from:min(stop, v.from+maxSetting)]).digits == 0
	}
	return false
}

var openers = setOf("$@&*([{:")

// names reports whether what ends with the quote at at is the name of a member.
func names(b []byte, at int) bool {
	at = skip(b, min(len(b), at+1), &blanks, 4)
	return at < len(b) && b[at] == ':'
}

// parameter reports whether b begins as the next parameter of an address does.
func parameter(b []byte) bool {
	n := runUpTo(b, 0, &nameGap, nameSpan)
	return len(b) == 0 || n < len(b) && b[n] == '=' && n > 0
}

func stops(c byte) bool {
	return isSpace(c) || c == '"' || c == '\'' || c == '`' || c == ',' || c == ';' || c == '<' || c == '>' || c == '&' || c == '|'
}

// trimmed is the end of an unquoted value without what belongs to the sentence
// or the brackets around it.
func trimmed(b []byte, from, to int, l link) int {
	open, counted := 0, false
	for ; to > from; to-- {
		switch b[to-1] {
		case '.', ':', '\\', '?':
		case ')', ']', '}':
			if !counted {
				open, counted = balance(b[max(from, to-maxNested):to]), true
			}
			if l != byVerb && open >= 0 {
				return to
			}
			open++
		default:
			return to
		}
	}
	return to
}

// balance is how many more brackets b opens than it closes.
func balance(b []byte) int {
	n := 0
	for _, c := range b {
		switch c {
		case '(', '[', '{':
			n++
		case ')', ']', '}':
			n--
		}
	}
	return n
}

var (
	closers = setOf("'\"`)]}*\\")
	blanks  = setOf(" \t")
	gaps    = setOf(" \t\n\r*")
)

func skip(b []byte, at int, set *byteSet, most int) int {
	for n := 0; n < most && at < len(b) && set.has(b[at]); n++ {
		at++
	}
	return at
}

// operator is the end of an operator that assigns, past a type between a colon
// and an equals sign; len(b)+1 where it compares or is none.
func operator(b []byte, at int) (end int, colon bool) {
	stop := at
	for stop < len(b) && stop-at < 4 && (b[stop] == '=' || b[stop] == ':' || b[stop] == '?' || b[stop] == '|' || b[stop] == '>' || b[stop] == '-' || b[stop] == '<' || b[stop] == '+') {
		stop++
	}
	switch string(b[at:stop]) {
	case "=", "==", "===", ":=", "::=", ":::=", "?=", "=>", "->", "||", "|", ">", "-->", "||=", "+=", "-":
		return stop, false
	case ":":
		return typed(b, stop), true
	case "::", "?:":
		return stop, true
	case "=<", "=-":
		return at + 1, false
	}
	return len(b) + 1, false
}

// typed skips a type of a declaration: ": string =".
func typed(b []byte, at int) int {
	p := skip(b, at, &blanks, 4)
	q := run(b[:min(len(b), p+32)], p, &typeName)
	if q == p {
		return at
	}
	q = skip(b, q, &blanks, 2)
	if q+1 < len(b) && b[q] == '=' && b[q+1] != '=' && b[q+1] != '\n' && b[q+1] != '\r' {
		return q + 1
	}
	return at
}

var typeName = setOf("A-Za-z0-9_.[]?<>")

// verbs are the words of prose between a name and its value; each is followed
// by a space.
var verbs = []string{"is now", "is", "was", "are", "will be", "to", "as", "equals", "ist", "lautet", "war", "est", "es", "era", "é", "è", "jest", "brzmi", "to jest", "är", "er", "is:", "on", "je", "は", "是", "为", "：", "は、"}

// verbBegins reports whether b is blank but for the beginning of a verb.
func verbBegins(b []byte) bool {
	at := skip(b, 0, &blanks, 8)
	for _, v := range verbs {
		if rest := b[at:]; len(rest) <= len(v) && hasFold([]byte(v), string(rest)) {
			return true
		}
	}
	return false
}

// verb is where a value may begin behind a name without an operator: behind a
// verb, or as the next word of a command.
func (s *scan) verb(at, name, cue int) (int, link) {
	b := s.text
	if at == len(b) || at == name && b[at] < 0x80 {
		return 0, noLink
	}
	for _, v := range verbs {
		if hasFold(b[at:], v) && at+len(v) < len(b) {
			if next := b[at+len(v)]; next == ' ' || next == ':' {
				return at + len(v) + 1, byVerb
			}
			if v[0] >= 0xe0 {
				return at + len(v), byVerb
			}
		}
	}
	start := cue
	for start > 0 && cue-start < nameSpan && isName(b[start-1]) {
		start--
	}
	if b[start] == '-' && at == name+1 {
		return at, byArgument
	}
	if value, ok := phrase(b, at); ok {
		return value, byVerb
	}
	if b[at-1] != ' ' && b[at-1] != '\t' || isQuote(b[name]) && !isQuote(b[at]) {
		return 0, noLink
	}
	return at, byPlace
}

// prepositions begin what a secret is for; maxPhrase is how long that may be.
var prepositions = []string{"for ", "of ", "to ", "on ", "at ", "für ", "zum ", "von ", "para ", "de ", "del ", "pour ", "du ", "do ", "dla "}

const maxPhrase = 48

// phrase is where the value may begin in "for the network upstairs is …".
func phrase(b []byte, at int) (int, bool) {
	b = b[:min(len(b), at+maxPhrase)]
	if !slices.ContainsFunc(prepositions, func(p string) bool { return hasFold(b[at:], p) }) {
		return 0, false
	}
	for p := at; p < len(b) && (isLetter(b[p]) || b[p] == ' ' || b[p] == '-' || b[p] >= 0x80 || b[p] == '\''); p++ {
		if b[p] != ' ' {
			continue
		}
		for _, v := range copulas {
			if hasFold(b[p+1:], v) {
				return p + 1 + len(v), true
			}
		}
	}
	return 0, false
}

var copulas = []string{"is ", "is: ", "was ", "ist ", "lautet ", "es ", "est ", "jest ", "to "}
