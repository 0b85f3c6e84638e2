// Command compat-go drives an endpoint with the AWS SDK for Go v2, unmodified:
// where to call and as whom comes from AWS's own environment variables, the
// models from COMPAT_MODEL, and what to do from the first argument. It prints
// one JSON line per call; a call that fails is a line too, with the SDK's own
// view of the error.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// Step is one call's outcome, in the words that all compat clients use.
type Step struct {
	Step         string `json:"step"`
	Text         string `json:"text,omitempty"`
	InputTokens  int    `json:"inputTokens,omitempty"`
	OutputTokens int    `json:"outputTokens,omitempty"`
	StopReason   string `json:"stopReason,omitempty"`
	Events       int    `json:"events,omitempty"` // stream events received
	Tool         string `json:"tool,omitempty"`
	ToolInput    any    `json:"toolInput,omitempty"`
	ToolUseID    string `json:"toolUseId,omitempty"`
	Arguments    string `json:"arguments,omitempty"`   // of a streamed tool call, as they came
	Receipt      string `json:"receipt,omitempty"`     // of a tool call that a person released
	AccessKeyID  string `json:"accessKeyId,omitempty"` // whose credentials were used
	Account      string `json:"account,omitempty"`
	ARN          string `json:"arn,omitempty"`
	Error        string `json:"error,omitempty"` // the exception's code
	Class        string `json:"class,omitempty"` // the SDK's type for it
	Status       int    `json:"status,omitempty"`
	Message      string `json:"message,omitempty"`
	// OriginalStatus is what a modelStreamErrorException says that it stands for.
	OriginalStatus int `json:"originalStatus,omitempty"`
}

// client is the SDK's client and what every call needs.
type client struct {
	aws     aws.Config
	bedrock *bedrockruntime.Client
	model   string
	begun   func() // called at the first event of a conversation's stream; nil does nothing
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("want one argument: operations, call, stream, each, tools, cut, renew, count-tokens, guardrail, async, get or caller-identity")
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("loading configuration: %w", err)
	}
	models := strings.Split(os.Getenv("COMPAT_MODEL"), ",")
	c := client{aws: cfg, bedrock: bedrockruntime.NewFromConfig(cfg), model: models[0]}
	switch args[0] {
	case "operations":
		c.report("Converse", c.converse(ctx, false))
		c.report("ConverseStream", c.converseStream(ctx, false))
		c.report("InvokeModel", c.invoke(ctx))
		c.report("InvokeModelWithResponseStream", c.invokeStream(ctx))
	case "call":
		for _, c.model = range models {
			c.report("Converse", c.converse(ctx, false))
		}
	case "each":
		for _, c.model = range models {
			c.report("Converse", c.converse(ctx, false))
			c.report("ConverseStream", c.converseStream(ctx, false))
		}
	case "stream":
		for _, c.model = range models {
			c.report("ConverseStream", c.converseStream(ctx, false))
		}
	case "tools":
		c.report("Converse", c.converse(ctx, true))
		c.report("ConverseStream", c.converseStream(ctx, true))
	case "cut":
		// Says when the stream has begun, so that somebody can end it.
		c.begun = func() { c.report("Begun", func(*Step) error { return nil }) }
		c.report("ConverseStream", c.converseStream(ctx, false))
	case "renew":
		return c.refresh(ctx)
	case "count-tokens":
		for _, c.model = range models {
			c.report("CountTokens", c.countTokens(ctx))
		}
	case "guardrail":
		c.report("ApplyGuardrail", c.guardrail(ctx, "1"))
		c.report("ApplyGuardrail", c.guardrail(ctx, "2"))
	case "async":
		c.async(ctx)
	case "get":
		c.report("Get", c.get(ctx, os.Getenv("COMPAT_PATH")))
	case "caller-identity":
		c.report("GetCallerIdentity", c.callerIdentity(ctx))
	default:
		return fmt.Errorf("unknown scenario %q", args[0])
	}
	return nil
}

// report prints a step, with the error in the SDK's words if there is one.
func (c client) report(name string, call func(*Step) error) {
	s := Step{Step: name}
	if err := call(&s); err != nil {
		s.Message = err.Error()
		if api, ok := errors.AsType[smithy.APIError](err); ok {
			s.Error, s.Message, s.Class = api.ErrorCode(), api.ErrorMessage(), fmt.Sprintf("%T", api)
		}
		if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok {
			s.Status = answer.HTTPStatusCode()
		}
		if broken, ok := errors.AsType[*types.ModelStreamErrorException](err); ok {
			s.OriginalStatus = int(aws.ToInt32(broken.OriginalStatusCode))
		}
	}
	line, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and numbers only
	}
	fmt.Println(string(line))
}

// refresh calls, waits for a line on standard input, and calls again: by then
// the session has ended.
func (c client) refresh(ctx context.Context) error {
	named := func(s *Step) error {
		credentials, err := c.aws.Credentials.Retrieve(ctx)
		if err != nil {
			return err
		}
		s.AccessKeyID = credentials.AccessKeyID
		return c.converse(ctx, false)(s)
	}
	c.report("Converse", named)
	if !bufio.NewScanner(os.Stdin).Scan() {
		return errors.New("waiting for a line on standard input: it ended")
	}
	c.report("Converse", named)
	return nil
}

func (c client) callerIdentity(ctx context.Context) func(*Step) error {
	return func(s *Step) error {
		out, err := sts.NewFromConfig(c.aws).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return err
		}
		s.Account, s.ARN = aws.ToString(out.Account), aws.ToString(out.Arn)
		return nil
	}
}
