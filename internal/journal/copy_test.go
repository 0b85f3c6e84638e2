package journal_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/journal"
)

// copied is a copy of a log in a directory of its own, and its newest checkpoint.
func copied(t *testing.T, from string) (string, auditlog.Checkpoint) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	head, err := journal.Copy(from, nil, func(name string, data []byte) error {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := auditlog.Open(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if string(v.Head().Note) != string(head) {
		t.Errorf("the copy ends at entry %d, not at the checkpoint that was named", v.Head().Size)
	}
	return dir, v.Head()
}

func TestACopyOfALogCanBeVerifiedAndContinued(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 257, 700, 1500} {
		dir := t.TempDir()
		j := mustOpen(t, config(dir))
		if n > 0 {
			mustAppend(t, j, n)
		}
		if n%2 == 0 {
			if err := j.Publish(); err != nil {
				t.Fatal(err)
			}
		}
		to, head := copied(t, dir)
		if r := mustVerify(t, to); r.Size != uint64(n) || head.Size != uint64(n) {
			t.Errorf("%d entries: the copy has %d, its checkpoint %d", n, r.Size, head.Size)
		}
		again := mustOpen(t, config(to))
		mustAppend(t, again, 3)
		mustClose(t, again)
		mustVerify(t, to)
		mustClose(t, j)
	}
}

// While a writer appends, publishes and retires segments, every copy is whole.
func TestACopyOfALiveLogIsOfOneMoment(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, config(dir))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 40 {
			mustAppend(t, j, 150)
			if n%2 == 0 {
				if err := j.Publish(); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	copies := 0
	for running := true; running; copies++ {
		select {
		case <-done:
			running = false
		default:
		}
		to, head := copied(t, dir)
		if r := mustVerify(t, to); r.Size != head.Size {
			t.Errorf("the copy has %d entries, its checkpoint %d", r.Size, head.Size)
		}
	}
	if copies < 3 {
		t.Errorf("%d copies were taken while the log grew", copies)
	}
}
