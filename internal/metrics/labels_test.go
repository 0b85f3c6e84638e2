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

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/gateway"
)

// allowed are the label names that a metric of ours may have.
var allowed = []string{"operation", "result", "status", "reason", "type", "proof", "kind", "class", "version", "goversion", "le"}

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
			Total: time.Second, Added: time.Millisecond, Upstream: time.Second, Decision: time.Microsecond, Classified: time.Microsecond,
			Prompt: dataclass.Label{Classes: []dataclass.Class{dataclass.Class(h), "custom:falcon"}, Unscanned: []string{h}}, Answer: dataclass.Declared(dataclass.Classes()...),
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
		"operation": operations, "result": results, "reason": results, "type": upstreamTypes, "proof": proofs, "class": classes,
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

// constants are the values of a room's constants that want picks.
func constants(t *testing.T, room string, want func(name, typ string) bool) (out []string) {
	eachFile(t, room, func(f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Names) == 0 {
				return true
			}
			typ := ""
			if id, ok := v.Type.(*ast.Ident); ok {
				typ = id.Name
			}
			if want(v.Names[0].Name, typ) {
				for _, value := range v.Values {
					out = append(out, literal(value))
				}
			}
			return true
		})
	})
	return out
}

func ofType(want string) func(name, typ string) bool {
	return func(_, typ string) bool { return typ == want }
}

// kindsOfResult are the literals that the gateway gives an exchange's kind;
// what begins with _ is put behind the name of a door.
func kindsOfResult(t *testing.T) (kinds []string) {
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
			case *ast.AssignStmt:
				for i, to := range n.Lhs {
					sel, isField := to.(*ast.SelectorExpr)
					id, isVar := to.(*ast.Ident)
					if (isField && sel.Sel.Name == "kind" || isVar && id.Name == "reason") && len(n.Lhs) == len(n.Rhs) {
						value := n.Rhs[i]
						if sum, ok := value.(*ast.BinaryExpr); ok { // of a door and a literal
							value = sum.Y
						}
						kinds = append(kinds, literal(value))
					}
				}
			}
			return true
		})
	})
	return kinds
}

// TestListsKnowEveryName: operations, refusals and kinds of proof that the code
// has are on the lists, so that none is counted as "other"; and what is on them
// is in the code.
func TestListsKnowEveryName(t *testing.T) {
	refusals := constants(t, "proof", ofType("Reason"))
	doors := constants(t, "gateway", func(name, _ string) bool { return strings.HasPrefix(name, "door") })
	paths := constants(t, "gateway", func(name, _ string) bool { return name == "keptHolds" })
	kinds := slices.Concat(kindsOfResult(t), doors, paths,
		constants(t, "policy", func(name, _ string) bool { return strings.HasPrefix(name, "Code") }),
		constants(t, "gateway", func(name, _ string) bool { return name == "resultObserved" }))
	for _, kind := range slices.Clone(kinds) {
		if reason, ok := strings.CutPrefix(kind, "_"); ok {
			refusals = append(refusals, reason)
		}
	}
	kinds = slices.DeleteFunc(kinds, func(k string) bool { return strings.HasPrefix(k, "_") })
	for _, door := range doors {
		kinds = append(kinds, prefixed(door+"_", refusals)...)
	}
	for _, c := range []struct {
		what  string
		names []string
		list  map[string]bool
		least int
	}{
		{"operation", slices.Concat(constants(t, "bedrock", ofType("Operation")), doors, paths, []string{"none"}), operations, 14},
		{"result", kinds, results, 80},
		{"proof", constants(t, "identity", ofType("ProofKind")), proofs, 3},
	} {
		if len(c.names) < c.least {
			t.Errorf("%d names of %s were found in the code: the test does not see them", len(c.names), c.what)
		}
		for _, name := range c.names {
			if name != "" && !strings.HasSuffix(name, "_") && !c.list[name] {
				t.Errorf("%s %q is not on the list", c.what, name)
			}
		}
		for name := range c.list {
			if !slices.Contains(c.names, name) {
				t.Errorf("%s %q is on the list and nowhere in the code", c.what, name)
			}
		}
	}
	for _, op := range bedrock.Operations() {
		if !operations[string(op)] {
			t.Errorf("operation %q is not on the list", op)
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
	m.Observe(gateway.Observation{Operation: "Converse", Result: "permit", Status: 200, Total: time.Second, Added: time.Millisecond, Upstream: time.Second,
		Prompt: dataclass.Declared(dataclass.Classes()[0])})
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
		"writ_requests_total", "writ_request_seconds", "writ_added_seconds", "writ_upstream_seconds", "writ_classify_seconds", "writ_content_total", "writ_log_flush_seconds", "writ_log_flush_entries",
		"writ_sessions_minted_total", "writ_open_calls", "writ_build_info", "writ_connections_refused_total", "go_goroutines", "process_open_fds",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not exposed", want)
		}
	}
}
