package hold

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/rights"
)

func TestWhatHidesIsShown(t *testing.T) {
	for text, want := range map[string]string{
		"post_payment":      "post_payment",
		"post_р\u0430yment": `post_\u0440\u0430yment`, // Cyrillic
		"a\u202Eb\u200Bc":   `a\u202eb\u200bc`,
		"\x1b[2J\r\n":       `\u001b[2J\u000d\u000a`,
		"\U000E0041":        `\U000e0041`,
		"\xff":              `\ufffd`,
	} {
		if got := Visible(text); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
	if got := Readable("Größe 漢字\nmail\u202Etxt.exe\x07"); got != "Größe 漢字\nmail\\u202etxt.exe\\u0007" {
		t.Errorf("a longer text is shown as %q", got)
	}
}

func TestOddNamesAreSaid(t *testing.T) {
	for _, name := range []string{"", "post_p\u0430yment", "post payment", "post.payment", "Post\u200Bpayment", strings.Repeat("x", 65)} {
		if OddName(name) == "" {
			t.Errorf("%q is not odd", name)
		}
	}
	for _, name := range []string{"post_payment", "PostPayment", "post-2"} {
		if why := OddName(name); why != "" {
			t.Errorf("%q: %s", name, why)
		}
	}
}

func TestArgumentsAreShownAsTheyCount(t *testing.T) {
	got := Pretty([]byte(`{"to":"DE\u202e1","amount":9007199254740993,"note":"line\nbreak"}`))
	want := []string{`{`, `  "amount": 9007199254740993,`, `  "note": "line\nbreak",`, `  "to": "DE\u202e1"`, `}`}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := Pretty([]byte("{\"a\": \x1b[31m")); !slices.Equal(got, []string{`{"a": \u001b[31m`}) {
		t.Errorf("what is no JSON: %q", got)
	}
}

func TestADiffSaysWhatWasAndWhatIs(t *testing.T) {
	got := Diff([]byte(`{"to":"DE1","amount":900}`), []byte(`{"amount":90,"to":"DE1"}`))
	want := []Line{{" ", `{`}, {"-", `  "amount": 900,`}, {"+", `  "amount": 90,`}, {" ", `  "to": "DE1"`}, {" ", `}`}}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	long := []byte("[" + strings.Repeat("1,", 5000) + "1]")
	if got := Diff(long, []byte("[]")); len(got) < 5000 || got[len(got)-1].Sign != "+" {
		t.Errorf("a long one has %d lines", len(got))
	}
}

// FuzzDiff: both sides of a diff are the two forms, and nothing of it can act on a
// terminal.
func FuzzDiff(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[1,2]}`), []byte(`{"b":[2],"a":1}`))
	f.Add([]byte("\x1b[0m"), []byte("{\"\u202e\":1}"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) > 1<<12 || len(b) > 1<<12 {
			return
		}
		var was, is []string
		for _, l := range Diff(a, b) {
			if l.Sign != "+" {
				was = append(was, l.Text)
			}
			if l.Sign != "-" {
				is = append(is, l.Text)
			}
			if strings.ContainsFunc(l.Text, func(c rune) bool { return c < ' ' || c > '~' }) || !utf8.ValidString(l.Text) {
				t.Fatalf("%q is shown", l.Text)
			}
		}
		if !slices.Equal(was, Pretty(a)) || !slices.Equal(is, Pretty(b)) {
			t.Fatalf("the diff of %q and %q is of other texts", a, b)
		}
	})
}

// FuzzNeededFor: what is under a threshold is a number of that size to another
// reader too.
func FuzzNeededFor(f *testing.F) {
	f.Add([]byte(`{"amount":1e3}`))
	f.Add([]byte(`{"amount":1,"amount":2}`))
	f.Add([]byte(`{"amount":"1"}`))
	list := []rights.Threshold{{Argument: "/amount", Over: "1000", Needed: 2}}
	f.Fuzz(func(t *testing.T, arguments []byte) {
		if NeededFor(list, "t", arguments) > 0 {
			return
		}
		var other map[string]any
		if err := json.Unmarshal(arguments, &other); err != nil {
			t.Fatalf("%q is under the threshold, and no object: %v", arguments, err)
		}
		if amount, ok := other["amount"].(float64); !ok || math.Abs(amount) > 1000 {
			t.Fatalf("%q is under the threshold", arguments)
		}
	})
}
