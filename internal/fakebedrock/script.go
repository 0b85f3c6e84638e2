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
//	[[call: TOOL {JSON}]]   a call of the tool with this input, offered or not
//	[[chunk: N]]            streamed N runes at a time
//	[[pause: 20ms]]         before each token
//
// A bar in TEXT or JSON is not said: it is where one token ends and the next
// begins. So a prompt can ask for an answer that it does not hold itself.
type script struct {
	pieces []string
	call   *call
	pause  time.Duration
}

var scriptLine = regexp.MustCompile(`(?s)\[\[(say|call|chunk|pause): ?(.*?)\]\]`)

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
		case "call":
			s.call = readCall(m[2])
			ok = ok || s.call != nil
		case "chunk":
			size, _ = strconv.Atoi(m[2])
		case "pause":
			s.pause, _ = time.ParseDuration(m[2])
			s.pause = min(max(s.pause, 0), longestPause)
		}
	}
	s.pieces = tokens(said, size, pieces)
	if s.call != nil {
		s.call.fragments = tokens(string(s.call.input), size, func(t string) []string { return chunks(t, 12) })
		s.call.input = json.RawMessage(strings.Join(s.call.fragments, ""))
	}
	return s, ok
}

// readCall reads a tool's name and its input, which still has its bars.
func readCall(text string) *call {
	name, input, _ := strings.Cut(text, " ")
	if name == "" || !json.Valid([]byte(strings.ReplaceAll(input, "|", ""))) {
		return nil
	}
	return &call{name: name, input: json.RawMessage(input)}
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
