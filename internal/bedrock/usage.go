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
}

// Answer is what an answer says about itself.
type Answer struct {
	Usage      Usage
	StopReason string   // as the model's provider spells it; empty when not stated
	ToolUses   []string // names of the tools that the model calls for, in order
	// InvokedModel is the model that a prompt router chose; empty otherwise.
	InvokedModel string
	Exception    string // the exception or error that ended a stream; empty when none did
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
	err := object(&r.jsonReader, r, answerMembers, r.pass)
	if err == nil {
		err = r.end()
	}
	a := r.finished("body", err == nil)
	if operations[op].shape == nativeShape {
		if u, ok := headerUsage(h, r.embedding); ok {
			a.Usage = u
		}
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

// headerUsage reads usage from headers. An embedding has no output to count.
func headerUsage(h http.Header, embedding bool) (Usage, bool) {
	u := Usage{Source: "header", Known: true}
	for name, to := range map[string]*int64{
		headerInputTokens: &u.Input, headerOutputTokens: &u.Output,
		headerCacheRead: &u.CacheRead, headerCacheWrite: &u.CacheWrite,
	} {
		v := h[name]
		optional := name != headerInputTokens && (name != headerOutputTokens || embedding)
		if len(v) == 0 && optional {
			continue
		}
		if len(v) != 1 {
			return Usage{}, false
		}
		n, err := strconv.ParseUint(v[0], 10, 31)
		if err != nil || n > maxPlausible {
			return Usage{}, false
		}
		*to = int64(n)
	}
	return u, true
}

// Collector gathers an Answer from a stream's frames as they pass.
type Collector struct {
	op      Operation
	reader  answerReader
	scratch []byte
}

// NewCollector collects from a stream of op.
func NewCollector(op Operation) *Collector {
	return &Collector{op: op, reader: answerReader{jsonReader: jsonReader{lenient: true}}}
}

// carriers are the events of a ConverseStream that carry something to collect.
var carriers = map[string]bool{"contentBlockStart": true, "messageStop": true, "metadata": true}

// marks are what a chunk of an InvokeModel stream must hold, as text, to be
// worth reading. Most chunks are a few characters of the answer.
var marks = [][]byte{
	[]byte("nvocationMetrics"), []byte("usage"), []byte("top_reason"), []byte("topReason"),
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
