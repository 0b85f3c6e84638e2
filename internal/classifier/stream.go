package classifier

import (
	"bytes"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identifier"
	"github.com/writ-project/writ/internal/personal"
	"github.com/writ-project/writ/internal/plaintext"
	"github.com/writ-project/writ/internal/secret"
)

// The window in which a running text is read again with every piece of it.
const (
	behind   = 512     // bytes before what is still open: cues, labels, the beginning of code
	mostOpen = 4 << 10 // bytes that may wait for what completes them; more is read as it stands
)

// Stream labels an answer while it passes. Its text comes in channels, each a
// running text of its own (a content block, the arguments of a tool call), in
// pieces cut anywhere. One Stream serves one answer and one goroutine.
//
// An entity becomes known once no more text could change it: Settled tells up
// to where a channel's text can be let go without letting go a part of
// something still unknown.
type Stream struct {
	c        *Classifier
	tools    tools
	channels map[string]*channel
	order    []*channel // by number
	fresh    int        // bytes added since they were last read
	found    []Found    // settled ones; Part is the channel's number
	unread   []string
	label    dataclass.Label
	stale    bool // label lacks the latest findings
}

// Stream begins to label an answer.
func (c *Classifier) Stream() *Stream {
	return &Stream{c: c, channels: make(map[string]*channel), label: labelOf(c, nil, nil)}
}

// channel is one running text.
type channel struct {
	name    string
	number  int
	fresh   bool // text was added since it was last read
	window  []byte
	from    int // offset of the window in the channel's text
	settled int // offset up to which the text is decided
	code    bool
	closed  bool
}

func (s *Stream) channel(name string) *channel {
	c := s.channels[name]
	if c == nil {
		c = &channel{name: name, number: len(s.order)}
		s.channels[name] = c
		s.order = append(s.order, c)
	}
	return c
}

// Add takes the next piece of a channel's text, which Read then reads.
func (s *Stream) Add(name string, text []byte) {
	c := s.channel(name)
	if len(text) == 0 {
		return
	}
	c.window = append(c.window, text...)
	c.closed, c.fresh = false, true
	s.fresh += len(text)
}

// Fresh is how many bytes were added since the last Read. Pieces that come
// together are cheaper read together.
func (s *Stream) Fresh() int { return s.fresh }

// Read reads what was added.
func (s *Stream) Read() {
	for _, c := range s.order {
		if c.fresh {
			s.look(c, false)
		}
	}
	s.fresh = 0
}

// Close says that the text of every channel whose name begins so has ended, or
// is not to be waited for any longer: what is open is decided as it stands.
// More text may still come.
func (s *Stream) Close(prefix string) {
	for _, c := range s.order {
		if !c.closed && strings.HasPrefix(c.name, prefix) {
			c.closed = true
			s.look(c, true)
		}
	}
}

// End says that the text of a channel has ended: what comes in it next is
// another text, and nothing goes on from one to the other.
func (s *Stream) End(name string) {
	c := s.channel(name)
	c.closed = true
	s.look(c, true)
	c.from, c.window = c.from+len(c.window), c.window[:0]
}

// Unread notes that a part of the answer cannot be read.
func (s *Stream) Unread(reason string) {
	if !slices.Contains(s.unread, reason) {
		s.unread, s.stale = append(s.unread, reason), true
	}
}

// Settled is the length of a channel's text, from its beginning, that is
// decided.
func (s *Stream) Settled(name string) int {
	if c := s.channels[name]; c != nil {
		return c.settled
	}
	return 0
}

// Number is the number by which findings name a channel.
func (s *Stream) Number(name string) int { return s.channel(name).number }

// Findings are those settled so far, in the order in which they were settled:
// those after the first n, to go on from there. Part is the channel's number,
// offsets are bytes of the channel's text.
func (s *Stream) Findings(n int) []Found { return s.found[n:] }

// Known grows with what is known of the answer: as long as it is the same, the
// label is.
func (s *Stream) Known() int { return len(s.found) + len(s.unread) }

// Label is the label of all that is settled.
func (s *Stream) Label() dataclass.Label {
	if s.stale {
		s.label, s.stale = labelOf(s.c, s.found, slices.Clone(s.unread)), false
		s.label.Truncated = slices.Contains(s.unread, "budget")
	}
	return s.label
}

// look reads a channel's window and settles what can be.
func (s *Stream) look(c *channel, ended bool) {
	c.fresh = false
	var what seen
	l := look{c: s.c, tools: &s.tools, budget: budget(len(c.window)), into: &what, exact: true}
	found := s.read(&l, c)
	open := len(c.window)
	if !ended {
		open = s.open(c, found)
	}
	for _, f := range found {
		s.settle(c, f, open)
	}
	for _, reason := range what.unread {
		s.Unread(reason)
	}
	if l.budget.Overspent {
		s.Unread("budget")
	}
	c.settled = max(c.settled, c.from+open)
	c.forget()
}

// read is the findings in a channel's window, without source code, which goes
// on and on.
func (s *Stream) read(l *look, c *channel) []Found {
	l.text(c.window, "", 0)
	return slices.DeleteFunc(l.into.found, func(f Found) bool {
		if f.Entity != dataclass.SourceText {
			return false
		}
		if !c.code && f.Counts() {
			c.code, s.stale = true, true
			f.Part = c.number
			f.Start, f.End = f.Start+c.from, f.End+c.from
			s.found = append(s.found, f)
		}
		return true
	})
}

// open is where in the window text begins that more text could make something
// of.
func (s *Stream) open(c *channel, found []Found) int {
	open, err := unfinished(c.window)
	if err != nil {
		s.Unread("detector_failed")
	}
	if len(c.window)-open > mostOpen {
		open = len(c.window) - mostOpen
	}
	for _, f := range found {
		if f.Start < open && open < f.End {
			open = f.Start
		}
	}
	return max(open, c.settled-c.from)
}

// unfinished is where in a text an entity may begin whose end has not come.
func unfinished(text []byte) (open int, err error) {
	defer failed(&err)
	view := plaintext.Normalise(text)
	tail := min(identifier.Tail(view.Text), personal.Tail(view.Text), secret.Tail(view.Text))
	if tail == len(view.Text) {
		return len(text), nil
	}
	open, _ = view.Original(tail, tail)
	return open, nil
}

// settle adds a finding that counts and is decided: it ends before what is
// open. One that ends before what was decided earlier is late, if it is new:
// only what followed it said what it is.
func (s *Stream) settle(c *channel, f Found, open int) {
	if !f.Counts() || f.End > open {
		return
	}
	f.Part, f.Start, f.End = c.number, f.Start+c.from, f.End+c.from
	if f.Late = f.End <= c.settled; f.Late && s.known(&f, c.from) {
		return
	}
	if len(s.found) == maxFindings {
		s.Unread("budget")
		return
	}
	s.found = append(s.found, f)
	s.stale = true
}

// known reports whether a finding of a channel's window was settled before, by
// itself or as a part of another. Findings are settled nearly in order.
func (s *Stream) known(f *Found, from int) bool {
	for i := len(s.found) - 1; i >= 0; i-- {
		switch g := &s.found[i]; {
		case g.Part != f.Part:
		case g.End <= from:
			return false
		case g.Start < f.End && f.Start < g.End:
			return true
		}
	}
	return false
}

// forget drops what is too far back to be a context, on a line's or word's
// boundary where there is one, so that no token is read from its middle.
func (c *channel) forget() {
	excess := c.settled - c.from - behind
	if excess < behind {
		return
	}
	if i := bytes.LastIndexAny(c.window[:excess], "\n "); i > 0 {
		excess = i
	}
	for excess > 0 && c.window[excess]&0xc0 == 0x80 {
		excess--
	}
	c.window = append(c.window[:0], c.window[excess:]...)
	c.from += excess
}
