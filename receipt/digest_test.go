package receipt_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/receipt"
)

func digest(t testing.TB, text string) string {
	t.Helper()
	got, err := receipt.Digest([]byte(text))
	if err != nil {
		t.Fatalf("%.100s: %v", text, err)
	}
	return got
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

// TestTheExamplesOfRFC8785 are those of its sections 3.2.2 to 3.2.4. The first
// holds a number with more digits than a double keeps, which is refused here;
// with that number as the double has it, the result is the RFC's.
func TestTheExamplesOfRFC8785(t *testing.T) {
	const literals = `{
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
}`
	if _, err := receipt.Digest([]byte(literals)); !errors.Is(err, receipt.ErrAmbiguous) {
		t.Errorf("a number that loses a digit: %v", err)
	}
	kept := strings.Replace(literals, "333333333.33333329", "333333333.3333333", 1)
	canonical := `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`
	if digest(t, kept) != sum(canonical) {
		t.Error("section 3.2.2")
	}
	const names = `{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
"\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`
	sorted := "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\"," +
		"\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}"
	if digest(t, names) != sum(sorted) {
		t.Error("section 3.2.3")
	}
}

// TestTheNumbersOfRFC8785 are those of its appendix B that JSON can hold.
func TestTheNumbersOfRFC8785(t *testing.T) {
	for bits, text := range map[uint64]string{
		0x0000000000000000: "0",
		0x0000000000000001: "5e-324",
		0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308",
		0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992",
		0xc340000000000000: "-9007199254740992",
		0x4430000000000000: "295147905179352830000",
		0x44b52d02c7e14af5: "9.999999999999997e+22",
		0x44b52d02c7e14af6: "1e+23",
		0x44b52d02c7e14af7: "1.0000000000000001e+23",
		0x444b1ae4d6e2ef4e: "999999999999999700000",
		0x444b1ae4d6e2ef4f: "999999999999999900000",
		0x444b1ae4d6e2ef50: "1e+21",
		0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7",
		0x3eb0c6f7a0b5ed8d: "0.000001",
		0x41b3de4355555553: "333333333.3333332",
		0x41b3de4355555554: "333333333.33333325",
		0x41b3de4355555555: "333333333.3333333",
		0x41b3de4355555556: "333333333.3333334",
		0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333",
		0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		if f, err := strconv.ParseFloat(text, 64); err != nil || math.Float64bits(f) != bits {
			t.Errorf("%s is not %x", text, bits)
		}
		written := strconv.FormatFloat(math.Float64frombits(bits), 'e', -1, 64)
		if digest(t, written) != sum(text) {
			t.Errorf("%s is not written as %s", written, text)
		}
	}
}

func TestS24_NumbersAreNotRounded(t *testing.T) {
	for _, equal := range [][]string{
		{"100", "1e2", "1E+2", "100.0", "10000e-2", "0.1e3", "100.000000000000000000000000000"},
		{"0", "0.0", "0e7", "0.000e-9", "0e999999999999999999999"},
		{"0.1", "1e-1", "0.10", "0.01E1"},
		{"-12.5", "-125e-1"},
		{"9007199254740992", "9007199254740992.0"},
	} {
		for _, text := range equal {
			if digest(t, text) != digest(t, equal[0]) {
				t.Errorf("%s is not %s", text, equal[0])
			}
		}
	}
	for _, text := range []string{
		"9007199254740993", "-9007199254740993", "9007199254740993.0", "0.1000000000000000055511151231257827",
		"18446744073709551617", "1e400", "-1e400", "1e-400", "1e999999999999999999999", "1.00000000000000000000000000001",
		"-0", "-0.0", "-0e1", "3.141592653589793238", "4.9e-324", "123456789012345678",
	} {
		if got, err := receipt.Digest([]byte(text)); !errors.Is(err, receipt.ErrAmbiguous) {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
}

func TestS24_TextIsNotNormalised(t *testing.T) {
	composed, decomposed := `{"to":"Zo\u00eb"}`, `{"to":"Zoe\u0308"}`
	if digest(t, composed) == digest(t, decomposed) {
		t.Error("two names of different bytes have one digest")
	}
	if digest(t, composed) != digest(t, `{"to":"Zoë"}`) {
		t.Error("an escape and its character differ")
	}
	for name, text := range map[string]string{
		"not UTF-8":              "\"a\xff\"",
		"overlong":               "\"\xc0\xaf\"",
		"half a pair":            `"\ud800"`,
		"the other half":         `"\udc00x"`,
		"pair in wrong order":    `"\udc00\ud800"`,
		"a surrogate in UTF-8":   "\"\xed\xa0\x80\"",
		"names but for case":     `{"a":1,"A":2}`,
		"names but for case, ſ":  `{"post":1,"poſt":2}`,
		"names but for case, K":  `{"k":1,"\u212a":2}`,
		"deep names but case":    `[{"x":{"id":1,"b":[{}],"ID":2}}]`,
		"one name twice":         `{"a":1,"a":1}`,
		"one name twice, escape": `{"a":1,"\u0061":2}`,
		"byte order mark":        "\ufeff{}",
		"comment":                `{}//`,
		"trailing comma":         `[1,]`,
		"leading zero":           `01`,
		"plus":                   `+1`,
		"NaN":                    `NaN`,
		"control in text":        "\"\x01\"",
		"nothing":                ``,
		"cut":                    `{"a":`,
		"two values":             `1 2`,
	} {
		if got, err := receipt.Digest([]byte(text)); !errors.Is(err, receipt.ErrAmbiguous) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	digest(t, `[{"a":1},{"A":2},"a","A"]`) // one name in each object
	digest(t, `{"a":{"A":1},"b":["A","a"]}`)
}

func TestS24_NestingAndLengthAreBounded(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	digest(t, nested(receipt.MaxDepth))
	digest(t, strings.Repeat(`{"a":`, receipt.MaxDepth-1)+"[]"+strings.Repeat("}", receipt.MaxDepth-1))
	digest(t, `"`+strings.Repeat("x", receipt.MaxArguments-2)+`"`)
	for _, text := range []string{
		nested(receipt.MaxDepth + 1), nested(receipt.MaxArguments / 2), strings.Repeat("[", 1000), strings.Repeat(`{"a":`, receipt.MaxDepth+1),
		`"` + strings.Repeat("x", receipt.MaxArguments-1) + `"`,
	} {
		if _, err := receipt.Digest([]byte(text)); !errors.Is(err, receipt.ErrAmbiguous) {
			t.Errorf("%.20s… of %d bytes: %v", text, len(text), err)
		}
	}
}

func TestDigestLeavesTheArgumentsAlone(t *testing.T) {
	text := []byte(`{ "b": 1.0, "a": "\u0061" }`)
	digest(t, string(text))
	before := string(text)
	if _, err := receipt.Digest(text); err != nil || string(text) != before {
		t.Errorf("%s, %v", text, err)
	}
}

// A value is a JSON value as the tests below think of it: nil, bool, float64,
// string, []any or members.
type (
	member struct {
		name  string
		value any
	}
	members []member
)

var texts = rapid.StringOfN(rapid.SampledFrom([]rune("ab \"\\/\n\x00\x1f\u007f\u2028éſ€😀\ufb33")), 0, 6, -1)

func values(depth int) *rapid.Generator[any] {
	leaf := []*rapid.Generator[any]{
		rapid.Just(any(nil)),
		rapid.Bool().AsAny(),
		rapid.Int64Range(-1<<53, 1<<53).AsAny(),
		rapid.Custom(func(t *rapid.T) float64 {
			f := rapid.Float64().Draw(t, "f")
			if math.IsNaN(f) || math.IsInf(f, 0) || f == 0 {
				return 0
			}
			return f
		}).AsAny(),
		texts.AsAny(),
	}
	if depth == 0 {
		return rapid.OneOf(leaf...)
	}
	list := rapid.SliceOfN(values(depth-1), 0, 4).AsAny()
	object := rapid.Custom(func(t *rapid.T) members {
		names := rapid.SliceOfNDistinct(texts, 0, 4, strings.ToUpper).Draw(t, "names")
		out := make(members, len(names))
		for i, n := range names {
			out[i] = member{n, values(depth-1).Draw(t, "value")}
		}
		return out
	}).AsAny()
	return rapid.OneOf(append(leaf, list, object)...)
}

// canonical is RFC 8785, written from its text.
func canonical(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return ecmaNumber(v)
	case string:
		return quoted(v)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, canonical(e))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case members:
		sorted := slices.SortedFunc(slices.Values(v), func(a, b member) int {
			return slices.Compare(utf16.Encode([]rune(a.name)), utf16.Encode([]rune(b.name)))
		})
		var parts []string
		for _, m := range sorted {
			parts = append(parts, quoted(m.name)+":"+canonical(m.value))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	panic(fmt.Sprintf("no JSON value: %T", v))
}

// ecmaNumber is Number::toString of ECMA-262.
func ecmaNumber(f float64) string {
	if f == 0 {
		return "0"
	}
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	mantissa, power, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	return mantissa + "e" + power[:1] + strings.TrimLeft(power[1:], "0")
}

func quoted(s string) string {
	var b strings.Builder
	for _, r := range s {
		short := strings.IndexRune("\b\t\n\f\r\"\\", r)
		switch {
		case short >= 0:
			b.WriteString(`\` + string(`btnfr"\`[short]))
		case r < 0x20:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}

// written is a value in one of the ways that it can be written.
func written(t *rapid.T, v any) string {
	space := rapid.SampledFrom([]string{"", " ", "\n\t", "\r "}).Draw(t, "space")
	switch v := v.(type) {
	case float64:
		return space + strconv.FormatFloat(v, byte(rapid.SampledFrom([]byte("eEgG")).Draw(t, "form")), -1, 64)
	case int64:
		return space + strconv.FormatInt(v, 10) + rapid.SampledFrom([]string{"", ".0", "e0", "E+00", ".000e-0"}).Draw(t, "form")
	case string:
		return space + spelled(t, v)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, written(t, e))
		}
		return space + "[" + strings.Join(parts, ",") + "]" + space
	case members:
		var parts []string
		for _, m := range rapid.Permutation(v).Draw(t, "order") {
			parts = append(parts, space+spelled(t, m.name)+space+":"+written(t, m.value))
		}
		return "{" + strings.Join(parts, ",") + space + "}"
	}
	return space + canonical(v)
}

func spelled(t *rapid.T, s string) string {
	if rapid.Bool().Draw(t, "plain") {
		return quoted(s)
	}
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, rapid.SampledFrom([]string{`\u%04x`, `\u%04X`}).Draw(t, "hex"), unit)
	}
	return `"` + b.String() + `"`
}

func TestOneDigestForOneMeaning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := values(3).Draw(t, "v")
		text := written(t, v)
		got, err := receipt.Digest([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got != sum(canonical(v)) {
			t.Fatalf("%s is not digested as %s", text, canonical(v))
		}
	})
}

func TestAnotherMeaningAnotherDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := values(2).Draw(t, "a"), values(2).Draw(t, "b")
		one, err := receipt.Digest([]byte(written(t, a)))
		two, err2 := receipt.Digest([]byte(written(t, b)))
		if err := cmp.Or(err, err2); err != nil {
			t.Fatal(err)
		}
		if (one == two) != (canonical(a) == canonical(b)) {
			t.Fatalf("%s and %s", canonical(a), canonical(b))
		}
	})
}

func BenchmarkDigest(b *testing.B) {
	for b.Loop() {
		if _, err := receipt.Digest([]byte(payment)); err != nil {
			b.Fatal(err)
		}
	}
}
