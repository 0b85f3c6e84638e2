package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/store"
)

// shard is this process's log among those of an installation's replicas.
const shard = "0"

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
	origin   string
}

// kernelConfig is what up may set and offline verbs leave at its default.
type kernelConfig struct {
	DSN     string // empty means SQLite in the data directory
	Origin  string // of the log; empty means one made from the instance's id
	Reserve uint64 // bytes of disk kept for authenticated intents
	Account string
	Log     *slog.Logger
	Flushed func(took time.Duration, entries int) // of the log, for metrics
}

// openKernel is for verbs that find no live server.
func openKernel(ctx context.Context, d dataDir, log *slog.Logger) (*kernel, error) {
	if err := d.needStore(); err != nil {
		return nil, err
	}
	return openKernelAs(ctx, d, kernelConfig{Log: log})
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
	kek, err := openKEK(d)
	if err != nil {
		return nil, err
	}
	if cfg.DSN == "" {
		cfg.DSN = d.dsn()
	}
	if k.store, err = store.Open(ctx, cfg.DSN); err != nil {
		return nil, err
	}
	if err := k.identify(ctx, cfg.Origin); err != nil {
		return nil, err
	}
	if err := k.openLog(ctx, d, kek, cfg); err != nil {
		return nil, err
	}
	if n, err := k.office.Reconcile(ctx); err != nil {
		return nil, err
	} else if n > 0 {
		cfg.Log.Warn("acts that were open when the process last ended are closed in the log", "acts", n)
	}
	return k, nil
}

// openKEK reads the key-encryption key; a directory that is new gets one.
func openKEK(d dataDir) (*credential.KEK, error) {
	kek, err := credential.LoadKEK(d.kek())
	if !errors.Is(err, fs.ErrNotExist) {
		return kek, err
	}
	if _, err := os.Stat(d.log(shard)); err == nil {
		return nil, withHint(fmt.Errorf("%s is missing, and the keys in the store cannot be read without it", d.kek()), "restore it from where you keep it apart from the data")
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, err
	}
	return credential.GenerateKEK(d.kek())
}

// identify settles the installation's name and its log's.
func (k *kernel) identify(ctx context.Context, origin string) error {
	id, err := k.store.SetFact(ctx, store.InstanceID, governance.NewID())
	if err != nil {
		return err
	}
	if origin == "" {
		origin = "writ.local/log/" + id + "/" + shard
	}
	if k.origin, err = k.store.SetFact(ctx, store.LogOrigin, origin); err != nil {
		return err
	}
	k.instance = auditlog.Instance{ID: id, Version: version(), Shard: shard}
	return nil
}

func (k *kernel) openLog(ctx context.Context, d dataDir, kek *credential.KEK, cfg kernelConfig) error {
	dir := d.log(shard)
	_, err := os.Stat(filepath.Join(dir, auditlog.KeyPath))
	if errors.Is(err, fs.ErrNotExist) {
		if _, started := k.store.Fact(ctx, store.LogStarted); started == nil {
			return withHint(fmt.Errorf("the audit log of this store is not in %s", dir), "a store belongs to the data directory that began it: restore its log, or use another store")
		}
	}
	k.keys, err = governance.OpenKeys(ctx, governance.KeysConfig{
		Store: k.store, KEK: kek, Shard: shard, Now: time.Now, Log: cfg.Log,
	}, errors.Is(err, fs.ErrNotExist))
	if err != nil {
		return err
	}
	k.journal, err = journal.Open(ctx, journal.Config{
		Dir: dir, Origin: k.origin, Key: k.keys.LogKey(), Reserve: cfg.Reserve, Logger: cfg.Log, Flushed: cfg.Flushed,
	})
	if err != nil {
		return err
	}
	if k.ledger, err = governance.OpenLedger(ctx, k.journal, shard); err != nil {
		return err
	}
	k.office = governance.New(governance.Config{
		Store: k.store, Log: k.journal, Ledger: k.ledger, Instance: k.instance, Account: cfg.Account, Now: time.Now,
	})
	if err := k.keys.Announce(ctx, k.office, k.journal.Head().Size); err != nil {
		return err
	}
	if _, err := k.store.SetFact(ctx, store.LogStarted, "yes"); err != nil {
		return err
	}
	return k.store.RaiseFloors(ctx, k.ledger.Floors())
}

// Close ends the journal first: what it acknowledged is in the store's rows.
func (k *kernel) Close() error {
	var errs []error
	if k.journal != nil {
		errs = append(errs, k.journal.Close())
	}
	if k.store != nil {
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
