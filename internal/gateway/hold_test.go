package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

var waiting = rights.Hold{Mode: rights.HoldWait, Wait: identity.Duration(20 * time.Second)}

func TestAToolCallThatWritesWaits(t *testing.T) {
	t.Parallel()
	in, held := newHolding(t, rights.Hold{})
	a := in.call(t, "converse", offering("[[say: I will pay]]"+paying))
	h := held.only(t)
	got := readAnswer(t, a)
	if len(got.calls()) != 0 || got.StopReason != "end_turn" || !strings.Contains(got.text(), "I will pay") || !strings.Contains(got.text(), h.ID) {
		t.Errorf("answered %s", a.Body)
	}
	if strings.Contains(a.Body, canary) || a.Header.Get(gateway.HoldHeader) != h.ID {
		t.Errorf("header %q, body %s", a.Header.Get(gateway.HoldHeader), a.Body)
	}
	c := h.Calls[0]
	if c.Tool != "post_payment" || c.Why != hold.Write || c.Digest == "" || c.ID == "" || len(c.ToolDigest) != 64 {
		t.Errorf("held %+v", c)
	}
	if h.Identity != "support-agent" || h.Model != sonnet || h.Operation != "Converse" || h.Mode != rights.HoldPending || h.Decision != a.Header.Get("X-Writ-Decision") {
		t.Errorf("held %+v", h)
	}
	if diff := cmp.Diff(&auditlog.Held{ID: h.ID, Mode: "pending", State: "pending", Calls: 1}, in.ended(t, 1)[0].Hold); diff != "" {
		t.Errorf("recorded %s", diff)
	}
}

func TestAToolCallThatReadsPasses(t *testing.T) {
	t.Parallel()
	in, held := newHolding(t, rights.Hold{})
	for _, operation := range []string{"converse", "converse-stream"} {
		a := in.call(t, operation, offering(`[[call: lookup_invoice {"id":"7"}]]`))
		if a.Status != 200 || !strings.Contains(a.Body, "lookup_invoice") || len(held.all()) != 0 || a.Header.Get(gateway.HoldHeader) != "" {
			t.Errorf("%s: answered %d %s", operation, a.Status, a.Body)
		}
	}
	for _, o := range in.ended(t, 2) {
		if o.Hold != nil {
			t.Errorf("recorded %+v", o.Hold)
		}
	}
}

func TestACallWaitsForItsRelease(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		decide func(*heldHere, hold.Hold)
		calls  []string
		says   string
		state  string
	}{
		"released": {func(f *heldHere, h hold.Hold) { f.decide(h.ID, nil, hold.Release) }, []string{`post_payment {"invoice":"` + canary + `","amount":5}`}, "", "released"},
		"edited":   {func(f *heldHere, h hold.Hold) { f.decide(h.ID, map[int]string{0: `{"amount":4}`}, hold.Edit) }, []string{`post_payment {"amount":4}`}, "", "released"},
		"rejected": {func(f *heldHere, h hold.Hold) { f.end(h.ID, hold.Rejected, "not this supplier") }, nil, "not this supplier", "rejected"},
		"expired":  {func(f *heldHere, h hold.Hold) { f.end(h.ID, hold.Expired, "") }, nil, "in time", "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, held := newHolding(t, waiting)
			held.opened = func(h hold.Hold) { tc.decide(held, h) }
			a := in.call(t, "converse", offering(paying))
			got := readAnswer(t, a)
			if diff := cmp.Diff(tc.calls, got.calls()); diff != "" || !strings.Contains(got.text(), tc.says) {
				t.Errorf("answered %s\n%s", a.Body, diff)
			}
			if receipts := a.Header[gateway.ReceiptHeader]; len(receipts) != len(tc.calls) {
				t.Errorf("receipts %v", receipts)
			}
			if o := in.ended(t, 1); o[0].Hold.State != tc.state || o[0].Ended != "complete" {
				t.Errorf("recorded %+v", o[0].Hold)
			}
		})
	}
}

// What is released is what the model said: byte for byte, where nobody edited it.
func TestAReleasedAnswerIsUnchanged(t *testing.T) {
	t.Parallel()
	in, held := newHolding(t, waiting)
	held.opened = func(h hold.Hold) { held.decide(h.ID, nil, hold.Release) }
	for _, operation := range []string{"converse", "converse-stream"} {
		a := in.call(t, operation, offering("[[say: so I pay]]"+paying))
		if a.Status != 200 || !strings.Contains(strings.ReplaceAll(a.Body, `"`, ""), "toolUse") {
			t.Errorf("%s: answered %d %s", operation, a.Status, a.Body)
		}
	}
	all := held.all()
	if len(all) != 2 {
		t.Fatalf("%d holds", len(all))
	}
	for _, h := range all {
		again, ok := in.again(t, h)
		if !ok || again != string(held.content[h.ID].Answer) {
			t.Errorf("%s: collected something else than was held", h.Operation)
		}
	}
}

// again collects a hold by the call that it is of.
func (in *inside) again(t *testing.T, h hold.Hold) (string, bool) {
	t.Helper()
	operation := map[string]string{"Converse": "converse", "ConverseStream": "converse-stream"}[h.Operation]
	a := in.call(t, operation, collecting(paying, h.ID))
	return a.Body, a.Status == 200
}

func TestAnAnswerIsCollectedByTheSameCall(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"converse", "converse-stream"} {
		in, held := newHolding(t, rights.Hold{})
		in.call(t, operation, offering("[[say: I look]]"+paying))
		h := held.only(t)
		before := len(in.seen.Requests())
		if a := in.call(t, operation, collecting(paying, h.ID)); a.Status != 200 || strings.Contains(a.Body, canary) || !strings.Contains(a.Body, h.ID) {
			t.Errorf("%s: while it waits: %d %s", operation, a.Status, a.Body)
		}
		held.decide(h.ID, nil, hold.Release)
		for range 2 { // and once more, as an SDK that tries again does
			a := in.call(t, operation, collecting(paying, h.ID))
			if a.Status != 200 || !strings.Contains(a.Body, "post_payment") || !strings.Contains(a.Body, "look") {
				t.Errorf("%s: collected %d %s", operation, a.Status, a.Body)
			}
			if diff := cmp.Diff([]string{"receipt.of." + h.ID + ".0"}, a.Header[gateway.ReceiptHeader]); diff != "" {
				t.Error(diff)
			}
		}
		if n := len(in.seen.Requests()); n != before {
			t.Errorf("%s: %d calls left for Bedrock to collect an answer", operation, n-before)
		}
		records := in.entries(t, auditlog.KindCollected)
		if len(records) != 2 || records[0].Hold.ID != h.ID || records[0].Who.Identity != "support-agent" || len(held.taken) != 2 {
			t.Errorf("%s: %d records, %v", operation, len(records), held.taken)
		}
	}
}

func TestACollectingCallWaitsToo(t *testing.T) {
	t.Parallel()
	in, held := newHolding(t, rights.Hold{Mode: rights.HoldWait, Wait: identity.Duration(time.Millisecond)})
	in.call(t, "converse", offering(paying))
	h := held.only(t)
	if h.Mode != rights.HoldWait || h.State != hold.Pending {
		t.Fatalf("held %+v", h)
	}
	if a := in.call(t, "converse", collecting(paying, h.ID)); !strings.Contains(a.Body, h.ID) || strings.Contains(a.Body, canary) {
		t.Errorf("answered %s", a.Body)
	}
	held.decide(h.ID, nil, hold.Reject)
	a := in.call(t, "converse", collecting(paying, h.ID))
	if got := readAnswer(t, a); len(got.calls()) != 0 || strings.Contains(a.Body, canary) || !strings.Contains(got.text(), "rejected") {
		t.Errorf("answered %s", a.Body)
	}
}

func TestAWholeAnswerWaits(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"converse", "converse-stream"} {
		in, held := newHoldingBy(t, func(c *rights.Conditions) { c.HoldAnswer = true })
		a := in.call(t, operation, marked("[[say: summary "+canary+"]]", ""))
		h := held.only(t)
		if a.Status != 200 || strings.Contains(a.Body, canary) || !strings.Contains(a.Body, h.ID) || !h.Whole || len(h.Calls) != 0 {
			t.Errorf("%s: answered %d %s; %+v", operation, a.Status, a.Body, h)
		}
		if said := held.content[h.ID].Text; said != "summary "+canary+"\n" {
			t.Errorf("%s: whoever decides reads %q", operation, said)
		}
		held.decide(h.ID, nil)
		got := in.call(t, operation, marked("again", `,"requestMetadata":{"writ.hold":"`+h.ID+`"}`))
		if got.Body != string(held.content[h.ID].Answer) || !strings.Contains(strings.ReplaceAll(got.Body, `"`, ""), "stopReason") {
			t.Errorf("%s: collected %d %s", operation, got.Status, got.Body)
		}
	}
}

func TestTermsMayRefuseUnknownTools(t *testing.T) {
	t.Parallel()
	in, held := newHolding(t, rights.Hold{Unknown: rights.UnknownRefuse})
	a := in.call(t, "converse", offering(`[[say: hm]][[call: wire_money {"to":"`+canary+`"}]]`))
	got := readAnswer(t, a)
	if len(held.all()) != 0 || len(got.calls()) != 0 || strings.Contains(a.Body, canary) || !strings.Contains(got.text(), "taken out") {
		t.Errorf("%d holds; answered %s", len(held.all()), a.Body)
	}
	if o := in.ended(t, 1); o[0].Hold == nil || o[0].Hold.State != "refused" || o[0].Hold.Dropped != 1 {
		t.Errorf("recorded %+v", o[0].Hold)
	}
}

func TestAHoldIsLookedAtByItsID(t *testing.T) {
	t.Parallel()
	in, held := newHolding(t, rights.Hold{})
	in.call(t, "converse", offering(paying))
	h := held.only(t)
	a := in.own(t, "/writ/v1/holds/"+h.ID, in.token)
	if a.Status != 200 || strings.Contains(a.Body, canary) || strings.Contains(a.Body, "post_payment") || !strings.Contains(a.Body, `"state":"pending"`) {
		t.Errorf("while it waits: %d %s", a.Status, a.Body)
	}
	if r := in.own(t, "/writ/v1/receipts/"+h.Calls[0].ID, in.token); r.Status != 403 {
		t.Errorf("a receipt before the release: %d %s", r.Status, r.Body)
	}
	held.decide(h.ID, nil, hold.Release)
	a = in.own(t, "/writ/v1/holds/"+h.ID, in.token)
	var view struct {
		State  string
		Calls  []struct{ ToolUseID, Tool, State, Receipt string }
		Answer json.RawMessage
	}
	if err := json.Unmarshal([]byte(a.Body), &view); err != nil || view.State != "released" || len(view.Calls) != 1 || !strings.Contains(string(view.Answer), canary) {
		t.Fatalf("released: %d %s: %v", a.Status, a.Body, err)
	}
	if c := view.Calls[0]; c.ToolUseID != h.Calls[0].ID || c.Tool != "post_payment" || c.State != "release" || c.Receipt != "receipt.of."+h.ID+".0" {
		t.Errorf("the call: %+v", c)
	}
	r := in.own(t, "/writ/v1/receipts/"+h.Calls[0].ID, in.token)
	if r.Status != 200 || !strings.Contains(r.Body, "receipt.of."+h.ID+".0") {
		t.Errorf("its receipt: %d %s", r.Status, r.Body)
	}
	if records := in.entries(t, auditlog.KindCollected); len(records) != 1 || records[0].Hold.ID != h.ID {
		t.Errorf("%d records", len(records))
	}
}

func TestTheKeysOfReceiptsArePublic(t *testing.T) {
	t.Parallel()
	in, _ := newHolding(t, rights.Hold{})
	a := in.own(t, "/writ/v1/jwks.json", "")
	if a.Status != 200 || a.Body != `{"keys":[]}` || a.Header.Get("Content-Type") != "application/jwk-set+json" {
		t.Errorf("answered %d %v %s", a.Status, a.Header, a.Body)
	}
}

func TestWaitsEndWhenTheServerStops(t *testing.T) {
	t.Parallel()
	in, held := newHolding(t, waiting)
	held.opened = func(hold.Hold) { in.Drain() }
	began := time.Now()
	a := in.call(t, "converse", offering(paying))
	if time.Since(began) > 15*time.Second || a.Status != 200 || !strings.Contains(a.Body, held.only(t).ID) {
		t.Errorf("after %v: %d %s", time.Since(began), a.Status, a.Body)
	}
}

// Several calls in one answer: those that read pass at once, in a stream too.
func TestOnlyTheCallsThatWriteWait(t *testing.T) {
	t.Parallel()
	const script = `[[say: both]][[call: lookup_invoice {"id":"7"}]]` + paying
	for _, operation := range []string{"converse", "converse-stream"} {
		in, held := newHolding(t, rights.Hold{})
		a := in.call(t, operation, offering(script))
		h := held.only(t)
		if a.Status != 200 || !strings.Contains(a.Body, "lookup_invoice") || strings.Contains(a.Body, "post_payment") || strings.Contains(a.Body, canary) {
			t.Errorf("%s: answered %d %s", operation, a.Status, a.Body)
		}
		if len(h.Calls) != 1 || h.Calls[0].Index != 1 {
			t.Errorf("%s: held %+v", operation, h.Calls)
		}
		held.decide(h.ID, nil, hold.Release)
		got, ok := in.again(t, h)
		if !ok || !strings.Contains(got, "lookup_invoice") || !strings.Contains(got, "post_payment") {
			t.Errorf("%s: collected %s", operation, got)
		}
	}
}

// Every surface on which models call tools.
func TestHoldsOnEverySurface(t *testing.T) {
	t.Parallel()
	const messages = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":99,"messages":[{"role":"user","content":%q}],"tools":[{"name":"lookup_invoice","input_schema":{"type":"object"}},{"name":"post_payment","input_schema":{"type":"object"}}]}`
	const chat = `{"model":%q%s,"messages":[{"role":"user","content":%q}],"tools":[{"type":"function","function":{"name":"lookup_invoice","parameters":{"type":"object"}}},{"type":"function","function":{"name":"post_payment","parameters":{"type":"object"}}}]}`
	for name, ask := range asking(messages, chat) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, held := newHolding(t, rights.Hold{})
			a := ask(t, in, "[[say: I pay]]"+paying, "")
			h := held.only(t)
			if a.Status != 200 || leaks(a.Body, "post_payment") || leaks(a.Body, canary) || !leaks(a.Body, h.ID) {
				t.Errorf("answered %d %s", a.Status, a.Body)
			}
			held.decide(h.ID, nil, hold.Release)
			got := ask(t, in, "[[say: I pay]]"+paying, h.ID)
			if got.Status != 200 || !leaks(got.Body, canary) || !leaks(got.Body, "post_payment") {
				t.Errorf("collected %d %s", got.Status, got.Body)
			}
		})
	}
}
