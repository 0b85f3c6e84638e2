package bedrock

import "maps"

// chatDialect is the body of chat completions, which has OpenAI's shape
// whatever the model's provider. Here the model and whether it streams are the
// caller's to say, and Target.Complete has read them.
var chatDialect = func() *dialect {
	top := maps.Clone(openAITop)
	delete(top, "prompt") // completions', not chat's
	delete(top, bodyTrace)
	maps.Copy(top, members[*capReader]{
		"metadata":               (*capReader).chatMetadata,
		"model":                  (*capReader).skipText,
		"prompt_cache_key":       (*capReader).skip,
		"prompt_cache_retention": switchedOn("prompt_cache_retention"), // how long a prompt is kept
		"safety_identifier":      (*capReader).skip,
		"verbosity":              (*capReader).skip,
	})
	return openAIDialect(top)
}()

// chatMetadata reads OpenAI's metadata as far as it is what request metadata is:
// texts by name, within AWS's limits. What else is there says nothing to Writ, and
// is passed on.
func (r *capReader) chatMetadata() error {
	if r.dec.PeekKind() != '{' {
		return r.skip()
	}
	m := make(map[string]string, 4)
	err := object(&r.jsonReader, r, nil, func(name string) error {
		v, err := r.raw()
		if err != nil || len(v) == 0 || v[0] != '"' {
			return err
		}
		text, err := unquote(v)
		if err == nil && len(text) <= maxMetadata && isMetadata(name) && isMetadata(string(text)) && len(m) < maxMetadataEntries {
			m[name] = string(text)
		}
		return nil
	})
	r.caps.Metadata = m
	return err
}

// chatTarget is what a chat completion's body says of where it goes.
type chatTarget struct {
	jsonReader
	model  string
	stream bool
}

var chatTargetMembers = members[*chatTarget]{
	"model":  (*chatTarget).readModel,
	"stream": (*chatTarget).readStream,
}

// readChatTarget reads the model and whether to stream. The rest of the body is
// passed over here, as strictly as ReadCapabilities reads it.
func readChatTarget(body []byte) (*chatTarget, error) {
	t := &chatTarget{}
	t.reset("body", body)
	if len(body) == 0 {
		return nil, t.fail("empty")
	}
	err := object(&t.jsonReader, t, chatTargetMembers, func(string) error { return t.skip() })
	if err == nil {
		err = t.end()
	}
	if err == nil && t.model == "" {
		err = t.failAt("", "names no model")
	}
	return t, err
}

// readModel reads the model, held to the bytes that identifiers in a path are.
func (t *chatTarget) readModel() error {
	s, err := t.text(maxModelID)
	if err != nil {
		return err
	}
	if id, err := decodeID(s); err != nil || id != s { // nothing here is escaped
		return t.fail("want a model's or a profile's id")
	}
	t.model = s
	return nil
}

func (t *chatTarget) readStream() error {
	switch t.dec.PeekKind() {
	case 't', 'f':
		v, err := t.token()
		t.stream = err == nil && v.Bool()
		return err
	}
	return t.fail("want true or false")
}
