package compat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/demo"
)

// targets are what the clients are driven against: AWS's SDKs against both in
// every scenario, the others against the stand-in only to see that they work.
var targets = map[string]func(t *testing.T) Target{
	"standin": standIn,
	"gateway": gateway,
}

// scenarios are what a user of an SDK does; each plays one verb of the clients.
var scenarios = []struct {
	name string
	play func(t *testing.T, c client, to Target)
	// writ limits a scenario to a target that is a gateway: it is about what
	// only Writ does.
	writ bool
	// only limits it to some clients, which it is about.
	only func(client) bool
}{
	{name: "operations", play: operations},
	{name: "tls", play: overTLS},
	{name: "bearer", play: bearer},
	{name: "bearer-plain", play: plainBearer},
	{name: "federated", play: federated},
	{name: "federated-tls", play: federatedTLS, writ: true},
	{name: "profile", play: profile, writ: true},
	{name: "profile-renewed", play: processRenewed, writ: true},
	{name: "container", play: container, writ: true},
	{name: "refused", play: refused},
	{name: "throttled", play: throttled},
	{name: "stream-error", play: streamError},
	{name: "tools", play: tools},
	{name: "renew", play: renew},
	{name: "token-renewed", play: tokenRenewed, writ: true, only: func(c client) bool { return c.bearerOnly }},
	{name: "count-tokens", play: countTokens},
	{name: "guardrail", play: guardrail},
	{name: "async", play: asynchronous},
	{name: "caller-identity", play: callerIdentity},
	{name: "revoked", play: revoked, writ: true},
	{name: "content", play: content, writ: true},
	{name: "hold", play: held, writ: true},
}

func TestClients(t *testing.T) {
	driven := present(t)
	for name, open := range targets {
		t.Run(name, func(t *testing.T) {
			to := open(t)
			for _, s := range scenarios {
				if s.writ && to.writ == nil {
					continue
				}
				for _, c := range driven {
					if to.writ == nil && !c.sdk && s.name != "operations" {
						continue
					}
					if !c.can(s.name) || s.only != nil && !s.only(c) {
						continue
					}
					t.Run(s.name+"/"+c.name, func(t *testing.T) {
						t.Parallel()
						s.play(t, c, to)
					})
				}
			}
		})
	}
}

func operations(t *testing.T, c client, to Target) {
	c.checkOperations(t, c.run(t, "operations", to.plain(to.Model), nil))
}

func overTLS(t *testing.T, c client, to Target) {
	c.checkOperations(t, c.run(t, "operations", append(to.secure(to.Model), to.credentials()...), nil))
}

func bearer(t *testing.T, c client, to Target) {
	c.checkOperations(t, c.run(t, "operations", append(to.secure(to.Model), to.bearer()...), nil))
}

// plainBearer sends a token over http://, which one SDK refuses to do.
func plainBearer(t *testing.T, c client, to Target) {
	got := c.run(t, "operations", append(at(to.Runtime, to.Model), to.bearer()...), nil)
	if !c.bearerOverTLS {
		c.checkOperations(t, got)
		return
	}
	for _, s := range got {
		if s.Status != 0 || !strings.Contains(s.Message, "HTTPS") {
			t.Errorf("%s: got %+v, want the SDK to ask for HTTPS", s.Step, s)
		}
	}
}

// federated has nothing but a proof and two endpoints.
func federated(t *testing.T, c client, to Target) {
	c.checkOperations(t, c.run(t, "operations", to.federated(to.RoleARN), nil))
}

// checkOperations wants the same words and figures from the whole answer and the
// stream of each API, and more events than a buffered stream would show.
func (c client) checkOperations(t *testing.T, got []step) {
	t.Helper()
	if len(got) != len(c.calls) {
		t.Fatalf("got %d steps, want %v: %+v", len(got), c.calls, got)
	}
	for i, name := range c.calls {
		s := got[i]
		if s.Step != name || s.Error != "" || s.Message != "" {
			t.Errorf("step %d: got %+v, want %s without an error", i, s, name)
		}
		if s.Text == "" || s.InputTokens == 0 || s.OutputTokens == 0 || s.StopReason != "end_turn" {
			t.Errorf("%s: incomplete answer: %+v", name, s)
		}
		if streams(name) && s.Events < 5 || !streams(name) && s.Events != 0 {
			t.Errorf("%s: got %d events", name, s.Events)
		}
		if streams(name) {
			sameAnswer(t, got[i-1], s)
		}
	}
}

// streams tells the stream of an API from its whole answer.
func streams(call string) bool { return strings.Contains(strings.ToLower(call), "stream") }

func sameAnswer(t *testing.T, whole, stream step) {
	t.Helper()
	stream.Step, stream.Events = whole.Step, whole.Events
	if diff := cmp.Diff(whole, stream); diff != "" {
		t.Errorf("%s and its stream differ (-whole +stream):\n%s", whole.Step, diff)
	}
}

// ways is how many calls ask one question: whole and, where the client streams,
// as a stream.
func (c client) ways() int {
	if c.can("stream") {
		return 2
	}
	return 1
}

func refused(t *testing.T, c client, to Target) {
	got := c.run(t, "each", to.plain(to.Refused...), nil)
	if len(got) != c.ways()*len(to.Refused) {
		t.Errorf("got %d steps, want %d for each of %d models: %+v", len(got), c.ways(), len(to.Refused), got)
	}
	for _, s := range got {
		c.checkRefused(t, s)
	}
}

// checkRefused wants the client's own exception for AccessDeniedException.
func (c client) checkRefused(t *testing.T, s step) {
	t.Helper()
	if s.Error != "AccessDeniedException" || s.Class != c.refused || s.Status != 403 && !c.noStatus {
		t.Errorf("%s: got %s (%s) with status %d, want AccessDeniedException (%s) with 403", s.Step, s.Error, s.Class, s.Status, c.refused)
	}
	if s.Message == "" || s.Text != "" {
		t.Errorf("%s: got message %q and text %q, want a message and no text", s.Step, s.Message, s.Text)
	}
}

// throttled is refused with a status that most clients try again after.
func throttled(t *testing.T, c client, to Target) {
	front, arrived := counting(t, to.Runtime)
	to.Runtime = front
	s := one(t, c.run(t, "call", append(to.plain(to.Throttled), "AWS_MAX_ATTEMPTS=2"), nil))
	if s.Error != "ThrottlingException" || s.Class != c.throttled || s.Status != 429 && !c.noStatus {
		t.Errorf("got %s (%s) with status %d, want ThrottlingException (%s) with 429", s.Error, s.Class, s.Status, c.throttled)
	}
	if n := int(arrived.Load()); n != c.attempts {
		t.Errorf("the call took %d requests, want %d", n, c.attempts)
	}
}

func streamError(t *testing.T, c client, to Target) {
	s := one(t, c.run(t, "stream", to.plain(to.Broken), nil))
	if !strings.EqualFold(s.Error, "ThrottlingException") || s.Class != c.broken {
		t.Errorf("got %s (%s), want ThrottlingException (%s)", s.Error, s.Class, c.broken)
	}
	if s.Events == 0 || s.Text == "" || s.StopReason != "" {
		t.Errorf("got %d events, text %q, stop reason %q; want some of the answer but not its end", s.Events, s.Text, s.StopReason)
	}
}

func tools(t *testing.T, c client, to Target) {
	checkTools(t, c, c.run(t, "tools", to.plain(to.Model), nil))
}

func checkTools(t *testing.T, c client, got []step) {
	t.Helper()
	if len(got) != c.ways() {
		t.Fatalf("got %d steps, want %d: %+v", len(got), c.ways(), got)
	}
	for _, s := range got {
		if s.Tool != "get_weather" || s.StopReason != "tool_use" || s.ToolInput == nil {
			t.Errorf("%s: got tool %q with input %v, stop reason %q", s.Step, s.Tool, s.ToolInput, s.StopReason)
		}
	}
	if diff := cmp.Diff(got[0].ToolInput, got[len(got)-1].ToolInput); diff != "" {
		t.Errorf("the streamed input differs (-whole +stream):\n%s", diff)
	}
}

func renew(t *testing.T, c client, to Target) {
	c.checkRenewed(t, c.run(t, "renew", to.federated(to.BriefRoleARN), to.BeforeRefresh))
}

// checkRenewed wants two answers under two access keys.
func (c client) checkRenewed(t *testing.T, got []step) {
	t.Helper()
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

// countTokens wants the count that the answer to the same question gives.
func countTokens(t *testing.T, c client, to Target) {
	got := c.run(t, "count-tokens", to.plain(to.Counted, to.Refused[0]), nil)
	if len(got) != 2 || got[0].InputTokens != questionTokens || got[0].Message != "" {
		t.Fatalf("got %+v, want %d tokens", got, questionTokens)
	}
	c.checkRefused(t, got[1])
}

// questionTokens is what the question comes to at the stand-in.
const questionTokens = 7

// guardrail applies one in the version that there is a right to, and in another.
func guardrail(t *testing.T, c client, to Target) {
	env := append(to.plain(to.Model), "COMPAT_GUARDRAIL="+to.Guardrail, "COMPAT_TEXT=This is BLOCKME.")
	got := c.run(t, "guardrail", env, nil)
	if len(got) != 2 || got[0].StopReason != "GUARDRAIL_INTERVENED" || got[0].Text == "" || got[0].Message != "" {
		t.Fatalf("got %+v, want an intervention", got)
	}
	c.checkRefused(t, got[1])
}

func callerIdentity(t *testing.T, c client, to Target) {
	s := one(t, c.run(t, "caller-identity", append(to.plain(to.Model), "AWS_ENDPOINT_URL_STS="+to.STS), nil))
	if s.Message != "" || s.Account != demo.Account || !strings.HasPrefix(s.ARN, "arn:aws:sts::"+demo.Account+":assumed-role/compat/") {
		t.Errorf("got %+v, want the account %s and a session of the role compat", s, demo.Account)
	}
}

func one(t *testing.T, got []step) step {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("got %d steps, want 1: %+v", len(got), got)
	}
	return got[0]
}
