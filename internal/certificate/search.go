package certificate

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unicode"
)

// The limits of a search.
const (
	maxStates = 100_000
	maxSteps  = 10_000_000
	maxItems  = 2_000       // patterns of one key
	maxTests  = 3_000_000   // conditions on sets of values of one key
	maxFills  = 200_000_000 // characters of what variables are compared with, squared
)

// live is a pattern that the characters so far have not ruled out.
type live struct {
	index int
	at    places
}

// bounds say what a key can hold: strings that match a pattern of within, if
// there are any, and none of without.
type bounds struct{ within, without []pattern }

// hold reports whether a value is one that the key can hold.
func (b bounds) hold(v string) bool {
	match := func(p pattern) bool { return p.match(v) }
	return (len(b.within) == 0 || slices.ContainsFunc(b.within, match)) && !slices.ContainsFunc(b.without, match)
}

// search walks every string that a key can hold, one for each state of the
// patterns, and collects which patterns a string can match at once. found gets
// the patterns matched and a string that matches them.
type search struct {
	patterns []pattern
	bounds
	found func(accepted []int, witness string)

	all   []pattern
	other rune // stands for the characters that no pattern names
	seen  map[string]bool
	queue []state
	steps int
}

type state struct {
	live    []live
	witness string
}

func (s *search) run() error {
	all := slices.Concat(s.patterns, s.within, s.without)
	s.all = all
	if len(all) > maxItems {
		return fmt.Errorf("%d patterns on one key are %w", len(all), ErrBeyond)
	}
	s.seen, s.other = map[string]bool{}, unnamed(all)
	var first state
	for i := range all {
		if len(all[i].tokens) > maxTokens {
			return fmt.Errorf("a pattern of %d characters is %w", len(all[i].tokens), ErrBeyond)
		}
		first.live = append(first.live, live{i, all[i].start()})
	}
	s.reach(first)
	for len(s.queue) > 0 {
		next := s.queue[0]
		s.queue = s.queue[1:]
		for _, r := range s.characters(next.live) {
			s.reach(s.step(next, r))
		}
		if len(s.seen) > maxStates || s.steps > maxSteps {
			return fmt.Errorf("the patterns on one key are %w", ErrBeyond)
		}
	}
	return nil
}

// reach notes a state that was not seen before.
func (s *search) reach(next state) {
	key := make([]byte, 0, 8*len(next.live))
	for _, l := range next.live {
		key = binary.AppendUvarint(key, uint64(l.index))
		key = binary.AppendUvarint(key, uint64(len(l.at)))
		for _, at := range l.at {
			key = binary.AppendUvarint(key, uint64(at))
		}
	}
	if s.seen[string(key)] || !s.hopeful(next.live) {
		return
	}
	s.seen[string(key)] = true
	s.queue = append(s.queue, next)
	if accepted, in := s.accepted(next.live); in {
		s.found(accepted, next.witness)
	}
}

// hopeful reports whether a string that goes on from here may be within bounds.
func (s *search) hopeful(lives []live) bool {
	from, to := len(s.patterns), len(s.patterns)+len(s.within)
	return from == to || slices.ContainsFunc(lives, func(l live) bool { return from <= l.index && l.index < to })
}

// accepted lists the patterns that match a string that ends here, and says
// whether it is within bounds.
func (s *search) accepted(lives []live) (list []int, in bool) {
	from, to := len(s.patterns), len(s.patterns)+len(s.within)
	in = from == to
	for _, l := range lives {
		switch ok := s.all[l.index].accepts(l.at); {
		case ok && l.index < from:
			list = append(list, l.index)
		case ok && l.index >= to:
			return nil, false
		case ok:
			in = true
		}
	}
	return list, in
}

func (s *search) step(from state, r rune) state {
	next := state{witness: from.witness + string(r)}
	for _, l := range from.live {
		s.steps += len(l.at)
		if at := s.all[l.index].after(l.at, r); len(at) > 0 {
			next.live = append(next.live, live{l.index, at})
		}
	}
	return next
}

// characters are those that matter in a state: what some pattern waits for, and
// one that none does.
func (s *search) characters(lives []live) []rune {
	out := []rune{s.other}
	for _, l := range lives {
		p := &s.all[l.index]
		for _, at := range l.at {
			if int(at) < len(p.tokens) {
				out = append(out, p.named(p.tokens[at])...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// named are the characters that a token tells from others.
func (p *pattern) named(t token) []rune {
	switch {
	case t.stay:
		return []rune{':'}
	case t.wild != 0:
		return nil
	case !p.fold:
		return []rune{t.char}
	}
	out := []rune{t.char, unicode.ToLower(t.char)}
	if unicode.ToLower(t.char) == 'i' {
		out = append(out, 'İ') // the one letter that SimpleFold does not come to
	}
	for r := unicode.SimpleFold(t.char); r != t.char; r = unicode.SimpleFold(r) {
		if p.matches(t, r) {
			out = append(out, r)
		}
	}
	return out
}

// unnamed is a character that no pattern tells from any other that none names.
func unnamed(all []pattern) rune {
	named := map[rune]bool{}
	for i := range all {
		for _, t := range all[i].tokens {
			named[t.char], named[unicode.ToLower(t.char)], named[unicode.ToUpper(t.char)] = true, true, true
		}
	}
	r := 'a'
	for named[r] || named[unicode.ToLower(r)] || !unicode.IsLetter(r) {
		r++
	}
	return r
}
