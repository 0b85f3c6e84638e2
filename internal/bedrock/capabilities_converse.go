package bedrock

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
)

// extraTrace: a guardrail's trace shows the caller what the guardrail hid.
const extraTrace = "guardrail_trace"

// maxTools bounds the tools of one request; agents have been seen with a few
// hundred.
const maxTools = 1024

// The shapes of Converse and ConverseStream
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
// Content is content only as far as it can name a resource or a capability;
// the text in it is left to the classifier.
var (
	converseTop = members[*capReader]{
		"messages":                          (*capReader).converseMessages,
		"system":                            (*capReader).converseSystem,
		"inferenceConfig":                   (*capReader).inferenceConfig,
		"toolConfig":                        (*capReader).toolConfig,
		"guardrailConfig":                   (*capReader).guardrailConfig,
		"additionalModelRequestFields":      (*capReader).additionalFields,
		"additionalModelResponseFieldPaths": (*capReader).skip,
		"promptVariables":                   (*capReader).skip,
		"requestMetadata":                   (*capReader).metadata,
		"performanceConfig":                 (*capReader).performanceConfig,
		"serviceTier":                       (*capReader).serviceTier,
		"outputConfig":                      (*capReader).outputConfig,
	}
	inferenceMembers = members[*capReader]{
		"maxTokens":     (*capReader).maxTokens,
		"temperature":   (*capReader).skip,
		"topP":          (*capReader).skip,
		"topK":          (*capReader).skip, // the AI SDK's: a number for sampling, whatever Bedrock makes of it
		"stopSequences": (*capReader).skip,
	}
	outputMembers = members[*capReader]{
		"textFormat": (*capReader).document,
		"effort":     (*capReader).skip,
	}
	latencyMembers    = members[*capReader]{"latency": (*capReader).latency}
	tierMembers       = members[*capReader]{"type": (*capReader).tier}
	toolConfigMembers = members[*capReader]{
		"tools":      (*capReader).converseTools,
		"toolChoice": (*capReader).skip,
	}
	converseTool = members[*capReader]{
		"toolSpec":   (*capReader).toolSpec,
		"systemTool": (*capReader).systemTool,
		"cachePoint": (*capReader).cachePoint,
	}
	toolSpecMembers = members[*capReader]{
		"name":        (*capReader).toolName,
		"description": (*capReader).toolDescription,
		"inputSchema": (*capReader).toolSchema,
		"strict":      (*capReader).skip,
	}
	systemToolMembers = members[*capReader]{"name": (*capReader).systemToolName}
	guardrailMembers  = members[*capReader]{
		"guardrailIdentifier": (*capReader).guardrailIdentifier,
		"guardrailVersion":    (*capReader).guardrailVersion,
		"trace":               (*capReader).guardrailTrace,
	}
	guardrailStreamMembers = members[*capReader]{
		"guardrailIdentifier":  (*capReader).guardrailIdentifier,
		"guardrailVersion":     (*capReader).guardrailVersion,
		"trace":                (*capReader).guardrailTrace,
		"streamProcessingMode": (*capReader).guardrailMode,
	}
)

func (r *capReader) inferenceConfig() error { return r.members("inferenceConfig.", inferenceMembers) }
func (r *capReader) outputConfig() error    { return r.members("outputConfig.", outputMembers) }
func (r *capReader) performanceConfig() error {
	return r.members("performanceConfig.", latencyMembers)
}
func (r *capReader) serviceTier() error { return r.members("serviceTier.", tierMembers) }
func (r *capReader) toolConfig() error  { return r.members("toolConfig.", toolConfigMembers) }

func (r *capReader) latency() (err error) {
	r.caps.Latency, err = r.symbol()
	return err
}

// tier reads a service tier; InvokeModel can also state one in a header.
func (r *capReader) tier() error {
	s, err := r.symbol()
	if err == nil && r.caps.ServiceTier != "" && r.caps.ServiceTier != s {
		err = r.fail("differs from the service tier in the header")
	}
	r.caps.ServiceTier = s
	return err
}

func (r *capReader) additionalFields() error {
	const field = "additionalModelRequestFields"
	if r.dec.PeekKind() == '{' {
		r.within = field + "."
		err := r.members(r.within, r.dialect.additional)
		r.within = ""
		return err
	}
	if err := r.list(&r.caps.UnknownFields, field); err != nil {
		return err
	}
	return r.scan()
}

// AWS's limits of request metadata: entries, and bytes of one.
const maxMetadataEntries, maxMetadata = 16, 256

// metadata reads request metadata within AWS's limits. It is the caller's word
// (security S5).
func (r *capReader) metadata() error {
	m := make(map[string]string, 4)
	err := object(&r.jsonReader, r, nil, func(name string) error {
		v, err := r.text(maxMetadata)
		if err != nil {
			return err
		}
		if name == "" || !isMetadata(name) || !isMetadata(v) {
			return r.fail("holds a character that request metadata may not")
		}
		if len(m) == maxMetadataEntries {
			return r.fail(fmt.Sprintf("more than %d entries", maxMetadataEntries))
		}
		m[name] = v
		return nil
	})
	r.caps.Metadata = m
	return err
}

func isMetadata(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isLetterOrDigit(s[i]) && !strings.ContainsRune(" \t\n\r\v\f:_@$#=/+,-.", rune(s[i])) {
			return false
		}
	}
	return true
}

func isLetterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func (r *capReader) guardrailConfig() error {
	known := guardrailMembers
	if r.op == ConverseStream {
		known = guardrailStreamMembers
	}
	if err := r.members("guardrailConfig.", known); err != nil {
		return err
	}
	if r.guardrail.id == "" || r.guardrail.version == "" {
		return r.fail("needs both an identifier and a version")
	}
	return nil
}

func (r *capReader) guardrailIdentifier() (err error) {
	r.guardrail.id, err = r.text(maxModelID)
	return err
}

func (r *capReader) guardrailVersion() (err error) {
	r.guardrail.version, err = r.text(maxName)
	return err
}

func (r *capReader) guardrailTrace() error {
	s, err := r.symbol()
	switch {
	case err != nil || s == "disabled":
		return err
	case s == "enabled" || s == "enabled_full":
		return r.extra(extraTrace)
	}
	return r.fail("want enabled, disabled or enabled_full")
}

func (r *capReader) guardrailMode() (err error) {
	r.guardrail.mode, err = r.symbol()
	if err == nil && r.guardrail.mode != "sync" && r.guardrail.mode != "async" {
		err = r.fail("want sync or async")
	}
	return err
}

// toolOffer gathers one tool, whose members come in any order.
type toolOffer struct {
	name, kind          string
	description, schema []byte   // exact JSON
	unknown             []string // names its shape does not have
}

// digest binds a tool to what the model is told about it (security S24): the
// exact JSON of its description, prefixed by its length in eight big-endian
// bytes, then that of its schema. An absent one is empty.
func (t *toolOffer) digest() [sha256.Size]byte {
	h := sha256.New()
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(t.description)))
	h.Write(size[:])
	h.Write(t.description)
	h.Write(t.schema)
	return [sha256.Size]byte(h.Sum(nil))
}

func (r *capReader) converseTools() error {
	return r.array(func() error {
		return r.one(r.members("toolConfig.tools.", converseTool))
	})
}

// one checks that the union just read has one member, as every union of AWS's
// must: of two, nobody could say which one counts.
func (r *capReader) one(err error) error {
	if err == nil && r.present != 1 {
		err = r.fail("want exactly one member")
	}
	return err
}

func (r *capReader) toolSpec() error {
	r.tool = toolOffer{}
	start := r.dec.InputOffset()
	if err := r.members("toolConfig.tools.toolSpec.", toolSpecMembers); err != nil {
		return err
	}
	r.caps.Load.Documents += r.dec.InputOffset() - start
	return r.offerTool(r.tool.digest())
}

// offerTool adds the tool that was read to those offered to the model.
func (r *capReader) offerTool(digest [sha256.Size]byte) error {
	if r.tool.name == "" {
		return r.fail("a tool needs a name")
	}
	if len(r.caps.Tools) == maxTools {
		return r.fail(fmt.Sprintf("more than %d tools", maxTools))
	}
	r.caps.Tools = append(r.caps.Tools, Tool{Name: r.tool.name, Digest: digest})
	return nil
}

func (r *capReader) toolName() (err error) {
	r.tool.name, err = r.text(maxName)
	if err == nil && !printable(r.tool.name) {
		err = r.fail("holds a control character")
	}
	return err
}

func (r *capReader) toolDescription() (err error) {
	r.tool.description, err = r.raw()
	return err
}

func (r *capReader) toolSchema() (err error) {
	r.tool.schema, err = r.raw()
	return err
}

func (r *capReader) systemTool() error {
	before := len(r.caps.SystemTools)
	if err := r.members("toolConfig.tools.systemTool.", systemToolMembers); err != nil {
		return err
	}
	if len(r.caps.SystemTools) == before {
		return r.fail("want a name that no other system tool has")
	}
	return nil
}

func (r *capReader) systemToolName() error {
	s, err := r.symbol()
	if err != nil {
		return err
	}
	return r.list(&r.caps.SystemTools, s)
}
