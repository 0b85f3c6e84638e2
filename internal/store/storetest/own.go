package storetest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Own is a PostgreSQL server of one test's own, which may crash.
type Own struct {
	DSN string

	bin, dir string
	as       *syscall.Credential
	run      *exec.Cmd
	hold     io.Closer
}

// ownScript is script for a server that comes back.
const ownScript = `"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c max_connections=60 >>"$2/log" 2>&1 &
cat; kill -QUIT $!; wait`

// StartOwn starts a server for one test; it skips the test where there are no
// server binaries.
func StartOwn(t testing.TB) *Own {
	t.Helper()
	o := &Own{bin: Binaries()}
	if o.bin == "" {
		t.Skip("no PostgreSQL server binaries")
	}
	var err error
	if o.as, err = Account(); err != nil {
		t.Skip(err)
	}
	if o.dir, err = initialise(o.bin, o.as); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.Crash(t)
		if err := os.RemoveAll(o.dir); err != nil {
			t.Error(err)
		}
	})
	o.DSN = socketIn(o.dir)
	o.Start(t)
	return o
}

// Start starts the server, which recovers what was committed.
func (o *Own) Start(t testing.TB) {
	t.Helper()
	o.run = exec.Command("sh", "-c", ownScript, "sh", o.bin, o.dir)
	o.run.Dir, o.run.SysProcAttr = o.dir, &syscall.SysProcAttr{Credential: o.as}
	var err error
	if o.hold, err = o.run.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := o.run.Start(); err != nil {
		t.Fatal(err)
	}
	if err := await(o.DSN, filepath.Join(o.dir, "log")); err != nil {
		t.Fatal(err)
	}
}

// Crash ends the server at once, without telling its clients, as
// pg_ctl stop -m immediate does.
func (o *Own) Crash(t testing.TB) {
	t.Helper()
	if o.run == nil {
		return
	}
	_ = o.hold.Close()
	_ = o.run.Wait() // its status is that of the signal
	o.run = nil
}
