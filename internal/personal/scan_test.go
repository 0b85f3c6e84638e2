package personal_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/personal"
)

// find scans a text with room for every finding.
func find(text string, found ...dataclass.Finding) []dataclass.Finding {
	return personal.Scan(nil, &dataclass.Text{Bytes: []byte(text)}, found, &dataclass.Budget{Findings: 1 << 20})
}

// counted lists what of a kind counts in a text.
func counted(text string, e dataclass.Entity, found ...dataclass.Finding) []string {
	var out []string
	for _, f := range find(text, found...) {
		if f.Entity == e && f.Counts() {
			out = append(out, text[f.Start:f.End])
		}
	}
	return out
}

// check says what is wrong with the findings in a text; empty: nothing.
func check(text string, fs []dataclass.Finding) string {
	end := 0
	for _, f := range fs {
		switch {
		case f.Start < end || f.End <= f.Start || f.End > len(text):
			return "out of order or of range"
		case !utf8.ValidString(text[f.Start:f.End]):
			return "not on the boundaries of characters"
		case !f.Entity.Known() || f.Detector != "personal":
			return "of no known entity or detector"
		case f.Score < dataclass.Possible || f.Score > 100:
			return "score out of range"
		}
		end = f.End
	}
	return ""
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{
		"", "Dear Ms. Hannah Okoye,\n12 Elm Road, Leeds LS1 4AB", "name: Zoë\x00van der Berg", "ul. Krótka 3/4 m. 5, 31-002 Kraków",
		"A.B.C. D'E-F's 1 2/3 4-5 C/ s/n", "diagnosed with type 2 diabetes, takes metformin 500mg", "our payroll is $4,5.6 million", "É́ ﬁ 李 Ƶ ẞ", "PSC 1, Box 2\nAPO AE 09012",
	} {
		f.Add(s, 3, 9)
	}
	f.Fuzz(func(t *testing.T, s string, start, end int) {
		text := strings.ToValidUTF8(s, "?")
		in := dataclass.Text{Bytes: []byte(text)}
		if 0 <= start && start < end && end <= len(text) && utf8.RuneStart(append(in.Bytes, 0)[start]) && utf8.RuneStart(append(in.Bytes, 0)[end]) {
			in.Names, in.Fields = []string{"full name"}, []dataclass.Field{{Start: start, End: end}}
		}
		got := personal.Scan(nil, &in, nil, &dataclass.Budget{Findings: 1 << 20})
		if wrong := check(text, got); wrong != "" {
			t.Fatalf("%q: %s: %+v", text, wrong, got)
		}
		again := personal.Scan(nil, &in, nil, &dataclass.Budget{Findings: 1 << 20})
		if d := cmp.Diff(got, again); d != "" {
			t.Fatalf("%q: two scans differ: %s", text, d)
		}
	})
}

func FuzzTail(f *testing.F) {
	for _, s := range []string{"", "I met Anna de", "12 Elm Road, Le", "no", strings.Repeat("A", 200), "ż", "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if at := personal.Tail(b); at < 0 || at > len(b) || len(b)-at > 64 {
			t.Fatalf("%q: tail at %d", b, at)
		}
	})
}

// words are what the generated texts are made of.
var words = []string{
	"Hannah", "Okoye", "van", "der", "Berg", "Dr.", "said", "the", "report", "Elm", "Road", "12", "Leeds", ",", ".\n", "Kraków", "ul.", "Dear", "de", "la",
	"Śliwińska", "name:", "Bank", "O'Neil", "J.", "and", "diabetes", "diagnosed", "with", "our", "payroll", "$400", "million", "Ivanov", "PO Box", "Apt.", "LS1",
}

func genText(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 60).Draw(t, "words"), " ")
}

func TestFindingsAreInOrderAndInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := genText(t)
		if wrong := check(text, find(text)); wrong != "" {
			t.Fatalf("%q: %s", text, wrong)
		}
	})
}

// TestTailHoldsWhatACutWouldTear: whatever may still become a name is held back
// from where it begins.
func TestTailHoldsWhatACutWouldTear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := "It says: " + genText(t)
		for _, f := range find(text) {
			if f.Entity != dataclass.Name || f.End-f.Start > 64 {
				continue
			}
			for cut := f.Start + 1; cut < f.End; cut++ {
				if utf8.RuneStart(text[cut]) && personal.Tail([]byte(text[:cut])) > f.Start {
					t.Fatalf("%q: %q is torn at %d, tail begins at %d", text, text[f.Start:f.End], cut, personal.Tail([]byte(text[:cut])))
				}
			}
		}
	})
}

func TestTailReleasesPlainText(t *testing.T) {
	for _, text := range []string{"the quick brown fox ", "it was called off", "see below:\n\n", "", "42: "} {
		if at := personal.Tail([]byte(text)); at != len(text) {
			t.Errorf("%q: held back from %d", text, at)
		}
	}
	if at := personal.Tail([]byte("we wrote to Hannah van d")); at != len("we wrote to ") {
		t.Errorf("held back from %d", at)
	}
}

// TestWindowsDoNotHideNames: what stands at the seam of two windows is found.
func TestWindowsDoNotHideNames(t *testing.T) {
	for n := range 300 {
		text := strings.Repeat("so it went ", n) + "until Hannah Okoye said no"
		if got := counted(text, dataclass.Name); !slices.Equal(got, []string{"Hannah Okoye"}) {
			t.Fatalf("after %d words: %q", 3*n, got)
		}
	}
}

func TestBudgetBoundsFindings(t *testing.T) {
	b := &dataclass.Budget{Findings: 3}
	got := personal.Scan(nil, &dataclass.Text{Bytes: []byte(strings.Repeat("Dear Hannah Okoye, ", 20))}, nil, b)
	if len(got) != 3 || !b.Overspent {
		t.Fatalf("%d findings, overspent %v", len(got), b.Overspent)
	}
}

// TestAppends: what was in dst stays as it was.
func TestAppends(t *testing.T) {
	before := []dataclass.Finding{{Entity: dataclass.Email, Start: 50, End: 60, Score: 99}}
	got := personal.Scan(before, &dataclass.Text{Bytes: []byte("Dear Hannah Okoye")}, nil, &dataclass.Budget{Findings: 9})
	if len(got) != 2 || got[0] != before[0] || got[1].Entity != dataclass.Name {
		t.Fatalf("got %+v", got)
	}
}

func TestCleanTextAllocatesNothingPerWord(t *testing.T) {
	short, long := strings.Repeat("plain words only ", 100), strings.Repeat("plain words only ", 4000)
	allocs := func(s string) float64 {
		in := &dataclass.Text{Bytes: []byte(s)}
		return testing.AllocsPerRun(20, func() { personal.Scan(nil, in, nil, &dataclass.Budget{Findings: 9}) })
	}
	if a, b := allocs(short), allocs(long); a != b {
		t.Fatalf("%v allocations for a short text, %v for a long one", a, b)
	}
}

// TestOneScanDoesNotRememberAnother: scanners are used again.
func TestOneScanDoesNotRememberAnother(t *testing.T) {
	texts := []string{
		"nothing here has a capital, says anna kowalska", "Dear Hannah Okoye, Qwyxtal is here.", "Qwyxtal came, and Okoye came.",
		"hannah.okoye@example.org", "Patient: Qwyxtal Brzydal\nDiagnosis: asthma", "", "12 Harbour Street, Leeds LS1 4AB", strings.Repeat("Anna Kowalska met Omar Haddad. ", 99), "van der",
	}
	mails := []dataclass.Finding{{Entity: dataclass.Email, Start: 0, End: 24, Score: 90}}
	type answer struct {
		Found []dataclass.Finding
		Tail  int
	}
	ask := func(text string) answer {
		var found []dataclass.Finding
		if strings.Contains(text, "@") {
			found = mails
		}
		return answer{find(text, found...), personal.Tail([]byte(text))}
	}
	var want []answer
	for _, text := range texts {
		want = append(want, ask(text))
	}
	rapid.Check(t, func(t *rapid.T) {
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(texts)-1), 2, 20).Draw(t, "texts") {
			if d := cmp.Diff(want[i], ask(texts[i])); d != "" {
				t.Fatalf("%q: %s", texts[i], d)
			}
		}
	})
}
