package snapshot

import (
	"iter"
	"slices"
)

// piece is how many things a piece of a roll has at most: a change copies one.
const piece = 512

// roll is things in an order, of which a change makes a new version that shares
// most with the old. Its zero value is empty.
type roll[T any] struct {
	pieces [][]*T // none empty
	n      int
}

// newRoll makes a roll of things that are in order.
func newRoll[T any](sorted []*T) roll[T] {
	r := roll[T]{n: len(sorted)}
	for part := range slices.Chunk(sorted, piece) {
		r.pieces = append(r.pieces, slices.Clone(part))
	}
	return r
}

// seek returns the place of the first thing of which reached is true; it must be
// true of all that follow.
func (r roll[T]) seek(reached func(*T) bool) (p, i int) {
	p = search(len(r.pieces), func(k int) bool { return reached(r.pieces[k][len(r.pieces[k])-1]) })
	if p == len(r.pieces) {
		return p, 0
	}
	return p, search(len(r.pieces[p]), func(k int) bool { return reached(r.pieces[p][k]) })
}

// search is the first of n of which reached is true, n if it is of none.
func search(n int, reached func(int) bool) int {
	from := 0
	for from < n {
		if mid := int(uint(from+n) >> 1); reached(mid) {
			n = mid
		} else {
			from = mid + 1
		}
	}
	return from
}

// with puts a thing in its place, or in that of the one that is its equal.
func (r roll[T]) with(v *T, order func(a, b *T) int) roll[T] {
	p, i := r.seek(func(e *T) bool { return order(e, v) >= 0 })
	if p == len(r.pieces) {
		if p == 0 {
			return roll[T]{[][]*T{{v}}, 1}
		}
		p, i = p-1, len(r.pieces[p-1])
	}
	old := r.pieces[p]
	if i < len(old) && order(old[i], v) == 0 {
		part := slices.Clone(old)
		part[i] = v
		return roll[T]{replaced(r.pieces, p, part), r.n}
	}
	part := append(append(append(make([]*T, 0, len(old)+1), old[:i]...), v), old[i:]...)
	if len(part) <= piece {
		return roll[T]{replaced(r.pieces, p, part), r.n + 1}
	}
	half := len(part) / 2
	return roll[T]{replaced(r.pieces, p, slices.Clone(part[:half]), slices.Clone(part[half:])), r.n + 1}
}

// without takes away the thing that is the equal of one.
func (r roll[T]) without(v *T, order func(a, b *T) int) roll[T] {
	p, i := r.seek(func(e *T) bool { return order(e, v) >= 0 })
	if p == len(r.pieces) || order(r.pieces[p][i], v) != 0 {
		return r
	}
	old := r.pieces[p]
	if len(old) == 1 {
		return roll[T]{replaced(r.pieces, p), r.n - 1}
	}
	return roll[T]{replaced(r.pieces, p, append(append(make([]*T, 0, len(old)-1), old[:i]...), old[i+1:]...)), r.n - 1}
}

// replaced is a list of pieces with others in the place of one.
func replaced[T any](pieces [][]*T, p int, by ...[]*T) [][]*T {
	out := make([][]*T, 0, len(pieces)-1+len(by))
	return append(append(append(out, pieces[:p]...), by...), pieces[p+1:]...)
}

// from yields the things from the first of which reached is true.
func (r roll[T]) from(reached func(*T) bool) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		p, i := r.seek(reached)
		for ; p < len(r.pieces); p, i = p+1, 0 {
			for _, v := range r.pieces[p][i:] {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// all returns the things in order.
func (r roll[T]) all() []*T { return slices.Concat(r.pieces...) }
