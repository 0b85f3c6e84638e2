package journal_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/writ-project/writ/internal/journal"
)

// crashDir tells the test binary that it is the child of TestKilledUnderLoad.
const crashDir = "JOURNAL_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Fprintln(os.Stderr, appendForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// appendForever prints "index text" for every entry that was acknowledged.
func appendForever(dir string) error {
	j, err := journal.Open(context.Background(), config(dir))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	fails := make(chan error)
	for c := range 8 {
		go func() {
			for i := 0; ; i++ {
				e := fmt.Sprintf("%d/%d/%s", c, i, strings.Repeat("x", i*37%5000))
				index, err := j.Append(context.Background(), []byte(e))
				if err != nil {
					fails <- err
					return
				}
				mu.Lock()
				fmt.Printf("%d %.12s\n", index, e)
				mu.Unlock()
			}
		}()
	}
	return <-fails
}

// TestKilledUnderLoad kills a writing process again and again: the log must
// verify and hold every acknowledged entry each time.
func TestKilledUnderLoad(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[uint64]string{}
	for round := range 20 {
		runAndKill(t, dir, 20+round*20, acknowledged)
		mustVerify(t, dir) // as the crash left it
		reader, err := journal.OpenReader(dir)
		if err != nil {
			t.Fatal(err)
		}
		for index, want := range acknowledged {
			got, err := reader.Entry(index)
			if err != nil || !strings.HasPrefix(string(got), want) {
				t.Fatalf("round %d: acknowledged entry %d is %.12q, %v; want %q", round, index, got, err, want)
			}
		}
	}
	t.Logf("%d acknowledged entries survived", len(acknowledged))
}

// runAndKill starts a writer and kills it after some acknowledgements, all of
// which it notes.
func runAndKill(t *testing.T, dir string, after int, acknowledged map[uint64]string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == after {
			cmd.Process.Kill()
		}
		index, text, ok := strings.Cut(lines.Text(), " ")
		i, err := strconv.ParseUint(index, 10, 64)
		if !ok || err != nil || strings.Count(text, "/") < 2 {
			continue // the line that the kill cut off
		}
		acknowledged[i] = text
	}
	if err := cmd.Wait(); err == nil || len(acknowledged) < after {
		t.Fatalf("the writer ended by itself: %v", err)
	}
}
