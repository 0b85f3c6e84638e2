package governance

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/store"
)

// BackUp writes a backup of the whole installation: the store as of one revision,
// and this server's log, which is copied while that view is held: every record that
// a row names is in it, and no record of an act that came later. The taking is
// recorded first.
func (o *Office) BackUp(ctx context.Context, a Actor, w io.Writer) error {
	if err := o.May(ctx, a, authority.BackUp, authority.Object{Kind: "System"}); err != nil {
		return err
	}
	if err := o.act(ctx, noted(act{a, "backup", ""}), func(store.Ref) error { return nil }); err != nil {
		return err
	}
	out, err := newArchiver(w)
	if err == nil {
		err = o.archive(ctx, out)
	}
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

func (o *Office) archive(ctx context.Context, out *archiver) (err error) {
	m := &out.manifest
	if m.Schema, err = store.Schema(); err != nil {
		return err
	}
	m.Format, m.Created, m.Version = backupFormat, o.cfg.Now().UTC(), o.cfg.Instance.Version
	m.Instance, m.Shard = o.cfg.Instance.ID, o.cfg.Instance.Shard
	// Until the moment of the log is chosen no control record is written. An act
	// that is under way then is one without an outcome, in the store or not.
	o.cfg.Ledger.writing.Lock()
	goOn := sync.OnceFunc(o.cfg.Ledger.writing.Unlock)
	defer goOn()
	begun := func(revision int64) error {
		m.Revision = revision
		checkpoint, err := o.cfg.Log.Copy(goOn, func(name string, data []byte) error {
			return out.put(m.LogDir()+"/"+name, data)
		})
		m.Checkpoint = string(checkpoint)
		return err
	}
	if err := o.cfg.Store.Dump(ctx, begun, out.row); err != nil {
		return err
	}
	if err := out.flush(); err != nil {
		return err
	}
	return out.finish()
}
