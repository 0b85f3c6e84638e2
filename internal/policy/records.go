package policy

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// records keeps parts of contexts that come again from call to call: making a
// Cedar record costs more than most rules that read it. Each is found by all
// that it is made of, compared in full.
type records struct {
	legs     recent[way]
	sessions recent[standing]
	finds    recent[barren]
	places   recent[place]
	sets     recent[[]string]
}

// recent holds one value in each of its slots, so that no caller can make it
// grow. It is safe for concurrent use.
type recent[K any] struct {
	slots [256]atomic.Pointer[kept[K]]
}

type kept[K any] struct {
	key   K
	value value
}

var seed = maphash.MakeSeed()

func (r *recent[K]) slot(hash uint64) *atomic.Pointer[kept[K]] {
	return &r.slots[hash%uint64(len(r.slots))]
}

// way is what context.leg says.
type way struct {
	kind            rights.LegKind
	region, profile string
}

// leg is context.leg.
func (r *records) leg(w way) value {
	return recall(&r.legs, w, legRecord)
}

// recall is build(key), kept from the last time if it still is.
func recall[K comparable](from *recent[K], key K, build func(K) value) value {
	slot := from.slot(maphash.Comparable(seed, key))
	if k := slot.Load(); k != nil && k.key == key {
		return k.value
	}
	made := build(key)
	slot.Store(&kept[K]{key: key, value: made})
	return made
}

// standing is what context.session says; age is in seconds.
type standing struct {
	age             int64
	proof           identity.ProofKind
	issuer, binding string
	impersonated    bool
}

// standingOf reads a session as it stands at a time.
func standingOf(s *identity.Session, now time.Time) standing {
	age := (now.Sub(s.Issued) + time.Second - 1) / time.Second
	return standing{age: max(int64(age), 0), proof: s.Proof, issuer: s.Issuer, binding: s.Binding, impersonated: s.Impersonated()}
}

// session is context.session. It comes again when an identity calls more than
// once in a second, which is when its cost counts.
func (r *records) session(s *identity.Session, now time.Time) value {
	return recall(&r.sessions, standingOf(s, now), sessionRecord)
}

// barren is content in which nothing was found: all else that can be said of it.
type barren struct {
	level                 dataclass.Level
	truncated, redactable bool
	detectors             string
}

func (b barren) label() dataclass.Label {
	return dataclass.Label{Level: b.level, Truncated: b.truncated, Redactable: b.redactable, Detectors: b.detectors}
}

// content is context.prompt or context.output.
func (r *records) content(l dataclass.Label) value {
	if len(l.Classes)+len(l.Entities)+len(l.Counts)+len(l.Unscanned) > 0 || l.Regulated || l.Confidence != 0 {
		return contentRecord(l)
	}
	b := barren{level: l.Level, truncated: l.Truncated, redactable: l.Redactable, detectors: l.Detectors}
	return recall(&r.finds, b, func(b barren) value { return contentRecord(b.label()) })
}

// place is all that context.network tells of an origin.
type place struct {
	addr  netip.Addr
	names []string
}

// network is context.network.
func (r *records) network(o identity.Origin) value {
	addr := o.Addr.As16()
	slot := r.places.slot(maphash.Bytes(seed, addr[:]))
	if k := slot.Load(); k != nil && k.key.addr == o.Addr && slices.Equal(k.key.names, o.Networks) {
		return k.value
	}
	made := networkRecord(o)
	slot.Store(&kept[place]{key: place{addr: o.Addr, names: slices.Clone(o.Networks)}, value: made})
	return made
}

// set is a set of strings.
func (r *records) set(items []string) value {
	if len(items) == 0 {
		return emptySet
	}
	var h maphash.Hash
	h.SetSeed(seed)
	size := 0
	for _, s := range items {
		h.WriteString(s)
		size += len(s) + 16 // with what refers to it
	}
	slot := r.sets.slot(h.Sum64())
	if k := slot.Load(); k != nil && slices.Equal(k.key, items) {
		return k.value
	}
	if size > maxKeptSet {
		return setValue(items)
	}
	own := make([]string, len(items))
	for i, s := range items {
		own[i] = strings.Clone(s) // it may be a part of a whole body
	}
	made := setValue(own)
	slot.Store(&kept[[]string]{key: own, value: made})
	return made
}

// maxKeptSet bounds what one set kept for later holds in memory, in bytes.
const maxKeptSet = 16 << 10
