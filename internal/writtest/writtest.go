// Package writtest runs a whole Writ in a temporary directory: the real binary,
// as its users run it. What is tested through it is what ships.
package writtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is the directory of the binary, which outlives the test that needed it first.
var built string

// build compiles cmd/writ once per test binary.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "writtest")
	if err != nil {
		return "", err
	}
	built = dir
	if err := dependOnSources(); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "writ")
	cmd := exec.Command("go", "build", "-o", path, "github.com/writ-project/writ/cmd/writ")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building writ: %w\n%s", err, out)
	}
	return path, nil
})

// dependOnSources looks at every source of the module, so that go test's cache
// knows that the tests depend on them: it sees what a test opens, not what the
// compiler it starts opens.
func dependOnSources() error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("finding the module: %w", err)
	}
	return filepath.WalkDir(strings.TrimSpace(string(out)), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		_, err = os.Stat(path)
		return err
	})
}

// Clean removes the binary, if it was built. A TestMain calls it at the end.
func Clean() {
	if built != "" {
		_ = os.RemoveAll(built)
	}
}

// Binary returns the path of the writ binary, built from this checkout.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Options says how to start a server. The zero value is a fresh demo.
type Options struct {
	Data   string   // data directory; empty makes a temporary one
	Args   []string // further arguments of `writ up`
	NoDemo bool     // leave out --demo
	Env    []string // further environment
	Wrap   []string // a command to run writ under, such as prlimit and its flags
}

// Server is a running `writ up`.
type Server struct {
	Data       string
	Gateway    string // http://…
	GatewayTLS string // https://…
	Admin      string
	CA         string // path of the CA certificate
	PID        int

	binary string
	cmd    *exec.Cmd
	stderr *LockedBuffer
	exited chan error
}

// Start starts a server, waits until it is ready, and stops it with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Launch(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Launch is Start for tests that expect the start to fail.
func Launch(t testing.TB, o Options) (*Server, error) {
	t.Helper()
	if o.Data == "" {
		o.Data = filepath.Join(t.TempDir(), "data")
	}
	s := &Server{Data: o.Data, binary: Binary(t), stderr: &LockedBuffer{}, exited: make(chan error, 1)}
	args := append([]string{}, o.Wrap...)
	args = append(args, s.binary, "up", "--data", o.Data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	if !o.NoDemo {
		args = append(args, "--demo")
	}
	args = append(args, o.Args...)
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Env = append(os.Environ(), o.Env...)
	s.cmd.Stderr = s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.PID = s.cmd.Process.Pid
	t.Cleanup(s.Kill)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		err = s.wait(10 * time.Second)
		s.exited <- err
		return nil, fmt.Errorf("writ up did not become ready: %w\n%s", err, s.Stderr())
	}
	go func() { s.exited <- s.cmd.Wait() }()
	return s, s.read(line)
}

// read takes the ready line apart.
func (s *Server) read(line string) error {
	fields := map[string]*string{"gateway": &s.Gateway, "admin": &s.Admin, "gateway_tls": &s.GatewayTLS, "ca": &s.CA}
	words := strings.Fields(line)
	if n := len(words); n > 0 && strings.HasPrefix(words[n-1], "OBSERVE=") {
		words = words[:n-1]
	}
	if len(words) != 1+len(fields) || words[0] != "ready" {
		return fmt.Errorf("the ready line is %q", line)
	}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		if fields[k] == nil || v == "" {
			return fmt.Errorf("the ready line is %q", line)
		}
		*fields[k] = v
	}
	return nil
}

func (s *Server) wait(limit time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		_ = s.cmd.Process.Kill()
		return errors.New("still running")
	}
}

// Stderr is what the server has said so far.
func (s *Server) Stderr() string { return s.stderr.String() }

// Kill ends the server as kill -9 does, if it still runs.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	s.Exit(10 * time.Second)
}

// Terminate sends SIGTERM.
func (s *Server) Terminate() { _ = s.cmd.Process.Signal(syscall.SIGTERM) }

// Exit waits for the server's end and returns its error.
func (s *Server) Exit(limit time.Duration) error {
	select {
	case err := <-s.exited:
		s.exited <- err // for whoever asks again
		return err
	case <-time.After(limit):
		return errors.New("the server is still running")
	}
}

// Result is how a verb ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Run runs a verb of the binary against the server's data directory.
func (s *Server) Run(t testing.TB, args ...string) Result {
	t.Helper()
	return Run(t, s.Data, args...)
}

// Run runs a verb against a data directory.
func Run(t testing.TB, data string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, Binary(t), args...)
	cmd.Env = append(os.Environ(), "WRIT_DATA="+data)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("running writ %v: %v", args, err)
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// MustRun is Run for a verb that must succeed; it returns its output.
func (s *Server) MustRun(t testing.TB, args ...string) string {
	t.Helper()
	r := s.Run(t, args...)
	if r.Code != 0 {
		t.Fatalf("writ %v: exit status %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// Bearer mints a bearer token for an identity.
func (s *Server) Bearer(t testing.TB, identity string) string {
	t.Helper()
	return strings.TrimSpace(s.MustRun(t, "credentials", "--identity", identity, "--format", "bearer"))
}

// Keys are the credentials of a signing client.
type Keys struct{ AccessKeyID, SecretAccessKey, SessionToken string }

// Session mints a session for an identity.
func (s *Server) Session(t testing.TB, identity string) Keys {
	t.Helper()
	var p struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
	}
	if err := json.Unmarshal([]byte(s.MustRun(t, "credentials", "--identity", identity, "--format", "process")), &p); err != nil {
		t.Fatal(err)
	}
	return Keys{p.AccessKeyID, p.SecretAccessKey, p.SessionToken}
}

// Token has the demo's issuer sign an OIDC token for an identity.
func (s *Server) Token(t testing.TB, identity string, args ...string) string {
	t.Helper()
	return strings.TrimSpace(s.MustRun(t, append([]string{"demo", "token", "--identity", identity}, args...)...))
}

// LockedBuffer is written by a process and read beside it.
type LockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *LockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *LockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
