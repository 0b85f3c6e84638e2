package report

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// sarifSchema is the schema that OASIS publishes.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(sarifSchemaID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(sarifSchemaID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSARIFIsValid(t *testing.T) {
	schema := sarifSchema(t)
	var bare bytes.Buffer
	h := SARIF(&bare, nil)
	for _, err := range []error{h.Config(Run{}), h.Finding(Finding{Rule: "BR-DATA-01", Severity: Info}), h.Flush()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"full": rendered(t, "report.sarif", testFindings()), "without findings": rendered(t, "report.sarif", nil), "bare": bare.String(),
	} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTheSchemaRefuses: the schema does say no.
func TestTheSchemaRefuses(t *testing.T) {
	schema, good := sarifSchema(t), rendered(t, "report.sarif", testFindings())
	for _, change := range [][2]string{{`"level":"error"`, `"level":"high"`}, {`"version":"2.1.0"`, `"version":"2.0"`}, {`"startLine":120`, `"startLine":0`}, {`"ruleId"`, `"rule"`}} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(good, change[0], change[1], 1)))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(doc) == nil {
			t.Errorf("%s passes", change[1])
		}
	}
}

func sarifOf(t *testing.T, findings []Finding) sarifRun {
	t.Helper()
	var log sarifLog
	if err := json.Unmarshal([]byte(rendered(t, "report.sarif", findings)), &log); err != nil {
		t.Fatal(err)
	}
	return log.Runs[0]
}

// TestCodeScanningReadsIt: what GitHub's documentation requires of a result
// beyond the schema.
func TestCodeScanningReadsIt(t *testing.T) {
	run := sarifOf(t, testFindings())
	for _, r := range run.Tool.Driver.Rules {
		score, err := strconv.ParseFloat(r.Properties.SecuritySeverity, 64)
		if err != nil || score < 0 || score > 10 || r.Help.Text == "" || len(r.Properties.Tags) > 20 {
			t.Errorf("rule %s: %+v", r.ID, r)
		}
	}
	for _, r := range run.Results {
		if len(r.Locations) != 1 || r.Locations[0].Physical == nil {
			t.Fatalf("%s has no place", r.RuleID)
		}
		u, err := url.Parse(r.Locations[0].Physical.Artifact.URI)
		if err != nil || u.IsAbs() || strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "./") {
			t.Errorf("%s: %q is no relative reference", r.RuleID, r.Locations[0].Physical.Artifact.URI)
		}
		if !isFingerprint(r.Fingerprints["primaryLocationLineHash"]) {
			t.Errorf("%s: fingerprints %v", r.RuleID, r.Fingerprints)
		}
		if r.RuleIndex == nil || run.Tool.Driver.Rules[*r.RuleIndex].ID != r.RuleID {
			t.Errorf("%s points at another rule", r.RuleID)
		}
	}
}

func TestSARIFCarriesWhatQualifiesTheResults(t *testing.T) {
	run := sarifOf(t, testFindings())
	var path, suppressed, link bool
	for _, r := range run.Results {
		path = path || len(r.CodeFlows) == 1 && len(r.CodeFlows[0].ThreadFlows[0].Locations) == 3
		suppressed = suppressed || len(r.Suppressions) == 1 && strings.Contains(r.Suppressions[0].Justification, "platform team")
		link = link || strings.Contains(r.Message.Text, "[here]")
	}
	if !path || !suppressed || link {
		t.Errorf("path %v, suppressed %v, a link from outside %v", path, suppressed, link)
	}
	in := run.Invocations[0]
	if len(in.Notifications) != 3 || len(in.Configuration) != 2 {
		t.Errorf("%d notifications of 3, %d of rules not evaluated of 2", len(in.Notifications), len(in.Configuration))
	}
}

func TestSARIFKeepsTheWorstOfTooMany(t *testing.T) {
	var many []Finding
	for i := range mostResults + 1 {
		many = append(many, Finding{Rule: "BR-COND-03", Severity: Low, Title: strconv.Itoa(i)})
	}
	run := sarifOf(t, append(many, Finding{Rule: "BR-KEY-01", Severity: Critical, Title: "last to come"}))
	if len(run.Results) != mostResults || run.Results[0].RuleID != "BR-KEY-01" {
		t.Errorf("%d results, the first of %s", len(run.Results), run.Results[0].RuleID)
	}
	if n := run.Invocations[0].Notifications; !strings.Contains(n[len(n)-1].Message.Text, "2 findings of lower severity are left out") {
		t.Errorf("says %q", n[len(n)-1].Message.Text)
	}
}

func TestFileURIs(t *testing.T) {
	for file, want := range map[string]string{
		"a b.json": "a%20b.json", "./x/y.json": "x/y.json", "x:y.json": "./x:y.json", "/srv/gaad.json": "file:///srv/gaad.json",
		`in\gaad.json`: "in/gaad.json", "../up.json": "../up.json", "100%.json": "100%25.json", "a?b#c": "a%3Fb%23c",
	} {
		if got := fileURI(file).URI; got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}
