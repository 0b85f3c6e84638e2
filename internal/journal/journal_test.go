package journal_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/journal"
)

const origin = "log.example/writ"

// testKey is a fixed signing key; its secrecy protects nothing.
var testKey = ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef"))

func config(dir string) journal.Config {
	return journal.Config{Dir: dir, Origin: origin, Key: testKey, SegmentEntries: 512}
}

func mustOpen(t testing.TB, cfg journal.Config) *journal.Journal {
	t.Helper()
	j, err := journal.Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func mustClose(t testing.TB, j *journal.Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func mustAppend(t testing.TB, j *journal.Journal, n int) {
	t.Helper()
	var last *journal.Pending
	for range n {
		p, err := j.Enqueue(entry(j.Head().Size + 1))
		if err != nil {
			t.Fatalf("Enqueue: %v", err)
		}
		last = p
	}
	if _, err := last.Wait(t.Context()); err != nil {
		t.Fatalf("Wait: %v", err)
	}
}

func entry(n uint64) []byte { return fmt.Appendf(nil, `{"n":%d,"pad":"%0*d"}`, n, n%97, n) }

// mustVerify derives the whole log anew, opaque: these entries are no records.
func mustVerify(t testing.TB, dir string) auditlog.Report {
	t.Helper()
	r, err := auditlog.Verify(context.Background(), os.DirFS(dir), auditlog.VerifyOptions{Opaque: true})
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return r
}

func TestAppendIsDurableAndInOrder(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, config(dir))
	for i := range uint64(1500) {
		index, err := j.Append(t.Context(), entry(i))
		if err != nil || index != i {
			t.Fatalf("Append = %d, %v; want %d", index, err, i)
		}
		if head := j.Head(); head.Size != i+1 {
			t.Fatalf("head has %d entries after entry %d", head.Size, i)
		}
	}
	if r := mustVerify(t, dir); r.Size != 1500 {
		t.Fatalf("live directory verifies to %d entries, want 1500", r.Size)
	}
	mustClose(t, j)
	if r := mustVerify(t, dir); r.Size != 1500 || r.Published != 1500 {
		t.Fatalf("closed directory: size %d, published %d, want 1500", r.Size, r.Published)
	}
	j = mustOpen(t, config(dir))
	if index, err := j.Append(t.Context(), entry(1500)); err != nil || index != 1500 {
		t.Fatalf("Append after reopening = %d, %v", index, err)
	}
}

func TestEntryAndScanReadTilesAndTail(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, config(dir))
	for i := range uint64(1300) {
		if _, err := j.Enqueue(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Publish(); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(t.Context(), entry(1300)); err != nil {
		t.Fatal(err)
	}
	if err := j.Publish(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, auditlog.TailPath(0))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the published segment is still there: %v", err)
	}
	reader, err := journal.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, log := range map[string]interface {
		Entry(uint64) ([]byte, error)
		Scan(context.Context, uint64, func(uint64, []byte) error) error
	}{"journal": j, "reader": reader} {
		for _, i := range []uint64{0, 255, 256, 511, 512, 1023, 1024, 1299, 1300} {
			b, err := log.Entry(i)
			if err != nil || string(b) != string(entry(i)) {
				t.Errorf("%s.Entry(%d) = %s, %v", name, i, b, err)
			}
		}
		if _, err := log.Entry(1301); err == nil {
			t.Errorf("%s.Entry(1301) succeeded", name)
		}
		next := uint64(100)
		err := log.Scan(t.Context(), 100, func(i uint64, b []byte) error {
			if i != next || string(b) != string(entry(i)) {
				return fmt.Errorf("entry %d is %s, want entry %d", i, b, next)
			}
			next++
			return nil
		})
		if err != nil || next != 1301 {
			t.Errorf("%s.Scan stopped at %d: %v", name, next, err)
		}
	}
}

func TestConcurrentAppendsWithRotation(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, config(dir))
	const callers, each = 16, 300
	var wg sync.WaitGroup
	seen := make([]uint64, callers*each)
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				index, err := j.Append(t.Context(), entry(uint64(c*each+i)))
				if err != nil {
					t.Errorf("Append: %v", err)
					return
				}
				seen[c*each+i] = index
			}
		})
	}
	wg.Wait()
	for n, index := range seen {
		if b, err := j.Entry(index); err != nil || string(b) != string(entry(uint64(n))) {
			t.Fatalf("entry %d at index %d is %s, %v", n, index, b, err)
		}
	}
	mustClose(t, j)
	if r := mustVerify(t, dir); r.Size != callers*each {
		t.Fatalf("%d entries, want %d", r.Size, callers*each)
	}
}

func TestPublishesWithinItsInterval(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, config(dir))
		if _, err := j.Append(t.Context(), entry(0)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait() // Close would publish too, so look first
		if got := mustVerify(t, dir).Published; got != 1 {
			t.Errorf("%d entries published one second after the append, want 1", got)
		}
		mustClose(t, j)
	})
}

// TestVerifyWhileWriting takes views while segments come and go.
func TestVerifyWhileWriting(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	cfg.SegmentEntries, cfg.PublishEvery = 256, time.Millisecond
	j := mustOpen(t, cfg)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := uint64(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := j.Append(context.Background(), entry(i)); err != nil {
					t.Errorf("Append: %v", err)
					return
				}
			}
		})
	}
	last := uint64(0)
	for range 40 {
		mustAppend(t, j, 200)
		r := mustVerify(t, dir)
		if r.Size < last {
			t.Errorf("the log shrank from %d to %d entries", last, r.Size)
		}
		last = r.Size
	}
	close(stop)
	wg.Wait()
	t.Logf("verified up to %d entries", last)
}

func TestSigningKeyNeverPrints(t *testing.T) {
	cfg := config(t.TempDir())
	j := mustOpen(t, cfg)
	mustClose(t, j) // printing reads everything
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+"\n", cfg, j)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "cfg", cfg, "journal", j)
	b, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	seed := testKey.Seed()
	for name, form := range map[string]string{
		"text": string(seed), "hex": hex.EncodeToString(seed), "base64": base64.StdEncoding.EncodeToString(seed)[:40],
		"numbers": strings.Trim(fmt.Sprint(seed), "[]"), "Go": strings.Trim(fmt.Sprintf("%#v", seed), "[]byte{}"),
	} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the key is printed as %s", name)
		}
	}
}
