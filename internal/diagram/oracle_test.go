package diagram

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// table is a function by brute force: its value on every vector, the last
// variable counting fastest.
type table []bool

// world is a space with its vectors written out.
type world struct {
	*Space
	vectors [][]int
}

func newWorld(sizes ...int) *world {
	vectors := [][]int{{}}
	for _, size := range sizes {
		var longer [][]int
		for _, v := range vectors {
			for a := range size {
				longer = append(longer, append(append([]int{}, v...), a))
			}
		}
		vectors = longer
	}
	return &world{New(sizes, 0), vectors}
}

func drawWorld(t *rapid.T) *world {
	return newWorld(rapid.SliceOfN(rapid.IntRange(1, 4), 0, 5).Draw(t, "sizes")...)
}

// tabulate writes out any function of vectors.
func (w *world) tabulate(f func(vector []int) bool) table {
	t := make(table, len(w.vectors))
	for i, v := range w.vectors {
		t[i] = f(v)
	}
	return t
}

// of is what a node says, vector by vector.
func (w *world) of(n Node) table {
	return w.tabulate(func(v []int) bool { return w.Eval(n, v) })
}

// build makes a table's node, one vector at a time.
func (w *world) build(t table) Node {
	n := False
	for i, v := range w.vectors {
		if !t[i] {
			continue
		}
		point := True
		for variable, a := range v {
			point = w.And(point, w.In(variable, SetOf(a)))
		}
		n = w.Or(n, point)
	}
	return n
}

// cubes is what a sum of products says.
func (w *world) cubes(cubes []Cube) table {
	return w.tabulate(func(v []int) bool { return holders(cubes, v) > 0 })
}

// holders is how many of the cubes have the vector.
func holders(cubes []Cube, vector []int) int {
	n := 0
	for _, c := range cubes {
		if has(c, vector) {
			n++
		}
	}
	return n
}

func has(c Cube, vector []int) bool {
	for _, l := range c {
		if !l.Atoms.Has(vector[l.Var]) {
			return false
		}
	}
	return true
}

func zip(a, b table, f func(x, y bool) bool) table {
	t := make(table, len(a))
	for i := range a {
		t[i] = f(a[i], b[i])
	}
	return t
}

func and(x, y bool) bool  { return x && y }
func or(x, y bool) bool   { return x || y }
func diff(x, y bool) bool { return x && !y }
func negate(a table) table {
	return zip(a, a, func(x, _ bool) bool { return !x })
}

func (t table) count() *big.Int {
	n := int64(0)
	for _, v := range t {
		if v {
			n++
		}
	}
	return big.NewInt(n)
}

// drawSet is any atoms, some past the size of the variable.
func drawSet(t *rapid.T, size int) Set {
	return SetOf(rapid.SliceOf(rapid.IntRange(0, size)).Draw(t, "atoms")...)
}

// drawFunction is a random expression, as a node and as a table.
func drawFunction(t *rapid.T, w *world, depth int) (Node, table) {
	if depth == 0 || rapid.IntRange(0, 5).Draw(t, "leaf") == 0 {
		return drawLeaf(t, w)
	}
	a, ta := drawFunction(t, w, depth-1)
	switch rapid.IntRange(0, 3).Draw(t, "operation") {
	case 0:
		return w.Not(a), negate(ta)
	case 1:
		b, tb := drawFunction(t, w, depth-1)
		return w.And(a, b), zip(ta, tb, and)
	case 2:
		b, tb := drawFunction(t, w, depth-1)
		return w.Or(a, b), zip(ta, tb, or)
	default:
		b, tb := drawFunction(t, w, depth-1)
		return w.Diff(a, b), zip(ta, tb, diff)
	}
}

func drawLeaf(t *rapid.T, w *world) (Node, table) {
	if w.Vars() == 0 {
		b := rapid.Bool().Draw(t, "constant")
		return constant(b), w.tabulate(func([]int) bool { return b })
	}
	v := drawVariable(t, w)
	atoms := drawSet(t, w.Size(v))
	return w.In(v, atoms), w.tabulate(func(x []int) bool { return atoms.Has(x[v]) })
}

func drawVariable(t *rapid.T, w *world) int {
	return rapid.IntRange(0, w.Vars()-1).Draw(t, "variable")
}

// check runs a property on random functions of random spaces.
func check(t *testing.T, property func(t *rapid.T, w *world, f Node, tf table)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		f, tf := drawFunction(t, w, 4)
		property(t, w, f, tf)
		if err := w.Err(); err != nil {
			t.Fatal(err)
		}
	})
}

func allOf(s *Space, nodes ...Node) Node {
	product := True
	for _, n := range nodes {
		product = s.And(product, n)
	}
	return product
}

func anyOf(s *Space, nodes ...Node) Node {
	sum := False
	for _, n := range nodes {
		sum = s.Or(sum, n)
	}
	return sum
}
