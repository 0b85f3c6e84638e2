package identifier

import (
	"bytes"
	"sync"

	"github.com/writ-project/writ/internal/dataclass"
)

// maxURL bounds how far a URL is followed; what is longer is taken in parts.
const maxURL = 2048

// url reads the URL around "://" and returns where to go on: inside it, for its
// path and query may hold identifiers.
func (s *scanner) url(at int) int {
	b, start := s.b, at
	for start > 0 && at-start < 12 && (isAlnum(b[start-1]) || b[start-1] == '+') {
		start--
	}
	if start == at || at < s.urlEnd {
		return at + 3
	}
	end := urlEnd(b, at+3)
	if end <= at+3 {
		return at + 3
	}
	s.urlEnd = end
	s.emit(dataclass.Finding{Entity: dataclass.URL, Start: start, End: end, Score: 90, Detector: detector})
	return at + 3
}

// urlEnd is where a URL ends: before a space, a quote or a bracket, and without
// the punctuation of the sentence around it.
func urlEnd(b []byte, i int) int {
	from := i
	for i < len(b) && i-from < maxURL && b[i] > ' ' && !urlStop[b[i]] {
		i++
	}
	for i > from && sentenceMark[b[i-1]] {
		i--
	}
	return i
}

// The characters that end a URL, and those that belong to the sentence around it.
var urlStop, sentenceMark = byteSet("\"'<>`{}|\\^"), byteSet(".,;:!?)]*")

func byteSet(chars string) (t [256]bool) {
	for i := range len(chars) {
		t[chars[i]] = true
	}
	return t
}

// domain reads the name of a host around a dot: www.something, or one under a
// top-level domain that is no file's ending.
func (s *scanner) domain(at int) int {
	b := s.b
	if at < s.urlEnd || at < s.done || at == 0 || at+2 >= len(b) || !isAlnum(b[at-1]) || !isLetter(b[at+1]) || !isLetter(b[at+2]) {
		return at + 1
	}
	start := at
	for start > s.done && at-start < maxLabel && (isAlnum(b[start-1]) || b[start-1] == '-') {
		start--
	}
	if start > 0 && (isWordByte(b[start-1]) || bytes.IndexByte([]byte("./\\@$#"), b[start-1]) >= 0) {
		return at + 1
	}
	end := domainEnd(b, start)
	if end == 0 || end < len(b) && (b[end] == '(' || b[end] == '@' || b[end] == '_' || b[end] == '=' || b[end] == '[') {
		return at + 1
	}
	www := bytes.EqualFold(b[start:at], []byte("www"))
	last := b[start+bytes.LastIndexByte(b[start:end], '.')+1 : end]
	if www && bytes.Count(b[start:end], []byte(".")) < 2 || !www && !isTopLevel(last) {
		return at + 1
	}
	if end < len(b) && b[end] == '/' {
		end = urlEnd(b, end)
	}
	s.urlEnd = end
	s.emit(dataclass.Finding{Entity: dataclass.URL, Start: start, End: end, Score: 65, Detector: detector})
	return at + 1
}

// The top-level domains that a name without a scheme may end in. Those that are
// also endings of files or members of programs (md, py, sh, is, in, to …) are
// left out.
var topLevels = sync.OnceValue(func() map[string]bool {
	set := make(map[string]bool, 128)
	for name := range bytes.FieldsSeq([]byte("com org net edu gov mil int info biz io ai app dev cloud online site store shop blog xyz tech health bank insure " +
		"de fr es it pl nl be se fi dk no ch at pt gr cz sk hu ro bg hr si ie uk us ca mx br ar cl co pe au nz jp cn kr sg hk tw th ph vn my id tr za ng il ae sa ru ua lt lv ee lu eu")) {
		set[string(name)] = true
	}
	return set
})

func isTopLevel(b []byte) bool { return topLevels()[string(b)] }
