package spend

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
)

const (
	account = "111122223333"
	haiku   = "anthropic.claude-haiku-4-5-20251001-v1:0"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// book is an audit log being written.
type book struct {
	t      *testing.T
	ledger *Ledger
	next   uint64
}

func newBook(t *testing.T, p Period) *book {
	return &book{t: t, ledger: NewLedger(p, bedrock.Embedded())}
}

func (b *book) add(r auditlog.Record) uint64 {
	b.t.Helper()
	r.ID = fmt.Sprintf("r%d", b.next)
	entry, err := r.Marshal()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.ledger.Add(b.next, entry); err != nil {
		b.t.Fatal(err)
	}
	b.next++
	return b.next - 1
}

func (b *book) intent(at time.Time, operation, model string) uint64 {
	b.t.Helper()
	return b.add(auditlog.Record{
		Kind: auditlog.KindIntent, Time: auditlog.At(at), Who: &auditlog.Who{Identity: "bot"},
		Call:       &auditlog.Call{Operation: operation, ModelRequested: model, RegionCalled: "us-east-1", Account: account},
		Credential: &auditlog.Credential{Kind: "session", ID: "s"}, Decision: &auditlog.Decision{Decision: "permit"},
		Budget: &auditlog.Budget{MicroUSD: 9000, Requests: 1},
	})
}

// call is an intent and its outcome.
func (b *book) call(at time.Time, requestID string, in, out, cost int64) {
	b.t.Helper()
	b.outcome(b.intent(at, "Converse", haiku), requestID, auditlog.Usage{Source: "body", Input: in, Output: out, CostMicroUSD: &cost})
}

func (b *book) outcome(intent uint64, requestID string, u auditlog.Usage) {
	b.t.Helper()
	b.add(auditlog.Record{
		Kind: auditlog.KindOutcome, Time: auditlog.At(noon), Usage: &u,
		Outcome: &auditlog.Outcome{Intent: intent, Status: 200, UpstreamRequestID: requestID, Ended: "complete"},
	})
}

// invocation is one line of AWS's log.
func invocation(at time.Time, requestID, principal string, in, out int64) string {
	b, err := json.Marshal(map[string]any{
		"schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "timestamp": at.Format(time.RFC3339), "accountId": account, "region": "us-east-1",
		"requestId": requestID, "operation": "Converse", "modelId": "us." + haiku, "identity": map[string]string{"arn": principal},
		"input": map[string]any{"inputTokenCount": in, "inputBodyJson": map[string]any{"messages": "secret canary"}}, "output": map[string]any{"outputTokenCount": out},
		"somethingNew": true,
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}

const gatewayARN = "arn:aws:sts::111122223333:assumed-role/writ-gateway/bot"

func compared(t *testing.T, l *Ledger, lines ...string) Reconciliation {
	t.Helper()
	c := Compare(l)
	err := ReadInvocations(strings.NewReader(strings.Join(lines, "\n")), func(v Invocation) error { c.Add(v); return nil },
		func(n int64, reason string) { c.Result().NoteSkipped(Skipped{Line: n, Reason: reason}) })
	if err != nil {
		t.Fatal(err)
	}
	return c.End()
}

func TestEqualBooksAreEqual(t *testing.T) {
	b := newBook(t, Period{})
	b.call(noon, "id-1", 100, 20, 200)
	b.call(noon.Add(time.Minute), "id-2", 7, 3, 22)
	line := invocation(noon.Add(2*time.Second), "id-1", gatewayARN, 100, 20)
	got := compared(t, b.ledger, line, invocation(noon.Add(time.Minute), "id-2", gatewayARN, 7, 3), line)
	if !got.Equal || got.Matched != 2 || got.Writ != got.AWS || got.Writ.CostMicroUSD != 222 || len(got.Cells) != 0 {
		t.Errorf("%+v", got)
	}
	if got.From != "2026-11-20" || got.To != "2026-11-20" {
		t.Errorf("compared from %s to %s, and AWS has the 20th only", got.From, got.To)
	}
}

func TestCallsAroundTheGatewayAreFoundWithWhoMadeThem(t *testing.T) {
	b := newBook(t, Period{})
	b.call(noon, "id-1", 100, 20, 200)
	got := compared(t, b.ledger,
		invocation(noon, "id-1", gatewayARN, 100, 20),
		invocation(noon.Add(time.Minute), "id-8", "arn:aws:iam::111122223333:user/eve", 1_000_000, 0),
		invocation(noon.Add(time.Hour), "id-9", "arn:aws:iam::111122223333:user/eve", 0, 1),
		invocation(noon, "id-7", "arn:aws:sts::111122223333:assumed-role/writ-gateway/other", 1, 1),
	)
	if got.Equal || got.Beyond.Calls != 3 || got.Beyond.Input != 1_000_001 || len(got.Beyond.By) != 2 {
		t.Fatalf("%+v", got.Beyond)
	}
	eve, own := got.Beyond.By[0], got.Beyond.By[1]
	if !strings.HasSuffix(eve.Principal, "user/eve") || eve.Calls != 2 || eve.Gateway || !eve.Last.Equal(noon.Add(time.Hour)) || !eve.First.Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v", eve)
	}
	if !own.Gateway {
		t.Errorf("a call with the gateway's own role is not told from a stranger's: %+v", own)
	}
	if eve.CostMicroUSD == 0 && eve.Unpriced == 0 {
		t.Errorf("what a stranger used costs nothing: %+v", eve)
	}
	if len(got.Cells) != 1 || got.Cells[0].AWS.Calls != 4 {
		t.Errorf("cells: %+v", got.Cells)
	}
}

func TestOtherCountsOfTheSameCallAreADifference(t *testing.T) {
	b := newBook(t, Period{})
	b.call(noon, "id-1", 100, 20, 200)
	cost := int64(9000)
	b.outcome(b.intent(noon, "Converse", haiku), "id-2", auditlog.Usage{Source: "estimate", Input: 500, Output: 100, CostMicroUSD: &cost})
	got := compared(t, b.ledger, invocation(noon, "id-1", gatewayARN, 100, 21), invocation(noon, "id-2", gatewayARN, 40, 2))
	if got.Equal || got.DifferentCount != 2 || got.Different[0].RequestID != "id-1" || got.Different[0].Estimated || !got.Different[1].Estimated {
		t.Errorf("%+v", got.Different)
	}
	if got.Beyond.Calls != 0 || got.OnlyWrit != (Sums{}) {
		t.Errorf("calls that both have are told as one side's: %+v", got)
	}
}

func TestWhatOnlyWritHasIsTold(t *testing.T) {
	b := newBook(t, Period{})
	b.call(noon, "id-1", 100, 20, 200)
	b.call(noon, "id-2", 1, 1, 5)                                                           // the log lacks it
	b.outcome(b.intent(noon, "CountTokens", haiku), "id-3", auditlog.Usage{Source: "none"}) // the log holds none such
	b.intent(noon, "Converse", haiku)                                                       // nobody knows how it ended
	b.call(noon.AddDate(0, 0, 1), "id-4", 1, 1, 5)                                          // after the last day that the log has
	got := compared(t, b.ledger, invocation(noon, "id-1", gatewayARN, 100, 20))
	if got.Equal || got.OnlyWrit.Calls != 1 || got.OnlyWrit.CostMicroUSD != 5 || got.Elsewhere != 1 || got.Nameless.Calls != 1 || got.Nameless.CostMicroUSD != 9000 {
		t.Errorf("%+v", got)
	}
}

// TestACallAtMidnightIsInBothBooks: the two clocks, and a call's begin and end, may
// lie on either side of a period's edge.
func TestACallAtMidnightIsInBothBooks(t *testing.T) {
	edge := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name       string
		writ, logs time.Time
		matched    int64
	}{
		{"begun before the period, logged within", edge.Add(-time.Second), edge.Add(time.Second), 0},
		{"begun within, logged after", edge.Add(24*time.Hour - time.Second), edge.Add(24*time.Hour + time.Second), 1},
	} {
		b := newBook(t, Period{"2026-11-20", "2026-11-20"})
		b.call(c.writ, "id-1", 1, 1, 5)
		got := compared(t, b.ledger, invocation(c.logs, "id-1", gatewayARN, 1, 1))
		if !got.Equal || got.Matched != c.matched {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestLogsOfSeveralShardsDoNotMix(t *testing.T) {
	b := newBook(t, Period{})
	b.intent(noon, "Converse", haiku)
	b.ledger.EndOfLog()
	b.next = 0
	b.call(noon, "id-1", 1, 1, 5)
	got := compared(t, b.ledger, invocation(noon, "id-1", gatewayARN, 1, 1))
	if got.Matched != 1 || got.Nameless.Calls != 1 {
		t.Errorf("%+v", got)
	}
}

func TestLinesThatAreNoRecordsAreReportedAndHideNothing(t *testing.T) {
	b := newBook(t, Period{})
	good := invocation(noon, "id-1", gatewayARN, 1, 1)
	b.call(noon, "id-1", 1, 1, 5)
	lines := []string{
		"Permissions are correctly set for secret canary", `{"requestId":"x","requestId":"y"}`, strings.Replace(good, "Converse", "", 1),
		strings.Replace(good, `"inputTokenCount":1`, `"inputTokenCount":-1`, 1), strings.Replace(good, `"inputTokenCount":1`, `"inputTokenCount":"1"`, 1),
		strings.Replace(good, "ModelInvocationLog", "SomethingElse", 1), strings.Replace(good, "2026-11-20T12:00:00Z", "[REDACTED]", 1),
		strings.Repeat("x", maxLine+10), "", good,
	}
	got := compared(t, b.ledger, lines...)
	if got.SkippedCount != 8 || got.Equal || got.Matched != 1 || got.Skipped[7].Line != 8 {
		t.Fatalf("%d skipped: %+v", got.SkippedCount, got.Skipped)
	}
	for _, s := range got.Skipped {
		if strings.Contains(s.Reason, "canary") || s.Reason == "" || s.Line == 0 {
			t.Errorf("%+v", s)
		}
	}
}

// TestRecordsOfAllFormsAreRead: with a space in the time, without a schema type, by an
// application inference profile, of an embedding.
func TestRecordsOfAllFormsAreRead(t *testing.T) {
	for text, want := range map[string]Invocation{
		`{"accountId":"111111111111","identity":{"arn":"arn:aws:sts::111111111111:assumed-role/r/s"},"input":{"inputBodyJson":{"messages":[]},"inputContentType":"application/json","inputTokenCount":3},"modelId":"anthropic.claude-3-haiku-20240307-v1:0","operation":"Converse","output":{"outputTokenCount":4},"region":"us-west-2","requestId":"bb98","schemaType":"ModelInvocationLog","timestamp":"2025-05-15 14:17:22.000000000"}`: {
			RequestID: "bb98", At: time.Date(2025, 5, 15, 14, 17, 22, 0, time.UTC), Account: "111111111111", Region: "us-west-2", Operation: "Converse",
			Model: "anthropic.claude-3-haiku-20240307-v1:0", Principal: "arn:aws:sts::111111111111:assumed-role/r/s", Tokens: bedrock.Tokens{Input: 3, Output: 4},
		},
		`{"timestamp":"2026-05-07T19:43:51Z","accountId":"222222222222","region":"us-west-2","requestId":"efc2","operation":"InvokeModelWithResponseStream","modelId":"arn:aws:bedrock:us-west-2:222222222222:application-inference-profile/9tr38q319pda","input":{"inputTokenCount":2536,"cacheReadInputTokenCount":1,"cacheWriteInputTokenCount":2},"output":{"outputBodyJson":[{}],"outputTokenCount":31}}`: {
			RequestID: "efc2", At: time.Date(2026, 5, 7, 19, 43, 51, 0, time.UTC), Account: "222222222222", Region: "us-west-2", Operation: "InvokeModelWithResponseStream",
			Model: "arn:aws:bedrock:us-west-2:222222222222:application-inference-profile/9tr38q319pda", Tokens: bedrock.Tokens{Input: 2536, Output: 31, CacheRead: 1, CacheWrite: 2},
		},
		`{"timestamp":"2026-05-07T19:43:51.5Z","accountId":"2","region":"r","requestId":"e","operation":"InvokeModel","modelId":"amazon.titan-embed-text-v1","errorCode":"ThrottlingException","input":{"inputTokenCount":5},"output":{}}`: {
			RequestID: "e", At: time.Date(2026, 5, 7, 19, 43, 51, 5e8, time.UTC), Account: "2", Region: "r", Operation: "InvokeModel", Model: "amazon.titan-embed-text-v1",
			Tokens: bedrock.Tokens{Input: 5}, Failed: true,
		},
	} {
		got, err := ParseInvocation([]byte(text))
		if err != nil {
			t.Fatalf("%v: %.80s", err, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAComparisonComesBackAsItWasPrinted(t *testing.T) {
	b := newBook(t, Period{})
	b.call(noon, "id-1", 1, 1, 5)
	want := compared(t, b.ledger, invocation(noon, "id-1", gatewayARN, 1, 2), invocation(noon, "id-2", gatewayARN, 1, 2), "no line")
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadReconciliation(bytes.NewReader(text))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{"", "{}", `{"source":"bill","more":1}`, `[]`} {
		if _, err := ReadReconciliation(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is a comparison", bad)
		}
	}
}

func TestFilesAreThoseThatBedrockDelivers(t *testing.T) {
	dir := t.TempDir()
	delivery := filepath.Join(dir, "AWSLogs", account, "BedrockModelInvocationLogs", "us-east-1", "2026", "11", "20", "12")
	if err := os.MkdirAll(filepath.Join(delivery, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("one\ntwo")); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"a.json.gz": packed.Bytes(), "b.json": []byte("three\n"), "data/x_input.json.gz": []byte("body"), "amazon-bedrock-logs-permission-check": nil, "cut.gz": packed.Bytes()[:packed.Len()-6],
	} {
		if err := os.WriteFile(filepath.Join(delivery, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Files([]string{dir, filepath.Join(delivery, "b.json")})
	want := []string{filepath.Join(delivery, "a.json.gz"), filepath.Join(delivery, "b.json"), filepath.Join(delivery, "cut.gz")}
	if diff := cmp.Diff(want, files); err != nil || diff != "" {
		t.Fatalf("%v %s", err, diff)
	}
	if got, err := linesIn(files[0]); err != nil || got != "one two" {
		t.Errorf("%q %v", got, err)
	}
	if got, err := linesIn(files[1]); err != nil || got != "three" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := linesIn(files[2]); err == nil {
		t.Error("a file that was cut short is read as whole")
	}
}

func linesIn(name string) (string, error) {
	f, err := OpenFile(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	var all []string
	err = eachLine(f, func(_ int64, line []byte) error { all = append(all, string(line)); return nil }, func(int64, string) {})
	return strings.Join(all, " "), err
}

func FuzzParseInvocation(f *testing.F) {
	f.Add([]byte(invocation(noon, "id-1", gatewayARN, 1, 1)))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := ParseInvocation(text)
		if err == nil && (v.RequestID == "" || v.Tokens.Input < 0 || v.Tokens.Output < 0 || v.At.IsZero()) {
			t.Errorf("%+v", v)
		}
	})
}

func FuzzReadInvocations(f *testing.F) {
	f.Add([]byte(invocation(noon, "id-1", gatewayARN, 1, 1) + "\nno\n\n{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := 0
		count := func() { lines++ }
		err := ReadInvocations(bytes.NewReader(text), func(Invocation) error { count(); return nil }, func(int64, string) { count() })
		if err != nil || lines > bytes.Count(text, []byte("\n"))+1 {
			t.Errorf("%d lines of %q: %v", lines, text, err)
		}
	})
}

func FuzzReadReconciliation(f *testing.F) {
	f.Add([]byte(`{"source":"bill","equal":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := ReadReconciliation(bytes.NewReader(text)); err == nil && r.Source == "" {
			t.Error("a comparison with nothing is read")
		}
	})
}
