package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/writtest"
)

// site is one installation under test: a data directory, a real `writ up` on
// it, the stand-in behind it and an issuer beside it.
type site struct {
	binary, dir, data string
	config            string // further lines of the configuration
	wrap              []string
	upstream          *standIn
	issuer            *issuer
	keys              aws.Credentials // of support-agent

	process *process
}

// options vary a site.
type options struct {
	data   string   // the data directory; empty: in the site's own directory
	config string   // further lines of the configuration
	wrap   []string // a command that writ runs under
}

// open starts an installation, fills it with the sample organisation and mints
// the session that the load signs with.
func (s *suite) open(ctx context.Context, o options) (*site, error) {
	dir, err := os.MkdirTemp(s.dir, "site")
	if err != nil {
		return nil, err
	}
	t := &site{binary: s.binary, dir: dir, data: cmp.Or(o.data, filepath.Join(dir, "data")), config: o.config, wrap: o.wrap}
	s.own(t.close)
	if t.upstream, err = startStandIn(); err != nil {
		return nil, err
	}
	if t.issuer, err = startIssuer(); err != nil {
		return nil, err
	}
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	if err := t.organise(ctx); err != nil {
		return nil, err
	}
	t.keys, err = t.session(ctx, "support-agent")
	return t, err
}

// start runs writ up on the data directory, and waits until it is ready.
func (t *site) start(ctx context.Context) error {
	p, err := t.launch(ctx)
	if err == nil {
		t.process = p
	}
	return err
}

func (t *site) launch(ctx context.Context) (*process, error) {
	config := filepath.Join(t.dir, "writ.yaml")
	text := fmt.Sprintf("account: %q\nimpersonation: true\nupstream: {endpoint: \"http://%s\"}\n%s", demo.Account, t.upstream.addr, t.config)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	argv := append(append([]string{}, t.wrap...), t.binary, "up", "--data", t.data, "--config", config, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	return launch(ctx, argv)
}

// organise applies the sample organisation.
func (t *site) organise(ctx context.Context) error {
	all, err := demo.Organisation(t.issuer.url, time.Now())
	if err != nil {
		return err
	}
	var docs []string
	for _, r := range all {
		text, err := r.YAML()
		if err != nil {
			return err
		}
		docs = append(docs, string(text))
	}
	path := filepath.Join(t.dir, "organisation.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(docs, "\n---\n")), 0o600); err != nil {
		return err
	}
	_, err = t.verb(ctx, "apply", "--yes", "-f", path, "--data", t.data)
	return err
}

// verb runs a verb of the binary and returns its output, also with its error.
func (t *site) verb(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, t.binary, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("writ %s: %w\n%s%s", args[0], err, out, stderr.Bytes())
	}
	return out, nil
}

// session mints a session for an identity.
func (t *site) session(ctx context.Context, identity string) (aws.Credentials, error) {
	out, err := t.verb(ctx, "credentials", "--identity", identity, "--format", "process", "--data", t.data)
	if err != nil {
		return aws.Credentials{}, err
	}
	var p struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
	}
	if err := json.Unmarshal(out, &p); err != nil {
		return aws.Credentials{}, fmt.Errorf("reading credentials: %w", err)
	}
	return aws.Credentials{AccessKeyID: p.AccessKeyID, SecretAccessKey: p.SecretAccessKey, SessionToken: p.SessionToken}, nil
}

// ready is the status of /readyz.
func (t *site) ready() int {
	resp, err := http.Get(t.process.admin + "/readyz")
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (t *site) log() string { return filepath.Join(t.data, "log", "0") }

func (t *site) close() {
	if t.process != nil {
		t.process.kill()
	}
	if t.upstream != nil {
		t.upstream.hangUp()
	}
	if t.issuer != nil {
		_ = t.issuer.server.Close()
	}
}

// process is a running writ, or a tracer with a writ under it.
type process struct {
	gateway, admin string // URLs
	pid            int    // writ's own
	cmd            *exec.Cmd
	orders         io.Writer // of the tracer
	stderr         writtest.LockedBuffer
	exited         chan struct{}
	err            error // how it ended, once exited is closed
}

// launch runs a command and waits for writ's ready line.
func launch(ctx context.Context, argv []string) (*process, error) {
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), exited: make(chan struct{})}
	// A group of its own, so that kill reaches a tracer and what it traces.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+upstreamKey, "AWS_SECRET_ACCESS_KEY=faults", "AWS_SESSION_TOKEN=", "AWS_EC2_METADATA_DISABLED=true")
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.orders, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	late := context.AfterFunc(ctx, func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	late()
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	if err == nil {
		err = p.read(line)
	}
	if err != nil {
		_ = p.wait(ctx, 5*time.Second) // its own words say more than how it ended
		p.kill()
		return nil, fmt.Errorf("writ up did not become ready: %w\n%s", err, p.stderr.String())
	}
	return p, nil
}

// read takes the ready line apart and learns writ's process id.
func (p *process) read(line string) error {
	var data string
	for _, w := range strings.Fields(line) {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "gateway":
			p.gateway = v
		case "admin":
			p.admin = v
		}
	}
	for i, a := range p.cmd.Args {
		if a == "--data" && i+1 < len(p.cmd.Args) {
			data = p.cmd.Args[i+1]
		}
	}
	b, err := os.ReadFile(filepath.Join(data, "run", "endpoints.json"))
	if err != nil {
		return err
	}
	var e struct {
		PID int `json:"pid"`
	}
	if err := json.Unmarshal(b, &e); err != nil || p.gateway == "" || e.PID == 0 {
		return fmt.Errorf("the ready line is %q, the endpoints %s", line, b)
	}
	p.pid = e.PID
	return nil
}

// order tells the tracer what the program sees from now on.
func (p *process) order(text string) error {
	_, err := io.WriteString(p.orders, text+"\n")
	return err
}

// kill ends writ as kill -9 does, and waits for its end.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // its group: a tracer and what it traces
	<-p.exited
}

// freeze stops every thread of writ, and waits until they have: a system call
// that had begun is then over, and its result not yet known to the program.
func (p *process) freeze(ctx context.Context) error {
	if err := syscall.Kill(p.pid, syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		running := false
		states, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.pid))
		if err != nil {
			return err
		}
		for _, path := range states {
			text, err := os.ReadFile(path)
			running = running || err == nil && !bytes.Contains(text, []byte(") T "))
		}
		if !running {
			return nil
		}
		if err := sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// terminate sends SIGTERM to writ itself.
func (p *process) terminate() error { return syscall.Kill(p.pid, syscall.SIGTERM) }

// wait waits for the end and returns how it was.
func (p *process) wait(ctx context.Context, limit time.Duration) error {
	select {
	case <-p.exited:
		return p.err
	case <-time.After(limit):
		return errors.New("still running")
	case <-ctx.Done():
		return ctx.Err()
	}
}
