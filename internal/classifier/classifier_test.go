package classifier

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/wasilibs/go-re2/experimental"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/dataclass"
)

const (
	card = "5105 1051 0510 5100" // published by Mastercard for tests
	ssn  = "536-22-8147"
	iban = "DE89 3704 0044 0532 0130 00" // the SWIFT registry's example
	mail = "ines.falk@example.org"
)

func plain(t testing.TB, labels ...dataclass.CustomLabel) *Classifier {
	t.Helper()
	c, err := New(labels)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAPromptIsLabelledByWhatItHolds(t *testing.T) {
	c := plain(t)
	tests := []struct {
		text    string
		classes []dataclass.Class
		level   dataclass.Level
	}{
		{"What is the capital of Portugal?", nil, dataclass.Public},
		{"Please charge card " + card + " for the order.", []dataclass.Class{dataclass.PaymentCard}, dataclass.Restricted},
		{"My SSN is " + ssn, []dataclass.Class{dataclass.RegulatedPersonal}, dataclass.Restricted},
		{"Transfer it to " + iban + ".", []dataclass.Class{dataclass.FinancialAccount}, dataclass.Restricted},
		{"Write to " + mail, []dataclass.Class{dataclass.PersonalContact}, dataclass.Confidential},
		{"The host is 10.11.12.13.", []dataclass.Class{dataclass.OnlineIdentifier}, dataclass.Internal},
		{"order number 5105105105105101, version 10.2.3.4, ticket 536228147", nil, dataclass.Public},
	}
	for _, tt := range tests {
		r := c.Text([]byte(tt.text))
		if d := cmp.Diff(tt.classes, r.Label.Classes); d != "" || r.Label.Level != tt.level {
			t.Errorf("%q: level %v, classes %s, found %+v", tt.text, r.Label.Level, d, r.Findings)
		}
		if r.Label.Detectors != c.Version() {
			t.Errorf("%q: labelled by %q", tt.text, r.Label.Detectors)
		}
	}
}

// What people do to hide a number does not hide it.
func TestWhatIsDisguisedIsFound(t *testing.T) {
	c := plain(t)
	full := strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r - '0' + '０'
		}
		return r
	}, strings.ReplaceAll(card, " ", "\u200d"))
	b64 := base64.StdEncoding.EncodeToString
	escaped := ""
	for _, r := range "my ssn: " + ssn {
		escaped += fmt.Sprintf(`\u%04x`, r)
	}
	for name, text := range map[string]string{
		"full-width with joiners": "card " + full,
		"unicode escapes":         escaped,
		"base64":                  "see " + b64([]byte("my social security number is "+ssn)),
		"base64 of base64":        "see " + b64([]byte(b64([]byte("my social security number is "+ssn)))),
		"hex":                     "see " + hex.EncodeToString([]byte("my social security number is "+ssn)),
		"percent":                 "card=" + strings.ReplaceAll(card, " ", "%20"),
		"soft hyphens":            "ssn " + strings.ReplaceAll(ssn, "-", "-\u00ad"),
		"bytes that are no UTF-8": "card \xff\xfe " + card,
	} {
		if r := c.Text([]byte(text)); !r.Label.Regulated {
			t.Errorf("%s: %q is %+v", name, text, r)
		}
	}
}

// Tag characters show nothing, and a model reads them: what they spell counts,
// and stands for the whole run.
func TestWhatTagCharactersSpellIsFound(t *testing.T) {
	c := plain(t)
	for said, class := range map[string]dataclass.Class{
		"my SSN is " + ssn: dataclass.RegulatedPersonal,
		"aws_access_key_id = AKIA" + strings.Repeat("Q2W3", 4): dataclass.Credential,
	} {
		tags := strings.Map(func(r rune) rune { return 0xe0000 + r }, said)
		r := c.Text([]byte("Hello" + tags + " world"))
		if !slices.Contains(r.Label.Classes, class) {
			t.Errorf("%s: %+v", class, r)
		}
		for _, f := range r.Findings {
			if f.Start != 5 || f.End != 5+len(tags) || f.By != "tag" {
				t.Errorf("%s: %+v is not the run", class, f)
			}
		}
	}
}

// However many runs are encoded, an entity stands for the one that it is in.
func TestAnEncodedEntityStandsForItsRun(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	noise := strings.Repeat("%41%42%43 and ", 20)
	number, address := b64([]byte("my social security number is "+ssn)), b64([]byte("please write to "+mail))
	text := noise + number + " " + noise + address + " " + noise
	want := map[dataclass.Entity]string{dataclass.SSN: number, dataclass.Email: address}
	for _, f := range plain(t).Text([]byte(text)).Findings {
		if run, ok := want[f.Entity]; ok {
			if text[f.Start:f.End] != run || f.By != "base64" {
				t.Errorf("%+v stands for %q, want %q", f, text[f.Start:f.End], run)
			}
			delete(want, f.Entity)
		}
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}

// What others do to have secrets overlooked is not honoured.
func TestAnAllowMarkHidesNothing(t *testing.T) {
	key := "AKIA" + strings.Repeat("Q2W3", 4)
	for _, text := range []string{"aws_access_key_id = " + key, "aws_access_key_id = " + key + " # gitleaks:allow"} {
		r := plain(t).Text([]byte(text))
		if !slices.Contains(r.Label.Classes, dataclass.Credential) {
			t.Errorf("%+v", r)
		}
	}
}

func TestAnEntitySplitOverTextsIsFound(t *testing.T) {
	c := plain(t)
	rapid.Check(t, func(t *rapid.T) {
		text := "I pay with " + card + " as always"
		var parts []Part
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			parts = append(parts, Part{Text: []byte(rest[:n]), Runs: len(parts) > 0, After: len(parts) - 1})
			rest = rest[n:]
		}
		r := c.Classify(parts, nil)
		if r.Label.Counts[dataclass.PaymentCard] != 1 {
			t.Fatalf("%d parts: %+v", len(parts), r)
		}
		redacted, n := NewRedactor().Redact(parts, r.Findings)
		if n != 1 {
			t.Fatalf("%d replaced of %+v", n, r.Findings)
		}
		for _, p := range redacted {
			parts[p.Part].Text = p.Text
		}
		whole := ""
		for _, p := range parts {
			whole += string(p.Text)
		}
		if want := "I pay with {CREDIT_DEBIT_CARD_NUMBER_1} as always"; whole != want {
			t.Fatalf("%q", whole)
		}
	})
}

// TestPartsThatDoNotGoOnAreNotJoined: two columns of a table are not one number.
func TestPartsThatDoNotGoOnAreNotJoined(t *testing.T) {
	half := len(card) / 2
	r := plain(t).Classify([]Part{{Text: []byte(card[:half])}, {Text: []byte(card[half:])}}, nil)
	if r.Label.Counts[dataclass.PaymentCard] > 0 {
		t.Errorf("%+v", r)
	}
}

// TestMoreContentIsNeverLess: merging parts never goes down (design §6).
func TestMoreContentIsNeverLess(t *testing.T) {
	c := plain(t)
	rapid.Check(t, func(t *rapid.T) {
		a, b := fragments(t, "a"), fragments(t, "b")
		one, both := c.Text([]byte(a)), c.Classify([]Part{{Text: []byte(a)}, {Text: []byte(b)}}, nil)
		if both.Label.Level < one.Label.Level || one.Label.Regulated && !both.Label.Regulated {
			t.Fatalf("%+v fell to %+v", one.Label, both.Label)
		}
		for _, class := range one.Label.Classes {
			if both.Label.Counts[class] < one.Label.Counts[class] {
				t.Fatalf("%s of %+v is less in %+v", class, one.Label, both.Label)
			}
		}
	})
}

// fragments draws a text with something in it, or nothing.
func fragments(t *rapid.T, name string) string {
	pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
		"Hello there, ", "the meeting is at noon. ", "my card is " + card + ". ", "SSN: " + ssn + "\n", "IBAN " + iban + " ", "mail " + mail + ", ",
		"call +44 20 7946 0958 ", "My name is Ines Falk. ", "order 12345 ", "version 1.2.3 ", "password: hunter2-Blau! ", "https://example.org/a?b=c ", "0123456789 ", "née Ünal – ",
		"{\"a\": 1}\n", "born on 3 May 1980, ", "東京 ", "aaaa-bbbb-cccc ",
	}), 1, 12).Draw(t, name)
	return strings.Join(pieces, "")
}

// TestTheLevelOfWhatCannotBeRead: unscanned is never clean.
func TestTheLevelOfWhatCannotBeRead(t *testing.T) {
	png := base64.StdEncoding.EncodeToString(append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 64)...))
	for name, p := range map[string]Part{
		"an image":          {Text: []byte(png), File: true},
		"no base64":         {Text: []byte("%%%"), File: true},
		"elsewhere":         {Unread: "s3"},
		"noise":             {Text: []byte(noise(4096))},
		"noise in a file":   {Text: []byte(base64.StdEncoding.EncodeToString([]byte(noise(4096)))), File: true},
		"truncated base64?": {Text: []byte(png[:41]), File: true},
	} {
		l := plain(t).Classify([]Part{{Text: []byte("look at this")}, p}, nil).Label
		if len(l.Unscanned) == 0 || l.Level != dataclass.Restricted {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

// noise is base64 of bytes without any structure.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// TestADiagnosisNeedsSomebody: health data is somebody's.
func TestADiagnosisNeedsSomebody(t *testing.T) {
	c := plain(t)
	if l := c.Text([]byte("What helps against type 2 diabetes and hypertension?")).Label; slices.Contains(l.Classes, dataclass.Health) || l.Regulated {
		t.Errorf("a question: %+v", l)
	}
	l := c.Classify([]Part{{Text: []byte("Patient: Ines Falk, " + mail)}, {Text: []byte("Diagnosis: type 2 diabetes, takes metformin")}}, nil).Label
	if !slices.Contains(l.Classes, dataclass.Health) || !l.Regulated {
		t.Errorf("a patient: %+v", l)
	}
}

// TestADetectorThatFailsLeavesContentUnscanned.
func TestADetectorThatFailsLeavesContentUnscanned(t *testing.T) {
	err := func() (err error) {
		defer failed(&err)
		panic("index out of range")
	}()
	if err == nil {
		t.Error("a panic passed for an answer")
	}
	c := plain(t, dataclass.CustomLabel{ID: "falcon", Words: []string{"falcon"}})
	c.own[0].patterns[0].there = func([]byte) (bool, error) { return false, experimental.ErrSetEvaluation }
	l := c.Text([]byte("nothing of the kind")).Label
	if !slices.Contains(l.Unscanned, "detector_failed") || l.Level != dataclass.Restricted {
		t.Errorf("%+v", l)
	}
}

func TestWorkIsBounded(t *testing.T) {
	c := plain(t)
	for name, unit := range hostile {
		text := strings.Repeat(unit, 1<<17/len(unit))
		r := c.Text([]byte(text))
		if len(r.Findings) > maxFindings {
			t.Errorf("%s: %d findings", name, len(r.Findings))
		}
		if r.Label.Truncated != slices.Contains(r.Label.Unscanned, "budget") {
			t.Errorf("%s: truncated %v, unscanned %v", name, r.Label.Truncated, r.Label.Unscanned)
		}
	}
	if l := c.Text([]byte(strings.Repeat(card+", ", 10_000))).Label; !l.Truncated || !l.Regulated || l.Level != dataclass.Restricted {
		t.Errorf("more than can be counted: %+v", l)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{card, ssn, "a\xff", "\u200d1\u200d", `{"ssn":"` + ssn + `"}`, noise(300), "-----BEGIN PRIVATE KEY-----\n"} {
		f.Add([]byte(s))
	}
	c := plain(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		r := c.Text(text)
		if slices.Contains(r.Label.Unscanned, "detector_failed") {
			t.Fatal("a detector failed")
		}
		for _, x := range r.Findings {
			if x.Start < 0 || x.End > len(text) || x.Start >= x.End {
				t.Fatalf("%+v of %d bytes", x, len(text))
			}
		}
		parts := []Part{{Text: text}}
		if _, n := NewRedactor().Redact(parts, r.Findings); n > len(r.Findings) {
			t.Fatalf("%d replaced of %d", n, len(r.Findings))
		}
	})
}

// TestOneTextDoesNotRememberAnother: the memory of a reading is used again, and
// what was found keeps what it is.
func TestOneTextDoesNotRememberAnother(t *testing.T) {
	c := plain(t)
	texts := []string{prose, ticket, `{"first name": "Ines", "card": "` + card + `"}`, "name,ssn\nInes Falk," + ssn + "\n", base64.StdEncoding.EncodeToString([]byte(ticket)), ""}
	var want, again []Result
	for _, text := range texts {
		want = append(want, c.Text([]byte(text)))
	}
	for _, text := range slices.Backward(texts) {
		again = append(again, c.Text([]byte(text)))
	}
	slices.Reverse(again)
	if d := cmp.Diff(want, again); d != "" {
		t.Error(d)
	}
}
