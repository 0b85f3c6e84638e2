package bedrock

import (
	"fmt"
	"regexp"
)

var (
	asyncTop = members[*capReader]{
		"clientRequestToken": (*capReader).skipText,
		"modelId":            (*capReader).skipText,
		"modelInput":         (*capReader).asyncInput,
		"outputDataConfig":   (*capReader).asyncOutput,
		"tags":               (*capReader).asyncTags,
	}
	asyncOutputMembers = members[*capReader]{"s3OutputDataConfig": (*capReader).asyncS3}
	asyncS3Members     = members[*capReader]{
		"s3Uri":       func(r *capReader) error { return r.place(&r.output.URI, 1024) },
		"kmsKeyId":    func(r *capReader) error { return r.place(&r.output.KMSKey, 2048) },
		"bucketOwner": func(r *capReader) error { return r.place(&r.output.BucketOwner, 12) },
	}
	asyncTagMembers = members[*capReader]{
		"key":   func(r *capReader) error { return r.place(&r.tag[0], 128) },
		"value": func(r *capReader) error { return r.place(&r.tag[1], 256) },
	}
)

// What models take only by StartAsyncInvoke. Nested members are content; every
// S3 location and key in them is found by scanning.
var (
	amazonAsync = members[*capReader]{
		"taskType":                 (*capReader).skip, // Nova Reel, Nova embeddings
		"textToVideoParams":        (*capReader).scan,
		"multiShotAutomatedParams": (*capReader).scan,
		"multiShotManualParams":    (*capReader).scan,
		"videoGenerationConfig":    (*capReader).skip,
		"schemaVersion":            (*capReader).skip,
		"segmentedEmbeddingParams": (*capReader).scan,
	}
	lumaAsync = members[*capReader]{
		"prompt":       (*capReader).skipText,
		"aspect_ratio": (*capReader).skip,
		"duration":     (*capReader).skip,
		"resolution":   (*capReader).skip,
		"loop":         (*capReader).skip,
		"keyframes":    (*capReader).scan,
	}
	twelveLabsAsync = members[*capReader]{
		"inputType":         (*capReader).skip,
		"inputText":         (*capReader).skipText,
		"textTruncate":      (*capReader).skip,
		"mediaSource":       (*capReader).scan,
		"embeddingOption":   (*capReader).skip,
		"startSec":          (*capReader).skip,
		"lengthSec":         (*capReader).skip,
		"useFixedLengthSec": (*capReader).skip,
		"minClipSec":        (*capReader).skip,
		"text":              (*capReader).scan, // Marengo 3
		"image":             (*capReader).scan,
		"text_image":        (*capReader).scan,
		"audio":             (*capReader).scan,
		"video":             (*capReader).scan,
	}
)

// asyncInput reads the model's input as the body of InvokeModel would be read.
// A provider whose asynchronous models take another body has a list for them.
func (r *capReader) asyncInput() error {
	r.input, r.within = true, "modelInput."
	known := r.dialect.top
	if r.dialect.async != nil {
		known = joined(r.dialect.top, r.dialect.async)
	}
	err := r.members(r.within, known)
	r.within = ""
	return err
}

// joined is two lists in one; where both know a name, the first one's reader
// counts.
func joined(a, b members[*capReader]) members[*capReader] {
	out := make(members[*capReader], len(a)+len(b))
	for name, read := range b {
		out[name] = read
	}
	for name, read := range a {
		out[name] = read
	}
	return out
}

func (r *capReader) asyncOutput() error {
	return r.members("outputDataConfig.", asyncOutputMembers)
}

func (r *capReader) asyncS3() error {
	return r.members("outputDataConfig.s3OutputDataConfig.", asyncS3Members)
}

// place reads a non-empty string into its place.
func (r *capReader) place(to *string, limit int) (err error) {
	if *to, err = r.text(limit); err == nil && !printable(*to) {
		err = r.fail("holds a control character")
	}
	return err
}

// tagForm is AWS's pattern for keys and values, less what is not a plain blank.
var tagForm = regexp.MustCompile(`^[a-zA-Z0-9 ._:/=+@-]*$`)

func (r *capReader) asyncTags() error {
	return r.array(func() error {
		r.tag = [2]string{}
		if err := r.members("tags.", asyncTagMembers); err != nil {
			return err
		}
		key, value := r.tag[0], r.tag[1]
		if key == "" || !tagForm.MatchString(key) || !tagForm.MatchString(value) {
			return r.fail("want a tag's key and value in letters, digits, blanks and ._:/=+@-")
		}
		return r.list(&r.caps.Tags, key+"="+value)
	})
}

// finishAsync checks that nothing is missing from a body that starts an
// asynchronous invocation.
func (r *capReader) finishAsync() error {
	if !r.op.Async() {
		return nil
	}
	switch {
	case !r.input:
		return &RequestError{Where: "body", Problem: "modelInput is required"}
	case r.output.URI == "":
		return &RequestError{Where: "body", Problem: "outputDataConfig.s3OutputDataConfig.s3Uri is required"}
	case r.output.BucketOwner != "" && !ValidAccount(r.output.BucketOwner):
		return &RequestError{Where: "body", Problem: "bucketOwner is not twelve digits"}
	}
	output := r.output
	r.caps.Output = &output
	if output.KMSKey == "" {
		return nil
	}
	return r.list(&r.caps.KMSKeys, output.KMSKey)
}

// AsyncStart is what names things in a StartAsyncInvoke body.
type AsyncStart struct {
	ModelID string // required: as the caller named it
	Token   string // clientRequestToken; empty: none

	token [2]int // where the token's JSON string begins and ends
}

// asyncReader reads those names. What else a body holds is capReader's to read.
type asyncReader struct {
	jsonReader
	start AsyncStart
}

var asyncNames = members[*asyncReader]{
	"modelId":            (*asyncReader).modelID,
	"clientRequestToken": (*asyncReader).clientToken,
	"modelInput":         (*asyncReader).pass,
	"outputDataConfig":   (*asyncReader).pass,
	"tags":               (*asyncReader).pass,
}

func (r *asyncReader) pass() error { return r.skip() }

func (r *asyncReader) modelID() (err error) {
	r.start.ModelID, err = r.text(maxAsyncModel)
	return err
}

// AWS's longest client token and model identifier, in bytes.
const (
	maxToken      = 256
	maxAsyncModel = 256
)

func (r *asyncReader) clientToken() error {
	if k := r.dec.PeekKind(); k != '"' && k != 0 {
		return r.fail("want a string")
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		return r.syntax(err)
	}
	s, err := unquote(v)
	switch {
	case err != nil:
		return r.syntax(err)
	case len(s) == 0 || len(s) > maxToken || !visible(s):
		return r.fail("want 1 to 256 printable ASCII characters without blanks")
	}
	end := int(r.dec.InputOffset())
	r.start.Token, r.start.token = string(s), [2]int{end - len(v), end}
	return nil
}

func visible(s []byte) bool {
	for _, c := range s {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}

// ReadAsyncStart reads the names in a StartAsyncInvoke body, as strictly as
// ReadCapabilities reads the rest.
func ReadAsyncStart(body []byte) (AsyncStart, error) {
	var r asyncReader
	r.reset("body", body)
	if len(body) == 0 {
		return AsyncStart{}, r.fail("empty")
	}
	err := object(&r.jsonReader, &r, asyncNames, func(string) error { return r.skip() })
	if err == nil {
		err = r.end()
	}
	if err == nil && r.start.ModelID == "" {
		err = &RequestError{Where: "body", Problem: "modelId is required"}
	}
	if err != nil {
		return AsyncStart{}, err
	}
	return r.start, nil
}

// WithToken is the body that a was read from with another client token in the
// place of its own, and every other byte as it was. The token must not need
// escapes.
func (a AsyncStart) WithToken(body []byte, token string) ([]byte, error) {
	if a.Token == "" || a.token[1] > len(body) || !isSymbol(token) {
		return nil, fmt.Errorf("replacing a client token of %d bytes: there is none, or the new one is not plain", len(a.Token))
	}
	out := make([]byte, 0, len(body)+len(token))
	out = append(out, body[:a.token[0]]...)
	out = append(out, '"')
	out = append(out, token...)
	out = append(out, '"')
	return append(out, body[a.token[1]:]...), nil
}
