package hold

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Line is one line of arguments side by side: "-" was, "+" is, " " is in both.
type Line struct {
	Sign string `json:"sign"`
	Text string `json:"text"`
}

// Visible is a text as it can be shown beside a button: everything that is not
// printable ASCII is written as an escape, so that nothing hides, turns the text
// around, or looks like what it is not.
func Visible(text string) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case c >= ' ' && c <= '~':
			b.WriteRune(c)
		case c > 0xFFFF:
			fmt.Fprintf(&b, `\U%08x`, c)
		default: // what is no UTF-8 is U+FFFD here
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}

// Readable is a longer text as it can be shown: letters of every language stay, and
// what cannot be seen, or turns the text around, is written as an escape.
func Readable(text string) string {
	var b strings.Builder
	for _, c := range text {
		if c == '\n' || unicode.IsPrint(c) && c != utf8.RuneError {
			b.WriteRune(c)
			continue
		}
		b.WriteString(Visible(string(c)))
	}
	return b.String()
}

// OddName says what is odd about a tool's name, or "".
func OddName(name string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	switch {
	case name == "":
		return "the tool has no name"
	case Visible(name) != name:
		return "the tool's name has characters that can be mistaken for others"
	case strings.Trim(name, plain) != "":
		return "the tool's name has unusual characters"
	case len(name) > 64:
		return "the tool's name is unusually long"
	}
	return ""
}

// Pretty is arguments line by line, members in order, as Visible shows them. What
// is no JSON is shown as it is.
func Pretty(arguments []byte) []string {
	v := jsontext.Value(bytes.Clone(arguments))
	if v.Format(jsontext.ReorderRawObjects(true), jsontext.WithIndent("  ")) != nil { // figures stay as they are written
		v = arguments
	}
	var out []string
	for line := range strings.SplitSeq(string(v), "\n") {
		out = append(out, Visible(line))
	}
	return out
}

// maxDiff bounds what is compared line by line: a table of its square.
const maxDiff = 1000

// Diff shows two forms of arguments as one text. Long ones are shown one after the
// other.
func Diff(was, is []byte) []Line {
	a, b := Pretty(was), Pretty(is)
	if len(a) > maxDiff || len(b) > maxDiff {
		return slices.Concat(lines("-", a), lines("+", b))
	}
	common := longest(a, b)
	var out []Line
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, Line{" ", a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, Line{"-", a[i]})
			i++
		default:
			out = append(out, Line{"+", b[j]})
			j++
		}
	}
	return out
}

func lines(sign string, text []string) []Line {
	var out []Line
	for _, t := range text {
		out = append(out, Line{sign, t})
	}
	return out
}

// longest[i][j] is how many lines a[i:] and b[j:] have in common, in order.
func longest(a, b []string) [][]int32 {
	table := make([][]int32, len(a)+1)
	for i := range table {
		table[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	return table
}
