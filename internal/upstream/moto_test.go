package upstream

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// motoServer starts moto's STS, which others wrote; "" where Python has none,
// and then what it would show is left out, not skipped.
func motoServer(t *testing.T) string {
	t.Helper()
	if out, err := exec.Command("python3", "-c", "import moto.server, flask").CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Logf("moto is left out: %v: %s", err, lines[len(lines)-1])
		return ""
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if resp, err := http.Get("http://" + address + "/moto-api/data.json"); err == nil {
			resp.Body.Close()
			return "http://" + address
		}
	}
	cancel()
	_ = cmd.Wait()
	t.Fatalf("moto did not start:\n%s", said.String())
	return ""
}

// An STS that is not ours accepts what is asked of it, and its sessions are
// the ones meant.
func TestMotoVendsTheSessions(t *testing.T) {
	url := motoServer(t)
	if url == "" {
		return
	}
	base := credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", secret, "")
	place := STS{Region: "us-east-1", Endpoint: url}
	s, err := NewSessions(Role{ARN: awayRole, ExternalID: external, Base: base, STS: place}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := bob.allows(t, usPro)
	creds, err := s.retrieve(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(creds.Expires); left < 50*time.Minute || left > 61*time.Minute || creds.SessionToken == "" {
		t.Errorf("a session for %v", left)
	}
	again, err := s.retrieve(t.Context(), p)
	if err != nil || again.AccessKeyID != creds.AccessKeyID {
		t.Errorf("the same right again: %s, %v", again.AccessKeyID, err)
	}
	r := &route{account: away, shared: credentials.NewStaticCredentialsProvider(creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken), sts: place}
	account, arn, err := r.whoami(t.Context())
	if want := fmt.Sprintf("arn:aws:sts::%s:assumed-role/writ-gateway/bob.nova", away); err != nil || account != away || arn != want {
		t.Errorf("the session is %s of %s, %v, want %s", arn, account, err, want)
	}
	c, err := New(Config{Account: away, Endpoint: url, Sessions: s})
	if err != nil {
		t.Fatal(err)
	}
	if found := c.Check(t.Context()); len(found) != 1 || found[0].Problem != "" || !strings.HasSuffix(found[0].Caller, "/"+checkSession) {
		t.Errorf("checked: %+v", found)
	}
}
