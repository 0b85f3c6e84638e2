package compat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/docs/examples/erp"
	"github.com/writ-project/writ/internal/writtest"
	"github.com/writ-project/writ/receipt"
)

const (
	triageModel = "amazon.nova-pro-v1:0"  // of the sample organisation: answers at once
	waitsModel  = "amazon.nova-lite-v1:0" // blocks until somebody has decided
	// waiting gives invoice-triage the same tools with another model, whose calls block.
	waitingRight = `apiVersion: writ/v1
kind: Entitlement
name: invoice-triage-waits
spec:
  models: ["amazon.nova-lite-v1:0"]
  conditions:
    tools: {read: [lookup_invoice], write: [post_payment]}
    hold: {mode: wait, wait: 40s}
  riskTier: high
---
apiVersion: writ/v1
kind: Grant
name: invoice-triage.waits
spec: {identity: invoice-triage, entitlement: invoice-triage-waits, notBefore: "2020-01-01T00:00:00Z", notAfter: "2099-01-01T00:00:00Z"}
`
	lookUp   = `[[say: It is due on Friday.]][[call: lookup_invoice {"invoice":"INV-7"}]]`
	pay      = `[[say: I am paying it.]][[call: post_payment {"invoice":"INV-7","amount":1250}]]`
	payments = `{"amount":1250,"invoice":"INV-7"}`
)

// finance is the sample organisation with its people, of whom sam has signed in.
type finance struct {
	*writtest.Server
	to     Target
	bearer string
}

func openFinance(t *testing.T) *finance {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	s := writtest.Start(t, writtest.Options{})
	file := filepath.Join(t.TempDir(), "waits.yaml")
	if err := os.WriteFile(file, []byte(waitingRight), 0o600); err != nil {
		t.Fatal(err)
	}
	s.MustRun(t, "apply", "--yes", "-f", file)
	s.MustRun(t, "apply", "--yes", "-f", filepath.Join("..", "docs", "examples", "people"))
	f := &finance{Server: s, bearer: s.Bearer(t, "invoice-triage")}
	f.to = Target{Runtime: s.Gateway, RuntimeTLS: s.GatewayTLS, STS: s.Gateway, CA: s.CA, Env: environment(s.Session(t, "invoice-triage"))}
	s.MustRun(t, "login", "--link", strings.TrimSpace(s.MustRun(t, "operator", "link", "sam")))
	return f
}

// ask has a client ask whole and streamed, with both tools offered.
func (f *finance) ask(t *testing.T, c client, model, question string, more ...string) []step {
	t.Helper()
	env := append(f.to.plain(model), "COMPAT_TOOLS=lookup_invoice,post_payment", "COMPAT_QUESTION="+question)
	got := c.run(t, "tools", append(env, more...), nil)
	if len(got) != 2 {
		t.Fatalf("%d steps, want 2: %+v", len(got), got)
	}
	for _, s := range got {
		if s.Error != "" {
			t.Fatalf("%s: %s", s.Step, s.Message)
		}
	}
	return got
}

// waiting asks for a payment, and returns where its two answers wait.
func (f *finance) waiting(t *testing.T, c client) (ids [2]string) {
	t.Helper()
	for i, s := range f.ask(t, c, triageModel, pay) {
		at := whereItWaits.FindStringSubmatch(s.Text)
		if at == nil || s.Tool != "" || strings.Contains(s.Text, "1250") || !strings.Contains(s.Text, "I am paying it.") {
			t.Fatalf("%s: got %+v, want the text and where the payment waits", s.Step, s)
		}
		ids[i] = at[1]
	}
	return ids
}

func (f *finance) collect(t *testing.T, c client, ids [2]string) []step {
	t.Helper()
	return f.ask(t, c, triageModel, pay, "COMPAT_HOLD="+ids[0], "COMPAT_HOLD_STREAM="+ids[1])
}

// get asks one of Writ's own paths as the workload.
func (f *finance) get(t *testing.T, path string, into any) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, f.Gateway+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+f.bearer)
	a := writtest.Do(t, req)
	if err := json.Unmarshal([]byte(a.Body), into); a.Status != http.StatusOK || err != nil {
		t.Fatalf("%s: answered %d %s, %v", path, a.Status, a.Body, err)
	}
}

// ledger is the finance system: it writes what a receipt covers.
func (f *finance) ledger(t *testing.T) http.Handler {
	t.Helper()
	answer, err := http.Get(f.Gateway + "/writ/v1/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var text json.RawMessage
	if err := json.NewDecoder(answer.Body).Decode(&text); err != nil {
		t.Fatal(err)
	}
	keys, err := receipt.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	written := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	return erp.RequireReceipt(written, erp.Guard{
		Tool: "post_payment", Issuer: keys.Issuer, Nonces: receipt.NewMemory(time.Now), Now: time.Now,
		Keys:   func(context.Context) (receipt.Keys, error) { return keys, nil },
		Caller: func(*http.Request) string { return "invoice-triage" },
	})
}

func posted(ledger http.Handler, token, arguments string) int {
	r := httptest.NewRequest(http.MethodPost, "/payments", strings.NewReader(arguments))
	r.Header.Set(receipt.Header, token)
	w := httptest.NewRecorder()
	ledger.ServeHTTP(w, r)
	return w.Code
}

// TestAPaymentWaitsForAPerson is the finance story with AWS's own SDKs, unmodified:
// triage is answered; a payment waits, is rejected once with a reason and released
// once; the system that it is written to takes it by its receipt, once.
func TestAPaymentWaitsForAPerson(t *testing.T) {
	f := openFinance(t)
	ledger := f.ledger(t)
	for _, c := range clients {
		if c.name != "go" && c.name != "js" && c.name != python {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			for _, s := range f.ask(t, c, triageModel, lookUp) {
				if s.Tool != "lookup_invoice" || s.StopReason != "tool_use" || s.Text != "It is due on Friday." {
					t.Errorf("%s: triage is answered with %+v", s.Step, s)
				}
			}
			ids := f.waiting(t, c)
			for _, id := range ids {
				f.MustRun(t, "hold", "reject", id, "--reason", "INV-7 was paid on Monday")
			}
			for _, s := range f.collect(t, c, ids) {
				if s.Tool != "" || !strings.Contains(s.Text, "INV-7 was paid on Monday") {
					t.Errorf("%s: the rejected payment: %+v", s.Step, s)
				}
			}
			ids = f.waiting(t, c)
			for _, id := range ids {
				f.MustRun(t, "hold", "release", id, "--yes")
			}
			for i, s := range f.collect(t, c, ids) {
				f.released(t, s)
				f.written(t, ledger, s, ids[i])
			}
			f.whileItWaits(t, c)
		})
	}
}

// released wants the payment as the model asked for it.
func (f *finance) released(t *testing.T, s step) {
	t.Helper()
	input, _ := s.ToolInput.(map[string]any)
	// The SDK for Go gives numbers of a document as text.
	if fmt.Sprint(input) != "map[amount:1250 invoice:INV-7]" || s.Tool != "post_payment" || s.StopReason != "tool_use" || s.ToolUseID == "" {
		t.Errorf("%s: got %+v", s.Step, s)
	}
}

// written has the ledger write the payment of a hold. The stand-in gives equal calls
// equal ids, of which the path of receipts knows the newest.
func (f *finance) written(t *testing.T, ledger http.Handler, s step, id string) {
	t.Helper()
	var held struct{ Calls []struct{ Receipt string } }
	f.get(t, "/writ/v1/holds/"+id, &held)
	var newest struct{ Receipt string }
	f.get(t, "/writ/v1/receipts/"+s.ToolUseID, &newest)
	if len(held.Calls) != 1 || newest.Receipt == "" {
		t.Fatalf("%s: %d calls, the newest receipt is %q", s.Step, len(held.Calls), newest.Receipt)
	}
	found := held.Calls[0]
	if code := posted(ledger, found.Receipt, strings.Replace(payments, "1250", "9250", 1)); code != http.StatusForbidden {
		t.Errorf("%s: another amount: %d", s.Step, code)
	}
	if code := posted(ledger, found.Receipt, payments); code != http.StatusCreated {
		t.Errorf("%s: the released payment: %d", s.Step, code)
	}
	if code := posted(ledger, found.Receipt, payments); code != http.StatusConflict {
		t.Errorf("%s: the same again: %d", s.Step, code)
	}
}

// whileItWaits releases a payment while the client's call blocks: to the client it
// is an answer that took long.
func (f *finance) whileItWaits(t *testing.T, c client) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2 { // the whole answer, then the stream
			if err := f.releaseNext(t); err != nil {
				t.Error(err)
			}
		}
	}()
	for _, s := range f.ask(t, c, waitsModel, pay) {
		f.released(t, s)
		if whereItWaits.MatchString(s.Text) || s.Text != "I am paying it." {
			t.Errorf("%s: says %q", s.Step, s.Text)
		}
	}
	<-done
}

// releaseNext releases the next hold that waits.
func (f *finance) releaseNext(t *testing.T) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		r := f.Run(t, "hold", "list", "--json")
		for line := range strings.Lines(r.Stdout) {
			var h struct{ ID, State string }
			if json.Unmarshal([]byte(line), &h) == nil && h.State == "pending" {
				if r := f.Run(t, "hold", "release", h.ID, "--yes"); r.Code != 0 {
					return fmt.Errorf("releasing: %s", r.Stderr)
				}
				return nil
			}
		}
	}
	return fmt.Errorf("nothing waits")
}
