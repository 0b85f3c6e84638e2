package dataclass

// The confidence of a finding, 0–100, in the three steps of the taxonomy.
const (
	Possible   = 30 // the shape alone, or a name in a list
	Likely     = 60 // a check digit, or a shape with context: from here on a finding counts
	VeryLikely = 85 // a check digit with context, or a shape that nothing else has
)

// Finding is one span that a detector recognised. It never holds the text.
type Finding struct {
	Entity     Entity
	Start, End int    // byte offsets in the text that was looked at, end exclusive
	Score      int    // 0–100: Possible, Likely or VeryLikely and up
	Detector   string // identifier, phone, personal, secret, source_code, label
	Check      string // what confirmed it (luhn, mod97, entropy …); empty: nothing but its shape
	Cue        string // the word or field name that spoke for it; empty: none
	Rule       string // a secret's rule, or an organisation's class
}

// Counts reports whether the finding is sure enough to imply its class.
func (f Finding) Counts() bool { return f.Score >= Likely }

// Class is the class that the finding implies where it counts; empty: none.
func (f Finding) Class() Class {
	if f.Entity == Custom {
		return Class(f.Rule)
	}
	return f.Entity.Kind().Class
}

// Text is content as detectors see it: valid UTF-8, without what hides
// characters, with the parts that it names itself.
type Text struct {
	Bytes []byte
	// Names are the names of members, columns and labels, lower case, words
	// parted by one space ("date of birth"); Fields say what each is the name of.
	Names  []string
	Fields []Field // by Start; they do not overlap
}

// Field is a part of a text that is the value of something named.
type Field struct {
	Start, End int // byte offsets in Text.Bytes
	Name       int // index in Text.Names
}

// Budget bounds the work on one request, counted and never timed, so that the
// same content always gets the same answer. Detectors take from it and stop
// when a part of it is used up; whoever made it then calls the content
// truncated.
type Budget struct {
	Findings  int  // findings still wanted
	Phones    int  // telephone numbers still to be validated: some 10 µs each
	Patterns  int  // bytes of text still to be put to regular expressions
	Decodings int  // bytes still to be decoded from base64, hex or percent
	Overspent bool // something was not looked at
}

// Spend takes n from one part of the budget, or reports that it is used up.
func (b *Budget) Spend(part *int, n int) bool {
	if *part < n {
		b.Overspent = true
		return false
	}
	*part -= n
	return true
}
