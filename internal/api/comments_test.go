package api

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// go test ./internal/api -update writes what is derived from the routes and the
// types they speak in: comments.json and docs/openapi.json.
var update = flag.Bool("update", false, "write comments.json and docs/openapi.json anew")

func TestTheCommentsAreTheSources(t *testing.T) {
	got := commentsOf(t)
	text, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		comments = append(text, '\n')
		if err := os.WriteFile("comments.json", comments, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var kept map[string]string
	if err := json.Unmarshal(comments, &kept); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, kept); diff != "" {
		t.Errorf("comments.json is not what the sources say: go test ./internal/api -update\n%s", diff)
	}
}

// commentsOf gathers the comments of every struct that an operation speaks in.
func commentsOf(t *testing.T) map[string]string {
	t.Helper()
	found := &schemas{named: map[string]schema{}, types: map[string]reflect.Type{}}
	spoken(found)
	wanted := map[string]map[string]bool{} // by package path
	want := func(typ reflect.Type) {
		if wanted[typ.PkgPath()] == nil {
			wanted[typ.PkgPath()] = map[string]bool{}
		}
		wanted[typ.PkgPath()][typ.Name()] = true
	}
	for _, typ := range found.types {
		want(typ)
		for _, f := range fieldsOf(typ) {
			want(f.owner)
		}
	}
	out := map[string]string{}
	for path, names := range wanted {
		dir := filepath.Join("..", "..", strings.TrimPrefix(path, "github.com/writ-project/writ/"))
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			gather(t, file, path[strings.LastIndexByte(path, '/')+1:], names, out)
		}
	}
	return out
}

// spoken collects the types of every route.
func spoken(found *schemas) {
	found.of(reflect.TypeFor[Problem]())
	for _, r := range (&Server{}).table() {
		for _, typ := range []reflect.Type{r.do.in, r.do.out} {
			if typ != nil {
				found.of(typ)
			}
		}
	}
}

func gather(t *testing.T, file, room string, names map[string]bool, out map[string]string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range parsed.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			continue
		}
		for _, spec := range gen.Specs {
			ts := spec.(*ast.TypeSpec)
			st, ok := ts.Type.(*ast.StructType)
			if !ok || !names[ts.Name.Name] {
				continue
			}
			name := room + "." + ts.Name.Name
			doc := ts.Doc
			if doc == nil {
				doc = gen.Doc
			}
			put(out, name, text(doc))
			for _, f := range st.Fields.List {
				for _, n := range f.Names {
					put(out, name+"."+n.Name, strings.TrimSpace(text(f.Doc)+" "+text(f.Comment)))
				}
			}
		}
	}
}

func put(out map[string]string, name, text string) {
	if text != "" {
		out[name] = text
	}
}

func text(c *ast.CommentGroup) string {
	if c == nil {
		return ""
	}
	return strings.Join(strings.Fields(c.Text()), " ")
}
