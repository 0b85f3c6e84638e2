package bedrock

import (
	"slices"
	"strings"
	"testing"
)

// TestTablesAgree: an operation without a route could not be called, a route
// without an operation could not be decided, and a segment without a field
// would be lost.
func TestTablesAgree(t *testing.T) {
	for op, known := range operations {
		if !strings.HasPrefix(known.action, actionPrefix) || op.Action() == op.Permission() {
			t.Errorf("%s has the action %q, want one with its prefix", op, known.action)
		}
	}
	for _, r := range routes {
		path := "/" + strings.Join(r.segments, "/")
		for _, s := range r.segments {
			if identifies(s) {
				path = strings.Replace(path, s, "a.b-1", 1)
			}
		}
		got, err := ParseTarget(r.method, path)
		if err != nil || got.Operation != r.op || got.Path != path || !r.op.Known() {
			t.Errorf("%s %s: got %+v, %v", r.method, path, got, err)
		}
		names := slices.ContainsFunc(r.segments, func(s string) bool { return s == "{model}" })
		if names != (got.ModelID != "") || names && !r.op.Invokes() {
			t.Errorf("%s %s: the model named is %q", r.method, path, got.ModelID)
		}
	}
	for _, op := range []Operation{"", "InvokeAgent", "converse", "CreateModel"} {
		if op.Known() || op.Action() != "" || op.Invokes() || op.Streams() {
			t.Errorf("%q is an operation", op)
		}
	}
}
