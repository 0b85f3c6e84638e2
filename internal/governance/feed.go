package governance

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/store"
)

// ErrFeed marks what is wrong with the other shards' control records in the
// store: somebody who cannot sign has written there, or has taken away.
var ErrFeed = errors.New("the feed of control records is not what the log's key signed")

// FeedConfig joins a ledger to those of the other replicas; every field is
// required.
type FeedConfig struct {
	Store    *store.DB
	Key      ed25519.PrivateKey // the audit log's, which all replicas share
	Instance string             // the installation's id
}

// feed is how replicas read one another's control records: each publishes its
// own, signed and numbered, before it acts, and reads those of the others in
// one view with the rows that they authorise. A row so never comes before its
// record.
type feed struct {
	cfg   FeedConfig
	shard string

	publishing sync.Mutex
	next       int64             // position of the first of waiting
	waiting    []store.FeedEntry // not yet published, without position and signature

	following sync.Mutex
	others    map[string]*follower
	settled   map[place]bool // guarded by the ledger: acts closed by what is committed; was it?
}

// follower is how far another shard has been read.
type follower struct {
	next int64 // position
	last [sha256.Size]byte
	term term
}

// Join publishes what the other replicas have not been told, and reads what
// they did. From then on Load follows them. It is called once, before the
// ledger is shared.
func (l *Ledger) Join(ctx context.Context, cfg FeedConfig) error {
	l.feed = &feed{cfg: cfg, shard: l.shard, others: make(map[string]*follower), settled: make(map[place]bool)}
	if err := l.catchUp(ctx); err != nil {
		return fmt.Errorf("joining the other replicas: %w", err)
	}
	_, _, err := l.loadFollowing(ctx, cfg.Store, sinceNothing)
	if err != nil {
		return fmt.Errorf("joining the other replicas: %w", err)
	}
	return nil
}

// publishedAtOnce is how many entries one transaction adds.
const publishedAtOnce = 256

// catchUp publishes the shard's control records that a crash kept back. What is
// published already must be what the log has: a shorter log is an old copy.
func (l *Ledger) catchUp(ctx context.Context) error {
	f := l.feed
	there, err := f.published(ctx)
	if err != nil {
		return err
	}
	err = l.log.Scan(ctx, 0, func(index uint64, entry []byte) error {
		if !control(entry) {
			return nil
		}
		if f.next < int64(len(there)) {
			if e := there[f.next]; e != mark(index, entry) {
				return fmt.Errorf("%w: position %d of shard %q is not record %d of its log", ErrFeed, f.next, l.shard, index)
			}
			f.next++
			return nil
		}
		f.waiting = append(f.waiting, store.FeedEntry{Record: index, Entry: append([]byte{}, entry...)})
		if len(f.waiting) < publishedAtOnce {
			return nil
		}
		return f.publish(ctx)
	})
	if err == nil && f.next+int64(len(f.waiting)) < int64(len(there)) {
		err = fmt.Errorf("the log of shard %q is an old copy: it has %d control records, and published %d", l.shard, f.next, len(there))
	}
	if err != nil {
		return err
	}
	return f.publish(ctx)
}

// mark is an entry's digest together with its place in the log.
func mark(index uint64, entry []byte) [sha256.Size]byte {
	b := binary.BigEndian.AppendUint64(nil, index)
	return sha256.Sum256(append(b, entry...))
}

// published lists what the store has of this shard.
func (f *feed) published(ctx context.Context) (marks [][sha256.Size]byte, err error) {
	err = f.cfg.Store.View(ctx, func(v *store.View) error {
		return v.Feed(ctx, f.shard, 0, func(e store.FeedEntry) error {
			if e.Position != int64(len(marks)) {
				return fmt.Errorf("%w: position %d of shard %q is missing", ErrFeed, len(marks), f.shard)
			}
			marks = append(marks, mark(e.Record, e.Entry))
			return nil
		})
	})
	return marks, err
}

// publish adds what waits to the feed, in order.
func (f *feed) publish(ctx context.Context) error {
	f.publishing.Lock()
	defer f.publishing.Unlock()
	for len(f.waiting) > 0 {
		part := f.waiting[:min(len(f.waiting), publishedAtOnce)]
		for i := range part {
			part[i].Shard, part[i].Position = f.shard, f.next+int64(i)
			part[i].Signature = ed25519.Sign(f.cfg.Key, f.signed(part[i]))
		}
		if err := f.cfg.Store.Publish(ctx, part); err != nil {
			return err
		}
		f.next += int64(len(part))
		f.waiting = f.waiting[len(part):]
	}
	f.waiting = nil
	return nil
}

// add has an entry published with the next ones; entries come in the log's order.
func (f *feed) add(index uint64, entry []byte) {
	f.publishing.Lock()
	defer f.publishing.Unlock()
	f.waiting = append(f.waiting, store.FeedEntry{Record: index, Entry: entry})
}

// signed is what the signature of an entry is over: each part with its length,
// so that none can be taken for another.
func (f *feed) signed(e store.FeedEntry) []byte {
	var b []byte
	for _, part := range [][]byte{[]byte("writ feed v1"), []byte(f.cfg.Instance), []byte(e.Shard), e.Entry} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(e.Position))
	return binary.BigEndian.AppendUint64(b, e.Record)
}

func (f *feed) verify(e store.FeedEntry) error {
	if !ed25519.Verify(f.cfg.Key.Public().(ed25519.PublicKey), f.signed(e), e.Signature) {
		return fmt.Errorf("%w: position %d of shard %q", ErrFeed, e.Position, e.Shard)
	}
	return nil
}

// sinceNothing has loadFollowing read no rows.
const sinceNothing = -1

// loadFollowing reads the other shards' control records and then the rows, in
// one view.
func (l *Ledger) loadFollowing(ctx context.Context, db *store.DB, since int64) (rows []store.Row, revision int64, err error) {
	f := l.feed
	f.following.Lock()
	defer f.following.Unlock()
	err = db.View(ctx, func(v *store.View) error {
		revision = v.Revision
		if since != sinceNothing {
			l.seen(revision)
		}
		if err := l.follow(ctx, v); err != nil || since == sinceNothing {
			return err
		}
		rows, err = v.Load(ctx, since)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	l.forget(uint64(revision))
	return rows, revision, nil
}

// Follow reads what other replicas did since.
func (l *Ledger) Follow(ctx context.Context) error {
	if l.feed == nil {
		return nil
	}
	_, _, err := l.loadFollowing(ctx, l.feed.cfg.Store, sinceNothing)
	return err
}

func (l *Ledger) follow(ctx context.Context, v *store.View) error {
	shards, err := v.Shards(ctx)
	if err != nil {
		return err
	}
	for _, s := range shards {
		if _, known := l.feed.others[s.Name]; known || s.Name == l.shard {
			continue
		}
		t, err := l.meet(s.Name)
		if err != nil {
			return err
		}
		l.feed.others[s.Name] = &follower{term: t}
	}
	for _, name := range sortedKeys(l.feed.others) {
		if err := l.followShard(ctx, v, name, l.feed.others[name]); err != nil {
			return err
		}
	}
	return l.settle(ctx, v)
}

func (l *Ledger) meet(shard string) (term, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.terms.of(shard)
}

// followShard reads on where it stopped, from the last entry that it read: a
// feed that has been cut back, or put together anew, no longer has that one.
func (l *Ledger) followShard(ctx context.Context, v *store.View, shard string, at *follower) error {
	from, seen := max(at.next-1, 0), at.next == 0
	err := v.Feed(ctx, shard, from, func(e store.FeedEntry) error {
		if !seen {
			seen = true
			if e.Position != from || mark(e.Record, e.Entry) != at.last {
				return fmt.Errorf("%w: shard %q has gone back behind position %d", ErrFeed, shard, at.next)
			}
			return nil
		}
		if e.Position != at.next {
			return fmt.Errorf("%w: position %d of shard %q is missing", ErrFeed, at.next, shard)
		}
		if err := l.feed.verify(e); err != nil {
			return err
		}
		if err := l.read(at.term, e.Record, e.Entry); err != nil {
			return fmt.Errorf("shard %q: %w", shard, err)
		}
		at.next, at.last = e.Position+1, mark(e.Record, e.Entry)
		return nil
	})
	if err == nil && !seen {
		err = fmt.Errorf("%w: shard %q has gone back behind position %d", ErrFeed, shard, at.next)
	}
	return err
}

// settle closes the acts of other shards whose outcome is not known by what is
// committed: a replica that ended between the two may be long in coming back.
// An act either led to the revision that it named or never will.
func (l *Ledger) settle(ctx context.Context, v *store.View) error {
	for at, ref := range l.foreign(uint64(v.Revision)) {
		_, committed, err := v.Committed(ctx, ref)
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.feed.settled[at] = committed
		l.finish(at, committed)
		l.mu.Unlock()
	}
	return nil
}

// foreign lists the open acts of other shards on revisions up to this one.
func (l *Ledger) foreign(upto uint64) map[place]store.Ref {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[place]store.Ref)
	for at, act := range l.open {
		if at.shard != l.own && act.revision > 0 && act.revision <= upto {
			out[at] = store.Ref{Shard: l.terms.names[at.shard], Index: at.index}
		}
	}
	return out
}

// write makes a control record durable, and tells the other replicas: a record
// that they cannot read is no authority there. An outcome that they could not
// be told of goes with the next record; until then they go by what is committed.
func (l *Ledger) write(ctx context.Context, entry []byte) (uint64, error) {
	index, err := l.append(context.WithoutCancel(ctx), entry)
	if err != nil || l.feed == nil {
		return index, err
	}
	if err := l.feed.publish(ctx); err != nil {
		return index, fmt.Errorf("%w: %w", errUnpublished, err)
	}
	return index, nil
}

// errUnpublished: the record is in the log, and the other replicas do not know.
var errUnpublished = errors.New("the other replicas could not be told")

func (l *Ledger) append(ctx context.Context, entry []byte) (uint64, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	index, err := l.log.Append(ctx, entry)
	if err == nil && l.feed != nil {
		l.feed.add(index, entry)
	}
	return index, err
}

// Control returns the control action of a record, in whichever shard it is.
func (l *Ledger) Control(ctx context.Context, ref store.Ref) (auditlog.Control, error) {
	entry, err := l.entry(ctx, ref)
	if err != nil {
		return auditlog.Control{}, err
	}
	r, err := auditlog.ParseRecord(entry)
	if err != nil {
		return auditlog.Control{}, fmt.Errorf("record %v: %w", ref, err)
	}
	if r.Kind != auditlog.KindControl {
		return auditlog.Control{}, fmt.Errorf("record %v is of kind %s", ref, r.Kind)
	}
	return *r.Control, nil
}

func (l *Ledger) entry(ctx context.Context, ref store.Ref) ([]byte, error) {
	if ref.Shard == l.shard {
		return l.log.Entry(ref.Index)
	}
	if l.feed == nil {
		return nil, fmt.Errorf("record %v: this log is shard %q", ref, l.shard)
	}
	e, err := l.feed.cfg.Store.FeedEntry(ctx, ref)
	if err == nil {
		err = l.feed.verify(e)
	}
	return e.Entry, err
}

// Vouched is Authorised for a row that was read apart from Load, and may be
// newer than what was last heard of other replicas.
func (l *Ledger) Vouched(ctx context.Context, r store.Row) error {
	if r.Stored != r.Digest() {
		return fmt.Errorf("%s/%s: its content is not that of its digest", r.Kind, r.Name)
	}
	return l.vouched(ctx, r.Record, worded(r.Change))
}

// errUnheard: the other replicas' records could not be read, so nothing is known
// against a row.
var errUnheard = errors.New("the other replicas cannot be heard")

func (l *Ledger) vouched(ctx context.Context, ref store.Ref, c auditlog.Change) error {
	err := l.names(ref, c)
	if err == nil || l.feed == nil {
		return err
	}
	if err := l.Follow(ctx); err != nil {
		return fmt.Errorf("%w: %w", errUnheard, err)
	}
	return l.names(ref, c)
}
