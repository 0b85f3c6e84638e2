package compat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// targets are what the clients are driven against.
var targets = map[string]func(t *testing.T) Target{
	"standin": standIn,
}

// scenarios are what a user of an SDK does; each plays one verb of the clients.
var scenarios = []struct {
	name string
	play func(t *testing.T, c client, to Target)
}{
	{"four-ops", fourOps},
	{"tls", overTLS},
	{"bearer", bearer},
	{"refused", refused},
	{"stream-error", streamError},
	{"tools", tools},
	{"sts", refresh},
	{"caller-identity", callerIdentity},
}

func TestClients(t *testing.T) {
	for name, open := range targets {
		t.Run(name, func(t *testing.T) {
			to := open(t)
			for _, s := range scenarios {
				for _, c := range clients {
					t.Run(s.name+"/"+c.name, func(t *testing.T) {
						t.Parallel()
						s.play(t, c, to)
					})
				}
			}
		})
	}
}

func fourOps(t *testing.T, c client, to Target) {
	checkFourOps(t, c.run(t, "four-ops", to.plain(to.Model), nil))
}

func overTLS(t *testing.T, c client, to Target) {
	need(t, map[string]string{"RuntimeTLS": to.RuntimeTLS})
	checkFourOps(t, c.run(t, "four-ops", append(to.secure(to.Model), to.Env...), nil))
}

func bearer(t *testing.T, c client, to Target) {
	need(t, map[string]string{"RuntimeTLS": to.RuntimeTLS, "Bearer": to.Bearer})
	checkFourOps(t, c.run(t, "four-ops", append(to.secure(to.Model), "AWS_BEARER_TOKEN_BEDROCK="+to.Bearer), nil))
}

// checkFourOps wants the same words and figures from the whole answer and the
// stream of each API, and more events than a buffered stream would show.
func checkFourOps(t *testing.T, got []step) {
	t.Helper()
	if len(got) != 4 {
		t.Fatalf("got %d steps, want 4: %+v", len(got), got)
	}
	for i, name := range []string{"Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"} {
		s := got[i]
		if s.Step != name || s.Error != "" || s.Message != "" {
			t.Errorf("step %d: got %+v, want %s without an error", i, s, name)
		}
		if s.Text == "" || s.InputTokens == 0 || s.OutputTokens == 0 || s.StopReason != "end_turn" {
			t.Errorf("%s: incomplete answer: %+v", name, s)
		}
		if streams := i%2 == 1; streams && s.Events < 5 || !streams && s.Events != 0 {
			t.Errorf("%s: got %d events", name, s.Events)
		}
	}
	for _, pair := range [][2]step{{got[0], got[1]}, {got[2], got[3]}} {
		whole, stream := pair[0], pair[1]
		stream.Step, stream.Events = whole.Step, whole.Events
		if diff := cmp.Diff(whole, stream); diff != "" {
			t.Errorf("%s and its stream differ (-whole +stream):\n%s", whole.Step, diff)
		}
	}
}

func refused(t *testing.T, c client, to Target) {
	need(t, map[string]string{"Refused": to.Refused})
	for _, verb := range []string{"converse", "converse-stream"} {
		s := one(t, c.run(t, verb, to.plain(to.Refused), nil))
		if s.Error != "AccessDeniedException" || s.Status != 403 || s.Class != c.refused {
			t.Errorf("%s: got %s (%s) with status %d, want AccessDeniedException (%s) with 403", verb, s.Error, s.Class, s.Status, c.refused)
		}
		if s.Message == "" || s.Text != "" {
			t.Errorf("%s: got message %q and text %q, want a message and no text", verb, s.Message, s.Text)
		}
	}
}

func streamError(t *testing.T, c client, to Target) {
	need(t, map[string]string{"Broken": to.Broken})
	s := one(t, c.run(t, "converse-stream", to.plain(to.Broken), nil))
	if !strings.EqualFold(s.Error, "ThrottlingException") || s.Class != c.broken {
		t.Errorf("got %s (%s), want ThrottlingException (%s)", s.Error, s.Class, c.broken)
	}
	if s.Events == 0 || s.Text == "" || s.StopReason != "" {
		t.Errorf("got %d events, text %q, stop reason %q; want some of the answer but not its end", s.Events, s.Text, s.StopReason)
	}
}

func tools(t *testing.T, c client, to Target) {
	got := c.run(t, "tools", to.plain(to.Model), nil)
	if len(got) != 2 {
		t.Fatalf("got %d steps, want 2: %+v", len(got), got)
	}
	for _, s := range got {
		if s.Tool != "get_weather" || s.StopReason != "tool_use" || s.ToolInput == nil {
			t.Errorf("%s: got tool %q with input %v, stop reason %q", s.Step, s.Tool, s.ToolInput, s.StopReason)
		}
	}
	if diff := cmp.Diff(got[0].ToolInput, got[1].ToolInput); diff != "" {
		t.Errorf("the streamed input differs (-whole +stream):\n%s", diff)
	}
}

func refresh(t *testing.T, c client, to Target) {
	need(t, map[string]string{"STS": to.STS, "RoleARN": to.RoleARN, "TokenFile": to.TokenFile})
	between := to.BeforeRefresh
	if between == nil {
		between = func(*testing.T) {}
	}
	got := c.run(t, "sts", to.federated(to.Model), between)
	if len(got) != 2 {
		t.Fatalf("got %d steps, want 2: %+v", len(got), got)
	}
	for _, s := range got {
		if s.Text == "" || s.Message != "" || s.AccessKeyID == "" {
			t.Errorf("got %+v, want an answer under some access key", s)
		}
	}
	if got[0].AccessKeyID == got[1].AccessKeyID {
		t.Errorf("both calls used access key %s, want a refreshed one", got[0].AccessKeyID)
	}
}

func callerIdentity(t *testing.T, c client, to Target) {
	need(t, map[string]string{"STS": to.STS})
	s := one(t, c.run(t, "caller-identity", append(to.plain(to.Model), "AWS_ENDPOINT_URL_STS="+to.STS), nil))
	if s.Message != "" || s.Account == "" || !strings.HasPrefix(s.ARN, "arn:") {
		t.Errorf("got %+v, want an account and an ARN", s)
	}
}

func one(t *testing.T, got []step) step {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("got %d steps, want 1: %+v", len(got), got)
	}
	return got[0]
}
