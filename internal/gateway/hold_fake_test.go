package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/writtest"
)

// heldHere keeps holds in memory, and lets a test decide them.
type heldHere struct {
	mu      sync.Mutex
	holds   map[string]hold.Hold
	content map[string]hold.Content
	edited  map[string]map[int][]byte
	changed chan struct{} // closed, and made anew, at each change
	fetched int           // how often content was asked for
	taken   []string      // holds that were collected
	broken  error         // what everything fails with
	opened  func(hold.Hold)
}

func newHeldHere() *heldHere {
	return &heldHere{
		holds: make(map[string]hold.Hold), content: make(map[string]hold.Content), edited: make(map[string]map[int][]byte), changed: make(chan struct{}),
	}
}

func (f *heldHere) Open(_ context.Context, h hold.Hold, c hold.Content) (hold.Hold, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return h, f.broken
	}
	h.ID = fmt.Sprintf("hold-%d", len(f.holds)+1)
	f.holds[h.ID], f.content[h.ID] = h, c
	f.change()
	if f.opened != nil {
		go f.opened(h)
	}
	return h, nil
}

func (f *heldHere) change() {
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *heldHere) Await(ctx context.Context, id string) (hold.Hold, error) {
	for {
		f.mu.Lock()
		h, changed := f.holds[id], f.changed
		f.mu.Unlock()
		if h.State.Over() {
			return h, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return h, nil
		}
	}
}

func (f *heldHere) Find(_ context.Context, identity, id string) (hold.Hold, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, ok := f.holds[id]
	switch {
	case f.broken != nil:
		return h, f.broken
	case !ok || h.Identity != identity:
		return hold.Hold{}, store.ErrNotFound
	}
	return h, nil
}

func (f *heldHere) Content(_ context.Context, h hold.Hold) (hold.Content, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fetched++
	if f.broken != nil || f.holds[h.ID].State != hold.Released {
		return hold.Content{}, errors.Join(f.broken, errors.New("not released"))
	}
	c := f.content[h.ID]
	c.Edited = f.edited[h.ID]
	h = f.holds[h.ID]
	return c, h.CheckContent(&c)
}

func (f *heldHere) Receipts(_ context.Context, h hold.Hold) (out []hold.Receipt, _ error) {
	for _, c := range h.Calls {
		if c.Verdict == hold.Release || c.Verdict == hold.Edit {
			out = append(out, hold.Receipt{Call: c.Index, ToolUseID: c.ID, Token: fmt.Sprintf("receipt.of.%s.%d", h.ID, c.Index)})
		}
	}
	return out, nil
}

func (f *heldHere) ByToolUse(_ context.Context, identity, toolUseID string) (hold.Hold, int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.holds {
		for _, c := range h.Calls {
			if c.ID == toolUseID && h.Identity == identity {
				return h, c.Index, nil
			}
		}
	}
	return hold.Hold{}, 0, store.ErrNotFound
}

func (f *heldHere) Collected(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.taken = append(f.taken, id)
	return nil
}

// all are the holds, by id.
func (f *heldHere) all() []hold.Hold {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.SortedFunc(maps.Values(f.holds), func(a, b hold.Hold) int { return strings.Compare(a.ID, b.ID) })
}

// only is the one hold there is.
func (f *heldHere) only(t testing.TB) hold.Hold {
	t.Helper()
	all := f.all()
	if len(all) != 1 {
		t.Fatalf("%d holds, want one", len(all))
	}
	return all[0]
}

// decide releases a hold's calls one by one: a verdict for each, and edited
// arguments where it is Edit.
func (f *heldHere) decide(id string, edits map[int]string, verdicts ...hold.Choice) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.holds[id]
	h.State, h.Ended = hold.Released, time.Now()
	h.Calls = slices.Clone(h.Calls)
	f.edited[id] = make(map[int][]byte)
	for i, v := range verdicts {
		h.Calls[i].Verdict = v
		if v == hold.Edit {
			at := h.Calls[i].Index
			f.edited[id][at] = []byte(edits[at])
			h.Calls[i].Edited, _ = hold.Digest(f.edited[id][at])
		}
	}
	f.holds[id] = h
	f.change()
}

// end ends a hold without a release.
func (f *heldHere) end(id string, state hold.State, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.holds[id]
	h.State, h.Reason, h.Ended = state, reason, time.Now()
	f.holds[id] = h
	f.change()
}

// newHolding is a gateway before which support-agent may offer lookup_invoice,
// which reads, and post_payment, which writes, under these terms.
func newHolding(t *testing.T, terms rights.Hold, bend ...func(*gateway.Config)) (*inside, *heldHere) {
	t.Helper()
	return newHoldingBy(t, func(c *rights.Conditions) {
		c.Hold, c.Tools = terms, rights.Tools{Read: []string{"lookup_invoice"}, Write: []string{"post_payment"}}
	}, bend...)
}

func newHoldingBy(t *testing.T, condition func(*rights.Conditions), bend ...func(*gateway.Config)) (*inside, *heldHere) {
	t.Helper()
	held := newHeldHere()
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Holds = held
		c.KeySet = func() []byte { return []byte(`{"keys":[]}`) }
		c.State = reorganised(t, 0, func(r *manifest.Resource) {
			if e, ok := r.Spec.(*rights.Entitlement); ok && r.Name == "support-conversations" {
				condition(&e.Conditions)
			}
		})
		for _, b := range bend {
			b(c)
		}
	})
	return in, held
}

// canary is in every argument of a call that must wait: found at a client before
// the release, it escaped.
const canary = "canary-4711"

const paying = `[[chunk: 400]][[call: post_payment {"invoice":"` + canary + `","amount":5}]]`

// tools are offered as Converse has them.
const tools = `,"toolConfig":{"tools":[{"toolSpec":{"name":"lookup_invoice","inputSchema":{"json":{"type":"object"}}}},{"toolSpec":{"name":"post_payment","inputSchema":{"json":{"type":"object"}}}}]}`

// offering is a body of Converse's that offers both tools; the prompt is the
// stand-in's script.
func offering(script string) string { return marked(script, tools) }

// collecting is the same with the hold's id in its metadata.
func collecting(script, id string) string {
	return marked(script, tools+fmt.Sprintf(`,"requestMetadata":{"writ.hold":%q}`, id))
}

// answerOf is an answer of Converse's.
type answerOf struct {
	Output struct {
		Message struct {
			Content []struct {
				Text    string
				ToolUse *struct {
					ToolUseID string `json:"toolUseId"`
					Name      string
					Input     json.RawMessage
				}
			}
		}
	}
	StopReason string
}

func (a *answerOf) text() (s string) {
	for _, c := range a.Output.Message.Content {
		s += c.Text
	}
	return s
}

func (a *answerOf) calls() (names []string) {
	for _, c := range a.Output.Message.Content {
		if c.ToolUse != nil {
			names = append(names, c.ToolUse.Name+" "+string(c.ToolUse.Input))
		}
	}
	return names
}

func readAnswer(t testing.TB, a writtest.Answer) *answerOf {
	t.Helper()
	out := new(answerOf)
	if err := json.Unmarshal([]byte(a.Body), out); err != nil || a.Status != http.StatusOK {
		t.Fatalf("answered %d %s: %v", a.Status, a.Body, err)
	}
	return out
}

// ended waits for the outcomes of so many calls.
func (in *inside) ended(t *testing.T, calls int) (out []auditlog.Outcome) {
	t.Helper()
	eventually(t, "the outcomes are recorded", func() bool {
		out = in.outcomes(t)
		return len(out) >= calls
	})
	return out
}

// own asks one of Writ's own paths.
func (in *inside) own(t testing.TB, path, token string) writtest.Answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+in.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return writtest.Do(t, req)
}

// asking are ways to ask for a tool call beside Converse: by a script, and to
// collect a hold where id names one.
func asking(messages, chat string) map[string]func(t *testing.T, in *inside, script, id string) writtest.Answer {
	post := func(t *testing.T, in *inside, path, body string, header ...string) writtest.Answer {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, "http://"+in.addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+in.token)
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		return writtest.Do(t, req)
	}
	invoke := func(operation string) func(*testing.T, *inside, string, string) writtest.Answer {
		return func(t *testing.T, in *inside, script, id string) writtest.Answer {
			var header []string
			if id != "" {
				header = []string{"X-Amzn-Bedrock-Request-Metadata", fmt.Sprintf(`{"writ.hold":%q}`, id)}
			}
			return post(t, in, "/model/"+writtest.Escape(sonnet)+"/"+operation, fmt.Sprintf(messages, script), header...)
		}
	}
	complete := func(more string) func(*testing.T, *inside, string, string) writtest.Answer {
		return func(t *testing.T, in *inside, script, id string) writtest.Answer {
			if id != "" {
				more := more + fmt.Sprintf(`,"metadata":{"writ.hold":%q}`, id)
				return post(t, in, "/openai/v1/chat/completions", fmt.Sprintf(chat, sonnet, more, script))
			}
			return post(t, in, "/openai/v1/chat/completions", fmt.Sprintf(chat, sonnet, more, script))
		}
	}
	return map[string]func(*testing.T, *inside, string, string) writtest.Answer{
		"messages":               invoke("invoke"),
		"messages, streamed":     invoke("invoke-with-response-stream"),
		"completions":            complete(""),
		"completions, streamed":  complete(`,"stream":true`),
		"conversation":           converseWith("converse"),
		"conversation, streamed": converseWith("converse-stream"),
	}
}

func converseWith(operation string) func(*testing.T, *inside, string, string) writtest.Answer {
	return func(t *testing.T, in *inside, script, id string) writtest.Answer {
		if id != "" {
			return in.call(t, operation, collecting(script, id))
		}
		return in.call(t, operation, offering(script))
	}
}

// leaks reports whether a client could read a text in what it got: as it is, or in
// the events within a stream's chunks.
func leaks(body, text string) bool {
	if strings.Contains(body, text) {
		return true
	}
	for r := bedrock.NewFrameReader(strings.NewReader(body)); ; {
		f, err := r.Next()
		if err != nil {
			return false
		}
		var chunk struct{ Bytes []byte }
		if json.Unmarshal(f.Payload, &chunk) == nil && strings.Contains(string(chunk.Bytes), text) {
			return true
		}
	}
}
