package writ_test

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// incidents are those that docs/incidents.md must account for.
var incidents = []string{
	"LiteLLM 1.82.7", "CVE-2026-42208", "CVE-2026-35030", "CVE-2026-47101", "CVE-2026-42271", "CVE-2026-48710", "GHSA-xqmj-6mv-4862",
	"CVE-2024-6587", "litellm#17115", "GHSA-4gph-2hhr-5mwg", "CVE-2026-29791", "agentgateway 1.4", "GHSA-g53w-w6mj-hrpp", "CVE-2026-40149",
	"CVE-2020-16250", "tokenizer", "AgentCore Policy", "Bedrock long-term keys", "litellm#30670", "fail-open", "litellm#33080",
}

// TestIncidentsNameTestsThatExist: every incident has a row, which names a test
// that is in the tree, or says why it cannot happen or what does not exist yet.
func TestIncidentsNameTestsThatExist(t *testing.T) {
	text := documentOfTests(t, "incidents.md")
	for _, id := range incidents {
		row := rowWith(string(text), id)
		if row == "" {
			t.Errorf("%s has no row", id)
		} else if !namedTest.MatchString(row) && !strings.Contains(row, "cannot happen here:") && !strings.Contains(row, "does not exist yet") {
			t.Errorf("%s names no test, and gives no reason", id)
		}
	}
}

// rowWith is the table row whose first cell names an incident.
func rowWith(text, id string) string {
	for line := range strings.Lines(text) {
		if cells := strings.SplitN(line, "|", 3); len(cells) == 3 && strings.Contains(cells[1], id) {
			return line
		}
	}
	return ""
}

var (
	looksLikeSQL = regexp.MustCompile(`(?i)^\s*(select\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|create\s+(table|index|unique)|alter\s+table|drop\s|pragma\s|listen\s|notify\s|with\s+\w+\s+as\s)`)
	asks         = []string{"Exec", "ExecContext", "Query", "QueryContext", "QueryRow", "QueryRowContext", "Prepare", "PrepareContext"}
	makesText    = []string{"fmt", "strings", "bytes", "template"}
)

// TestIncident_CVE_2026_42208_NoSQLIsBuiltFromStrings: a statement is a
// constant, and whatever comes from outside is one of its parameters.
func TestIncident_CVE_2026_42208_NoSQLIsBuiltFromStrings(t *testing.T) {
	texts := make(map[string][][]byte)
	statements := 0
	for _, s := range sources(t) {
		if !s.test && s.room != "internal/store/storetest" { // its schemas' names are its own, and quoted
			texts[s.room] = append(texts[s.room], s.text)
		}
	}
	for room, all := range texts {
		n, built := sqlBuilt(t, all...)
		statements += n
		for _, what := range built {
			t.Errorf("%s: %s", room, what)
		}
	}
	if statements < 20 {
		t.Errorf("only %d statements were looked at: the search finds nothing", statements)
	}
}

// TestTheSearchForBuiltSQLFindsIt, each way of building it.
func TestTheSearchForBuiltSQLFindsIt(t *testing.T) {
	for name, text := range map[string]string{
		"added up":    `func f(db DB, who string) { db.Query("SELECT a FROM b WHERE c = '" + who + "'") }`,
		"formatted":   `func f(db DB, who string) { q := fmt.Sprintf("DELETE FROM b WHERE c = '%s'", who); db.Exec(q) }`,
		"joined":      `func f(db DB, who string) { db.Exec(strings.Join([]string{"x"}, strings.Repeat("SELECT a FROM b", 2))) }`,
		"replaced":    `func f(db DB, who string) { db.Exec(strings.Replace("UPDATE b SET c = ?", "?", who, 1)) }`,
		"made by who": `func f(db DB, who func() string) { db.Exec(who()) }`,
		"kept apart":  `func f(db DB, who string) { q := "INSERT INTO b VALUES (" + who + ")"; db.Exec(q) }`,
		"added to":    `func f(db DB, who string) { q := "SELECT a FROM b"; q += " WHERE c = " + who; db.Exec(q) }`,
	} {
		if _, built := sqlBuilt(t, []byte("package x\n"+text)); len(built) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	good := "package x\nconst columns = `a, b`\nfunc f(db DB, who string) { db.Query(`SELECT `+columns+` FROM c WHERE d = $1`, who) }"
	if n, built := sqlBuilt(t, []byte(good)); n != 1 || len(built) > 0 {
		t.Errorf("a constant made of constants: %d statements, %v", n, built)
	}
}

// sqlBuilt looks at the statements of a package: how many there are, and which
// are not constants. Types are those of the package alone, which is enough to
// know what is a constant in it.
func sqlBuilt(t *testing.T, texts ...[]byte) (statements int, built []string) {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	for i, text := range texts {
		f, err := parser.ParseFile(set, strconv.Itoa(i)+".go", text, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue)}
	conf := types.Config{Importer: noImports{}, Error: func(error) {}} // other packages are not needed
	_, _ = conf.Check("x", set, files, info)
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.STRING && isSQL(n) {
					statements++
				}
			case *ast.BinaryExpr:
				if n.Op == token.ADD && holdsSQL(n) && info.Types[n].Value == nil {
					built = append(built, "a statement is added up from parts that are not constants")
					return false
				}
			case *ast.AssignStmt:
				if n.Tok == token.ADD_ASSIGN && declaredAsSQL(n.Lhs[0]) {
					built = append(built, "a statement is added to")
				}
			case *ast.CallExpr:
				built = append(built, calledWith(n, info)...)
			}
			return true
		})
	}
	return statements, built
}

type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not needed") }

func isSQL(l *ast.BasicLit) bool { return looksLikeSQL.MatchString(strings.Trim(l.Value, "`\"")) }

func holdsSQL(e ast.Expr) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING && isSQL(l) {
			found = true
		}
		return !found
	})
	return found
}

// declaredAsSQL reports whether a local variable began as a statement.
func declaredAsSQL(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	if !ok || id.Obj == nil {
		return false
	}
	began, ok := id.Obj.Decl.(*ast.AssignStmt)
	return ok && slices.ContainsFunc(began.Rhs, holdsSQL)
}

// calledWith finds statements that are handed to what makes text, and text that
// is made where a statement is wanted.
func calledWith(c *ast.CallExpr, info *types.Info) (built []string) {
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	if pkg, ok := sel.X.(*ast.Ident); ok && slices.Contains(makesText, pkg.Name) && slices.ContainsFunc(c.Args, holdsSQL) {
		built = append(built, "a statement is made by "+pkg.Name+"."+sel.Sel.Name)
	}
	if to, ok := sel.X.(*ast.Ident); !slices.Contains(asks, sel.Sel.Name) || len(c.Args) == 0 || ok && to.Name == "stmt" {
		return built // a prepared statement has its text, and takes parameters only
	}
	query := c.Args[0]
	if strings.HasSuffix(sel.Sel.Name, "Context") && len(c.Args) > 1 {
		query = c.Args[1]
	}
	if _, call := query.(*ast.CallExpr); call && info.Types[query].Value == nil && !isContext(query) {
		built = append(built, "what "+sel.Sel.Name+" is asked is made by a call")
	}
	return built
}

// isContext: pgx takes a context first, under the names that database/sql has
// for calls without one.
func isContext(e ast.Expr) bool {
	c, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == "context" || sel.Sel.Name == "Context"
}

// TestIncident_GHSA_xqmj_6mv_4862_NothingRendersTemplates: text from outside is
// never a template, since every template is a constant of the source or embedded
// by the build.
func TestIncident_GHSA_xqmj_6mv_4862_NothingRendersTemplates(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, i := range s.file.Imports {
			switch name := strings.Trim(i.Path.Value, `"`); name {
			case "text/template", "plugin":
				t.Errorf("%s imports %s", s.path, name)
			case "html/template":
				for _, d := range s.file.Decls {
					if parsesVariable(d, embedded(s.file)) {
						t.Errorf("%s parses a template that is no constant of the source", s.path)
					}
				}
			}
		}
	}
}

// embedded are the variables of a file whose text the build puts there.
func embedded(file *ast.File) map[string]bool {
	out := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Doc != nil && strings.HasPrefix(v.Doc.List[0].Text, "//go:embed ") {
			out[v.Names[0].Name] = true
		}
		return true
	})
	return out
}

// parsesVariable reports a call of Parse whose text is neither a literal nor
// embedded.
func parsesVariable(d ast.Decl, embedded map[string]bool) (found bool) {
	ast.Inspect(d, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok || len(c.Args) != 1 {
			return true
		}
		if sel, ok := c.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Parse" {
			_, literal := c.Args[0].(*ast.BasicLit)
			name, ident := c.Args[0].(*ast.Ident)
			found = found || !literal && !(ident && embedded[name.Name])
		}
		return true
	})
	return found
}

// TestIncident_LiteLLM_1_82_7_TwoBuildsAreEqual: the binary follows from the
// source and nothing else, so that anybody can build it anew and compare. The
// two are built in directories of different names, the second from a copy of
// what is checked in or would be; compiled packages are shared, unless
// WRIT_COLD_BUILD has the second compile everything anew.
func TestIncident_LiteLLM_1_82_7_TwoBuildsAreEqual(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	there := filepath.Join(t.TempDir(), "elsewhere", "and under another name")
	files, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatalf("asking git what there is: %v", err)
	}
	for _, name := range strings.Split(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		copyFile(t, filepath.Join(here, name), filepath.Join(there, name))
	}
	var cold []string
	if os.Getenv("WRIT_COLD_BUILD") != "" {
		cold = []string{"GOCACHE=" + filepath.Join(t.TempDir(), "cache")}
	}
	one, two := built(t, here, nil), built(t, there, cold)
	if !bytes.Equal(one, two) {
		t.Errorf("two builds of one source differ: %d and %d bytes", len(one), len(two))
	}
	if bytes.Contains(one, []byte(here)) {
		t.Error("the binary knows where it was built")
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if errors.Is(err, os.ErrNotExist) {
		return // removed, and not yet committed
	}
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, b, 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func built(t *testing.T, dir string, env []string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "writ")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./cmd/writ")
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0", "PWD="+dir), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building in %s: %v\n%s", dir, err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
