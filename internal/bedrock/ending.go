package bedrock

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// EndStyle is how a stream says that it ends because its content is refused.
type EndStyle int

// The styles.
const (
	// EndException raises an error at the caller: an exception of AWS's with the
	// status of a refusal, or OpenAI's error event. No SDK tries again on it.
	EndException EndStyle = iota
	// EndNative is the end that the model itself would make when its own filter
	// stops it: what came before stays an answer, which says that it was cut.
	EndNative
)

// Ending knows of a stream what it takes to end it well.
type Ending struct {
	op   Operation
	form streamForm
	open map[int]bool // content blocks, or choices, that have not ended
	chat chatHead
}

// streamForm is whose events a stream is made of.
type streamForm int

const (
	formUnknown streamForm = iota
	formConverse
	formNova
	formAnthropic
	formTitan
	formChat
	formMeta
)

// chatHead is what every event of a chat completion repeats.
type chatHead struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	Model   string `json:"model"`
}

// NewEnding begins with a stream of op that nothing of was let through yet.
func NewEnding(op Operation) *Ending { return &Ending{op: op, open: make(map[int]bool)} }

// PassFrame notes a frame that is let through. One that cannot be read tells nothing.
func (e *Ending) PassFrame(f Frame) {
	if p, err := FramePieces(e.op, f); err == nil {
		e.pass(p)
	}
}

// PassEvent is PassFrame for a server-sent event.
func (e *Ending) PassEvent(ev Event) {
	if p, err := EventPieces(ev); err == nil {
		e.pass(p)
	}
}

func (e *Ending) pass(p Pieces) {
	if form, ok := forms[p.event]; ok && e.form == formUnknown {
		if e.form = form; e.op == ConverseStream {
			e.form = formConverse
		}
	}
	switch e.form {
	case formChat:
		e.passChat(p)
	case formConverse, formNova, formAnthropic:
		e.passBlock(p)
	}
}

// forms are the events that tell whose a stream is.
var forms = map[string]streamForm{
	"messageStart":  formNova,
	"message_start": formAnthropic,
	"outputText":    formTitan,
	"choices":       formChat,
}

func (e *Ending) passBlock(p Pieces) {
	switch p.event {
	case "contentBlockStart", "contentBlockDelta", "content_block_start", "content_block_delta":
		if p.block >= 0 && len(e.open) < maxListed {
			e.open[p.block] = true
		}
	case "contentBlockStop", "content_block_stop":
		delete(e.open, p.block)
	}
}

const choicesChannel = "choices."

func (e *Ending) passChat(p Pieces) {
	if e.chat.ID == "" {
		// An event that says less than others is no reason to end otherwise.
		_ = json.Unmarshal(p.JSON, &e.chat)
	}
	for _, piece := range p.List {
		if n, ok := choiceOf(piece.Channel); ok && len(e.open) < maxListed {
			e.open[n] = true
		}
	}
	for _, c := range p.Closed {
		if n, ok := choiceOf(c); ok {
			delete(e.open, n)
		}
	}
}

// choiceOf is the number of the choice that a channel is of.
func choiceOf(channel string) (int, bool) {
	rest, ok := strings.CutPrefix(channel, choicesChannel)
	number, _, cut := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	return n, ok && cut && err == nil
}

// event tells which event of a stream it is, and which block it is about.
func (t *Texts) event() (event string, block int) {
	block = -1
	for i := range t.nodes {
		n := &t.nodes[i]
		if b, err := strconv.Atoi(n.mark); err == nil && block < 0 && b >= 0 {
			block = b
		}
		if name := string(n.name); i > 0 && n.parent == 0 && n.step < 0 && (partOnly[name] || name == "choices") {
			event = name
		}
	}
	for i := range t.List {
		text := &t.List[i]
		switch {
		case text.node != 0 || text.step >= 0 || text.Kind == Name:
		case text.Field == "type" && text.Kind == Skipped:
			event = string(text.Value)
		case text.Field == "outputText":
			event = text.Field
		}
	}
	return event, block
}

// Append appends what ends the stream: err is what the caller is told, and
// should be an AccessDeniedException. Where no native end is known for the
// stream, because its model has none or nothing of it was let through, it ends
// with an exception whatever the style.
func (e *Ending) Append(dst []byte, style EndStyle, err Error) []byte {
	if style == EndNative {
		if events := e.native(); len(events) > 0 {
			return e.appendEvents(dst, events)
		}
	}
	if e.op.OpenAI() {
		return AppendErrorEvent(dst, err)
	}
	return AppendException(dst, e.op, err)
}

// endEvent is an event of a native end; the name is that of the frame.
type endEvent struct {
	name    string
	payload string
}

// native is the end that the model would make, or nothing.
func (e *Ending) native() []endEvent {
	open := slices.Sorted(maps.Keys(e.open))
	var events []endEvent
	switch e.form {
	case formConverse:
		for _, n := range open {
			events = append(events, endEvent{"contentBlockStop", `{"contentBlockIndex":` + strconv.Itoa(n) + `}`})
		}
		events = append(events, endEvent{"messageStop", `{"stopReason":"content_filtered"}`})
	case formNova:
		for _, n := range open {
			events = append(events, endEvent{"chunk", `{"contentBlockStop":{"contentBlockIndex":` + strconv.Itoa(n) + `}}`})
		}
		events = append(events, endEvent{"chunk", `{"messageStop":{"stopReason":"content_filtered"}}`})
	case formAnthropic:
		for _, n := range open {
			events = append(events, endEvent{"chunk", `{"type":"content_block_stop","index":` + strconv.Itoa(n) + `}`})
		}
		events = append(events,
			endEvent{"chunk", `{"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":null},"usage":{"output_tokens":0}}`},
			endEvent{"chunk", `{"type":"message_stop"}`})
	case formTitan:
		events = append(events, endEvent{"chunk", `{"outputText":"","index":0,"completionReason":"CONTENT_FILTERED"}`})
	case formChat:
		for _, n := range open {
			events = append(events, endEvent{"chunk", string(e.chat.filtered(n))})
		}
	}
	return events
}

// filtered is the event that ends a choice.
func (c chatHead) filtered(choice int) []byte {
	out := appendText([]byte(`{"id":`), c.ID)
	out = appendText(append(out, `,"object":`...), c.Object)
	out = strconv.AppendInt(append(out, `,"created":`...), c.Created, 10)
	out = appendText(append(out, `,"model":`...), c.Model)
	out = strconv.AppendInt(append(out, `,"choices":[{"index":`...), int64(choice), 10)
	return append(out, `,"delta":{},"finish_reason":"content_filter"}]}`...)
}

func (e *Ending) appendEvents(dst []byte, events []endEvent) []byte {
	for _, ev := range events {
		dst = appendUnit(dst, e.op, ev.name, []byte(ev.payload))
	}
	if e.op.OpenAI() {
		dst = append(append(append(dst, "data: "...), doneMark...), "\n\n"...)
	}
	return dst
}
