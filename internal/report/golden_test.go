package report

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTheStreamComesOutAsItStandsInTheGoldenFiles(t *testing.T) {
	for _, name := range []string{"report.txt", "narrow.txt", "report.json", "report.csv", "report.sarif"} {
		t.Run(name, func(t *testing.T) {
			got, file := rendered(t, name, testFindings()), filepath.Join("testdata", "golden", name)
			if name == "report.sarif" {
				got = indented(json.RawMessage(got)) // written on one line
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("want -, got +: go test ./internal/report -update\n%s", diff)
			}
		})
	}
}

func TestNoOrderOfArrivalShows(t *testing.T) {
	for name := range renderers {
		want := rendered(t, name, testFindings())
		rapid.Check(t, func(t *rapid.T) {
			shuffled := rapid.Permutation(testFindings()).Draw(t, "order")
			var b strings.Builder
			h := renderers[name](&b)
			sendQuietly(h, shuffled)
			if b.String() != want {
				t.Errorf("%s depends on the order of findings", name)
			}
		})
	}
}

// sendQuietly is send for a check that reports its own failures.
func sendQuietly(h Handler, findings []Finding) {
	h.Config(testRun())
	for _, f := range findings {
		h.Finding(f)
	}
	rights := testRights()
	slices.Reverse(rights)
	for _, r := range rights {
		h.Right(r)
	}
	h.NotEvaluable(NotEvaluable{"BR-KEY-02", "no credential report was given", "--credentials FILE"})
	h.NotEvaluable(NotEvaluable{"BR-USE-01", "no used rights were given", "--used FILE"})
	for _, m := range testMeasures() {
		h.Measure(m)
	}
	h.Flush()
}

// TestNoCharacterActs: whatever a name holds, what is written is UTF-8 without
// a character that moves, hides or reorders others.
func TestNoCharacterActs(t *testing.T) {
	for name := range renderers {
		out := rendered(t, name, testFindings())
		if !utf8.ValidString(out) {
			t.Errorf("%s is not UTF-8", name)
		}
		for _, r := range out {
			if acts(r) && r != '\n' {
				t.Errorf("%s holds %U", name, r)
				break
			}
		}
	}
}

func TestTextFitsItsWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(40, 160).Draw(t, "width")
		var b strings.Builder
		sendQuietly(Text(&b, testRules(), TextOptions{Width: width}), testFindings())
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
	})
}

func TestAnARNThatFitsALineIsNotBroken(t *testing.T) {
	out := rendered(t, "report.txt", testFindings())
	for _, arn := range []string{"arn:aws:iam::aws:policy/AmazonBedrockFullAccess", role("Batch"), "service-role/reporting/five", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"} {
		if !strings.Contains(out, arn) {
			t.Errorf("%s is broken", arn)
		}
	}
}

func TestColourOnlyWhenAskedForAndOnlyOurs(t *testing.T) {
	var b strings.Builder
	sendQuietly(Text(&b, testRules(), TextOptions{Color: true}), testFindings())
	painted := b.String()
	if !strings.Contains(painted, "\x1b[1;31mCRITICAL\x1b[0m") {
		t.Error("no colour where it was asked for")
	}
	for _, style := range []string{bold, dim, redBold, red, yellow, blue, "0"} {
		painted = strings.ReplaceAll(painted, "\x1b["+style+"m", "")
	}
	if plain := rendered(t, "report.txt", testFindings()); painted != plain {
		t.Error("colour changes more than colour:\n" + cmp.Diff(plain, painted))
	}
}

func TestEveryRuleIsExplainedOnce(t *testing.T) {
	out := strings.Join(strings.Fields(rendered(t, "report.txt", testFindings())), " ")
	for _, r := range testRules() {
		want := 1
		if r.ID == "BR-USE-01" { // not evaluable: nothing was found to explain
			want = 0
		}
		if n := strings.Count(out, r.Help); n != want {
			t.Errorf("%s is explained %d times, want %d", r.ID, n, want)
		}
	}
}

func TestTheTextOfNothingFoundClaimsNothingMore(t *testing.T) {
	out := rendered(t, "report.txt", nil)
	for _, want := range []string{"No findings. That holds for what was given and evaluated", "advisory: direct path open (7 principals)", "BR-USE-01", "resource control policies"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}
