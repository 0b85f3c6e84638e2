package main

import (
	"context"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

func (c client) countTokens(ctx context.Context) func(*Step) error {
	return func(s *Step) error {
		out, err := c.bedrock.CountTokens(ctx, &bedrockruntime.CountTokensInput{
			ModelId: &c.model,
			Input:   &types.CountTokensInputMemberConverse{Value: types.ConverseTokensRequest{Messages: messages()}},
		})
		if err != nil {
			return err
		}
		s.InputTokens = int(aws.ToInt32(out.InputTokens))
		return nil
	}
}

// guardrail has the guardrail of COMPAT_GUARDRAIL look at the text of COMPAT_TEXT.
func (c client) guardrail(ctx context.Context, version string) func(*Step) error {
	return func(s *Step) error {
		out, err := c.bedrock.ApplyGuardrail(ctx, &bedrockruntime.ApplyGuardrailInput{
			GuardrailIdentifier: aws.String(os.Getenv("COMPAT_GUARDRAIL")),
			GuardrailVersion:    &version,
			Source:              types.GuardrailContentSourceInput,
			Content:             []types.GuardrailContentBlock{&types.GuardrailContentBlockMemberText{Value: types.GuardrailTextBlock{Text: aws.String(os.Getenv("COMPAT_TEXT"))}}},
		})
		if err != nil {
			return err
		}
		s.StopReason = string(out.Action)
		for _, o := range out.Outputs {
			s.Text += aws.ToString(o.Text)
		}
		return nil
	}
}

// async starts an invocation whose answer goes to the place that COMPAT_OUTPUT
// names, asks for it and lists it; then it starts one that goes elsewhere.
func (c client) async(ctx context.Context) {
	var arn string
	c.report("StartAsyncInvoke", func(s *Step) (err error) {
		arn, err = c.start(ctx, os.Getenv("COMPAT_OUTPUT"))
		s.ARN = arn
		return err
	})
	c.report("GetAsyncInvoke", func(s *Step) error {
		out, err := c.bedrock.GetAsyncInvoke(ctx, &bedrockruntime.GetAsyncInvokeInput{InvocationArn: &arn})
		if err == nil {
			s.ARN, s.StopReason = aws.ToString(out.InvocationArn), string(out.Status)
		}
		return err
	})
	c.report("ListAsyncInvokes", func(s *Step) error {
		out, err := c.bedrock.ListAsyncInvokes(ctx, &bedrockruntime.ListAsyncInvokesInput{MaxResults: aws.Int32(100)})
		if err == nil && slices.ContainsFunc(out.AsyncInvokeSummaries, func(i types.AsyncInvokeSummary) bool { return aws.ToString(i.InvocationArn) == arn }) {
			s.ARN = arn
		}
		return err
	})
	c.report("StartAsyncInvoke", func(*Step) error {
		_, err := c.start(ctx, os.Getenv("COMPAT_ELSEWHERE"))
		return err
	})
}

func (c client) start(ctx context.Context, output string) (string, error) {
	out, err := c.bedrock.StartAsyncInvoke(ctx, &bedrockruntime.StartAsyncInvokeInput{
		ModelId: &c.model,
		ModelInput: document.NewLazyDocument(map[string]any{
			"taskType":          "TEXT_VIDEO",
			"textToVideoParams": map[string]any{"text": question},
		}),
		OutputDataConfig: &types.AsyncInvokeOutputDataConfigMemberS3OutputDataConfig{
			Value: types.AsyncInvokeS3OutputDataConfig{S3Uri: &output},
		},
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.InvocationArn), nil
}
