package writtest

import (
	"os"
	"strings"
	"testing"
	"time"
)

const sonnet = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"

func TestMain(m *testing.M) {
	code := m.Run()
	Clean()
	os.Exit(code)
}

func TestTheWholeSystem(t *testing.T) {
	s := Start(t, Options{})
	k := s.Session(t, "support-agent")
	if a := s.Converse(t, k, sonnet, Say("hello")); a.Status != 200 || !strings.Contains(a.Body, "stand-in") {
		t.Fatalf("allowed call: %+v", a)
	}
	if a := s.Converse(t, k, "amazon.nova-pro-v1:0", Say("hello")); a.Status != 403 || a.ErrorType() != "AccessDeniedException" {
		t.Fatalf("refused call: %+v", a)
	}
	if out := s.MustRun(t, "audit", "verify"); !strings.Contains(out, "self-consistent") {
		t.Fatal(out)
	}
	s.Terminate()
	if err := s.Exit(20 * time.Second); err != nil {
		t.Fatalf("stopping: %v\n%s", err, s.Stderr())
	}
	if out := s.MustRun(t, "audit", "verify"); !strings.Contains(out, "self-consistent") {
		t.Fatal(out)
	}
}
