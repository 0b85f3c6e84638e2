package gateway_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/writtest"
)

// attached is a question with a file.
func attached(format string, file []byte) string {
	return `{"messages":[{"role":"user","content":[{"text":"what is in it?"},{"document":{"format":"` + format + `","name":"n","source":{"bytes":"` +
		base64.StdEncoding.EncodeToString(file) + `"}}}]}]}`
}

// bomb is a docx whose text is a thousand times its own size.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if _, err := w.Create("[Content_Types].xml"); err != nil {
		t.Fatal(err)
	}
	f, err := w.Create("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	blank := []byte("<w:document><w:body>" + strings.Repeat(" ", 1<<20))
	for range 64 {
		if _, err := f.Write(blank); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestWhatCannotBeReadIsNotCalledClean: it is refused unless the right is to
// send what was not read, and the caller learns why.
func TestWhatCannotBeReadIsNotCalledClean(t *testing.T) {
	t.Parallel()
	strict, lenient := supporting(t, rights.Data{}), supporting(t, rights.Data{Unscanned: true})
	for name, c := range map[string]struct{ body, reason string }{
		"a picture":       {`{"messages":[{"role":"user","content":[{"text":"hello"},{"image":{"format":"png","source":{"bytes":"` + picture + `"}}}]}]}`, "image"},
		"a bomb":          {attached("docx", bomb(t)), "too_large"},
		"half a document": {attached("docx", []byte(wordDocument(t, "hello there")[:300])), ""},
		"noise":           {attached("pdf", []byte("\x00\x01\x02\xff\xfe\x9c\x81\x90\x00\x13")), ""},
		"encrypted":       {attached("pdf", []byte(strings.Replace(pdfDocument("hello"), "/Root 1 0 R", "/Root 1 0 R /Encrypt 9 0 R", 1))), "encrypted"},
	} {
		a := strict.call(t, "converse", c.body)
		if a.Status != 403 || !strings.Contains(a.Body, "cannot be read ("+c.reason) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
		if a := lenient.call(t, "converse", c.body); a.Status != 200 {
			t.Errorf("%s, allowed: %d %s", name, a.Status, a.Body)
		}
	}
	if n := len(strict.seen.Requests()); n != 0 {
		t.Errorf("%d requests reached Bedrock", n)
	}
	all, _ := strict.records(t)
	for _, r := range all {
		if r.Data == nil || len(r.Data.Unscanned) == 0 || r.Data.Level == "public" {
			t.Errorf("the record says %+v", r.Data)
		}
	}
}

// A comment that tells gitleaks to look away is text like any other.
func TestAnAllowCommentDoesNotOpenTheGate(t *testing.T) {
	t.Parallel()
	in := supporting(t, rights.Data{})
	key := "AKIA" + "Q4JT7ZB2MNXP6RWC"
	for _, text := range []string{"aws_access_key_id = " + key, "aws_access_key_id = " + key + " # gitleaks:allow", "gitleaks:allow\naws_access_key_id = " + key} {
		if a := in.call(t, "converse", writtest.Say(strings.ReplaceAll(text, "\n", `\n`))); a.Status != 403 || !strings.Contains(a.Body, "credential") || strings.Contains(a.Body, key) {
			t.Errorf("%q: %d %s", text, a.Status, a.Body)
		}
	}
}

// What a session has sent before is not read twice; that it was found to hold
// something is not forgotten either.
func TestAPromptSentAgainIsRefusedAgain(t *testing.T) {
	t.Parallel()
	in := supporting(t, rights.Data{})
	history := `{"messages":[{"role":"user","content":[{"text":"My card is ` + someCard + `"}]},{"role":"assistant","content":[{"text":"Thanks"}]},{"role":"user","content":[{"text":"and now?"}]}]}`
	for i := range 3 {
		if a := in.call(t, "converse", history); a.Status != 403 || !strings.Contains(a.Body, "payment_card") {
			t.Errorf("call %d: %d %s", i, a.Status, a.Body)
		}
	}
}

// TestNoLogHoldsContent: litellm and others wrote prompts to their logs, most of
// them when something went wrong.
func TestNoLogHoldsContent(t *testing.T) {
	t.Parallel()
	var log written
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.State = reorganised(t, time.Hour, func(r *manifest.Resource) {
			if e, ok := r.Spec.(*rights.Entitlement); ok && r.Name == "support-conversations" {
				e.Conditions.Data = rights.Data{Redact: true}
				e.Conditions.Tools.Read = []string{"lookup"}
			}
		})
	})
	for _, body := range []string{
		writtest.Say("card " + someCard),
		writtest.Say("ssn? " + scripted(someSSN)),
		`{"messages":[` + toolUsed + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"json":{"card_number":5105105105105100,"card ` + someCard + `":1}}]}}]}]}`,
		attached("txt", []byte("card "+someCard)),
		`{"messages":[{"role":"user","content":[{"text":"card ` + someCard + `"}]}],"card ` + someCard + `":{}}`,
		`{"messages":[{"role":"card ` + someCard + `","content":[{"text":"x"}]}]}`,
		`{"messages":[{"role":"user","content":[{"text":"card ` + someCard + `"`,
	} {
		for _, operation := range []string{"converse", "converse-stream"} {
			in.call(t, operation, body)
		}
	}
	if text := log.String(); strings.Contains(text, "5105 1051") || strings.Contains(text, "5105105105") || strings.Contains(text, "536-22-81") {
		t.Errorf("the log holds it:\n%s", text)
	}
	_, text := in.records(t)
	for record := range strings.Lines(text) {
		for _, number := range []string{"5105 1051", "5105105105", "536-22-81"} {
			if before, after, ok := strings.Cut(record, number); ok {
				t.Errorf("a record holds it: %s%s%s", before[max(0, len(before)-200):], number, after[:min(len(after), 50)])
			}
		}
	}
}

// written is a log that may be written to by several.
type written struct {
	mu sync.Mutex
	b  strings.Builder
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}
