package bedrock

import "strings"

// The shapes of messages in Converse, which Amazon Nova's InvokeModel body
// shares. Text, tool inputs, tool results in JSON and cited sources are the
// caller's data: a URI in them is not an order to fetch it.
var (
	converseMessage = members[*capReader]{
		"role":    (*capReader).converseRole,
		"content": (*capReader).converseContent,
	}
	converseBlock = members[*capReader]{
		"text":             (*capReader).skipText,
		"image":            (*capReader).media,
		"document":         (*capReader).media,
		"video":            (*capReader).media,
		"audio":            (*capReader).media,
		"toolUse":          (*capReader).document,
		"toolResult":       (*capReader).toolResult,
		"guardContent":     (*capReader).guarded,
		"cachePoint":       (*capReader).cachePoint,
		"reasoningContent": (*capReader).opaque,
		"citationsContent": (*capReader).skip,
		"searchResult":     (*capReader).skip,
		"toolAddition":     switchedOn("tool_addition"),
		"toolRemoval":      (*capReader).skip,
	}
	systemBlock = members[*capReader]{
		"text":         (*capReader).skipText,
		"guardContent": (*capReader).guarded,
		"cachePoint":   (*capReader).cachePoint,
	}
	toolResultMembers = members[*capReader]{
		"toolUseId": (*capReader).skip,
		"content":   (*capReader).toolResultContent,
		"status":    (*capReader).skip,
		"type":      (*capReader).skip,
	}
	toolResultBlock = members[*capReader]{
		"json":         (*capReader).document,
		"text":         (*capReader).skipText,
		"image":        (*capReader).media,
		"document":     (*capReader).media,
		"video":        (*capReader).media,
		"searchResult": (*capReader).skip,
	}
	mediaMembers = members[*capReader]{
		"format":    (*capReader).skip,
		"name":      (*capReader).skip,
		"source":    (*capReader).mediaSource,
		"context":   (*capReader).skip,
		"citations": (*capReader).skip,
		"error":     (*capReader).skip,
	}
	mediaSources = members[*capReader]{
		"bytes":      (*capReader).skipText,
		"s3Location": (*capReader).s3Location,
		"text":       (*capReader).skipText,
		"content":    (*capReader).documentContent,
	}
	documentBlock = members[*capReader]{"text": (*capReader).skipText}
	s3Members     = members[*capReader]{
		"uri":         (*capReader).s3URI,
		"bucketOwner": (*capReader).skip,
	}
)

func (r *capReader) converseMessages() error {
	return r.array(func() error { return r.content("messages.", converseMessage) })
}

func (r *capReader) converseRole() error {
	return r.role("user", "assistant", "system")
}

// role reads a message's role and reports one that is not known.
func (r *capReader) role(known ...string) error {
	s, err := r.symbol()
	if err != nil {
		return err
	}
	for _, k := range known {
		if s == k {
			return nil
		}
		if strings.EqualFold(s, k) {
			return r.fail("differs from a known role only in case")
		}
	}
	return r.list(&r.caps.UnknownContent, "messages.role:"+s)
}

// union reads a content block that has exactly one member.
func (r *capReader) union(path string, known members[*capReader]) func() error {
	return func() error { return r.one(r.content(path, known)) }
}

func (r *capReader) converseContent() error {
	return r.array(r.union("messages.content.", converseBlock))
}

func (r *capReader) converseSystem() error {
	return r.array(r.union("system.", systemBlock))
}

func (r *capReader) toolResult() error {
	return r.content("messages.content.toolResult.", toolResultMembers)
}

func (r *capReader) toolResultContent() error {
	return r.array(r.union("messages.content.toolResult.content.", toolResultBlock))
}

func (r *capReader) media() error {
	r.caps.Load.Unread = true
	return r.content("messages.content.media.", mediaMembers)
}

func (r *capReader) mediaSource() error {
	return r.one(r.content("messages.content.media.source.", mediaSources))
}

func (r *capReader) documentContent() error {
	return r.array(r.union("messages.content.media.source.content.", documentBlock))
}

func (r *capReader) s3Location() error {
	return r.content("messages.content.media.source.s3Location.", s3Members)
}

func (r *capReader) s3URI() error {
	s, err := r.text(maxModelID)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(s, "s3://") || !printable(s) {
		return r.fail("want an s3:// URI")
	}
	return r.list(&r.caps.S3, s)
}

// guarded notes a block that a guardrail is to look at; the rest of the
// request, it then does not look at (security S4).
func (r *capReader) guarded() error {
	r.guardContent = true
	return r.skip()
}
