package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/writtest"
)

const (
	someCard = "5105 1051 0510 5100" // published by Mastercard for tests
	someSSN  = "536-22-8147"
)

// supporting is a gateway whose support-agent may send and receive what data
// says.
func supporting(t *testing.T, data rights.Data) *inside {
	t.Helper()
	return newInside(t, 0, func(c *gateway.Config) {
		c.State = reorganised(t, time.Hour, func(r *manifest.Resource) {
			if e, ok := r.Spec.(*rights.Entitlement); ok && r.Name == "support-conversations" {
				e.Conditions.Data = data
			}
		})
	})
}

// said is the text of an answer, or of a stream's deltas, and the exception
// that ended it.
func said(t *testing.T, a writtest.Answer, streamed bool) (text, exception string) {
	t.Helper()
	if !streamed {
		var answer struct {
			Output struct {
				Message struct{ Content []struct{ Text string } }
			}
		}
		if err := json.Unmarshal([]byte(a.Body), &answer); err != nil {
			t.Fatalf("%v: %s", err, a.Body)
		}
		for _, b := range answer.Output.Message.Content {
			text += b.Text
		}
		return text, ""
	}
	frames := bedrock.NewFrameReader(strings.NewReader(a.Body))
	for {
		f, err := frames.Next()
		if err == io.EOF {
			return text, exception
		}
		if err != nil {
			t.Fatal(err)
		}
		var delta struct{ Delta struct{ Text string } }
		if f.Message == "exception" {
			exception = f.Type + " " + string(f.Payload)
		} else if err := json.Unmarshal(f.Payload, &delta); err == nil {
			text += delta.Delta.Text
		}
	}
}

// scripted asks the stand-in to say something. Numbers are broken up, so that
// the prompt does not hold what the answer will.
func scripted(text string) string {
	return "[[say: " + strings.NewReplacer("536-22", "5|36-|22", "5105", "51|05").Replace(text) + "]]"
}

// records reads everything in the journal, as text too.
func (in *inside) records(t *testing.T) (all []auditlog.Record, text string) {
	t.Helper()
	err := in.journal.Scan(t.Context(), 0, func(_ uint64, entry []byte) error {
		r, err := auditlog.ParseRecord(entry)
		if err == nil {
			all, text = append(all, *r), text+string(entry)+"\n"
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, text
}

// settled waits for so many outcomes, which join a later flush of the log.
func (in *inside) settled(t *testing.T, n int) (out []auditlog.Outcome) {
	t.Helper()
	eventually(t, "the outcomes are recorded", func() bool {
		out = in.outcomes(t)
		return len(out) == n
	})
	return out
}

func TestACleanPromptIsAnswered(t *testing.T) {
	t.Parallel()
	in := supporting(t, rights.Data{})
	for _, operation := range []string{"converse", "converse-stream"} {
		a := in.call(t, operation, writtest.Say("How do I reset my router? "+scripted("Hold the button for ten seconds.")))
		if text, exception := said(t, a, operation != "converse"); a.Status != 200 || text != "Hold the button for ten seconds." || exception != "" {
			t.Errorf("%s: %d %q %s", operation, a.Status, text, exception)
		}
	}
}

// The caller learns the class, operators the entity and where it is, nobody
// the value.
func TestAPromptWithACardIsRefusedByItsClass(t *testing.T) {
	t.Parallel()
	in := supporting(t, rights.Data{})
	a := in.call(t, "converse", writtest.Say("My card "+someCard+" was charged twice"))
	if a.Status != 403 || a.ErrorType() != "AccessDeniedException" || !strings.Contains(a.Body, "payment_card") || strings.Contains(a.Body, "5105 1051") || strings.Contains(a.Body, "CARD_NUMBER") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if n := len(in.seen.Requests()); n != 0 {
		t.Errorf("%d requests reached Bedrock", n)
	}
	all, text := in.records(t)
	if strings.Contains(text, "5105 1051") {
		t.Error("the record holds the number")
	}
	d := all[len(all)-1].Data
	if d == nil || len(d.Findings) != 1 || d.Findings[0].Entity != "CREDIT_DEBIT_CARD_NUMBER" || d.Findings[0].Where != "messages[0].content[0].text" ||
		d.Findings[0].Start != 8 || d.Findings[0].End != 8+len(someCard) || d.Counts["payment_card"] != 1 {
		t.Errorf("the record says %+v", d)
	}
}

// TestS8_WhatIsRedactedIsDecidedAgain: Bedrock sees placeholders, and the
// record has both digests.
func TestS8_WhatIsRedactedIsDecidedAgain(t *testing.T) {
	t.Parallel()
	in := supporting(t, rights.Data{Redact: true})
	a := in.call(t, "converse", writtest.Say("Card "+someCard+" and again "+strings.ReplaceAll(someCard, " ", "")+" "+scripted("Thank you.")))
	if a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	sent := string(in.seen.Requests()[0].Body)
	if strings.Contains(sent, "5105 1051") || strings.Contains(sent, "5105105105") || strings.Count(sent, "{CREDIT_DEBIT_CARD_NUMBER_1}") != 2 {
		t.Errorf("Bedrock was sent %s", sent)
	}
	all, text := in.records(t)
	if strings.Contains(text, "5105 1051") {
		t.Error("the record holds the number")
	}
	for _, r := range all {
		if r.Kind == auditlog.KindIntent && (r.Content.Received == "" || r.Data.Redacted != 2 || r.Data.Regulated) {
			t.Errorf("the intent says %+v of %+v", r.Content, r.Data)
		}
	}
}

// TestS8_WhatCannotBeRedactedIsRefused: a number is not to become a string.
func TestS8_WhatCannotBeRedactedIsRefused(t *testing.T) {
	t.Parallel()
	in := supporting(t, rights.Data{Redact: true})
	body := `{"messages":[{"role":"user","content":[{"text":"pay"},{"toolResult":{"toolUseId":"t1","content":[{"json":{"card_number":5105105105105100}}]}}]}]}`
	if a := in.call(t, "converse", body); a.Status != 403 || len(in.seen.Requests()) != 0 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// TestS7_AnAnswerIsDecidedByWhatItSays, whole or in pieces.
func TestS7_AnAnswerIsDecidedByWhatItSays(t *testing.T) {
	t.Parallel()
	in := supporting(t, rights.Data{})
	leak := scripted("The customer's social security number is " + someSSN + " and that is all.")
	a := in.call(t, "converse", writtest.Say("Who is it? "+leak))
	if a.Status != 403 || !strings.Contains(a.Body, "regulated_personal") || strings.Contains(a.Body, "536-22") {
		t.Errorf("whole: %d %s", a.Status, a.Body)
	}
	for _, chunk := range []string{"1", "3", "64"} {
		a := in.call(t, "converse-stream", writtest.Say("Who is it? [[chunk: "+chunk+"]]"+leak))
		text, exception := said(t, a, true)
		if strings.Contains(text, "53") || !strings.HasPrefix("The customer's social security number is ", text) || !strings.Contains(exception, "regulated_personal") {
			t.Errorf("in pieces of %s: %q, then %s", chunk, text, exception)
		}
	}
	_, text := in.records(t)
	if strings.Contains(text, someSSN) {
		t.Error("the record holds the number")
	}
	for _, o := range in.settled(t, 4) {
		if o.Output == nil || o.Output.Counts["regulated_personal"] != 1 || o.Ended != "refused" {
			t.Errorf("the outcome says %+v", o)
		}
	}
}

// TestS8_AnAnswerIsRedactedOnItsWay: the client gets placeholders, in frames
// that its SDK reads.
func TestS8_AnAnswerIsRedactedOnItsWay(t *testing.T) {
	t.Parallel()
	in := supporting(t, rights.Data{Output: &rights.Output{Redact: true}})
	answer := scripted("It is " + someSSN + ", I repeat: " + someSSN + "; the other one is 536-22-8148.")
	want := "It is {US_SOCIAL_SECURITY_NUMBER_1}, I repeat: {US_SOCIAL_SECURITY_NUMBER_1}; the other one is {US_SOCIAL_SECURITY_NUMBER_2}."
	for _, operation := range []string{"converse", "converse-stream"} {
		for _, chunk := range []string{"2", "5", "200"} { // 64 pieces are all that the stand-in says
			a := in.call(t, operation, writtest.Say("Their social security numbers? [[chunk: "+chunk+"]]"+answer))
			if text, exception := said(t, a, operation != "converse"); text != want || exception != "" {
				t.Errorf("%s in pieces of %s: %d %q %s %s", operation, chunk, a.Status, text, exception, a.Body)
			}
		}
	}
	in.settled(t, 6)
	all, text := in.records(t)
	if strings.Contains(text, "536-22-81") {
		t.Error("the record holds the number")
	}
	for _, r := range all {
		if r.Kind == auditlog.KindOutcome && (r.Outcome.Output == nil || r.Outcome.Output.Redacted != 3 || r.Content.Received == "" || r.Content.Response == "") {
			t.Errorf("the outcome says %+v of %+v", r.Content, r.Outcome.Output)
		}
	}
}

// A right that takes any answer has it recorded, and nothing held back.
func TestAnAnswerThatMayHoldAnythingIsRecorded(t *testing.T) {
	t.Parallel()
	in := supporting(t, rights.Data{Output: &rights.Output{Regulated: true, Unscanned: true}})
	a := in.call(t, "converse-stream", writtest.Say("Who? [[chunk: 2]]"+scripted("Her SSN: "+someSSN)))
	if text, exception := said(t, a, true); text != "Her SSN: "+someSSN || exception != "" {
		t.Errorf("%q %s", text, exception)
	}
	if o := in.settled(t, 1)[0]; o.Output == nil || !o.Output.Regulated {
		t.Errorf("the outcome says %+v", o.Output)
	}
}

// TestAnswerInToolArgumentsIsRead: what Guardrails does not look at.
func TestToolArgumentsAreRead(t *testing.T) {
	t.Parallel()
	in := supporting(t, rights.Data{})
	call := `[[call: lookup {\"ssn\":\"5|36-22-81|47\"}]]`
	for _, operation := range []string{"converse", "converse-stream"} {
		a := in.call(t, operation, writtest.Say("Look them up [[chunk: 2]]"+call))
		if strings.Contains(a.Body, "22-81") || !strings.Contains(a.Body, "regulated_personal") {
			t.Errorf("%s: %d %q", operation, a.Status, a.Body)
		}
	}
}

// A declared class can only raise (security S5).
func TestS5_ADeclarationOnlyRaises(t *testing.T) {
	t.Parallel()
	in := supporting(t, rights.Data{})
	declare := func(classes, text string) string {
		return strings.Replace(writtest.Say(text), "{", `{"requestMetadata":{"writ.classes":"`+classes+`"},`, 1)
	}
	if a := in.call(t, "converse", declare("health", "hello")); a.Status != 403 {
		t.Errorf("declared health: %d %s", a.Status, a.Body)
	}
	if a := in.call(t, "converse", declare("online_identifier", "card "+someCard)); a.Status != 403 {
		t.Errorf("a card beside a mild declaration: %d %s", a.Status, a.Body)
	}
}

// TestAStallIsNotWaitedOutForEver: what might be the beginning of a number is
// let go when nothing follows, and the number is found when it does.
func TestAStallIsNotWaitedOutForEver(t *testing.T) {
	t.Parallel()
	delta := func(text string) []byte {
		return bedrock.AppendEvent(nil, "contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"text":"`+text+`"}}`))
	}
	seen := make(chan struct{})
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Limits = gateway.DefaultLimits
		c.Limits.HoldTime = 50 * time.Millisecond
		c.Upstream = answering(t, func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
			_, _ = w.Write(append(bedrock.AppendEvent(nil, "messageStart", []byte(`{"role":"assistant"}`)), delta("card 5105 10")...))
			_ = http.NewResponseController(w).Flush()
			<-seen // the client has it, or the test ends here
			_, _ = w.Write(delta("51 0510 5100 "))
		})
	})
	req, err := http.NewRequest(http.MethodPost, "http://"+in.addr+"/model/"+writtest.Escape(sonnet)+"/converse-stream", strings.NewReader(writtest.Say("hello")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+in.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	frames := bedrock.NewFrameReader(resp.Body)
	for range 2 {
		if _, err := frames.Next(); err != nil {
			t.Fatal(err)
		}
	}
	close(seen)
	if f, err := frames.Next(); err != nil || f.Message != "exception" || !strings.Contains(string(f.Payload), "payment_card") {
		t.Errorf("then came %s %s %v", f.Type, f.Payload, err)
	}
}

// TestS9_WhatIsHeldDoesNotGoOutAfterACut: the right ended while it waited.
func TestS9_WhatIsHeldDoesNotGoOutAfterACut(t *testing.T) {
	t.Parallel()
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Limits = gateway.DefaultLimits
		c.Limits.HoldTime = time.Hour
		c.Upstream = answering(t, func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
			_, _ = w.Write(bedrock.AppendEvent(nil, "messageStart", []byte(`{"role":"assistant"}`)))
			_, _ = w.Write(bedrock.AppendEvent(nil, "contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"text":"card 5105 10"}}`)))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(2 * time.Second) // longer than the cut takes; nothing is timed by it
		})
	})
	req, err := http.NewRequest(http.MethodPost, "http://"+in.addr+"/model/"+writtest.Escape(sonnet)+"/converse-stream", strings.NewReader(writtest.Say("hello")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+in.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	frames := bedrock.NewFrameReader(resp.Body)
	if f, err := frames.Next(); err != nil || f.Type != "messageStart" {
		t.Fatalf("%s %v", f.Type, err)
	}
	if n := in.Cut("a drill", func(*gateway.Call) bool { return true }); n != 1 {
		t.Fatalf("%d calls were cut", n)
	}
	if f, err := frames.Next(); err != nil || f.Message != "exception" {
		t.Errorf("then came %s %s %v", f.Type, f.Payload, err)
	}
}
