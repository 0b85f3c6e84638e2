package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// tool is a client that is a command: where it is and the environment that it
// runs in. What programs do on their own, the tests do for it.
type tool struct {
	ctx     context.Context // ends with the verb
	path    string
	env     []string
	between func(*testing.T)
}

// get reads a variable; as in a shell, the last setting counts.
func (x tool) get(name string) string {
	value := ""
	for _, v := range x.env {
		if rest, ok := strings.CutPrefix(v, name+"="); ok {
			value = rest
		}
	}
	return value
}

func (x tool) models() []string { return strings.Split(x.get("COMPAT_MODEL"), ",") }

// asking is a body that asks what COMPAT_QUESTION says, in place of the question.
func (x tool) asking(t *testing.T, body string) string {
	t.Helper()
	other := x.get("COMPAT_QUESTION")
	if other == "" {
		return body
	}
	text, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(body, `"`+question+`"`, string(text))
}

// offered are the tools of scenario "tools", or those that COMPAT_TOOLS names.
func (x tool) offered() string {
	names := x.get("COMPAT_TOOLS")
	if names == "" {
		return toolConfig
	}
	var specs []string
	for name := range strings.SplitSeq(names, ",") {
		specs = append(specs, fmt.Sprintf(`{"toolSpec":{"name":%q,"inputSchema":{"json":{"type":"object"}}}}`, name))
	}
	return `{"tools":[` + strings.Join(specs, ",") + `]}`
}

// collects is the metadata by which a call collects a released answer; empty: it
// asks for a new one.
func (x tool) collects(variable string) string {
	if id := x.get(variable); id != "" {
		return fmt.Sprintf(`{"writ.hold":%q}`, id)
	}
	return ""
}

func (x tool) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(x.ctx, x.path, args...)
	cmd.Env = x.env
	return cmd
}

// The question and the bodies that carry it.
const (
	question     = "Name three rivers."
	conversation = `[{"role":"user","content":[{"text":"` + question + `"}]}]`
	converseBody = `{"messages":` + conversation + `}`
	nativeBody   = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":500,"messages":[{"role":"user","content":"` + question + `"}]}`
	toolConfig   = `{"tools":[{"toolSpec":{"name":"get_weather","description":"Weather of a city","inputSchema":{"json":` +
		`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}}]}`
)

// prepareCLI wants a CLI whose botocore knows Converse, and that is not version
// 2, which has exit statuses of its own.
func prepareCLI() ([]string, error) {
	path, err := exec.LookPath("aws")
	if err != nil {
		return nil, err
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return nil, err
	}
	match := regexp.MustCompile(`^aws-cli/1\S+ .*botocore/(\S+)`).FindSubmatch(out)
	if match == nil {
		return nil, fmt.Errorf("%s is not version 1 of the AWS CLI", bytes.TrimSpace(out))
	}
	if !older(oldestBoto3, string(match[1])) {
		return nil, fmt.Errorf("its botocore %s is older than %s", match[1], oldestBoto3)
	}
	return []string{path}, nil
}

// older says whether version a is b or comes before it.
func older(a, b string) bool {
	var x, y [3]int
	fmt.Sscanf(a, "%d.%d.%d", &x[0], &x[1], &x[2])
	fmt.Sscanf(b, "%d.%d.%d", &y[0], &y[1], &y[2])
	for i := range x {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return true
}

// playCLI plays a verb with `aws`.
func playCLI(t *testing.T, x tool, verb string) []step {
	t.Helper()
	model := x.models()[0]
	switch verb {
	case "operations":
		return []step{x.cliConverse(t, model), x.cliInvoke(t, model)}
	case "call", "each":
		var steps []step
		for _, model := range x.models() {
			steps = append(steps, x.cliConverse(t, model))
		}
		return steps
	case "tools":
		more := []string{"--tool-config", x.offered()}
		if metadata := x.collects("COMPAT_HOLD"); metadata != "" {
			more = append(more, "--request-metadata", metadata)
		}
		return []step{x.cliConverse(t, model, more...)}
	case "renew":
		first := x.cliNamed(t, x.cliConverse(t, model))
		x.between(t)
		return []step{first, x.cliNamed(t, x.cliConverse(t, model))}
	case "count-tokens":
		var steps []step
		for _, model := range x.models() {
			steps = append(steps, x.cliCount(model))
		}
		return steps
	case "guardrail":
		return []step{x.cliGuardrail("1"), x.cliGuardrail("2")}
	case "async":
		return x.cliAsync()
	case "caller-identity":
		var out struct{ Account, Arn string }
		s := x.aws("GetCallerIdentity", &out, "sts", "get-caller-identity")
		s.Account, s.ARN = out.Account, out.Arn
		return []step{s}
	}
	t.Fatalf("the AWS CLI has no %s", verb)
	return nil
}

// aws runs a command of the CLI and reads what it prints; an error is what the
// CLI says of it and its exit status.
func (x tool) aws(name string, out any, args ...string) step {
	s := step{Step: name}
	cmd := x.command(append(args, "--output", "json")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		s.Class, s.Message = err.Error(), strings.TrimSpace(stderr.String())
		if match := cliError.FindStringSubmatch(s.Message); match != nil {
			s.Error, s.Message = match[1], match[2]
		}
		return s
	}
	if out != nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		s.Message = err.Error()
	}
	return s
}

var cliError = regexp.MustCompile(`An error occurred \((\w+)\) when calling the \w+ operation(?: \([^)]*\))?: (.*)`)

func (x tool) cliConverse(t *testing.T, model string, more ...string) step {
	t.Helper()
	var out converseAnswer
	s := x.aws("Converse", &out, append([]string{"bedrock-runtime", "converse", "--model-id", model, "--messages", x.asking(t, conversation)}, more...)...)
	out.fill(&s)
	return s
}

func (x tool) cliInvoke(t *testing.T, model string) step {
	file := t.TempDir() + "/answer"
	s := x.aws("InvokeModel", nil, "bedrock-runtime", "invoke-model", "--model-id", model, "--body", nativeBody, file)
	if s.Message == "" {
		var out nativeAnswer
		if err := json.Unmarshal(readFile(t, file), &out); err != nil {
			s.Message = err.Error()
		}
		out.fill(&s)
	}
	return s
}

func (x tool) cliCount(model string) step {
	var out converseUsage
	s := x.aws("CountTokens", &out, "bedrock-runtime", "count-tokens", "--model-id", model, "--input", `{"converse":`+converseBody+`}`)
	s.InputTokens = out.Input
	return s
}

func (x tool) cliGuardrail(version string) step {
	var out guardrailAnswer
	s := x.aws("ApplyGuardrail", &out, "bedrock-runtime", "apply-guardrail", "--guardrail-identifier", x.get("COMPAT_GUARDRAIL"),
		"--guardrail-version", version, "--source", "INPUT", "--content", x.guardrailContent())
	out.fill(&s)
	return s
}

// guardrailContent is the text to look at as a guardrail takes it.
func (x tool) guardrailContent() string {
	return fmt.Sprintf(`[{"text":{"text":%q}}]`, x.get("COMPAT_TEXT"))
}

// guardrailAnswer is the answer to ApplyGuardrail.
type guardrailAnswer struct {
	Action  string `json:"action"`
	Outputs []struct {
		Text string `json:"text"`
	} `json:"outputs"`
}

func (a guardrailAnswer) fill(s *step) {
	s.StopReason = a.Action
	for _, o := range a.Outputs {
		s.Text += o.Text
	}
}

// cliNamed adds whose credentials the CLI finds; it shows the end of their id.
func (x tool) cliNamed(t *testing.T, s step) step {
	t.Helper()
	out, err := x.command("configure", "list").Output()
	match := regexp.MustCompile(`access_key +\*+(\w+)`).FindSubmatch(out)
	if err != nil || match == nil {
		t.Fatalf("aws configure list: %v\n%s", err, out)
	}
	s.AccessKeyID = string(match[1])
	return s
}

// converseAnswer is the answer to Converse.
type converseAnswer struct {
	Output struct {
		Message struct {
			Content []struct {
				Text    string `json:"text"`
				ToolUse *struct {
					ID    string `json:"toolUseId"`
					Name  string `json:"name"`
					Input any    `json:"input"`
				} `json:"toolUse"`
			} `json:"content"`
		} `json:"message"`
	} `json:"output"`
	StopReason string        `json:"stopReason"`
	Usage      converseUsage `json:"usage"`
}

type converseUsage struct {
	Input  int `json:"inputTokens"`
	Output int `json:"outputTokens"`
}

func (a converseAnswer) fill(s *step) {
	s.StopReason, s.InputTokens, s.OutputTokens = a.StopReason, a.Usage.Input, a.Usage.Output
	for _, block := range a.Output.Message.Content {
		s.Text += block.Text
		if block.ToolUse != nil {
			s.Tool, s.ToolInput, s.ToolUseID = block.ToolUse.Name, block.ToolUse.Input, block.ToolUse.ID
		}
	}
}

// nativeAnswer is the answer to InvokeModel, as Anthropic's models give it.
type nativeAnswer struct {
	Content []struct {
		Text string `json:"text"`
	} `json:"content"`
	StopReason string `json:"stop_reason"`
	Usage      struct {
		Input  int `json:"input_tokens"`
		Output int `json:"output_tokens"`
	} `json:"usage"`
}

func (a nativeAnswer) fill(s *step) {
	s.StopReason, s.InputTokens, s.OutputTokens = a.StopReason, a.Usage.Input, a.Usage.Output
	for _, block := range a.Content {
		s.Text += block.Text
	}
}
