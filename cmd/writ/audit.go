package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/writ-project/writ/auditlog"
)

type auditCmd struct {
	Verify     auditVerifyCmd     `cmd:"" help:"Re-derive the whole log and compare."`
	Tail       auditTailCmd       `cmd:"" help:"Print records."`
	Prove      auditProveCmd      `cmd:"" help:"Print a proof for somebody who does not have the log."`
	Checkpoint auditCheckpointCmd `cmd:"" help:"Print the newest signed checkpoint, to keep elsewhere."`
}

// logDirs finds the logs below a data directory, or the one that dir is.
func logDirs(arg string, flag dataFlag) ([]string, error) {
	if arg == "" {
		d, err := flag.dir()
		if err != nil {
			return nil, err
		}
		arg = string(d)
	}
	if _, err := os.Stat(filepath.Join(arg, auditlog.KeyPath)); err == nil {
		return []string{arg}, nil
	}
	shards, err := filepath.Glob(filepath.Join(arg, "log", "*"))
	if err != nil || len(shards) == 0 {
		return nil, withHint(fmt.Errorf("there is no audit log in %s", arg), "name a data directory, or a log directory within one")
	}
	return shards, nil
}

func notThere(err error, dir string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(fmt.Errorf("there is no audit log in %s", dir), "name a data directory, or a log directory within one")
	}
	return err
}
