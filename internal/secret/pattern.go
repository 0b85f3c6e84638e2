package secret

import (
	"fmt"
	"slices"
	"sync"

	"github.com/wasilibs/go-re2"
	"github.com/wasilibs/go-re2/experimental"
)

// renewAfter is how many bytes an expression looks at before it is compiled
// anew. RE2 keeps the states that it built for the texts of the past, up to
// 128 MiB an expression with no way to ask for less; they are at most as many
// as the bytes seen, so this is what bounds them.
const renewAfter = 256 << 10

// pattern is an expression that RE2 is asked about, compiled when it is first
// needed. A single expression has no error to lose: where RE2 runs out of room
// for states it goes on without them, slower, and the budget has the bytes.
type pattern struct {
	source string
	mu     sync.Mutex
	re     *re2.Regexp
	seen   int
}

// compiled is the expression, for a text of n bytes.
func (p *pattern) compiled(n int) (*re2.Regexp, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen += n; p.re != nil && p.seen <= renewAfter {
		return p.re, nil
	}
	re, err := experimental.CompileLatin1(p.source)
	if err != nil {
		return nil, fmt.Errorf("pattern of a rule: %w", err)
	}
	p.re, p.seen = re, n
	return re, nil
}

func (p *pattern) find(b []byte, most int) ([][]int, error) {
	re, err := p.compiled(len(b))
	if err != nil {
		return nil, err
	}
	return re.FindAllSubmatchIndex(b, most), nil
}

func (p *pattern) within(b []byte) (bool, error) {
	re, err := p.compiled(len(b))
	if err != nil {
		return false, err
	}
	return re.Match(b), nil
}

// exception is an expression of an allow-list. Its shapes decide alone where
// they are exact and the expression is about the whole text; else RE2 is asked
// once the shapes say that it may match.
type exception struct {
	pattern
	shapes []shape
	whole  bool // every shape begins with ^
	exact  bool
	firsts byteSet // what a match may begin with
}

func newException(source string) (*exception, error) {
	shapes, err := shapesOf(source)
	if err != nil {
		return nil, fmt.Errorf("allow-list: %w", err)
	}
	x := &exception{pattern: pattern{source: source}, shapes: shapes}
	x.whole = !slices.ContainsFunc(shapes, func(s shape) bool { return !s.textStart })
	for _, s := range shapes {
		if len(s.steps) == 0 || s.steps[0].min == 0 {
			x.firsts.addRange(0, 255)
			continue
		}
		x.firsts.join(&s.steps[0].set)
	}
	x.exact = !slices.ContainsFunc(shapes, func(s shape) bool { return !s.exact })
	return x, nil
}

func (x *exception) matches(b []byte) (bool, error) {
	if !x.whole {
		if x.exact {
			return x.anywhere(b), nil
		}
		return x.within(b)
	}
	if len(b) > 0 && !x.firsts.has(b[0]) {
		return false, nil
	}
	for i := range x.shapes {
		if _, _, _, ok := x.shapes[i].match(b, 0); ok {
			if x.exact {
				return true, nil
			}
			return x.within(b)
		}
	}
	return false, nil
}

// anywhere reports whether one of the shapes, which are exact, is in b.
func (x *exception) anywhere(b []byte) bool {
	for at, c := range b {
		if !x.firsts.has(c) {
			continue
		}
		for i := range x.shapes {
			if _, _, _, ok := x.shapes[i].match(b, at); ok {
				return true
			}
		}
	}
	return false
}
