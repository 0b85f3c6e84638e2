package secret

import "bytes"

// How markup gives a value to a name: as the text of an element, as an
// attribute, as the attribute beside the one that holds the name.

const maxTag = 96 // what of a tag is read

// opensElement reports whether the name that has the cue in it is an element's.
func (s *scan) opensElement(cue int) bool {
	at := s.cueStart(cue)
	return at > 0 && s.text[at-1] == '<'
}

// element reads the text of the element whose tag at lies in, or stands before.
func (s *scan) element(v value, at int) (value, bool) {
	tag := s.text[at:min(len(s.text), at+maxTag)]
	end := bytes.IndexByte(tag, '>')
	if end < 0 || end > 0 && tag[end-1] == '/' {
		return v, false
	}
	v.link, v.text = byOperator, true
	at += end + 1
	if hasFold(s.text[at:], "<value>") {
		at += len("<value>")
	}
	return s.given(v, at)
}

// listed reads the element that follows the one that holds the name, as in
// property lists.
func (s *scan) listed(v value, at int) (value, bool) {
	v, ok := s.element(v, skip(s.text, at, &gaps, 12))
	v.quoted = true
	return v, ok
}

// attribute reports whether the name that has the cue in it is all of an
// attribute's value, between two of the quote.
func (s *scan) attribute(cue int, quote byte) bool {
	at := s.cueStart(cue)
	return at > 1 && s.text[at-1] == quote && s.text[at-2] == '='
}

// named reports whether the attribute that b ends with names its element.
func named(b []byte) bool {
	return bytes.HasSuffix(b, []byte("name=")) || bytes.HasSuffix(b, []byte("key="))
}

// attributed reads the attribute "value" that follows the one that names it.
func (s *scan) attributed(v value, name int) (value, bool) {
	tag := s.text[name:min(len(s.text), name+maxTag)]
	if end := bytes.IndexAny(tag, "<>\n"); end >= 0 {
		tag = tag[:end]
	}
	at := bytes.IndexByte(tag, ' ')
	if at < 0 && len(tag) == 1 && named(s.text[:s.cueStart(name)-1]) {
		return s.element(v, name)
	}
	if at < 0 || !hasFold(tag[at+1:], "value=") {
		return v, false
	}
	v.link = byOperator
	return s.given(v, name+at+1+len("value="))
}
