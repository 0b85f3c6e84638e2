package secret

import "bytes"

// A password that is a word is told from a word by its company: beside one
// stand the host, the port or the account that it opens, with values as
// machines have them. What was found is kept per block, so that each block of
// the text is looked at once.
const (
	companyBlock = 256
	maxSetting   = 64 // the longest value of such a setting
)

// span is a part of the text.
type span struct{ from, to int }

// block is what is known about one block of the text.
type block struct {
	number int // one more than the block's; 0: none
	served bool
}

// company reports whether the settings of a connection stand near.
func (s *scan) company(at int) bool {
	for n := max(0, at/companyBlock-1); n <= at/companyBlock+1; n++ {
		known := &s.blocks[n%len(s.blocks)]
		if known.number != n+1 {
			*known = block{n + 1, s.served(n * companyBlock)}
		}
		if known.served {
			return true
		}
	}
	return false
}

func (s *scan) served(from int) bool {
	for at := from; at < min(len(s.text), from+companyBlock); at++ {
		if !wordBegins(s.text, at) {
			continue
		}
		if w := settingAt(s.text[at:]); w != "" && s.setting(w, at+len(w)) {
			return true
		}
	}
	return false
}

// wordBegins reports whether a word begins at at, also within a name.
func wordBegins(b []byte, at int) bool {
	return isLetter(b[at]) && (at == 0 || !isLetter(b[at-1]) || isUpper(b[at]) && isLower(b[at-1]))
}

// settingAt is the name of a setting of connections that b begins with.
func settingAt(b []byte) string {
	for _, w := range settings[lower(b[0])&31] {
		if hasFold(b, w) && endsWord(b[len(w):], b[:len(w)]) {
			return w
		}
	}
	return ""
}

// settings are the names of such settings, by their first letter.
var settings = [32][]string{
	'a' & 31: {"account", "address"},
	'h' & 31: {"hostname", "host"},
	'i' & 31: {"ipaddr"},
	'l' & 31: {"login"},
	'm' & 31: {"machine"},
	'p' & 31: {"port", "poll"},
	's' & 31: {"server"},
	't' & 31: {"target"},
	'u' & 31: {"username", "userid", "user", "uid", "url"},
}

var settingGap = setOf("\"'=:> \t")

// setting reports whether what follows the name of a setting is a value that a
// machine would take, and not its translation.
func (s *scan) setting(name string, at int) bool {
	b := s.text
	from := at
	for from < len(b) && from-at < 8 && settingGap.has(b[from]) {
		from++
	}
	assigns := bytes.ContainsAny(b[at:from], "=:>")
	stop := from
	for stop < len(b) && stop-from < maxSetting && !stops(b[stop]) && b[stop] != ')' && b[stop] != '}' {
		stop++
	}
	v, quoted := b[from:stop], from > 0 && isQuote(b[from-1])
	if from == at || len(v) < 2 {
		return false
	}
	switch name {
	case "port":
		return assigns && len(v) <= 5 && contentOf(v).digits == len(v)
	case "username", "userid", "user", "uid", "login", "account":
		return account(v, quoted) && (assigns || bytes.IndexByte(v, '@') > 0) && !s.rules.placeholder(v)
	}
	first := at == len(name) || at > len(name) && b[at-len(name)-1] == '\n'
	return (assigns || quoted || first || name == "machine" || name == "poll") && hostLike(v, quoted)
}

// account reports whether a value is like the name of an account.
func account(v []byte, quoted bool) bool {
	if !isLower(v[0]) && !isDigit(v[0]) {
		return false
	}
	if run(v, 0, &accountSet) < len(v) {
		return false
	}
	return quoted || bytes.IndexByte(v, '.') < 0 || bytes.IndexByte(v, '@') > 0
}

// hostLike reports whether a value is like the name or address of a host.
func hostLike(v []byte, quoted bool) bool {
	if hasFold(v, "localhost") || bytes.Contains(v, []byte("://")) {
		return true
	}
	dot := bytes.LastIndexByte(v, '.')
	if dot < 1 || dot == len(v)-1 {
		return false
	}
	last, _, _ := bytes.Cut(v[dot+1:], []byte(":"))
	return quoted || bytes.IndexByte(v[:dot], '.') > 0 || len(last) <= 3
}
