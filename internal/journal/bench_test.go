package journal_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/journal"
)

// BenchmarkAppend measures durable entries of 1 KiB, by concurrent callers.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			j, err := journal.Open(b.Context(), journal.Config{Dir: b.TempDir(), Origin: origin, Key: testKey})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			e := bytes.Repeat([]byte("a"), 1024)
			b.ReportAllocs()
			b.SetParallelism((callers + 1) / 2)
			b.ResetTimer()
			if callers == 1 {
				for b.Loop() {
					if _, err := j.Append(b.Context(), e); err != nil {
						b.Fatal(err)
					}
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := j.Append(b.Context(), e); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkCall counts the flushes of a lone caller's call: a durable intent,
// and an outcome that nobody waits for. A pause stands for the client's.
func BenchmarkCall(b *testing.B) {
	cfg, flushes := withFlushes(journal.Config{Dir: b.TempDir(), Origin: origin, Key: testKey}, nil)
	j, err := journal.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	e := bytes.Repeat([]byte("a"), 1024)
	for b.Loop() {
		if _, err := j.Append(b.Context(), e); err != nil {
			b.Fatal(err)
		}
		if _, err := j.Enqueue(e); err != nil {
			b.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	b.ReportMetric(float64(flushes.Load())/float64(b.N), "flushes/op")
}
