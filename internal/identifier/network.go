package identifier

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// address reads an IPv4 address: four numbers to 255 without leading zeros. A
// version number looks the same, so small numbers need a cue.
func (s *scanner) address(best *candidate, start int) {
	end, largest, first, ok := dotted(s.b, start)
	if !ok || !s.addressOpens(start) || !addressCloses(s.b, end) {
		return
	}
	if first == 0 || bytes.HasPrefix(s.b[start:end], []byte("255.255.")) {
		return // a mask or a wildcard is nobody's address
	}
	c := s.look(start)
	f := dataclass.Finding{Entity: dataclass.IPAddress, Start: start, End: end, Score: 88, Detector: detector, Check: "octets"}
	cue, spoken := s.speaks(c, forAddress, end, cueReach)
	switch {
	case spoken:
		f.Score, f.Cue = 95, cue
	case c.n > 0 && s.hit(c, 0).topic == versionOf && start-s.hit(c, 0).end <= againstIt:
		f.Score = 40
	case largest < 30 && !wellKnown(s.b[start:end]) && first != 10 && !s.isWhole(start, end):
		f.Score = 45
	}
	best.offer(f)
}

func wellKnown(b []byte) bool {
	switch string(b) {
	case "8.8.8.8", "1.1.1.1", "8.8.4.4", "1.0.0.1", "9.9.9.9":
		return true
	}
	return false
}

func (s *scanner) addressOpens(at int) bool {
	if at == 0 {
		return true
	}
	c := s.b[at-1]
	return !isAlnum(c) && c != '.' && c != '_' && c != '-' && c != '$' && !letterBefore(s.b, at)
}

func addressCloses(b []byte, end int) bool {
	if end == len(b) {
		return true
	}
	switch c := b[end]; {
	case c == '.' || c == '-':
		return end+1 == len(b) || !isAlnum(b[end+1])
	case c == '_' || c == '%':
		return false
	default:
		return !isAlnum(c) && !letterAfter(b, end)
	}
}

// dotted reads a dotted quad and reports its largest and its first number.
func dotted(b []byte, start int) (end, largest, first int, ok bool) {
	i := start
	for part := range 4 {
		if part > 0 {
			if i >= len(b) || b[i] != '.' {
				return 0, 0, 0, false
			}
			i++
		}
		v, from := 0, i
		for i < len(b) && i-from < 4 && isDigit(b[i]) {
			v = v*10 + int(b[i]-'0')
			i++
		}
		if i == from || v > 255 || i-from > 1 && b[from] == '0' {
			return 0, 0, 0, false
		}
		largest = max(largest, v)
		if part == 0 {
			first = v
		}
	}
	return i, largest, first, true
}

// mayBeMachine reports whether up to four hex digits and a separator of MAC or
// IPv6 addresses stand at the offset.
func mayBeMachine(b []byte, i int) bool {
	from := i
	for i < len(b) && i-from < 5 && isHex(b[i]) {
		i++
	}
	if i == from || i == len(b) {
		return false
	}
	return b[i] == ':' || b[i] == '-' && i-from == 2 || b[i] == '.' && i-from == 4
}

// machine reads a MAC address or an IPv6 address that begins with a hex digit.
func (s *scanner) machine(best *candidate, start int) {
	if start > 0 && (isWordByte(s.b[start-1]) || s.b[start-1] == ':' || s.b[start-1] == '-' || s.b[start-1] == '.') {
		return
	}
	if end, ok := hardwareAddress(s.b, start); ok {
		c := s.look(start)
		cue, _ := s.speaks(c, forHardwareAddress, end, cueReach)
		best.offer(dataclass.Finding{Entity: dataclass.MACAddress, Start: start, End: end, Score: 90, Detector: detector, Check: "octets", Cue: cue})
		return
	}
	s.six(best, start)
}

// hardwareAddress reads six pairs of hex digits, or three fours with dots.
func hardwareAddress(b []byte, start int) (end int, ok bool) {
	if end, ok := hexGroups(b, start, 2, 6, ':'); ok {
		return end, true
	}
	if end, ok := hexGroups(b, start, 2, 6, '-'); ok {
		return end, true
	}
	return hexGroups(b, start, 4, 3, '.')
}

func hexGroups(b []byte, start, width, groups int, sep byte) (end int, ok bool) {
	end = start + groups*(width+1) - 1
	if end > len(b) || end < len(b) && (isAlnum(b[end]) || b[end] == sep && end+1 < len(b) && isAlnum(b[end+1])) {
		return 0, false
	}
	for i := range end - start {
		c := b[start+i]
		if i%(width+1) == width {
			if c != sep {
				return 0, false
			}
		} else if !isHex(c) {
			return 0, false
		}
	}
	return end, true
}

// six reads an IPv6 address (RFC 4291 section 2.2).
func (s *scanner) six(best *candidate, start int) {
	end, groups, ok := sixGroups(s.b, start)
	if !ok || !addressCloses(s.b, end) || end < len(s.b) && s.b[end] == ':' && end+1 < len(s.b) && isAlnum(s.b[end+1]) {
		return
	}
	text := s.b[start:end]
	f := dataclass.Finding{Entity: dataclass.IPAddress, Start: start, End: end, Score: 88, Detector: detector, Check: "groups"}
	cue, spoken := s.speaks(s.look(start), forAddress, end, cueReach)
	switch {
	case spoken && digitIn(text):
		f.Score, f.Cue = 93, cue
	case !digitIn(text) || groups < 3 && !routable(text):
		f.Score = 35 // names of a program may look like it: fade::bed
	}
	best.offer(f)
}

// routable reports whether an address begins as those in use do.
func routable(b []byte) bool {
	return len(b) > 4 && (b[0] == '2' && isHex(b[3]) && b[4] == ':' || b[0]|0x20 == 'f' && (b[1]|0x20 == 'e' || b[1]|0x20 == 'd' || b[1]|0x20 == 'c')) || string(b) == "::1"
}

// sixGroups reads groups of up to four hex digits with one "::" or eight of
// them, the last two perhaps as a dotted quad.
func sixGroups(b []byte, start int) (end, groups int, ok bool) {
	i, gap := start, false
	for groups < 8 {
		if i+1 < len(b) && b[i] == ':' && b[i+1] == ':' {
			if gap {
				break
			}
			gap = true
			i += 2
		} else if groups > 0 {
			if i+1 >= len(b) || b[i] != ':' || !isHex(b[i+1]) {
				break
			}
			i++
		}
		from := i
		for i < len(b) && i-from < 5 && isHex(b[i]) {
			i++
		}
		if i == from {
			break
		}
		if i-from > 4 {
			return 0, 0, false
		}
		if i < len(b) && b[i] == '.' && groups <= 6 && groups > 0 {
			if quad, _, _, ok := dotted(b, from); ok {
				return quad, groups + 2, true
			}
		}
		groups++
	}
	return i, groups, gap && groups < 8 && groups > 0 || groups == 8
}

// colon reads what a colon may belong to: a URL, or an address whose first
// group has no digit.
func (s *scanner) colon(at int) int {
	b := s.b
	if at+2 < len(b) && b[at+1] == '/' && b[at+2] == '/' {
		return s.url(at)
	}
	if at+1 >= len(b) || at < s.done {
		return at + 1
	}
	start := at
	for start > s.done && at-start < 4 && isHex(b[start-1]) {
		start--
	}
	if start == at && b[at+1] != ':' || digitIn(b[start:at]) || b[at+1] != ':' && !isHex(b[at+1]) {
		return at + 1
	}
	var best candidate
	s.machine(&best, start)
	return max(at+1, s.emit(best.f))
}

// hardware reads a MAC address with hyphens whose first pair has no digit.
func (s *scanner) hardware(at int) int {
	if at < 2 || at+2 >= len(s.b) || at < s.done || !isHex(s.b[at-1]) || !isHex(s.b[at-2]) || !isHex(s.b[at+1]) || digitIn(s.b[at-2:at]) {
		return at + 1
	}
	var best candidate
	s.machine(&best, at-2)
	return max(at+1, s.emit(best.f))
}
