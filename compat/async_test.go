package compat

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"github.com/writ-project/writ/internal/writtest"
)

// asynchronous starts an invocation, asks for it and lists it; then it starts one
// whose answer would go where there is no right to send it.
func asynchronous(t *testing.T, c client, to Target) {
	env := append(to.plain(to.Video), "COMPAT_OUTPUT="+to.Output, "COMPAT_ELSEWHERE=s3://elsewhere/videos")
	got := c.run(t, "async", env, nil)
	if len(got) != 4 || got[0].ARN == "" || got[1].StopReason == "" {
		t.Fatalf("got %+v, want an invocation and its status", got)
	}
	for _, s := range got[:3] {
		if s.ARN != got[0].ARN || s.Message != "" {
			t.Errorf("%s: got %+v, want %s", s.Step, s, got[0].ARN)
		}
	}
	c.checkRefused(t, got[3])
}

const videoInput = `{"taskType":"TEXT_VIDEO","textToVideoParams":{"text":"` + question + `"}}`

// invocation is what the asynchronous operations answer with.
type invocation struct {
	ARN       string       `json:"invocationArn"`
	Status    string       `json:"status"`
	Summaries []invocation `json:"asyncInvokeSummaries"`
}

// fill takes over what is said of an invocation, or of the one among many that
// is asked for.
func (a invocation) fill(s *step, arn string) {
	s.ARN, s.StopReason = a.ARN, a.Status
	for _, one := range a.Summaries {
		if one.ARN == arn {
			s.ARN = arn
		}
	}
}

func outputConfig(place string) string {
	return fmt.Sprintf(`{"s3OutputDataConfig":{"s3Uri":%q}}`, place)
}

func (x tool) cliAsync() []step {
	call := func(name, arn string, args ...string) step {
		var out invocation
		s := x.aws(name, &out, append([]string{"bedrock-runtime"}, args...)...)
		out.fill(&s, arn)
		return s
	}
	start := func(place string) step {
		return call("StartAsyncInvoke", "", "start-async-invoke", "--model-id", x.models()[0], "--model-input", videoInput, "--output-data-config", outputConfig(place))
	}
	first := start(x.get("COMPAT_OUTPUT"))
	return []step{
		first,
		call("GetAsyncInvoke", "", "get-async-invoke", "--invocation-arn", first.ARN),
		call("ListAsyncInvokes", first.ARN, "list-async-invokes", "--max-results", "100"),
		start(x.get("COMPAT_ELSEWHERE")),
	}
}

func (x tool) curlAsync(t *testing.T) []step {
	t.Helper()
	call := func(name, arn, path, body string) step {
		s := step{Step: name}
		x.call(t, &s, path, body, func(r io.Reader) error {
			var out invocation
			err := json.NewDecoder(r).Decode(&out)
			out.fill(&s, arn)
			return err
		})
		return s
	}
	start := func(place string) step {
		return call("StartAsyncInvoke", "", "/async-invoke", fmt.Sprintf(`{"modelId":%q,"modelInput":%s,"outputDataConfig":%s}`, x.models()[0], videoInput, outputConfig(place)))
	}
	first := start(x.get("COMPAT_OUTPUT"))
	return []step{
		first,
		call("GetAsyncInvoke", "", "/async-invoke/"+writtest.Escape(first.ARN), ""),
		call("ListAsyncInvokes", first.ARN, "/async-invoke?maxResults=100", ""),
		start(x.get("COMPAT_ELSEWHERE")),
	}
}
