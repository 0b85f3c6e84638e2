package report

import (
	"strings"
	"unicode/utf8"
)

// page writes lines that fit a width.
type page struct {
	strings.Builder
	width int
	color bool
}

// narrowest is the least width that text is laid out for.
const narrowest = 40

// line writes one line as it is.
func (p *page) line(s string) { p.WriteString(strings.TrimRight(s, " ") + "\n") }

// block writes words after a label, wrapped; the lines after the first are
// indented as far as the label reaches.
func (p *page) block(label, words string) {
	p.hang(label, strings.Repeat(" ", utf8.RuneCountInString(label)), words)
}

// hang writes words behind a first and behind every other indent. A word that
// fits a line is not broken.
func (p *page) hang(first, rest, words string) {
	room := max(p.width-utf8.RuneCountInString(rest), 16)
	line, indent := "", first
	flush := func() {
		p.line(indent + line)
		line, indent = "", rest
	}
	for _, word := range strings.Fields(words) {
		for _, piece := range pieces(word, room) {
			switch {
			case line == "":
				line = piece
			case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(piece) <= room:
				line += " " + piece
			default:
				flush()
				line = piece
			}
		}
	}
	if line != "" || indent == first {
		flush()
	}
}

// pieces breaks a word that is longer than a line: after a separator of ARNs
// and JSON where there is one in the last half, else where the line ends.
func pieces(word string, room int) []string {
	var all []string
	for utf8.RuneCountInString(word) > room {
		cut := prefix(word, room)
		if i := strings.LastIndexAny(word[:cut], ":/,;=&"); i >= cut/2 {
			cut = i + 1
		}
		all = append(all, word[:cut])
		word = word[cut:]
	}
	return append(all, word)
}

// prefix is how many bytes the first n characters take.
func prefix(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// The terminal's own words (ECMA-48 SGR), only when asked for.
const (
	bold    = "1"
	dim     = "2"
	redBold = "1;31"
	red     = "31"
	yellow  = "33"
	blue    = "34"
)

var severityColor = map[Severity]string{Critical: redBold, High: red, Medium: yellow, Low: blue, Info: dim}

// paint is text in a colour, which takes no room.
func (p *page) paint(style, s string) string {
	if !p.color || s == "" {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}
