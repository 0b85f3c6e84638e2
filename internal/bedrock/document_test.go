package bedrock

import (
	"os"
	"strings"
	"testing"
)

// TestTheDocumentListsEveryOperation: docs/operations.md has a row for each
// operation with its IAM action, and names each path.
func TestTheDocumentListsEveryOperation(t *testing.T) {
	b, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{} // by operation
	for line := range strings.Lines(string(b)) {
		if cells := strings.Split(line, "|"); len(cells) == 7 {
			rows[strings.Trim(cells[1], " `")] = line
		}
	}
	for _, op := range Operations() {
		if row := rows[string(op)]; !strings.Contains(row, "| `"+op.Action()+"` |") {
			t.Errorf("%s has the row %q, which does not name the action %s", op, row, op.Action())
		}
		delete(rows, string(op))
	}
	for _, r := range routes {
		if path := "`" + r.method + " /" + strings.Join(r.segments, "/") + "`"; !strings.Contains(string(b), path) {
			t.Errorf("%s is not on the page", path)
		}
	}
	for name := range rows {
		if name != "operation" && !strings.HasPrefix(name, "---") {
			t.Errorf("the page lists %s, which is not served", name)
		}
	}
}
