package personal

import (
	_ "embed"
	"strings"
	"sync"
)

// role says what a word or phrase does around names and addresses. A word may
// have several.
type role uint32

const (
	title      role = 1 << iota // Mr, Pani: no part of the name that follows
	particle                    // de, van: part of a name between its capitals
	suffix                      // Jr, MD
	greeting                    // Dear, Thanks: somebody is spoken to
	cue                         // what follows, after a space, is likely a name
	label                       // what follows, after a colon, is likely a name
	closing                     // Sincerely: the next line is likely a name
	verb                        // said: what stands before is likely a person
	kin                         // daughter, account: what a person has
	org                         // Inc, School: with it a name is not a person's
	orgBefore                   // University (of), Lake
	stop                        // no part of a name
	streetPre                   // rue, ulica: a street's name follows
	streetSuf                   // Street, Straße: a street's name stands before
	streetLow                   // one that counts in lower case too
	streetAny                   // one that needs no house number
	unit                        // Apt, piso
	postBox                     // PO Box
	military                    // APO, PSC
	addressCue                  // lives at
	direction                   // NW
	state                       // a state's or territory's code
	diagnosis
	medication
	healthCue   // diagnosed with, patient
	healthLabel // diagnosis: the same, before a colon
	figure      // revenue, payroll
	inside      // confidential, our
	currency
	streetEnd // Forest: a street's name stands before, if a number stands before that
)

var roleNames = map[string]role{
	"title": title, "particle": particle, "suffix": suffix, "greeting": greeting, "cue": cue, "label": label, "closing": closing,
	"verb": verb, "kin": kin, "org": org, "orgbefore": orgBefore, "stop": stop, "streetpre": streetPre, "streetsuf": streetSuf,
	"streetlow": streetLow, "streetany": streetAny, "unit": unit, "postbox": postBox, "military": military, "addresscue": addressCue,
	"direction": direction, "state": state, "diagnosis": diagnosis, "medication": medication, "healthcue": healthCue, "healthlabel": healthLabel, "figure": figure,
	"inside": inside, "currency": currency, "streetend": streetEnd,
}

var (
	//go:embed data/lexicon.txt
	lexiconText string
	//go:embed data/health.txt
	healthText string
	//go:embed data/money.txt
	moneyText string
)

const lexiconBits = 13

// maxPhrase is the number of words of the longest phrase.
const maxPhrase = 5

// lexicon holds the roles of words and phrases in an open table.
type lexicon struct {
	slots [1 << lexiconBits]lexeme
	sieve [1 << 10]uint64 // a bit for what is in the table: most words are not
}

type lexeme struct {
	key   hash // zero: empty
	roles role
	first role // of the phrases that begin with this word
}

var roles = sync.OnceValue(func() *lexicon {
	l := new(lexicon)
	reader := &scanner{lexicon: new(lexicon), names: new(gazetteer), letters: alphabets()}
	for _, text := range []string{lexiconText, healthText, moneyText} {
		for line := range strings.Lines(text) {
			if name, list, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok && line[0] != '#' {
				l.addList(reader, roleNames[name], list)
			}
		}
	}
	return l
})

func (l *lexicon) addList(s *scanner, r role, list string) {
	for entry := range strings.SplitSeq(list, ", ") {
		s.text = []byte(entry)
		s.tokens = nil
		s.read(0)
		if len(s.tokens) == 0 {
			continue
		}
		if len(s.tokens) > 1 {
			l.at(s.tokens[0].key).first |= r
		}
		l.at(phrase(s.tokens)).roles |= r
	}
}

// phrase is the key of some words in a row.
func phrase(words []token) hash {
	key := words[0].key
	for _, t := range words[1:] {
		key = key.join(t.key)
	}
	return key
}

// at is the place of a key, which it takes if it is new.
func (l *lexicon) at(key hash) *lexeme {
	l.sieve[key.mixed()>>54] |= 1 << (key.mixed() >> 48 & 63)
	for i := key.mixed() % uint64(len(l.slots)); ; i = (i + 1) % uint64(len(l.slots)) {
		if s := &l.slots[i]; s.key == key || s.key == 0 {
			s.key = key
			return s
		}
	}
}

// get is the roles of a key, and of the phrases that begin with it.
func (l *lexicon) get(key hash) (role, role) {
	x := key.mixed()
	if l.sieve[x>>54]>>(x>>48&63)&1 == 0 {
		return 0, 0
	}
	for i := x % uint64(len(l.slots)); ; i = (i + 1) % uint64(len(l.slots)) {
		s := &l.slots[i]
		if s.key == key {
			return s.roles, s.first
		}
		if s.key == 0 {
			return 0, 0
		}
	}
}
