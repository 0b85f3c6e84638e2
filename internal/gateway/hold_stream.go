package gateway

import (
	"bytes"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/hold"
)

// mostKept bounds the bytes of a streamed answer that are kept while something of
// it may wait.
const mostKept = 8 << 20

// gate lets a streamed answer through up to the first unit that begins something
// that waits. From there on all of it is kept until its end.
type gate struct {
	r       *relaying
	w       *waiting
	watch   *bedrock.ToolWatch
	all     []byte   // the answer so far, as it would have gone out
	units   [][]byte // what is kept, from the first
	keeping bool
	passed  bool // something went out
	unread  bool // a unit could not be read: all of the answer waits
	large   bool // the answer is larger than what is kept
	since   time.Time
}

func newGate(r *relaying, w *waiting) *gate {
	g := &gate{r: r, w: w, watch: bedrock.NewToolWatch(r.x.target.Operation)}
	if w.holding.Answer {
		g.keep()
	}
	return g
}

func (g *gate) keep() {
	if !g.keeping {
		g.keeping, g.since = true, time.Now()
	}
}

// take looks at a unit that is about to go out as raw, and reports whether it may.
// It is false for one that is kept.
func (g *gate) take(u *unit, raw []byte) bool {
	if g.waits(u, raw) {
		g.keep()
	}
	g.large = g.large || len(g.all)+len(raw) > mostKept
	if !g.large {
		g.all = append(g.all, raw...)
	}
	if !g.keeping {
		g.passed = true
		return true
	}
	if !g.large {
		g.units = append(g.units, bytes.Clone(raw))
	}
	return false
}

// waits reports whether a unit begins something that waits, or cannot be read.
func (g *gate) waits(u *unit, raw []byte) bool {
	touch, err := g.look(u, raw)
	if err != nil {
		g.unread = true
		return true
	}
	for i := range touch.Began {
		if c := &touch.Began[i]; c.Fixed || g.w.why(c) != "" {
			return true
		}
	}
	return false
}

// look has the watch see the unit as it would go out: redaction may have made
// another of it.
func (g *gate) look(u *unit, raw []byte) (bedrock.Touch, error) {
	switch {
	case u.frame.Raw != nil && bytes.Equal(u.frame.Raw, raw):
		return g.watch.Frame(u.frame)
	case u.frame.Raw != nil:
		f, err := bedrock.NewFrameReader(bytes.NewReader(raw)).Next()
		if err != nil {
			return bedrock.Touch{}, err
		}
		return g.watch.Frame(f)
	case bytes.Equal(u.event.Raw, raw):
		return g.watch.Event(u.event)
	}
	e, err := bedrock.NewEventReader(bytes.NewReader(raw)).Next()
	if err != nil {
		return bedrock.Touch{}, err
	}
	return g.watch.Event(e)
}

// open ends the answer for what is kept, once the stream has ended well.
func (g *gate) open() {
	x := g.r.x
	k := &kept{since: g.since, calls: g.watch.Calls(), unread: g.unread, form: g, content: hold.Content{
		Status: x.resp.StatusCode, ContentType: x.resp.Header.Get("Content-Type"), Stream: true, Answer: g.all,
	}}
	k.said = func() string { return streamText(x.target.Operation, g.all) }
	var out []byte
	var refused *refusal
	switch {
	case g.large:
		refused = tooLargeToHold
	case !k.sort(g.w): // what waits turned out to be nothing
		out = bytes.Join(g.units, nil)
	default:
		out, refused = x.wait(g.w, k)
	}
	if refused == nil {
		refused = x.leaves()
	}
	if refused != nil {
		g.refuse(refused)
		return
	}
	g.r.end(out)
}

// refuse ends the stream in the place of what is kept.
func (g *gate) refuse(refused *refusal) {
	x := g.r.x
	x.kind, x.result.errorType = refused.kind, string(refused.err.Type)
	if x.result.ended == endedComplete {
		x.result.ended = endedRefused
	}
	x.writeFrame(g.r.out, g.r.in.end(x.worded(refused)), true)
}

// rewrite makes gate a shape: that of the rest of the stream.
func (g *gate) rewrite(verdicts []bedrock.Verdict, note string) ([]byte, error) {
	if unchanged(verdicts, note) {
		return bytes.Join(g.units, nil), nil
	}
	return bedrock.RewriteTail(g.r.x.target.Operation, g.units, g.watch, verdicts, note)
}

// withheld is an answer of its own, which can only begin where nothing went out.
func (g *gate) withheld(note string) ([]byte, bool) {
	if g.passed {
		return nil, false
	}
	x := g.r.x
	body, _, ok := bedrock.Withheld(x.target.Operation, x.model, note, g.r.in.answer().Usage.Tokens)
	return body, ok
}

// end passes on the last of an answer of which something waited.
func (r *relaying) end(raw []byte) {
	x := r.x
	x.result.frames++
	x.result.bytes += int64(len(raw))
	r.sent.Write(raw)
	if x.g.cfg.Strict && !x.settled {
		r.sums()
		if err := x.settle(); err != nil {
			x.writeException(r.in, bedrock.Error{Type: bedrock.InternalServerException, Message: "the outcome could not be recorded"})
			return
		}
	}
	if !x.writeFrame(r.out, raw, true) {
		x.result.ended = x.writeFailed()
	}
}

// replayed is the shape of a streamed answer that is given anew, from its
// beginning.
type replayed struct {
	wholeAnswer
	units [][]byte
	watch *bedrock.ToolWatch
}

// replay reads a stream that was kept. One that could not be read then cannot be
// read now: it is given as it is, or not at all.
func replay(op bedrock.Operation, answer []byte) *replayed {
	r := &replayed{wholeAnswer: wholeAnswer{op: op, body: answer}, watch: bedrock.NewToolWatch(op)}
	for in := flowOf(op, answer); ; {
		u, err := in.read()
		if err != nil {
			return r
		}
		u = u.keep()
		if op.OpenAI() {
			_, err = r.watch.Event(u.event)
		} else {
			_, err = r.watch.Frame(u.frame)
		}
		if r.units = append(r.units, u.raw()); err != nil {
			return r
		}
	}
}

// flowOf reads a stream from memory.
func flowOf(op bedrock.Operation, answer []byte) flow {
	if op.OpenAI() {
		return newEvents(op, bytes.NewReader(answer))
	}
	return newFrames(op, bytes.NewReader(answer))
}

// streamText is what a streamed answer says, channel by channel in the order in
// which they begin.
func streamText(op bedrock.Operation, answer []byte) string {
	said, order := make(map[string][]byte), []string(nil)
	for in, size := flowOf(op, answer), 0; size < longestText; {
		u, err := in.read()
		if err != nil {
			break
		}
		pieces, err := in.pieces(&u)
		if err != nil {
			continue // for the record it is there as it came
		}
		for _, p := range pieces.List {
			if p.Kind != bedrock.Prose && p.Kind != bedrock.Data {
				continue
			}
			if _, known := said[p.Channel]; !known {
				order = append(order, p.Channel)
			}
			said[p.Channel] = append(said[p.Channel], p.Value...)
			size += len(p.Value)
		}
	}
	var b strings.Builder
	for _, channel := range order {
		b.Write(said[channel])
		b.WriteByte('\n')
	}
	return clip(b.String(), longestText)
}

func (r *replayed) rewrite(verdicts []bedrock.Verdict, note string) ([]byte, error) {
	if unchanged(verdicts, note) {
		return r.body, nil
	}
	return bedrock.RewriteTail(r.op, r.units, r.watch, verdicts, note)
}
