package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/writtest"
)

// What AWS has and Writ does not is refused under AWS's name, before anything
// is proved or read, and in the shape that its own SDK expects.
func TestWhatIsNotServedIsRefusedByName(t *testing.T) {
	t.Parallel()
	s := shared()
	for _, c := range []struct{ method, path, target, name string }{
		{"POST", "/model/" + haiku + "/invoke-with-bidirectional-stream", "", "InvokeModelWithBidirectionalStream"},
		{"POST", "/guardrail-checks/invoke", "", "InvokeGuardrailChecks"},
		{"GET", "/foundation-models", "", "ListFoundationModels"},
		{"PUT", "/agents/", "", "CreateAgent"},
		{"POST", "/rerank", "", "Rerank"},
		{"POST", "/openai/v1/responses", "", "OpenAI Responses"},
		{"DELETE", "/openai/v1/responses/r", "", "DeleteInvoke"},
		{"GET", "/openai/v1/models", "", "OpenAI Models"},
		{"POST", "/anthropic/v1/messages", "", "Anthropic Messages"},
		{"POST", "/", "AmazonBedrockKeystoneRuntimeService.InvokeDataAutomationAsync", "InvokeDataAutomationAsync"},
	} {
		before := len(s.seen.Requests())
		req, err := http.NewRequest(c.method, s.Gateway+c.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if c.target != "" {
			req.Header.Set("X-Amz-Target", c.target)
		}
		a := writtest.Do(t, req)
		if a.Status != http.StatusNotFound || a.ErrorType() != "UnknownOperationException" || !strings.Contains(a.Body, c.name) {
			t.Errorf("%s %s: answered %d %s", c.method, c.path, a.Status, a.Body)
		}
		openAI := strings.HasPrefix(c.path, "/openai/")
		if strings.HasPrefix(a.Body, `{"error":{`) != openAI || strings.HasPrefix(a.Body, `{"message":`) == openAI {
			t.Errorf("%s %s: answered %s", c.method, c.path, a.Body)
		}
		for _, r := range s.seen.Requests()[before:] { // others' tests run beside this one
			if strings.HasPrefix(r.Path, c.path) && c.path != "/" {
				t.Errorf("%s %s reached Bedrock", c.method, c.path)
			}
		}
	}
}
