package personal

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/writ-project/writ/internal/dataclass"
)

//go:embed data/fields.txt
var fieldText string

// holds says what the values of a field are.
type holds uint16

const (
	sureName   holds = 1 << iota // people's names and nothing else
	person                       // a word for somebody
	nameWord                     // a word for name
	listedName                   // people's names, if they are in a list
	postal                       // addresses
	sickness
	medicine
	otherName // names of other things
)

var fieldNames = sync.OnceValue(func() map[string]holds {
	kinds := map[string]holds{
		"sure": sureName, "person": person, "name": nameWord, "listed": listedName, "address": postal,
		"diagnosis": sickness, "medication": medicine, "other": otherName,
	}
	out := make(map[string]holds)
	for line := range strings.Lines(fieldText) {
		if kind, list, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok && line[0] != '#' {
			for entry := range strings.SplitSeq(list, ", ") {
				out[entry] |= kinds[kind]
			}
		}
	}
	return out
})

// maxFieldName is the length beyond which a name is taken for text.
const maxFieldName = 48

// fieldHolds says what a field of a name holds; a name in lower case.
func fieldHolds(name string) holds {
	if len(name) > maxFieldName {
		return 0
	}
	name = plainName(name)
	known := fieldNames()
	h := known[name]
	if h&(sureName|postal|sickness|medicine) != 0 {
		return h
	}
	var parts holds
	for part := range strings.FieldsSeq(name) {
		parts |= known[part]
	}
	switch {
	case parts&otherName != 0 && h&listedName == 0:
		return 0
	case parts&nameWord != 0 && parts&(person|sureName) != 0:
		return sureName
	case parts&sureName != 0:
		return sureName
	case h&(person|listedName) != 0:
		return listedName
	case parts&person != 0 && (strings.HasSuffix(name, " 1") || known[name[strings.LastIndexByte(name, ' ')+1:]]&person != 0):
		return listedName
	}
	return 0
}

// plainName takes accents from a field's name.
func plainName(name string) string {
	for i := range len(name) {
		if name[i] >= 0x80 {
			return accents.Replace(name)
		}
	}
	return name
}

var accents = strings.NewReplacer("á", "a", "à", "a", "â", "a", "ã", "a", "ä", "a", "å", "a", "é", "e", "è", "e", "ê", "e", "ë", "e", "ę", "e", "ě", "e",
	"í", "i", "ì", "i", "î", "i", "ï", "i", "ı", "i", "ó", "o", "ò", "o", "ô", "o", "õ", "o", "ö", "o", "ő", "o", "ø", "o",
	"ú", "u", "ù", "u", "û", "u", "ü", "u", "ů", "u", "ç", "c", "ć", "c", "č", "c", "ñ", "n", "ń", "n", "ł", "l", "ś", "s", "š", "s",
	"ß", "ss", "ź", "z", "ż", "z", "ž", "z", "ř", "r", "ý", "y", "ą", "a", "ă", "a", "ț", "t", "ș", "s", "ό", "ο", "ώ", "ω", "ύ", "υ")

// scanFields looks at the values of fields that say what they hold.
func (s *scanner) scanFields(t *dataclass.Text) {
	if len(t.Fields) == 0 {
		return
	}
	kinds := make([]holds, len(t.Names))
	for i, name := range t.Names {
		kinds[i] = fieldHolds(name)
	}
	whole := s.text
	for _, f := range t.Fields {
		h := kinds[f.Name]
		if h == 0 || f.End <= f.Start {
			continue
		}
		s.text = whole[:min(f.End, f.Start+maxValue)]
		s.read(f.Start)
		s.scanField(h, t.Names[f.Name])
	}
	s.text = whole
}

// maxValue is how much of a field's value is looked at; a longer one is prose.
const maxValue = 512

func (s *scanner) scanField(h holds, name string) {
	if len(s.tokens) == 0 {
		return
	}
	switch {
	case h&(sureName|listedName) != 0:
		s.nameField(h&sureName != 0, name)
	case h&postal != 0:
		s.addressField(name)
	case h&sickness != 0:
		s.phraseField(dataclass.Diagnosis, name)
	case h&medicine != 0:
		s.phraseField(dataclass.Medication, name)
	}
}

// nameField notes the name at the beginning of a value. In a field that may hold
// other things, one of its words must be in a list.
func (s *scanner) nameField(sure bool, name string) {
	i := s.titles()
	j, listed, plain := s.nameEnd(i, sure)
	if j == i || j == i+1 && (s.tokens[i].end-s.tokens[i].start < 2 || nothing[s.tokens[i].key]) || !sure && !plain || s.organisation(i, j, plain) {
		return
	}
	check := ""
	if listed {
		check = "gazetteer"
	} else if len(s.tokens) > j && s.tokens[j].gap == 0 {
		return // prose
	}
	from := i
	if j == len(s.tokens) {
		from = 0 // the record has the title in the name, and nothing else
	}
	s.add(dataclass.Name, s.tokens[from].start, s.tokens[j-1].end, dataclass.VeryLikely, check, name)
	for k := i; k < j; k++ {
		if t := &s.tokens[k]; t.roles&(particle|suffix) == 0 && t.shape != initial && t.marks&word == 0 {
			s.known.add(t.key)
		}
	}
}

// titles is the number of titles that a value begins with.
func (s *scanner) titles() int {
	i := 0
	for i < len(s.tokens) && s.tokens[i].roles&title != 0 && len(s.tokens) > i+1 && s.tokens[i+1].gap&^gapStop == 0 && !s.fullName(i) {
		i++
	}
	return i
}

// nameEnd is where a value's name ends that begins at i, whether one of its words
// is in a list of names, and whether one is there that is nothing else.
func (s *scanner) nameEnd(i int, sure bool) (j int, listed, plain bool) {
	for j = i; j < len(s.tokens) && j-i < maxName && s.inName(i, j, sure); j++ {
		t := &s.tokens[j]
		if t.shape == small && t.marks == 0 {
			t.marks = s.names.marks(t.key)
		}
		isName := t.marks&(given|surname) != 0
		listed = listed || isName
		plain = plain || isName && t.marks&(word|place) == 0
	}
	for j > i+1 && s.tokens[j-1].shape == small && s.tokens[j-1].roles&particle != 0 {
		j--
	}
	return j, listed, plain
}

// inName reports whether the word at j belongs to the name that begins a value at
// i.
func (s *scanner) inName(i, j int, sure bool) bool {
	t := &s.tokens[j]
	if t.glued || t.shape >= number || t.roles&suffix != 0 && j == i {
		return false
	}
	if j > i {
		family := t.gap&^gapNone == gapComma && j == i+1 // Lopez, Mateo
		if !family && !s.joined(j) || s.tokens[j-1].owns {
			return false
		}
	}
	if t.shape == small {
		return t.roles&particle != 0 || s.text[t.start] >= 0x80 && sure || sure && t.roles&(stop|verb|greeting) == 0 && (j == i || s.tokens[i].shape == small)
	}
	return t.roles&stop == 0 || t.marks&given != 0 && t.shape == capital
}

func (s *scanner) organisation(i, j int, plain bool) bool {
	for k := i; k < j; k++ {
		if t := &s.tokens[k]; t.roles&(org|orgBefore) != 0 && (t.marks&surname == 0 || !plain) {
			return true
		}
	}
	if j == len(s.tokens) {
		return false
	}
	n := &s.tokens[j]
	return n.gap == 0 && n.roles&(org|particle) != 0 || s.tokens[j-1].owns && n.roles&org != 0 && n.shape != small
}

// addressField notes a value that has the look of an address as a whole.
func (s *scanner) addressField(name string) {
	numbers, capitals, last := 0, 0, 0
	for k := range s.tokens {
		t := &s.tokens[k]
		if k > 0 && (t.gap&(gapBlank|gapColon) != 0 || t.gap&gapStop != 0 && s.tokens[k-1].end-s.tokens[k-1].start > 5) || k >= 30 {
			break
		}
		if t.shape >= number {
			numbers++
		} else if t.shape != small {
			capitals++
		}
		last = k
	}
	at := s.text[s.tokens[0].start:s.tokens[last].end]
	if capitals == 0 && !s.flat || numbers == 0 && s.tokens[0].roles&streetPre == 0 && s.tokens[last].roles&streetSuf == 0 || strings.ContainsAny(string(at), "@\\") {
		return
	}
	s.add(dataclass.Address, s.tokens[0].start, s.tokens[last].end, dataclass.VeryLikely, "", name)
}

// link keeps the words of the e-mail addresses that were found.
func (s *scanner) link() {
	for _, f := range s.found {
		if f.Entity == dataclass.Email {
			s.linkLocal(s.text[f.Start:f.End])
		}
	}
}

func (s *scanner) linkLocal(b []byte) {
	h, n := newHash(), 0
	for i, c := range b {
		big := c >= 'A' && c <= 'Z'
		if classes[c] != inLetter || big && n > 1 && i > 0 && b[i-1] >= 'a' {
			s.linkWord(h, n)
			h, n = newHash(), 0
		}
		if c == '@' {
			return
		}
		if classes[c] == inLetter {
			h = h.add(lower(c))
			n++
		}
	}
}

func (s *scanner) linkWord(h hash, n int) {
	if n < 3 {
		return
	}
	if r, _ := s.lexicon.get(h); r&stop == 0 && s.names.marks(h)&word == 0 {
		s.linked.add(h)
	}
}
