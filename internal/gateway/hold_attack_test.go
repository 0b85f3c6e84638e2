package gateway_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/upstream"
	"github.com/writ-project/writ/internal/writtest"
)

// bedrockSays has Bedrock answer every call with this.
func bedrockSays(t *testing.T, contentType string, body []byte) func(*gateway.Config) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body)
	}))
	t.Cleanup(srv.Close)
	up, err := upstream.New(upstream.Config{Account: demo.Account, Endpoint: srv.URL, Credentials: credentials.NewStaticCredentialsProvider(upstreamKeyID, "x", "")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	return func(c *gateway.Config) { c.Upstream = up }
}

// tokenOf is another identity's bearer token under a configuration's keys.
func tokenOf(t *testing.T, ring *credential.Ring, who string) string {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	b, err := ring.SealBearer(identity.Session{
		ID: "session-" + who, Identity: who, Proof: identity.ProofOIDC, Binding: who, Issuer: "demo", Subject: "demo:" + who,
		ProofID: strings.Repeat("0", 32), Issued: now, Expires: now.Add(15 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Token.Reveal()
}

// Cut at every place, a call is recognised before a byte of its arguments, and in
// pending mode none of it, nor its name, is on the client's socket.
func TestS24_NoByteOfAHeldCallIsOnTheWire(t *testing.T) {
	t.Parallel()
	in, held := newHolding(t, rights.Hold{})
	for size := 1; size <= 24; size++ {
		script := fmt.Sprintf(`[[say: ab]][[chunk: %d]][[call: post_payment {"invoice":"%s"}]]`, size, canary)
		got := onTheSocket(t, in.addr, in.text("converse-stream", offering(script)))
		for _, piece := range []string{"post_payment", "toolUse", "invoice", "ary-4", "4711"} {
			if bytes.Contains(got, []byte(piece)) {
				t.Fatalf("cut every %d: the client read %q in %q", size, piece, got)
			}
		}
		if !bytes.Contains(got, []byte("end_turn")) || len(held.all()) != size {
			t.Fatalf("cut every %d: %d holds, %q", size, len(held.all()), got)
		}
	}
}

// onTheSocket is everything that a client gets for a request.
func onTheSocket(t *testing.T, addr, request string) []byte {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request = strings.Replace(request, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// While people decide, what was held has not been sent; what stands before it has.
func TestS24_NothingHeldIsSentBeforeTheRelease(t *testing.T) {
	t.Parallel()
	in, held := newHolding(t, waiting)
	opened := make(chan hold.Hold, 1)
	held.opened = func(h hold.Hold) { opened <- h }
	c, err := net.Dial("tcp", in.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request := in.text("converse-stream", offering("[[say: first]]"+paying))
	if _, err := io.WriteString(c, strings.Replace(request, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)); err != nil {
		t.Fatal(err)
	}
	h := <-opened
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	before, err := io.ReadAll(c)
	if err == nil || !bytes.Contains(before, []byte("first")) {
		t.Fatalf("before the release: %v, %q", err, before)
	}
	if bytes.Contains(before, []byte("post_payment")) || bytes.Contains(before, []byte(canary)) {
		t.Fatalf("before the release the client read %q", before)
	}
	held.decide(h.ID, nil, hold.Release)
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	after, err := io.ReadAll(c)
	if err != nil || !bytes.Contains(after, []byte(canary)) {
		t.Errorf("after the release: %v, %q", err, after)
	}
}

// Names that look alike, or differ in case, are other tools; one that nobody
// offered is unknown.
func TestS24_ConfusableNamesWait(t *testing.T) {
	t.Parallel()
	in, held := newHoldingBy(t, func(c *rights.Conditions) { c.Tools = rights.Tools{Read: []string{"post_payment", "lookup_invoice"}} })
	if a := in.call(t, "converse", offering(paying)); !strings.Contains(a.Body, canary) {
		t.Fatalf("a tool that reads was held: %s", a.Body)
	}
	for i, name := range []string{"post_раyment", "Post_Payment", "POST_PAYMENT", "post_payment\u200b", "lookup_invoice2"} {
		for _, operation := range []string{"converse", "converse-stream"} {
			a := in.call(t, operation, offering(fmt.Sprintf(`[[chunk: 400]][[call: %s {"x":"%s"}]]`, name, canary)))
			all := held.all()
			if a.Status != 200 || leaks(a.Body, canary) || len(all) == 0 {
				t.Fatalf("%d, %s: answered %d %s", i, operation, a.Status, a.Body)
			}
			if c := all[len(all)-1].Calls[0]; c.Why != hold.Unknown {
				t.Errorf("%q is held for %q", name, c.Why)
			}
		}
	}
}

// Arguments that are no JSON wait as they are: the approver sees them, and nobody
// else does.
func TestS24_MalformedArgumentsWait(t *testing.T) {
	t.Parallel()
	const body = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,` +
		`"tool_calls":[{"id":"call_1","type":"function","function":{"name":"post_payment","arguments":"{\"invoice\":\"` + canary + `\",\"invoice\":1"}}]}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
	in, held := newHolding(t, rights.Hold{}, bedrockSays(t, "application/json", []byte(body)))
	a := asking("", `{"model":%q%s,"messages":[{"role":"user","content":%q}],"tools":[{"type":"function","function":{"name":"post_payment","parameters":{"type":"object"}}}]}`)["completions"](t, in, "pay", "")
	h := held.only(t)
	if a.Status != 200 || strings.Contains(a.Body, canary) || strings.Contains(a.Body, "post_payment") {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	if c := h.Calls[0]; c.Why != hold.Malformed || c.Digest != "" || !strings.Contains(string(held.content[h.ID].Calls[0]), canary) {
		t.Errorf("held %+v, %s", c, held.content[h.ID].Calls[0])
	}
}

// A call where no call is known to stand cannot be taken out, so all of the answer
// waits.
func TestS24_ACallInAnUnknownShapeHoldsTheWholeAnswer(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another block":      `{"output":{"message":{"role":"assistant","content":[{"text":"hm"},{"futureBlock":{"toolUse":{"toolUseId":"t","name":"post_payment","input":{"x":"` + canary + `"}}}}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`,
		"beside the message": `{"output":{"message":{"role":"assistant","content":[{"text":"hm"}]}},"future":[{"toolUse":{"toolUseId":"t","name":"post_payment","input":{"x":"` + canary + `"}}}],"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`,
		"named twice":        `{"output":{"message":{"role":"assistant","content":[{"text":"hm"}],"content":[{"toolUse":{"toolUseId":"t","name":"post_payment","input":{"x":"` + canary + `"}}}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`,
		"no JSON":            `{"output":{"message":{"role":"assistant","content":[{"toolUse":{"name":"post_payment","input":"` + canary,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, held := newHoldingBy(t, func(c *rights.Conditions) {
				c.Tools, c.Data.Output = rights.Tools{Write: []string{"post_payment"}, Read: []string{"lookup_invoice"}}, &rights.Output{Unscanned: true}
			}, bedrockSays(t, "application/json", []byte(body)))
			a := in.call(t, "converse", offering("go"))
			if strings.Contains(a.Body, canary) || strings.Contains(a.Body, "post_payment") {
				t.Fatalf("answered %d %s", a.Status, a.Body)
			}
			h := held.only(t)
			if !h.Whole || !strings.Contains(a.Body, h.ID) || a.Status != 200 {
				t.Errorf("held %+v; answered %d %s", h, a.Status, a.Body)
			}
			held.decide(h.ID, nil, allReleased(h)...)
			if got, _ := in.again(t, h); got != body {
				t.Errorf("collected %s", got)
			}
		})
	}
}

func allReleased(h hold.Hold) (out []hold.Choice) {
	for range h.Calls {
		out = append(out, hold.Release)
	}
	return out
}

// The store is down: there is no hold, so there is no answer either.
func TestS24_WithoutAStoreNothingHeldGoesOut(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"converse", "converse-stream"} {
		in, held := newHolding(t, rights.Hold{})
		held.broken = errors.New("the database is gone")
		a := in.call(t, operation, offering("[[say: hm]]"+paying))
		if leaks(a.Body, canary) || leaks(a.Body, "post_payment") || operation == "converse" && a.Status != 503 || operation != "converse" && !strings.Contains(a.Body, "xception") {
			t.Errorf("%s: answered %d %s", operation, a.Status, a.Body)
		}
		if o := in.ended(t, 1); o[0].Ended != "refused" || o[0].Hold == nil || o[0].Hold.State != "refused" || o[0].Hold.ID != "" {
			t.Errorf("%s: recorded %+v", operation, o[0])
		}
	}
}

// The client leaves while people decide: the hold stays, and nothing is lost.
func TestAClientThatLeavesWhileItWaits(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"converse", "converse-stream"} {
		in, held := newHolding(t, waiting)
		opened := make(chan hold.Hold, 1)
		held.opened = func(h hold.Hold) { opened <- h }
		c, err := net.Dial("tcp", in.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, in.text(operation, offering(paying))); err != nil {
			t.Fatal(err)
		}
		h := <-opened
		c.Close()
		o := in.ended(t, 1)[0]
		if o.Ended != "client_gone" || o.Hold == nil || o.Hold.ID != h.ID || o.Hold.State != "pending" {
			t.Errorf("%s: recorded %+v %+v", operation, o, o.Hold)
		}
		held.decide(h.ID, nil, hold.Release)
		if got, ok := in.again(t, h); !ok || !leaks(got, canary) {
			t.Errorf("%s: collected %q", operation, got)
		}
	}
}

// What was kept is not what was held any more: it goes nowhere.
func TestS24_ArgumentsAlteredAfterTheReleaseGoNowhere(t *testing.T) {
	t.Parallel()
	in, held := newHolding(t, rights.Hold{})
	in.call(t, "converse", offering(paying))
	h := held.only(t)
	held.decide(h.ID, nil, hold.Release)
	held.mu.Lock()
	c := held.content[h.ID]
	c.Calls = map[int][]byte{0: []byte(`{"invoice":"` + canary + `","amount":5000}`)}
	held.content[h.ID] = c
	held.mu.Unlock()
	for what, a := range map[string]writtest.Answer{
		"call": in.call(t, "converse", collecting(paying, h.ID)), "path": in.own(t, "/writ/v1/holds/"+h.ID, in.token),
	} {
		if a.Status != 503 || strings.Contains(a.Body, canary) || a.Header.Get(gateway.ReceiptHeader) != "" {
			t.Errorf("by its %s: answered %d %s", what, a.Status, a.Body)
		}
	}
	if n := len(in.entries(t, auditlog.KindCollected)); n != 0 {
		t.Errorf("%d records of answers that did not go out", n)
	}
}

// Somebody else's hold, one of another call, and one that never was are the same to
// a caller (security S20).
func TestS20_OtherHoldsAreNone(t *testing.T) {
	t.Parallel()
	var ring *credential.Ring
	in, held := newHolding(t, rights.Hold{}, func(c *gateway.Config) { ring = c.Ring() })
	in.call(t, "converse", offering(paying))
	h := held.only(t)
	held.decide(h.ID, nil, hold.Release)
	other := tokenOf(t, ring, "sales-agent")
	strip := func(a writtest.Answer) string {
		body, _, _ := strings.Cut(a.Body, " (Writ decision")
		return fmt.Sprint(a.Status, body)
	}
	for path, want := range map[string]string{
		"/writ/v1/holds/" + h.ID:             strip(in.own(t, "/writ/v1/holds/hold-9", other)),
		"/writ/v1/receipts/" + h.Calls[0].ID: strip(in.own(t, "/writ/v1/receipts/none", other)),
	} {
		if got := strip(in.own(t, path, other)); got != want || strings.HasPrefix(got, "200") {
			t.Errorf("%s: %s, an unknown one: %s", path, got, want)
		}
		if a := in.own(t, path, ""); a.Status != 403 {
			t.Errorf("%s without credentials: %d %s", path, a.Status, a.Body)
		}
	}
	unknown := strip(in.call(t, "converse", collecting(paying, "hold-9")))
	for what, a := range map[string]writtest.Answer{
		"another operation": in.call(t, "converse-stream", collecting(paying, h.ID)),
		"another identity":  in.ask(t, sonnet, "converse", other, marked("x", `,"requestMetadata":{"writ.hold":"`+h.ID+`"}`)),
	} {
		if got := strip(a); got != unknown || leaks(a.Body, canary) {
			t.Errorf("%s: %s, an unknown one: %s", what, got, unknown)
		}
	}
	if n := len(in.seen.Requests()); n != 1 {
		t.Errorf("%d calls reached Bedrock, want the first only", n)
	}
}

// The key by which answers are collected never leaves for Bedrock, whatever it is
// sent with.
func TestACollectingCallNeverLeaves(t *testing.T) {
	t.Parallel()
	in := newInside(t, 0, func(*gateway.Config) {}) // without holds
	if a := in.call(t, "converse", marked("x", `,"requestMetadata":{"writ.hold":"h"}`)); a.Status != 403 || len(in.seen.Requests()) != 0 {
		t.Errorf("answered %d %s; %d requests", a.Status, a.Body, len(in.seen.Requests()))
	}
}

// Own paths are as strict as the rest.
func TestPathsOfHoldsAreStrict(t *testing.T) {
	t.Parallel()
	in, held := newHolding(t, rights.Hold{})
	in.call(t, "converse", offering(paying))
	h := held.only(t)
	held.decide(h.ID, nil, hold.Release)
	for _, path := range []string{"/writ/v1/holds/", "/writ/v1/holds/" + h.ID + "/", "/writ/v1/holds/" + h.ID + "/x", "/writ/v1/holds//" + h.ID, "/writ/v1/Holds/" + h.ID, "/writ/v1/holds/" + h.ID + "?x=1", "/writ/v1/receipts/", "/writ/v1/jwks.json/"} {
		if a := in.own(t, path, in.token); a.Status == 200 || strings.Contains(a.Body, canary) {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodHead, http.MethodDelete} {
		req, err := http.NewRequest(method, "http://"+in.addr+"/writ/v1/holds/"+h.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+in.token)
		if a := writtest.Do(t, req); a.Status == 200 {
			t.Errorf("%s: %d", method, a.Status)
		}
	}
}

// A signature does for a path of Writ's what it does for one of Bedrock's.
func TestHoldsAreLookedAtWithASignature(t *testing.T) {
	t.Parallel()
	var ring *credential.Ring
	in, held := newHolding(t, rights.Hold{}, func(c *gateway.Config) { ring = c.Ring() })
	in.call(t, "converse", offering(paying))
	h := held.only(t)
	now := time.Now().UTC().Truncate(time.Second)
	issued, err := ring.SealSession(identity.Session{
		ID: "signed", Identity: "support-agent", Proof: identity.ProofOIDC, Binding: "support-agent", Issuer: "demo", Subject: "demo:support-agent",
		ProofID: strings.Repeat("0", 32), Issued: now, Expires: now.Add(15 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	k := writtest.Keys{AccessKeyID: issued.AccessKeyID, SecretAccessKey: issued.SecretKey.Reveal(), SessionToken: issued.SessionToken.Reveal()}
	ask := writtest.Request{Method: http.MethodGet, URL: "http://" + in.addr + "/writ/v1/holds/" + h.ID}
	if a := writtest.Do(t, writtest.Sign(t, k, ask)); a.Status != 200 || !strings.Contains(a.Body, `"state":"pending"`) {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	k.SecretAccessKey += "x"
	if a := writtest.Do(t, writtest.Sign(t, k, ask)); a.Status != 403 {
		t.Errorf("with another key: %d %s", a.Status, a.Body)
	}
}

// A stream that breaks off while something of it is kept is no answer to release.
func TestABrokenStreamIsNotHeld(t *testing.T) {
	t.Parallel()
	whole := bedrock.AppendEvent(nil, "messageStart", []byte(`{"role":"assistant"}`))
	whole = bedrock.AppendEvent(whole, "contentBlockStart", []byte(`{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t1","name":"post_payment"}}}`))
	whole = bedrock.AppendEvent(whole, "contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"x\":\"`+canary+`\""}}}`))
	in, held := newHolding(t, rights.Hold{}, bedrockSays(t, "application/vnd.amazon.eventstream", whole))
	a := in.call(t, "converse-stream", offering("go"))
	if leaks(a.Body, canary) || leaks(a.Body, "post_payment") || len(held.all()) != 0 || !strings.Contains(a.Body, "xception") {
		t.Errorf("%d holds; answered %d %s", len(held.all()), a.Status, a.Body)
	}
}
