package fakebedrock

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// script is what a prompt tells the stand-in to answer, so that a story or a
// test need not configure it. Its lines stand anywhere in the last text of the
// user's, or in what Config.Answer returns:
//
//	[[say: TEXT]]           the answer's text
//	[[call: TOOL {JSON}]]   a call of the tool with this input, offered or not; several are made at once
//	[[broken: TOOL TEXT]]   a call whose input is no JSON
//	[[server: TOOL {JSON}]] a call that the provider runs itself, where the wire has such
//	[[chunk: N]]            streamed N runes at a time
//	[[pause: 20ms]]         before each token
//	[[usage: {JSON}]]       what AWS says was used, as Converse names it, true or not; a stream says several; none: nothing
//
// A bar in TEXT or JSON is not said: it is where one token ends and the next
// begins. So a prompt can ask for an answer that it does not hold itself.
type script struct {
	pieces []string
	calls  []call
	pause  time.Duration
	told   told
}

var scriptLine = regexp.MustCompile(`(?s)\[\[(say|call|broken|server|chunk|pause|usage): ?(.*?)\]\]`)

// longestPause bounds what a prompt can make the stand-in wait for a token.
const longestPause = time.Second

// readScript reads a script; ok says that there is an answer in it. A line that
// cannot be read counts as absent.
func readScript(text string) (s script, ok bool) {
	var said string
	size := 0
	for _, m := range scriptLine.FindAllStringSubmatch(text, -1) {
		switch m[1] {
		case "say":
			said, ok = m[2], true
		case "call", "broken", "server":
			if c, good := readCall(m[1], m[2]); good {
				s.calls, ok = append(s.calls, c), true
			}
		case "usage":
			s.told.read(m[2])
		case "chunk":
			size, _ = strconv.Atoi(m[2])
		case "pause":
			s.pause, _ = time.ParseDuration(m[2])
			s.pause = min(max(s.pause, 0), longestPause)
		}
	}
	s.pieces = tokens(said, size, pieces)
	for i := range s.calls {
		c := &s.calls[i]
		c.fragments = tokens(string(c.input), size, func(t string) []string { return chunks(t, 12) })
		c.input = json.RawMessage(strings.Join(c.fragments, ""))
	}
	return s, ok
}

// tokens cuts text into parts of so many runes, or at its bars, or as usual.
func tokens(text string, size int, usual func(string) []string) []string {
	switch bare := strings.ReplaceAll(text, "|", ""); {
	case size > 0:
		return chunks(bare, size)
	case bare != text:
		return strings.FieldsFunc(text, func(r rune) bool { return r == '|' })
	}
	return usual(text)
}
