package governance

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/store"
)

// KeysConfig assembles Keys; every field is required.
type KeysConfig struct {
	Issuer string // the installation, as receipts name it
	Store  *store.DB
	KEK    *credential.KEK // wraps every key; never in the store (security S10)
	Shard  string
	Now    func() time.Time
	Log    *slog.Logger
}

// Keys are the installation's keys: they seal sessions, derive secrets and
// sign the log. Each key, like a resource, names the record that announced it.
type Keys struct {
	cfg  KeysConfig
	log  ed25519.PrivateKey
	ring atomic.Pointer[credential.Ring]
	box  atomic.Pointer[credential.Box]
	// receipts are the keys that sign receipts, and the public ones of those
	// that did.
	receipts atomic.Pointer[receiptKeys]

	mu     sync.Mutex // one rotation at a time
	office *Office    // set by Announce
	ledger *Ledger
}

// purposes of the keys that every installation has.
var keyPurposes = []credential.Purpose{
	credential.LogPurpose, credential.SealPurpose, credential.DerivePurpose, credential.ReceiptPurpose, credential.HoldPurpose,
}

// OpenKeys loads the keys, and makes those that are missing while there is no
// log yet. The log key must exist before the log does, so the first keys
// name a record, the log's first, that Announce writes.
func OpenKeys(ctx context.Context, cfg KeysConfig, newLog bool) (*Keys, error) {
	k := &Keys{cfg: cfg}
	if newLog {
		if err := k.createMissing(ctx); err != nil {
			return nil, err
		}
	}
	all, err := k.load(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(key credential.Key) bool { return key.Purpose == credential.LogPurpose })
	if i < 0 {
		return nil, errors.New("the store has no key for the audit log, but there is an audit log: the store and the log do not belong together")
	}
	seed := all[i].Reveal()
	k.log = ed25519.NewKeyFromSeed(seed[:])
	return k, k.build(all)
}

func (k *Keys) createMissing(ctx context.Context) error {
	have, err := k.cfg.Store.Keys(ctx)
	if err != nil {
		return err
	}
	for _, p := range keyPurposes {
		if slices.ContainsFunc(have, func(row store.Key) bool { return row.Purpose == string(p) }) {
			continue
		}
		err := k.add(ctx, credential.NewKey(1, p, 0, k.cfg.Now()), store.Ref{Shard: k.cfg.Shard})
		if err != nil && !errors.Is(err, store.ErrConflict) { // a replica that starts with us was faster
			return err
		}
	}
	return nil
}

func (k *Keys) add(ctx context.Context, key credential.Key, ref store.Ref) error {
	return k.cfg.Store.AddKey(ctx, k.row(key, ref))
}

func (k *Keys) row(key credential.Key, ref store.Ref) store.Key {
	return store.Key{
		Purpose: string(key.Purpose), ID: key.ID, Wrapped: credential.Wrap(k.cfg.KEK, key),
		Epoch: key.Epoch, Created: key.Created, Record: ref,
	}
}

// load unwraps every key that may still be needed. Once the log is open each
// must have been announced in it.
func (k *Keys) load(ctx context.Context) ([]credential.Key, error) {
	rows, err := k.cfg.Store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	var out []credential.Key
	for _, row := range rows {
		if k.ledger != nil {
			if err := k.ledger.vouched(ctx, row.Record, announcement(row)); err != nil {
				return nil, fmt.Errorf("%s key %d: %w", row.Purpose, row.ID, err)
			}
		}
		key, err := credential.Unwrap(k.cfg.KEK, row.Wrapped)
		if err != nil {
			return nil, fmt.Errorf("%s key %d: %w", row.Purpose, row.ID, err)
		}
		if string(key.Purpose) != row.Purpose || key.ID != row.ID {
			return nil, fmt.Errorf("%s key %d holds another key", row.Purpose, row.ID)
		}
		if !row.Retired.IsZero() {
			key = key.Retire(row.Retired)
		}
		out = append(out, key)
	}
	return out, nil
}

// keyKind is how records name keys among what they change.
const keyKind = "Key"

// announcement is how a record names a key: by the digest of its wrapped form.
func announcement(row store.Key) auditlog.Change {
	sum := sha256.Sum256(row.Wrapped)
	return auditlog.Change{Kind: keyKind, Name: fmt.Sprintf("%s-%d", row.Purpose, row.ID), Op: "create", Digest: hex.EncodeToString(sum[:])}
}

// build makes the ring of the session keys' latest epoch.
func (k *Keys) build(all []credential.Key) error {
	cfg := credential.RingConfig{}
	for _, key := range all {
		if key.Purpose != credential.SealPurpose && key.Purpose != credential.DerivePurpose {
			continue
		}
		if !key.Retired.IsZero() && k.cfg.Now().Sub(key.Retired) > credential.MaxSession {
			continue // nothing it sealed can still count
		}
		cfg.Keys, cfg.Epoch = append(cfg.Keys, key), max(cfg.Epoch, key.Epoch)
	}
	ring, err := credential.NewRing(cfg)
	if err != nil {
		return err
	}
	k.ring.Store(ring)
	k.buildReceipts(all)
	return k.buildBox(all)
}

// LogKey signs the audit log.
func (k *Keys) LogKey() ed25519.PrivateKey { return k.log }

// Ring opens and seals sessions; it changes with rotations.
func (k *Keys) Ring() *credential.Ring { return k.ring.Load() }

// Announce names the keys that this process made first in its log's first
// record, if that is not done, and from then on accepts only announced keys,
// whichever shard announced them.
func (k *Keys) Announce(ctx context.Context, office *Office, logSize uint64) error {
	k.office = office
	k.ledger = office.cfg.Ledger
	if logSize == 0 {
		if err := k.announceFirst(ctx, office); err != nil {
			return err
		}
	}
	if err := k.addMissing(ctx); err != nil {
		return err
	}
	return k.reloadAnnounced(ctx)
}

// A replica that starts with the very first one waits for it to announce the
// keys.
const (
	announceAgain = 100 * time.Millisecond
	announceTries = 50
)

func (k *Keys) reloadAnnounced(ctx context.Context) error {
	for try := 1; ; try++ {
		err := k.reload(ctx)
		if err == nil || k.ledger.feed == nil || try == announceTries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(announceAgain):
		}
	}
}

func (k *Keys) announceFirst(ctx context.Context, office *Office) error {
	rows, err := k.cfg.Store.Keys(ctx)
	if err != nil {
		return err
	}
	c := auditlog.Control{Action: "keys.create", Actor: Self}
	for _, row := range rows {
		if row.Record == (store.Ref{Shard: k.cfg.Shard}) {
			c.Changes = append(c.Changes, announcement(row))
		}
	}
	if len(c.Changes) == 0 {
		return nil // another replica's
	}
	return office.act(ctx, c, func(ref store.Ref) error {
		if ref.Index != 0 {
			return fmt.Errorf("the keys were announced in record %v, not in the log's first", ref)
		}
		return nil
	})
}

func (k *Keys) reload(ctx context.Context) error {
	all, err := k.load(ctx)
	if err != nil {
		return err
	}
	return k.build(all)
}

// overlap is how long a new key is known before it is used, so that every
// replica can open what any replica seals.
const overlap = 2 * followEvery

// rotating are the purposes whose keys Rotate replaces.
var rotating = []credential.Purpose{credential.SealPurpose, credential.DerivePurpose, credential.ReceiptPurpose}

// Rotate makes new session and receipt keys and returns the key epoch. Sessions
// and receipts made by the old ones count on until they expire; an emergency
// rotation voids every one at once, without overlap (security S10).
func (k *Keys) Rotate(ctx context.Context, actor Actor, emergency bool) (uint32, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old, err := k.cfg.Store.Keys(ctx)
	if err != nil {
		return 0, err
	}
	epoch := k.Ring().Epoch()
	action := "keys.rotate"
	if emergency {
		epoch++
		action = "keys.rotate_emergency"
	}
	var fresh []credential.Key
	for _, p := range rotating {
		fresh = append(fresh, credential.NewKey(nextID(old, p), p, epoch, k.cfg.Now()))
	}
	if err := k.introduce(ctx, auditlog.Control{Action: action, Actor: actor.Name}, fresh); err != nil {
		return 0, err
	}
	if err := k.reload(ctx); err != nil {
		return 0, err
	}
	if !emergency {
		time.Sleep(overlap)
	}
	for _, row := range old {
		if !slices.Contains(rotating, credential.Purpose(row.Purpose)) || !row.Retired.IsZero() {
			continue
		}
		if err := k.cfg.Store.RetireKey(ctx, row.Purpose, row.ID, k.cfg.Now(), row.Record); err != nil {
			return 0, err
		}
	}
	return epoch, k.reload(ctx)
}

// introduce records and stores new keys.
func (k *Keys) introduce(ctx context.Context, c auditlog.Control, fresh []credential.Key) error {
	rows := make([]store.Key, len(fresh))
	for i, key := range fresh {
		rows[i] = k.row(key, store.Ref{})
		c.Changes = append(c.Changes, announcement(rows[i]))
	}
	return k.office.act(ctx, c, func(ref store.Ref) error {
		for _, row := range rows {
			row.Record = ref
			if err := k.cfg.Store.AddKey(ctx, row); err != nil {
				return err
			}
		}
		return nil
	})
}

func nextID(rows []store.Key, p credential.Purpose) uint16 {
	id := uint16(0)
	for _, row := range rows {
		if row.Purpose == string(p) {
			id = max(id, row.ID)
		}
	}
	return id + 1
}

const followEvery = time.Second

// Follow takes over other replicas' rotations until ctx ends.
func (k *Keys) Follow(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := k.reload(ctx); err != nil && ctx.Err() == nil {
				k.cfg.Log.Error("the keys could not be read again; the ones in use stay", "err", err)
			}
		}
	}
}
