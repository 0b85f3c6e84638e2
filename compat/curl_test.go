package compat

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/writtest"
)

func prepareCurl() ([]string, error) {
	path, err := exec.LookPath("curl")
	return []string{path}, err
}

// asItStands says whether the machine's curl signs the path of a URL as it
// stands, as 7.88 does, by having it call a verifier.
var asItStands = sync.OnceValue(func() bool {
	srv := httptest.NewServer(fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{{AccessKeyID: "A", SecretAccessKey: "B", SessionToken: "C"}},
	}))
	defer srv.Close()
	out, err := exec.Command("curl", "--silent", "--write-out", "%{http_code}", "--output", os.DevNull,
		"--aws-sigv4", "aws:amz:us-east-1:bedrock", "--user", "A:B", "-H", "X-Amz-Security-Token: C",
		"--data-binary", converseBody, srv.URL+"/model/"+writtest.Escape(standInModel)+"/converse").Output()
	return err != nil || string(out) != "200"
})

// playCurl plays a verb with curl.
func playCurl(t *testing.T, x tool, verb string) []step {
	t.Helper()
	x = x.exchange(t)
	model := x.models()[0]
	switch verb {
	case "operations":
		return []step{
			x.curl(t, "Converse", model, "converse", converseBody), x.curl(t, "ConverseStream", model, "converse-stream", converseBody),
			x.curl(t, "InvokeModel", model, "invoke", nativeBody), x.curl(t, "InvokeModelWithResponseStream", model, "invoke-with-response-stream", nativeBody),
		}
	case "call", "stream", "each":
		var steps []step
		for _, model := range x.models() {
			if verb != "stream" {
				steps = append(steps, x.curl(t, "Converse", model, "converse", converseBody))
			}
			if verb != "call" {
				steps = append(steps, x.curl(t, "ConverseStream", model, "converse-stream", converseBody))
			}
		}
		return steps
	case "tools":
		return []step{
			x.curl(t, "Converse", model, "converse", x.withTools("COMPAT_HOLD")),
			x.curl(t, "ConverseStream", model, "converse-stream", x.withTools("COMPAT_HOLD_STREAM")),
		}
	case "cut":
		return []step{{Step: "Begun"}, x.curl(t, "ConverseStream", model, "converse-stream", converseBody)}
	case "renew":
		first := x.curl(t, "Converse", model, "converse", converseBody)
		x.between(t)
		again := x.exchange(t).curl(t, "Converse", model, "converse", converseBody)
		return []step{first, again}
	case "count-tokens":
		var steps []step
		for _, model := range x.models() {
			steps = append(steps, x.curl(t, "CountTokens", model, "count-tokens", `{"input":{"converse":`+converseBody+`}}`))
		}
		return steps
	case "guardrail":
		return []step{x.curlGuardrail(t, "1"), x.curlGuardrail(t, "2")}
	case "async":
		return x.curlAsync(t)
	case "get":
		s := step{Step: "Get"}
		x.call(t, &s, x.get("COMPAT_PATH"), "", func(r io.Reader) error {
			text, err := io.ReadAll(r)
			s.Text = string(text)
			return err
		})
		return []step{s}
	case "caller-identity":
		return []step{x.curlIdentity(t)}
	}
	t.Fatalf("curl is not taught to %s", verb)
	return nil
}

// withTools is a body that offers tools.
func (x tool) withTools(hold string) string {
	body := `{"messages":` + conversation + `,"toolConfig":` + x.offered()
	if metadata := x.collects(hold); metadata != "" {
		body += `,"requestMetadata":` + metadata
	}
	return body + "}"
}

// curl asks a model.
func (x tool) curl(t *testing.T, name, model, operation, body string) step {
	t.Helper()
	s := step{Step: name, AccessKeyID: x.get("AWS_ACCESS_KEY_ID")}
	x.call(t, &s, "/model/"+writtest.Escape(model)+"/"+operation, x.asking(t, body), func(r io.Reader) error {
		return s.read(r, operation, x.between, t)
	})
	return s
}

func (x tool) curlGuardrail(t *testing.T, version string) step {
	t.Helper()
	s := step{Step: "ApplyGuardrail"}
	path := "/guardrail/" + writtest.Escape(x.get("COMPAT_GUARDRAIL")) + "/version/" + version + "/apply"
	x.call(t, &s, path, `{"source":"INPUT","content":`+x.guardrailContent()+`}`, func(r io.Reader) error {
		var out guardrailAnswer
		err := json.NewDecoder(r).Decode(&out)
		out.fill(&s)
		return err
	})
	return s
}

// call posts a body to a path of the runtime, or gets the path if there is none.
func (x tool) call(t *testing.T, s *step, path, body string, take func(io.Reader) error) {
	t.Helper()
	args := x.credentials("bedrock")
	if body != "" {
		args = append(args, "-H", "Content-Type: application/json", "--data-binary", body)
	}
	if x.get("AWS_BEARER_TOKEN_BEDROCK") == "" && asItStands() {
		// AWS signs a path escaped once more: sign that, send the other.
		args = append(args, "--request-target", path)
		path = strings.ReplaceAll(path, "%", "%25")
	}
	x.send(t, s, append(args, x.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")+path), take)
}

// send runs curl and has take read the body of an answer that is no error.
func (x tool) send(t *testing.T, s *step, args []string, take func(io.Reader) error) {
	t.Helper()
	head := filepath.Join(t.TempDir(), "head")
	args = append([]string{"--silent", "--show-error", "--no-buffer", "--dump-header", head}, args...)
	if ca := x.get("AWS_CA_BUNDLE"); ca != "" {
		args = append(args, "--cacert", ca)
	}
	cmd := x.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	body := bufio.NewReader(stdout)
	body.Peek(1) // by then the headers are in
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(asHTTP1(readFile(t, head)))), nil)
	switch {
	case err != nil:
		s.Message = err.Error()
	case answer.StatusCode != http.StatusOK:
		var said struct{ Message string }
		if err := json.NewDecoder(body).Decode(&said); err != nil {
			said.Message = err.Error()
		}
		s.Status, s.Message = answer.StatusCode, said.Message
		s.Error = answer.Header.Get("X-Amzn-Errortype")
		s.Class = s.Error
	default:
		s.Receipt = answer.Header.Get("X-Writ-Receipt")
		if err := take(body); err != nil {
			s.Message = err.Error()
		}
	}
	io.Copy(io.Discard, body)
	if err := cmd.Wait(); err != nil {
		s.Class, s.Message = err.Error(), strings.TrimSpace(stderr.String())
	}
}

// asHTTP1 gives curl's note of an HTTP/2 answer the form that net/http reads.
func asHTTP1(head []byte) []byte {
	if rest, ok := bytes.CutPrefix(head, []byte("HTTP/2 ")); ok {
		return append([]byte("HTTP/1.1 "), rest...)
	}
	return head
}

// credentials are the arguments that say who calls.
func (x tool) credentials(service string) []string {
	if token := x.get("AWS_BEARER_TOKEN_BEDROCK"); token != "" {
		return []string{"-H", "Authorization: Bearer " + token}
	}
	return []string{
		"--aws-sigv4", "aws:amz:us-east-1:" + service,
		"--user", x.get("AWS_ACCESS_KEY_ID") + ":" + x.get("AWS_SECRET_ACCESS_KEY"),
		"-H", "X-Amz-Security-Token: " + x.get("AWS_SESSION_TOKEN"),
	}
}

// exchange gives a proof at the STS endpoint if there are no credentials.
func (x tool) exchange(t *testing.T) tool {
	t.Helper()
	role := x.get("AWS_ROLE_ARN")
	if role == "" {
		return x
	}
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {"compat"},
		"WebIdentityToken": {string(readFile(t, x.get("AWS_WEB_IDENTITY_TOKEN_FILE")))},
	}
	var out struct {
		Keys struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
		} `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
	}
	s := step{}
	x.send(t, &s, []string{"--data", form.Encode(), x.get("AWS_ENDPOINT_URL_STS") + "/"}, func(r io.Reader) error { return xml.NewDecoder(r).Decode(&out) })
	if s.Message != "" {
		t.Fatalf("exchanging the proof: %+v", s)
	}
	x.env = append(x.env[:len(x.env):len(x.env)], environment(writtest.Keys(out.Keys))...)
	return x
}

func (x tool) curlIdentity(t *testing.T) step {
	t.Helper()
	var out struct {
		Account string `xml:"GetCallerIdentityResult>Account"`
		ARN     string `xml:"GetCallerIdentityResult>Arn"`
	}
	s := step{Step: "GetCallerIdentity"}
	// curl signs the type only if it is told it.
	args := append(x.credentials("sts"), "-H", "Content-Type: application/x-www-form-urlencoded", "--data", "Action=GetCallerIdentity&Version=2011-06-15", x.get("AWS_ENDPOINT_URL_STS")+"/")
	x.send(t, &s, args, func(r io.Reader) error { return xml.NewDecoder(r).Decode(&out) })
	s.Account, s.ARN = out.Account, out.ARN
	return s
}

// read reads an answer, whole or as a stream; begun is called at a stream's
// first event.
func (s *step) read(r io.Reader, operation string, begun func(*testing.T), t *testing.T) error {
	switch operation {
	case "converse":
		var out converseAnswer
		err := json.NewDecoder(r).Decode(&out)
		out.fill(s)
		return err
	case "count-tokens":
		var out converseUsage
		err := json.NewDecoder(r).Decode(&out)
		s.InputTokens = out.Input
		return err
	case "invoke":
		var out nativeAnswer
		err := json.NewDecoder(r).Decode(&out)
		out.fill(s)
		return err
	}
	input := ""
	for frames := eventstream.NewDecoder(); ; {
		frame, err := frames.Decode(r, nil)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if kind := frame.Headers.Get(":message-type"); kind.String() != "event" {
			return s.failed(frame)
		}
		if s.Events++; s.Events == 1 && begun != nil {
			begun(t)
		}
		more, err := s.takeEvent(frame.Payload)
		if err != nil {
			return err
		}
		input += more
	}
	if input == "" {
		return nil
	}
	s.Arguments = input
	return json.Unmarshal([]byte(input), &s.ToolInput)
}

// failed takes an exception or an error over from its frame.
func (s *step) failed(frame eventstream.Message) error {
	var said struct {
		Message  string `json:"message"`
		Original int    `json:"originalStatusCode"`
	}
	for _, name := range []string{":exception-type", ":error-code"} {
		if v := frame.Headers.Get(name); v != nil {
			s.Error, s.Class = v.String(), v.String()
		}
	}
	if v := frame.Headers.Get(":error-message"); v != nil {
		s.Message = v.String()
		return nil
	}
	err := json.Unmarshal(frame.Payload, &said)
	s.Message, s.OriginalStatus = said.Message, said.Original
	return err
}

// takeEvent adds one event of either API's stream and returns a piece of a tool's input.
func (s *step) takeEvent(payload []byte) (string, error) {
	var e struct {
		Bytes []byte `json:"bytes"`
		Start struct {
			ToolUse struct {
				ID   string `json:"toolUseId"`
				Name string `json:"name"`
			} `json:"toolUse"`
		} `json:"start"`
		Delta struct {
			Text    string `json:"text"`
			Stop    string `json:"stop_reason"`
			ToolUse struct {
				Input string `json:"input"`
			} `json:"toolUse"`
		} `json:"delta"`
		StopReason string         `json:"stopReason"`
		Usage      *converseUsage `json:"usage"`
		Metrics    *struct {
			Input  int `json:"inputTokenCount"`
			Output int `json:"outputTokenCount"`
		} `json:"amazon-bedrock-invocationMetrics"`
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return "", err
	}
	if e.Bytes != nil {
		return s.takeEvent(e.Bytes)
	}
	s.Text += e.Delta.Text
	s.Tool, s.ToolUseID = s.Tool+e.Start.ToolUse.Name, s.ToolUseID+e.Start.ToolUse.ID
	s.StopReason += e.StopReason + e.Delta.Stop
	switch {
	case e.Metrics != nil:
		s.InputTokens, s.OutputTokens = e.Metrics.Input, e.Metrics.Output
	case e.Usage != nil && e.Usage.Input != 0:
		s.InputTokens, s.OutputTokens = e.Usage.Input, e.Usage.Output
	}
	return e.Delta.ToolUse.Input, nil
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
