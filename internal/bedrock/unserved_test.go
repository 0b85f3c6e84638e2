package bedrock

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestUnservedOperationRefusedByName(t *testing.T) {
	for _, c := range []struct{ method, path, name string }{
		// bedrock-runtime
		{"POST", "/model/m/invoke-with-bidirectional-stream", "InvokeModelWithBidirectionalStream"},
		{"POST", "/guardrail-checks/invoke", "InvokeGuardrailChecks"},
		{"POST", "/openai/v1/responses", "OpenAI Responses"},
		{"GET", "/openai/v1/responses/resp_1", "GetInvoke (OpenAI Responses)"},
		{"DELETE", "/openai/v1/responses/resp_1", "DeleteInvoke (OpenAI Responses)"},
		{"POST", "/openai/v1/responses/resp_1/cancel", "CancelInvoke (OpenAI Responses)"},
		{"GET", "/openai/v1/responses/resp_1/input_items", "GetInvoke (OpenAI Responses)"},
		{"POST", "/openai/v1/responses/compact", "OpenAI Responses"},
		{"GET", "/openai/v1/models", "OpenAI Models"},
		{"POST", "/openai/v1/embeddings", "OpenAI Embeddings"},
		{"POST", "/openai/v1/files", "OpenAI API"},
		{"POST", "/openai/v1/completions", "OpenAI API"},
		// bedrock-mantle
		{"POST", "/v1/responses", "CreateInference (OpenAI Responses on bedrock-mantle)"},
		{"POST", "/v1/chat/completions", "CreateInference (OpenAI Chat Completions on bedrock-mantle)"},
		{"GET", "/v1/models/m", "ListModels (OpenAI Models on bedrock-mantle)"},
		{"POST", "/v1/messages", "CreateInference (Anthropic Messages on bedrock-mantle)"},
		{"POST", "/v1/messages/count_tokens", "CountTokens (Anthropic Messages on bedrock-mantle)"},
		{"POST", "/anthropic/v1/messages", "CreateInference (Anthropic Messages on bedrock-mantle)"},
		{"POST", "/anthropic/v1/messages/count_tokens", "CountTokens (Anthropic Messages on bedrock-mantle)"},
		{"POST", "/v1/fine_tuning/jobs", "OpenAI API on bedrock-mantle"},
		// bedrock
		{"GET", "/foundation-models", "ListFoundationModels"},
		{"GET", "/foundation-models/m", "GetFoundationModel"},
		{"PATCH", "/foundation-models/m", "of bedrock"},
		{"POST", "/model-invocation-job", "CreateModelInvocationJob"},
		{"POST", "/custom-models/create-custom-model", "CreateCustomModel"},
		{"PUT", "/logging/modelinvocations", "PutModelInvocationLoggingConfiguration"},
		{"POST", "/guardrails/g", "CreateGuardrailVersion"},
		{"POST", "/evaluation-jobs", "CreateEvaluationJob"},
		{"POST", "/model-customization-jobs", "CreateModelCustomizationJob"},
		// bedrock-agent, bedrock-agent-runtime
		{"PUT", "/agents/", "CreateAgent"},
		{"POST", "/agents/a/agentAliases/b/sessions/c/text", "InvokeAgent"},
		{"POST", "/agents/s", "InvokeInlineAgent"},
		{"POST", "/flows/f/aliases/a", "InvokeFlow"},
		{"POST", "/flows/f/aliases/a/executions", "StartFlowExecution"},
		{"POST", "/knowledgebases/k/retrieve", "Retrieve"},
		{"PUT", "/knowledgebases/k/datasources/d/ingestionjobs/", "StartIngestionJob"},
		{"POST", "/retrieveAndGenerate", "RetrieveAndGenerate"},
		{"POST", "/retrieveAndGenerateStream", "RetrieveAndGenerateStream"},
		{"POST", "/generateQuery", "GenerateQuery"},
		{"POST", "/optimize-prompt", "OptimizePrompt"},
		{"POST", "/rerank", "Rerank"},
		// bedrock-agentcore, bedrock-data-automation
		{"POST", "/runtimes/arn%3Aaws/invocations", "InvokeAgentRuntime"},
		{"POST", "/harnesses/invoke", "InvokeHarness"},
		{"POST", "/invokeBlueprintOptimizationAsync", "InvokeBlueprintOptimizationAsync"},
		// nobody's
		{"POST", "/model/m/conversed", ""},
		{"POST", "/model/m/Converse", ""},
		{"POST", "/model/m/conver%73e", ""},
		{"POST", "/models/m/converse", ""},
		{"POST", "/model", ""},
		{"GET", "/healthz", ""},
	} {
		_, err := ParseTarget(c.method, c.path)
		unknown, ok := errors.AsType[*UnknownOperationError](err)
		if !ok || unknown.Name != c.name || unknown.Hint == "" {
			t.Errorf("%s %s: got %v, want operation %q", c.method, c.path, err, c.name)
		}
	}
}

// TestEveryOtherServicesOperationIsRefused: nothing of another service's is a
// route of ours, and each is refused under its own name.
func TestEveryOtherServicesOperationIsRefused(t *testing.T) {
	ops := foreign()
	if len(ops) < 250 {
		t.Fatalf("the table holds %d operations", len(ops))
	}
	same := map[string]bool{} // paths that several services have
	for _, op := range ops {
		path := "/" + strings.ReplaceAll(strings.Join(op.segments, "/"), "*", "x")
		if same[op.method+path] {
			continue
		}
		same[op.method+path] = true
		_, err := ParseTarget(op.method, path)
		unknown, ok := errors.AsType[*UnknownOperationError](err)
		if !ok || unknown.Name != op.name || !strings.Contains(unknown.Hint, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME") {
			t.Errorf("%s %s of %s: got %v, want %s", op.method, path, op.service, err, op.name)
		}
	}
	for _, s := range services {
		if !slices.ContainsFunc(ops, func(op foreignOperation) bool { return op.service == s.name }) {
			t.Errorf("no operation of %s", s.name)
		}
	}
}

func TestUnservedRPC(t *testing.T) {
	for target, want := range map[string]string{
		"AmazonBedrockKeystoneRuntimeService.InvokeDataAutomationAsync": "InvokeDataAutomationAsync",
		"AmazonBedrockKeystoneRuntimeService.InvokeDataAutomation":      "InvokeDataAutomation",
		"AmazonBedrockKeystoneRuntimeService":                           "",
		"AmazonBedrockKeystoneRuntimeService.a b":                       "",
		"DynamoDB_20120810.GetItem":                                     "",
		"":                                                              "",
	} {
		if got := UnservedRPC(target); got.Name != want || got.Hint == "" {
			t.Errorf("%q: got %v, want %q", target, got, want)
		}
	}
}
