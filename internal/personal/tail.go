package personal

// maxTail is the most that Tail holds back, in bytes.
const maxTail = 64

// Tail is the smallest offset in b from which its end could still become part of
// a name or an address if more text came: where the last run of words with
// capitals, numbers and particles begins, at most 64 bytes before the end; len(b)
// if it ends in none.
func Tail(b []byte) int {
	from := max(0, len(b)-maxTail)
	if from > 0 {
		for from < len(b) && (classes[b[from-1]] != 0 && classes[b[from]] != 0) {
			from++
		}
	}
	s := scanners.Get().(*scanner)
	defer s.release()
	s.text = b[from:]
	s.read(0)
	k := len(s.tokens)
	if k == 0 || !s.unfinished(s.tokens[k-1].end) {
		return len(b)
	}
	for k > 0 && s.held(k-1) && (k == len(s.tokens) || open(s.tokens[k].gap)) {
		k--
	}
	for k < len(s.tokens) && s.tokens[k].shape == small && s.tokens[k].roles&streetPre == 0 {
		k++ // a particle begins no name
	}
	if k == len(s.tokens) {
		return len(b)
	}
	return from + s.tokens[k].start
}

// unfinished reports whether what stands behind the last word leaves a name or an
// address open: nothing that ends it, or the apostrophe within a word.
func (s *scanner) unfinished(at int) bool {
	switch string(s.text[at:]) {
	case "'", "’":
		return true
	}
	return open(s.between(at, len(s.text)))
}

// held reports whether a word may be part of a name or address that goes on.
func (s *scanner) held(k int) bool {
	t := &s.tokens[k]
	if t.shape != small || t.roles&(particle|streetPre|streetLow|unit) != 0 {
		return true
	}
	return t.end == len(s.text) && t.end-t.start <= 3 && k == len(s.tokens)-1
}

// open reports whether a name or an address may go on behind a gap.
func open(g gap) bool { return g&(gapBlank|gapColon|gapOpen|gapQuote) == 0 }
