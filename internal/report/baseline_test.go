package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestABaselineLeavesOnlyWhatIsNew(t *testing.T) {
	old := rendered(t, "report.json", []Finding{wide(role("App")), chain()})
	known, err := ReadBaseline(strings.NewReader(old))
	if err != nil {
		t.Fatal(err)
	}
	moved := wide(role("App"))
	moved.Statements = []Statement{fullAccess}
	moved.Statements[0].Position = at(7, 7)
	var b bytes.Buffer
	send(t, Baseline(JSON(&b), known), []Finding{moved, chain(), wide(role("New"))})
	var got struct {
		Findings []Finding
		Rights   []Right
		Measures []Measure
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Findings) != 1 || got.Findings[0].Principal != role("New") {
		t.Errorf("new are %+v", got.Findings)
	}
	if last := got.Measures[len(got.Measures)-1]; last.Name != "known findings" || last.Value != "2" {
		t.Errorf("left out: %+v", last)
	}
	if len(got.Rights) != len(testRights()) {
		t.Errorf("%d rights of %d", len(got.Rights), len(testRights()))
	}
}

func TestABaselineIsReadStrictly(t *testing.T) {
	const good = `{"format":"writ.iam.report/1","later":{"x":[1]},"findings":[{"fingerprint":"0123456789abcdef0123456789abcdef","rule":"R"}]}`
	known, err := ReadBaseline(strings.NewReader(good))
	if err != nil || len(known) != 1 || !known["0123456789abcdef0123456789abcdef"] {
		t.Fatalf("%v, %v", known, err)
	}
	for name, text := range map[string]string{
		"nothing":               "",
		"array":                 "[]",
		"another format":        strings.Replace(good, "report/1", "report/2", 1),
		"no format":             strings.Replace(good, "format", "from", 1),
		"no findings":           `{"format":"writ.iam.report/1"}`,
		"findings null":         `{"format":"writ.iam.report/1","findings":null}`,
		"findings of text":      `{"format":"writ.iam.report/1","findings":["x"]}`,
		"twice":                 strings.Replace(good, `"later"`, `"format"`, 1),
		"fingerprint twice":     strings.Replace(good, `"rule":"R"`, `"fingerprint":"0123456789abcdef0123456789abcdef"`, 1),
		"no fingerprint":        strings.Replace(good, "fingerprint", "finger", 1),
		"upper case":            strings.Replace(good, "abcdef", "ABCDEF", 1),
		"bytes after":           good + "{}",
		"cut off":               good[:len(good)-2],
		"not UTF-8":             strings.Replace(good, `"R"`, "\"\xff\"", 1),
		"SARIF in its place":    `{"$schema":"x","version":"2.1.0","runs":[]}`,
		"a comment":             "// x\n" + good,
		"a number for a string": strings.Replace(good, `"writ.iam.report/1"`, "1", 1),
	} {
		if known, err := ReadBaseline(strings.NewReader(text)); err == nil || known != nil {
			t.Errorf("%s is taken: %v", name, known)
		}
	}
}

// FuzzReadBaseline: what is taken is an object that plain JSON reads alike.
func FuzzReadBaseline(f *testing.F) {
	var small bytes.Buffer
	h := JSON(&small)
	if err := errors.Join(h.Finding(hostileFinding()), h.Flush()); err != nil {
		f.Fatal(err)
	}
	f.Add(small.Bytes())
	f.Add([]byte(`{"format":"writ.iam.report/1","findings":[]}`))
	f.Add([]byte(`{"findings":[{"fingerprint":"0123456789abcdef0123456789abcdef"}],"format":"writ.iam.report/1"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		known, err := ReadBaseline(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again map[string]json.RawMessage
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("taken, and no JSON: %v", err)
		}
		var findings []map[string]any
		if err := json.Unmarshal(again["findings"], &findings); err != nil {
			t.Fatal(err)
		}
		for _, f := range findings {
			if s, ok := f["fingerprint"].(string); !ok || !known[s] {
				t.Errorf("fingerprint %v is lost", f["fingerprint"])
			}
		}
		if len(known) > len(findings) {
			t.Errorf("%d known of %d findings", len(known), len(findings))
		}
	})
}
