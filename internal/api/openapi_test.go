package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var documentFile = filepath.Join("..", "..", "docs", "openapi.json")

func TestTheDocumentIsTheTable(t *testing.T) {
	want := Document()
	if *update {
		if err := os.WriteFile(documentFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(documentFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/openapi.json is not what the routes say (%v): go test ./internal/api -update", err)
	}
}

// document is the OpenAPI document as anybody reads it.
type document struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Summary     string
		Tags        []string
		Parameters  []struct {
			Name, In string
			Required bool
			Schema   map[string]any
		}
		RequestBody map[string]any `json:"requestBody"`
		Responses   map[string]any
	}
	Components struct{ Schemas map[string]any }
}

func read(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(Document(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTheDocumentIsOpenAPI checks what the specification (OpenAPI 3.1.0, 4.8) asks
// of the parts that are used here.
func TestTheDocumentIsOpenAPI(t *testing.T) {
	d := read(t)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("openapi is %q", d.OpenAPI)
	}
	ids := map[string]bool{}
	inPath := regexp.MustCompile(`\{([^}]+)\}`)
	for path, operations := range d.Paths {
		for method, op := range operations {
			name := method + " " + path
			if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" || len(op.Tags) != 1 {
				t.Errorf("%s: operation %q is unnamed, unsaid, or named like another", name, op.OperationID)
			}
			ids[op.OperationID] = true
			var declared, wanted []string
			for _, m := range inPath.FindAllStringSubmatch(path, -1) {
				wanted = append(wanted, m[1])
			}
			for _, p := range op.Parameters {
				if p.In == "path" {
					declared = append(declared, p.Name)
					if !p.Required {
						t.Errorf("%s: path parameter %s is not required", name, p.Name)
					}
				}
				if p.Schema == nil {
					t.Errorf("%s: parameter %s has no schema", name, p.Name)
				}
			}
			if !slices.Equal(declared, wanted) {
				t.Errorf("%s: path parameters %v, want %v", name, declared, wanted)
			}
			if (method == "get" || method == "delete") && op.RequestBody != nil {
				t.Errorf("%s: takes a body", name)
			}
			if len(op.Responses) < 5 || op.Responses["401"] == nil {
				t.Errorf("%s: responses %v", name, op.Responses)
			}
		}
	}
}

// compile compiles every schema of the document.
func compile(t *testing.T) (*jsonschema.Compiler, document) {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(Document()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("openapi.json", parsed); err != nil {
		t.Fatal(err)
	}
	return c, read(t)
}

func TestEverySchemaCompilesAndIsReferredTo(t *testing.T) {
	c, d := compile(t)
	text := string(Document())
	for name := range d.Components.Schemas {
		if _, err := c.Compile("openapi.json#/components/schemas/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(text, `"#/components/schemas/`+name+`"`) {
			t.Errorf("%s: nothing refers to it", name)
		}
	}
	for _, m := range regexp.MustCompile(`"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(text, -1) {
		if d.Components.Schemas[m[1]] == nil {
			t.Errorf("%s is referred to and is not there", m[1])
		}
	}
}

func TestEveryRouteIsWhole(t *testing.T) {
	for _, r := range (&Server{}).table() {
		switch {
		case r.do.act == nil && r.do.stream == nil, r.id == "", r.tag == "", !strings.HasSuffix(r.summary, "."):
			t.Errorf("%s %s: %+v", r.method, r.path, r)
		case r.creates && r.method != http.MethodPost, r.method == http.MethodGet && r.do.in != nil:
			t.Errorf("%s: what only a POST can have", r.id)
		}
	}
}

// TestTheDocumentSaysNothingOfTheInstallation: it is served without a token.
func TestTheDocumentSaysNothingOfTheInstallation(t *testing.T) {
	s := bare()
	w := ask(s, "GET", root+"/openapi.json", "localhost", "")
	if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), Document()) {
		t.Errorf("answered %d", w.Code)
	}
	for _, secret := range []string{s.cfg.Token.Reveal(), "111122223333", "127.0.0.1"} {
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("it holds %q", secret)
		}
	}
}
