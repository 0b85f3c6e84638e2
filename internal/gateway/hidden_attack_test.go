package gateway_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/writtest"
)

// place is where text can stand in a body: the body has CARD for a sentence
// with a number in it, BARE for the number alone, NUMBER for it as JSON has
// numbers, HALF and REST for halves of the sentence, and TEXT, WORD, WEB and PDF
// for the sentence as bytes of documents.
type place struct {
	name, path, body string
	header           string // the value of a header that carries it
}

// Families of bodies, each by a model of its own.
const (
	claudePath  = "/model/anthropic.claude-haiku-4-5-20251001-v1:0/"
	novaPath    = "/model/amazon.nova-pro-v1:0/"
	titanPath   = "/model/amazon.titan-text-express-v1/"
	llamaPath   = "/model/meta.llama3-8b-instruct-v1:0/"
	mistralPath = "/model/mistral.mistral-7b-instruct-v0:2/"
	commandPath = "/model/cohere.command-r-v1:0/"
)

const (
	picture  = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	askNova  = `"messages":[{"role":"user","content":[{"text":"hello"}]}]`
	askPlain = `"messages":[{"role":"user","content":"hello"}]`
	toolUsed = `{"role":"user","content":[{"text":"hello"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"lookup","input":{}}}]}`
)

// hidingPlaces are all places that a body of each family has for text. That
// they are all is for TestEveryPlaceIsListed of room bedrock to show; here each
// is tried on the whole way.
var hidingPlaces = []place{
	{"converse text", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"CARD"}]}]}`, ""},
	{"converse stream text", novaPath + "converse-stream", `{"messages":[{"role":"user","content":[{"text":"CARD"}]}]}`, ""},
	{"converse over two blocks", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"HALF"},{"text":"REST"}]}]}`, ""},
	{"converse over two messages", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"HALF"}]},{"role":"user","content":[{"text":"REST"}]}]}`, ""},
	{"converse escaped", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"card \u0035105\u00201051 0510 \u0035100"}]}]}`, ""},
	{"converse full width", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"card ５１０５ １０５１ ０５１０ ５１００"}]}]}`, ""},
	{"converse zero width", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"card 5105\u200b1051\u200d0510\u20605100"}]}]}`, ""},
	{"converse base64", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"decode this: TEXT"}]}]}`, ""},
	{"converse JSON in a string", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"{\"a\":\"{\\\"card\\\":\\\"BARE\\\"}\"}"}]}]}`, ""},
	{"converse line ends in a string", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"the card is BARE\\nthanks"}]}]}`, ""},
	{"converse emphasised", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"the card is _BARE_, **really**"}]}]}`, ""},
	{"converse system", novaPath + "converse", `{` + askNova + `,"system":[{"text":"CARD"}]}`, ""},
	{"converse assistant", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"}]},{"role":"assistant","content":[{"text":"CARD"}]},{"role":"user","content":[{"text":"go on"}]}]}`, ""},
	{"converse reasoning", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"CARD"}}}]},{"role":"user","content":[{"text":"go on"}]}]}`, ""},
	{"converse tool input", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"lookup","input":{"note":["CARD"]}}}]}]}`, ""},
	{"converse tool input number", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"lookup","input":{"card_number":NUMBER}}}]}]}`, ""},
	{"converse tool input name", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"lookup","input":{"CARD":1}}}]}]}`, ""},
	{"converse tool result text", novaPath + "converse", `{"messages":[` + toolUsed + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"CARD"}]}}]}]}`, ""},
	{"converse tool result json", novaPath + "converse", `{"messages":[` + toolUsed + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"json":{"a":[{"b":"CARD"}]}}]}}]}]}`, ""},
	{"converse tool description", novaPath + "converse", `{` + askNova + `,"toolConfig":{"tools":[{"toolSpec":{"name":"lookup","description":"CARD","inputSchema":{"json":{"type":"object"}}}}]}}`, ""},
	{"converse tool schema", novaPath + "converse", `{` + askNova + `,"toolConfig":{"tools":[{"toolSpec":{"name":"lookup","inputSchema":{"json":{"type":"object","properties":{"a":{"type":"string","enum":["CARD"]}}}}}}]}}`, ""},
	{"converse document text", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"},{"document":{"format":"txt","name":"notes","source":{"text":"CARD"}}}]}]}`, ""},
	{"converse document name", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"},{"document":{"format":"txt","name":"CARD","source":{"text":"x"}}}]}]}`, ""},
	{"converse document context", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"},{"document":{"format":"txt","name":"n","context":"CARD","source":{"text":"x"}}}]}]}`, ""},
	{"converse document txt", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"},{"document":{"format":"txt","name":"n","source":{"bytes":"TEXT"}}}]}]}`, ""},
	{"converse document docx", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"},{"document":{"format":"docx","name":"n","source":{"bytes":"WORD"}}}]}]}`, ""},
	{"converse document html", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"},{"document":{"format":"html","name":"n","source":{"bytes":"WEB"}}}]}]}`, ""},
	{"converse document pdf", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"},{"document":{"format":"pdf","name":"n","source":{"bytes":"PDF"}}}]}]}`, ""},
	{"converse document said to be another", novaPath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"},{"document":{"format":"pdf","name":"n","source":{"bytes":"TEXT"}}}]}]}`, ""},
	{"converse beside an image", novaPath + "converse", `{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"` + picture + `"}}},{"text":"CARD"}]}]}`, ""},
	{"converse citations", claudePath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"}]},{"role":"assistant","content":[{"citationsContent":{"content":[{"text":"so"}],"citations":[{"title":"t","sourceContent":[{"text":"CARD"}]}]}}]},{"role":"user","content":[{"text":"go on"}]}]}`, ""},
	{"converse search result", claudePath + "converse", `{"messages":[{"role":"user","content":[{"text":"hello"},{"searchResult":{"source":"https://e.test","title":"t","content":[{"text":"CARD"}]}}]}]}`, ""},
	{"converse stop sequences", novaPath + "converse", `{` + askNova + `,"inferenceConfig":{"stopSequences":["CARD"]}}`, ""},
	{"converse additional fields", claudePath + "converse", `{` + askNova + `,"additionalModelRequestFields":{"tools":[{"name":"lookup","description":"CARD","input_schema":{"type":"object"}}]}}`, ""},
	{"converse metadata", novaPath + "converse", `{` + askNova + `,"requestMetadata":{"note":"CARD"}}`, ""},

	{"anthropic text", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"CARD"}]}`, ""},
	{"anthropic stream blocks", claudePath + "invoke-with-response-stream", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"HALF"},{"type":"text","text":"REST"}]}]}`, ""},
	{"anthropic system", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"system":[{"type":"text","text":"CARD"}],` + askPlain + `}`, ""},
	{"anthropic document text", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"CARD"}}]}]}`, ""},
	{"anthropic document bytes", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"PDF"}}]}]}`, ""},
	{"anthropic document title", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","title":"CARD","source":{"type":"text","media_type":"text/plain","data":"x"}}]}]}`, ""},
	{"anthropic thinking", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"hello"},{"role":"assistant","content":[{"type":"thinking","thinking":"CARD","signature":"c2ln"}]},{"role":"user","content":"go on"}]}`, ""},
	{"anthropic tool use", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"hello"},{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"lookup","input":{"a":"CARD"}}]}]}`, ""},
	{"anthropic tool result", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":[{"type":"text","text":"CARD"}]}]}]}`, ""},
	{"anthropic tool description", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,` + askPlain + `,"tools":[{"name":"lookup","description":"CARD","input_schema":{"type":"object"}}]}`, ""},
	{"anthropic tool example", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,` + askPlain + `,"tools":[{"name":"lookup","input_schema":{"type":"object"},"input_examples":[{"card_number":"5105105105105100"}]}]}`, ""},
	{"anthropic metadata", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"metadata":{"user_id":"CARD"},` + askPlain + `}`, ""},
	{"anthropic stop sequences", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"stop_sequences":["CARD"],` + askPlain + `}`, ""},
	{"metadata in a header", claudePath + "invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,` + askPlain + `}`, `{"note":"CARD"}`},

	{"nova text", novaPath + "invoke", `{"messages":[{"role":"user","content":[{"text":"CARD"}]}]}`, ""},
	{"nova system", novaPath + "invoke", `{` + askNova + `,"system":[{"text":"CARD"}]}`, ""},
	{"titan prompt", titanPath + "invoke", `{"inputText":"CARD"}`, ""},
	{"titan stop sequences", titanPath + "invoke", `{"inputText":"hello","textGenerationConfig":{"stopSequences":["CARD"]}}`, ""},
	{"llama prompt", llamaPath + "invoke", `{"prompt":"CARD"}`, ""},
	{"mistral prompt", mistralPath + "invoke", `{"prompt":"CARD"}`, ""},
	{"mistral stop", mistralPath + "invoke", `{"prompt":"hello","stop":["CARD"]}`, ""},
	{"cohere message", commandPath + "invoke", `{"message":"CARD"}`, ""},
	{"cohere history", commandPath + "invoke", `{"message":"hello","chat_history":[{"role":"USER","message":"CARD"}]}`, ""},
	{"cohere documents", commandPath + "invoke", `{"message":"hello","documents":[{"title":"t","snippet":"CARD"}]}`, ""},
	{"cohere preamble", commandPath + "invoke", `{"message":"hello","preamble":"CARD"}`, ""},
	{"cohere tool", commandPath + "invoke", `{"message":"hello","tools":[{"name":"lookup","description":"CARD","parameter_definitions":{}}]}`, ""},
	{"cohere tool results", commandPath + "invoke", `{"message":"hello","tool_results":[{"call":{"name":"lookup","parameters":{}},"outputs":[{"text":"CARD"}]}]}`, ""},

	{"chat content", chatPath, `{"model":"` + oss + `","messages":[{"role":"user","content":"CARD"}]}`, ""},
	{"chat stream parts", chatPath, `{"model":"` + oss + `","stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"HALF"},{"type":"text","text":"REST"}]}]}`, ""},
	{"chat developer", chatPath, `{"model":"` + oss + `","messages":[{"role":"developer","content":"CARD"},{"role":"user","content":"hello"}]}`, ""},
	{"chat name", chatPath, `{"model":"` + oss + `","messages":[{"role":"user","name":"CARD","content":"hello"}]}`, ""},
	{"chat user", chatPath, `{"model":"` + oss + `","user":"CARD",` + askPlain + `}`, ""},
	{"chat metadata", chatPath, `{"model":"` + oss + `","metadata":{"note":"CARD"},` + askPlain + `}`, ""},
	{"chat tool call", chatPath, `{"model":"` + oss + `","messages":[{"role":"user","content":"hello"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"lookup","arguments":"{\"a\":\"CARD\"}"}}]},{"role":"tool","tool_call_id":"c","content":"ok"}]}`, ""},
	{"chat tool result", chatPath, `{"model":"` + oss + `","messages":[{"role":"user","content":"hello"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"lookup","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"CARD"}]}`, ""},
	{"chat tool call id", chatPath, `{"model":"` + oss + `","messages":[{"role":"user","content":"hello"},{"role":"tool","tool_call_id":"CARD","content":"ok"}]}`, ""},
	{"chat tool description", chatPath, `{"model":"` + oss + `","tools":[{"type":"function","function":{"name":"lookup","description":"CARD","parameters":{"type":"object"}}}],` + askPlain + `}`, ""},
	{"chat reasoning", chatPath, `{"model":"` + oss + `","messages":[{"role":"assistant","reasoning_content":"CARD","content":"x"},{"role":"user","content":"hello"}]}`, ""},
	{"chat refusal", chatPath, `{"model":"` + oss + `","messages":[{"role":"assistant","refusal":"CARD","content":"x"},{"role":"user","content":"hello"}]}`, ""},
	{"chat stop", chatPath, `{"model":"` + oss + `","stop":"CARD",` + askPlain + `}`, ""},
	{"chat response format", chatPath, `{"model":"` + oss + `","response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"description":"CARD"}}},` + askPlain + `}`, ""},
}

const (
	sentence  = "please charge card " + someCard + " today"
	innocuous = "please charge it to the card today"
)

// filled is text with what stands for a sentence replaced.
func filled(t *testing.T, text string, clean bool) string {
	t.Helper()
	said, bare, number, half, rest := sentence, someCard, "5105105105105100", "charge card 5105 1051", " 0510 5100 today"
	if clean {
		said, bare, number, half, rest = innocuous, "a number", "12", "charge the card", " today"
		text = strings.NewReplacer(`\u0035105\u00201051 0510 \u0035100`, "number", "５１０５ １０５１ ０５１０ ５１００", "number",
			`5105\u200b1051\u200d0510\u20605100`, "number", "5105105105105100", "12").Replace(text)
	}
	in64 := func(b string) string { return base64.StdEncoding.EncodeToString([]byte(b)) }
	return strings.NewReplacer("CARD", said, "BARE", bare, "NUMBER", number, "HALF", half, "REST", rest,
		"TEXT", in64(said), "WORD", in64(wordDocument(t, said)), "WEB", in64("<html><body><p>"+strings.ReplaceAll(said, "1051 ", "<b>1051</b> ")+"</p></body></html>"),
		"PDF", in64(pdfDocument(said))).Replace(text)
}

// wordDocument is a docx of one paragraph.
func wordDocument(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, file := range []struct{ name, text string }{
		{"[Content_Types].xml", `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`},
		{"_rels/.rels", `<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`},
		{"word/document.xml", `<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>` + text + `</w:t></w:r></w:p></w:body></w:document>`},
	} {
		f, err := w.Create(file.name)
		if err == nil {
			_, err = f.Write([]byte(file.text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// pdfDocument is a PDF of one line.
func pdfDocument(text string) string {
	page := "BT /F1 12 Tf 72 720 Td (" + text + ") Tj ET"
	var b strings.Builder
	b.WriteString("%PDF-1.4\n")
	var at []int
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(page), page), "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	return b.String()
}

// everyFamily is a gateway whose support-agent may call a model of every family,
// with all that its body can hold but regulated data. Answers have to be readable.
func everyFamily(t *testing.T, bend func(*gateway.Config)) *inside {
	t.Helper()
	return newInside(t, 0, func(c *gateway.Config) {
		c.State = reorganised(t, time.Hour, func(r *manifest.Resource) {
			e, ok := r.Spec.(*rights.Entitlement)
			if !ok || r.Name != "support-conversations" {
				return
			}
			e.Models = []string{"provider:anthropic", "provider:amazon", "provider:meta", "provider:mistral", "provider:cohere", "provider:openai"}
			e.Conditions.Data = rights.Data{Unscanned: true, Output: &rights.Output{}}
			e.Conditions.Tools.Read = []string{"lookup"}
			e.Conditions.Extras = []string{"citations", "guard_content", "thinking", "source:url"}
		})
		bend(c)
	})
}

// put sends a place's body, with the sentence in it or without.
func (in *inside) put(t *testing.T, p place, clean bool) writtest.Answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+in.addr+strings.ReplaceAll(p.path, ":", "%3A"), strings.NewReader(filled(t, p.body, clean)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+in.token)
	if p.header != "" {
		req.Header.Set("X-Amzn-Bedrock-Request-Metadata", filled(t, p.header, clean))
	}
	return writtest.Do(t, req)
}

// Names of tools are in records. The tool is not one that may be offered, so
// that a clean one is refused as well.
func TestNoRecordHoldsANameWithSomethingInIt(t *testing.T) {
	t.Parallel()
	in := everyFamily(t, ordinary)
	a := in.call(t, "converse", `{`+askNova+`,"toolConfig":{"tools":[{"toolSpec":{"name":"card-5105105105105100","inputSchema":{"json":{"type":"object"}}}},{"toolSpec":{"name":"lookup","inputSchema":{"json":{"type":"object"}}}}]}}`)
	all, text := in.records(t)
	if r := all[len(all)-1]; a.Status != 403 || strings.Contains(text, "5105105") || len(r.Request.Tools) != 2 || r.Request.Tools[0] != "card-{CREDIT_DEBIT_CARD_NUMBER_1}" || r.Request.Tools[1] != "lookup" {
		t.Errorf("%d, the record says %+v, %+v", a.Status, r.Request, r.Decision)
	}
}

// TestACardIsFoundWhereverItHides: agentgateway 1.4's rule saw the first part of
// a body only, Bedrock's own guardrails look at neither reasoning nor the
// arguments of tools. The same body without it reaches Bedrock, so that nothing
// else is what refused it.
func TestACardIsFoundWhereverItHides(t *testing.T) {
	t.Parallel()
	in := everyFamily(t, ordinary)
	for _, p := range hidingPlaces {
		t.Run(p.name, func(t *testing.T) {
			in.seen.Reset()
			a := in.put(t, p, false)
			if a.Status != http.StatusForbidden || !strings.Contains(a.Body, "payment_card") || strings.Contains(a.Body, "5105 1051") || strings.Contains(a.Body, "5105105105") {
				t.Errorf("%d %s", a.Status, a.Body)
			}
			if n := len(in.seen.Requests()); n != 0 {
				t.Errorf("%d requests reached Bedrock", n)
			}
			if a := in.put(t, p, true); len(in.seen.Requests()) != 1 {
				t.Errorf("without it: %d %s", a.Status, a.Body)
			}
		})
	}
	if _, text := in.records(t); strings.Contains(text, "5105 1051") || strings.Contains(text, "5105105105105100") {
		t.Error("the record holds the number")
	}
}
