package gateway

import (
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/policy"
)

// The requestMetadata keys by which a caller declares things. They are its own
// word: policies see them under context.asserted, and a declared class can only
// raise the label (security S5).
const (
	metadataPurpose = "writ.purpose"
	metadataClasses = "writ.classes" // comma-separated
)

// content is what was read of a body, and what is in it.
type content struct {
	texts bedrock.Texts
	parts []classifier.Part // one for each text, and what the headers say
	found []classifier.Found
}

// where names the place of a finding for operators.
func (c *content) where(part int) string {
	if part < len(c.texts.List) {
		return bedrock.Place(c.texts.Where(part))
	}
	return "header"
}

// classify labels the prompt: every text of the body, wherever it stands, is
// put to the detectors, what cannot be read is unscanned, and what the caller
// declares is joined to that.
func (x *exchange) classify() *refusal {
	began := time.Now()
	defer func() { x.classified += time.Since(began) }()
	x.content = content{}
	if x.target.Operation.Bodiless() {
		x.prompt = dataclass.Label{Redactable: true} // there is nothing to read
		return nil
	}
	x.prompt = x.read()
	return x.declared()
}

// read classifies the body and the metadata that comes in a header.
func (x *exchange) read() dataclass.Label {
	texts, err := bedrock.ReadTexts(x.target.Operation, x.body.Bytes())
	if err != nil {
		return dataclass.Unscanned("opaque_body")
	}
	x.content.texts, x.content.parts = texts, partsOf(&texts)
	x.passOwnToken()
	for _, v := range x.forwarded[headerMetadata] {
		x.content.parts = append(x.content.parts, classifier.Part{Text: []byte(v), Fixed: true})
	}
	r := x.state.Classifier.Classify(x.content.parts, x.g.memory.Of(x.proven.session.ID))
	x.content.found = r.Findings
	return r.Label
}

// passOwnToken leaves out the client token that Writ itself put into the body:
// to a detector it looks like a secret.
func (x *exchange) passOwnToken() {
	for i := range x.content.texts.List {
		t := &x.content.texts.List[i]
		if x.async.token != "" && t.Field == "clientRequestToken" && string(t.Value) == x.async.token {
			x.content.parts[i] = classifier.Part{}
		}
	}
}

// headerMetadata is where InvokeModel has its request metadata.
const headerMetadata = "X-Amzn-Bedrock-Request-Metadata"

// partsOf says of each text how it is to be read.
func partsOf(texts *bedrock.Texts) []classifier.Part {
	parts := make([]classifier.Part, len(texts.List))
	for i := range texts.List {
		t := &texts.List[i]
		if t.Kind == bedrock.Skipped {
			continue
		}
		p := &parts[i]
		p.Text, p.Field, p.Runs, p.After, p.Fixed = t.Value, t.Field, t.Runs, t.After, !t.Spliceable()
		p.File, p.Sealed, p.Unread = t.Kind == bedrock.Bytes, t.Kind == bedrock.Opaque, outOfReach(t.Kind)
	}
	return parts
}

// outOfReach is why a text says nothing of the content that it stands for;
// empty: it is the content.
func outOfReach(k bedrock.TextKind) string {
	switch k {
	case bedrock.S3:
		return "s3"
	case bedrock.Remote:
		return "remote"
	}
	return ""
}

// declared joins what the caller says of the prompt.
func (x *exchange) declared() *refusal {
	x.asserted = policy.Asserted{Purpose: x.caps.Metadata[metadataPurpose], Metadata: x.caps.Metadata}
	declared, ok := x.caps.Metadata[metadataClasses]
	if !ok {
		return nil
	}
	for name := range strings.SplitSeq(declared, ",") {
		class, err := dataclass.ParseClass(strings.TrimSpace(name))
		if err != nil {
			return refuse("malformed", invalid("requestMetadata "+metadataClasses+": "+err.Error()))
		}
		x.asserted.Classes = append(x.asserted.Classes, string(class))
		x.prompt = x.prompt.Join(dataclass.Declared(class))
	}
	return nil
}
