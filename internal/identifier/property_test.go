package identifier

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/dataclass"
)

// pieces are what generated texts are made of: identifiers of each kind, cues,
// words and separators.
var pieces = []string{
	"4111 1111 1111 1111", "4111-1111-1111-1111", "378282246310005", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "DE89 3704 0044 0532 0130 00", "gb29nwbk60161331926819", "219-09-9999", "943 476 5919",
	"AB 12 34 56 C", "65 929 970 489", "12345678Z", "RSSMRA85T10A562S", "44051401359", "111.444.777-35", "131052-308T", "900101-1234568",
	"jo.smith+x@mail.example.co.uk", "198.51.100.23", "fe80::1ff:fe23:4567:890a", "aa:bb:cc:dd:ee:ff", "https://example.com/a?b=c", "www.example.com",
	"+44 (0)20 7946 0958", "(212) 555-0143 x12", "956 013 059", "001-253-366-9781", "555-0123", "January 3, 1984", "15 de marzo de 1980", "31. Januar 1990", "1990年1月31日", "1984-03-11",
	"43-year-old", "61 años", "ab-771203-2", "J45.909", "1M8GDM9AXKP042788", "A1234567", "D400-7836-0001", "BD51 SMR", "34 ABC 123", "SW1A 1AA", "river_fox9", "@river_fox9", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
	"born on ", "DOB: ", "card ", "SSN ", "NHS number ", "account number ", "phone: ", "call ", "passport ", "license plate ", "driver's license ", "patient id ", "mujer de ", "postcode ", "username: ", "cvv ", "exp ", "iban ",
	"the", "of", "and", "committee", "Ünïcödé", "日本語", "número", "\n", "\n", ", ", ". ", " ", " ", " ", "?", ": ", "(", ")", "\"", "12", "7", "2024", "order ", "version ", "317", "09/29", "x",
}

func genText(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 14).Draw(t, "pieces"), "")
}

func checkFindings(t interface{ Fatalf(string, ...any) }, text []byte, found []dataclass.Finding) {
	end := 0
	for _, f := range found {
		switch {
		case f.Start < end || f.End <= f.Start || f.End > len(text):
			t.Fatalf("%+v after %d in %q", f, end, text)
		case utf8.Valid(text) && (!utf8.RuneStart(text[f.Start]) || f.End < len(text) && !utf8.RuneStart(text[f.End])):
			t.Fatalf("%+v cuts a character of %q", f, text)
		case !f.Entity.Known() || f.Score < dataclass.Possible || f.Score > 100 || f.Detector == "":
			t.Fatalf("%+v in %q", f, text)
		}
		end = f.End
	}
}

func TestFindingsAreInOrderAndWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(genText(t))
		checkFindings(t, text, Scan(nil, &dataclass.Text{Bytes: text}, plenty()))
	})
}

func TestSameTextSameFindings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := genText(t)
		if a, b := scan(text), scan(text); !slices.Equal(a, b) {
			t.Fatalf("%v and %v", a, b)
		}
	})
}

// TestTailHoldsWhatMayGoOn: wherever a text is cut, what is found across the cut
// begins in the part that Tail holds back.
func TestTailHoldsWhatMayGoOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := genText(t)
		for _, f := range scan(text) {
			if f.End-f.Start > maxHeld {
				continue
			}
			for cut := f.Start + 1; cut < f.End; cut++ {
				if at := Tail([]byte(text[:cut])); at > f.Start {
					t.Fatalf("%q: %+v is cut at %d, and Tail holds from %d", text, f, cut, at)
				}
			}
		}
	})
}

func TestTailHoldsLittleOfProse(t *testing.T) {
	var held []int
	for i := range prose {
		at := Tail([]byte(prose[:i]))
		if i-at > maxHeld {
			t.Fatalf("%d bytes held of %q", i-at, prose[:i])
		}
		held = append(held, i-at)
	}
	slices.Sort(held)
	if median, most := held[len(held)/2], held[len(held)*99/100]; median > 6 || most > 32 {
		t.Errorf("%d bytes held at the median, %d at the 99th percentile", median, most)
	}
}

// TestTailLetsGoOfWhatIsEnded: punctuation behind a whole number ends it, unless
// an extension or a year may follow.
func TestTailLetsGoOfWhatIsEnded(t *testing.T) {
	for text, held := range map[string]string{
		"pay 4111 1111 1111 1111; ":     "",
		"pay 4111 1111 1111 1111, then": "then",
		"pay 4111 1111 1111 1111. ":     "",
		"pay 4111 1111 1111 1111":       "pay 4111 1111 1111 1111",
		"on +44 20 7946 0958, ext":      "on +44 20 7946 0958, ext",
		"on +44 20 7946 0958, and":      "and",
		"January 3, 19":                 "January 3, 19",
		"January 3, we":                 "we",
		`{"id":"4411","name":"An`:       "An",
		"since 1987 the bridge":         "bridge",
		"15 de septiem":                 "15 de septiem",
		"6011\n0009\n":                  "6011\n0009\n",
	} {
		if got := text[Tail([]byte(text)):]; got != held {
			t.Errorf("%q: holds %q, want %q", text, got, held)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, p := range pieces {
		f.Add([]byte(p), 3)
	}
	f.Add([]byte(supportTicket), 20)
	f.Add([]byte("\xff\xfe4111\x80 1111@\xc3"), 2)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		text := &dataclass.Text{Bytes: b}
		if cut > 0 && cut < len(b) {
			text.Names = []string{"account number", "date of birth"}
			text.Fields = []dataclass.Field{{Start: 0, End: cut}, {Start: cut, End: len(b), Name: 1}}
		}
		checkFindings(t, b, Scan(nil, text, plenty()))
		if at := Tail(b); at < 0 || at > len(b) || len(b)-at > maxRun {
			t.Fatalf("Tail is %d of %d", at, len(b))
		}
	})
}
