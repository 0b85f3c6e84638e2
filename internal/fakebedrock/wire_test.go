package fakebedrock

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"
)

const (
	claude = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	nova   = "amazon.nova-pro-v1:0"
	titan  = "amazon.titan-text-express-v1"
	embed  = "amazon.titan-embed-text-v2:0"
	llama  = "meta.llama3-1-70b-instruct-v1:0"
	large  = "mistral.mistral-large-2407-v1:0"
	hello  = `{"messages":[{"role":"user","content":[{"text":"Name three rivers."}]}]}`
)

// native holds a small InvokeModel body per model.
var native = map[string]string{
	claude: `{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[{"role":"user","content":"Name three rivers."}]}`,
	nova:   hello,
	titan:  `{"inputText":"Name three rivers.","textGenerationConfig":{"maxTokenCount":100}}`,
	llama:  `{"prompt":"Name three rivers.","max_gen_len":100}`,
	large:  `{"messages":[{"role":"user","content":"Name three rivers."}],"max_tokens":100}`,
}

// post plays a request against a fresh stand-in, without a network.
func post(t testing.TB, cfg Config, path, body string) *http.Response {
	t.Helper()
	cfg.Anonymous = true
	w := httptest.NewRecorder()
	New(cfg).ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return w.Result()
}

func modelPath(model, operation string) string {
	return "/model/" + strings.NewReplacer(":", "%3A", "/", "%2F").Replace(model) + "/" + operation
}

func read(t testing.TB, r *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// object reads a JSON answer that must be a success.
func readObject(t testing.TB, r *http.Response) object {
	t.Helper()
	body := read(t, r)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", r.StatusCode, body)
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		t.Fatalf("reading %q: %v", body, err)
	}
	return o
}

// frames decodes a whole stream.
func frames(t testing.TB, raw []byte) []eventstream.Message {
	t.Helper()
	var out []eventstream.Message
	for d, r := eventstream.NewDecoder(), bytes.NewReader(raw); ; {
		m, err := d.Decode(r, nil)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("decoding frame %d: %v", len(out), err)
		}
		out = append(out, m)
	}
}

// at follows a path of object keys and array indexes through decoded JSON.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, _ := v.(object)
			v = o[p]
		case int:
			a, _ := v.([]any)
			if p >= len(a) {
				return nil
			}
			v = a[p]
		}
	}
	return v
}

// The golden frames of botocore's own parser tests.
const (
	goldenDelta = "0000009400000057b4ab9aee0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070005" +
		"6576656e747b22636f6e74656e74426c6f636b496e646578223a302c2264656c7461223a7b2274657874223a224869227d7d1f944657"
	goldenThrottled = "00000090000000618e91a9b70f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009" +
		"657863657074696f6e7b226d657373616765223a22546f6f206d616e79207265717565737473227de67f8005"
)

func TestGoldenFrames(t *testing.T) {
	hi := Config{Unpadded: true, Answer: func(string, string) string { return "Hi" }}
	got := hex.EncodeToString(read(t, post(t, hi, modelPath(claude, "converse-stream"), hello)))
	if !strings.Contains(got, goldenDelta) {
		t.Errorf("the stream lacks the golden delta:\n%s", got)
	}
	throttled := Config{Fault: func(Request) Fault {
		return Fault{Kind: Exception, Type: "ThrottlingException", Message: "Too many requests"}
	}}
	got = hex.EncodeToString(read(t, post(t, throttled, modelPath(claude, "converse-stream"), hello)))
	if diff := cmp.Diff(goldenThrottled, got); diff != "" {
		t.Errorf("exception frame (-want +got):\n%s", diff)
	}
}

func TestStreamFrames(t *testing.T) {
	r := post(t, Config{}, modelPath(claude, "converse-stream"), hello)
	if got := r.Header.Get("Content-Type"); got != "application/vnd.amazon.eventstream" {
		t.Errorf("content type %q", got)
	}
	var names []string
	padding := map[int]bool{}
	for _, m := range frames(t, read(t, r)) {
		name := m.Headers.Get(":event-type").String()
		if n := len(names); n == 0 || names[n-1] != name {
			names = append(names, name)
		}
		var payload object
		if err := json.Unmarshal(m.Payload, &payload); err != nil {
			t.Fatal(err)
		}
		p, _ := payload["p"].(string)
		if !strings.HasPrefix(paddingAlphabet, p) || p == "" {
			t.Errorf("%s: padding %q", name, p)
		}
		padding[len(p)] = true
	}
	want := []string{"messageStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if len(padding) < 3 {
		t.Errorf("padding has only %d lengths, so it hides nothing", len(padding))
	}
}

// TestDeterministic plays everything twice, on fresh servers.
func TestDeterministic(t *testing.T) {
	paths := map[string]string{
		modelPath(claude, "converse"):        hello,
		modelPath(claude, "converse-stream"): hello,
		modelPath(embed, "invoke"):           `{"inputText":"rivers"}`,
	}
	for model, body := range native {
		paths[modelPath(model, "invoke")] = body
		paths[modelPath(model, "invoke-with-response-stream")] = body
	}
	for path, body := range paths {
		first, second := post(t, Config{}, path, body), post(t, Config{}, path, body)
		if first.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, first.StatusCode, read(t, first))
			continue
		}
		if diff := cmp.Diff(first.Header, second.Header); diff != "" {
			t.Errorf("%s: headers differ:\n%s", path, diff)
		}
		if !bytes.Equal(read(t, first), read(t, second)) {
			t.Errorf("%s: bodies differ", path)
		}
	}
}

func TestAnswerIgnoresHowJSONIsWritten(t *testing.T) {
	spaced := `{ "messages": [ {"content": [ {"text": "Name three rivers."} ], "role": "user"} ] }`
	a := read(t, post(t, Config{}, modelPath(claude, "converse"), hello))
	b := read(t, post(t, Config{}, modelPath(claude, "converse"), spaced))
	if !bytes.Equal(a, b) {
		t.Errorf("got %s\nand %s", a, b)
	}
	other := read(t, post(t, Config{}, modelPath(claude, "converse"), strings.Replace(hello, "three", "four", 1)))
	if bytes.Equal(a, other) {
		t.Errorf("another prompt got the same answer: %s", a)
	}
}

func TestStandInSaysSo(t *testing.T) {
	for path, body := range map[string]string{
		modelPath(claude, "converse"): hello,
		"/nowhere":                    "",
	} {
		r := post(t, Config{}, path, body)
		if r.Header.Get(StandInHeader) != "fakebedrock" || !strings.Contains(r.Header.Get("Server"), "stand-in") {
			t.Errorf("%s: headers %v do not name a stand-in", path, r.Header)
		}
		if id := r.Header.Get("X-Amzn-Requestid"); len(id) != 36 {
			t.Errorf("%s: request id %q", path, id)
		}
	}
	text := at(readObject(t, post(t, Config{}, modelPath(claude, "converse"), hello)), "output", "message", "content", 0, "text")
	if s, _ := text.(string); !strings.Contains(s, "stand-in") || !strings.Contains(s, "Name three rivers.") {
		t.Errorf("answer %q neither names a stand-in nor echoes the prompt", s)
	}
}

func TestModelNames(t *testing.T) {
	const pricing = "arn:aws:bedrock:us-east-1:111122223333:imported-model/pricing0001"
	cfg := Config{Models: map[string]string{pricing: "meta.llama3-1-8b-instruct-v1:0"}}
	const profile = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/" + claude
	for segment, want := range map[string]int{
		"anthropic.claude-haiku-4-5-20251001-v1:0":                   200,
		"anthropic.claude-haiku-4-5-20251001-v1%3A0":                 200,
		"anthropic.claude-haiku-4-5-20251001-v1%3a0":                 200,
		"%61nthropic.claude-3":                                       200,
		strings.ReplaceAll(profile, "/", "%2F"):                      200,
		strings.NewReplacer(":", "%3A", "/", "%2F").Replace(profile): 200,
		profile: 200,
		strings.NewReplacer(":", "%3A", "/", "%2F").Replace(pricing):    200,
		"arn:aws:bedrock:us-east-1::foundation-model%2F" + nova:         200,
		"arn:aws:bedrock:us-east-1:111122223333:imported-model%2Fother": 404,
		"global.anthropic.claude-opus-5":                                200,
		"qwen.qwen3-32b-v1:0":                                           200,
		"zz.anthropic.claude-opus-5":                                    404,
		"anthropic.nonesuch":                                            404,
		"anthropic.claude-haiku-4-5-20251001-v1%253A0":                  200, // a strange version of a known family
		"nobody.model-1":                                                404,
		"%2E%2E%2Fetc":                                                  404,
		"%zz":                                                           400,
		"":                                                              400,
	} {
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(hello))
		req.RequestURI = "/model/" + segment + "/converse"
		w := httptest.NewRecorder()
		cfg.Anonymous = true
		New(cfg).ServeHTTP(w, req)
		r := w.Result()
		if r.StatusCode != want {
			t.Errorf("%s: status %d, want %d: %s", segment, r.StatusCode, want, read(t, r))
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ path, body, want string }{
		{modelPath(claude, "converse"), `{"messages":`, "ValidationException"},
		{modelPath(claude, "converse"), `{}`, "ValidationException"},
		{modelPath(claude, "converse"), `{"messages":[{"role":"assistant","content":[{"text":"x"}]}]}`, "ValidationException"},
		{modelPath(claude, "converse"), `{"messages":[{"role":"user","content":[]}]}`, "ValidationException"},
		{modelPath(embed, "converse"), hello, "ValidationException"},
		{modelPath(embed, "invoke-with-response-stream"), `{"inputText":"x"}`, "ValidationException"},
		{modelPath(embed, "invoke"), `{"inputText":"x","dimensions":7}`, "ValidationException"},
		{modelPath("qwen.qwen3-32b-v1:0", "invoke"), `{}`, "ValidationException"},
		{modelPath(claude, "invoke"), `{"max_tokens":1,"messages":[{"role":"user","content":"x"}]}`, "ValidationException"},
		{modelPath(claude, "invoke"), `{"anthropic_version":"x","messages":[{"role":"user","content":"x"}]}`, "ValidationException"},
		{modelPath(claude, "invoke"), `{"anthropic_version":"x","max_tokens":1,"messages":[{"role":"user","content":7}]}`, "ValidationException"},
		{modelPath(titan, "invoke"), `{}`, "ValidationException"},
		{modelPath(llama, "invoke"), `[]`, "ValidationException"},
		{modelPath(large, "invoke"), `{}`, "ValidationException"},
		{modelPath(claude, "count-tokens"), `{}`, "ValidationException"},
		{"/guardrail/x/version/1/apply", `{}`, "ValidationException"},
		{"/guardrail/x/version/1", `{}`, "UnknownOperationException"},
		{"/model/converse", `{}`, "UnknownOperationException"},
		{modelPath("nobody.model", "converse"), hello, "ResourceNotFoundException"},
		{modelPath(claude, "converse"), strings.Repeat(" ", maxBody+1), "ValidationException"},
	} {
		r := post(t, Config{}, c.path, c.body)
		if got := r.Header.Get("X-Amzn-Errortype"); got != c.want || r.StatusCode/100 != 4 {
			t.Errorf("%s %.80s: got %d %s, want %s", c.path, c.body, r.StatusCode, got, c.want)
		}
		var o object
		if err := json.Unmarshal(read(t, r), &o); err != nil || o["message"] == nil {
			t.Errorf("%s %.80s: body %v, %v; want a message", c.path, c.body, o, err)
		}
	}
}

func TestGetIsNotServed(t *testing.T) {
	w := httptest.NewRecorder()
	New(Config{Anonymous: true}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, modelPath(claude, "converse"), nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
}
