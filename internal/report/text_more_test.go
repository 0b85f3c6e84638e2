package report

import (
	"fmt"
	"strings"
	"testing"
)

// A large account has hundreds of findings of one rule; a terminal gets a few in
// full, and the names of the rest.
func TestTextTellsAFewFindingsOfARuleInFull(t *testing.T) {
	var out strings.Builder
	h := Text(&out, nil, TextOptions{})
	if err := h.Config(Run{}); err != nil {
		t.Fatal(err)
	}
	const n = 40
	for i := range n {
		f := Finding{Rule: "R-1", Severity: High, Account: "111122223333", Principal: fmt.Sprintf("arn:aws:iam::111122223333:role/r%02d", i), Title: "wide", Condition: fmt.Sprintf("tag = %d", i)}
		if err := h.Finding(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Flush(); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	if full := strings.Count(got, "tag = "); full != mostGroups {
		t.Errorf("%d findings in full, want %d", full, mostGroups)
	}
	for _, want := range []string{fmt.Sprintf("and %d findings more, about %d principals", n-mostGroups, n-mostGroups), "role/r05", "(40 findings)"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}
