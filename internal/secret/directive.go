package secret

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// maxDirective is the longest line of a configuration that is read for one.
const maxDirective = 256

// directive finds the secret in a line of a configuration that parts its words
// by spaces and no more: of directory servers, caches, SNMP, routers.
func (s *scan) directive(word string, start, end int) {
	if start < s.last[ownDirective] || !s.leadsLine(start) {
		return
	}
	line := s.restOfLine(end)
	at := skip(line, 0, &blanks, 8)
	if word == "radius-server " || word == "tacacs-server " {
		key := bytes.Index(line, []byte("key "))
		if key < 0 {
			return
		}
		at = key + len("key ")
	}
	for at+1 < len(line) && line[at] == '-' && line[at+1] == '-' {
		at = nextWord(line, at)
	}
	if word == "com2sec" || word == "createuser" {
		at = nextWord(line, nextWord(line, at))
	}
	s.directed(word, line, at, end)
}

// directed judges the word of the line at at.
func (s *scan) directed(word string, line []byte, at, end int) {
	sealed := at+1 < len(line) && isDigit(line[at]) && line[at+1] == ' '
	if sealed {
		at += 2
	}
	from, to := unquoted(line, at)
	v := line[from:to]
	rest := bytes.TrimLeft(line[min(len(line), to+1):], " \t")
	if len(v) < 4 || s.rules.placeholder(v) || !sealed && !endsDirective(rest) {
		return
	}
	if c := contentOf(v); word[0] == 'e' && !sealed && c.letters() == len(v) { // "enable secret rotation"
		return
	}
	s.last[ownDirective] = end + to
	s.keep(dataclass.Password, end+from, end+to, assigned, "configuration-directive", word)
}

// sealedWord finds a secret behind its kind of encryption, as routers write it:
// 0 is none, 5, 8 and 9 are hashes, 6 and 7 can be undone.
func (s *scan) sealedWord(word string, end int) {
	line := s.restOfLine(end)
	from, to := unquoted(line, 0)
	v := line[from:to]
	if len(v) < 4 || s.rules.placeholder(v) {
		return
	}
	c := contentOf(v)
	ok := false
	switch word[len(word)-2] {
	case '0':
		ok = endsDirective(bytes.TrimLeft(line[to:], " \t"))
	case '7':
		ok = len(v) >= 6 && len(v)%2 == 0 && isDigit(v[0]) && isDigit(v[1]) && run(v, 0, &hexDigits) == len(v)
	default:
		ok = v[0] == '$' && len(v) >= 12 || c.changes >= 4 && len(v) >= 20
	}
	if ok {
		s.keep(dataclass.Password, end+from, end+to, assigned, "configuration-directive", word)
	}
}

var hexDigits = setOf("0-9A-Fa-f")

// leadsLine reports whether nothing but what introduces a directive stands
// before it in its line.
func (s *scan) leadsLine(start int) bool {
	from := start
	for from > 0 && start-from < 24 && s.text[from-1] != '\n' {
		from--
	}
	switch before := string(bytes.TrimSpace(s.text[from:start])); before {
	case "", "set", "/msg", "crypto", "--", "'", "\"":
		return true
	default:
		return len(before) > 2 && before[len(before)-2:] == "--"
	}
}

// endsDirective reports whether a line may end with what is left of it: what
// follows a secret there are addresses, rights, and the end of a block.
func endsDirective(rest []byte) bool {
	if len(rest) == 0 || !isLetter(rest[0]) {
		return true
	}
	for _, w := range afterDirective {
		if hasFold(rest, w) {
			return true
		}
	}
	return false
}

var afterDirective = []string{"ro", "rw", "aes", "des", "default", "view", "authorization", "address", "ipv6", "level", "access", "version"}

func (s *scan) restOfLine(at int) []byte {
	line := s.text[at:min(len(s.text), at+maxDirective)]
	if stop := bytes.IndexByte(line, '\n'); stop >= 0 {
		line = line[:stop]
	}
	return line
}

func nextWord(line []byte, at int) int {
	for at < len(line) && !isSpace(line[at]) {
		at++
	}
	return skip(line, at, &blanks, 16)
}

// unquoted is the word at at, without the quotes around it.
func unquoted(line []byte, at int) (from, to int) {
	from = min(at, len(line))
	quote := byte(0)
	if from < len(line) && isQuote(line[from]) {
		quote = line[from]
		from++
	}
	for to = from; to < len(line); to++ {
		if c := line[to]; quote != 0 && c == quote || quote == 0 && (isSpace(c) || c == ';' || c == '\'' || c == '"' || c == '|') {
			break
		}
	}
	return from, to
}
