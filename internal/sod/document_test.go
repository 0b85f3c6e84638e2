package sod

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const document = "../../docs/separation-of-duties.md"

// TestTheDocumentSaysWhatHolds: the tables of the document are those of the code.
func TestTheDocumentSaysWhatHolds(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{dutyTable(), ruleTable(HandPerson), ruleTable(HandIdentity), unseenTable()} {
		if !strings.Contains(string(text), "\n\n"+table+"\n") {
			t.Errorf("docs/separation-of-duties.md lacks this table:\n%s", table)
		}
	}
}

func dutyTable() string {
	var b strings.Builder
	b.WriteString("| duty | what it is |\n|---|---|\n")
	for _, d := range Duties {
		fmt.Fprintf(&b, "| `%s` | %s |\n", d, d.Text())
	}
	return b.String()
}

func ruleTable(hand string) string {
	var b strings.Builder
	b.WriteString("| rule | these | do not meet these | about | severity | |\n|---|---|---|---|---|---|\n")
	for _, r := range Builtin() {
		if r.Hand != hand {
			continue
		}
		about, effect := "any two", "found"
		if r.SameObject {
			about = "one thing"
		}
		if r.Prevent {
			effect = "**refused**, and found"
		}
		fmt.Fprintf(&b, "| `%s`: %s | %s | %s | %s | %s | %s |\n", r.ID, r.Title, listed(r.Left), listed(r.Right), about, r.Severity, effect)
	}
	return b.String()
}

func unseenTable() string {
	var b strings.Builder
	b.WriteString("| duty | why |\n|---|---|\n")
	unseen := Unseen()
	for _, d := range Duties {
		if why := unseen[d]; why != "" {
			fmt.Fprintf(&b, "| `%s` | %s |\n", d, why)
		}
	}
	return b.String()
}

func listed(duties []Duty) string {
	var names []string
	for _, d := range duties {
		names = append(names, "`"+string(d)+"`")
	}
	return strings.Join(names, ", ")
}

func TestEveryDutyHasWordsAndARule(t *testing.T) {
	inRules := map[Duty]bool{Request: true} // for rules of an organisation's own
	for _, r := range Builtin() {
		for _, d := range append(r.Left, r.Right...) {
			inRules[d] = true
		}
	}
	for _, d := range Duties {
		if d.Text() == "" || !inRules[d] {
			t.Errorf("%s: %q, in a rule: %v", d, d.Text(), inRules[d])
		}
	}
	for d := range Unseen() {
		if d.Text() == "" {
			t.Errorf("%s is unseen, and no duty", d)
		}
	}
}
