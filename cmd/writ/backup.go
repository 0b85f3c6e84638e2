package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/governance"
)

type backupCmd struct {
	dataFlag
	File string `arg:"" help:"File to write; it must not be there." type:"path"`
}

func (c *backupCmd) Help() string {
	return `Writes one file with the whole state as of one moment, and the audit log: of a live
server too. It is checked before the verb ends. The key-encryption key is not in it
and has to be kept elsewhere: without the key the backup cannot be used, and with the
key it is as secret as the installation.`
}

func (c *backupCmd) Run(ctx context.Context) error {
	d, err := c.existing()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.File, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	m, report, err := c.write(ctx, d, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.File))
	}
	fmt.Fprintf(os.Stderr, "%s: revision %d, %d records of the log, checked\n", c.File, m.Revision, report.Size)
	fmt.Fprintf(os.Stderr, "keep the key-encryption key with it in mind, and elsewhere: %s\n", d.kek())
	return nil
}

// write fills the file, and then reads it as restore would.
func (c *backupCmd) write(ctx context.Context, d dataDir, f *os.File) (m governance.BackupManifest, report auditlog.Report, err error) {
	out := bufio.NewWriterSize(f, 1<<20)
	if err = c.take(ctx, d, out); err == nil {
		err = errors.Join(out.Flush(), f.Sync())
	}
	if err != nil {
		return m, report, err
	}
	if _, err = f.Seek(0, io.SeekStart); err != nil {
		return m, report, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(c.File), ".writ-backup-")
	if err != nil {
		return m, report, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return readBackup(ctx, f, dir)
}

// take asks the live server, or opens what is stopped.
func (c *backupCmd) take(ctx context.Context, d dataDir, w io.Writer) error {
	client, _, err := d.live(ctx)
	if err != nil {
		return err
	}
	if client != nil {
		return client.BackUp(ctx, w)
	}
	k, err := openKernel(ctx, d, quietLog())
	if err != nil {
		return err
	}
	return errors.Join(k.office.BackUp(ctx, governance.Local("cli"), w), k.Close())
}

// readBackup unpacks a backup and verifies the log in it.
func readBackup(ctx context.Context, r io.Reader, dir string) (governance.BackupManifest, auditlog.Report, error) {
	m, err := governance.ReadBackup(ctx, bufio.NewReaderSize(r, 1<<20), dir)
	if err != nil {
		return m, auditlog.Report{}, err
	}
	report, err := auditlog.Verify(ctx, m.BackupLog(dir), auditlog.VerifyOptions{Opaque: true})
	switch {
	case err != nil:
		return m, report, fmt.Errorf("the log in the backup: %w", err)
	case report.Checkpoint != m.Checkpoint:
		return m, report, errors.New("the log in the backup does not end at the checkpoint that its manifest names")
	}
	return m, report, nil
}
