package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestAnotherGatewayInFront has OpenAI's SDK call Portkey, and Portkey call Writ
// as its Bedrock, as docs/behind-a-gateway.md says.
func TestAnotherGatewayInFront(t *testing.T) {
	to := gateway(t)
	front := portkey(t)
	headers := headersOf(t, "../docs/behind-a-gateway.md", "https://writ.example.internal", to.Runtime)
	inFront := openai
	inFront.models = nil // Portkey translates into Converse
	as := func(identity string, models ...string) []string {
		return []string{
			"OPENAI_BASE_URL=" + front + "/v1", "OPENAI_API_KEY=" + to.writ.Bearer(t, identity),
			"COMPAT_HEADERS=" + headers, "COMPAT_MODEL=" + strings.Join(models, ","),
		}
	}
	t.Run("answers", func(t *testing.T) {
		openai.checkOperations(t, inFront.run(t, "operations", as("compat-go", to.Model), nil))
		want := []string{"mint", "intent", "outcome complete", "intent", "outcome complete"}
		if diff := cmp.Diff(want, recorded(t, to.writ, "compat-go")); diff != "" {
			t.Errorf("the log does not name who called (-want +got):\n%s", diff)
		}
	})
	t.Run("tools", func(t *testing.T) {
		checkTools(t, openai, inFront.run(t, "tools", as("compat-js", to.Model), nil))
	})
	t.Run("refusals", func(t *testing.T) {
		got := inFront.run(t, "each", as("compat", to.Refused[0]), nil)
		if len(got) != 2 {
			t.Errorf("got %d steps, want 2: %+v", len(got), got)
		}
		for _, s := range got {
			if s.Class != openai.refused || s.Status != http.StatusForbidden || !strings.Contains(s.Message, "not authorized") || !strings.Contains(s.Message, "Writ decision") {
				t.Errorf("got %+v, want Writ's refusal as it stands", s)
			}
		}
	})
	t.Run("cut", func(t *testing.T) {
		got := inFront.run(t, "cut", as("compat-python", stalled), func(t *testing.T) {
			to.writ.MustRun(t, "sessions", "revoke", "compat-python")
		})
		// Portkey passes no exception on: the stream ends, and no reason is given.
		if len(got) != 2 || got[1].Events == 0 || got[1].StopReason != "" || got[1].Message != "" {
			t.Errorf("got %+v, want a stream without its end", got)
		}
	})
}

// headersOf are the document's headers for Portkey, as JSON, with an address in
// the place of its own.
func headersOf(t *testing.T, document, address, ours string) string {
	t.Helper()
	headers := map[string]string{}
	for _, m := range regexp.MustCompile(`-H '(x-portkey-[a-z-]+): ([^']+)'`).FindAllStringSubmatch(string(readFile(t, document)), -1) {
		headers[m[1]] = strings.ReplaceAll(m[2], address, ours)
	}
	if headers["x-portkey-custom-host"] != ours {
		t.Fatalf("the document gives the headers %v", headers)
	}
	text, err := json.Marshal(headers)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// portkey starts the gateway of that name, which has no option for an address.
func portkey(t *testing.T) string {
	t.Helper()
	path, err := node()
	if err != nil {
		t.Skipf("Node is missing: %v", err)
	}
	free := listen(t)
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, "js/node_modules/@portkey-ai/gateway/build/start-server.js", "--headless", "--port="+strconv.Itoa(port))
	cmd.Env = isolated(t)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); cmd.Wait() })
	address := "127.0.0.1:" + strconv.Itoa(port)
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return "http://" + address
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("Portkey does not listen: %v\n%s", err, &out)
		}
	}
}
