package bedrock

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inBase64 is text in base64, as a document's bytes are sent.
func inBase64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// picture is base64 that is long enough to be a picture.
var picture = inBase64(strings.Repeat("not really a picture, ", 5))

// listed writes texts down, one a line: kind, path, value, and what it goes on from.
func listed(texts Texts) string {
	var b strings.Builder
	for i, t := range texts.List {
		if t.Kind == Skipped {
			continue
		}
		value := string(t.Value)
		if value == picture {
			value = "PICTURE"
		}
		fmt.Fprintf(&b, "%s %s = %s", t.Kind, texts.Where(i), value)
		if t.Runs {
			fmt.Fprintf(&b, " <- %s", texts.Where(t.After))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestEveryPlaceIsListed: a table of the shapes that requests have.
func TestEveryPlaceIsListed(t *testing.T) {
	for name, c := range requestTexts {
		t.Run(name, func(t *testing.T) {
			texts, err := ReadTexts(c.op, []byte(strings.ReplaceAll(c.body, "PICTURE", picture)))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.TrimLeft(c.want, "\n"), listed(texts)); d != "" {
				t.Error(d)
			}
		})
	}
}

var requestTexts = map[string]struct {
	op   Operation
	body string
	want string
}{
	"converse": {Converse, `{
		"system":[{"text":"be kind"},{"cachePoint":{"type":"default"}},{"guardContent":{"text":{"text":"check me","qualifiers":["query"]}}}],
		"messages":[
			{"role":"user","content":[{"text":"card \u0034111"},{"text":"1111 1111"},
				{"image":{"format":"png","source":{"bytes":"PICTURE"}}},
				{"document":{"format":"txt","name":"notes","context":"ctx","source":{"bytes":"SGk="}}},
				{"document":{"format":"md","name":"n2","source":{"text":"inside"}}},
				{"document":{"format":"md","name":"n3","source":{"content":[{"text":"a"},{"text":"b"}]}}},
				{"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://b/v.mp4","bucketOwner":"111122223333"}}}}]},
			{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}},
				{"reasoningContent":{"redactedContent":"cmVk"}},
				{"toolUse":{"toolUseId":"t-1","name":"lookup","input":{"ssn":"078051120","n":12,"type":"4","deep":[{"a@b.c":true},"x"]}}},
				{"citationsContent":{"content":[{"text":"said"}],"citations":[{"title":"T","source":"S","sourceContent":[{"text":"src"}],"location":{"web":{"url":"https://e.test/","domain":"e.test"}}}]}}]},
			{"role":"user","content":[{"toolResult":{"toolUseId":"t-1","status":"success","content":[{"text":"row"},{"json":{"name":"Ann"}},
				{"document":{"format":"csv","name":"d","source":{"bytes":"YQ=="}}}]}},
				{"searchResult":{"source":"https://s.test","title":"st","content":[{"text":"found"}]}}]}],
		"toolConfig":{"tools":[{"toolSpec":{"name":"lookup","description":"finds","inputSchema":{"json":{"type":"object","properties":{"ssn":{"type":"string"}}}}}}],"toolChoice":{"tool":{"name":"lookup"}}},
		"promptVariables":{"who":{"text":"Bob"}},
		"requestMetadata":{"team":"blue","n":"4111111111111111"},
		"inferenceConfig":{"maxTokens":100,"stopSequences":["END"],"temperature":0.5},
		"guardrailConfig":{"guardrailIdentifier":"abc","guardrailVersion":"1","trace":"enabled"},
		"additionalModelRequestFields":{"odd":{"v":"w","n":4111111111111111}}}`, `
prose system[0].text = be kind
prose system[2].guardContent.text.text = check me <- system[0].text
prose messages[0].content[0].text = card 4111 <- system[2].guardContent.text.text
prose messages[0].content[1].text = 1111 1111 <- messages[0].content[0].text
bytes messages[0].content[2].image.source.bytes = PICTURE
prose messages[0].content[3].document.name = notes
prose messages[0].content[3].document.context = ctx
bytes messages[0].content[3].document.source.bytes = SGk=
prose messages[0].content[4].document.name = n2
prose messages[0].content[4].document.source.text = inside <- messages[0].content[1].text
prose messages[0].content[5].document.name = n3
prose messages[0].content[5].document.source.content[0].text = a <- messages[0].content[4].document.source.text
prose messages[0].content[5].document.source.content[1].text = b <- messages[0].content[5].document.source.content[0].text
s3 messages[0].content[6].video.source.s3Location.uri = s3://b/v.mp4
prose messages[0].content[6].video.source.s3Location.bucketOwner = 111122223333
prose messages[1].content[0].reasoningContent.reasoningText.text = hm <- messages[0].content[5].document.source.content[1].text
opaque messages[1].content[0].reasoningContent.reasoningText.signature = c2ln
opaque messages[1].content[1].reasoningContent.redactedContent = cmVk
prose messages[1].content[2].toolUse.name = lookup
name messages[1].content[2].toolUse.input.ssn = ssn
data messages[1].content[2].toolUse.input.ssn = 078051120
number messages[1].content[2].toolUse.input.n = 12
data messages[1].content[2].toolUse.input.type = 4
name messages[1].content[2].toolUse.input.deep = deep
name messages[1].content[2].toolUse.input.deep[0]."a@b.c" = a@b.c
data messages[1].content[2].toolUse.input.deep[1] = x
prose messages[1].content[3].citationsContent.content[0].text = said <- messages[1].content[0].reasoningContent.reasoningText.text
prose messages[1].content[3].citationsContent.citations[0].title = T
prose messages[1].content[3].citationsContent.citations[0].source = S
prose messages[1].content[3].citationsContent.citations[0].sourceContent[0].text = src <- messages[1].content[3].citationsContent.content[0].text
prose messages[1].content[3].citationsContent.citations[0].location.web.url = https://e.test/
prose messages[1].content[3].citationsContent.citations[0].location.web.domain = e.test
data messages[2].content[0].toolResult.content[0].text = row <- messages[1].content[3].citationsContent.citations[0].sourceContent[0].text
data messages[2].content[0].toolResult.content[1].json.name = Ann
prose messages[2].content[0].toolResult.content[2].document.name = d
bytes messages[2].content[0].toolResult.content[2].document.source.bytes = YQ==
prose messages[2].content[1].searchResult.source = https://s.test
prose messages[2].content[1].searchResult.title = st
prose messages[2].content[1].searchResult.content[0].text = found <- messages[2].content[0].toolResult.content[0].text
prose toolConfig.tools[0].toolSpec.name = lookup
prose toolConfig.tools[0].toolSpec.description = finds
data toolConfig.tools[0].toolSpec.inputSchema.json.type = object
name toolConfig.tools[0].toolSpec.inputSchema.json.properties.ssn = ssn
data toolConfig.tools[0].toolSpec.inputSchema.json.properties.ssn.type = string
prose toolConfig.toolChoice.tool.name = lookup
name promptVariables.who = who
prose promptVariables.who.text = Bob <- messages[2].content[1].searchResult.content[0].text
name requestMetadata.team = team
asserted requestMetadata.team = blue
asserted requestMetadata.n = 4111111111111111
prose inferenceConfig.stopSequences[0] = END
prose guardrailConfig.guardrailIdentifier = abc
name additionalModelRequestFields.odd = odd
name additionalModelRequestFields.odd.v = v
prose additionalModelRequestFields.odd.v = w
number additionalModelRequestFields.odd.n = 4111111111111111
`},
	"anthropic": {InvokeModel, `{"anthropic_version":"bedrock-2023-05-31","max_tokens":5,"system":"sys","metadata":{"user_id":"u1"},
		"messages":[{"role":"user","content":"hello"},
			{"role":"user","content":[{"type":"text","text":"more"},
				{"type":"image","source":{"type":"base64","media_type":"image/png","data":"PICTURE"}},
				{"type":"document","title":"t","source":{"data":"4111111111111111","type":"text","media_type":"text/plain"}},
				{"type":"document","source":{"data":"SGk=","type":"base64"}},
				{"type":"image","source":{"type":"url","url":"https://e.test/i.png"}},
				{"type":"document","source":{"type":"file","file_id":"file_1"}},
				{"content":[{"type":"text","text":"result"}],"tool_use_id":"x","type":"tool_result"}]},
			{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"redacted_thinking","data":"cmVk"},
				{"type":"tool_use","id":"x","name":"f","input":{"card":4111}}]}],
		"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}]}`, `
prose anthropic_version = bedrock-2023-05-31
prose system = sys
asserted metadata.user_id = u1
prose messages[0].content = hello
prose messages[1].content[0].text = more <- messages[0].content
bytes messages[1].content[1].source.data = PICTURE
prose messages[1].content[2].title = t
prose messages[1].content[2].source.data = 4111111111111111
bytes messages[1].content[3].source.data = SGk=
remote messages[1].content[4].source.url = https://e.test/i.png
remote messages[1].content[5].source.file_id = file_1
data messages[1].content[6].content[0].text = result <- messages[1].content[0].text
prose messages[2].content[0].thinking = hm
opaque messages[2].content[0].signature = c2ln
opaque messages[2].content[1].data = cmVk
prose messages[2].content[2].name = f
name messages[2].content[2].input.card = card
number messages[2].content[2].input.card = 4111
prose tools[0].name = f
prose tools[0].description = d
data tools[0].input_schema.type = object
`},
	"openai": {ChatCompletions, `{"model":"openai.gpt-oss","user":"u","metadata":{"team":"v"},
		"messages":[{"role":"system","content":"s"},{"role":"user","name":"bob","content":[{"type":"text","text":"hi"},
			{"type":"image_url","image_url":{"url":"data:image/png;base64,PICTURE","detail":"low"}},
			{"type":"image_url","image_url":{"url":"https://e.test/x.png"}},
			{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}},
			{"type":"file","file":{"filename":"f.pdf","file_data":"data:application/pdf;base64,JVBERi0="}}]},
			{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"ssn\":\"1\"}"}}]},
			{"role":"tool","tool_call_id":"c","content":"out"}],
		"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}]}`, `
prose user = u
name metadata.team = team
asserted metadata.team = v
prose messages[0].content = s
prose messages[1].name = bob
prose messages[1].content[0].text = hi <- messages[0].content
bytes messages[1].content[1].image_url.url = PICTURE
remote messages[1].content[2].image_url.url = https://e.test/x.png
bytes messages[1].content[3].input_audio.data = UklGRg==
prose messages[1].content[4].file.filename = f.pdf
bytes messages[1].content[4].file.file_data = JVBERi0=
prose messages[2].tool_calls[0].function.name = f
data messages[2].tool_calls[0].function.arguments = {"ssn":"1"}
data messages[3].content = out <- messages[1].content[0].text
prose tools[0].function.name = f
prose tools[0].function.description = d
data tools[0].function.parameters.type = object
`},
	"titan text":      {InvokeModel, `{"inputText":"hi","textGenerationConfig":{"stopSequences":["User:"]}}`, "prose inputText = hi\nprose textGenerationConfig.stopSequences[0] = User:\n"},
	"titan image":     {InvokeModel, `{"taskType":"IMAGE_VARIATION","imageVariationParams":{"text":"a cat","images":["PICTURE"]}}`, "prose imageVariationParams.text = a cat\nbytes imageVariationParams.images[0] = PICTURE\n"},
	"titan embedding": {InvokeModel, `{"inputText":"hi","inputImage":"PICTURE"}`, "prose inputText = hi\nbytes inputImage = PICTURE\n"},
	"stability":       {InvokeModel, `{"prompt":"a dog","image":"PICTURE","seed":1}`, "prose prompt = a dog\nbytes image = PICTURE\n"},
	"short picture":   {InvokeModel, `{"prompt":"a dog","image":"4111111111111111"}`, "prose prompt = a dog\nprose image = 4111111111111111\n"},
	"llama":           {InvokeModel, `{"prompt":"<s>hi","max_gen_len":9,"images":["PICTURE"]}`, "prose prompt = <s>hi\nbytes images[0] = PICTURE\n"},
	"cohere": {InvokeModel, `{"message":"hi","chat_history":[{"role":"USER","message":"before"}],"documents":[{"title":"T","ssn":"1"}],"preamble":"p"}`, `
prose message = hi
prose chat_history[0].message = before <- message
data documents[0].title = T
name documents[0].ssn = ssn
data documents[0].ssn = 1
prose preamble = p
`},
	"cohere embedding": {InvokeModel, `{"texts":["a","b"],"input_type":"search_query","images":["data:image/png;base64,PICTURE"]}`, "prose texts[0] = a\nprose texts[1] = b\nbytes images[0] = PICTURE\n"},
	"rerank":           {InvokeModel, `{"query":"q","documents":["a","b"],"top_n":1}`, "prose query = q\ndata documents[0] = a\ndata documents[1] = b\n"},
	"nova": {InvokeModel, `{"schemaVersion":"messages-v1","system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"t"},{"image":{"format":"png","source":{"bytes":"PICTURE"}}}]}]}`, `
prose system[0].text = s
prose messages[0].content[0].text = t <- system[0].text
bytes messages[0].content[1].image.source.bytes = PICTURE
`},
	"guardrail": {ApplyGuardrail, `{"source":"INPUT","content":[{"text":{"text":"a","qualifiers":["guard_content"]}},{"image":{"format":"png","source":{"bytes":"PICTURE"}}}]}`, `
prose source = INPUT
prose content[0].text.text = a
bytes content[1].image.source.bytes = PICTURE
`},
	"async": {StartAsyncInvoke, `{"modelId":"amazon.nova-reel","modelInput":{"taskType":"TEXT_VIDEO","textToVideoParams":{"text":"waves","images":[{"format":"png","source":{"s3Location":{"uri":"s3://in/a.png"}}}]}},
		"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://out"}},"tags":[{"key":"a","value":"b"}]}`, `
prose modelInput.textToVideoParams.text = waves
s3 modelInput.textToVideoParams.images[0].source.s3Location.uri = s3://in/a.png
prose outputDataConfig.s3OutputDataConfig.s3Uri = s3://out
asserted tags[0].key = a
asserted tags[0].value = b
`},
	"count converse": {CountTokens, `{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"hi"}]}]}}}`, "prose input.converse.messages[0].content[0].text = hi\n"},
	"words that are none": {Converse, `{"messages":[{"role":"user 4111","type":"078-05-1120","id":"a@b","format":"` + strings.Repeat("x", 65) + `"}]}`, `
prose messages[0].role = user 4111
prose messages[0].type = 078-05-1120
prose messages[0].id = a@b
prose messages[0].format = ` + strings.Repeat("x", 65) + `
`},
	"names": {Converse, `{"4111 1111 1111 1111":{"x.y":"z"}}`, `
name "4111 1111 1111 1111" = 4111 1111 1111 1111
name "4111 1111 1111 1111"."x.y" = x.y
prose "4111 1111 1111 1111"."x.y" = z
`},
	"bytes that are none": {Converse, `{"messages":[{"content":[{"image":{"source":{"bytes":"my card is 4111"}}}]}]}`, "prose messages[0].content[0].image.source.bytes = my card is 4111\n"},
	"a URL that is text":  {ChatCompletions, `{"messages":[{"content":[{"image_url":"data:text/plain,4111"},{"image_url":"data:text/plain;4111 1111;base64,QQ=="}]}]}`, "remote messages[0].content[0].image_url = data:text/plain,4111\nremote messages[0].content[1].image_url = data:text/plain;4111 1111;base64,QQ==\n"},
}
