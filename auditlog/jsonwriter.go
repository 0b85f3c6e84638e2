package auditlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// jsonWriter appends JSON exactly as encoding/json writes it without HTML
// escapes. It keeps the first error, and refuses what encoding/json would
// replace: nothing is dropped or replaced unsaid.
type jsonWriter struct {
	b   []byte
	err error
}

// part is a part of a record that writes its own members.
type part[T any] interface {
	*T
	append(*jsonWriter)
}

// group writes a part under a name, or nothing for nil.
func group[T any, P part[T]](w *jsonWriter, name string, g P) {
	if g == nil {
		return
	}
	w.name(name)
	w.open('{')
	g.append(w)
	w.close('}')
}

// list writes a list of parts, or nothing when there are none.
func list[T any, P part[T]](w *jsonWriter, name string, items []T) {
	if len(items) == 0 {
		return
	}
	w.name(name)
	w.open('[')
	for i := range items {
		w.comma()
		w.open('{')
		P(&items[i]).append(w)
		w.close('}')
	}
	w.close(']')
}

func (w *jsonWriter) open(c byte)  { w.b = append(w.b, c) }
func (w *jsonWriter) close(c byte) { w.b = append(w.b, c) }

// comma separates what follows from a member or element before it.
func (w *jsonWriter) comma() {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' {
		w.b = append(w.b, ',')
	}
}

// name writes a member's name, which needs no escapes.
func (w *jsonWriter) name(s string) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, s...)
	w.b = append(w.b, '"', ':')
}

func (w *jsonWriter) text(name, s string) {
	w.name(name)
	w.quote(s)
}

func (w *jsonWriter) textIf(name, s string) {
	if s != "" {
		w.text(name, s)
	}
}

func (w *jsonWriter) texts(name string, items []string) {
	if len(items) == 0 {
		return
	}
	w.name(name)
	w.open('[')
	for i, s := range items {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.quote(s)
	}
	w.close(']')
}

func (w *jsonWriter) number(name string, n int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, n, 10)
}

func (w *jsonWriter) numberIf(name string, n int64) {
	if n != 0 {
		w.number(name, n)
	}
}

// counts writes an object of numbers in the order of its names, or nothing when
// there are none.
func (w *jsonWriter) counts(name string, of map[string]int) {
	if len(of) == 0 {
		return
	}
	w.name(name)
	w.open('{')
	for _, k := range slices.Sorted(maps.Keys(of)) {
		w.comma()
		w.quote(k)
		w.b = strconv.AppendInt(append(w.b, ':'), int64(of[k]), 10)
	}
	w.close('}')
}

// index writes a number that may be above an int64's range.
func (w *jsonWriter) index(name string, n uint64) {
	w.name(name)
	w.b = strconv.AppendUint(w.b, n, 10)
}

func (w *jsonWriter) flagIf(name string, b bool) {
	if b {
		w.name(name)
		w.b = append(w.b, "true"...)
	}
}

func (w *jsonWriter) time(name string, t Time) {
	w.name(name)
	b, err := t.appendJSON(w.b)
	if err != nil {
		w.fail(fmt.Errorf("encoding record: %w", err))
		return
	}
	w.b = b
}

func (w *jsonWriter) timeIf(name string, t Time) {
	if !t.IsZero() {
		w.time(name, t)
	}
}

// quote writes a string, at most maxString bytes long in its JSON form. Nearly
// every one stands for itself; encoding/json writes the others.
func (w *jsonWriter) quote(s string) {
	start := len(w.b)
	w.b = append(w.b, '"')
	w.b = append(w.b, s...)
	w.b = append(w.b, '"')
	if !plain(s) {
		w.b = w.escape(w.b[:start], s)
	}
	if len(w.b)-start-2 > maxString {
		w.fail(fmt.Errorf("%w: a string of %d bytes, at most %d", ErrTooLarge, len(w.b)-start-2, maxString))
	}
}

// plain reports whether a string's JSON form is the string in quotes.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func (w *jsonWriter) escape(to []byte, s string) []byte {
	if !utf8.ValidString(s) {
		w.fail(errors.New("encoding record: a string is not valid UTF-8"))
		return to
	}
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		w.fail(fmt.Errorf("encoding record: %w", err))
		return to
	}
	return append(to, strings.TrimSuffix(text.String(), "\n")...)
}

func (w *jsonWriter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// appendJSON appends the one form that UnmarshalJSON accepts. Package time is
// quick only for its own layouts; the fraction takes the place of the Z, as the
// seven digits of 1ffffff whose first becomes a dot.
func (t Time) appendJSON(b []byte) ([]byte, error) {
	u := t.UTC()
	if y := u.Year(); y < 1 || y > 9999 {
		return b, fmt.Errorf("year %d is outside 1–9999", y)
	}
	b = u.AppendFormat(append(b, '"'), time.RFC3339)
	dot := len(b) - 1
	b = strconv.AppendInt(b[:dot], 1_000_000+int64(u.Nanosecond())/1000, 10)
	b[dot] = '.'
	return append(b, `Z"`...), nil
}
