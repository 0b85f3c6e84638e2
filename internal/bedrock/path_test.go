package bedrock

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const (
	wireModel = "us.anthropic.claude-wireModel-4-5-20250929-v1:0"
	wireARN   = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/" + wireModel
)

func TestParseTarget(t *testing.T) {
	escapedARN := strings.NewReplacer(":", "%3A", "/", "%2F").Replace(wireARN)
	for _, c := range []struct {
		name, path string
		op         Operation
		model      string
	}{
		{"SDKs escape the colon", "/model/us.anthropic.claude-wireModel-4-5-20250929-v1%3A0/converse", Converse, wireModel},
		{"the Anthropic SDK leaves it raw", "/model/" + wireModel + "/invoke", InvokeModel, wireModel},
		{"ARN", "/model/" + escapedARN + "/converse-stream", ConverseStream, wireARN},
		{"ARN with raw colons", "/model/" + strings.ReplaceAll(wireARN, "/", "%2f") + "/invoke-with-response-stream", InvokeModelWithResponseStream, wireARN},
		{"over-escaped", "/model/%61.b/converse", Converse, "a.b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseTarget(http.MethodPost, c.path)
			if want := (Target{Operation: c.op, ModelID: c.model, Path: c.path}); err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
		})
	}
}

// People type an ARN as it stands; it leaves in the form that AWS routes.
func TestAnARNsBareSlashIsEscaped(t *testing.T) {
	got, err := ParseTarget(http.MethodPost, "/model/"+wireARN+"/converse")
	want := Target{Operation: Converse, ModelID: wireARN, Path: "/model/" + strings.Replace(wireARN, "/", "%2F", 1) + "/converse"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestS1_AmbiguousPathRefused(t *testing.T) {
	for _, path := range []string{
		"", "model/m/converse", "/", "//", "/model/", "//model/m/converse", "/model//converse",
		"/model/m/converse/", "/model/m//converse", "/model/./converse", "/model/../model/m/converse",
		"/model/%2e%2e/converse", "/model/%2E/converse", "/model/a%2F..%2Fb/converse", "/model/a%2F%2Fb/converse",
		"/model/a%2F/converse", "/model/%2Fa/converse", "/model/m%00/converse", "/model/m%0d%0aX:y/converse",
		"/foundation-models/..", "/async-invoke/%2e%2e/model", "/model/m%252e/converse", "/model/m%25/converse", "/model/m%zz/converse", "/model/m%/converse", "/model/m%2/converse",
		"/model/m%3F/converse", "/model/m%23/converse", "/model/m%20/converse", "/model/m%5C/converse", "/model/m%C3%A9/converse",
		"/model/m/converse?x=1", "/model/m/converse?", "/model/m/converse#f", "/model/m n/converse", "/model/m\r\n/converse",
		"/model/m\x00/converse", "/model/é/converse", `/model/a\b/converse`, "/model/m;v=1/converse",
		"/model/m/converse?X-Amz-Signature=0", "http://elsewhere/model/m/converse",
		"/model/a/b/converse", "/model/" + wireARN + "/x/converse", "/model/" + wireARN + "/../converse", "/model/" + wireARN + "%2Fx%2F/converse",
		"/model/" + strings.ReplaceAll(wireARN, ":", "%3A") + "/converse", "/model/" + wireModel + "/" + wireARN + "/converse",
		"/model/" + strings.Repeat("a", maxModelID+1) + "/converse",
		"/model/" + strings.Repeat("%61", maxModelID+100) + "/converse",
	} {
		got, err := ParseTarget(http.MethodPost, path)
		if _, ok := errors.AsType[*PathError](err); !ok {
			t.Errorf("%q: got %+v, %v; want a PathError", path, got, err)
		}
	}
}

func TestMethodRefused(t *testing.T) {
	for _, method := range []string{"GET", "PUT", "post", ""} {
		_, err := ParseTarget(method, "/model/m/converse")
		if _, ok := errors.AsType[*PathError](err); !ok {
			t.Errorf("%s: got %v, want a PathError", method, err)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, p := range []string{"/model/m/converse", "/model/a%3A0/invoke", "/model/%2e%2e/invoke", "/async-invoke", "/model/a%2Fb/converse-stream", "//", "/model/m/converse?a", "/guardrail/g/version/1/apply", "/guardrail/arn:aws:bedrock:us-east-1:111122223333:guardrail/g/version/1/apply", "/openai/v1/chat/completions", "/agents/"} {
		f.Add("POST", p)
	}
	f.Add("GET", "/async-invoke/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Aasync-invoke%2Fabcdefghijkl")
	f.Fuzz(func(t *testing.T, method, path string) {
		got, err := ParseTarget(method, path)
		if err != nil {
			return
		}
		if got.Path != path && strings.Replace(got.Path, "%2F", "/", 1) != path || len(got.ModelID) > maxModelID || strings.ContainsAny(got.ModelID, "%?#\\\r\n\x00") {
			t.Fatalf("accepted %q as %+v", path, got)
		}
		if strings.ContainsAny(got.GuardrailID+got.GuardrailVersion+got.Invocation, "%?#\\\r\n\x00") || !got.Operation.Known() {
			t.Fatalf("accepted %q as %+v", path, got)
		}
		if got.ModelID == "" {
			return
		}
		last := path[strings.LastIndexByte(path, '/'):]
		again, err := ParseTarget(method, "/model/"+url.PathEscape(got.ModelID)+last)
		if err != nil || again.ModelID != got.ModelID || again.Operation != got.Operation {
			t.Fatalf("%q: re-escaped: got %+v, %v; want %+v", path, again, err, got)
		}
	})
}
