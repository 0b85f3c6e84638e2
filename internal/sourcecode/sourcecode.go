// Package sourcecode tells program text from other text by counting features
// line by line: what lines end with, calls, operators, words that begin
// statements, directives, headers of patches, fences of Markdown. It runs no
// parser and does not say which language it saw. It trusts nothing in the text;
// data (JSON, YAML, tables, logs) and prose that speaks of code are not code.
package sourcecode

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// Version changes when what Scan finds changes.
const Version = "1"

const (
	minLines   = 3   // lines of code that a block needs,
	minBytes   = 120 // or bytes, with
	minPoints  = 8   // so many points
	maxProse   = 5   // lines of prose in a row that a block may hold: comments
	maxData    = 24  // lines of data in a row that a block may hold: literals
	fenceScore = 92
)

// Scan appends a finding for each block of source code in t: its span, how sure
// it is, and the strongest of its features as Check. A block needs two features
// at least, and three lines of code or 120 bytes. One pass, no allocation but
// for dst.
func Scan(dst []dataclass.Finding, t *dataclass.Text) []dataclass.Finding {
	s := scanner{b: t.Bytes, found: dst}
	for i := 0; i < len(s.b); {
		end := len(s.b)
		if n := bytes.IndexByte(s.b[i:], '\n'); n >= 0 {
			end = i + n
		}
		s.line(i, end)
		i = end + 1
	}
	if s.fence.mark != 0 && s.fence.kind == codeTag {
		s.endFence(len(s.b))
	}
	s.end()
	return s.found
}

// scanner is the state between lines.
type scanner struct {
	b     []byte
	found []dataclass.Finding
	block block
	fence fence
	patch bool // within a patch: the first byte of a line says what becomes of it
	aside aside
}

// block is a stretch of lines that may be code.
type block struct {
	open        bool
	start, end  int // of the code in it
	code, hints int // lines that are code, and that may be
	other       int // twice the lines of prose and YAML, and half the lines of data, between them
	prose, data int // lines of prose and data since the last code
	entries     int // lines of YAML since the last code
	points      int
	features    feature
}

// fence is a block of Markdown between lines of backticks.
type fence struct {
	mark  byte // ` or ~; 0: no fence is open
	start int  // of what it holds
	kind  fenceKind
	lines int
}

func (s *scanner) line(start, end int) {
	text := trimRight(s.b[start:end])
	stop := start + len(text)
	indent := blanks(text)
	text = text[indent:]
	if s.fenced(start, end, text) {
		return
	}
	if len(text) == 0 {
		return
	}
	if s.patch && (text[0] == '+' || text[0] == '-') {
		if text = text[1+blanks(text[1:]):]; len(text) == 0 {
			return
		}
	}
	if s.asides(text, indent) {
		s.take(start+indent, stop, lineOf{kind: closer})
		return
	}
	l := look(text, indent)
	s.patch = l.features&patch != 0 || s.patch && l.kind != proseLine
	s.take(start+indent, stop, l)
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}

// blanks is the number of blanks that b begins with.
func blanks(b []byte) int {
	n := 0
	for n < len(b) && (b[n] == ' ' || b[n] == '\t') {
		n++
	}
	return n
}

// take adds a line to the block, or ends it.
func (s *scanner) take(start, end int, l lineOf) {
	b := &s.block
	if !b.open {
		if l.kind < hintLine {
			return // what is no code begins nothing
		}
		*b = block{open: true, start: start}
	}
	switch l.kind {
	case codeLine, hintLine:
		b.add(l)
		b.end = end
	case closer, bracketLine:
		if b.code > 0 {
			b.end = end
			if l.kind == bracketLine {
				b.hints++
			}
		}
	case dataLine:
		if b.data++; b.code == 0 || b.data > maxData {
			s.end()
		}
	case entryLine:
		if b.entries++; b.code == 0 || b.entries > maxData {
			s.end()
		}
	case proseLine:
		if b.prose++; b.code == 0 || b.prose > maxProse {
			s.end()
		}
	}
}

// add counts a line that is code, or may be. What stood between code is part of
// the block.
func (b *block) add(l lineOf) {
	b.points += l.points
	b.features |= l.features
	if l.kind == hintLine {
		b.hints++
		return
	}
	b.code++
	b.other += 2*b.prose + 2*b.entries + b.data/2
	b.prose, b.data, b.entries = 0, 0, 0
}

// end judges the block and forgets it.
func (s *scanner) end() {
	b := s.block
	s.block = block{}
	if !b.open || !b.isCode() {
		return
	}
	s.emit(b.start, b.end, min(60+4*b.features.count()+min(b.code, 12), 95), b.features.name())
}

func (b *block) isCode() bool {
	if b.features.count() < 2 || 2*b.code+b.hints < b.other {
		return false
	}
	switch {
	case b.code >= minLines, b.code > 1 && b.code+b.hints >= minLines, b.code > 0 && b.code+b.hints > minLines:
		return true
	case b.code > 0 && b.end-b.start >= minBytes && b.points >= minPoints:
		return true
	}
	return b.hints >= 2*minLines && b.features&(comment|keyword|sigil) != 0
}

func (s *scanner) emit(start, end, score int, check string) {
	s.found = append(s.found, dataclass.Finding{
		Entity: dataclass.SourceText, Start: start, End: end, Score: score, Detector: "source_code", Check: check,
	})
}
