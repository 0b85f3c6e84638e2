package gateway

import (
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/policy"
)

// reading labels a streamed answer as it passes.
type reading struct {
	x      *exchange
	in     flow
	stream *classifier.Stream
	length map[string]int // bytes of each channel's text so far
	names  []string       // of the channels, by number
}

func newReading(x *exchange, in flow) *reading {
	r := &reading{x: x, in: in, stream: x.state.Classifier.Stream(), length: make(map[string]int)}
	x.answered = answered{read: x.target.Operation.Generates(), where: r.where}
	return r
}

func (r *reading) where(part int) string {
	if part < len(r.names) {
		return bedrock.Place(r.names[part])
	}
	return ""
}

// run is where in a channel's text a piece of a unit stands.
type run struct {
	channel    string
	start, end int
	piece      bedrock.Piece
}

// take takes what a unit says.
func (r *reading) take(u *unit) (runs []run) {
	if !r.x.answered.read {
		return nil
	}
	pieces, err := r.in.pieces(u)
	if err != nil {
		r.stream.Unread("opaque_frame")
		return nil
	}
	for _, p := range pieces.List {
		if at, ok := r.piece(p); ok {
			runs = append(runs, at)
		}
	}
	for _, prefix := range pieces.Closed {
		r.stream.Close(prefix)
	}
	return runs
}

// piece reads one piece of text, and says where in its channel it stands.
func (r *reading) piece(p bedrock.Piece) (run, bool) {
	switch p.Kind {
	case bedrock.Bytes:
		r.stream.Unread("image") // or what else is no text: none of it is read as it passes
		return run{}, false
	case bedrock.S3, bedrock.Remote:
		r.stream.Unread(outOfReach(p.Kind))
		return run{}, false
	case bedrock.Opaque:
		return run{}, false // encrypted by the model's provider
	}
	if n := r.stream.Number(p.Channel); n == len(r.names) {
		r.names = append(r.names, p.Channel)
	}
	at := run{p.Channel, r.length[p.Channel], r.length[p.Channel] + len(p.Value), p}
	r.length[p.Channel] = at.end
	r.stream.Add(p.Channel, p.Value)
	if p.Whole {
		r.stream.End(p.Channel)
	}
	return at, true
}

// done notes what the answer was found to hold.
func (r *reading) done() {
	r.stream.Close("")
	r.noted()
}

func (r *reading) noted() {
	r.x.answered.label, r.x.answered.found = r.stream.Label(), r.stream.Findings(0)
}

// sluice holds back units of a streamed answer until what they say is decided.
type sluice struct {
	r       *relaying
	reading *reading
	queue   []heldUnit
	known   int // how much of the answer was known when it was decided on; −1: it was not
	found   int // findings when it was last let go on; with none the call was permitted
	marks   marks
}

type heldUnit struct {
	unit unit
	last bool // it ends the answer
	runs []run
}

func newSluice(r *relaying) *sluice {
	return &sluice{r: r, reading: newReading(r.x, r.in), known: -1, marks: marks{by: make(map[string][]cut)}}
}

// How much that is there at once is read at once: bytes of text, also of what is
// read for the record only, and units.
const (
	readTogether = 1 << 10
	mostTogether = 256
)

// take takes a unit and, unless more are there to be read with it, decides on
// what the answer says now and lets go what it can. It reports whether the
// stream goes on.
func (s *sluice) take(u unit, more bool) bool {
	s.queue = append(s.queue, heldUnit{u, s.r.in.last(&u), s.reading.take(&u)})
	if more && s.reading.stream.Fresh() < readTogether && len(s.queue) < mostTogether {
		return true
	}
	s.reading.stream.Read()
	return s.decide() && s.letGo(false)
}

// settle decides on what is held as it stands.
func (s *sluice) settle() bool {
	if len(s.queue) == 0 {
		return true
	}
	s.reading.stream.Close("")
	return s.decide()
}

// ended lets go what is left when the stream has ended by itself: of one that
// was cut nothing more goes out.
func (s *sluice) ended(err error) {
	if s.r.x.ctx.Err() != nil || s.settle() && s.letGo(true) {
		s.reading.done()
		s.r.x.streamEnded(s.r.in, err)
	}
}

// decide asks whether the answer may be let out with what is known of it, when
// more is known than before.
func (s *sluice) decide() bool {
	known := s.reading.stream.Known()
	if known == s.known {
		return true
	}
	s.known = known
	s.reading.noted()
	x := s.r.x
	d := x.released(x.answered.label)
	switch {
	case d.Code != policy.CodePermit:
		if s.innocent() {
			s.refuse(x.withheld(&d))
		}
		return false
	case obliges(&d, policy.ObligeRedactAnswer) && !s.mark():
		s.refuse(unredacted)
		return false
	}
	s.found = len(x.answered.found)
	return true
}

// innocent lets go what stands before that for which an answer is refused: as
// far as that it was permitted. It reports whether the client is still there.
func (s *sluice) innocent() bool {
	from := make(map[string]int)
	for _, f := range s.reading.stream.Findings(s.found) {
		name := s.reading.names[f.Part]
		if at, ok := from[name]; !ok || f.Start < at {
			from[name] = f.Start
		}
	}
	for len(from) > 0 && len(s.queue) > 0 && s.settled(0) && s.before(from) {
		if !s.first(false) {
			return false
		}
	}
	return true
}

// before reports whether the first held unit says nothing from these places on.
func (s *sluice) before(from map[string]int) bool {
	for _, r := range s.queue[0].runs {
		if at, ok := from[r.channel]; ok && r.end > at {
			return false
		}
	}
	return true
}

// letGo passes on what is decided, in order. Only decide may come before it:
// what is read since is not decided on.
func (s *sluice) letGo(flush bool) bool {
	for len(s.queue) > 0 && s.settled(0) {
		if !s.first(flush && (len(s.queue) == 1 || !s.settled(1))) {
			return false
		}
	}
	return true
}

// first passes on the first held unit.
func (s *sluice) first(flush bool) bool {
	h := &s.queue[0]
	raw, ok := s.rewritten(h)
	if !ok {
		s.refuse(unredacted)
		return false
	}
	if !s.r.pass(&h.unit, raw, h.last, flush) {
		return false
	}
	s.r.in.passed(&h.unit)
	s.queue = s.queue[1:]
	return true
}

// settled reports whether everything that a held unit says is decided.
func (s *sluice) settled(i int) bool {
	for _, r := range s.queue[i].runs {
		if s.reading.stream.Settled(r.channel) < r.end {
			return false
		}
	}
	return true
}

// refuse ends the stream in the place of what is held.
func (s *sluice) refuse(r *refusal) {
	x := s.r.x
	s.reading.noted()
	x.kind, x.result.ended = r.kind, endedRefused
	x.result.errorType = string(r.err.Type)
	x.writeFrame(s.r.out, s.r.in.end(x.worded(r)), true)
}
