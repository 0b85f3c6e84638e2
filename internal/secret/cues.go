package secret

import (
	"maps"
	"slices"
	"strings"
)

// trial is one way in which a rule may match where a keyword is.
type trial struct {
	word string
	rule int
	form *form
	way  way
	// at is the shape that holds the keyword, and offset where; nil: the
	// keyword is in the name of an assignment, or only somewhere near.
	at     *shape
	offset int
	behind byteSet // with a shape: what may follow the keyword
}

type way uint8

const (
	atOffset  way = iota // the keyword is part of the token, at a known place
	inName               // part of an assignment's name
	inValue              // part of an assignment's value, at a known place
	inToken              // part of the token, anywhere
	somewhere            // not part of what is looked for
)

// calls is what a word in the text calls for.
type calls struct {
	word   string
	trials []trial
	own    []own
}

// own is a detector in code.
type own uint8

// cues collects what each word calls for.
type cues struct {
	order []string
	of    map[string]*calls
}

func newCues() *cues {
	c := &cues{of: make(map[string]*calls)}
	for kind, words := range ownWords {
		for word := range strings.SplitSeq(words, "|") {
			if word != "" { // some have their words in tables of their own
				c.own(word, own(kind))
			}
		}
	}
	for _, word := range slices.Sorted(maps.Keys(options)) {
		c.own(word, ownCommand)
	}
	for _, word := range slices.Sorted(maps.Keys(arguments)) {
		c.own(word, ownCall)
	}
	return c
}

func (c *cues) own(word string, kind own) {
	entry := c.at(word)
	entry.own = append(entry.own, kind)
}

func (c *cues) at(word string) *calls {
	entry := c.of[word]
	if entry == nil {
		entry = &calls{word: word}
		c.of[word] = entry
		c.order = append(c.order, word)
	}
	return entry
}

func (c *cues) words() (*keywords, []calls) {
	out := make([]calls, len(c.order))
	for i, word := range c.order {
		out[i] = *c.of[word]
	}
	return newKeywords(c.order), out
}

func (c *cues) addRule(index int, r *rule, words []string) {
	for _, word := range words {
		entry := c.at(strings.ToLower(word))
		for i := range r.forms {
			entry.trials = append(entry.trials, trials(index, &r.forms[i], word)...)
		}
	}
}

// trials is how a form may be tried where a word is.
func trials(rule int, f *form, word string) []trial {
	var out []trial
	known := atOffset
	if f.names != nil {
		known = inValue
		for i := range f.names {
			if at := f.names[i].offset(word); at >= 0 {
				out = append(out, trial{word, rule, f, inName, &f.names[i], at, f.names[i].behind(at + len(word))})
			}
		}
	}
	for i := range f.shapes {
		if at := f.shapes[i].offset(word); at >= 0 {
			out = append(out, trial{word, rule, f, known, &f.shapes[i], at, f.shapes[i].behind(at + len(word))})
		}
	}
	if len(out) > 0 {
		return out
	}
	if !f.spaced && strings.Contains(f.text, word) {
		return []trial{{word: word, rule: rule, form: f, way: inToken}}
	}
	return []trial{{word: word, rule: rule, form: f, way: somewhere}}
}
