package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

type restoreCmd struct {
	dataFlag
	File   string   `arg:"" help:"A file that writ backup wrote." type:"existingfile"`
	KEK    string   `name:"kek" help:"File of the key-encryption key, to copy into the data directory, unless it is there." placeholder:"FILE" type:"existingfile"`
	Config string   `help:"Configuration file, where the state is kept in another database." placeholder:"FILE" type:"path"`
	Log    []string `help:"Directory of a log that goes on after the backup, of any shard; may be repeated." placeholder:"DIR" type:"existingdir"`
	JSON   bool     `help:"Print what was re-applied as JSON."`
}

func (c *restoreCmd) Help() string {
	return `Restores into a data directory, and a database, that hold nothing yet. Everything is
checked first: digests, the log, and that log and state agree.

With --log, what was taken away after the backup is taken away again: revocations,
deletions, quarantines. What was made or changed later is known to the log by its
digest only. Where it is lost, the right that may depend on it has ended, or, where
that cannot be told, every call is stopped until somebody lifts the quarantines. All
of it is listed. Without --log, what was revoked after the backup is in force again:
give the newest log that there is.

Every session that was ever minted is void afterwards. Exit status 1: restored, and
calls are stopped.`
}

func (c *restoreCmd) Run(ctx context.Context) error {
	d, err := c.dir()
	if err != nil {
		return err
	}
	r := &restoring{dir: d, kek: c.KEK, logs: c.Log}
	if err := r.prepare(c.Config); err != nil {
		return err
	}
	mended, err := r.run(ctx, c.File)
	if err != nil {
		return withHint(err, "nothing may be served on %s as it is: begin again with an empty directory and database", d)
	}
	if c.JSON {
		if err := printJSON(mended); err != nil {
			return err
		}
	} else {
		tellMended(&mended)
	}
	if mended.Stopped {
		return &negative{"restored, and every call is stopped: look at what is listed, then ask to lift the quarantines of 0.0.0.0/0 and ::/0"}
	}
	return nil
}

func tellMended(m *governance.Mended) {
	for _, i := range m.Items {
		fmt.Printf("%s: %s\n", i.Resource, i.Did)
	}
	fmt.Fprintf(os.Stderr, "restored; %d things were settled by what the log says later; every session is void\n", len(m.Items))
}

// restoring is one run of restore.
type restoring struct {
	dir  dataDir
	kek  string
	logs []string
	cfg  config.Config
	dsn  string

	manifest governance.BackupManifest
	own      fs.FS                         // the backup's log, unpacked
	newer    string                        // a directory of the same log that goes on; empty: none
	others   map[string]governance.Reading // logs of other shards, by name
}

// prepare makes sure that there is nothing to overwrite, and that the key is there.
func (r *restoring) prepare(file string) (err error) {
	r.cfg = config.Default()
	if file != "" {
		if r.cfg, err = config.Load(file); err != nil {
			return err
		}
	}
	if r.dsn, err = dsnOf(r.cfg); err != nil {
		return err
	}
	if r.dsn == "" {
		r.dsn = r.dir.dsn()
	}
	if err := os.MkdirAll(string(r.dir), 0o700); err != nil {
		return err
	}
	list, err := os.ReadDir(string(r.dir))
	if err != nil {
		return err
	}
	for _, entry := range list {
		if entry.Name() != filepath.Base(r.dir.kek()) {
			return withHint(fmt.Errorf("%s is not empty: it holds %s", r.dir, entry.Name()), "restore into a new directory with --data DIR; it may hold the key-encryption key and no more")
		}
	}
	return r.placeKEK(cmp.Or(r.cfg.KEK, r.dir.kek()))
}

func (r *restoring) placeKEK(to string) error {
	_, err := os.Stat(to)
	switch {
	case err == nil && r.kek != "":
		return fmt.Errorf("--kek: %s is there already", to)
	case err == nil:
		return nil
	case r.kek == "":
		return withHint(fmt.Errorf("%s is missing: the keys in a backup cannot be read without it", to), "name the file with --kek")
	}
	b, err := os.ReadFile(r.kek)
	if err != nil {
		return err
	}
	return writeSynced(to, b)
}

func (r *restoring) run(ctx context.Context, file string) (m governance.Mended, err error) {
	stage := r.dir.path("restore")
	if err = os.Mkdir(stage, 0o700); err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	if err = r.unpack(ctx, file, stage); err != nil {
		return m, err
	}
	if err = r.placeLog(stage); err != nil {
		return m, err
	}
	if err = r.fill(ctx, stage); err != nil {
		return m, err
	}
	return r.mend(ctx)
}

func (r *restoring) unpack(ctx context.Context, file, stage string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	r.manifest, _, err = readBackup(ctx, f, stage)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if want := cmp.Or(r.cfg.Replica.Name, shard); r.manifest.Shard != want {
		return withHint(fmt.Errorf("the backup holds the log of replica %s, and this is to be %s", r.manifest.Shard, want), "restore it with a configuration (--config) that has its replica.name")
	}
	r.own = r.manifest.BackupLog(stage)
	return r.sort(ctx)
}

// sort tells the given logs apart: the one that goes on from the backup's own, and
// those of other shards. Each must be whole and signed by the installation's key.
func (r *restoring) sort(ctx context.Context) error {
	backup, err := auditlog.Open(r.own)
	if err != nil {
		return err
	}
	keys, err := readKeys(r.own)
	if err != nil {
		return err
	}
	head := backup.Head()
	r.others = make(map[string]governance.Reading)
	for _, dir := range r.logs {
		theirs, err := readKeys(os.DirFS(dir))
		if err == nil && !sameKeys(keys, theirs) {
			err = errors.New("it is signed by another installation's key")
		}
		opts := auditlog.VerifyOptions{Keys: theirs, Opaque: true}
		own := err == nil && strings.Join(keys, "") == strings.Join(theirs, "") // the keys have the log's name
		if own {
			opts.Since = &auditlog.Anchor{Name: "the backup", At: r.manifest.Created, Checkpoint: head}
		}
		var report auditlog.Report
		if err == nil {
			report, err = auditlog.Verify(ctx, os.DirFS(dir), opts)
		}
		if err == nil && own && r.newer != "" {
			err = errors.New("it is given twice")
		}
		if err != nil {
			return fmt.Errorf("--log %s: %w", dir, err)
		}
		if own {
			r.newer = dir
			continue
		}
		if r.others[path.Base(report.Origin)], err = journal.OpenReader(dir); err != nil {
			return err
		}
	}
	return nil
}

func readKeys(log fs.FS) ([]string, error) {
	b, err := fs.ReadFile(log, auditlog.KeyPath)
	return strings.Fields(string(b)), err
}

// sameKeys compares verifier keys (name+hash+key) without their names, which are
// those of their shards.
func sameKeys(a, b []string) bool {
	if len(a) == 0 || len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := strings.SplitN(a[i], "+", 3), strings.SplitN(b[i], "+", 3)
		if len(x) != 3 || len(y) != 3 || x[2] != y[2] {
			return false
		}
	}
	return true
}

// placeLog puts the newest log that there is where the server expects it.
func (r *restoring) placeLog(stage string) error {
	to := r.dir.log(r.manifest.Shard)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if r.newer == "" {
		return os.Rename(filepath.Join(stage, filepath.FromSlash(r.manifest.LogDir())), to)
	}
	_, err := journal.Copy(r.newer, nil, func(name string, data []byte) error {
		name = filepath.Join(to, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		return writeSynced(name, data)
	})
	return err
}

func writeSynced(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (r *restoring) fill(ctx context.Context, stage string) error {
	db, err := store.Open(ctx, r.dsn)
	if err != nil {
		return err
	}
	return errors.Join(r.manifest.FillStore(ctx, db, stage), db.Close())
}

// mend opens what was restored as a server would, has the log's later word count,
// and at last reads the state as a gateway would.
func (r *restoring) mend(ctx context.Context) (m governance.Mended, err error) {
	k, err := openKernelAs(ctx, r.dir, kernelConfig{
		DSN: r.dsn, KEK: r.cfg.KEK, Replica: r.cfg.Replica.Name, Origin: r.cfg.Log.Origin, Account: r.cfg.Account, Log: quietLog(),
	})
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	actor := governance.Local("cli")
	if m, err = k.office.Mend(ctx, actor, r.others); err != nil {
		return m, err
	}
	if err = k.store.RaiseFloors(ctx, k.ledger.Floors()); err != nil {
		return m, err
	}
	// An emergency rotation that came after the backup is not in it.
	if _, err = k.keys.Rotate(ctx, actor, true); err != nil {
		return m, err
	}
	_, err = snapshot.Open(ctx, snapshot.Config{Load: k.load, Watch: k.store.Watch, Authorised: k.ledger.Authorised})
	return m, err
}
