package writ_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/writ-project/writ/"

// rooms is the import rule: a room may import rooms listed above it, never
// below. A room that is not listed may not exist.
var rooms = []string{
	"auditlog", "receipt",
	// facts: pure; no I/O, no clock
	"internal/bedrock", "internal/glob", "internal/diagram", "internal/awsiam", "internal/certificate", "internal/dataclass", "internal/plaintext", "internal/idnumber", "internal/identifier", "internal/personal", "internal/secret",
	"internal/sourcecode", "internal/document", "internal/classifier", "internal/scoring", "internal/identity", "internal/operator", "internal/cedarset", "internal/budget",
	// rules: pure decisions over facts
	"internal/rights", "internal/policy", "internal/request", "internal/grant", "internal/hold", "internal/sod", "internal/authority",
	"internal/sigv4", "internal/credential", "internal/manifest",
	// memory
	"internal/store", "internal/journal", "internal/snapshot", "internal/widening",
	// acts
	"internal/proof", "internal/upstream", "internal/meter", "internal/gateway", "internal/login", "internal/governance",
	// offline: from files to findings
	"internal/report", "internal/spend", "internal/estate", "internal/analyse",
	// faces
	"internal/metrics", "internal/notify", "internal/authzen", "internal/api", "internal/config", "internal/localca", "internal/demo", "internal/fakebedrock",
	"cmd/writ",
	// what only tests and measurements use
	"internal/store/storetest", "internal/writtest", "compat", "bench", "faults", "tools/testgate",
	// what others copy
	"docs/examples/erp",
}

// pure rooms decide over what they are given.
var pure = rooms[1:slices.Index(rooms, "internal/store")]

// impure are the packages that a pure room may not import.
var impure = []string{"net", "os", "os/exec", "database/sql", "log", "syscall"}

var banned = regexp.MustCompile(`(?i)(^|_)(util|utils|common|helper|helpers|manager|service|impl|base|core|misc|lib|engine|processor)s?($|_)`)

// source is one Go file of this module, without the modules nested in it.
type source struct {
	path string // slash-separated, from the root
	room string
	file *ast.File
	text []byte
	test bool
}

func sources(t *testing.T) []source {
	t.Helper()
	all, err := everySource()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// everySource reads the tree once for all tests; none of them changes it.
var everySource = sync.OnceValues(func() ([]source, error) {
	var all []source
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules" || nested(p)) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(p) != ".go" {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		if bytes.Contains(text, []byte("//go:build "+"ignore")) {
			return nil
		}
		slash := filepath.ToSlash(p)
		all = append(all, source{slash, path.Dir(slash), file, text, strings.HasSuffix(slash, "_test.go")})
		return nil
	})
	return all, err
})

func nested(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func TestImportsPointUpward(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.room == "." {
			continue
		}
		here := slices.Index(rooms, s.room)
		if here < 0 {
			t.Errorf("%s: room %s is not in the list", s.path, s.room)
			continue
		}
		for _, i := range s.file.Imports {
			name := strings.Trim(i.Path.Value, `"`)
			if room, ours := strings.CutPrefix(name, module); ours {
				if at := slices.Index(rooms, room); at < 0 || at >= here {
					t.Errorf("%s imports %s, which is not above it", s.path, room)
				}
			}
			if slices.Contains(pure, s.room) && slices.Contains(impure, name) && !allowedImpure[s.path] {
				t.Errorf("%s imports %s: %s decides and does no I/O", s.path, name, s.room)
			}
		}
	}
}

// allowedImpure are the files of pure rooms that touch the outside, each for a
// reason its comment gives.
var allowedImpure = map[string]bool{
	"internal/credential/kek.go": true, // the key-encryption key is a file
}

func TestPureRoomsHaveNoClock(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test && slices.Contains(pure, s.room) && bytes.Contains(s.text, []byte("time.Now(")) {
			t.Errorf("%s reads the clock", s.path)
		}
	}
}

func TestEveryRoomSaysWhatItIsFor(t *testing.T) {
	said := make(map[string]bool)
	for _, s := range sources(t) {
		if !s.test {
			said[s.room] = said[s.room] || s.file.Doc != nil && len(s.file.Doc.Text()) > 40
		}
	}
	for room, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment", room)
		}
	}
}

func TestNamesAndSizes(t *testing.T) {
	for _, s := range sources(t) {
		limit := 500
		if s.test {
			limit = 800
		}
		if n := bytes.Count(s.text, []byte("\n")); n > limit {
			t.Errorf("%s has %d lines, more than %d: split it by noun", s.path, n, limit)
		}
		stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.path), ".go"), "_test")
		if banned.MatchString(stem) || banned.MatchString(s.file.Name.Name) {
			t.Errorf("%s is named for nothing", s.path)
		}
	}
}

// TestNothingIsLeftOpen: what is missing is said in notes and documents.
func TestNothingIsLeftOpen(t *testing.T) {
	open := regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
	for _, s := range sources(t) {
		if s.path != "hygiene_test.go" && open.Match(s.text) {
			t.Errorf("%s holds a %s", s.path, open.Find(s.text))
		}
	}
}

// readers are exported functions that take outside bytes apart.
var readers = regexp.MustCompile(`^(Parse|Decode|Read|Unwrap|Open(Session|Bearer|Container))([A-Z]|$)`)

// notBytes are functions that the pattern catches and that read no outside bytes.
var notBytes = map[string]bool{
	"internal/api.ReadToken":      true, // trims a secret, interprets nothing
	"internal/manifest.ParseKind": true, // a word of the command line, looked up
	"auditlog.ReadBundle":         true, // reads a file and hands it to ParseBundle
}

// TestEveryReaderIsFuzzed: a fuzz target of the same room must call it.
func TestEveryReaderIsFuzzed(t *testing.T) {
	exported, called := make(map[string]bool), make(map[string]bool)
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if s.test && strings.HasPrefix(f.Name.Name, "Fuzz") {
				ast.Inspect(f, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.SelectorExpr:
						called[s.room+"."+n.Sel.Name] = true
					case *ast.Ident:
						called[s.room+"."+n.Name] = true
					}
					return true
				})
			}
			getter := f.Recv != nil && !strings.HasPrefix(f.Name.Name, "Open")
			if !s.test && !getter && f.Name.IsExported() && readers.MatchString(f.Name.Name) {
				exported[s.room+"."+f.Name.Name] = true
			}
		}
	}
	for name := range exported {
		if !called[name] && !notBytes[name] {
			t.Errorf("%s has no fuzz target", name)
		}
	}
}

// forbidden are modules that the binary must not link.
var forbidden = []string{"google.golang.org/grpc", "github.com/stretchr/testify", "github.com/aws/aws-sdk-go-v2/service/bedrockruntime"}

func TestTheBinaryLinksNothingForbidden(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./cmd/writ").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		for _, f := range forbidden {
			if strings.HasPrefix(dep, f) {
				t.Errorf("the binary links %s", dep)
			}
		}
	}
}

// TestNoPathsOfAMachine: nothing in the tree knows where it was written.
func TestNoPathsOfAMachine(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("git", "grep", "-lF", "-e", here+"/", "--", ".").Output()
	if err == nil {
		t.Errorf("paths of this machine in:\n%s", out)
	}
}
