package governance

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
)

// Ledger is what the audit log, in all its shards, says the state must be:
// which record spoke last of each resource that there is, and which acts are
// still open. Against it, whoever can write the store but not the log can
// neither add a row, nor put an old one back, nor take one away (security S17).
type Ledger struct {
	log   Recorder
	shard string // the one that this process writes
	own   term   // the same

	writing sync.Mutex // one control record at a time, so that their order is known
	feed    *feed      // of the other shards; nil when there are none

	mu     sync.RWMutex
	terms  terms
	latest map[thing]saying  // of what there is; of observe mode also what is over
	gone   map[thing]saying  // what ended, as long as an older word may still come
	count  int               // of latest: what a whole state has a row of
	view   uint64            // the revision of the last state that was loaded
	past   map[thing][]past  // what was last in that state, and is not any more
	newest uint64            // the highest revision that an act is known to have made
	floors map[string]uint32 // the lowest epoch at which an identity's sessions count
	open   map[place]*announced
}

// past is a word that was overtaken, and the revision at which it was. Whoever
// judges the rows of a state while an act goes on has to judge them as of that
// state.
type past struct {
	saying
	until uint64
}

// place is a record's place among the shards.
type place struct {
	shard term
	index uint64
}

// announced is an act whose outcome is not known yet.
type announced struct {
	revision uint64
	changes  []spoken
	left     bool // by whoever performed it, who could not find out how it ended
}

// OpenLedger reads the control records of the log that this process writes.
func OpenLedger(ctx context.Context, log Recorder, shard string) (*Ledger, error) {
	l := &Ledger{
		log: log, shard: shard, latest: make(map[thing]saying), gone: make(map[thing]saying),
		floors: make(map[string]uint32), open: make(map[place]*announced), view: ^uint64(0),
	}
	l.own, _ = l.terms.of(shard) // the first has its place
	err := log.Scan(ctx, 0, func(index uint64, entry []byte) error {
		if !control(entry) {
			return nil
		}
		return l.read(l.own, index, entry)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	return l, nil
}

// control recognises the two kinds of control record by how every entry in
// canonical form begins, which spares parsing a log full of calls.
func control(entry []byte) bool { return bytes.HasPrefix(entry, []byte(`{"v":1,"kind":"control`)) }

// read notes a control record of any shard.
func (l *Ledger) read(shard term, index uint64, entry []byte) error {
	r, err := auditlog.ParseRecord(entry)
	switch {
	case err != nil:
	case r.Kind == auditlog.KindControl:
		err = l.announce(place{shard, index}, r.Control)
	case r.Kind == auditlog.KindControlOutcome:
		err = l.close(place{shard, r.Outcome.Intent}, r.Outcome.Ended == ended)
	default:
		err = fmt.Errorf("it is a record of kind %s", r.Kind)
	}
	if err != nil {
		return fmt.Errorf("record %d: %w", index, err)
	}
	return nil
}

// announce notes a control record.
func (l *Ledger) announce(at place, c *auditlog.Control) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	changes, err := l.hearAll(at, c)
	if err == nil {
		l.open[at] = &announced{revision: c.Revision, changes: changes}
	}
	return err
}

// close notes how the act of a control record ended.
func (l *Ledger) close(at place, complete bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.feed != nil {
		if settled, was := l.feed.settled[at]; was {
			if settled != complete {
				return fmt.Errorf("the store says that record %s/%d was committed: %v, and its log: %v", l.terms.names[at.shard], at.index, settled, complete)
			}
			delete(l.feed.settled, at)
		}
	}
	l.finish(at, complete)
	return nil
}

// finish closes an act; it needs the ledger's lock.
func (l *Ledger) finish(at place, complete bool) {
	act, known := l.open[at]
	if !known {
		return
	}
	delete(l.open, at)
	if !complete {
		return
	}
	l.newest = max(l.newest, act.revision)
	for _, s := range act.changes {
		l.raise(s)
		l.take(s)
	}
}

// take makes a word the last on its thing, unless a later one is known.
func (l *Ledger) take(s spoken) {
	last, there := l.latest[s.thing]
	if there && l.before(s.saying, last) {
		return
	}
	over, was := l.gone[s.thing]
	if was && l.before(s.saying, over) {
		return
	}
	if s.revision > l.view && (there || was) {
		if was {
			last = over
		}
		l.past[s.thing] = append(l.past[s.thing], past{last, s.revision})
	}
	if l.ends(s.saying) && l.terms.names[s.kind] != observeKind {
		if there && l.counts(s.kind) {
			l.count--
		}
		delete(l.latest, s.thing)
		l.gone[s.thing] = s.saying
		return
	}
	if !there && l.counts(s.kind) {
		l.count++
	}
	delete(l.gone, s.thing)
	l.latest[s.thing] = s.saying
}

// counts reports whether a whole state, as it is loaded, has a row of each
// thing of a kind.
func (l *Ledger) counts(kind term) bool {
	switch l.terms.names[kind] {
	case keyKind, observeKind, string(manifest.Request), string(manifest.Hold):
		return false
	}
	return true
}

// forget drops what is gone once no older word on it can come: every act that
// led to a revision up to this one has been heard of.
func (l *Ledger) forget(upto uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.gone) == 0 {
		return
	}
	oldest := ^uint64(0)
	touched := make(map[thing]bool)
	for _, act := range l.open {
		if act.revision > 0 {
			oldest = min(oldest, act.revision)
		}
		for _, s := range act.changes {
			touched[s.thing] = true
		}
	}
	for t, w := range l.gone {
		if w.revision <= upto && w.revision < oldest && !touched[t] {
			delete(l.gone, t)
		}
	}
}

// raise keeps an identity's epoch from ever being lower than the log has seen
// it; deleting an identity ends its sessions for good.
func (l *Ledger) raise(s spoken) {
	if l.terms.names[s.kind] != string(manifest.Identity) {
		return
	}
	floor := max(l.floors[s.name], s.epoch)
	if l.ends(s.saying) {
		floor++
	}
	l.floors[s.name] = floor
}

// Floors returns the epochs that a restored store must not fall below
// (security S17).
func (l *Ledger) Floors() map[string]uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.floors)
}

// leave says that nobody performs an act any more. One that is closed is no matter.
func (l *Ledger) leave(index uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if act := l.open[place{l.own, index}]; act != nil {
		act.left = true
	}
}

// unfinished lists this process's open acts in order.
func (l *Ledger) unfinished() []uint64 {
	return l.mine(func(*announced) bool { return true })
}

// abandoned are those that nobody performs any more.
func (l *Ledger) abandoned() []uint64 {
	return l.mine(func(a *announced) bool { return a.left })
}

func (l *Ledger) mine(which func(*announced) bool) []uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []uint64
	for at, act := range l.open {
		if at.shard == l.own && which(act) {
			out = append(out, at.index)
		}
	}
	slices.Sort(out)
	return out
}

// Authorised reports an error unless the record that a row names is the last
// that spoke of its resource, and names that very change by digest. The record
// may be in any shard.
func (l *Ledger) Authorised(ref store.Ref, c store.Change) error {
	want, known := l.claim(c)
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.judge(ref, want, known, auditlog.Change{Op: string(c.Op), Kind: string(c.Kind), Name: c.Name})
}

func (l *Ledger) names(ref store.Ref, c auditlog.Change) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	want, known := l.recall(c)
	return l.judge(ref, want, known, c)
}

// judge looks for a word at the place where it should be; it needs the ledger's
// lock. c is for errors.
func (l *Ledger) judge(ref store.Ref, want spoken, known bool, c auditlog.Change) error {
	at, shard := place{index: ref.Index}, false
	at.shard, shard = l.terms.at[ref.Shard]
	if !shard || !known {
		return fmt.Errorf("record %v does not authorise this %s of %s/%s: the log has no such thing", ref, c.Op, c.Kind, c.Name)
	}
	last, there := l.latest[want.thing]
	act := l.open[at]
	switch {
	case there && last.place() == at && last.says(want.saying):
		return nil
	case act != nil && act.names(want) && (!there || l.before(last, act.saying(at))):
		return nil // committed a moment ago; its outcome is on the way
	case !there && l.ends(want.saying) && l.over(at, want.thing):
		return nil
	case l.was(at, want):
		return nil
	case there && last.shard == at.shard && last.index > at.index || there && act != nil:
		return fmt.Errorf("record %v is overtaken: record %s/%d spoke of %s/%s after it", ref, l.terms.names[last.shard], last.index, c.Kind, c.Name)
	}
	return fmt.Errorf("record %v does not authorise this %s of %s/%s", ref, c.Op, c.Kind, c.Name)
}

// saying is what an act says, without what it says.
func (a *announced) saying(at place) saying {
	return saying{shard: at.shard, index: at.index, revision: a.revision}
}

// was reports whether a word was the last one in the state that was loaded.
func (l *Ledger) was(at place, want spoken) bool {
	return slices.ContainsFunc(l.past[want.thing], func(p past) bool {
		return p.place() == at && p.says(want.saying) && p.revision <= l.view && p.until > l.view
	})
}

func (a *announced) names(want spoken) bool {
	return slices.ContainsFunc(a.changes, func(s spoken) bool { return s.thing == want.thing && s.says(want.saying) })
}

// over reports whether a thing that the log has no living word on is gone for
// certain: by the record at this place, or since no open act speaks of it.
func (l *Ledger) over(at place, t thing) bool {
	if w, was := l.gone[t]; was {
		return w.shard == at.shard && w.index == at.index
	}
	for _, act := range l.open {
		if slices.ContainsFunc(act.changes, func(s spoken) bool { return s.thing == t }) {
			return false
		}
	}
	return true
}

// whole reports an error when rows, loaded as the whole state, lack a resource
// that the log says is there. What an act made after the revision asked for was
// perhaps not there when they were read.
func (l *Ledger) whole(rows []store.Row, revision uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := 0
	for _, r := range rows {
		if _, known := l.latest[l.thingOf(r)]; known && !r.Deleted() {
			found++
		}
	}
	if found == l.count {
		return nil
	}
	have := make(map[thing]bool, len(rows))
	for _, r := range rows {
		have[l.thingOf(r)] = true
	}
	for t, last := range l.latest {
		if l.counts(t.kind) && !have[t] && last.revision <= revision {
			return fmt.Errorf("%s/%s is missing from the store: record %s/%d put it there", l.terms.names[t.kind], t.name, l.terms.names[last.shard], last.index)
		}
	}
	return nil // what it lacks was made since it was read
}

func (l *Ledger) thingOf(r store.Row) thing {
	kind, known := l.terms.at[string(r.Kind)]
	if !known {
		kind = l.own // a shard's name, which is no kind: nothing is known of it
	}
	return thing{r.Name, kind}
}

// Load reads the state of a store with what the log says of it, and refuses a
// whole one with gaps.
func (l *Ledger) Load(ctx context.Context, db *store.DB, since int64) (rows []store.Row, revision int64, err error) {
	before := l.look()
	if l.feed == nil {
		if rows, revision, err = db.Load(ctx, since); err == nil {
			l.seen(revision)
			l.forget(uint64(revision))
		}
	} else {
		rows, revision, err = l.loadFollowing(ctx, db, since)
	}
	if err == nil && since == 0 {
		err = l.whole(rows, max(before, uint64(revision)))
	}
	return rows, revision, err
}

// look begins the reading of a state: what is overtaken from now on is kept for
// judging it. It returns the highest revision that an act is known to have made.
func (l *Ledger) look() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.past = make(map[thing][]past)
	l.view = min(l.view, l.newest)
	return l.newest
}

// seen notes which state was read.
func (l *Ledger) seen(revision int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.view = uint64(revision)
}
