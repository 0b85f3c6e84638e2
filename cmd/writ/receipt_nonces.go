package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/writ-project/writ/receipt"
)

// nonceFile is a receipt.Nonces in a file that only grows: one line for each
// used receipt, its nonce and until when (Unix seconds) it must be remembered.
// A lock on the file orders processes, and a nonce counts as used once its line
// is on the disk.
type nonceFile string

// maxNonceLine bounds a line: a nonce of 128 characters and a time.
const maxNonceLine = 256

// Use implements receipt.Nonces.
func (n nonceFile) Use(ctx context.Context, id string, until time.Time) (err error) {
	f, err := os.OpenFile(string(n), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := lockFile(ctx, f); err != nil {
		return err
	}
	end, err := n.search(f, id)
	if err != nil {
		return err
	}
	return n.append(f, end, fmt.Sprintf("%s %d\n", id, until.Unix()))
}

// lockFile waits for the file's lock, which ends with the file.
func lockFile(ctx context.Context, f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// search looks for a nonce and returns where the last whole line ends. What
// follows it was cut off by a crash, before anybody was told that it is used.
func (n nonceFile) search(f *os.File, id string) (end int64, err error) {
	lines := bufio.NewReaderSize(f, maxNonceLine)
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return end, nil
		case err != nil:
			return 0, fmt.Errorf("%s: it is not a file of used receipts, from byte %d on", n, end)
		}
		used, until, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
		if _, err := strconv.ParseInt(until, 10, 64); err != nil || !ok || used == "" {
			return 0, fmt.Errorf("%s: it is not a file of used receipts, at byte %d", n, end)
		}
		if used == id {
			return 0, receipt.ErrUsed
		}
		end += int64(len(line))
	}
}

// append writes a line in the place of what is cut off, durably.
func (n nonceFile) append(f *os.File, end int64, line string) error {
	if err := f.Truncate(end); err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte(line), end); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if end > 0 {
		return nil
	}
	dir, err := os.Open(filepath.Dir(string(n))) // the file may be new
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
