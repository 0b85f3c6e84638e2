package secret

import (
	"encoding/base64"

	"github.com/writ-project/writ/internal/dataclass"
)

const minBearer = 16

var token68 = setOf("A-Za-z0-9._~+/=-")

// scheme finds what follows the name of an authentication scheme (RFC 7617,
// RFC 6750, RFC 7616) or the name of the header alone.
func (s *scan) scheme(start, end int) {
	if start < s.last[ownScheme] || start > 0 && isWord(s.text[start-1]) || end >= len(s.text) {
		return
	}
	switch lower(s.text[start]) {
	case 'a':
		s.authorization(end)
	case 'b':
		at := end
		for at < len(s.text) && at < end+3 && (s.text[at] == ' ' || s.text[at] == '\t') {
			at++
		}
		if at == end {
			return
		}
		if end-start == len("basic") {
			s.basic(at)
			return
		}
		s.bearer(at)
	}
}

func (s *scan) bearer(at int) {
	stop := runUpTo(s.text, at, &token68, maxToken)
	for stop > at && s.text[stop-1] == '.' {
		stop--
	}
	value := s.text[at:stop]
	if c := contentOf(value[:min(len(value), maxPlain)]); len(value) < minBearer || c.digits == 0 || c.letters() == 0 {
		return
	}
	if len(value) <= maxPlain && s.rules.placeholder(value) || entropy(value) < 3 {
		return
	}
	s.keep(dataclass.Secret, at, stop, dataclass.VeryLikely, "bearer-token", "bearer")
}

const maxBasic = 512

// basic finds the base64 of user:password.
func (s *scan) basic(at int) {
	stop := at
	for stop < len(s.text) && stop-at <= maxBasic && base64Set.has(s.text[stop]) {
		stop++
	}
	n := stop - at
	if n < 8 || n > maxBasic {
		return
	}
	for stop < len(s.text) && s.text[stop] == '=' {
		stop++
	}
	var room [maxBasic]byte
	n, _ = base64.RawStdEncoding.Decode(room[:], s.text[at:at+n])
	if pair(room[:n]) {
		s.keep(dataclass.Secret, at, stop, 90, "basic-auth", "basic")
	}
}

// pair reports whether b is printable, with something on both sides of a colon.
func pair(b []byte) bool {
	colon := -1
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
		if c == ':' && colon < 0 {
			colon = i
		}
	}
	return colon > 0 && colon < len(b)-1
}

// authorization finds a bare token as the header's value.
func (s *scan) authorization(end int) {
	at := end
	for at < len(s.text) && at < end+8 && (s.text[at] == ':' || s.text[at] == '=' || s.text[at] == ' ' || s.text[at] == '"' || s.text[at] == '\'') {
		at++
	}
	if at == end {
		return
	}
	stop := runUpTo(s.text, at, &token68, maxPlain)
	if stop-at > maxNested {
		s.last[ownScheme] = stop
	}
	if value := s.text[at:stop]; len(value) >= minBearer && len(value) <= maxPlain && random(value) && !s.rules.placeholder(value) {
		s.keep(dataclass.Secret, at, stop, assigned, "authorization-header", "authorization")
	}
}

// prefixed finds a token that says in a prefix whose and of what kind it is, as
// services give them out that want leaks to be found: acme_live_….
func (s *scan) prefixed(start, end int) {
	from := start
	for from > 0 && start-from < 16 && (isLower(s.text[from-1]) || isDigit(s.text[from-1])) {
		from--
	}
	if start-from < 2 || from > 0 && isName(s.text[from-1]) {
		return
	}
	stop := runUpTo(s.text, end, &alphanumeric, maxPlain)
	if v := s.text[end:stop]; len(v) >= 24 && random(v) && entropy(v) > 3.3 && !ofNoUse(s.text[from:stop]) && (stop == len(s.text) || !isName(s.text[stop])) {
		s.keep(dataclass.Secret, from, stop, assigned, "prefixed-token", "")
	}
}

var alphanumeric = setOf("A-Za-z0-9")

// cookie finds the values of cookies in a header (RFC 6265): the ones that
// could be a session.
func (s *scan) cookie(end int) {
	if end < s.last[ownCookie] || end >= len(s.text) || s.text[end] != ':' {
		return
	}
	at := end + 1
	for pairs := 0; pairs < 16 && at < len(s.text); pairs++ {
		for at < len(s.text) && (s.text[at] == ' ' || s.text[at] == ';') {
			at++
		}
		name := run(s.text, at, &cookieName)
		if name == at || name == len(s.text) || s.text[name] != '=' {
			return
		}
		stop := run(s.text, name+1, &cookieValue)
		value := s.text[name+1 : min(stop, name+1+maxPlain)]
		if c := contentOf(value); len(value) >= 12 && c.digits > 0 && c.letters() > 0 && !s.rules.placeholder(value) {
			s.keep(dataclass.Secret, name+1, stop, assigned, "cookie", "cookie")
		}
		at = stop
		s.last[ownCookie] = stop
	}
}

var (
	cookieName  = setOf("A-Za-z0-9!#$%&'*+.^_`|~-")
	cookieValue = setOf("A-Za-z0-9!#$%&'()*+./:<=>?@[]^_`{|}~-")
)
