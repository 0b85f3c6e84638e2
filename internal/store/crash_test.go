package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// crashDSN tells a copy of the test binary to commit until it is killed.
const crashDSN = "WRIT_TEST_CRASH_DSN"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(crashDSN); dsn != "" {
		fmt.Println(commitForEver(dsn))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// commitForEver commits two changes at a time and prints every revision once
// the commit has returned.
func commitForEver(dsn string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	rev, err := db.Revision(ctx)
	for err == nil {
		a, b := fmt.Sprintf("a%d", rev), fmt.Sprintf("b%d", rev)
		rev, err = db.Commit(ctx, store.Commit{Record: ref(uint64(rev)), Expect: rev, Changes: []store.Change{
			policy(manifest.Create, a, strings.Repeat("x", 2000)), policy(manifest.Create, b, "1"),
		}})
		fmt.Println(rev)
	}
	return err
}

// killAfter runs the committing process, kills it after some lines, and
// returns the last revision it had acknowledged.
func killAfter(t *testing.T, dsn string, lines int) int64 {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDSN+"="+dsn)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged int64
	scan := bufio.NewScanner(out)
	for n := 0; scan.Scan(); n++ {
		if acknowledged, err = strconv.ParseInt(scan.Text(), 10, 64); err != nil {
			t.Fatal(scan.Text())
		}
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	return acknowledged
}

func TestKilledWhileCommitting(t *testing.T) {
	dsn := storetest.SQLite(t)
	for round := range 6 {
		acknowledged := killAfter(t, dsn, 5+7*round)
		reader, err := store.OpenReadOnly(t.Context(), dsn) // what the killed one left, not tidied
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if rev, err := reader.Revision(t.Context()); err != nil || rev < acknowledged {
			t.Errorf("round %d: read revision %d, %v, after %d was acknowledged", round, rev, err, acknowledged)
		}
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(t.Context(), dsn)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		rows, rev, err := db.Load(t.Context(), 0)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if rev < acknowledged || int64(len(rows)) != 2*rev {
			t.Errorf("round %d: revision %d with %d rows, after %d was acknowledged", round, rev, len(rows), acknowledged)
		}
		for _, r := range rows {
			if r.Stored != r.Digest() {
				t.Errorf("round %d: %s is torn", round, r.Name)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
