package journal_test

import (
	"crypto/ed25519"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/journal"
)

func TestFlushesAreTold(t *testing.T) {
	var entries, flushes atomic.Int64
	j, err := journal.Open(t.Context(), journal.Config{
		Dir: t.TempDir(), Origin: "test/timed", Key: ed25519.NewKeyFromSeed(make([]byte, 32)),
		Flushed: func(took time.Duration, n int) {
			if took <= 0 {
				t.Errorf("a flush took %v", took)
			}
			entries.Add(int64(n))
			flushes.Add(1)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := j.Append(t.Context(), []byte(`{"entry":true}`)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if entries.Load() != 3 || flushes.Load() < 1 {
		t.Errorf("%d entries in %d flushes, want 3", entries.Load(), flushes.Load())
	}
}
