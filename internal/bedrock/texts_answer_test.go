package bedrock

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryTextOfAnAnswerIsListed: a table of the shapes that answers have.
func TestEveryTextOfAnAnswerIsListed(t *testing.T) {
	for name, c := range answerTexts {
		t.Run(name, func(t *testing.T) {
			texts, err := ReadAnswerTexts(c.op, []byte(strings.ReplaceAll(c.body, "PICTURE", picture)))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.TrimLeft(c.want, "\n"), listed(texts)); d != "" {
				t.Error(d)
			}
		})
	}
}

var answerTexts = map[string]struct {
	op   Operation
	body string
	want string
}{
	"converse": {Converse, `{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}},{"text":"the SSN is"},
		{"toolUse":{"toolUseId":"t","name":"pay","input":{"to":"Ann","card":4111111111111111}}}]}},"stopReason":"tool_use","usage":{"inputTokens":1000000},
		"metrics":{"latencyMs":12345678},"additionalModelResponseFields":{"stop_sequence":"END"}}`, `
prose output.message.content[0].reasoningContent.reasoningText.text = hm
opaque output.message.content[0].reasoningContent.reasoningText.signature = c2ln
prose output.message.content[1].text = the SSN is <- output.message.content[0].reasoningContent.reasoningText.text
prose output.message.content[2].toolUse.name = pay
name output.message.content[2].toolUse.input.to = to
data output.message.content[2].toolUse.input.to = Ann
name output.message.content[2].toolUse.input.card = card
number output.message.content[2].toolUse.input.card = 4111111111111111
prose additionalModelResponseFields.stop_sequence = END
`},
	"anthropic": {InvokeModel, `{"id":"msg_bdrk_a","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"hi"},{"type":"tool_use","id":"t","name":"f","input":{"text":"x"}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":1}}`, `
prose content[0].text = hi
prose content[1].name = f
data content[1].input.text = x
`},
	"openai": {ChatCompletions, `{"id":"c","object":"chat.completion","created":1790000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi","refusal":null,
		"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls","logprobs":{"content":[{"token":"07","logprob":-1,"bytes":[48,55],"top_logprobs":[{"token":"07"},{"token":"no"}]},{"token":"8-05"}]}}]}`, `
prose choices[0].message.content = hi
prose choices[0].message.tool_calls[0].function.name = f
data choices[0].message.tool_calls[0].function.arguments = {}
prose choices[0].logprobs.content[0].token = 07
prose choices[0].logprobs.content[0].top_logprobs[0].token = 07
prose choices[0].logprobs.content[0].top_logprobs[1].token = no
prose choices[0].logprobs.content[1].token = 8-05 <- choices[0].logprobs.content[0].token
`},
	"titan":      {InvokeModel, `{"inputTextTokenCount":3,"results":[{"tokenCount":2,"outputText":"hi","completionReason":"FINISH"}]}`, "prose results[0].outputText = hi\n"},
	"llama":      {InvokeModel, `{"generation":"hi","prompt_token_count":1,"generation_token_count":2,"stop_reason":"stop"}`, "prose generation = hi\n"},
	"mistral":    {InvokeModel, `{"outputs":[{"text":"hi","stop_reason":"stop"}]}`, "prose outputs[0].text = hi\n"},
	"cohere":     {InvokeModel, `{"response_id":"r","text":"hi","generation_id":"g","chat_history":[{"role":"CHATBOT","message":"hi"}],"finish_reason":"COMPLETE","tool_calls":[{"name":"f","parameters":{"a":"b"}}]}`, "prose response_id = r\nprose text = hi\nname generation_id = generation_id\nprose generation_id = g\nprose chat_history[0].message = hi <- text\nprose tool_calls[0].name = f\nname tool_calls[0].parameters.a = a\ndata tool_calls[0].parameters.a = b\n"},
	"embedding":  {InvokeModel, `{"embedding":[0.123456789,-1.5],"inputTextTokenCount":3}`, ""},
	"embeddings": {InvokeModel, `{"id":"x","texts":["hi"],"embeddings":{"float":[[0.123456789]]},"response_type":"embeddings_by_type"}`, "prose texts[0] = hi\nname embeddings.float = float\nname response_type = response_type\nprose response_type = embeddings_by_type\n"},
	"image":      {InvokeModel, `{"images":["PICTURE"],"error":null}`, "bytes images[0] = PICTURE\n"},
	"stability":  {InvokeModel, `{"result":"success","artifacts":[{"seed":1,"base64":"PICTURE","finishReason":"SUCCESS"}]}`, "name result = result\nprose result = success\nbytes artifacts[0].base64 = PICTURE\n"},
	"guardrail":  {ApplyGuardrail, `{"action":"GUARDRAIL_INTERVENED","outputs":[{"text":"{NAME}"}],"assessments":[{"sensitiveInformationPolicy":{"piiEntities":[{"type":"NAME","match":"Ann Lee"}]}}]}`, "prose outputs[0].text = {NAME}\nname assessments[0].sensitiveInformationPolicy = sensitiveInformationPolicy\nname assessments[0].sensitiveInformationPolicy.piiEntities = piiEntities\nname assessments[0].sensitiveInformationPolicy.piiEntities[0].match = match\nprose assessments[0].sensitiveInformationPolicy.piiEntities[0].match = Ann Lee\n"},
}
