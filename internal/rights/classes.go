package rights

import (
	"strconv"
	"strings"
	"sync"

	"github.com/writ-project/writ/internal/glob"
)

// Classes remembers the classes that lists of patterns split resources into:
// many principals have the same. It is safe for concurrent use; the zero value
// is ready.
type Classes struct {
	mu   sync.Mutex
	seen map[string][]glob.Atom
}

// maxRemembered bounds how many lists are remembered; beyond it all are
// forgotten.
const maxRemembered = 4096

// of returns the classes of patterns in a domain. What is too much is not
// remembered.
func (c *Classes) of(d glob.Domain, patterns []glob.Pattern) ([]glob.Atom, error) {
	if c == nil {
		return d.Atoms(patterns, atomLimit)
	}
	key := classesKey(d, patterns)
	c.mu.Lock()
	atoms, ok := c.seen[key]
	c.mu.Unlock()
	if ok {
		return atoms, nil
	}
	atoms, err := d.Atoms(patterns, atomLimit)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil || len(c.seen) >= maxRemembered {
		c.seen = map[string][]glob.Atom{}
	}
	c.seen[key] = atoms
	return atoms, nil
}

// classesKey tells lists apart: every key is preceded by its length.
func classesKey(d glob.Domain, patterns []glob.Pattern) string {
	var b strings.Builder
	for i, list := range [][]glob.Pattern{d.Within, d.Without, patterns} {
		b.WriteByte(byte(i))
		for _, p := range list {
			k := p.Key()
			b.WriteString(strconv.Itoa(len(k)))
			b.WriteByte(':')
			b.WriteString(k)
		}
	}
	return b.String()
}
