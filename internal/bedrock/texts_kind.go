package bedrock

import "bytes"

// leastPicture is the length in base64 below which nothing is a picture: a
// string in a picture's place that is shorter is text.
const leastPicture = 64

// kindOf says what a string is at its place, and what of it is to be read. No
// place makes a string less than text unless the string has the form for it.
func (s *spot) kindOf(v []byte) (TextKind, []byte) {
	plain := Prose
	switch s.zone {
	case zoneData:
		return Data, v
	case zoneAsserted:
		return Asserted, v
	case zoneResult:
		plain = Data
	}
	is := s.place.rule
	if s.zone == zoneMedia && s.field == "url" {
		is = asURL
	}
	switch {
	case len(v) == 0:
	case is == asWord && isWord(v):
		return Skipped, v
	case is == asData:
		return Data, v
	case is == asBytes && isBase64(v):
		return Bytes, v
	case is == asURL, is == asImage && bytes.Contains(v[:min(len(v), 16)], []byte(":")):
		return linked(v)
	case is == asImage && len(v) >= leastPicture && isBase64(v):
		return Bytes, v
	case is == asFile:
		return Remote, v
	case is == asS3 && hasPrefixFold(bytes.TrimSpace(v), "s3://"):
		return S3, v
	case is == asOpaque:
		return Opaque, v
	}
	return plain, v
}

// linked tells content that a URL has in itself from content elsewhere. What
// is no URL is content elsewhere too: who knows what the provider makes of it.
func linked(v []byte) (TextKind, []byte) {
	const longestHead = 128
	trimmed := bytes.TrimSpace(v)
	if hasPrefixFold(trimmed, "s3://") {
		return S3, v
	}
	if hasPrefixFold(trimmed, "data:") {
		head, data, ok := bytes.Cut(trimmed, []byte(","))
		if ok && len(head) <= longestHead && bytes.HasSuffix(head, []byte(";base64")) && isHead(head[len("data:"):]) && isBase64(data) {
			return Bytes, data
		}
		return Remote, v
	}
	if len(v) >= leastPicture && isBase64(v) {
		return Bytes, v
	}
	return Remote, v
}

// isHead reports whether the head of a data: URI is nothing but media type and
// parameters.
func isHead(b []byte) bool {
	for _, part := range bytes.Split(b, []byte(";")) {
		for t := range bytes.SplitSeq(part, []byte("=")) {
			if len(t) > 0 && !isWord(bytes.ReplaceAll(t, []byte("+"), []byte("-"))) {
				return false
			}
		}
	}
	return true
}

// isWord reports whether b looks like one of the wire's own words: short, of
// plain characters, with no six digits that are parted by nothing but
// punctuation, in which an identifier could hide, and with no long run of
// letters and digits, in which a key could.
func isWord(b []byte) bool {
	const longest, longestMixed = 64, 16
	if len(b) > longest {
		return false
	}
	digits, run, mixed := 0, 0, false
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			digits, run, mixed = digits+1, run+1, true
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			digits, run = 0, run+1
		case c == '_' || c == '.' || c == ':' || c == '/' || c == '-':
			run, mixed = 0, false
		default:
			return false
		}
		if digits == digitsThatMatter || mixed && run > longestMixed {
			return false
		}
	}
	return true
}

// base64Bytes are the characters of base64, of its form for URLs, and line ends.
var base64Bytes = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n" {
		t[c] = true
	}
	return t
}()

func isBase64(b []byte) bool {
	for _, c := range b {
		if !base64Bytes[c] {
			return false
		}
	}
	return true
}

// said is what the members of an object tell about it and about each other.
type said struct {
	first     int // index of its first text
	kind      []byte
	role      []byte
	data      int // one more than the index of its data; 0: none
	formatted bool
}

// note keeps what a member tells. Before it there were so many texts and nodes.
func (r *textReader) note(about *said, in spot, node int32, before, nodes int) {
	one := len(r.texts.List) == before+1 && len(r.texts.nodes) == nodes
	switch says := in.place.says; {
	case says == saysFormat:
		about.formatted = true
	case says == saysStopped && r.stream && len(r.texts.nodes) > nodes:
		r.ended = append(r.ended, int32(nodes))
	case !one:
	case says == saysType:
		about.kind = r.texts.List[before].Value
	case says == saysRole:
		about.role = r.texts.List[before].Value
	case says == saysData:
		about.data = before + 1
	case says == saysStop && r.stream:
		r.ended = append(r.ended, node)
	}
}

// settle puts right, at an object's end, what only the whole of it tells.
func (r *textReader) settle(about *said, node int32) {
	kind := string(about.kind)
	if about.data > 0 {
		t := &r.texts.List[about.data-1]
		switch {
		case t.Kind != Prose && t.Kind != Data:
		case kind == "redacted_thinking":
			t.Kind = Opaque
		case (kind == "base64" || kind == "" && about.formatted) && isBase64(t.Value):
			t.Kind = Bytes
		}
	}
	switch {
	case r.stream && (kind == "content_block_stop" || kind == "message_stop"):
		r.ended = append(r.ended, node)
	case kind == "tool_result", bytes.HasSuffix(about.kind, []byte("_tool_result")), string(about.role) == "tool":
		r.toData(about.first)
	}
}

// toData makes data of the prose since a text. What objects in this one have
// made data of is passed over, so that nesting costs nothing.
func (r *textReader) toData(first int) {
	end := len(r.texts.List)
	for n := len(r.made); n > 0 && r.made[n-1].first >= first; n-- {
		r.proseToData(r.made[n-1].end, end)
		end = r.made[n-1].first
		r.made = r.made[:n-1]
	}
	r.proseToData(first, end)
	r.made = append(r.made, span{first, len(r.texts.List)})
}

func (r *textReader) proseToData(first, end int) {
	for i := first; i < end; i++ {
		if t := &r.texts.List[i]; t.Kind == Prose {
			t.Kind = Data
		}
	}
}

// span is a range of texts.
type span struct{ first, end int }
