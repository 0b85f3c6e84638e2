package secret

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// arguments is which argument of a call is the password, counted from 0.
var arguments = map[string]int{
	".login(": 1, "ftp_login(": 2, "mysqli_connect(": 2, "mysql_connect(": 2, "mysql_pconnect(": 2, "new mysqli(": 2, "mysqli(": 2, "pdo(": 2, "getconnection(": 2, "auth=(": 1, "basicauth(": 1, "basic_auth(": 1,
	"db.auth(": 1, "networkcredential(": 1, "setbasicauth(": 1, "plainauth(": 2, "usernamepasswordcredentials(": 1, "passwordauthentication(": 1, "imap_open(": 2, "ftp(": 2, "securestring ": 0,
}

const (
	maxCall     = 384 // how far into the arguments of a call is read
	maxPassword = 128
)

// call finds the password among the arguments of a call that takes one in a
// known place.
func (s *scan) call(word string, end int) {
	if end < s.last[ownCall] {
		return
	}
	b := s.text[:min(len(s.text), end+maxCall)]
	at, depth, number := end, 0, 0
	for ; at < len(b) && number < arguments[word] && depth >= 0; at++ {
		switch c := b[at]; {
		case isQuote(c):
			at = quoteEnd(b, at)
		case c == ',' && depth == 0:
			number++
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']' || c == ';':
			depth--
		}
	}
	s.last[ownCall] = at
	at = skip(b, at, &gaps, 12)
	if number < arguments[word] || at >= len(b) || !isQuote(b[at]) {
		return
	}
	from, to := at+1, quoteEnd(b, at)
	if v := b[min(from, to):to]; to < len(b) && len(v) >= 4 && len(v) <= maxPassword && !s.rules.placeholder(v) && bytes.IndexByte(v, ' ') < 0 && !holdsFold(v, "passw") {
		s.keep(dataclass.Password, from, to, assigned, "call-password", word)
	}
}

// quoteEnd is where the quotation that begins at at ends.
func quoteEnd(b []byte, at int) int {
	stop := at + 1
	for stop < len(b) && b[stop] != b[at] && b[stop] != '\n' {
		stop++
	}
	return stop
}
