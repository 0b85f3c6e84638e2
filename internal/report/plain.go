package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// acts reports whether a character does something other than show itself:
// controls, line breaks, spaces that are not one, and format characters, among
// them those that reorder text (UAX #9) or take no room.
func acts(r rune) bool { return !unicode.IsPrint(r) }

// plain is a string with every acting character, and every byte that is no
// UTF-8, written as an escape: one line that looks like what it is.
func plain(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, acts) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !acts(r):
			b.WriteString(s[:size])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		s = s[size:]
	}
	return b.String()
}

// plainJSON is valid JSON with acting characters written as JSON's own escapes:
// the same value. White space between tokens stays.
func plainJSON(text []byte) []byte {
	if utf8.Valid(text) && bytes.IndexFunc(text, actsInJSON) < 0 {
		return text
	}
	out := make([]byte, 0, len(text)+16)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			out = append(out, `\ufffd`...)
		case !actsInJSON(r):
			out = append(out, text[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}

// actsInJSON leaves out the white space that JSON allows between tokens; within
// a string JSON allows none of it.
func actsInJSON(r rune) bool { return r != '\n' && r != '\r' && r != '\t' && acts(r) }

// shown is a message with every string plain and every raw JSON escaped. It is
// applied to whole messages, so that a renderer cannot forget a field.
func shown[T any](message T) T {
	out := reflect.New(reflect.TypeOf(message)).Elem()
	show(out, reflect.ValueOf(message))
	return out.Interface().(T)
}

func show(out, in reflect.Value) {
	switch in.Kind() {
	case reflect.String:
		out.SetString(plain(in.String()))
	case reflect.Struct:
		for i := range in.NumField() {
			show(out.Field(i), in.Field(i))
		}
	case reflect.Pointer:
		if !in.IsNil() {
			out.Set(reflect.New(in.Type().Elem()))
			show(out.Elem(), in.Elem())
		}
	case reflect.Slice:
		showSlice(out, in)
	default:
		out.Set(in)
	}
}

func showSlice(out, in reflect.Value) {
	if raw, ok := in.Interface().(json.RawMessage); ok {
		out.SetBytes(plainJSON(raw))
		return
	}
	if in.IsNil() {
		return
	}
	out.Set(reflect.MakeSlice(in.Type(), in.Len(), in.Len()))
	for i := range in.Len() {
		show(out.Index(i), in.Index(i))
	}
}

// indented is raw JSON laid out for reading; it was checked when it came.
func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if len(raw) == 0 || json.Indent(&b, raw, "", "  ") != nil {
		return ""
	}
	return b.String()
}
