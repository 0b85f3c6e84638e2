package fakebedrock

import (
	"net/http"
	"slices"
	"strings"
)

// family is a group of models with one body shape.
type family struct {
	prefix string // of the bare model id
	// read understands an InvokeModel body; nil: only Converse is served.
	read func(t *tally, body []byte) *apiError
	// whole is the answer of InvokeModel.
	whole func(answer) any
	// events are the answer of InvokeModelWithResponseStream, each to be
	// wrapped into a chunk; nil: the model does not stream.
	events func(answer) []event
	// embeds: the model answers with vectors, and does not converse.
	embeds bool
}

var families = []family{
	{prefix: "anthropic.claude-", read: readAnthropic, whole: wholeAnthropic, events: eventsAnthropic},
	{prefix: "amazon.nova-", read: readConverse, whole: wholeNova, events: eventsNova},
	{prefix: "amazon.titan-text-", read: readTitan, whole: wholeTitan, events: eventsTitan},
	{prefix: "amazon.titan-embed-text-", read: readTitan, whole: wholeEmbedding, embeds: true},
	{prefix: "meta.llama", read: readMeta, whole: wholeMeta, events: eventsMeta},
	{prefix: "mistral.", read: readMistral, whole: wholeMistral, events: eventsMistral},
	{prefix: "ai21.jamba-", read: readChat, whole: wholeChat, events: eventsChat},
	{prefix: "cohere.command-", read: readCohere, whole: wholeCohere, events: eventsCohere},
	{prefix: "deepseek."},
	{prefix: "openai.gpt-", read: readChat, whole: wholeChat, events: eventsChat},
	{prefix: "qwen.", read: readChat, whole: wholeChat, events: eventsChat},
}

// geographies are the prefixes of cross-region inference profiles.
var geographies = []string{"us", "eu", "apac", "au", "jp", "ca", "in", "us-gov", "global"}

// familyOf finds who answers for a model named by id, profile id or ARN.
func (s *Server) familyOf(name string) (*family, *apiError) {
	id := name
	if base, ok := s.cfg.Models[name]; ok {
		id = base
	} else if strings.HasPrefix(name, "arn:") {
		_, resource, _ := strings.Cut(name, "/")
		kind := strings.TrimSuffix(name, "/"+resource)
		if !strings.HasSuffix(kind, ":foundation-model") && !strings.HasSuffix(kind, ":inference-profile") {
			return nil, unknownModel()
		}
		id = resource
	}
	if geo, rest, _ := strings.Cut(id, "."); slices.Contains(geographies, geo) {
		id = rest
	}
	for i := range families {
		if strings.HasPrefix(id, families[i].prefix) {
			return &families[i], nil
		}
	}
	return nil, unknownModel()
}

func unknownModel() *apiError {
	return &apiError{status: http.StatusNotFound, name: "ResourceNotFoundException",
		message: "Could not resolve the foundation model from the provided model identifier."}
}
