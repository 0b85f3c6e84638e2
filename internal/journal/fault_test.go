package journal_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/journal"
)

// faultyFile is a segment on a disk that breaks.
type faultyFile struct {
	journal.TailFile
	write func(f journal.TailFile, b []byte) (int, error)
	sync  func() error
}

func (f faultyFile) Write(b []byte) (int, error) { return f.write(f.TailFile, b) }

func (f faultyFile) Sync() error { return f.sync() }

// TestFailedWriteStopsTheJournal: no record, no call, and nothing that was
// acknowledged is lost.
func TestFailedWriteStopsTheJournal(t *testing.T) {
	for name, tc := range map[string]struct {
		write func(f journal.TailFile, b []byte) (int, error)
		sync  error
		want  error
	}{
		"disk full": {write: func(journal.TailFile, []byte) (int, error) { return 0, syscall.ENOSPC }, want: syscall.ENOSPC},
		"full half-way": {write: func(f journal.TailFile, b []byte) (int, error) {
			n, _ := f.Write(b[:len(b)/2])
			return n, syscall.ENOSPC
		}, want: syscall.ENOSPC},
		"I/O error":      {write: func(journal.TailFile, []byte) (int, error) { return 0, syscall.EIO }, want: syscall.EIO},
		"short write":    {write: func(f journal.TailFile, b []byte) (int, error) { return f.Write(b[:20]) }, want: io.ErrShortWrite},
		"failed flush":   {sync: syscall.EIO, want: syscall.EIO},
		"nothing at all": {write: func(_ journal.TailFile, b []byte) (int, error) { return 0, nil }, want: io.ErrShortWrite},
	} {
		t.Run(name, func(t *testing.T) {
			var broken atomic.Bool
			dir := t.TempDir()
			j := mustOpen(t, config(dir).WithTail(func(path string) (journal.TailFile, error) {
				f, err := journal.OpenTailFile(path)
				return faultyFile{
					TailFile: f,
					write: func(f journal.TailFile, b []byte) (int, error) {
						if broken.Load() && tc.write != nil {
							return tc.write(f, b)
						}
						return f.Write(b)
					},
					sync: func() error {
						if broken.Load() && tc.sync != nil {
							return tc.sync
						}
						return f.Sync()
					},
				}, err
			}))
			mustAppend(t, j, 10)
			broken.Store(true)
			if _, err := j.Append(t.Context(), entry(10)); !errors.Is(err, tc.want) {
				t.Errorf("Append = %v, want %v", err, tc.want)
			}
			broken.Store(false)
			if _, err := j.Append(t.Context(), entry(11)); !errors.Is(err, tc.want) || !errors.Is(j.Err(), tc.want) {
				t.Errorf("after the failure: Append = %v, Err = %v, want %v for ever", err, j.Err(), tc.want)
			}
			if size := j.Head().Size; size != 10 {
				t.Errorf("head moved to %d", size)
			}
			if err := j.Publish(); !errors.Is(err, tc.want) {
				t.Errorf("Publish = %v, want %v", err, tc.want)
			}
			if err := j.Close(); !errors.Is(err, tc.want) {
				t.Errorf("Close = %v, want %v", err, tc.want)
			}
			j = mustOpen(t, config(dir))
			if size := j.Head().Size; size < 10 || size > 11 { // a whole frame may have reached the disk
				t.Errorf("recovered %d entries, want 10 or 11", size)
			}
			mustAppend(t, j, 5)
			mustClose(t, j)
			mustVerify(t, dir)
		})
	}
}

// TestNothingIsAcknowledgedBeforeItIsFlushed holds the flush back and looks.
func TestNothingIsAcknowledgedBeforeItIsFlushed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		j := mustOpen(t, config(dir).WithTail(func(path string) (journal.TailFile, error) {
			f, err := journal.OpenTailFile(path)
			return faultyFile{f, journal.TailFile.Write, func() error { <-release; return f.Sync() }}, err
		}))
		acknowledged := false
		go func() {
			if _, err := j.Append(t.Context(), entry(0)); err != nil {
				t.Errorf("Append: %v", err)
			}
			acknowledged = true
		}()
		synctest.Wait()
		if acknowledged || j.Head().Size != 0 {
			t.Errorf("before the flush: acknowledged %v, head at %d", acknowledged, j.Head().Size)
		}
		close(release)
		synctest.Wait()
		if !acknowledged || j.Head().Size != 1 {
			t.Errorf("after the flush: acknowledged %v, head at %d", acknowledged, j.Head().Size)
		}
		mustClose(t, j)
	})
}

func TestTornTailIsRepairedAtEveryLength(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, config(dir))
	mustAppend(t, j, 10)
	mustClose(t, j)
	segment := filepath.Join(dir, auditlog.TailPath(0))
	whole, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	frame := tornFrame(t)
	torn := [][]byte{make([]byte, len(frame)), make([]byte, 10_000)} // pages that were lost
	for n := 1; n < len(frame); n += 13 {
		torn = append(torn, frame[:n])
	}
	for _, rest := range torn {
		n := len(rest)
		if err := os.WriteFile(segment, append(bytes.Clone(whole), rest...), 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := journal.Open(t.Context(), config(dir))
		if err != nil {
			t.Fatalf("%d torn bytes: %v", n, err)
		}
		if j.Head().Size != 10 || j.Repaired() != int64(n) {
			t.Errorf("%d torn bytes: size %d, repaired %d", n, j.Head().Size, j.Repaired())
		}
		mustClose(t, j)
	}
	if got, err := os.ReadFile(segment); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("the repaired segment differs: %v", err)
	}
}

// tornFrame is a good eleventh frame: it is torn by where it is cut.
func tornFrame(t *testing.T) []byte {
	t.Helper()
	buf := auditlog.AppendEntry(make([]byte, auditlog.FrameHeaderSize), entry(10))
	return auditlog.SealFrame(buf, 10, 1, []byte("never verified, because it is cut off"))
}

// TestChangedLogIsRefused samples bytes of every file of the directory.
func TestChangedLogIsRefused(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, config(dir))
	mustAppend(t, j, 700)
	if err := j.Publish(); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, 50)
	mustClose(t, j)
	random := rand.New(rand.NewPCG(1, 2))
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lock" {
			return err
		}
		good, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for range min(len(good), 5) {
			bad := bytes.Clone(good)
			i := random.IntN(len(bad))
			bad[i] ^= byte(1 + random.IntN(255))
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				return err
			}
			checkRefused(t, config(dir), filepath.Base(path), i)
		}
		return os.WriteFile(path, good, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if size := mustOpen(t, config(dir)).Head().Size; size != 750 {
		t.Errorf("restored log has %d entries", size)
	}
}

func checkRefused(t *testing.T, cfg journal.Config, file string, at int) {
	t.Helper()
	j, err := journal.Open(t.Context(), cfg)
	if _, ok := errors.AsType[*journal.DamagedError](err); !ok {
		t.Errorf("byte %d of %s changed: Open = %v", at, file, err)
		if err == nil {
			j.Close()
		}
		return
	}
	for _, want := range []string{cfg.Dir, "keep the directory as evidence"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestMissingPartsAreRefused(t *testing.T) {
	for _, name := range []string{"checkpoint", "tail", "tile", "tile/entries", auditlog.TailPath(512)} {
		dir := t.TempDir()
		j := mustOpen(t, config(dir))
		mustAppend(t, j, 700)
		mustClose(t, j)
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		checkRefused(t, config(dir), name, 0)
	}
}

func TestSecondProcessIsLockedOut(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, config(dir))
	// A second open file is to flock what a second process is.
	if _, err := journal.Open(t.Context(), config(dir)); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("Open = %v, want ErrLocked", err)
	}
	mustAppend(t, j, 1)
	mustClose(t, j)
	mustOpen(t, config(dir))
}

// TestS16_SpareRecordsLeaveTheReserve: what the unauthenticated cause stops
// before the disk is full; authenticated records go on.
func TestS16_SpareRecordsLeaveTheReserve(t *testing.T) {
	free := uint64(1000)
	cfg := config(t.TempDir()).WithFreeBytes(func(string) (uint64, error) { return free, nil })
	cfg.Reserve = 1000
	j := mustOpen(t, cfg)
	if _, err := j.AppendSpare(t.Context(), entry(0)); err != nil {
		t.Errorf("with the reserve intact: %v", err)
	}
	free = 999
	if _, err := j.AppendSpare(t.Context(), entry(1)); !errors.Is(err, journal.ErrReserve) {
		t.Errorf("below the reserve: %v", err)
	}
	if _, err := j.Append(t.Context(), entry(1)); err != nil {
		t.Errorf("authenticated, below the reserve: %v", err)
	}
}

func TestFailedPublishingIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, config(dir))
	tmp := filepath.Join(dir, "tmp")
	if err := j.Publish(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(tmp); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, 600)
	if err := j.Publish(); err == nil {
		t.Error("Publish succeeded without a place for temporary files")
	}
	mustAppend(t, j, 600) // durable all the same
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	if r := mustVerify(t, dir); r.Published != 1200 {
		t.Errorf("%d of 1200 entries published in the end", r.Published)
	}
}

func TestUnusableDirectoryIsAnError(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(t.Context(), config(dir)); err == nil {
		t.Error("opened a file as a directory")
	}
	dir = t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		dir = "/proc" // not even root may write there
	}
	if _, err := journal.Open(t.Context(), config(dir)); err == nil {
		t.Error("opened a read-only directory")
	}
}

// TestS10_KeyRotation: a log goes on under a new key, and only with the old one
// named.
func TestS10_KeyRotation(t *testing.T) {
	for _, n := range []int{0, 10} {
		dir := t.TempDir()
		j := mustOpen(t, config(dir))
		if n > 0 {
			mustAppend(t, j, n)
		}
		mustClose(t, j)
		old, err := auditlog.VerifierKey(origin, testKey.Public().(ed25519.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		cfg := config(dir)
		cfg.Key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{5}, 32))
		checkRefused(t, cfg, "checkpoint", 0)
		cfg.OldKeys = []string{old}
		j = mustOpen(t, cfg)
		mustAppend(t, j, 10)
		mustClose(t, j)
		mustVerify(t, dir)
		_, err = auditlog.Verify(t.Context(), os.DirFS(dir), auditlog.VerifyOptions{Opaque: true, Keys: []string{old}})
		if err == nil {
			t.Error("the old key alone verifies what the new one signed")
		}
	}
}

func TestOpenRefusesBadConfigurations(t *testing.T) {
	good := config(t.TempDir())
	for name, edit := range map[string]func(*journal.Config){
		"no directory":   func(c *journal.Config) { c.Dir = "" },
		"no origin":      func(c *journal.Config) { c.Origin = "" },
		"origin + space": func(c *journal.Config) { c.Origin = "a b" },
		"no key":         func(c *journal.Config) { c.Key = nil },
		"odd segment":    func(c *journal.Config) { c.SegmentEntries = 100 },
		"huge segment":   func(c *journal.Config) { c.SegmentEntries = 1 << 20 },
	} {
		cfg := good
		edit(&cfg)
		if _, err := journal.Open(t.Context(), cfg); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	mustClose(t, mustOpen(t, good))
	good.Origin = "log.example/other"
	if _, err := journal.Open(t.Context(), good); err == nil {
		t.Error("opened the log of another origin")
	}
}

func TestEntriesAreChecked(t *testing.T) {
	j := mustOpen(t, config(t.TempDir()))
	for name, e := range map[string][]byte{
		"empty": nil, "zero byte": []byte("a\x00"), "too long": bytes.Repeat([]byte("x"), auditlog.MaxEntry+1),
	} {
		if _, err := j.Append(t.Context(), e); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if index, err := j.Append(t.Context(), bytes.Repeat([]byte("x"), auditlog.MaxEntry)); err != nil || index != 0 {
		t.Errorf("the largest entry: %d, %v", index, err)
	}
	if j.Err() != nil {
		t.Errorf("a refused entry stopped the journal: %v", j.Err())
	}
}

func TestClosedJournal(t *testing.T) {
	j := mustOpen(t, config(t.TempDir()))
	p, err := j.Enqueue(entry(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Err(); err != nil {
		t.Errorf("Err of an open journal = %v", err)
	}
	mustClose(t, j)
	if err := j.Err(); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Err = %v, want ErrClosed", err)
	}
	if index, err := p.Wait(t.Context()); err != nil || index != 0 {
		t.Errorf("an entry queued before Close: %d, %v", index, err)
	}
	if _, err := j.Append(t.Context(), entry(1)); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Append = %v", err)
	}
	if err := j.Publish(); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Publish = %v", err)
	}
	mustClose(t, j) // again is harmless
}

func TestAppendGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	release := make(chan struct{})
	j := mustOpen(t, config(t.TempDir()).WithTail(func(path string) (journal.TailFile, error) {
		f, err := journal.OpenTailFile(path)
		write := func(f journal.TailFile, b []byte) (int, error) { <-release; return f.Write(b) }
		return faultyFile{f, write, f.Sync}, err
	}))
	if _, err := j.Append(ctx, entry(0)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append = %v", err)
	}
	close(release)
}
