package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSeveritiesRankAndRise(t *testing.T) {
	order := []Severity{"", Info, Low, Medium, High, Critical}
	for rank, s := range order {
		if s.Rank() != rank {
			t.Errorf("%q ranks %d, want %d", s, s.Rank(), rank)
		}
	}
	for s, want := range map[Severity]Severity{Info: Low, High: Critical, Critical: Critical, "odd": "odd"} {
		if got := s.Raise(); got != want {
			t.Errorf("%q rises to %q, want %q", s, got, want)
		}
	}
}

// TestTheFingerprintIsOfWhatWasFound: not of where it stands or how it is said.
func TestTheFingerprintIsOfWhatWasFound(t *testing.T) {
	base := Fingerprint(wide(role("App")))
	same := map[string]func(*Finding){
		"position": func(f *Finding) { f.Position, f.Statements[0].Position = at(9, 9), at(8, 8) },
		"words":    func(f *Finding) { f.Title, f.Detail, f.Severity, f.Proposal = "said better", "", Critical, nil },
		"layout": func(f *Finding) {
			f.Statements[0].Text = []byte("{\n \"Sid\":\"BedrockAll\",\"Effect\":\"Allow\",\"Action\":[\"bedrock:*\"],\"Resource\":\"*\"}")
		},
	}
	other := map[string]func(*Finding){
		"rule":      func(f *Finding) { f.Rule = "BR-WIDE-02" },
		"principal": func(f *Finding) { f.Principal = role("Other") },
		"resource":  func(f *Finding) { f.Resource = "x" },
		"statement": func(f *Finding) {
			f.Statements[0].Text = []byte(`{"Effect":"Allow","Action":"bedrock:*","Resource":"x"}`)
		},
		"path":  func(f *Finding) { f.Path = []Hop{{From: "a", To: "b", By: "c"}} },
		"shift": func(f *Finding) { f.Rule, f.Account = f.Rule+f.Account[:1], f.Account[1:] },
	}
	check := func(name string, change func(*Finding), want bool) {
		f := wide(role("App"))
		f.Statements = append([]Statement{}, f.Statements...)
		change(&f)
		if got := Fingerprint(f) == base; got != want {
			t.Errorf("%s changed: same fingerprint %v, want %v", name, got, want)
		}
	}
	for name, change := range same {
		check(name, change, true)
	}
	for name, change := range other {
		check(name, change, false)
	}
}

func TestPlainShowsAndNeverActs(t *testing.T) {
	for in, want := range map[string]string{
		"role/App": "role/App", "Zoë 王": "Zoë 王", "a\nb\r\t": `a\nb\r\t`, "\x1b[0m": `\u001b[0m`, "\u202e": `\u202e`, "\u00a0\u200b\ufeff": `\u00a0\u200b\ufeff`,
		"\xff\xfe": `\xff\xfe`, "\U000e0041": `\U000e0041`, "\ufffd": "\ufffd",
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		out := plain(string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
		if !utf8.ValidString(out) || strings.IndexFunc(out, acts) >= 0 {
			t.Errorf("%q acts", out)
		}
	})
}

// TestPlainJSONIsTheSameValue, for every string that JSON can hold.
func TestPlainJSONIsTheSameValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "value")
		raw := append([]byte(" [\n"), asJSON(want)...)
		raw = append(raw, " ]\t"...)
		var got []string
		out := plainJSON(raw)
		if err := json.Unmarshal(out, &got); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%q became %q (%v)", want, got, err)
		}
		if bytes.IndexFunc(out, actsInJSON) >= 0 {
			t.Errorf("%q acts", out)
		}
	})
}

// TestShownForgetsNoField: shown reaches every string of every message, and
// leaves the original alone.
func TestShownForgetsNoField(t *testing.T) {
	f := Finding{Rule: "\x1b", Path: []Hop{{By: "\x1b", Statements: []Statement{{Sid: "\x1b", Text: json.RawMessage("\"\u202e\"")}}}}, Proposal: &Proposal{Proof: "\x1b"}}
	before := asJSON(f)
	out := asJSON(shown(f))
	if bytes.Contains(out, []byte(`"\u001b`)) || bytes.Contains(out, []byte("\u202e")) {
		t.Errorf("acts: %s", out)
	}
	if !bytes.Equal(before, asJSON(f)) {
		t.Error("the original was changed")
	}
}

func TestJSONKeepsEveryMessage(t *testing.T) {
	var got struct {
		Format       string
		Run          Run
		Findings     []Finding
		Rights       []Right
		NotEvaluable []NotEvaluable
		Measures     []Measure
	}
	dec := json.NewDecoder(strings.NewReader(rendered(t, "report.json", []Finding{wide(role("App"))})))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := wide(role("App"))
	want.Fingerprint = Fingerprint(want)
	if diff := cmp.Diff(string(asJSON(want)), string(asJSON(got.Findings[0]))); diff != "" {
		t.Error(diff)
	}
	if got.Format != Format || len(got.Rights) != len(testRights()) || len(got.NotEvaluable) != 2 || len(got.Measures) != 3 || got.Run.Principals != 31 {
		t.Errorf("lost something: %+v", got)
	}
}

func TestFindingsThatCannotBeWrittenAreRefused(t *testing.T) {
	for name, f := range map[string]Finding{
		"no rule":     {Severity: High},
		"severity":    {Rule: "R", Severity: "severe"},
		"witness":     {Rule: "R", Severity: High, Witness: []byte("{")},
		"policy":      {Rule: "R", Severity: High, Proposal: &Proposal{Policy: []byte("x")}},
		"statement":   {Rule: "R", Severity: High, Statements: []Statement{{Text: []byte("}")}}},
		"hop's":       {Rule: "R", Severity: High, Path: []Hop{{Statements: []Statement{{Text: []byte("")}, {Text: []byte("1 2")}}}}},
		"no fraction": {Rule: "R", Severity: High, Witness: []byte("1.")},
	} {
		for renderer, make := range renderers {
			if err := make(&bytes.Buffer{}).Finding(f); err == nil {
				t.Errorf("%s: %s takes it", name, renderer)
			}
		}
	}
}

var errFull = errors.New("no space left")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestAWriterThatFailsIsReported(t *testing.T) {
	for name, make := range renderers {
		h := make(full{})
		if err := errors.Join(h.Config(testRun()), h.Finding(chain())); err != nil {
			t.Fatal(err)
		}
		if err := h.Flush(); !errors.Is(err, errFull) {
			t.Errorf("%s says %v", name, err)
		}
	}
}

func TestNoCellIsAFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"=", "+", "-", "@", "\t", "\r", "＝", "", "x"}).Draw(t, "first") + rapid.String().Draw(t, "rest")
		var b strings.Builder
		sendQuietly(CSV(&b), []Finding{{Rule: text + "!", Severity: Low, Title: text, Principal: text, Suppressed: text}})
		rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[1]) != len(csvHeader) {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, cell := range rows[1] {
			if cell != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(cell)[0]) {
				t.Errorf("%q is a formula", cell)
			}
		}
	})
}

// TestARightIsWrittenAsEncodingJSONWould, whatever its words are.
func TestARightIsWrittenAsEncodingJSONWould(t *testing.T) {
	word := rapid.OneOf(rapid.Just(""), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		draw := func(field string) string { return word.Draw(t, field) }
		r := Right{draw("account"), draw("principal"), draw("kind"), draw("action"), draw("target"), draw("region"), draw("decision"),
			draw("condition"), draw("from"), draw("until"), rapid.IntRange(0, 9).Draw(t, "hops"), draw("used")}
		var b strings.Builder
		h := JSON(&b)
		if err := errors.Join(h.Right(r), h.Right(r), h.Flush()); err != nil {
			t.Fatal(err)
		}
		want := string(plainJSON(asJSON(r)))
		if !strings.Contains(b.String(), "\"rights\":[\n"+want+",\n"+want+"]") {
			t.Errorf("want %s twice in\n%s", want, b.String())
		}
	})
}
