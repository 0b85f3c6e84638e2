package plaintext

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/dataclass"
)

func ample() *dataclass.Budget { return &dataclass.Budget{Decodings: 1 << 20} }

const secretText = "my number is 536-90-4399, keep it"

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// noise is n bytes that look random and are the same each time.
func noise(n int) []byte {
	var out []byte
	for i := 0; len(out) < n; i++ {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		out = append(out, sum[:]...)
	}
	return out[:n]
}

func wrapped(s string, width int, newline string) string {
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width] + newline)
		s = s[width:]
	}
	return b.String() + s
}

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func utf16le(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func percented(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// TestDecodingsOfEveryEncoding: what an encoding hides is read, and where it
// stands is known.
func TestDecodingsOfEveryEncoding(t *testing.T) {
	long := strings.Repeat(secretText+". ", 9)
	tests := []struct{ name, text, run, want, by string }{
		{"base64", "x " + b64(secretText) + " y", b64(secretText), secretText, "base64"},
		{"base64 without padding", base64.RawStdEncoding.EncodeToString([]byte(secretText)) + ".", base64.RawStdEncoding.EncodeToString([]byte(secretText)), secretText, "base64"},
		{"base64 for URLs", "?q=" + base64.URLEncoding.EncodeToString([]byte("ÿÿÿ þþ>>> 536-90-4399")), base64.URLEncoding.EncodeToString([]byte("ÿÿÿ þþ>>> 536-90-4399")), "ÿÿÿ þþ>>> 536-90-4399", "base64"},
		{"short base64", b64("536-90-4399"), b64("536-90-4399"), "536-90-4399", "base64"},
		{"wrapped base64", "a:\n" + wrapped(b64(long), 76, "\n") + "\nend of it", wrapped(b64(long), 76, "\n"), long, "base64"},
		{"wrapped and indented", "a:\n  " + wrapped(b64(long), 64, "\r\n  ") + "\nend", wrapped(b64(long), 64, "\r\n  "), long, "base64"},
		{"glued to a letter", "x" + b64(secretText), b64(secretText), secretText, "base64"},
		{"glued to a word", "see/path_" + b64(secretText), b64(secretText), secretText, "base64"},
		{"UTF-16", b64(utf16le(secretText)), b64(utf16le(secretText)), secretText, "base64"},
		{"hex", "0x" + hex.EncodeToString([]byte(secretText)), "0x" + hex.EncodeToString([]byte(secretText)), secretText, "hex"},
		{"hex in capitals", strings.ToUpper(hex.EncodeToString([]byte(secretText))), strings.ToUpper(hex.EncodeToString([]byte(secretText))), secretText, "hex"},
		{"percent", "q=" + percented("536-90") + " z", "q=" + percented("536-90"), "q=536-90", "percent"},
		{"percent within a word", "mail ada%40example.com now", "ada%40example.com", "ada@example.com", "percent"},
		{"references", "ssn &#53;&#x33;6-90-4399!", "&#53;&#x33;6-90-4399!", "536-90-4399!", "html"},
		{"references without semicolons", "&#53 &#51 &#54", "&#53 &#51 &#54", "5 3 6", "html"},
		{"named references", "4111&nbsp;1111&nbsp;1111", "4111&nbsp;1111&nbsp;1111", "4111 1111 1111", "html"},
		{"quotes as references", "a={&quot;ssn&quot;:&quot;x&quot;}", "a={&quot;ssn&quot;:&quot;x&quot;}", `a={"ssn":"x"}`, "html"},
		{"JSON escapes", `ssn \u0035\u00336-90-4399 x`, `\u0035\u00336-90-4399`, "536-90-4399", "escape"},
		{"surrogates", `\ud83d\ude00\u0031`, `\ud83d\ude00\u0031`, "😀1", "escape"},
		{"C escapes", `"\x35\x33\x36"`, `\x35\x33\x36`, "536", "escape"},
		{"hex in groups", "is 35 33 36 39 30 34 33 39 39, is it", "35 33 36 39 30 34 33 39 39", "536904399", "hex"},
		{"hex with colons", "(35:33:36:2D:39:30:2D:34:33:39:39)", "35:33:36:2D:39:30:2D:34:33:39:39", "536-90-4399", "hex"},
		{"hex after another number", "7 1 35 33 36 2d 39 30 2d 34 33 39 39", "35 33 36 2d 39 30 2d 34 33 39 39", "536-90-4399", "hex"},
		{"quoted-printable", "a =35=33=36=2D=39=30=2D=34=\r\n=33=39=39.", "=35=33=36=2D=39=30=2D=34=\r\n=33=39=39", "536-90-4399", "quoted_printable"},
		{"short base64 with a word for it", `base64: "` + b64("536904399") + `"`, b64("536904399"), "536904399", "base64"},
		{"short base64 in a call", `b64decode('` + b64("pin 4471") + `')`, b64("pin 4471"), "pin 4471", "base64"},
		{"braces", `\u{35}\u{33}6`, `\u{35}\u{33}6`, "536", "escape"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, opaque := Decodings([]byte(tt.text), ample())
			start := strings.Index(tt.text, tt.run)
			want := []Decoding{{start, start + len(tt.run), []byte(tt.want), tt.by}}
			if d := cmp.Diff(want, got); d != "" || opaque {
				t.Errorf("opaque %v: %s", opaque, d)
			}
		})
	}
}

// TestDecodingsOfPlainText: words, digests and numbers are no encodings.
func TestDecodingsOfPlainText(t *testing.T) {
	for _, text := range []string{
		"Internationalisierungskonferenzen are held at /usr/local/share/documentation/internationalization every year, aren't they?",
		"sha256:" + hex.EncodeToString(noise(32)), "sha512 " + hex.EncodeToString(noise(64)),
		"id 3f2b8c1e-9d4a-4c6b-8e2f-1a2b3c4d5e6f", "1234567890123456789012345678901234567890",
		"100% sure, 5%20 or %d %s, Tom & Jerry, AT&T; R&amp;D", `C:\users\new\docs`, strings.Repeat("ab", 300), strings.Repeat("-", 500),
		"MAC 34:36:3b:d2:8a:86, flows 10 20 30 40 50 60 70 80 90 11 12, a=41&b=42&c=43&d=44", b64("536904399") + " ab64 " + strings.Repeat("x", 40) + b64("536904399"),
		"34 35 36 37 38 39 30 31", "=41=42=43=44=45=46=47=48", "base64 encoded password, decoding the b64 form", strings.Repeat("someLongCamelCaseIdentifierOfAnAPI", 10),
	} {
		if got, opaque := Decodings([]byte(text), ample()); len(got) > 0 || opaque {
			t.Errorf("%.60q: %d decodings, first %+v, opaque %v", text, len(got), got, opaque)
		}
	}
}

// TestOpaqueRuns: what may hide text and cannot be read is reported, what is
// known to be something else is not.
func TestOpaqueRuns(t *testing.T) {
	random := base64.StdEncoding.EncodeToString(noise(300))
	token := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"email":"ada@example.com"}`)) + "." +
		base64.RawURLEncoding.EncodeToString(noise(256))
	tests := []struct {
		name, text string
		want       bool
	}{
		{"random bytes", "x " + random, true},
		{"random bytes, wrapped", wrapped(random, 76, "\n"), true},
		{"random hex", hex.EncodeToString(noise(150)), true},
		{"gzip", b64(gzipped(secretText)), true},
		{"zip", b64("PK\x03\x04" + string(noise(20))), true},
		{"short random bytes", base64.StdEncoding.EncodeToString(noise(90)), false},
		{"PEM", "-----BEGIN CERTIFICATE-----\n" + wrapped(random, 64, "\n") + "\n-----END CERTIFICATE-----", false},
		{"signature of a token", token, false},
		{"picture", "data:image/png;base64," + random, false},
		{"document", "data:application/pdf;base64," + random, true},
		{"public key", "ssh-rsa " + b64("\x00\x00\x00\x07ssh-rsa"+string(noise(250))), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, got := Decodings([]byte(tt.text), ample()); got != tt.want {
				t.Errorf("opaque %v, want %v", got, tt.want)
			}
		})
	}
}

// TestDecodingsAreBounded: nothing is decoded beyond the budget, and that is
// said.
func TestDecodingsAreBounded(t *testing.T) {
	for _, text := range []string{b64(strings.Repeat(secretText, 4)), percented(secretText), hex.EncodeToString([]byte(secretText))} {
		b := &dataclass.Budget{Decodings: 10}
		if got, _ := Decodings([]byte(text), b); len(got) > 0 || !b.Overspent {
			t.Errorf("%.20q: %d decodings, overspent %v", text, len(got), b.Overspent)
		}
	}
}

// TestDecodingsRoundTrip: any text of some length comes back out of any
// encoding.
func TestDecodingsRoundTrip(t *testing.T) {
	encodings := map[string]func(string) string{
		"base64":  b64,
		"url":     func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"hex":     func(s string) string { return hex.EncodeToString([]byte(s)) },
		"percent": percented,
		"html": func(s string) string {
			var b strings.Builder
			for _, r := range s {
				fmt.Fprintf(&b, "&#%d;", r)
			}
			return b.String()
		},
		"groups": func(s string) string { return strings.TrimSpace(fmt.Sprintf("% x", s)) },
		"quoted": func(s string) string { return strings.ReplaceAll(percented(s), "%", "=") },
		"escape": func(s string) string {
			var b strings.Builder
			for _, u := range utf16.Encode([]rune(s)) {
				fmt.Fprintf(&b, `\u%04x`, u)
			}
			return b.String()
		},
	}
	words := rapid.SampledFrom([]string{"name ", "Ada", " 536-90-4399", "é", "日本", " @", "x.y", ", "})
	rapid.Check(t, func(t *rapid.T) {
		s := "plain" + strings.Join(rapid.SliceOfN(words, 6, 30).Draw(t, "words"), "") + "end"
		name := rapid.SampledFrom([]string{"base64", "url", "hex", "percent", "html", "escape", "groups", "quoted"}).Draw(t, "encoding")
		found, _ := Decodings([]byte("see "+encodings[name](s)+" there"), ample())
		if len(found) == 0 || string(found[0].Text) != s {
			t.Fatalf("%s of %q gave %+v", name, s, found)
		}
	})
}

func FuzzDecodings(f *testing.F) {
	for _, s := range []string{b64(secretText), "%41%42%43", "&#65;&amp;", `\u0041\x41\n`, hex.EncodeToString([]byte(secretText)), "35 33 36 39 30 34 33 39 39", "=41=42=43=44=45=\n=46=47=48=49", "b64 NTM2OTA0Mzk5", wrapped(b64(secretText+secretText), 40, "\n")} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		budget := &dataclass.Budget{Decodings: 4096}
		found, _ := Decodings(b, budget)
		last, total := 0, 0
		for _, d := range found {
			if d.Start < last || d.End <= d.Start || d.End > len(b) || !readable(d.Text) || d.By == "" {
				t.Fatalf("%q: %+v after %d", b, d, last)
			}
			last, total = d.Start, total+len(d.Text)
		}
		if total > 4096 {
			t.Fatalf("%d bytes were decoded", total)
		}
	})
}

func BenchmarkDecodings(b *testing.B) {
	texts := map[string]string{
		"prose":      "The quick brown fox, as far as anyone knows, jumps over the lazy dog; it then goes home. Nobody saw it.\n",
		"base64":     b64(secretText) + " ",
		"random":     base64.StdEncoding.EncodeToString(noise(3000)) + " ",
		"short runs": "abcdefghijklmnopqrstuvwx ",
		"paths":      "/usr/local/share/documentation/x",
		"percent":    "%41",
		"percents":   "%41 x ",
		"references": "&#65;",
		"ampersands": "&",
		"slashes":    "\\",
		"hex":        hex.EncodeToString(noise(16)) + " ",
		"groups":     "41 ",
		"one apart":  "a1 ",
		"dashes":     "-",
		"equals":     "=",
		"quoted":     "=41",
		"hints":      "b64",
		"hinted":     "b64 QUJD ",
		"pads":       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
	}
	for name, s := range texts {
		text := []byte(strings.Repeat(s, max(1, 32768/len(s))))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Decodings(text, ample())
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(text))*1.024, "µs/KiB")
		})
	}
}
