package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/writtest"
)

// observing is an inside gateway whose observe mode a test switches.
func observing(t *testing.T) (*inside, *atomic.Int64) {
	t.Helper()
	until := new(atomic.Int64)
	until.Store(time.Now().Add(time.Hour).UnixNano())
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Observing = func(now time.Time) (gateway.Window, bool) {
			end := time.Unix(0, until.Load())
			return gateway.Window{Nonce: "0123", Until: end}, now.Before(end)
		}
	})
	return in, until
}

func (in *inside) ask(t *testing.T, model, operation, token, body string) writtest.Answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+in.addr+"/model/"+writtest.Escape(model)+"/"+operation, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return writtest.Do(t, req)
}

// entries are the records of a kind.
func (in *inside) entries(t *testing.T, kind auditlog.Kind) (out []auditlog.Record) {
	t.Helper()
	err := in.journal.Scan(t.Context(), 0, func(_ uint64, entry []byte) error {
		r, err := auditlog.ParseRecord(entry)
		if err == nil && r.Kind == kind {
			out = append(out, *r)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The incident that observe mode must not become: enforcement that one switch
// takes away in silence (gateways.md §6, AgentCore). Here it is loud on every
// answer and record, and ends.
func TestObserveModeIsLoudAndEnds(t *testing.T) {
	t.Parallel()
	in, until := observing(t)
	if a := in.ask(t, sonnet, "converse", in.token, writtest.Say("granted")); a.Status != 200 || a.Header.Get(gateway.ObserveHeader) != "on" {
		t.Errorf("a call that is granted: %d, observe %q", a.Status, a.Header.Get(gateway.ObserveHeader))
	}
	a := in.ask(t, pro, "converse", in.token, writtest.Say("not granted"))
	if a.Status != 200 || a.Header.Get(gateway.ObserveHeader) != "would-deny" || a.Header.Get("X-Writ-Decision") == "" {
		t.Errorf("a call that is not granted: %d, %v", a.Status, a.Header)
	}
	intents := in.entries(t, auditlog.KindIntent)
	if len(intents) != 2 || intents[0].Decision.Decision != "permit" {
		t.Fatalf("intents %+v", intents)
	}
	d := intents[1].Decision
	if d.Decision != "observed" || d.Code != "default_deny" || !slices.Contains(d.Policies, "observe:0123") || len(d.Reasons) == 0 {
		t.Errorf("recorded as %+v", d)
	}
	in.mu.Lock()
	if got := in.told[len(in.told)-1].Result; got != "observed" {
		t.Errorf("counted as %s", got)
	}
	in.mu.Unlock()
	until.Store(0)
	if a := in.ask(t, pro, "converse", in.token, writtest.Say("after the end")); a.Status != 403 || a.Header.Get(gateway.ObserveHeader) != "" {
		t.Errorf("after the end: %d, %v", a.Status, a.Header)
	}
}

// What observe mode does not pass over.
func TestObserveModeRefusesAllElse(t *testing.T) {
	t.Parallel()
	in, _ := observing(t)
	for name, c := range map[string]struct{ model, token, body string }{
		"no credential":       {pro, "guess", writtest.Say("x")},
		"an unresolved model": {"no.such-model", in.token, writtest.Say("x")},
		"malformed":           {pro, in.token, "{"},
		"an unknown field":    {pro, in.token, `{"messages":[{"role":"user","content":[{"text":"x"}]}],"surprise":1}`},
		"a system tool": {pro, in.token,
			`{"messages":[{"role":"user","content":[{"text":"x"}]}],"toolConfig":{"tools":[{"systemTool":{"name":"nova_grounding"}}]}}`},
		"an object in S3": {pro, in.token,
			`{"messages":[{"role":"user","content":[{"document":{"format":"pdf","name":"d","source":{"s3Location":{"uri":"s3://bucket/key"}}}}]}]}`},
	} {
		if a := in.ask(t, c.model, "converse", c.token, c.body); a.Status < 400 || a.Status >= 500 || a.Header.Get(gateway.ObserveHeader) != "on" {
			t.Errorf("%s: answered %d, observe %q, %s", name, a.Status, a.Header.Get(gateway.ObserveHeader), a.Body)
		}
	}
	if n := len(in.seen.Requests()); n != 0 {
		t.Errorf("%d requests reached Bedrock", n)
	}
	if got := in.entries(t, auditlog.KindIntent); len(got) != 0 {
		t.Errorf("intents %+v", got)
	}
}

func TestObserveModeEndingCutsWhatItLetThrough(t *testing.T) {
	t.Parallel()
	in, until := observing(t)
	done := make(chan writtest.Answer, 1)
	go func() { done <- in.ask(t, pro, "converse-stream", in.token, writtest.Say("fault=stall/2")) }()
	eventually(t, "the call is on its way", func() bool { return len(in.entries(t, auditlog.KindIntent)) == 1 })
	until.Store(0)
	if n := in.Reconsider(); n != 1 {
		t.Errorf("%d calls were cut, want 1", n)
	}
	<-done
	eventually(t, "the outcome is recorded", func() bool { return len(in.outcomes(t)) == 1 })
	if got := in.outcomes(t)[0].Ended; got != "cut" {
		t.Errorf("the open call ended as %s", got)
	}
	if a := in.ask(t, pro, "converse-stream", in.token, writtest.Say("again")); a.Status != 403 {
		t.Errorf("after the end: %d", a.Status)
	}
}
