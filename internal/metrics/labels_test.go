package metrics

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/gateway"
)

// allowed are the label names that a metric of ours may have.
var allowed = []string{"operation", "result", "status", "reason", "type", "proof", "kind", "version", "goversion", "le"}

// TestLabelsHoldNothingThatACallerChose: whatever an observation says, what is
// exposed comes from closed lists, and there are few series.
func TestLabelsHoldNothingThatACallerChose(t *testing.T) {
	m := New("v1.2.3")
	hostile := []string{
		"support-agent", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "/model/x/converse", "AKIAIOSFODNN7EXAMPLE",
		"192.0.2.1", "permit ", "PERMIT", "", strings.Repeat("x", 1000), "a\nb", "\xff",
	}
	for i, h := range hostile {
		m.Observe(gateway.Observation{
			Operation: h, Result: h, UpstreamError: h, Status: 200 + 97*i, Preauth: true, Unrecorded: true,
			Total: time.Second, Added: time.Millisecond, Upstream: time.Second, Decision: time.Microsecond,
		})
		m.Minted(h)
	}
	for op := range operations {
		for result := range results {
			m.Observe(gateway.Observation{Operation: op, Result: result, Status: 403, Preauth: true, UpstreamError: gateway.UpstreamTLS})
		}
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]map[string]bool{
		"operation": operations, "result": results, "reason": results, "type": upstreamTypes, "proof": proofs,
		"status": set("2xx", "3xx", "4xx", "5xx"), "version": set("v1.2.3"),
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "writ_") {
			continue
		}
		if n, most := len(f.GetMetric()), len(operations)*len(results)+100; n > most {
			t.Errorf("%s has %d series", f.GetName(), n)
		}
		for _, one := range f.GetMetric() {
			for _, l := range one.GetLabel() {
				if !slices.Contains(allowed, l.GetName()) {
					t.Errorf("%s has a label %s", f.GetName(), l.GetName())
				}
				if v, list := l.GetValue(), values[l.GetName()]; list != nil && !list[v] && v != other {
					t.Errorf("%s has %s=%q", f.GetName(), l.GetName(), v)
				}
			}
		}
	}
}

// TestListsKnowEveryName: operations, refusals and kinds of proof that the code
// has are on the lists, so that none is counted as "other".
func TestListsKnowEveryName(t *testing.T) {
	constants := func(room, typ string) []string {
		var out []string
		eachFile(t, room, func(f *ast.File) {
			ast.Inspect(f, func(n ast.Node) bool {
				if v, ok := n.(*ast.ValueSpec); ok && v.Type != nil {
					if id, ok := v.Type.(*ast.Ident); ok && id.Name == typ {
						for _, value := range v.Values {
							out = append(out, literal(value))
						}
					}
				}
				return true
			})
		})
		return out
	}
	var kinds []string
	eachFile(t, "gateway", func(f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "refuse" {
					kinds = append(kinds, literal(n.Args[0]))
				}
			case *ast.KeyValueExpr:
				if id, ok := n.Key.(*ast.Ident); ok && id.Name == "kind" {
					kinds = append(kinds, literal(n.Value))
				}
			}
			return true
		})
	})
	reasons := constants("proof", "Reason")
	for i, r := range reasons {
		reasons[i] = "sts_" + r
	}
	for _, c := range []struct {
		what  string
		names []string
		list  map[string]bool
		least int
	}{
		{"operation", constants("bedrock", "Operation"), operations, 4},
		{"result", kinds, results, 10},
		{"result", reasons, results, 20},
		{"proof", constants("identity", "ProofKind"), proofs, 2},
	} {
		if len(c.names) < c.least {
			t.Errorf("%d names of %s were found in the code: the test does not see them", len(c.names), c.what)
		}
		for _, name := range c.names {
			if name != "" && name != "sts_" && !c.list[name] {
				t.Errorf("%s %q is not on the list", c.what, name)
			}
		}
	}
}

func eachFile(t *testing.T, room string, visit func(*ast.File)) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join("..", room), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		if err == nil {
			visit(f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// literal is the value of a string literal, or "".
func literal(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		s, _ := strconv.Unquote(l.Value)
		return s
	}
	return ""
}

func TestWhatIsExposed(t *testing.T) {
	m := New("v1")
	m.Gauge("writ_open_calls", "x", func() float64 { return 2 }, "kind", "stream")
	m.Gauge("writ_open_calls", "x", func() float64 { return 1 }, "kind", "whole")
	m.Count("writ_connections_refused_total", "x", func() float64 { return 3 })
	m.Flushed(time.Millisecond, 7)
	m.Minted("oidc")
	m.Observe(gateway.Observation{Operation: "Converse", Result: "permit", Status: 200, Total: time.Second, Added: time.Millisecond, Upstream: time.Second})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
		if f.GetHelp() == "" {
			t.Errorf("%s is not explained", f.GetName())
		}
	}
	for _, want := range []string{
		"writ_requests_total", "writ_request_seconds", "writ_added_seconds", "writ_upstream_seconds", "writ_log_flush_seconds", "writ_log_flush_entries",
		"writ_sessions_minted_total", "writ_open_calls", "writ_build_info", "writ_connections_refused_total", "go_goroutines", "process_open_fds",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not exposed", want)
		}
	}
}
