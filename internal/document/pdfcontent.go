package document

import "math"

// pdfShow is a walk through a content stream.
type pdfShow struct {
	f     *pdfFile
	fonts map[string]pdfValue
	pdfState
	saved     []pdfState
	line, at  matrix  // of text: of the line, of the next character
	endX      float64 // where the last character ended
	endY      float64
	wrote     bool
	painted   bool
	unknowing bool // a code meant nothing
	operands  []pdfValue
	marks     int    // marked contents around the place
	instead   int    // the one of them that says what its shapes stand for
	actual    []byte // and what that is, until it is written
	shapes    []byte // what they say themselves
}

// pdfState is the part of the graphics state that decides what text says and
// where it stands.
type pdfState struct {
	page    matrix
	font    *pdfFont
	size    float64
	char    float64 // spacing after each character
	word    float64 // and after each space
	scale   float64
	leading float64
}

// matrix is a transformation as PDF writes it.
type matrix [6]float64

var identity = matrix{1, 0, 0, 1, 0, 0}

// times is m followed by n.
func (m matrix) times(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// pdfSaved is how many states may be saved at a time.
const pdfSaved = 256

// pdfOperands is how many values a content stream may have for one operator.
const pdfOperands = 1 << 16

// show writes the text that a content stream shows. Where a character stands
// decides whether it follows the last one, begins a word or begins a line:
// writers place words, and some each letter, as they like. It is blank where
// only shapes are painted.
func (f *pdfFile) show(content []byte, resources pdfValue) (blank bool) {
	if len(content) == 0 || !f.r.spend(len(content)) {
		return false
	}
	s := &pdfShow{f: f, pdfState: pdfState{scale: 1, page: identity}, line: identity, at: identity, fonts: make(map[string]pdfValue)}
	fonts := f.resolve(resources.get("Font"))
	for i := 0; i+1 < len(fonts.list) && fonts.kind == pdfDict; i += 2 {
		s.fonts[string(fonts.list[i].bytes)] = fonts.list[i+1]
	}
	f.r.newline()
	room := pdfOperands
	for l := (&pdfLexer{r: f.r, b: content, room: &room}); ; {
		v := l.value(0)
		switch {
		case l.end:
			f.r.newline()
			if s.unknowing {
				f.r.miss(UnknownContent)
			}
			return s.painted && !s.wrote
		case v.is(pdfWord, "BI"):
			l.at = inlineImage(content, l.at)
			f.r.miss(Image)
		case v.kind == pdfWord:
			s.operator(string(v.bytes))
			s.operands, room = s.operands[:0], pdfOperands
		default:
			s.operands = append(s.operands, v)
		}
	}
}

// inlineImage moves behind the EI of an image in the content.
func inlineImage(b []byte, at int) int {
	for i := at; i+3 < len(b); i++ {
		if isPDFSpace(b[i]) && b[i+1] == 'E' && b[i+2] == 'I' && isPDFSpace(b[i+3]) {
			return i + 3
		}
	}
	return len(b)
}

// number is the operand n places before the operator.
func (s *pdfShow) number(n int) float64 {
	if i := len(s.operands) - n; i >= 0 {
		return s.operands[i].num
	}
	return 0
}

func (s *pdfShow) operandMatrix() (m matrix) {
	for i := range m {
		m[i] = s.number(6 - i)
	}
	return m
}

func (s *pdfShow) operator(name string) {
	switch name {
	case "q":
		if len(s.saved) < pdfSaved {
			s.saved = append(s.saved, s.pdfState)
		}
	case "Q":
		if n := len(s.saved); n > 0 {
			s.pdfState, s.saved = s.saved[n-1], s.saved[:n-1]
		}
	case "cm":
		s.page = s.operandMatrix().times(s.page)
	case "BT":
		s.line, s.at = identity, identity
	case "Tf":
		s.setFont()
	case "Tc":
		s.char = s.number(1)
	case "Tw":
		s.word = s.number(1)
	case "Tz":
		s.scale = s.number(1) / 100
	case "TL":
		s.leading = s.number(1)
	case "Td":
		s.move(s.number(2), s.number(1))
	case "TD":
		s.leading = -s.number(1)
		s.move(s.number(2), s.number(1))
	case "Tm":
		s.line = s.operandMatrix()
		s.at = s.line
	case "T*":
		s.move(0, -s.leading)
	case "Tj":
		s.string(1)
	case "'":
		s.move(0, -s.leading)
		s.string(1)
	case "\"":
		s.word, s.char = s.number(3), s.number(2)
		s.move(0, -s.leading)
		s.string(1)
	case "TJ":
		s.strings()
	case "f", "F", "f*", "B", "B*", "b", "b*", "sh":
		s.painted = true
	case "BMC", "BDC":
		s.mark()
	case "EMC":
		s.unmark()
	}
}

// mark begins marked content. Its words for what it shows (ISO 32000-2, 14.9.4)
// are written where the shapes stand; what those say goes beside the flow.
func (s *pdfShow) mark() {
	s.marks++
	for _, v := range s.operands {
		actual := s.f.resolve(v.get("ActualText"))
		if actual.kind == pdfString && s.instead == 0 {
			s.instead, s.actual, s.shapes = s.marks, pdfText(actual.bytes), nil
		} else if v.kind == pdfDict {
			s.f.strings(v)
		}
	}
}

func (s *pdfShow) unmark() {
	if s.marks == s.instead && s.instead > 0 {
		s.f.r.write(s.actual)
		s.f.r.note(s.shapes)
		s.instead, s.actual = 0, nil
	}
	s.marks = max(0, s.marks-1)
}

func (s *pdfShow) setFont() {
	if len(s.operands) < 2 {
		return
	}
	name := s.operands[len(s.operands)-2]
	s.size = s.number(1)
	v, ok := s.fonts[string(name.bytes)]
	if !ok {
		s.font = &pdfFont{size: 1, width: 500, guessed: true}
		for c := range 256 {
			s.font.simple[c] = winAnsi(byte(c))
		}
		return
	}
	s.font = s.f.font(v)
}

func (s *pdfShow) move(x, y float64) {
	s.line[4] += x*s.line[0] + y*s.line[2]
	s.line[5] += x*s.line[1] + y*s.line[3]
	s.at = s.line
}

func (s *pdfShow) string(n int) {
	if i := len(s.operands) - n; i >= 0 && s.operands[i].kind == pdfString {
		s.text(s.operands[i].bytes)
	}
}

func (s *pdfShow) strings() {
	if len(s.operands) == 0 {
		return
	}
	for _, v := range s.operands[len(s.operands)-1].list {
		switch v.kind {
		case pdfString:
			s.text(v.bytes)
		case pdfNumber:
			s.advance(-v.num / 1000 * s.size * s.scale)
		}
	}
}

// advance moves along the line by x of text space.
func (s *pdfShow) advance(x float64) {
	s.at[4] += x * s.at[0]
	s.at[5] += x * s.at[1]
}

// text writes a string where the state says it stands.
func (s *pdfShow) text(b []byte) {
	if s.font == nil || len(b) == 0 {
		return
	}
	s.separate()
	r := s.f.r
	r.write(s.actual)
	s.actual = nil
	var buf [64]byte
	for len(b) >= s.font.size {
		c := code(b[:s.font.size])
		b = b[s.font.size:]
		text, known := s.font.append(buf[:0], c)
		if s.instead > 0 {
			s.shapes = append(s.shapes, text...)
		} else {
			s.unknowing = s.unknowing || !known || s.font.guessed
			r.write(text)
		}
		step := s.font.widthOf(c)/1000*s.size + s.char
		if s.font.size == 1 && c == ' ' {
			step += s.word
		}
		s.advance(step * s.scale)
	}
	end := s.at.times(s.page)
	s.endX, s.endY, s.wrote = end[4], end[5], true
}

// separate begins a line or a word where there is a gap. Lines need not be
// level: the gap is measured along and across their direction.
func (s *pdfShow) separate() {
	if !s.wrote {
		return
	}
	here := s.at.times(s.page)
	ux, uy := here[0], here[1]
	length := math.Hypot(ux, uy)
	em := s.size * length
	if em < 0 {
		em = -em
	}
	if em == 0 {
		s.f.r.newline()
		return
	}
	dx, dy := here[4]-s.endX, here[5]-s.endY
	along, across := (dx*ux+dy*uy)/length, (dy*ux-dx*uy)/length
	switch {
	case across > 0.5*em || across < -0.5*em || along < -0.9*em:
		s.f.r.newline()
	case along > 2*em: // the next column: numbers on both sides are two
		s.gap('\t')
	case along > 0.22*em:
		s.gap(' ')
	}
}

func (s *pdfShow) gap(c byte) {
	if out := s.f.r.out; len(out) > 0 && out[len(out)-1] != c && out[len(out)-1] != '\n' {
		s.f.r.write([]byte{c})
	}
}
