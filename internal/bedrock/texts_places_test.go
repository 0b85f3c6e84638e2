package bedrock

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestTheWiresNamesAreKnown: a member that capabilities or answers are read by
// has its place here as well, so that its name is not taken for the caller's text.
func TestTheWiresNamesAreKnown(t *testing.T) {
	tables := []members[*capReader]{
		amazonAdditional, amazonAsync, amazonTop, ai21Top, anthropicAdditional, anthropicBlock, anthropicSources, anthropicTool, anthropicTop,
		applyBlock, applyImageMembers, applyImageSources, applyTextMembers, applyTop, asyncOutputMembers, asyncS3Members, asyncTagMembers, asyncTop,
		chatDialect.top, cohereAdditional, cohereTool, cohereTop, converseBlock, converseCounted, converseMessage, converseTool, converseTop, countTop,
		countUnion, documentBlock, guardrailBodyMembers, guardrailMembers, guardrailStreamMembers, imageURLMembers, inferenceMembers, invokeCounted,
		latencyMembers, outputMembers, tierMembers,
		lumaAsync, mediaMembers, mediaSources, messageMembers, metaTop, mistralTop, novaAdditionalMembers, novaInferenceMembers, openAIPart, openAITool,
		openAITop, s3Members, sampling, systemBlock, systemToolMembers, thinkingMembers, titanTextMembers, toolConfigMembers, toolFunctionMembers,
		toolResultBlock, toolResultMembers, toolSpecMembers, twelveLabsAsync,
	}
	shapes := []answerShape{
		answerMembers, blockShape, cachedShape, chatEventMembers, choiceMembers, chunkShape, cohereShape, failureMembers, messageShape, nestedMembers,
		outputShape, routerShape, startShape, toolCallShape, toolUseShape, traceShape, usageMembers,
	}
	names := make(map[string]bool)
	for _, table := range tables {
		for name := range table {
			names[name] = true
		}
	}
	for _, shape := range shapes {
		for name := range shape {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if _, ok := places[name]; !ok {
			t.Errorf("%s has no place", name)
		}
	}
}

// TestPlacesAreListedOnce keeps the list of plain names in order.
func TestPlacesAreListedOnce(t *testing.T) {
	plain := strings.Fields(plainPlaces)
	if !slices.IsSorted(plain) || len(slices.Compact(slices.Clone(plain))) != len(plain) {
		t.Errorf("not sorted, or listed twice:\n%s", strings.Join(slices.Compact(slices.Sorted(slices.Values(plain))), " "))
	}
}
