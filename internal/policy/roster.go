package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// shards is how many parts a roster has; a change copies only the parts it
// touches.
const shards = 256

// roster holds every identity's grants, under one set of laws. It is immutable.
type roster struct {
	parts [shards]*part
	deps  *stamper
	of    map[string]int // how many grants there are of each entitlement
}

type part struct {
	holdings map[string]*holding
	sum      [sha256.Size]byte // over the holdings, by name
}

// holding is one identity's grants. They are rows, whatever the laws, until the
// identity calls; what is compiled then is kept as long as the laws are the same.
type holding struct {
	grants []*rights.Grant // by name
	sum    [sha256.Size]byte
	made   atomic.Pointer[holder] // under the laws that were last asked for
}

// holder is a holding compiled under the laws in force.
type holder struct {
	grants []*rights.Grant // by name
	deps   *stamper

	once     sync.Once // guards the rest but for known
	rules    []*rule
	accounts []string // that the grants which give something are for, sorted
	decide   *index   // permits of the decision itself
	oblige   *index   // obligations
	reads    reads    // what these rules and the laws read together

	known atomic.Pointer[acquaintance]
}

// under compiles a holding, once for all who ask under the same laws.
func (h *holding) under(deps *stamper) *holder {
	for {
		last := h.made.Load()
		if last != nil && last.deps == deps {
			last.once.Do(last.compile)
			return last
		}
		h.made.CompareAndSwap(last, &holder{grants: h.grants, deps: deps})
	}
}

// acquaintance is an identity as it was last seen, with its entity.
type acquaintance struct {
	identity identity.Identity
	entity   entity
}

// principal is an identity as an entity, made anew only when the identity
// differs from the one last seen.
func (h *holder) principal(i *identity.Identity) entity {
	if h == nil {
		return principalOf(i)
	}
	if k := h.known.Load(); k != nil && sameAttributes(&k.identity, i) {
		return k.entity
	}
	k := &acquaintance{identity: *i, entity: principalOf(i)}
	k.identity.Purposes = slices.Clone(i.Purposes)
	h.known.Store(k)
	return k.entity
}

// sameAttributes compares what principalOf reads.
func sameAttributes(a, b *identity.Identity) bool {
	return a.ID == b.ID && a.Kind == b.Kind && a.Environment == b.Environment && a.Team == b.Team &&
		a.Shared == b.Shared && a.State == b.State && a.Sponsor == b.Sponsor && slices.Equal(a.Purposes, b.Purposes)
}

// shardOf places an identity, alike on every machine: the digest depends on it.
func shardOf(identity string) int { return int(sha256.Sum256([]byte(identity))[0]) }

// change is what happens to one identity's grants.
type change struct {
	gone  map[string]bool // by name; nil: none
	added []*rights.Grant // those of the same name are gone, too
}

// changesBy sorts a change of grants by identity.
func changesBy(gone, added []*rights.Grant) map[string]*change {
	changes := map[string]*change{}
	of := func(identity string) *change {
		c := changes[identity]
		if c == nil {
			c = &change{}
			changes[identity] = c
		}
		return c
	}
	for _, g := range gone {
		of(g.Identity).end(g.ID)
	}
	for _, g := range added {
		c := of(g.Identity)
		c.added = append(c.added, g)
	}
	return changes
}

func (c *change) end(name string) {
	if c.gone == nil {
		c.gone = map[string]bool{}
	}
	c.gone[name] = true
}

// with returns the roster after a change. A nil roster is empty.
func (r *roster) with(gone, added []*rights.Grant, deps *stamper) *roster {
	next := &roster{}
	if r != nil {
		*next = *r
	}
	next.deps, next.of = deps, maps.Clone(next.of)
	if next.of == nil {
		next.of = map[string]int{}
	}
	touched := map[int]bool{}
	for identity, c := range changesBy(gone, added) {
		i := shardOf(identity)
		if !touched[i] {
			next.parts[i] = next.parts[i].clone()
			touched[i] = true
		}
		holdings := next.parts[i].holdings
		h := holdings[identity].with(c)
		next.count(holdings[identity], -1)
		next.count(h, 1)
		if h != nil {
			holdings[identity] = h
		} else {
			delete(holdings, identity)
		}
	}
	for i := range touched {
		if len(next.parts[i].holdings) == 0 {
			next.parts[i] = nil // as if it had never been: digests do not remember
			continue
		}
		next.parts[i].seal()
	}
	return next
}

// count notes that a holding came or went.
func (r *roster) count(h *holding, by int) {
	if h == nil {
		return
	}
	for _, g := range h.grants {
		if r.of[g.Entitlement] += by; r.of[g.Entitlement] == 0 {
			delete(r.of, g.Entitlement)
		}
	}
}

// holder returns an identity's grants, compiled; nil when it has none.
func (r *roster) holder(identity string) *holder {
	p := r.parts[shardOf(identity)]
	if p == nil {
		return nil
	}
	if h := p.holdings[identity]; h != nil {
		return h.under(r.deps)
	}
	return nil
}

// sum is the digest over all grants.
func (r *roster) sum() [sha256.Size]byte {
	h := sha256.New()
	for _, p := range r.parts {
		if p != nil {
			h.Write(p.sum[:])
		} else {
			h.Write(make([]byte, sha256.Size))
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (p *part) clone() *part {
	if p == nil {
		return &part{holdings: map[string]*holding{}}
	}
	return &part{holdings: maps.Clone(p.holdings)}
}

// seal computes the digest once the holdings are settled.
func (p *part) seal() {
	h := sha256.New()
	for _, identity := range slices.Sorted(maps.Keys(p.holdings)) {
		writeField(h, identity)
		h.Write(p.holdings[identity].sum[:])
	}
	p.sum = [sha256.Size]byte(h.Sum(nil))
}

// stamper is what holders need to compile themselves.
type stamper struct {
	catalogue *bedrock.Catalogue
	networks  *identity.Networks
	templates map[string]*template
	narrowed  sync.Map      // *template by entitlement and narrowing, made when first needed
	decisions map[uid][]uid // actions of the decision, with their groups
	duties    map[uid][]uid // actions of obligations, with their groups
	reads     reads         // what the laws read, and when entities change
}

// with returns the holding after a change; nil when no grant is left.
func (h *holding) with(c *change) *holding {
	next := &holding{}
	if h != nil {
		for _, g := range c.added {
			c.end(g.ID)
		}
		for _, g := range h.grants {
			if !c.gone[g.ID] {
				next.grants = append(next.grants, g)
			}
		}
	}
	next.grants = append(next.grants, c.added...)
	if len(next.grants) == 0 {
		return nil
	}
	slices.SortStableFunc(next.grants, func(a, b *rights.Grant) int { return strings.Compare(a.ID, b.ID) })
	next.sum = grantsDigest(next.grants)
	return next
}

// compile stamps the grants into rules.
func (h *holder) compile() {
	for _, g := range h.grants {
		if t := h.deps.of(g); t != nil {
			h.rules = append(h.rules, t.stamp(g)...)
			h.accounts = append(h.accounts, t.ent.Account)
		}
	}
	slices.Sort(h.accounts)
	h.accounts = slices.Compact(h.accounts)
	h.decide = newIndex(h.rules, h.deps.decisions)
	h.oblige = newIndex(h.rules, h.deps.duties)
	h.reads = h.deps.reads.and(readsOfAll(h.rules))
}

// unnarrowed is the JSON of no narrowing.
var unnarrowed = []byte("null")

// grantsDigest covers what rules are made of, and where they come from. Of a
// grant's state it covers whether it confers the right: that everybody knows of
// a grant changes no rule.
func grantsDigest(grants []*rights.Grant) [sha256.Size]byte {
	b := make([]byte, 0, 256*len(grants)) // what most take
	for _, g := range grants {
		for _, s := range []string{g.ID, g.Identity, g.Entitlement, g.Origin, g.Reason} {
			b = append(binary.BigEndian.AppendUint64(b, uint64(len(s))), s...)
		}
		narrow := unnarrowed
		if g.Narrow != nil {
			narrow, _ = json.Marshal(g.Narrow) // strings, numbers and flags: it cannot fail
		}
		b = appendFlag(append(binary.BigEndian.AppendUint64(b, uint64(len(narrow))), narrow...), g.State.Confers())
		for _, t := range []time.Time{g.NotBefore, g.NotAfter} {
			b = binary.BigEndian.AppendUint64(b, uint64(t.Unix()))
			b = binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
		}
	}
	return sha256.Sum256(b)
}
