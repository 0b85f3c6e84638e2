package scoring

import (
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/dataclass"
)

func TestOffsetsCountBytesOrCodePoints(t *testing.T) {
	want := []Span{{4, 8, labels["PERSON"]}}
	for _, c := range []struct {
		unit Unit
		line string
	}{
		{Bytes, `{"text":"é: Żoe!","spans":[{"start":4,"end":8,"type":"PERSON"}]}`},
		{CodePoints, `{"text":"é: Żoe!","spans":[{"start":3,"end":6,"type":"PERSON"}]}`},
	} {
		e, err := ReadExample([]byte(c.line), labels, c.unit)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, e.Spans); d != "" {
			t.Errorf("unit %d: %s", c.unit, d)
		}
	}
}

func TestConversionGoesBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("aé漢😀 "))).Draw(t, "text")
		points := rapid.SliceOf(rapid.IntRange(0, utf8.RuneCountInString(text))).Draw(t, "offsets")
		at := append([]int{}, points...)
		if !convert(at, text, CodePoints) {
			t.Fatal("an offset in the text was refused")
		}
		for i, b := range at {
			if utf8.RuneCountInString(text[:b]) != points[i] {
				t.Fatalf("%d became %d", points[i], b)
			}
		}
		InCodePoints(at, text)
		if d := cmp.Diff(points, at); d != "" && len(points) > 0 {
			t.Fatal(d)
		}
	})
}

func TestLinesThatCannotBeMeantAreRefused(t *testing.T) {
	for name, line := range map[string]string{
		"no JSON":            `{"text":"a`,
		"no object":          `["a"]`,
		"no text":            `{"id":"1","spans":[]}`,
		"text is a number":   `{"text":1}`,
		"id is an object":    `{"id":{},"text":"a"}`,
		"not UTF-8":          "{\"text\":\"\xff\"}",
		"span past the end":  `{"text":"abc","spans":[{"start":1,"end":4,"type":"MAIL"}]}`,
		"span of nothing":    `{"text":"abc","spans":[{"start":1,"end":1,"type":"MAIL"}]}`,
		"span before it":     `{"text":"abc","spans":[{"start":-1,"end":1,"type":"MAIL"}]}`,
		"within a character": `{"text":"é","spans":[{"start":0,"end":1,"type":"MAIL"}]}`,
	} {
		if e, err := ReadExample([]byte(line), labels, Bytes); err == nil {
			t.Errorf("%s was read as %+v", name, e)
		}
	}
	if _, err := ReadExample([]byte(`{"text":"abc","spans":[{"start":0,"end":4,"type":"MAIL"}]}`), labels, CodePoints); err == nil {
		t.Error("a span past the end in code points was read")
	}
}

// TestLabelsThatNobodyKnowsAreToldAndLeftOut: nobody can say what they mean.
func TestLabelsThatNobodyKnowsAreToldAndLeftOut(t *testing.T) {
	e, err := ReadExample([]byte(`{"text":"abc","spans":[{"start":0,"end":1,"type":"MALE"},{"start":1,"end":3,"type":"MAIL"}]}`), labels, Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"MALE"}, e.Unknown); d != "" || e.Spans[0].Scored() || !e.Spans[1].Scored() {
		t.Errorf("%s: %+v", d, e.Spans)
	}
	if e, err = ReadExample([]byte(`{"text":"abc","entity":"MALE","spans":[]}`), labels, Bytes); err != nil || e.Labelled {
		t.Errorf("a case of something unknown: %+v, %v", e, err)
	}
}

func TestIDsKeepTheirSpelling(t *testing.T) {
	for raw, want := range map[string]string{``: "", `null`: "", `"a"`: "a", `7`: "7", `12345678901234567890`: "12345678901234567890", `1.50`: "1.50", `"7"`: "7"} {
		if got, err := ReadID(json.RawMessage(raw)); got != want || err != nil {
			t.Errorf("%s was read as %q, %v", raw, got, err)
		}
	}
	for _, raw := range []string{`{}`, `[]`, `true`} {
		if _, err := ReadID(json.RawMessage(raw)); err == nil {
			t.Errorf("%s is no id", raw)
		}
	}
}

func TestLabelsNameEntitiesThatExist(t *testing.T) {
	got, err := ReadLabels([]byte(`{"SSN":{"entity":"US_SOCIAL_SECURITY_NUMBER","class":"regulated_personal"},"MAIL":{"entity":"EMAIL"},
		"FIRM":{"entity":"BUSINESS_ID","class":"not_personal"},"CITY":{"entity":null},"SUM":{"entity":"AMOUNT","class":"not_scored"}}`))
	want := Labels{"SSN": {dataclass.SSN, dataclass.RegulatedPersonal}, "MAIL": {dataclass.Email, dataclass.PersonalContact}, "FIRM": {Entity: dataclass.BusinessID}, "CITY": {}, "SUM": {}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Fatal(d, err)
	}
	for _, wrong := range []string{`[]`, `{"A":{"entity":"E_MAIL"}}`, `{"A":{"entity":"EMAIL","class":"contact"}}`, `{"A":"EMAIL"}`} {
		if l, err := ReadLabels([]byte(wrong)); err == nil {
			t.Errorf("%s was read as %v", wrong, l)
		}
	}
}

func TestWithoutLabelsTheNamesAreOurs(t *testing.T) {
	e, err := ReadExample([]byte(`{"text":"abc","spans":[{"start":0,"end":1,"type":"EMAIL"}]}`), nil, Bytes)
	if err != nil || e.Spans[0].Class != dataclass.PersonalContact {
		t.Fatal(e, err)
	}
	if _, err := ReadExample([]byte(`{"text":"abc","spans":[{"start":0,"end":1,"type":"MAIL"}]}`), nil, Bytes); err == nil {
		t.Error("a name that is not ours was read")
	}
}

// checkSpans: what was read lies in the text, on whole characters, in order.
func checkSpans(e *Example) error {
	last := 0
	for _, s := range e.Spans {
		if s.Start < last || s.End <= s.Start || s.End > len(e.Text) || !utf8.ValidString(e.Text[s.Start:s.End]) {
			return errors.New("a span is no part of the text")
		}
		last = s.Start
	}
	return nil
}

func FuzzReadExample(f *testing.F) {
	f.Add([]byte(`{"id":1,"text":"é: Żoe!","spans":[{"start":3,"end":6,"type":"PERSON"}]}`), true)
	f.Add([]byte(`{"id":"a","text":"x","secret":true,"entity":"CARD"}`), false)
	f.Fuzz(func(t *testing.T, line []byte, points bool) {
		unit := Bytes
		if points {
			unit = CodePoints
		}
		e, err := ReadExample(line, labels, unit)
		if err != nil {
			return
		}
		if err := checkSpans(e); err != nil {
			t.Fatal(err, e)
		}
		var tally Tally
		tally.Add(e, perfect(e), 0)
		for _, s := range tally.Result(0).Entities {
			if s.Recall > 1 || s.Precision > 1 || s.Hits < 0 {
				t.Fatalf("%+v", s)
			}
		}
	})
}

func FuzzReadLabels(f *testing.F) {
	f.Add([]byte(`{"SSN":{"entity":"US_SOCIAL_SECURITY_NUMBER","class":"regulated_personal"},"CITY":{"entity":null}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ReadLabels(b)
		if err != nil {
			return
		}
		for name, m := range got {
			if m.Scored() && !m.Entity.Known() && m.Entity != dataclass.Custom {
				t.Fatalf("%q means %+v", name, m)
			}
		}
	})
}

func FuzzReadID(f *testing.F) {
	for _, s := range []string{`"a"`, `7`, `null`, `{}`, `"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, err := ReadID(b); err == nil && !utf8.ValidString(id) {
			t.Fatalf("%q is no text", id)
		}
	})
}
