package plaintext

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// TestNormaliseUndoesDisguise: what a reader or a model takes for a word or a
// number is that word or number in the view.
func TestNormaliseUndoesDisguise(t *testing.T) {
	tests := []struct {
		name, in, want string
		hidden         bool
	}{
		{"nothing to do", "plain text\twith\r\nlines", "plain text\twith\r\nlines", false},
		{"full-width digits with joiners", "card ４１１１\u200d１１１１\u200d１１１１\u200d１１１１", "card 4111111111111111", true},
		{"soft hyphens", "536\u00ad90\u00ad4399", "536904399", true},
		{"word joiner in a word", "pass\u2060word", "password", true},
		{"tag characters", "12\U000e0041\U000e004234", "1234", true},
		{"right-to-left override", "ssn \u202e9934-09-635\u202c", "ssn 9934-09-635", true},
		{"Arabic-Indic digits", "رقم ٤١١١", "رقم 4111", false},
		{"Devanagari and Bengali digits", "१२३ ৪৫৬", "123 456", false},
		{"Arabic digits among ASCII digits", "4٢11", "4211", true},
		{"mathematical digits", "\U0001d7cf\U0001d7d0\U0001d7d1", "123", true},
		{"mathematical letters", "\U0001d429\U0001d41a\U0001d42c\U0001d42c", "pass", true},
		{"circled digits in a row", "①②③", "123", true},
		{"a circled digit in a list", "① first", "1 first", false},
		{"Cyrillic а in a Latin word", "pаssword", "password", true},
		{"Greek omicron in a Latin word", "passwοrd", "password", true},
		{"Cyrillic word", "пароль: сосна", "пароль: сосна", false},
		{"Cyrillic words of look-alikes only", "РОСА Сахара", "РОСА Сахара", false},
		{"Greek word", "Αθήνα και τον", "Αθήνα και τον", false},
		{"mixed word with plainly Cyrillic letters", "IТшник", "IТшник", false},
		{"Cyrillic number plate", "А123ВС77", "A123BC77", false},
		{"no-break and thin spaces", "4111\u00a01111\u20091111\u202f1111", "4111 1111 1111 1111", false},
		{"dashes", "536–90—4399‐1−2", "536-90-4399-1-2", false},
		{"curly quotes", "“O’Brien”", "\"O'Brien\"", false},
		{"full-width punctuation", "ａ＠ｂ．ｃｏｍ", "a@b.com", true},
		{"control characters in a number", "41\x0011\x0811\x7f11", "41111111", true},
		{"unit separators part fields", "41\x1f11", "41 11", false},
		{"NEL is a line's end", "a\u0085b", "a\nb", false},
		{"decomposed accents", "Jose\u0301 Nun\u0303ez", "José Nuñez", false},
		{"Hangul letters", "\u1112\u1161\u11ab", "한", false},
		{"strokes over digits", "4\u03361\u03361\u0336", "411", true},
		{"keycap digits", "4\ufe0f\u20e31\ufe0f\u20e3", "41", true},
		{"keycap in a list", "1\ufe0f\u20e3 first", "1 first", false},
		{"ligature", "oﬃce", "office", false},
		{"signs stay", "Acme™ 3º 2½", "Acme™ 3º 2½", false},
		{"byte order mark", "\ufeffname", "name", false},
		{"Persian word with a non-joiner", "می\u200cخواهم", "میخواهم", false},
		{"Vietnamese in parts", "Vie\u0323\u0302t o\u031b\u0301", "Việt ớ", false},
		{"short i in parts", "мои\u0306", "мой", false},
		{"kana in parts", "か\u3099", "が", false},
		{"flag of Wales", "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f", "\U0001f3f4", false},
		{"invalid UTF-8", "a\xff\xc3b", "a\uFFFD\uFFFDb", false},
		{"Japanese", "東京都カタカナ", "東京都カタカナ", false},
		{"half-width kana", "ｱｲｳ", "アイウ", false},
		{"Roman numeral", "Ⅳ", "IV", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := Normalise([]byte(tt.in))
			if string(v.Text) != tt.want || v.Hidden != tt.hidden {
				t.Errorf("got %q hidden %v, want %q hidden %v", v.Text, v.Hidden, tt.want, tt.hidden)
			}
		})
	}
}

// TestTagCharactersAreRead: text smuggled in invisible tags is handed out.
func TestTagCharactersAreRead(t *testing.T) {
	var b strings.Builder
	b.WriteString("hello")
	for _, c := range "call 555" {
		b.WriteRune(0xe0000 + c)
	}
	b.WriteString(" world")
	v := Normalise([]byte(b.String()))
	if string(v.Text) != "hello world" || len(v.Tagged) != 1 || string(v.Tagged[0].Text) != "call 555" {
		t.Fatalf("got %q and %+v", v.Text, v.Tagged)
	}
	if d := v.Tagged[0]; d.Start != 5 || d.End != 5+4*8 || d.By != "tag" {
		t.Fatalf("got %+v", d)
	}
}

// TestOriginalFindsTheDisguisedBytes: the range of a number in the view is the
// range of all its disguise in the original.
func TestOriginalFindsTheDisguisedBytes(t *testing.T) {
	in := []byte("é ４１\u200d１１ x\u00ady, 5\u00a06.")
	v := Normalise(in)
	tests := []struct{ part, want string }{
		{"4111", "４１\u200d１１"},
		{"41", "４１"},
		{"xy", "x\u00ady"},
		{"5 6", "5\u00a06"},
		{" ", " "},
	}
	for _, tt := range tests {
		at := bytes.Index(v.Text, []byte(tt.part))
		start, end := v.Original(at, at+len(tt.part))
		if got := string(in[start:end]); got != tt.want {
			t.Errorf("%q came from %q, want %q", tt.part, got, tt.want)
		}
	}
	if s, e := v.Original(0, len(v.Text)); s != 0 || e != len(in) {
		t.Errorf("the whole came from [%d,%d)", s, e)
	}
	if s, e := v.Original(-5, len(in)*9); s != 0 || e != len(in) {
		t.Errorf("out of range gave [%d,%d)", s, e)
	}
}

// TestEveryDecimalDigitFolds: the ranges of unicode.Nd are whole decades.
func TestEveryDecimalDigitFolds(t *testing.T) {
	for r := rune(0x80); r < unicode.MaxRune; r++ {
		if !unicode.Is(unicode.Nd, r) {
			if decimal(r) >= 0 {
				t.Fatalf("%U is no digit", r)
			}
			continue
		}
		want := decimal(r)
		if form := norm.NFKC.String(string(r)); form[0] < utf8.RuneSelf {
			want = int(form[0] - '0')
		}
		if v := Normalise([]byte(string(r))); len(v.Text) != 1 || int(v.Text[0]-'0') != want {
			t.Fatalf("%U became %q, want %d", r, v.Text, want)
		}
	}
}

var pieces = []string{"a", "Z", "7", " ", "-", ".", "\n", "é", "e\u0301", "ß", "я", "а", "Ω", "中", "한", "ｱ", "４", "Ａ", "٣", "\U0001d7d0", "①", "ﬁ", "™",
	"\u200b", "\u00ad", "\ufeff", "\u202e", "\U000e0041", "\ufe0f", "\u0336", "\u00a0", "–", "“", "\xff", "\xe2\x82", "\x80", "\x00", "\x1f", "😀", "ก็", "हि", "\u1112\u1161"}

func genText(t *rapid.T) []byte {
	return []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 40).Draw(t, "pieces"), ""))
}

// TestNormaliseKeepsTheWayBack holds for any text: the view is valid UTF-8;
// successive characters come from successive ranges that lie in the original;
// folding twice changes nothing.
func TestNormaliseKeepsTheWayBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkView(t, genText(t)) })
}

type failer interface {
	Fatalf(format string, args ...any)
}

func checkView(t failer, b []byte) {
	v := Normalise(b)
	if !utf8.Valid(v.Text) {
		t.Fatalf("%q became invalid %q", b, v.Text)
	}
	last := 0
	for i := 0; i < len(v.Text); {
		_, size := utf8.DecodeRune(v.Text[i:])
		start, end := v.Original(i, i+size)
		if start < 0 || end > len(b) || start > end || end < last {
			t.Fatalf("%q: [%d,%d) came from [%d,%d) after %d", b, i, i+size, start, end, last)
		}
		if utf8.Valid(b) && (!onBoundary(b, start) || !onBoundary(b, end)) {
			t.Fatalf("%q: [%d,%d) cuts a character", b, start, end)
		}
		last = end
		i += size
	}
	if plainLength(b) == len(b) && (len(v.blocks) > 0 || !bytes.Equal(v.Text, b)) {
		t.Fatalf("plain text %q was changed", b)
	}
	for _, c := range v.Text {
		if c == 0x7f || c < ' ' && (c < '\t' || c > '\r') {
			t.Fatalf("%q kept a control character", b)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	for _, s := range pieces {
		f.Add([]byte(s + "x" + s + s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		checkView(t, b)
		if !bytes.Equal(before, b) {
			t.Fatal("the input was changed")
		}
	})
}

func BenchmarkNormalise(b *testing.B) {
	texts := map[string]string{
		"ascii":      "The quick brown fox, 42 years old, jumps over it.\nAnd goes on with a line of text.\n",
		"spanish":    "La paciente refería dolor en el hipocondrio derecho, según él desde hacía años.\n",
		"russian":    "Пациент обратился с жалобами на боль в правом подреберье, Москва 2024.\n",
		"japanese":   "東京都新宿区にお住まいの方は、以下の電話番号までご連絡ください。\n",
		"thai":       "ผู้ป่วยมีอาการปวดท้องที่ด้านขวาบน\n",
		"decomposed": strings.Repeat("e\u0301", 30),
		"joiners":    strings.Repeat("4\u200d", 30),
		"fullwidth":  strings.Repeat("４１", 30),
		"maths":      strings.Repeat("\U0001d7d0", 30),
		"mixed":      strings.Repeat("pаsswоrd ", 10),
		"compat":     strings.Repeat("㏂ﬁ", 20),
	}
	for name, s := range texts {
		text := []byte(strings.Repeat(s, 16384/len(s)))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Normalise(text)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(text))*1.024, "µs/KiB")
		})
	}
}
