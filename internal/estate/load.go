package estate

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
)

// loader is one run of Load.
type loader struct {
	Sources
	ctx      context.Context
	open     opener
	estate   *Estate
	problems problems
	workers  *workers
	jobs     []*job
	dumps    []dump
	orgs     []*Organization

	collections []collection

	telling     sync.Mutex // of Progress; guards what follows
	read, total int64      // bytes
	toldAt      time.Time
}

func newLoader(ctx context.Context, s Sources) *loader {
	s.Limits = s.Limits.orDefaults()
	l := &loader{Sources: s, ctx: ctx, open: openFile, estate: &Estate{}, toldAt: time.Now()}
	l.problems.limit = s.Limits.Problems
	return l
}

func (m Limits) orDefaults() Limits {
	return Limits{
		Bytes:    cmp.Or(m.Bytes, 4<<30),
		Value:    cmp.Or(m.Value, 8<<20),
		Depth:    cmp.Or(m.Depth, 64),
		Entities: cmp.Or(m.Entities, 5_000_000),
		Problems: cmp.Or(m.Problems, 10_000),
	}
}

func (l *loader) load() error {
	l.total = l.size()
	for _, step := range []func() error{l.accounts, l.organization, l.layers, l.profiles, l.used, l.credentials, l.bedrock} {
		if err := step(); err != nil {
			return err
		}
	}
	l.bind()
	l.estate.Problems = l.problems.all()
	slices.SortStableFunc(l.estate.Incomplete, func(a, b Incomplete) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.What, b.What))
	})
	l.estate.Incomplete = slices.Compact(l.estate.Incomplete)
	return nil
}

// size is how many bytes the sources hold; 0 if that cannot be told.
func (l *loader) size() (total int64) {
	if l.Progress == nil {
		return 0
	}
	s := l.Sources
	for _, name := range slices.Concat(s.Accounts, []string{s.Org}, s.SCPs, s.RCPs, s.Resource, s.Profiles, s.Used, s.Credentials, s.Bedrock) {
		if name == stdin {
			return 0
		}
		info, err := os.Stat(name)
		if err != nil {
			continue // opening it says so
		}
		if !info.IsDir() {
			total += info.Size()
			continue
		}
		_ = filepath.WalkDir(name, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if info, err := d.Info(); err == nil {
					total += info.Size()
				}
			}
			return nil
		})
	}
	return total
}

func (l *loader) incomplete(account, principal string, layer awsiam.Layer, what string) {
	if len(l.estate.Incomplete) < 100*l.Limits.Problems {
		l.estate.Incomplete = append(l.estate.Incomplete, Incomplete{Account: account, Principal: principal, Layer: layer, What: what})
	}
}

// accounts reads what holds users and roles, and joins what belongs together.
func (l *loader) accounts() error {
	l.workers = startWorkers()
	err := l.eachAccountSource()
	l.workers.stop()
	if err != nil {
		return err
	}
	l.digestCollections()
	l.assemble()
	return nil
}

func (l *loader) eachAccountSource() error {
	for _, name := range l.Accounts {
		dir := name != stdin && isDir(name)
		var err error
		switch {
		case dir && len(collectRoots(name)) > 0:
			err = l.collected(name)
		case dir:
			err = l.directory(name)
		default:
			err = l.details(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// directory reads every file of account details in a directory.
func (l *loader) directory(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	n := 0
	for _, entry := range list {
		name := strings.TrimSuffix(entry.Name(), ".gz")
		if entry.IsDir() || strings.HasPrefix(name, ".") || !strings.HasSuffix(name, ".json") && !strings.HasSuffix(name, ".jsonl") {
			continue
		}
		n++
		if err := l.details(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	if n > 0 {
		return nil
	}
	e := &InputError{Position: awsiam.Position{File: dir}, Reason: "the directory holds no .json, .jsonl or .gz files of account details and is not iam-collect's"}
	if _, err := os.Stat(filepath.Join(dir, "iam-collect.jsonc")); !errors.Is(err, fs.ErrNotExist) {
		e.Hint = "give the directory that iam-collect.jsonc names in storage.path (SQLite storage cannot be read)"
	}
	return e
}
