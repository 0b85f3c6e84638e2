package identifier

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/dataclass"
)

// The most a local part and a domain may have (RFC 5321 section 4.5.3.1).
const (
	maxLocal  = 64
	maxDomain = 253
	maxLabel  = 63
)

// mail reads what an @ may belong to: an e-mail address or the mention of a
// user.
func (s *scanner) mail(at int) {
	start := s.local(at)
	if start == at {
		s.mention(at)
		return
	}
	end := domainEnd(s.b, at+1)
	if end == 0 || s.inUserinfo(start) {
		return
	}
	f := dataclass.Finding{Entity: dataclass.Email, Start: start, End: end, Score: 95, Detector: detector, Check: "domain"}
	if fileEnding(s.b[at+1 : end]) {
		f.Score = 40 // icon@2x.png
	}
	s.emit(f)
}

// inUserinfo reports whether the part before an @ is the user and password of a
// URL, which are no mailbox.
func (s *scanner) inUserinfo(start int) bool {
	if start >= s.urlEnd {
		return false
	}
	i := bytes.LastIndex(s.b[max(0, start-2*maxLocal):start], []byte("//"))
	return i >= 0 && !bytes.ContainsAny(s.b[max(0, start-2*maxLocal)+i+2:start], "/?# ")
}

// local is where the local part before the @ begins, or at.
func (s *scanner) local(at int) int {
	b, i := s.b, at
	for i > 0 && at-i < maxLocal {
		c := b[i-1]
		if c < 0x80 {
			if !localByte[c] {
				break
			}
			i--
			continue
		}
		r, n := utf8.DecodeLastRune(b[max(0, i-utf8.UTFMax):i])
		if !unicode.IsLetter(r) || r >= 0x2E80 {
			break
		}
		i -= n
	}
	if at > 0 && b[at-1] == '.' {
		return at
	}
	for i < at && (b[i] == '.' || b[i] == '\'' || b[i] == '-' || b[i] == '+') {
		i++
	}
	return i
}

var localByte = func() (t [utf8.RuneSelf]bool) {
	for c := range t {
		t[c] = isAlnum(byte(c))
	}
	for _, c := range "._%+'-" {
		t[c] = true
	}
	return t
}()

// domainEnd is where the domain that begins at the offset ends, or 0: labels
// with dots between them, the last one of letters.
func domainEnd(b []byte, start int) int {
	i, label, end := start, start, 0
	for i <= len(b) && i-start <= maxDomain {
		n := domainChar(b, i)
		if n > 0 {
			i += n
			continue
		}
		if i == label || i-label > maxLabel || b[label] == '-' {
			break
		}
		if label > start && topLevel(b[label:i]) && !isWordAt(b, i) {
			end = i
		}
		if i >= len(b) || b[i] != '.' {
			break
		}
		i++
		label = i
	}
	return end
}

// domainChar is how many bytes of a label's character stand at the offset.
func domainChar(b []byte, i int) int {
	if i >= len(b) {
		return 0
	}
	if c := b[i]; c < 0x80 {
		if isAlnum(c) || c == '-' {
			return 1
		}
		return 0
	}
	r, n := utf8.DecodeRune(b[i:])
	if unicode.IsLetter(r) || unicode.Is(unicode.Mn, r) {
		return n
	}
	return 0
}

func isWordAt(b []byte, i int) bool { return i < len(b) && (b[i] == '_' || b[i] == '@') }

// topLevel reports whether a label can be a top-level domain: letters only, or
// an internationalised one.
func topLevel(b []byte) bool {
	if len(b) >= 5 && string(b[:4]) == "xn--" {
		return true
	}
	if len(b) < 2 || len(b) > 24 {
		return false
	}
	for _, c := range b {
		if c < 0x80 && !isLetter(c) {
			return false
		}
	}
	return true
}

// fileEnding reports whether a domain is rather the name of a picture or script.
func fileEnding(domain []byte) bool {
	switch string(domain[bytes.LastIndexByte(domain, '.')+1:]) {
	case "png", "jpg", "jpeg", "gif", "svg", "webp", "js", "ts", "css", "json", "html", "php", "py", "go", "rb", "yml", "yaml", "md", "txt", "service", "timer":
		return true
	}
	return false
}

// mention reads @name. Annotations, packages and decorators of programs begin
// the same way, so that a name without a digit or underscore needs a cue.
func (s *scanner) mention(at int) {
	b := s.b
	if at > 0 && (isWordByte(b[at-1]) || b[at-1] == '/' || b[at-1] == '.' || b[at-1] == '@' || b[at-1] == '[') {
		return
	}
	end := at + 1
	for end < len(b) && end-at <= 31 && (isAlnum(b[end]) || b[end] == '_' || b[end] == '.') {
		end++
	}
	for end > at+1 && b[end-1] == '.' {
		end--
	}
	name := b[at+1 : end]
	if len(name) < 3 || len(name) > 30 || !isLetter(name[0]) || end < len(b) && (b[end] == '(' || b[end] == '/' || b[end] == '-' || b[end] == '@') {
		return
	}
	f := dataclass.Finding{Entity: dataclass.Username, Start: at + 1, End: end, Score: 40, Detector: detector}
	if cue, ok := s.speaks(s.look(at), forUsernameMention, end, 32); ok {
		f.Score, f.Cue = 80, cue
	} else if digitIn(name) || bytes.IndexByte(name, '_') > 0 {
		f.Score = 65
	}
	s.emit(f)
}
