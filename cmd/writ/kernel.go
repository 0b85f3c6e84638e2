package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/proof"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// shard is the audit log of the only process that there is.
const shard = store.FirstShard

// kernel is what every writing verb stands on: state, keys and log, opened
// under the data directory's lock (the journal holds it).
type kernel struct {
	store    *store.DB
	keys     *governance.Keys
	journal  *journal.Journal
	office   *governance.Office
	ledger   *governance.Ledger
	observe  *governance.Observe // the server's; nil in other verbs
	instance auditlog.Instance
	origin   string // of this process's log
	home     string // the installation's: of its first log
	replica  store.Replica
	taken    bool // the replica's name
}

// kernelConfig is what up may set and offline verbs leave at its default.
type kernelConfig struct {
	DSN     string        // empty means SQLite in the data directory
	KEK     string        // file; empty means the data directory's
	Replica string        // name; empty means the only process
	Lease   time.Duration // 0: nothing is served
	Origin  string        // of the log; empty means one made from the instance's id
	Reserve uint64        // bytes of disk kept for authenticated intents
	Account string
	Log     *slog.Logger
	Flushed func(took time.Duration, entries int) // of the log, for metrics
}

// openKernel is for verbs that find no live server.
func openKernel(ctx context.Context, d dataDir, log *slog.Logger) (*kernel, error) {
	if err := d.needStore(); err != nil {
		return nil, err
	}
	k, err := openKernelAs(ctx, d, kernelConfig{Log: log})
	if err != nil {
		return nil, err
	}
	state, err := snapshot.Open(ctx, snapshot.Config{Load: k.load, Watch: k.store.Watch, Authorised: k.ledger.Authorised})
	if err != nil {
		// What cannot be believed cannot be acted on, but applying files anew is how
		// it is put right; that needs no state.
		log.Warn("the state cannot be loaded as it is", "err", err)
		return k, nil
	}
	k.office.Attach(state)
	return k, nil
}

// openKernelAs opens in the order of trust: the key-encryption key, the store,
// the keys in it, the log they sign; then the acts that a crash left open are
// closed before anything else happens (security S27).
func openKernelAs(ctx context.Context, d dataDir, cfg kernelConfig) (_ *kernel, err error) {
	k := &kernel{}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Close())
		}
	}()
	if cfg.DSN == "" {
		cfg.DSN = d.dsn()
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, err
	}
	if k.store, err = store.Open(ctx, cfg.DSN); err != nil {
		return nil, err
	}
	logs, err := k.store.FactsOf(ctx, string(store.LogStarted))
	if err != nil {
		return nil, err
	}
	kek, err := openKEK(cmp.Or(cfg.KEK, d.kek()), len(logs) == 0)
	if err != nil {
		return nil, err
	}
	if err := k.identify(ctx, cfg); err != nil {
		return nil, err
	}
	if err := k.openLog(ctx, d.log(k.replica.Shard), kek, len(logs) == 0, cfg); err != nil {
		return nil, err
	}
	if err := k.openLedger(ctx, cfg); err != nil {
		return nil, err
	}
	if n, err := k.office.Reconcile(ctx); err != nil {
		return nil, err
	} else if n > 0 {
		cfg.Log.Warn("acts that were open when the process last ended are closed in the log", "acts", n)
	}
	return k, nil
}

// openKEK reads the key-encryption key; a store that is new gets one.
func openKEK(path string, fresh bool) (*credential.KEK, error) {
	kek, err := credential.LoadKEK(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return kek, err
	}
	if !fresh {
		return nil, withHint(fmt.Errorf("%s is missing, and the keys in the store cannot be read without it", path), "restore it from where you keep it apart from the data; replicas share it: see kek in the configuration")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	kek, err = credential.GenerateKEK(path)
	if errors.Is(err, fs.ErrExist) { // a replica that starts with us was faster
		return credential.LoadKEK(path)
	}
	return kek, err
}

// identify settles the installation's name, this process's, and its log's.
func (k *kernel) identify(ctx context.Context, cfg kernelConfig) error {
	id, err := k.store.SetFact(ctx, store.InstanceID, governance.NewID())
	if err != nil {
		return err
	}
	k.home, err = k.store.SetFact(ctx, store.LogOrigin, cmp.Or(cfg.Origin, "writ.local/log/"+id+"/"+shard))
	if err != nil {
		return err
	}
	name := cmp.Or(cfg.Replica, shard)
	k.replica = store.Replica{Name: name, Shard: name, Boot: governance.NewID(), Started: time.Now(), Lease: cfg.Lease}
	k.instance = auditlog.Instance{ID: id, Version: version(), Shard: name}
	k.origin = k.originOf(name)
	return nil
}

// originOf names a shard's log.
func (k *kernel) originOf(name string) string {
	if name == "" || name == shard {
		return k.home
	}
	return strings.TrimSuffix(k.home, "/"+shard) + "/" + name
}

// sessionShard is how sessions name this process's log.
func (k *kernel) sessionShard() string {
	if k.replica.Shard == shard {
		return ""
	}
	return k.replica.Shard
}

// otherLog is the log of the container token that a session was got with, unless
// it is this one.
func (k *kernel) otherLog(m proof.Mint) string {
	if m.From == nil || m.FromShard == k.sessionShard() {
		return ""
	}
	return k.originOf(m.FromShard)
}

// logStarted is the fact that a shard's log exists.
func logStarted(name string) store.Fact {
	if name == shard {
		return store.LogStarted
	}
	return store.LogStarted + "/" + store.Fact(name)
}

// openLog opens the keys and the log that they sign. first says that the
// installation has no log yet.
func (k *kernel) openLog(ctx context.Context, dir string, kek *credential.KEK, first bool, cfg kernelConfig) error {
	_, err := os.Stat(filepath.Join(dir, auditlog.KeyPath))
	missing := errors.Is(err, fs.ErrNotExist)
	if missing {
		if _, started := k.store.Fact(ctx, logStarted(k.replica.Shard)); started == nil {
			return withHint(fmt.Errorf("the audit log of this store is not in %s", dir), "a store belongs to the data directory that began it: restore its log, or use another store; a further replica needs a name of its own (replica.name)")
		}
	}
	k.keys, err = governance.OpenKeys(ctx, governance.KeysConfig{
		Issuer: k.home, Store: k.store, KEK: kek, Shard: k.replica.Shard, Now: time.Now, Log: cfg.Log,
	}, missing && first)
	if err != nil {
		return err
	}
	k.journal, err = journal.Open(ctx, journal.Config{
		Dir: dir, Origin: k.origin, Key: k.keys.LogKey(), Reserve: cfg.Reserve, Logger: cfg.Log, Flushed: cfg.Flushed,
	})
	return err
}

// openLedger takes this process's name, reads what all logs say, and announces
// keys that no log has announced.
func (k *kernel) openLedger(ctx context.Context, cfg kernelConfig) error {
	err := k.takeName(ctx, cfg.Log)
	if err != nil {
		return err
	}
	if err := k.store.RegisterShard(ctx, store.Shard{Name: k.replica.Shard, Origin: k.origin}); err != nil {
		return err
	}
	if k.ledger, err = governance.OpenLedger(ctx, k.journal, k.replica.Shard); err != nil {
		return err
	}
	if k.store.Shared() {
		err = k.ledger.Join(ctx, governance.FeedConfig{Store: k.store, Key: k.keys.LogKey(), Instance: k.instance.ID})
		if err != nil {
			return err
		}
	}
	rules, err := authority.New(nil)
	if err != nil {
		return err
	}
	k.office = governance.New(governance.Config{
		Store: k.store, Log: k.journal, Ledger: k.ledger, Instance: k.instance, Account: cfg.Account, Now: time.Now, Authority: rules,
	})
	if err := k.keys.Announce(ctx, k.office, k.journal.Head().Size); err != nil {
		return err
	}
	if _, err := k.store.SetFact(ctx, logStarted(k.replica.Shard), "yes"); err != nil {
		return err
	}
	return k.store.RaiseFloors(ctx, k.ledger.Floors())
}

// What a process waits, beyond the lease, for one that ended without saying so.
const (
	leaseSlack = 2 * time.Second
	takeAgain  = 100 * time.Millisecond
)

// takeName registers this process before it reads or writes for others. The
// lock on the data directory says that no other process writes this log; where
// the log might be a copy, on a machine that shares the store, only a lease that
// has ended says so.
func (k *kernel) takeName(ctx context.Context, log *slog.Logger) error {
	if k.replica.Lease == 0 {
		return nil
	}
	if !k.store.Shared() {
		if err := k.succeed(ctx); err != nil {
			return err
		}
	}
	for until := time.Now().Add(k.replica.Lease + leaseSlack); ; {
		_, err := k.store.Renew(ctx, k.replica)
		if err == nil {
			k.taken = true
			return nil
		}
		if !errors.Is(err, store.ErrNameTaken) || time.Now().After(until) {
			return err
		}
		log.Debug("waiting until the lease has ended of the process before", "replica", k.replica.Name)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(takeAgain):
		}
	}
}

// succeed ends the lease of the process that had this data directory before.
func (k *kernel) succeed(ctx context.Context) error {
	all, _, err := k.store.Replicas(ctx)
	for _, r := range all {
		if err == nil && r.Name == k.replica.Name {
			err = k.store.Leave(ctx, r.Name, r.Boot)
		}
	}
	return err
}

// renew tells the other replicas that this one decides on a revision, and goes
// on doing so for the length of its lease.
func (k *kernel) renew(ctx context.Context, revision int64) error {
	r := k.replica
	r.Revision = revision
	_, err := k.store.Renew(ctx, r)
	return err
}

// leave says that this process decides nothing any more. Where the store does
// not hear it, the lease ends by itself.
func (k *kernel) leave() {
	if !k.taken {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaseSlack)
	defer cancel()
	_ = k.store.Leave(ctx, k.replica.Name, k.replica.Boot)
}

// Close ends the journal first: what it acknowledged is in the store's rows.
func (k *kernel) Close() error {
	var errs []error
	if k.journal != nil {
		errs = append(errs, k.journal.Close())
	}
	if k.store != nil {
		k.leave()
		errs = append(errs, k.store.Close())
	}
	return errors.Join(errs...)
}

// load reads the state as the log vouches for it.
func (k *kernel) load(ctx context.Context, since int64) ([]store.Row, int64, error) {
	return k.ledger.Load(ctx, k.store, since)
}

// quietLog is for verbs whose errors are their output.
func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
