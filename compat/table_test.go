package compat

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/clients.md")

const document = "../docs/clients.md"

const heading = `# Clients

These clients are driven, unmodified, against a whole gateway and against the
stand-in for Bedrock behind it. Where to call and as whom they learn from
environment variables, or from an option of their constructor where the notes say
so. ` + "`go test ./compat -update`" + ` writes this page from what the tests there assert;
"–" is what the client has no means for.

`

const variables = `
## How each is told

| client | where to call | as whom |
|---|---|---|
| AWS SDKs, AWS CLI | ` + "`AWS_ENDPOINT_URL_BEDROCK_RUNTIME`, `AWS_ENDPOINT_URL_STS`" + ` | AWS's own variables, profiles and chain |
| ` + "`@anthropic-ai/bedrock-sdk`" + ` | ` + "`ANTHROPIC_BEDROCK_BASE_URL`" + ` | the same; it asks the chain before each call, so that a proof is exchanged each time: within a minute Writ answers with the same session |
| ` + "`@ai-sdk/amazon-bedrock`" + ` | ` + "`AWS_ENDPOINT_URL_BEDROCK_RUNTIME`; its Anthropic half only option `baseURL`" + ` | keys and token from AWS's variables; all else by option ` + "`credentialProvider: fromNodeProviderChain()`" + ` |
| ` + "`@langchain/aws`" + ` | ` + "`AWS_ENDPOINT_URL_BEDROCK_RUNTIME`, and `AWS_DEFAULT_REGION` must be set" + ` | as the AWS SDK beneath it |
| ` + "`openai`" + ` | ` + "`OPENAI_BASE_URL=<gateway>/openai/v1`" + ` | a bearer token in ` + "`OPENAI_API_KEY`" + `; option ` + "`apiKey`" + ` may be a function that reads a newer one |
| ` + "`curl`" + ` | the URL | below |

Node trusts Writ's CA by ` + "`NODE_EXTRA_CA_CERTS`, the AWS SDKs and the CLI by `AWS_CA_BUNDLE`, curl by `--cacert`" + `.

## curl

curl signs the path of its URL as it stands, and every AWS API but S3 wants it escaped
once more. curl 7.88, Debian 12's, can be told both: the URL is what it signs,
` + "`--request-target`" + ` is what it sends. In the first, ` + "`:`" + ` is ` + "`%253A`; in the second, `%3A`." + `
It signs ` + "`host`, `x-amz-date`" + ` and the headers given with ` + "`-H`" + `, and needs the session token
among those. Where only a model's id without ` + "`:`" + ` is called, ` + "`--request-target`" + ` can be
left out; so it must be with a curl that escapes the path itself. The tests find out
which kind the machine has.

` + "```" + `sh
model=us.anthropic.claude-sonnet-4-5-20250929-v1
curl --aws-sigv4 aws:amz:us-east-1:bedrock --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
  -H "X-Amz-Security-Token: $AWS_SESSION_TOKEN" -H 'Content-Type: application/json' \
  --request-target "/model/$model%3A0/converse" \
  --data-binary '{"messages":[{"role":"user","content":[{"text":"Name three rivers."}]}]}' \
  "$AWS_ENDPOINT_URL_BEDROCK_RUNTIME/model/$model%253A0/converse"
` + "```" + `

A bearer token needs none of this: ` + "`-H \"Authorization: Bearer $TOKEN\"`" + ` and the plain URL.
`

const collecting = `
## How each collects what a person released

A call that waits for a person is made again with the hold's id as ` + "`writ.hold`" + ` in its
metadata ([holds.md](holds.md)); the receipt is in the head of the answer. Whoever cannot
send the one or see the other asks ` + "`GET /writ/v1/holds/{id}`" + ` and
` + "`GET /writ/v1/receipts/{toolUseId}`" + `, with a bearer token or signed as Bedrock's calls are.
Of boto3 and the AWS SDKs the signers do that: ` + "`SigV4Auth`, `v4.NewSigner`, `client.config.signer`" + `.

| client | metadata | receipt |
|---|---|---|
| AWS SDK for Go v2 | ` + "`RequestMetadata`" + ` | ` + "`GetRawResponse(out.ResultMetadata)`" + ` |
| AWS SDK for JavaScript v3, boto3 | ` + "`requestMetadata`" + ` | middleware of step ` + "`deserialize`; `ResponseMetadata.HTTPHeaders`" + ` |
| AWS CLI | ` + "`--request-metadata`" + ` | path |
| ` + "`@anthropic-ai/bedrock-sdk`" + ` | header ` + "`X-Amzn-Bedrock-Request-Metadata`, in option `headers` of a call" + ` | ` + "`withResponse()`" + `, and ` + "`response`" + ` of a stream |
| ` + "`@ai-sdk/amazon-bedrock`" + ` | none: the path | path |
| ` + "`@langchain/aws`" + ` | ` + "`requestMetadata`" + `, an option of a call | path |
| ` + "`openai`" + ` | ` + "`metadata`" + ` | ` + "`withResponse()`" + ` |
| ` + "`curl`" + ` | ` + "`requestMetadata`" + ` in the body | ` + "`--dump-header`" + ` |

A call that stays open while somebody decides does so for 50 seconds at most: boto3 and the
AWS CLI, the least patient here, wait 60.
`

const cuts = `
## A stream that is cut

A stream is cut when the right behind it ends, or what it says may not be let out: then
the text before that has arrived, and nothing of it. Each way to end one was played to each
client, three attempts allowed; none of them called again. Writ sends the first: every
client shows it as an error of the service with its message, some with the status that
it stands for, and it blames neither the request nor the load. Frames that Bedrock's
model does not have get lost on some clients.

`

const notes = `
Exceptions are the classes that a caller catches, exit statuses those of a command.
boto3 has one class for everything in mid-stream;
` + "`error.response[\"Error\"][\"Code\"]`" + ` tells them apart. The AI SDK ignores a frame that it
does not know, and ends the answer as if it were whole; the AWS SDK for Go takes a
connection that breaks off behind a whole frame for the end. The model's own end is not
used for a cut: no client would learn that it was not the model's.
`

// row is a line of the table: one cell for each client.
type row struct {
	title string
	cell  func(client) string
}

// yes is the cell of scenarios that a client passes if it has the means.
func yes(scenarios ...string) func(client) string {
	return func(c client) string {
		for _, s := range scenarios {
			if !c.can(s) {
				return "–"
			}
		}
		return "yes"
	}
}

func class(scenario string, pick func(client) string) func(client) string {
	return func(c client) string {
		if !c.can(scenario) {
			return "–"
		}
		return "`" + strings.TrimPrefix(pick(c), "*") + "`"
	}
}

// calls is the cell of an API: whole and as a stream.
func calls(name string) func(client) string {
	return func(c client) string {
		switch whole, stream := slices.Contains(c.calls, name), slices.Contains(c.calls, streamOf[name]); {
		case whole && stream:
			return "yes, streamed too"
		case whole:
			return "yes"
		}
		return "–"
	}
}

var streamOf = map[string]string{"Converse": "ConverseStream", "InvokeModel": "InvokeModelWithResponseStream", "ChatCompletions": "ChatCompletions (stream)"}

// table is what the scenarios found.
func table(version map[string]string) []row {
	return []row{
		{"version", func(c client) string { return version[c.name] }},
		{"speaks to `http://`", func(c client) string { return c.plain }},
		{"speaks to `https://`", func(c client) string { return c.secure }},
		{"Converse", calls("Converse")},
		{"InvokeModel", calls("InvokeModel")},
		{"tools, whole and streamed", func(c client) string {
			if !c.can("stream") {
				return "yes, whole"
			}
			return "yes"
		}},
		{"session keys in the environment", yes("keys")},
		{"OIDC token, exchanged and renewed at the STS endpoint", yes("federated", "renew")},
		{"the same, both endpoints over `https://`", yes("federated-tls")},
		{"profile with `credential_process`, renewed", yes("profile", "profile-renewed")},
		{"container credentials, renewed", yes("container")},
		{"bearer token over `https://`", yes("bearer")},
		{"bearer token over `http://`", func(c client) string {
			if c.bearerOverTLS {
				return "refused by the SDK"
			}
			return yes("bearer-plain")(c)
		}},
		{"OpenAI's chat completions", calls("ChatCompletions")},
		{"CountTokens", yes("count-tokens")},
		{"ApplyGuardrail", yes("guardrail")},
		{"StartAsyncInvoke, GetAsyncInvoke, ListAsyncInvokes", yes("async")},
		{"`sts:GetCallerIdentity`", yes("caller-identity")},
		{"no right, unknown model, revoked: status 403", class("refused", func(c client) string { return c.refused })},
		{"a card number in the prompt: status 403, naming the class", class("content", func(c client) string { return c.refused })},
		{"a prompt that is redacted", yes("content")},
		{"an answer whose tool call waits for a person", yes("hold")},
		{"a released tool call, collected by the same call", yes("payment")},
		{"its receipt, from the head of the answer", func(c client) string {
			if c.noHead {
				return "not shown"
			}
			return yes("payment")(c)
		}},
		{"throttled by Bedrock: status 429", class("throttled", func(c client) string { return c.throttled })},
		{"requests it takes, two attempts allowed", func(c client) string { return fmt.Sprint(c.attempts) }},
		{"throttled by Bedrock in mid-stream", class("stream-error", func(c client) string { return c.broken })},
		{"cut by Writ in mid-stream", class("cut", func(c client) string { return c.cut })},
		{"an answer withheld in mid-stream, naming the class", class("cut", func(c client) string { return c.cut })},
		{"`originalStatusCode` of the cut", func(c client) string {
			switch {
			case !c.can("cut"):
				return "–"
			case c.cutStatus == 0:
				return "not shown"
			}
			return fmt.Sprint(c.cutStatus)
		}},
	}
}

// write writes rows as a table with a column for each client.
func writeTable(b *strings.Builder, columns []client, rows []row) {
	b.WriteString("| |")
	for _, c := range columns {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, r := range rows {
		b.WriteString("| " + r.title + " |")
		for _, c := range columns {
			b.WriteString(" " + r.cell(c) + " |")
		}
		b.WriteString("\n")
	}
}

func versions(t *testing.T) map[string]string {
	npm := npmVersions(t)
	return map[string]string{
		"go": goVersion(t), "js": npm["@aws-sdk/client-bedrock-runtime"], python: oldestBoto3 + " or newer",
		cli: "1, botocore " + oldestBoto3 + " or newer", "anthropic": npm["@anthropic-ai/bedrock-sdk"],
		"ai": npm["@ai-sdk/amazon-bedrock"], "langchain": npm["@langchain/aws"], "openai": npm["openai"], "curl": "7.88",
	}
}

// aws are the columns of the first table; the others are in the second.
const aws = 4

func TestClientsDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString(heading)
	rows := table(versions(t))
	writeTable(&b, clients[:aws], rows)
	b.WriteString("\n")
	writeTable(&b, clients[aws:], rows)
	b.WriteString(variables + collecting + cuts)
	var ways []row
	for i, way := range endings {
		ways = append(ways, row{way.title, func(c client) string { return shown[c.name][i] }})
	}
	writeTable(&b, slices.DeleteFunc(slices.Clone(clients), func(c client) bool { return shown[c.name] == nil }), ways)
	b.WriteString(notes)
	if *update {
		if err := os.WriteFile(document, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("docs/clients.md is not what the tests assert; run them with -update (-want +got):\n%s", diff)
	}
}

var goModule = regexp.MustCompile(`service/bedrockruntime v(\S+)`)

func goVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("go/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	match := goModule.FindSubmatch(text)
	if match == nil {
		t.Fatal("go/go.mod does not require the SDK")
	}
	return string(match[1])
}

func npmVersions(t *testing.T) map[string]string {
	t.Helper()
	var manifest struct{ Dependencies map[string]string }
	if err := json.Unmarshal(readFile(t, "js/package.json"), &manifest); err != nil {
		t.Fatal(err)
	}
	return manifest.Dependencies
}
