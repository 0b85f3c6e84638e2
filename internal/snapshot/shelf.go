package snapshot

import (
	"hash/maphash"
	"iter"
	"maps"
	"slices"
)

// parts is how many parts a shelf has: a change copies only the parts it
// touches, so one grant among a million costs what a few thousand cost.
const parts = 512

// places spreads names over the parts. No order depends on it.
var places = maphash.MakeSeed()

func partOf(name string) int { return int(maphash.String(places, name) % parts) }

// shelf is things of one sort, by name. A copy of a shelf is a version of it:
// after settle, changing one copy leaves the others as they are. Its zero value
// is empty.
type shelf[T any] struct {
	rows *[parts]map[string]*T // nil: empty
	mine *[parts]bool          // parts that no other version has; nil: none, nor rows
	n    int
}

func (s *shelf[T]) get(name string) (*T, bool) {
	if s.rows == nil {
		return nil, false
	}
	v, ok := s.rows[partOf(name)][name]
	return v, ok
}

// len is how many things there are.
func (s *shelf[T]) len() int { return s.n }

// each yields everything, in no order.
func (s *shelf[T]) each() iter.Seq2[string, *T] {
	return func(yield func(string, *T) bool) {
		if s.rows == nil {
			return
		}
		for _, part := range s.rows {
			for name, v := range part {
				if !yield(name, v) {
					return
				}
			}
		}
	}
}

// names returns every name, in order.
func (s *shelf[T]) names() []string {
	out := make([]string, 0, s.n)
	for name := range s.each() {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// all returns the things in the order of their names.
func (s *shelf[T]) all() []*T {
	out := make([]*T, 0, s.n)
	for _, name := range s.names() {
		v, _ := s.get(name)
		out = append(out, v)
	}
	return out
}

// values returns the things themselves, in the order of their names.
func (s *shelf[T]) values() []T {
	out := make([]T, 0, s.n)
	for _, v := range s.all() {
		out = append(out, *v)
	}
	return out
}

// set puts a thing in its place; nil takes it away.
func (s *shelf[T]) set(name string, v *T) {
	i := partOf(name)
	s.own(i)
	_, had := s.rows[i][name]
	if v == nil {
		delete(s.rows[i], name)
	} else {
		s.rows[i][name] = v
	}
	switch {
	case had && v == nil:
		s.n--
	case !had && v != nil:
		s.n++
	}
}

// own copies what set is about to change, unless this version did already.
func (s *shelf[T]) own(i int) {
	if s.mine == nil {
		rows := new([parts]map[string]*T)
		if s.rows != nil {
			*rows = *s.rows
		}
		s.rows, s.mine = rows, new([parts]bool)
	}
	if !s.mine[i] {
		if s.rows[i] = maps.Clone(s.rows[i]); s.rows[i] == nil {
			s.rows[i] = make(map[string]*T)
		}
		s.mine[i] = true
	}
}

// settle makes the next change copy what it touches.
func (s *shelf[T]) settle() { s.mine = nil }

// put and spec are set and get for who knows the type by its kind only.
func (s *shelf[T]) put(name string, spec any) {
	v, _ := spec.(*T) // nil for nil
	s.set(name, v)
}

func (s *shelf[T]) spec(name string) (any, bool) {
	v, ok := s.get(name)
	if !ok {
		return nil, false
	}
	return v, true
}
