package manifest

import (
	"hash/maphash"
	"strconv"
	"sync"
	"time"

	"github.com/writ-project/writ/internal/rights"
)

// canonical reads a spec of the very form that Encode gives it, where that can
// be told at a glance: an installation loads a million grants at its start. What
// it does not know at once is not wrong; Decode then reads it at its leisure.
type canonical struct {
	rest []byte
	odd  bool // not of the form
	said *said
}

// said is texts that were read lately, so that of what many specs have few
// copies are kept. It is a table without chains: what is not in its place is new.
type said struct {
	texts [4096]string
	seed  maphash.Seed
}

var saids = sync.Pool{New: func() any { return &said{seed: maphash.MakeSeed()} }}

func (s *said) copyOf(text []byte) string {
	at := &s.texts[maphash.Bytes(s.seed, text)%uint64(len(s.texts))]
	if *at != string(text) {
		*at = string(text)
	}
	return *at
}

// next reports whether the text goes on with a literal, and steps over it.
func (c *canonical) next(literal string) bool {
	if len(c.rest) < len(literal) || string(c.rest[:len(literal)]) != literal {
		return false
	}
	c.rest = c.rest[len(literal):]
	return true
}

// want makes what does not go on with a literal odd.
func (c *canonical) want(literal string) {
	if !c.next(literal) {
		c.odd = true
	}
}

// text reads a string of printable ASCII without escapes.
func (c *canonical) text() []byte {
	c.want(`"`)
	for i := 0; i < len(c.rest) && !c.odd; i++ {
		switch b := c.rest[i]; {
		case b == '"':
			out := c.rest[:i]
			c.rest = c.rest[i+1:]
			return out
		case b < ' ' || b > '~' || b == '\\':
			c.odd = true
		}
	}
	c.odd = true
	return nil
}

// own is text that outlives the spec.
func (c *canonical) own() string { return string(c.text()) }

// shared is text that many specs have.
func (c *canonical) shared() string { return c.said.copyOf(c.text()) }

// time reads a whole second in UTC.
func (c *canonical) time() (t time.Time) {
	s := c.text()
	if len(s) != len("2006-01-02T15:04:05Z") || s[len(s)-1] != 'Z' || t.UnmarshalText(s) != nil {
		c.odd = true
	}
	return t.UTC()
}

// count reads a whole number that is not negative.
func (c *canonical) count() *int64 {
	end := 0
	for end < len(c.rest) && '0' <= c.rest[end] && c.rest[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(string(c.rest[:end]), 10, 64)
	c.odd = c.odd || err != nil || end > 1 && c.rest[0] == '0'
	c.rest = c.rest[end:]
	return &n
}

// names reads a list of shared texts, not empty.
func (c *canonical) names() (out []string) {
	c.want("[")
	out = append(out, c.shared())
	for c.next(",") {
		out = append(out, c.shared())
	}
	c.want("]")
	return out
}

// canonicalGrant reads a grant that is narrowed in what it may cost, if at all; ok is false where Decode
// must look closer.
func canonicalGrant(spec []byte) (g *rights.Grant, ok bool) {
	c := &canonical{rest: spec, said: saids.Get().(*said)}
	defer saids.Put(c.said)
	g = &rights.Grant{}
	c.want(`{"identity":`)
	g.Identity = c.shared()
	c.want(`,"entitlement":`)
	g.Entitlement = c.shared()
	if c.next(`,"notBefore":`) {
		g.NotBefore = c.time()
	}
	c.want(`,"notAfter":`)
	g.NotAfter = c.time()
	if c.next(`,"origin":`) {
		g.Origin = c.shared()
	}
	if c.next(`,"reason":`) {
		g.Reason = c.shared()
	}
	if c.next(`,"state":`) {
		g.State = rights.GrantState(c.shared())
	}
	if c.next(`,"duration":`) {
		c.odd = g.Duration.UnmarshalText(c.text()) != nil || c.odd
	}
	if c.next(`,"narrow":{"spendUSD":`) {
		g.Narrow = &rights.Narrowing{SpendUSD: c.count()}
		c.want("}")
	}
	if c.next(`,"from":`) {
		g.From = c.provenance()
	}
	c.want("}")
	return g, !c.odd && len(c.rest) == 0
}

// provenance reads where a grant comes from.
func (c *canonical) provenance() *rights.Provenance {
	p := &rights.Provenance{}
	c.want(`{"request":`)
	p.Request = c.own()
	c.want(`,"requester":`)
	p.Requester = c.shared()
	c.want(`,"approvers":`)
	p.Approvers = c.names()
	c.want(`,"pin":`)
	p.Pin = c.own()
	c.want("}")
	return p
}
