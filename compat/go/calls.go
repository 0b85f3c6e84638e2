package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

var question = cmp.Or(os.Getenv("COMPAT_QUESTION"), "Name three rivers.")

// messages is the question as a Converse conversation.
func messages() []types.Message {
	return []types.Message{{
		Role:    types.ConversationRoleUser,
		Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: question}},
	}}
}

// offer is the tool that scenario "tools" offers, or those that COMPAT_TOOLS names;
// nil offers none.
func offer(tools bool) *types.ToolConfiguration {
	if !tools {
		return nil
	}
	if names := os.Getenv("COMPAT_TOOLS"); names != "" {
		var out types.ToolConfiguration
		for name := range strings.SplitSeq(names, ",") {
			out.Tools = append(out.Tools, &types.ToolMemberToolSpec{Value: types.ToolSpecification{
				Name: &name, InputSchema: &types.ToolInputSchemaMemberJson{Value: document.NewLazyDocument(map[string]any{"type": "object"})},
			}})
		}
		return &out
	}
	schema := document.NewLazyDocument(map[string]any{
		"type":       "object",
		"properties": map[string]any{"city": map[string]any{"type": "string"}},
		"required":   []string{"city"},
	})
	return &types.ToolConfiguration{Tools: []types.Tool{&types.ToolMemberToolSpec{Value: types.ToolSpecification{
		Name:        aws.String("get_weather"),
		Description: aws.String("Weather of a city"),
		InputSchema: &types.ToolInputSchemaMemberJson{Value: schema},
	}}}}
}

func (c client) converse(ctx context.Context, tools bool) func(*Step) error {
	return func(s *Step) error {
		out, err := c.bedrock.Converse(ctx, &bedrockruntime.ConverseInput{
			ModelId: &c.model, Messages: messages(), ToolConfig: offer(tools), RequestMetadata: collects("COMPAT_HOLD"),
		})
		if err != nil {
			return err
		}
		s.StopReason, s.Receipt = string(out.StopReason), receipt(out.ResultMetadata)
		s.count(out.Usage)
		message, ok := out.Output.(*types.ConverseOutputMemberMessage)
		if !ok {
			return nil
		}
		for _, block := range message.Value.Content {
			switch b := block.(type) {
			case *types.ContentBlockMemberText:
				s.Text += b.Value
			case *types.ContentBlockMemberToolUse:
				s.Tool, s.ToolUseID = aws.ToString(b.Value.Name), aws.ToString(b.Value.ToolUseId)
				if err := b.Value.Input.UnmarshalSmithyDocument(&s.ToolInput); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func (s *Step) count(u *types.TokenUsage) {
	if u != nil {
		s.InputTokens, s.OutputTokens = int(aws.ToInt32(u.InputTokens)), int(aws.ToInt32(u.OutputTokens))
	}
}

func (c client) converseStream(ctx context.Context, tools bool) func(*Step) error {
	return func(s *Step) error {
		out, err := c.bedrock.ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{
			ModelId: &c.model, Messages: messages(), ToolConfig: offer(tools), RequestMetadata: collects("COMPAT_HOLD_STREAM"),
		})
		if err != nil {
			return err
		}
		s.Receipt = receipt(out.ResultMetadata)
		stream := out.GetStream()
		defer stream.Close()
		var input []byte
		for event := range stream.Events() {
			s.Events++
			if s.Events == 1 && c.begun != nil {
				c.begun()
			}
			input = s.take(event, input)
		}
		if err := stream.Err(); err != nil || input == nil {
			return err
		}
		s.Arguments = string(input)
		return json.Unmarshal(input, &s.ToolInput)
	}
}

// take adds a stream event to the step; input collects a tool call's fragments.
func (s *Step) take(event types.ConverseStreamOutput, input []byte) []byte {
	switch e := event.(type) {
	case *types.ConverseStreamOutputMemberContentBlockStart:
		if start, ok := e.Value.Start.(*types.ContentBlockStartMemberToolUse); ok {
			s.Tool, s.ToolUseID = aws.ToString(start.Value.Name), aws.ToString(start.Value.ToolUseId)
		}
	case *types.ConverseStreamOutputMemberContentBlockDelta:
		switch delta := e.Value.Delta.(type) {
		case *types.ContentBlockDeltaMemberText:
			s.Text += delta.Value
		case *types.ContentBlockDeltaMemberToolUse:
			return append(input, aws.ToString(delta.Value.Input)...)
		}
	case *types.ConverseStreamOutputMemberMessageStop:
		s.StopReason = string(e.Value.StopReason)
	case *types.ConverseStreamOutputMemberMetadata:
		s.count(e.Value.Usage)
	}
	return input
}

// native is the question as an Anthropic Messages body.
func native() []byte {
	asked, err := json.Marshal(question)
	if err != nil {
		panic(err) // a string
	}
	return fmt.Appendf(nil, `{"anthropic_version":"bedrock-2023-05-31","max_tokens":500,"messages":[{"role":"user","content":%s}]}`, asked)
}

func (c client) invoke(ctx context.Context) func(*Step) error {
	return func(s *Step) error {
		out, err := c.bedrock.InvokeModel(ctx, &bedrockruntime.InvokeModelInput{ModelId: &c.model, Body: native()})
		if err != nil {
			return err
		}
		var body struct {
			Content []struct {
				Text string `json:"text"`
			} `json:"content"`
			StopReason string `json:"stop_reason"`
			Usage      struct {
				Input  int `json:"input_tokens"`
				Output int `json:"output_tokens"`
			} `json:"usage"`
		}
		if err := json.Unmarshal(out.Body, &body); err != nil {
			return err
		}
		for _, block := range body.Content {
			s.Text += block.Text
		}
		s.StopReason, s.InputTokens, s.OutputTokens = body.StopReason, body.Usage.Input, body.Usage.Output
		return nil
	}
}

func (c client) invokeStream(ctx context.Context) func(*Step) error {
	return func(s *Step) error {
		out, err := c.bedrock.InvokeModelWithResponseStream(ctx, &bedrockruntime.InvokeModelWithResponseStreamInput{
			ModelId: &c.model, Body: native(),
		})
		if err != nil {
			return err
		}
		stream := out.GetStream()
		defer stream.Close()
		for event := range stream.Events() {
			s.Events++
			chunk, ok := event.(*types.ResponseStreamMemberChunk)
			if !ok {
				continue
			}
			if err := s.takeNative(chunk.Value.Bytes); err != nil {
				return err
			}
		}
		return stream.Err()
	}
}

// takeNative adds one event of Anthropic's own streaming format.
func (s *Step) takeNative(raw []byte) error {
	var e struct {
		Delta struct {
			Text       string `json:"text"`
			StopReason string `json:"stop_reason"`
		} `json:"delta"`
		Metrics *struct {
			Input  int `json:"inputTokenCount"`
			Output int `json:"outputTokenCount"`
		} `json:"amazon-bedrock-invocationMetrics"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return err
	}
	s.Text += e.Delta.Text
	if e.Delta.StopReason != "" {
		s.StopReason = e.Delta.StopReason
	}
	if e.Metrics != nil {
		s.InputTokens, s.OutputTokens = e.Metrics.Input, e.Metrics.Output
	}
	return nil
}
