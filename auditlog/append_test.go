package auditlog

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestAppendIsEncodingJSON draws records with any of their fields set or not,
// found by reflection so that a field added later is drawn too, and holds what
// is written against encoding/json.
func TestAppendIsEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Record
		fill(t, reflect.ValueOf(&r).Elem())
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(&r); err != nil {
			t.Fatal(err)
		}
		w := &jsonWriter{}
		r.append(w)
		if w.err != nil {
			t.Fatal(w.err)
		}
		if got := string(w.b) + "\n"; got != want.String() {
			t.Fatalf("written as\n%swhere encoding/json writes\n%s", got, &want)
		}
	})
}

var (
	texts = rapid.SampledFrom([]string{"", "a", "plain text <&>", "quote\"s", `back\slash`, "tab\tnewline\n", "\x00\x1f\x7f", "ünïcode 日本", "\u2028\u2029", "𝄞"})
	times = rapid.Custom(func(t *rapid.T) Time {
		if rapid.Bool().Draw(t, "zero") {
			return Time{}
		}
		return At(time.UnixMicro(rapid.Int64Range(-62135596800_000000, 253402300799_999999).Draw(t, "µs")))
	})
)

// fill sets every part of v to something drawn, zero values among them.
func fill(t *rapid.T, v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[Time]():
		v.Set(reflect.ValueOf(times.Draw(t, "time")))
	case v.Kind() == reflect.String:
		v.SetString(texts.Draw(t, "text"))
	case v.Kind() == reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case v.CanInt():
		v.SetInt(rapid.SampledFrom([]int64{0, 1, -1, 1 << 30}).Draw(t, "number"))
	case v.CanUint():
		v.SetUint(rapid.SampledFrom([]uint64{0, 1, 1<<32 - 1}).Draw(t, "count"))
	case v.Kind() == reflect.Pointer:
		if rapid.Bool().Draw(t, "present") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 2).Draw(t, "length"), 2))
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case v.Type() == reflect.TypeFor[map[string]int]():
		v.Set(reflect.ValueOf(rapid.MapOfN(texts, rapid.SampledFrom([]int{0, 1, -1, 1 << 30}), 0, 3).Draw(t, "counts")))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("a record holds a %s, which this test cannot draw", v.Type())
	}
}

func TestAppendRefusesInvalidUTF8(t *testing.T) {
	w := &jsonWriter{}
	(&Record{ID: "a\xffb"}).append(w)
	if w.err == nil {
		t.Errorf("written as %s", w.b)
	}
}
