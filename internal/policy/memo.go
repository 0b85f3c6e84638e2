package policy

import (
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/writ-project/writ/internal/dataclass"
)

// memo remembers decisions. A workload makes the same kind of call over and
// over: same model, same tools, from the same place. What differs from one to
// the next, the time above all, is mostly nothing that any rule reads. A
// decision is a function of the rules and of what they read, so while that
// stays the same the decision does too, and need not be worked out again.
//
// An entry is found by everything that the rules in force for its holder could
// read, compared in full, and counts only between two turns of time: instants
// at which some comparison with the present changes. It serves the rules it
// was made by and no others, whoever holds the same grants. Callers can make
// it forget, and nothing else: its size is fixed.
type memo struct {
	slots [memoSlots]atomic.Pointer[remembered]
}

const (
	memoSlots = 2048
	// maxMemoKey bounds what is remembered of one call, in bytes: longer ones
	// are decided anew.
	maxMemoKey = 8 << 10
)

// remembered is a decision as it was made. Callers share its slices.
type remembered struct {
	key         string
	holder      *holder
	from, until int64 // milliseconds, both excluded
	decision    Decision
	answer      []string // the grants that may release the answer
}

// recollection is one call on its way through the memo.
type recollection struct {
	key    string // empty when the call is not to be remembered
	holder *holder
	reads  *reads
	slot   *atomic.Pointer[remembered]
}

var memoKeys = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// recall looks for the decision on a request. The second result is where keep
// may put it when there is none.
func (b *Bundle) recall(r *Request, h *holder) (*remembered, recollection) {
	c := recollection{holder: h, reads: b.readsFor(h)}
	if c.reads.clock {
		return nil, c
	}
	room := memoKeys.Get().(*[]byte)
	defer memoKeys.Put(room)
	*room = appendKey((*room)[:0], r, c.reads)
	if len(*room) > maxMemoKey {
		return nil, c
	}
	c.slot = &b.memo.slots[maphash.Bytes(seed, *room)%memoSlots]
	ms := r.Now.UnixMilli()
	if e := c.slot.Load(); e != nil && e.holder == h && e.from < ms && ms < e.until && e.key == string(*room) {
		return e, c
	}
	c.key = string(*room)
	return nil, c
}

// readsFor is what the rules in force for a holder read.
func (b *Bundle) readsFor(h *holder) *reads {
	if h == nil {
		return &b.stamper.reads
	}
	return &h.reads
}

// keep remembers a decision, unless it was made on a turn.
func (c *recollection) keep(r *Request, d Decision, answer []string) {
	if c.key == "" || d.Code == CodeInvalidRequest {
		return
	}
	from, until, ok := c.reads.span(r.Now)
	if !ok {
		return
	}
	d.Permit = nil
	c.slot.Store(&remembered{key: c.key, holder: c.holder, from: from, until: until, decision: d, answer: answer})
}

// again is the decision for another call like the one it was made on. Its
// permit covers that call and no other.
func (e *remembered) again(r *Request) Decision {
	d := e.decision
	if d.Code == CodePermit {
		d.Permit = mint(r, d.Grants, e.answer, d.Until)
	}
	return d
}

// appendKey writes down all of a request that its decision can depend on. Every
// string is preceded by its length and every list by its count, so that no two
// requests share a key.
func appendKey(k []byte, r *Request, rd *reads) []byte {
	k = appendIdentity(k, r)
	k = appendStanding(k, r, rd)
	k = appendCall(k, r, rd)
	k = appendCount(k, len(r.Legs))
	for i := range r.Legs {
		l := &r.Legs[i]
		for _, s := range [...]string{string(l.Kind), l.Action, l.Resource, l.Region, l.Model, l.Profile} {
			k = appendField(k, s)
		}
	}
	k = appendLabel(k, &r.Prompt)
	if r.Output != nil {
		k = appendLabel(append(k, 1), r.Output)
	} else {
		k = append(k, 0)
	}
	k = appendField(k, r.Asserted.Purpose)
	k = appendList(k, r.Asserted.Classes)
	if rd.metadata {
		for _, name := range slices.Sorted(maps.Keys(r.Asserted.Metadata)) {
			k = appendField(appendField(k, name), r.Asserted.Metadata[name])
		}
	}
	return k
}

func appendIdentity(k []byte, r *Request) []byte {
	i := r.Identity
	for _, s := range [...]string{i.ID, string(i.Kind), i.Environment, i.Team, string(i.State), i.Sponsor} {
		k = appendField(k, s)
	}
	return appendList(appendFlag(k, i.Shared), i.Purposes)
}

// appendStanding writes who calls from where and when.
func appendStanding(k []byte, r *Request, rd *reads) []byte {
	s := standingOf(&r.Session, r.Now)
	k = appendField(k, string(s.proof))
	k = appendField(k, s.issuer)
	k = appendField(k, s.binding)
	k = appendFlag(k, s.impersonated)
	if rd.age {
		k = appendCount(k, int(s.age))
	}
	if rd.calendar {
		utc := r.Now.UTC()
		k = append(k, byte(utc.Hour()), byte(utc.Weekday()))
	}
	addr := r.Origin.Addr.As16()
	k = append(append(k, byte(r.Origin.Addr.BitLen())), addr[:]...)
	return appendList(k, r.Origin.Networks)
}

func appendCall(k []byte, r *Request, rd *reads) []byte {
	c := &r.Caps
	k = appendField(k, string(r.Operation))
	k = appendField(appendField(k, r.Account), r.Home)
	k = appendField(k, r.Region)
	if rd.bytes {
		k = appendCount(k, r.BodyBytes)
	}
	k = appendCount(k, int(c.MaxTokens))
	k = appendCount(k, len(c.Tools))
	for _, t := range c.Tools {
		k = append(appendField(k, t.Name), t.Digest[:]...)
	}
	if g := c.Guardrail; g != nil {
		k = appendField(appendField(append(k, 1), g.ID), g.Version)
		k = appendFlag(appendFlag(k, g.Async), g.Narrowed)
	} else {
		k = append(k, 0)
	}
	if o := c.Output; o != nil {
		k = appendField(appendField(appendField(append(k, 1), o.URI), o.KMSKey), o.BucketOwner)
	} else {
		k = append(k, 0)
	}
	k = appendField(k, c.ServiceTier)
	k = appendField(k, c.Latency)
	for _, list := range [...][]string{c.SystemTools, c.Extras, c.UnknownFields, c.S3, c.KMSKeys, c.Tags, c.UnknownContent} {
		k = appendList(k, list)
	}
	return k
}

func appendLabel(k []byte, l *dataclass.Label) []byte {
	k = append(k, byte(l.Level))
	k = appendCount(k, len(l.Classes))
	for _, c := range l.Classes {
		k = appendField(k, string(c))
	}
	k = appendCount(k, len(l.Counts))
	for _, c := range slices.Sorted(maps.Keys(l.Counts)) {
		k = appendCount(appendField(k, string(c)), l.Counts[c])
	}
	k = appendList(k, l.Entities)
	k = appendList(k, l.Unscanned)
	for _, flag := range [...]bool{l.Regulated, l.Truncated, l.Redactable} {
		k = appendFlag(k, flag)
	}
	return appendField(appendCount(k, l.Confidence), l.Detectors)
}

func appendFlag(k []byte, on bool) []byte {
	if on {
		return append(k, 1)
	}
	return append(k, 0)
}

func appendList(k []byte, items []string) []byte {
	k = appendCount(k, len(items))
	for _, s := range items {
		k = appendField(k, s)
	}
	return k
}
