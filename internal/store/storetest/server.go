package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// startWithin is how long a server may take to answer its first connection.
const startWithin = 30 * time.Second

// server returns the name of the test binary's PostgreSQL server, starting it
// at the first call. missing says why there can be none; err, why it did not start.
func server() (dsn, missing string, err error) {
	s := theServer()
	return s.dsn, s.missing, s.err
}

// Serve is the same for a program that measures: the server goes with it.
func Serve() (dsn string, err error) {
	dsn, missing, err := server()
	if missing != "" {
		err = errors.New(missing)
	}
	return dsn, err
}

type started struct {
	dsn, missing string
	err          error
	hold         io.Closer // the server's standard input; collected, it would end the server
}

var theServer = sync.OnceValue(func() started {
	if dsn := os.Getenv("WRIT_TEST_POSTGRES"); dsn != "" {
		return started{dsn: dsn}
	}
	bin := Binaries()
	if bin == "" {
		return started{missing: "no PostgreSQL server binaries"}
	}
	as, err := Account()
	if err != nil {
		return started{missing: err.Error()}
	}
	dsn, hold, err := start(bin, as)
	return started{dsn: dsn, hold: hold, err: err}
})

// Binaries finds the directory with initdb and postgres, or returns "".
func Binaries() string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is sound
	slices.Reverse(dirs)
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(initdb); err == nil {
			dirs = append([]string{filepath.Dir(real)}, dirs...)
		}
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
			return dir
		}
	}
	return ""
}

// Account returns whom to run the server as: nil for ourselves, and somebody
// lesser when we are root, whom PostgreSQL refuses to serve.
func Account() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("no account to run PostgreSQL as: root may not")
}

// script runs the server until its standard input ends, which it does when the
// test binary does, however that dies; then it tidies up.
const script = `"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c max_connections=60 >"$2/log" 2>&1 &
cat; kill -QUIT $!; wait; rm -rf "$2"`

// start makes a cluster in a temporary directory and serves it on a Unix socket.
func start(bin string, as *syscall.Credential) (dsn string, hold io.Closer, err error) {
	dir, err := initialise(bin, as)
	if err != nil {
		return "", nil, err
	}
	sh := exec.Command("sh", "-c", script, "sh", bin, dir)
	sh.Dir, sh.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	if hold, err = sh.StdinPipe(); err != nil {
		return "", nil, err
	}
	if err := sh.Start(); err != nil {
		return "", nil, err
	}
	dsn = socketIn(dir)
	return dsn, hold, await(dsn, filepath.Join(dir, "log"))
}

// initialise makes a cluster in a new directory.
func initialise(bin string, as *syscall.Credential) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "writ-postgres-"); err != nil {
		return "", err
	}
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return "", err
		}
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), os.RemoveAll(dir))
	}
	return dir, nil
}

// socketIn names the server that listens in a directory.
func socketIn(dir string) string {
	return "postgres://postgres@/postgres?host=" + url.QueryEscape(dir)
}

// await waits until the server answers.
func await(dsn, log string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, dsn)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			said, _ := os.ReadFile(log) // there may be none
			return fmt.Errorf("%w\n%s", err, said)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
