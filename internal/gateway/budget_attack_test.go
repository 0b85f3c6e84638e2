package gateway_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/writtest"
)

// wallet is a budget over one identity.
func wallet(identity, limits, window string) string {
	return fmt.Sprintf("apiVersion: writ/v1\nkind: Budget\nname: wallet-%[1]s\nspec: {covers: {identities: [%[1]s]}, %[2]s, window: %[3]s}\n", identity, limits, window)
}

// saying is a Converse body that states a limit of output tokens.
func saying(mark string, most int) string {
	return marked(mark, fmt.Sprintf(`,"inferenceConfig":{"maxTokens":%d}`, most))
}

// billed is what the log says that calls were charged, in micro-USD, and how many
// there were.
func (s *site) billed(t testing.TB, identity string) (sum int64, calls int) {
	t.Helper()
	whose := make(map[uint64]bool)
	for _, r := range s.records(t) {
		switch {
		case r.Kind == auditlog.KindIntent && r.Who.Identity == identity:
			whose[r.index] = true
		case r.Kind == auditlog.KindOutcome && whose[r.Outcome.Intent]:
			if r.Usage.Settled == nil {
				t.Fatalf("the outcome %d says nothing of what was charged", r.index)
			}
			sum, calls = sum+r.Usage.Settled.MicroUSD, calls+1
		}
	}
	return sum, calls
}

// Callers that come at once must not all pass a check that each alone would
// pass (BerriAI/litellm#18803, envoyproxy/ai-gateway#2394).
func TestS22_ABurstDoesNotPassABudget(t *testing.T) {
	t.Parallel()
	const limit = 20_000 // micro-USD
	s := openSite(t, siteOptions{})
	s.apply(t, wallet("analytics", `usd: "0.02"`, "month"))
	k := s.session(t, "analytics")
	long := "spending [[say: " + strings.Repeat("word ", 300) + "]]"
	var permitted, refused, other atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range 6 {
				switch a := s.call(t, k, pro, "converse", saying(long, 400)); {
				case a.Status == 200:
					permitted.Add(1)
				case a.Status == 403 && strings.Contains(a.Body, "a limit of US dollars for the month is reached"), a.Status == 429:
					refused.Add(1)
				default:
					other.Add(1)
					t.Errorf("answered %d %s", a.Status, a.Body)
				}
			}
		})
	}
	all.Wait()
	if permitted.Load() == 0 || refused.Load() == 0 {
		t.Fatalf("%d calls were permitted and %d refused: the test shows nothing", permitted.Load(), refused.Load())
	}
	var sum int64
	eventually(t, "every call is settled", func() bool {
		var calls int
		sum, calls = s.billed(t, "analytics")
		return calls == int(permitted.Load())
	})
	if sum > limit || sum == 0 {
		t.Errorf("%d micro-USD were charged, the limit is %d", sum, limit)
	}
	if n := len(s.reached("spending")); n != int(permitted.Load()) {
		t.Errorf("%d calls reached Bedrock, %d were permitted", n, permitted.Load())
	}
}

// An SDK repeats what is throttled: only a caller who would find room a moment
// later is told to wait.
func TestS23_OnlyWhatMayPassSoonIsThrottled(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	s.apply(t, wallet("support-agent", "outputTokens: 1000", "month")+"---\n"+wallet("analytics", "requests: 1", "month"))
	k := s.session(t, "support-agent")
	open := begin(t, writtest.Sign(t, k, s.request(sonnet, "converse-stream", saying("held-after-two-frames", 900))))
	if _, err := open.next(); err != nil {
		t.Fatal(err)
	}
	if a := s.call(t, k, sonnet, "converse", saying("while it is open", 900)); a.Status != 429 || a.ErrorType() != string(bedrock.ThrottlingException) {
		t.Errorf("while another call holds what is left: answered %d %s", a.Status, a.Body)
	}
	a := s.call(t, k, sonnet, "converse", saying("more than there ever is", 1001))
	if a.Status != 403 || a.ErrorType() != string(bedrock.AccessDeniedException) || !strings.Contains(a.Body, "smaller limit of output tokens") {
		t.Errorf("what can never pass: answered %d %s", a.Status, a.Body)
	}
	close(s.gate)
	open.rest(t)
	eventually(t, "there is room once it is settled", func() bool { return s.call(t, k, sonnet, "converse", saying("after it", 900)).Status == 200 })
	other := s.session(t, "analytics")
	if a := s.call(t, other, lite, "converse", saying("the first", 10)); a.Status != 200 {
		t.Errorf("the first of one: answered %d %s", a.Status, a.Body)
	}
	if a := s.call(t, other, lite, "converse", saying("the second", 10)); a.Status != 403 || !strings.Contains(a.Body, "begins anew at") {
		t.Errorf("the second of one: answered %d %s", a.Status, a.Body)
	}
	s.notReached(t, "the second")
}

// What has no known price is never free (BerriAI/litellm#35524), and what nothing
// bounds cannot be set aside for.
func TestS22_WhatCannotBePricedOrBoundedIsRefusedUnderABudget(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	s.apply(t, studios()+"---\n"+wallet("analytics", `usd: "1000"`, "day")+"---\n"+`apiVersion: writ/v1
kind: Entitlement
name: flexible
spec:
  models: ["family:amazon.nova"]
  conditions: {serviceTiers: [default, reserved]}
---
apiVersion: writ/v1
kind: Grant
name: analytics.flexible
spec: {identity: analytics, entitlement: flexible, notBefore: "2020-01-01T00:00:00Z", notAfter: "2099-01-01T00:00:00Z"}
`)
	k := s.session(t, "analytics")
	if a := s.start(t, k, videoBody("unbounded", "s3://analytics-results/", "")); a.Status != 403 || !strings.Contains(a.Body, "because a budget covers it") {
		t.Errorf("an asynchronous invocation under a budget in USD: answered %d %s", a.Status, a.Body)
	}
	if a := s.call(t, k, lite, "converse", marked("reserved tier", `,"inferenceConfig":{"maxTokens":10},"serviceTier":{"type":"reserved"}`)); a.Status != 403 || !strings.Contains(a.Body, "its price is not known") {
		t.Errorf("a tier without a price: answered %d %s", a.Status, a.Body)
	}
	for _, mark := range []string{"unbounded", "reserved tier"} {
		s.notReached(t, mark)
	}
	if a := s.call(t, k, lite, "converse", saying("priced", 10)); a.Status != 200 {
		t.Errorf("a call with a price: answered %d %s", a.Status, a.Body)
	}
}

// Who goes away before the answer says what it cost has not had it for nothing.
func TestS22_AnAbortedStreamIsChargedWhatWasReserved(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	s.apply(t, wallet("support-agent", `usd: "10"`, "day"))
	k := s.session(t, "support-agent")
	st := begin(t, writtest.Sign(t, k, s.request(sonnet, "converse-stream", saying("going away held-after-two-frames", 500))))
	if _, err := st.next(); err != nil {
		t.Fatal(err)
	}
	st.leave()
	intent, out := s.told(t, st.answer, auditlog.KindIntent), s.outcome(t, st.answer)
	if u := out.Usage; u.Source != "estimate" || !u.Settled.Estimated || u.Settled.MicroUSD != intent.Budget.MicroUSD || u.Settled.MicroUSD == 0 {
		t.Errorf("reserved %+v, charged %+v", intent.Budget, u.Settled)
	}
	if n := len(intent.Budget.Accounts); n != 3 || !strings.HasPrefix(intent.Budget.Accounts[2], "wallet-support-agent|") { // and the two of the organisation
		t.Errorf("charged to %v", intent.Budget.Accounts)
	}
	whole := s.call(t, k, sonnet, "converse", saying("to the end", 500))
	in, got := s.told(t, whole, auditlog.KindIntent), s.outcome(t, whole)
	if c := got.Usage.CostMicroUSD; c == nil || *c != got.Usage.Settled.MicroUSD || *c >= in.Budget.MicroUSD || *c == 0 {
		t.Errorf("reserved %+v, used %+v, charged %+v", in.Budget, got.Usage, got.Usage.Settled)
	}
	broken := s.call(t, k, sonnet, "converse", saying("fault=refuse/0", 500))
	if u := s.outcome(t, broken).Usage; broken.Status != 429 || u.Settled.MicroUSD != 0 || u.Settled.Requests != 1 || u.Settled.Estimated {
		t.Errorf("a call that Bedrock refused (%d) was charged %+v", broken.Status, u.Settled)
	}
}

// usageUpstream answers every call with the usage that its prompt states after
// "usage=".
func usageUpstream(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, rest, _ := strings.Cut(string(body), "usage=")
		stated, _, _ := strings.Cut(rest, ";")
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"output":{"message":{"role":"assistant","content":[{"text":"so it is"}]}},"stopReason":"end_turn","usage":%s,"metrics":{"latencyMs":1}}`, strings.ReplaceAll(stated, `\"`, `"`))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// Bedrock's word on what was used is believed only where it can be.
func TestS22_AbsurdUsageIsChargedWhatWasReserved(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{Upstream: usageUpstream(t)})
	s.apply(t, wallet("analytics", `usd: "10"`, "day"))
	k := s.session(t, "analytics")
	for name, usage := range map[string]string{
		"none":       `{}`,
		"half":       `{"inputTokens":5}`,
		"negative":   `{"inputTokens":-5,"outputTokens":1,"totalTokens":1}`,
		"fractional": `{"inputTokens":0.5,"outputTokens":1,"totalTokens":1}`,
		"absurd":     `{"inputTokens":99999999999999,"outputTokens":1,"totalTokens":1}`,
		"text":       `{"inputTokens":"5","outputTokens":"1","totalTokens":6}`,
		"twice":      `{"inputTokens":5,"inputTokens":1,"outputTokens":1,"totalTokens":2}`,
	} {
		a := s.call(t, k, lite, "converse", saying("usage="+usage+"; "+name, 50))
		if a.Status != 200 && name != "twice" { // which nothing else reads either: the answer is withheld
			t.Fatalf("%s: answered %d %s", name, a.Status, a.Body)
		}
		in, out := s.told(t, a, auditlog.KindIntent), s.outcome(t, a)
		if out.Usage.Source != "estimate" || out.Usage.Settled.MicroUSD != in.Budget.MicroUSD || in.Budget.MicroUSD == 0 {
			t.Errorf("%s: reserved %+v, charged %+v", name, in.Budget, out.Usage.Settled)
		}
	}
}

// A call that used more than was possible shows that the bound, or the price, is
// wrong: what it was charged to stays shut until a human has looked.
func TestS22_UsageAboveTheReservationFreezesTheBudget(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{Upstream: usageUpstream(t)})
	s.apply(t, wallet("analytics", `usd: "10"`, "day"))
	k := s.session(t, "analytics")
	a := s.call(t, k, lite, "converse", saying(`usage={"inputTokens":10,"outputTokens":5000,"totalTokens":5010};`, 50))
	if u := s.outcome(t, a).Usage; !u.Settled.Overrun || u.Settled.Output != 5000 {
		t.Errorf("charged %+v", u.Settled)
	}
	after := saying(`usage={"inputTokens":10,"outputTokens":5,"totalTokens":15}; after`, 50)
	if a := s.call(t, k, lite, "converse", after); a.Status != 403 || !strings.Contains(a.Body, "a budget that covers it is frozen") {
		t.Errorf("from a frozen budget: answered %d %s", a.Status, a.Body)
	}
}

// A call whose right ends while its intent is being recorded does not leave, and
// what never left costs nothing.
func TestS22_ACallThatIsCutBeforeItLeavesCostsNothing(t *testing.T) {
	t.Parallel()
	var in *inside
	in = newInside(t, 0, func(c *gateway.Config) {
		c.Salt = func(context.Context, string, time.Time) ([]byte, error) {
			in.Cut("the test says so", func(*gateway.Call) bool { return true })
			return make([]byte, 32), nil
		}
	})
	if a := in.call(t, "converse", writtest.Say("cut on the way")); a.Status != 403 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	in.comesTo(t, "cut")
	if n := len(in.seen.Requests()); n != 0 {
		t.Errorf("%d requests reached Bedrock", n)
	}
	for _, r := range in.entries(t, auditlog.KindOutcome) {
		if s := r.Usage.Settled; s == nil || s.MicroUSD != 0 || s.Requests != 0 || s.Estimated {
			t.Errorf("charged %+v", s)
		}
	}
}

// A call whose process was killed costs what was set aside for it, once, and
// what was settled before stays settled.
func TestS22_AKilledProcessForgetsNoSpend(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	s.apply(t, wallet("support-agent", "outputTokens: 2000", "month"))
	k := s.session(t, "support-agent")
	if a := s.call(t, k, sonnet, "converse", saying("before", 100)); a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	st := begin(t, writtest.Sign(t, k, s.request(sonnet, "converse-stream", saying("killed held-after-two-frames", 1500))))
	if _, err := st.next(); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	config := filepath.Join(t.TempDir(), "writ.yaml")
	text := fmt.Sprintf("account: %q\nupstream: {endpoint: %q}\n", "111122223333", s.url)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	again := writtest.Start(t, writtest.Options{Data: s.Data, NoDemo: true, Args: []string{"--config", config},
		Env: []string{"AWS_ACCESS_KEY_ID=" + upstreamKeyID, "AWS_SECRET_ACCESS_KEY=" + s.upstreamKey, "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=" + os.DevNull}})
	ask := func(most int) writtest.Answer { return again.Converse(t, k, sonnet, saying("after", most)) }
	if a := ask(500); a.Status != 403 {
		t.Errorf("what the killed call may have used was given out again: %d %s", a.Status, a.Body)
	}
	if a := ask(300); a.Status != 200 {
		t.Errorf("what nobody used is not there: %d %s", a.Status, cmp.Or(a.Body, "-"))
	}
	if !strings.Contains(again.Stderr(), "outcome is unknown") {
		t.Errorf("the start says nothing of it: %s", again.Stderr())
	}
	close(s.gate)
}
