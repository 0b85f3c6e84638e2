package compat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/docs/examples/erp"
	"github.com/writ-project/writ/internal/writtest"
	"github.com/writ-project/writ/receipt"
)

// Models that invoice-triage may call. SDKs of one provider call others in their
// place, which moreRights names.
const (
	triageModel = "amazon.nova-pro-v1:0"  // of the sample organisation: answers at once
	waitsModel  = "amazon.nova-lite-v1:0" // blocks until somebody has decided
)

const (
	// moreRights give invoice-triage the same tools with other models, of which the
	// calls of some block.
	moreRights = `apiVersion: writ/v1
kind: Entitlement
name: invoice-triage-too
spec:
  models: ["openai.gpt-5.4", "anthropic.claude-sonnet-4-20250514-v1:0"]
  conditions:
    tools: {read: [lookup_invoice], write: [post_payment]}
  riskTier: high
---
apiVersion: writ/v1
kind: Grant
name: invoice-triage.too
spec: {identity: invoice-triage, entitlement: invoice-triage-too, notBefore: "2020-01-01T00:00:00Z", notAfter: "2099-01-01T00:00:00Z"}
---
apiVersion: writ/v1
kind: Entitlement
name: invoice-triage-waits
spec:
  models: ["amazon.nova-lite-v1:0", "openai.gpt-5.5", "anthropic.claude-3-7-sonnet-20250219-v1:0"]
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
	lookUp = `[[say: It is due on Friday.]][[call: lookup_invoice {"invoice":"INV-7"}]]`
	// asGiven are the arguments as the model gives them, payment as the ledger gets them.
	asGiven = `{"invoice": "INV-7",  "amount":1250}`
	pay     = `[[say: I am paying it.]][[call: post_payment ` + asGiven + `]]`
	payment = `{"amount":1250.0,"invoice":"INV-7"}`
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
	if err := os.WriteFile(file, []byte(moreRights), 0o600); err != nil {
		t.Fatal(err)
	}
	s.MustRun(t, "apply", "--yes", "-f", file)
	s.MustRun(t, "apply", "--yes", "-f", filepath.Join("..", "docs", "examples", "people"))
	f := &finance{Server: s, bearer: s.Bearer(t, "invoice-triage")}
	f.to = Target{Runtime: s.Gateway, RuntimeTLS: s.GatewayTLS, STS: s.Gateway, CA: s.CA, Env: environment(s.Session(t, "invoice-triage")), Bearer: f.bearer}
	s.MustRun(t, "login", "--link", strings.TrimSpace(s.MustRun(t, "operator", "link", "sam")))
	return f
}

// ask has a client ask whole and, if it can, streamed, with both tools offered.
func (f *finance) ask(t *testing.T, c client, model, question string, more ...string) []step {
	t.Helper()
	env := append(f.to.plain(model), "COMPAT_TOOLS=lookup_invoice,post_payment", "COMPAT_QUESTION="+question)
	got := c.run(t, "tools", append(env, more...), nil)
	if len(got) != c.ways() {
		t.Fatalf("%d steps, want %d: %+v", len(got), c.ways(), got)
	}
	for _, s := range got {
		if s.Error != "" || s.Message != "" {
			t.Fatalf("%s: %s %s", s.Step, s.Error, s.Message)
		}
	}
	return got
}

// waiting asks for a payment, and returns where its answers wait.
func (f *finance) waiting(t *testing.T, c client) (ids []string) {
	t.Helper()
	for _, s := range f.ask(t, c, triageModel, pay) {
		at := whereItWaits.FindStringSubmatch(s.Text)
		if at == nil || s.Tool != "" || s.Receipt != "" || strings.Contains(s.Text, "1250") || !strings.Contains(s.Text, "I am paying it.") {
			t.Fatalf("%s: got %+v, want the text and where the payment waits", s.Step, s)
		}
		ids = append(ids, at[1])
	}
	return ids
}

// collect makes the same calls again, with where their answers wait.
func (f *finance) collect(t *testing.T, c client, ids []string) []step {
	t.Helper()
	return f.ask(t, c, triageModel, pay, "COMPAT_HOLD="+ids[0], "COMPAT_HOLD_STREAM="+ids[len(ids)-1])
}

// get asks one of Writ's own paths as the workload: with the client's own signature
// where it can sign what it is told to, else with a token.
func (f *finance) get(t *testing.T, c client, path string, into any) {
	t.Helper()
	var text string
	if slices.Contains(signers, c.name) {
		s := one(t, c.run(t, "get", append(f.to.plain(triageModel), "COMPAT_PATH="+path), nil))
		if s.Message != "" {
			t.Fatalf("%s: %+v", path, s)
		}
		text = s.Text
	} else {
		req, err := http.NewRequest(http.MethodGet, f.Gateway+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+f.bearer)
		text = writtest.Do(t, req).Body
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%s: answered %s, %v", path, text, err)
	}
}

// signers are the clients whose signer signs any request.
var signers = []string{"go", "js", python, "curl"}

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

// TestAPaymentWaitsForAPerson is the finance story with unmodified SDKs: triage is
// answered; a payment waits, is rejected once with a reason and released once; the
// system that it is written to takes it by its receipt, once.
func TestAPaymentWaitsForAPerson(t *testing.T) {
	f := openFinance(t)
	ledger := f.ledger(t)
	for _, c := range present(t) {
		if !c.can("payment") {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			for _, s := range f.ask(t, c, triageModel, lookUp) {
				if s.Tool != "lookup_invoice" || s.StopReason != "tool_use" || s.Text != "It is due on Friday." {
					t.Errorf("%s: triage is answered with %+v", s.Step, s)
				}
			}
			f.rejectedOnce(t, c)
			f.releasedOnce(t, c, ledger)
			f.whileItWaits(t, c, ledger)
		})
	}
}

func (f *finance) rejectedOnce(t *testing.T, c client) {
	t.Helper()
	ids := f.waiting(t, c)
	for _, id := range ids {
		f.MustRun(t, "hold", "reject", id, "--reason", "INV-7 was paid on Monday")
	}
	for _, s := range f.collect(t, c, ids) {
		if s.Tool != "" || s.Receipt != "" || !strings.Contains(s.Text, "INV-7 was paid on Monday") {
			t.Errorf("%s: the rejected payment: %+v", s.Step, s)
		}
	}
}

func (f *finance) releasedOnce(t *testing.T, c client, ledger http.Handler) {
	t.Helper()
	ids := f.waiting(t, c)
	for _, id := range ids {
		f.MustRun(t, "hold", "release", id, "--yes")
	}
	for i, s := range f.collect(t, c, ids) {
		f.released(t, s)
		var held struct{ Calls []struct{ Receipt string } }
		f.get(t, c, "/writ/v1/holds/"+ids[i], &held)
		if len(held.Calls) != 1 || !c.noHead && s.Receipt != held.Calls[0].Receipt {
			t.Fatalf("%s: the head has receipt %q, the hold %+v", s.Step, s.Receipt, held)
		}
		written(t, ledger, s, held.Calls[0].Receipt)
	}
}

// released wants the payment as the model asked for it, byte for byte where the
// client shows the bytes.
func (f *finance) released(t *testing.T, s step) {
	t.Helper()
	input, _ := s.ToolInput.(map[string]any)
	// The SDK for Go gives numbers of a document as text.
	if fmt.Sprint(input) != "map[amount:1250 invoice:INV-7]" || s.Tool != "post_payment" || s.StopReason != "tool_use" || s.ToolUseID == "" {
		t.Errorf("%s: got %+v", s.Step, s)
	}
	if s.Arguments != "" && s.Arguments != asGiven {
		t.Errorf("%s: arguments %s, want %s", s.Step, s.Arguments, asGiven)
	}
}

// written has the ledger refuse another payment, write the released one, and refuse
// it a second time.
func written(t *testing.T, ledger http.Handler, s step, token string) {
	t.Helper()
	if code := posted(ledger, token, strings.Replace(payment, "1250", "9250", 1)); code != http.StatusForbidden {
		t.Errorf("%s: another amount: %d", s.Step, code)
	}
	if code := posted(ledger, token, payment); code != http.StatusCreated {
		t.Errorf("%s: the released payment: %d", s.Step, code)
	}
	if code := posted(ledger, token, payment); code != http.StatusConflict {
		t.Errorf("%s: the same again: %d", s.Step, code)
	}
}

// whileItWaits releases a payment while the client's call blocks: to the client it
// is an answer that took long. Its receipt is at the path of receipts.
func (f *finance) whileItWaits(t *testing.T, c client, ledger http.Handler) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f.releaseNext(t, c.ways()) }()
	var last step
	for _, last = range f.ask(t, c, waitsModel, pay) {
		f.released(t, last)
		if whereItWaits.MatchString(last.Text) || last.Text != "I am paying it." {
			t.Errorf("%s: says %q", last.Step, last.Text)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	// The stand-in gives equal calls equal ids, of which the path knows the newest.
	var newest struct{ Receipt string }
	f.get(t, c, "/writ/v1/receipts/"+last.ToolUseID, &newest)
	written(t, ledger, last, newest.Receipt)
}

// releaseNext releases the next n holds that wait.
func (f *finance) releaseNext(t *testing.T, n int) error {
	for end := time.Now().Add(30 * time.Second); n > 0 && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for line := range strings.Lines(f.Run(t, "hold", "list", "--state", "pending", "--json").Stdout) {
			var h struct{ ID string }
			if err := json.Unmarshal([]byte(line), &h); err != nil {
				return err
			}
			if r := f.Run(t, "hold", "release", h.ID, "--yes"); r.Code != 0 {
				return fmt.Errorf("releasing: %s", r.Stderr)
			}
			n--
		}
	}
	if n > 0 {
		return fmt.Errorf("%d of the calls that block do not wait", n)
	}
	return nil
}
