package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/journal"
)

type auditProveCmd struct {
	dataFlag
	Index *uint64 `arg:"" optional:"" help:"Record to prove the presence of."`
	Dir   string  `help:"Data or log directory." placeholder:"DIR"`
	Since string  `help:"Instead: prove that the log extends this checkpoint." placeholder:"FILE"`
	Entry bool    `help:"Print the record itself instead of its proof."`
}

func (c *auditProveCmd) Help() string {
	return `Prints a C2SP tlog-proof: whoever has the record, the proof and the log's verifier
key can check that the record is in the log, without the log. With --since it is a
proof that nothing before a checkpoint kept elsewhere was changed.`
}

func (c *auditProveCmd) Run() error {
	r, dir, err := oneLog(c.Dir, c.dataFlag)
	if err != nil {
		return err
	}
	switch {
	case c.Since != "":
		return c.consistency(r, dir)
	case c.Index == nil:
		return withHint(errors.New("nothing to prove"), "name a record by its index, or a checkpoint with --since")
	case c.Entry:
		entry, err := r.Entry(*c.Index)
		if err == nil {
			_, err = os.Stdout.Write(append(entry, '\n'))
		}
		return err
	}
	p, err := auditlog.ProveInclusion(r, r.View.Head(), *c.Index)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(p.Marshal())
	return err
}

func (c *auditProveCmd) consistency(r *journal.Reader, dir string) error {
	b, err := os.ReadFile(c.Since)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(dir, auditlog.KeyPath))
	if err != nil {
		return err
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return err
	}
	older, err := auditlog.ParseCheckpoint(b, v)
	if err != nil {
		return err
	}
	p, err := auditlog.ProveConsistency(r, older, r.View.Head())
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(p.Marshal())
	return err
}

// oneLog opens the only log below a directory.
func oneLog(arg string, flag dataFlag) (*journal.Reader, string, error) {
	dirs, err := logDirs(arg, flag)
	if err != nil {
		return nil, "", err
	}
	if len(dirs) != 1 {
		return nil, "", withHint(errors.New("there are several logs"), "name one with --dir")
	}
	r, err := journal.OpenReader(dirs[0])
	if err != nil {
		return nil, "", notThere(err, dirs[0])
	}
	return r, dirs[0], nil
}

type auditCheckpointCmd struct {
	dataFlag
	Dir string `help:"Data or log directory; also of a live server." placeholder:"DIR"`
}

func (c *auditCheckpointCmd) Help() string {
	return `The checkpoint commits to every record so far. Kept where the log's owner cannot
reach it, it shows later whether anything before it was changed:

  writ audit checkpoint > yesterday
  writ audit verify --key log-key --since yesterday`
}

func (c *auditCheckpointCmd) Run() error {
	r, _, err := oneLog(c.Dir, c.dataFlag)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(r.Head().Checkpoint)
	return err
}
