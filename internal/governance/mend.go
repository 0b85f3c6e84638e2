package governance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/grant"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// Mended is what re-applying the log to an older state did.
type Mended struct {
	Items []MendItem `json:"items"`
	// Stopped says that a rule was changed later in a way that nobody knows any
	// more: every call is stopped until somebody has looked and lifts the
	// quarantines of all networks.
	Stopped bool `json:"stopped,omitempty"`
}

// MendItem is one resource on which log and store did not agree.
type MendItem struct {
	Resource string `json:"resource"` // Kind/name
	Did      string `json:"did"`      // in words
}

// everywhere are the networks that every call comes from.
var everywhere = []string{"0.0.0.0/0", "::/0"}

// Mend makes a restored store agree with a log that goes on after the backup was
// taken. What was taken away later is taken away again: deletions, endings,
// sessions, quarantines. Of what was changed or made later only the digest is in
// the log; where the content is lost, the right that may depend on it ends, or,
// where that cannot be told, every call is stopped. Nothing is wider afterwards
// than the log allows (security S17). The others are logs of other shards, by
// name, that are at hand besides this process's own.
//
// It runs before anything is served, and may run again after a failure.
func (o *Office) Mend(ctx context.Context, a Actor, others map[string]Reading) (Mended, error) {
	m := &mender{office: o, logs: map[string]Reading{o.cfg.Instance.Shard: o.cfg.Log}, settled: make(map[string]bool), present: make(map[string]manifest.Resource)}
	if err := m.listen(ctx, others); err != nil {
		return Mended{}, fmt.Errorf("reading the log: %w", err)
	}
	if err := o.cfg.Store.Advance(ctx, int64(m.newest)); err != nil {
		return Mended{}, err
	}
	if err := m.compare(ctx); err != nil {
		return Mended{}, err
	}
	if err := m.settle(); err != nil {
		return Mended{}, err
	}
	return m.report, m.carryOut(ctx, a)
}

// Reading is a log that is read.
type Reading interface {
	Entry(index uint64) ([]byte, error)
	Scan(ctx context.Context, from uint64, visit func(index uint64, entry []byte) error) error
}

// mender is one run of Mend.
type mender struct {
	office *Office
	logs   map[string]Reading
	newest uint64 // revision that any record speaks of
	people bool   // the log speaks of operators
	report Mended

	present map[string]manifest.Resource // what the store has, as far as it stays
	changes []store.Change
	forget  []store.Change  // deletions of what the store does not have
	held    []string        // gone, and kept for now since others may refer to it
	settled map[string]bool // what was noted
}

// listen has the ledger hear of the other shards' records, and finds how far the
// log speaks.
func (m *mender) listen(ctx context.Context, others map[string]Reading) error {
	l := m.office.cfg.Ledger
	for name, log := range others {
		if name == l.shard {
			return fmt.Errorf("shard %q is this process's own", name)
		}
		m.logs[name] = log
	}
	for name, log := range m.logs {
		l.mu.Lock()
		shard, err := l.terms.of(name)
		l.mu.Unlock()
		if err != nil {
			return err
		}
		err = log.Scan(ctx, 0, func(index uint64, entry []byte) error {
			if !control(entry) {
				return nil
			}
			if err := m.hear(entry); err != nil || name == l.shard {
				return err
			}
			return l.read(shard, index, entry)
		})
		if err != nil {
			return fmt.Errorf("shard %s: %w", name, err)
		}
	}
	return nil
}

func (m *mender) hear(entry []byte) error {
	r, err := auditlog.ParseRecord(entry)
	if err != nil || r.Kind != auditlog.KindControl {
		return err
	}
	m.newest = max(m.newest, r.Control.Revision)
	m.people = m.people || slices.ContainsFunc(r.Control.Changes, func(c auditlog.Change) bool { return c.Kind == string(manifest.Operator) })
	return nil
}

// compare goes through what the store has, and then through what only the log
// knows of.
func (m *mender) compare(ctx context.Context) error {
	rows, err := m.rows(ctx)
	if err != nil {
		return err
	}
	said := m.office.cfg.Ledger.said()
	var errs []error
	var behind []manifest.Resource
	for _, row := range rows {
		if row.Deleted() {
			continue
		}
		r, err := row.Resource()
		if err == nil && row.Stored != row.Digest() {
			err = fmt.Errorf("%s: its content is not that of its digest", r.ID())
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		m.present[r.ID()] = r
		if m.office.cfg.Ledger.Authorised(row.Record, row.Change) != nil {
			behind = append(behind, r)
		}
	}
	for _, r := range behind {
		word, there := said[r.ID()]
		m.behind(r, word, there)
	}
	for _, id := range sortedKeys(said) {
		if _, there := m.present[id]; !there && !m.settled[id] {
			m.lost(said[id])
		}
	}
	return errors.Join(errs...)
}

// rows are all living rows, requests too.
func (m *mender) rows(ctx context.Context) ([]store.Row, error) {
	return m.office.cfg.Store.List(ctx, "")
}

func (m *mender) note(id, did string) {
	m.settled[id] = true
	m.report.Items = append(m.report.Items, MendItem{id, did})
}

// behind settles a resource of which the log knows something later.
func (m *mender) behind(r manifest.Resource, later said, there bool) {
	if !there {
		m.note(r.ID(), "was deleted or had ended later: taken away again")
		m.takeAway(r)
		return
	}
	if next, did := guess(r, later); did != "" {
		m.note(r.ID(), did)
		m.restate(next)
		return
	}
	m.unknown(r, later)
}

// guess finds what a resource became where that follows from what it was: an
// identity whose sessions were voided, a grant that was found to be known
// everywhere. The digest says whether it is right.
func guess(r manifest.Resource, later said) (next manifest.Resource, did string) {
	switch spec := r.Spec.(type) {
	case *identity.Identity:
		next, did = manifest.WithEpoch(r, later.epoch), fmt.Sprintf("its sessions were voided later: they are void again (epoch %d)", later.epoch)
	case *rights.Grant:
		active, err := grant.Confirmed(*spec)
		if err != nil {
			return r, ""
		}
		next, did = r, "was known everywhere later: it is so again"
		next.Spec = &active
	default:
		return r, ""
	}
	if next.Digest() != later.digest {
		return r, ""
	}
	return next, did
}

// takeAway deletes a resource; one that others may refer to only if they do not.
func (m *mender) takeAway(r manifest.Resource) {
	switch r.Kind {
	case manifest.Issuer, manifest.Network, manifest.Model, manifest.Profile, manifest.Identity, manifest.Entitlement, manifest.Operator, manifest.SoDRule:
		m.held = append(m.held, r.ID())
		return
	}
	m.remove(r)
}

func (m *mender) remove(r manifest.Resource) {
	delete(m.present, r.ID())
	m.changes = append(m.changes, store.Change{Op: manifest.Delete, Kind: r.Kind, Name: r.Name})
}

// restate vouches anew for a resource, as it is given.
func (m *mender) restate(r manifest.Resource) {
	m.present[r.ID()] = r
	m.changes = append(m.changes, m.worded(manifest.Update, r))
}

// worded encodes what was decoded, or made here.
func (m *mender) worded(op manifest.Op, r manifest.Resource) store.Change {
	c := store.Change{Op: op, Kind: r.Kind, Name: r.Name}
	c.Spec, _ = r.Encode() // a spec that was decoded always encodes
	return c
}

// unknown settles a resource that was changed later, nobody knows how.
func (m *mender) unknown(r manifest.Resource, later said) {
	switch spec := r.Spec.(type) {
	case *rights.Grant:
		m.note(r.ID(), "was changed later, and how is lost: it has ended")
		m.remove(r)
	case *operator.Operator:
		next := *spec
		next.Disabled, next.Epoch = true, next.Epoch+1
		r.Spec = &next
		m.note(r.ID(), "was changed later, and how is lost: it is disabled")
		m.restate(r)
	case *identity.Identity:
		m.note(r.ID(), "was changed later, and how is lost: it is quarantined")
		m.restate(manifest.WithEpoch(r, later.epoch+1))
		m.stop(rights.Target{Kind: rights.TargetIdentity, Name: r.Name}, later)
	case *rights.Entitlement:
		m.note(r.ID(), "was changed later, and how is lost: its grants have ended")
		m.restate(r)
		m.endGrantsOf(r.Name)
	case *rights.Quarantine:
		m.note(r.ID(), "was stated anew later: it stands")
		m.restate(r)
	default:
		m.unknownRule(r, later)
	}
}

// unknownRule is unknown for what takes no right by itself: what gives something
// goes, and what calls are judged by stops them all.
func (m *mender) unknownRule(r manifest.Resource, later said) {
	switch r.Kind {
	case manifest.Issuer, manifest.Network, manifest.Model, manifest.Profile, manifest.DataLabel, manifest.Budget, manifest.PolicyKind:
		m.note(r.ID(), "was changed later, and how is lost: every call is stopped until somebody has looked")
		m.restate(r)
		m.stopEverything(later)
	case manifest.SoDRule:
		m.note(r.ID(), "was changed later, and how is lost: it stands as it was; look at it")
		m.restate(r)
	default:
		m.note(r.ID(), "was changed later, and how is lost: it is taken away")
		m.remove(r)
	}
}

func (m *mender) endGrantsOf(entitlement string) {
	for _, id := range sortedKeys(m.present) {
		r := m.present[id]
		if g, ok := r.Spec.(*rights.Grant); ok && g.Entitlement == entitlement {
			m.note(id, "it is of an entitlement that was changed later: it has ended")
			m.drop(r)
		}
	}
}

// drop removes a resource that may be among the changes already.
func (m *mender) drop(r manifest.Resource) {
	m.changes = slices.DeleteFunc(m.changes, func(c store.Change) bool { return c.Kind == r.Kind && c.Name == r.Name })
	m.remove(r)
}

// lost settles a resource that was made after the backup, and that only the log
// knows of.
func (m *mender) lost(later said) {
	id := string(later.kind) + "/" + later.name
	if later.kind == manifest.Quarantine {
		if t, ok := m.targetOf(later); ok {
			m.note(id, "was set later: it is set again")
			m.stop(t, later)
			return
		}
	}
	m.forget = append(m.forget, store.Change{Op: manifest.Delete, Kind: later.kind, Name: later.name})
	switch later.kind {
	case manifest.Quarantine, manifest.PolicyKind, manifest.Model, manifest.Profile, manifest.Budget:
		m.note(id, "was made later, and what it said is lost: every call is stopped until somebody has looked")
		m.stopEverything(later)
	default:
		m.note(id, "was made later, and is lost")
	}
}

// targetOf is what a quarantine stops: its record names it.
func (m *mender) targetOf(q said) (rights.Target, bool) {
	c := m.control(q)
	if c == nil {
		return rights.Target{}, false
	}
	kind, name, ok := strings.Cut(c.Control.Target, "/")
	t := rights.Target{Kind: rights.TargetKind(kind), Name: name}
	return t, ok && slices.Contains(rights.QuarantineKinds, t.Kind) && name != "" && quarantineName(t) == q.name
}

// control is the record that spoke a word; nil where it is not at hand.
func (m *mender) control(w said) *auditlog.Record {
	log, ok := m.logs[w.shard]
	if !ok {
		return nil
	}
	entry, err := log.Entry(w.index)
	if err != nil {
		return nil
	}
	r, err := auditlog.ParseRecord(entry)
	if err != nil || r.Kind != auditlog.KindControl {
		return nil
	}
	return r
}

func (m *mender) stopEverything(later said) {
	m.report.Stopped = true
	for _, cidr := range everywhere {
		m.stop(rights.Target{Kind: rights.TargetNetwork, Name: cidr}, later)
	}
}

// stop sets a quarantine, unless it stands.
func (m *mender) stop(t rights.Target, later said) {
	q := &rights.Quarantine{
		ID: quarantineName(t), Target: t, By: Self, At: m.office.cfg.Now().UTC(),
		Reason: fmt.Sprintf("after a restore: record %s/%d said something of %s/%s that the backup does not hold", later.shard, later.index, later.kind, later.name),
	}
	r := manifest.Resource{Kind: manifest.Quarantine, Name: q.ID, Spec: q}
	if c := m.control(later); c != nil && later.kind == manifest.Quarantine {
		q.By, q.At = c.Control.Actor, m.office.cfg.Now().UTC()
	}
	if _, there := m.present[r.ID()]; there {
		return
	}
	m.present[r.ID()] = r
	m.changes = append(m.changes, m.worded(manifest.Create, r))
}

// settle takes away what was held, if the rest makes sense without it. If not,
// something that was changed later refers to it as it was: then it stays, and
// every call is stopped.
func (m *mender) settle() error {
	if m.office.check(m.left(m.held)) == nil {
		for _, id := range m.held {
			m.remove(m.present[id])
		}
		return nil
	}
	for _, id := range m.held {
		m.note(id, "is still referred to as things were: it stays, and every call is stopped until somebody has looked")
		r := m.present[id]
		m.restate(r)
		m.stopEverything(said{kind: r.Kind, name: r.Name})
	}
	if err := m.office.check(m.left(nil)); err != nil {
		return fmt.Errorf("what is left after re-applying the log makes no sense: %w", err)
	}
	return nil
}

// left is what there will be, without some; requests and holds are judged by nothing.
func (m *mender) left(without []string) []manifest.Resource {
	var out []manifest.Resource
	for _, id := range sortedKeys(m.present) {
		if r := m.present[id]; r.Kind != manifest.Request && r.Kind != manifest.Hold && !slices.Contains(without, id) {
			out = append(out, r)
		}
	}
	return out
}

// carryOut records and commits the changes: first what stops and restates, then
// what goes, those last that others refer to.
func (m *mender) carryOut(ctx context.Context, a Actor) error {
	o := m.office
	slices.SortStableFunc(m.changes, func(x, y store.Change) int {
		if x.Op.Ends() != y.Op.Ends() {
			return map[bool]int{true: 1, false: -1}[x.Op.Ends()]
		}
		return slices.Index(manifest.Kinds, y.Kind) - slices.Index(manifest.Kinds, x.Kind)
	})
	revision, err := o.cfg.Store.Revision(ctx)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(m.changes, batch) {
		err := o.act(ctx, m.announcing(a, part, revision), func(ref store.Ref) error {
			revision, err = o.cfg.Store.Commit(ctx, store.Commit{Record: ref, Expect: revision, Changes: part})
			return err
		})
		if err != nil {
			return err
		}
	}
	for part := range slices.Chunk(m.forget, batch) {
		if err := o.act(ctx, m.announcing(a, part, revision), func(store.Ref) error { return nil }); err != nil {
			return err
		}
	}
	if m.people {
		_, err = o.cfg.Store.SetFact(ctx, store.BootstrapEnded, "yes")
	}
	return err
}

func (m *mender) announcing(a Actor, changes []store.Change, revision int64) auditlog.Control {
	c := announcing("restore", a, changes)
	c.Revision = uint64(revision + 1)
	return c
}

// said is the last word of the log on a thing that there is.
type said struct {
	kind   manifest.Kind
	name   string
	shard  string
	index  uint64
	epoch  uint32
	digest [32]byte
}

// said lists the last word on every resource that there is, by Kind/name.
func (l *Ledger) said() map[string]said {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string]said)
	for t, w := range l.latest {
		kind := l.terms.names[t.kind]
		if kind == keyKind || kind == observeKind {
			continue
		}
		out[kind+"/"+t.name] = said{manifest.Kind(kind), t.name, l.terms.names[w.shard], w.index, w.epoch, w.digest}
	}
	return out
}
