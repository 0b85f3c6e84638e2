package secret

import "bytes"

// How far back a tail may reach, in bytes.
const (
	maxTail    = 256
	maxTailPEM = 4096
)

// Tail is the smallest offset in b from which its end could still become part
// of a credential as more text follows: the unbroken token at the end, a name
// with the value that it is being given, or a private key that has not ended.
// It is len(b) where there is none, and never more than 4 KiB before it,
// but 0 where the rules cannot be read: then nothing may pass.
func Tail(b []byte) int {
	rules, err := loaded()
	if err != nil {
		return 0
	}
	s := scan{rules: rules, text: b}
	return min(s.tailToken(), s.tailCue(), tailPEM(b))
}

func (s *scan) tailToken() int {
	at := len(s.text)
	for at > 0 && len(s.text)-at < maxTail && !isSpace(s.text[at-1]) {
		at--
	}
	return at
}

// tailCue is where the first cue begins whose value has not ended.
func (s *scan) tailCue() int {
	words, place := s.rules.words, uint32(0)
	from := max(0, len(s.text)-maxTail)
	for i, c := range s.text[from:] {
		if place = words.step(place, c); place&1 == 0 {
			continue
		}
		for at := words.state(place); at != 0; at = words.suffix[at] {
			for w := words.first[at]; w != 0; w = words.chain[w-1] {
				c := &s.rules.calls[w-1]
				if end := from + i + 1; s.open(c, end-len(c.word), end) {
					return s.cueStart(end - len(c.word))
				}
			}
		}
	}
	return len(s.text)
}

func (s *scan) cueStart(at int) int {
	for n := 0; at > 0 && n < nameSpan && isName(s.text[at-1]); n++ {
		at--
	}
	return at
}

// open reports whether what a cue speaks for has not ended with the text.
func (s *scan) open(c *calls, start, end int) bool {
	for _, kind := range c.own {
		switch kind {
		case ownPassword, ownToken:
			name, ok := s.name(kind, start, end)
			if !ok {
				continue
			}
			if v, _ := s.value(name, end); v.open && !s.aboutSecret(kind, start, end, name) {
				return true
			}
		case ownDirective, ownSealed, ownCommand, ownCall, ownRelay:
			return bytes.IndexByte(s.text[end:], '\n') < 0
		case ownScheme:
			at := skip(s.text, end, &schemeGap, 8)
			return run(s.text, at, &token68) == len(s.text)
		case ownCookie:
			return bytes.IndexByte(s.text[end:], '\n') < 0
		}
	}
	return false
}

var schemeGap = setOf(" \t:='\"")

// tailPEM is where the last private key begins that has not ended.
func tailPEM(b []byte) int {
	from := max(0, len(b)-maxTailPEM)
	at := bytes.LastIndex(b[from:], []byte("-----BEGIN"))
	if at < 0 {
		return len(b)
	}
	block := b[from+at:]
	if end := bytes.Index(block, []byte("-----END")); end >= 0 && bytes.Contains(block[end+8:], []byte("-----")) {
		return len(b)
	}
	if label := bytes.Index(block[10:], []byte("-----")); label >= 0 && !bytes.Contains(block[:label+10], []byte("PRIVATE")) {
		return len(b)
	}
	return from + at
}
