package bedrock

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// maxPlausible bounds a token count that is believed. No model's context comes
// near it; a larger figure is an error of whoever sent it.
const maxPlausible = 1 << 30

// Usage is what a call is reported to have used.
type Usage struct {
	Tokens
	// Known: the figures were all there and plausible. When false they must not
	// be billed: the reservation stands (security S22).
	Known  bool
	Source string // header, body or stream; empty when nothing was found
	// Split: it was said which writes to the cache are kept for how long. Where it
	// was not, all of them are in CacheWrite.
	Split bool
}

// Answer is what an answer says about itself.
type Answer struct {
	Usage      Usage
	StopReason string   // as the model's provider spells it; empty when not stated
	ToolUses   []string // names of the tools that the model calls for, in order
	// InvokedModel is the model that a prompt router chose; empty otherwise.
	InvokedModel string
	ServiceTier  string // that served the call, as AWS says; empty when not said
	Latency      string // likewise
	// GuardrailUnits is what a guardrail read, by its trace; 0: none, or not said.
	GuardrailUnits int64
	// Disputed: AWS gave two figures for one thing. The larger was taken.
	Disputed  bool
	Exception string // the exception or error that ended a stream; empty when none did
	// Final: the stream brought AWS's own figures, with which it ends. Before
	// these or a stop reason no usage is Known: providers report as they go,
	// and what they said before a stream broke off is not what it cost.
	Final bool
}

// The headers in which InvokeModel's answer states its usage.
const (
	headerInputTokens  = "X-Amzn-Bedrock-Input-Token-Count"
	headerOutputTokens = "X-Amzn-Bedrock-Output-Token-Count"
	headerCacheRead    = "X-Amzn-Bedrock-Cache-Read-Input-Token-Count"
	headerCacheWrite   = "X-Amzn-Bedrock-Cache-Write-Input-Token-Count"
)

// ReadAnswer reads the headers and body of a successful, whole (not streamed)
// answer. The reader is tolerant of what it does not know, as the answer is
// AWS's, but believes no figure that cannot be. An error means that the body is
// not what any model answers; what could be read is returned beside it.
func ReadAnswer(op Operation, h http.Header, body []byte) (Answer, error) {
	if op.Async() || op.Bodiless() {
		return Answer{}, nil // it is about an invocation, and no model's
	}
	r := answerReaders.Get().(*answerReader)
	defer r.release()
	r.reset("answer", body)
	r.converse = op.Conversational()
	if op == ApplyGuardrail {
		return r.applied()
	}
	err := object(&r.jsonReader, r, answerMembers, r.pass)
	if err == nil {
		err = r.end()
	}
	a := r.finished("body", err == nil)
	if operations[op].shape == nativeShape {
		a.Usage = headerUsage(h, a.Usage, r)
	}
	return a, err
}

// answerReaders keeps readers, and with them the decoder's buffers, for reuse.
var answerReaders = sync.Pool{New: func() any { return &answerReader{jsonReader: jsonReader{lenient: true}} }}

// release lets go of everything that belongs to the answer, and gives the
// reader back.
func (r *answerReader) release() {
	r.reset("", nil)
	r.answerState = answerState{}
	answerReaders.Put(r)
}

// applied reads ApplyGuardrail's answer, whose usage is in units of text.
func (r *answerReader) applied() (Answer, error) {
	seen := false
	known := answerShape{"usage": func(r *answerReader) error {
		seen = r.dec.PeekKind() == '{'
		return r.policyUnits()
	}}
	err := object(&r.jsonReader, r, known, r.pass)
	if err == nil {
		err = r.end()
	}
	a := r.answer
	if seen {
		a.Usage.Source, a.Usage.Known = "body", err == nil && !r.implausible
	}
	return a, err
}

// headerUsage is the usage of a whole answer: AWS's figures from the headers,
// or the body's where there are none. Figures that cannot be leave it unknown: a
// provider's word is not good enough against a garbled one of AWS's.
func headerUsage(h http.Header, body Usage, r *answerReader) Usage {
	var f figures
	for name, to := range map[string]*int64{
		headerInputTokens: &f.Input, headerOutputTokens: &f.Output,
		headerCacheRead: &f.CacheRead, headerCacheWrite: &f.CacheWrite,
	} {
		v := h[name]
		if len(v) == 0 {
			continue
		}
		n, err := strconv.ParseUint(v[0], 10, 31)
		if err != nil || n > maxPlausible || len(v) != 1 {
			return Usage{Source: "header"}
		}
		*to = int64(n)
	}
	f.hasInput, f.hasOutput, f.hasRead, f.hasWrite = h[headerInputTokens] != nil, h[headerOutputTokens] != nil, h[headerCacheRead] != nil, h[headerCacheWrite] != nil
	if !f.hasInput || !f.hasOutput && !r.embedding { // an embedding has no output to count
		return body
	}
	said := f.instead(r.theirs)
	return Usage{Tokens: said.tokens(), Known: true, Source: "header", Split: said.split}
}

// Collector gathers an Answer from a stream's frames as they pass.
type Collector struct {
	op      Operation
	reader  answerReader
	scratch []byte
}

// NewCollector collects from a stream of op.
func NewCollector(op Operation) *Collector {
	return &Collector{op: op, reader: answerReader{jsonReader: jsonReader{lenient: true}, answerState: answerState{converse: op.Conversational()}}}
}

// carriers are the events of a ConverseStream that carry something to collect.
var carriers = map[string]bool{"contentBlockStart": true, "messageStop": true, "metadata": true}

// marks are what a chunk of an InvokeModel stream must hold, as text, to be
// worth reading. Most chunks are a few characters of the answer.
var marks = [][]byte{
	[]byte("nvocationMetrics"), []byte("edrock-trace"), []byte("ervice_tier"), []byte("usage"), []byte("top_reason"), []byte("topReason"),
	[]byte("finish_reason"), []byte("completionReason"), []byte("ool"),
}

// Add looks at one frame. It does not keep the frame. An error says that the
// frame does not hold what its type promises; usage is unknown from then on.
func (c *Collector) Add(f Frame) error {
	if f.Message != "event" {
		c.reader.answer.Exception = f.Type
		return nil
	}
	if c.op.Conversational() {
		c.reader.answer.Final = c.reader.answer.Final || f.Type == "metadata"
		if carriers[f.Type] {
			return c.read(f.Payload, nestedMembers)
		}
		return nil
	}
	if f.Type != "chunk" {
		return nil
	}
	if err := c.decodeChunk(f.Payload); err != nil {
		return c.lose(fmt.Errorf("reading chunk: %w", err))
	}
	for _, m := range marks {
		if bytes.Contains(c.scratch, m) {
			return c.read(c.scratch, answerMembers)
		}
	}
	return nil
}

// decodeChunk puts the event inside a chunk into c.scratch.
func (c *Collector) decodeChunk(payload []byte) error {
	r := &c.reader
	r.encoded = nil
	r.reset("chunk", payload)
	if err := object(&r.jsonReader, r, chunkShape, r.pass); err != nil {
		return err
	}
	if len(r.encoded) == 0 || r.encoded[0] != '"' {
		return errors.New("bytes is not a string")
	}
	text, err := unquote(r.encoded)
	if err != nil {
		return err
	}
	c.scratch, err = base64.StdEncoding.AppendDecode(c.scratch[:0], text)
	return err
}

func (c *Collector) read(event []byte, known answerShape) error {
	r := &c.reader
	r.reset("event", event)
	err := object(&r.jsonReader, r, known, r.pass)
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return c.lose(fmt.Errorf("reading event: %w", err))
	}
	return nil
}

func (c *Collector) lose(err error) error {
	c.reader.implausible = true
	return err
}

// Answer is what was collected so far.
func (c *Collector) Answer() Answer {
	said := c.reader.answer
	a := c.reader.finished("stream", said.Final || said.StopReason != "")
	a.ToolUses = slices.Clone(a.ToolUses)
	return a
}
