package secret

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

const maxUserinfo = 256

// address finds the password in the address of a database, a queue, a
// repository: scheme://user:password@host (RFC 3986 §3.2.1).
func (s *scan) address(start, end int) {
	if start == 0 || !isLetter(s.text[start-1]) && !isDigit(s.text[start-1]) {
		return
	}
	at := authority(s.text[end:min(len(s.text), end+maxUserinfo)])
	if at < 0 {
		return
	}
	info := s.text[end : end+at]
	colon := bytes.IndexByte(info, ':')
	if colon < 0 {
		s.userToken(end, end+at)
		return
	}
	if secret := info[colon+1:]; !s.rules.placeholder(secret) {
		s.keep(dataclass.Password, end+colon+1, end+at, dataclass.VeryLikely, "address-password", "://")
	}
}

// relay finds the password for a relay of mail, [host]:port user:password
// (https://www.postfix.org/SASL_README.html#client_sasl_enable).
func (s *scan) relay(end int) {
	b := s.text[:min(len(s.text), end+maxSetting)]
	at := skip(b, end, &blanks, 8)
	colon := run(b, at, &accountSet)
	if colon == at || colon == len(b) || b[colon] != ':' {
		return
	}
	from, to := unquoted(b, colon+1)
	if to-from >= 4 && !s.rules.placeholder(b[from:to]) {
		s.keep(dataclass.Password, from, to, assigned, "mail-relay", "]:")
	}
}

var accountSet = setOf("A-Za-z0-9_.@+-")

// userToken is a token in place of the user's name, as repositories take them.
func (s *scan) userToken(from, to int) {
	if info := s.text[from:to]; len(info) >= 20 && random(info) {
		s.keep(dataclass.Secret, from, to, assigned, "address-token", "://")
	}
}

// authority is the offset of the @ behind user information; -1 where there is
// none before the path begins.
func authority(b []byte) int {
	last := -1
	for i, c := range b {
		switch {
		case c == '@':
			last = i
		case isSpace(c) || c == '"' || c == '\'' || c == '`' || c == '<' || c == '/' || c == '?' || c == '#':
			return last
		}
	}
	return last
}
