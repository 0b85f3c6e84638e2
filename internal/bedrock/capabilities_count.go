package bedrock

import (
	"bytes"
	"encoding/base64"
)

// The shapes of CountTokens
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html).
// What is counted is a request that could be made: its capabilities and its
// unknown fields are reported under the names they have there, so that a rule
// means the same for both.
var (
	countTop      = members[*capReader]{"input": (*capReader).countInput}
	countUnion    = members[*capReader]{"invokeModel": (*capReader).countInvoke, "converse": (*capReader).countConverse}
	invokeCounted = members[*capReader]{"body": (*capReader).countBody}

	converseCounted = members[*capReader]{
		"messages":                     (*capReader).converseMessages,
		"system":                       (*capReader).converseSystem,
		"toolConfig":                   (*capReader).toolConfig,
		"additionalModelRequestFields": (*capReader).additionalFields,
	}
)

func (r *capReader) countInput() error  { return r.one(r.members("input.", countUnion)) }
func (r *capReader) countInvoke() error { return r.one(r.members("input.invokeModel.", invokeCounted)) }
func (r *capReader) countConverse() error {
	r.found = true
	return r.members("", converseCounted)
}

// countBody keeps the InvokeModel body, to be read once the outer one is.
func (r *capReader) countBody() error {
	if k := r.dec.PeekKind(); k != '"' && k != 0 {
		return r.fail("want base64 in a string")
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		return r.syntax(err)
	}
	text, err := unquote(v)
	if err != nil {
		return r.syntax(err)
	}
	// Go's decoder passes over line ends; another might end there.
	if r.inner, err = base64.StdEncoding.Strict().AppendDecode([]byte{}, text); err != nil || bytes.ContainsAny(text, "\r\n") {
		return r.fail("not base64")
	}
	r.found = true
	return nil
}

// counted reads the InvokeModel body that was inside.
func (r *capReader) counted() error {
	switch {
	case !r.found:
		return &RequestError{Where: "body", Problem: "has no input to count"}
	case r.inner == nil:
		return nil
	}
	r.reset("body of input.invokeModel", r.inner)
	if len(r.inner) == 0 {
		return r.fail("empty")
	}
	if err := r.members("", r.dialect.top); err != nil {
		return err
	}
	return r.end()
}
