package fakebedrock

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzServe throws paths, Authorization headers and bodies at a whole stand-in:
// it must answer each with a status, JSON or intact frames, and no panic.
func FuzzServe(f *testing.F) {
	for model, body := range native {
		f.Add(modelPath(model, "invoke"), "", body)
		f.Add(modelPath(model, "invoke-with-response-stream"), "", body)
	}
	f.Add(modelPath(claude, "converse"), "Bearer open-sesame", hello)
	f.Add(modelPath(embed, "invoke"), "", `{"inputText":"x","dimensions":256}`)
	f.Add(modelPath(claude, "converse-stream"), "", strings.Replace(hello, "{", "{"+weather+"},", 1))
	f.Add(modelPath(claude, "count-tokens"), "", `{"input":{"converse":`+hello+`}}`)
	f.Add("/guardrail/g/version/1/apply", "", `{"source":"INPUT","content":[{"text":{"text":"BLOCKME"}}]}`)
	f.Add(chatPath, "", `{"model":"openai.gpt-oss-120b-1:0","stream":true,"messages":[{"role":"user","content":"x"}]}`)
	f.Add("/model/%2e%2e%00/converse?x=%zz", "AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", "{}")
	f.Fuzz(func(t *testing.T, path, authorization, body string) {
		s := New(Config{Anonymous: true, Credentials: []Credential{{AccessKeyID: "AKIA", SecretAccessKey: "S"}, {BearerToken: "open-sesame"}}})
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.RequestURI = path
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		answer := w.Result()
		raw := read(t, answer)
		if w.Code == http.StatusOK && answer.Header.Get("Content-Type") == "application/vnd.amazon.eventstream" {
			if len(frames(t, raw)) == 0 {
				t.Errorf("%s: an empty stream", path)
			}
		} else if w.Code == http.StatusOK && answer.Header.Get("Content-Type") == "text/event-stream" {
			if !strings.HasSuffix(string(raw), "data: [DONE]\n\n") {
				t.Errorf("%s: a stream of chat completions ends in %q", path, raw)
			}
		} else if !json.Valid(raw) {
			t.Errorf("%s: status %d, body %q", path, w.Code, raw)
		}
	})
}
