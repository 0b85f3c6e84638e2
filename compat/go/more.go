package main

import (
	"context"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
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
