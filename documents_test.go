package writ_test

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	namedTest  = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")
	namedStory = regexp.MustCompile("`([a-z0-9-]+\\.txtar)`")
)

// TestEveryDocumentNamesTestsThatExist, the three that are about tests among them.
func TestEveryDocumentNamesTestsThatExist(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { documentOfTests(t, filepath.Base(file)) })
	}
}

// securityDecisions is how many there are: S1 to S28.
const securityDecisions = 28

// TestTheThreatModelNamesTestsThatExist: every test and story in
// docs/threat-model.md is in the tree, and every security decision has a row
// that names one, or says that there is none.
func TestTheThreatModelNamesTestsThatExist(t *testing.T) {
	text := documentOfTests(t, "threat-model.md")
	for n := 1; n <= securityDecisions; n++ {
		row := rowOf(string(text), fmt.Sprintf("| S%d |", n))
		if row == "" {
			t.Errorf("S%d has no row", n)
		}
		if !namedTest.MatchString(row) && !namedStory.MatchString(row) && !strings.Contains(row, "no test yet") {
			t.Errorf("S%d names no test, and does not say that there is none", n)
		}
	}
}

// rulesOfThePeoplesRoad are those of docs/requests.md; R14 and R15 are of access
// reviews.
var rulesOfThePeoplesRoad = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19}

// TestEveryRuleOfThePeoplesRoadNamesItsTests, and those that bear its number are
// all there.
func TestEveryRuleOfThePeoplesRoadNamesItsTests(t *testing.T) {
	text := string(documentOfTests(t, "requests.md"))
	tests := everyTest(t)
	for _, n := range rulesOfThePeoplesRoad {
		row := rowOf(text, fmt.Sprintf("| R%d |", n))
		if !namedTest.MatchString(row) {
			t.Errorf("R%d names no test", n)
		}
		for name := range tests {
			if strings.HasPrefix(name, fmt.Sprintf("TestR%d_", n)) && !strings.Contains(row, "`"+name+"`") {
				t.Errorf("R%d does not name %s", n, name)
			}
		}
	}
}

// documentOfTests reads a document in docs/ whose every named test and story
// must be in the tree.
func documentOfTests(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("docs", name))
	if err != nil {
		t.Fatal(err)
	}
	exist := everyTest(t)
	for _, m := range namedTest.FindAllSubmatch(text, -1) {
		if !exist[string(m[1])] {
			t.Errorf("%s does not exist", m[1])
		}
	}
	for _, m := range namedStory.FindAllSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("testdata", "script", string(m[1]))); err != nil {
			t.Error(err)
		}
	}
	return text
}

// everyTest is every function of a test file, by name.
func everyTest(t *testing.T) map[string]bool {
	t.Helper()
	exist := make(map[string]bool)
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test && f.Recv == nil {
				exist[f.Name.Name] = true
			}
		}
	}
	return exist
}

// TestNoInputStartsAProcess: nothing of ours can start one, but writ exec, which
// is no server and runs what its own command line says. (The AWS SDK can run the
// credential_process of an operator's own AWS configuration.)
func TestNoInputStartsAProcess(t *testing.T) {
	tests := []string{"internal/store/storetest", "internal/writtest", "compat", "bench", "faults", "tools/testgate", "."}
	for _, s := range sources(t) {
		if s.test || slices.Contains(tests, s.room) || s.path == "cmd/writ/exec.go" {
			continue
		}
		for _, i := range s.file.Imports {
			if i.Path.Value == `"os/exec"` {
				t.Errorf("%s imports os/exec", s.path)
			}
		}
		if strings.Contains(string(s.text), "ForkExec(") || strings.Contains(string(s.text), "StartProcess(") {
			t.Errorf("%s starts a process", s.path)
		}
	}
}

func rowOf(text, start string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, start) {
			return line
		}
	}
	return ""
}

var link = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)

// TestLinksOfDocumentsLeadSomewhere: every relative link names a file.
func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "README.md", "SECURITY.md", "CONTRIBUTING.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), string(m[1]))); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			}
		}
	}
}
