package certificate

import (
	"encoding/json"
	"go/parser"
	files "go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/awsiam"
)

// byHand is a certificate that nobody's algebra made: a role may invoke a model
// over TLS with a team's tag, or without TLS with no tag.
func byHand() *Certificate {
	policy := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:*::foundation-model/*","Condition":{"StringLike":{"aws:PrincipalTag/team":"ml-*"},"Bool":{"aws:SecureTransport":"true"}}},
		{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"aws:PrincipalTag/team":"true"},"Bool":{"aws:SecureTransport":"false"}}}]}`
	identity := func(index int) []Ref {
		return []Ref{{Layer: awsiam.IdentityLayer, Document: "app", Index: index}}
	}
	return &Certificate{
		Version: Version,
		Question: Question{Correlated: true, Sides: []Side{{
			Principal: Principal{ARN: "arn:aws:iam::111122223333:role/app", Account: "111122223333"},
			Checks:    []Request{{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude"}},
			Layers:    Layers{Identity: []Document{{Name: "app", Text: policy}}},
		}}},
		Keys: []Key{
			{Name: "aws:principaltag/team", Atoms: []Value{{Absent: true}, {Values: []string{"ml-x"}}, {Values: []string{"ops"}}}},
			{Name: "aws:securetransport", Atoms: []Value{{Values: []string{"true"}}, {Values: []string{"false"}}}},
		},
		Cells: []Cell{
			{Where: map[string][]int{"aws:principaltag/team": {0}, "aws:securetransport": {1}}, Verdict: Allowed, Statements: identity(1)},
			{Where: map[string][]int{"aws:principaltag/team": {0}, "aws:securetransport": {0}}, Verdict: Denied},
			{Where: map[string][]int{"aws:principaltag/team": {1}, "aws:securetransport": {0}}, Verdict: Allowed, Statements: identity(0)},
			{Where: map[string][]int{"aws:principaltag/team": {1}, "aws:securetransport": {1}}, Verdict: Denied},
			{Where: map[string][]int{"aws:principaltag/team": {2}}, Verdict: Denied},
		},
		Answer: Claim{Decision: Conditional, Witness: []int{1, 0}},
	}
}

func sealed(t testing.TB, c *Certificate) []byte {
	t.Helper()
	if err := c.Seal(); err != nil {
		t.Fatal(err)
	}
	data, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestACertificateMadeByHandIsAccepted(t *testing.T) {
	if err := Check(sealed(t, byHand())); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsNotTrueIsNamed(t *testing.T) {
	for _, test := range []struct {
		want   string
		change func(c *Certificate)
	}{
		{"no value stands for", func(c *Certificate) {
			c.Keys[0].Atoms, c.Cells = c.Keys[0].Atoms[:2], c.Cells[:4]
		}},
		{"it can be absent", func(c *Certificate) {
			c.Keys[0].Atoms, c.Cells, c.Answer.Witness = c.Keys[0].Atoms[1:], c.Cells[2:], []int{0, 0}
			for _, cell := range c.Cells {
				cell.Where["aws:principaltag/team"][0]--
			}
		}},
		{"cell 2: it says allowed", func(c *Certificate) { c.Keys[0].Atoms[1].Values[0] = "ml" }},
		{"absent, which it never is", func(c *Certificate) { c.Keys[1].Atoms[0] = Value{Absent: true} }},
		{"free and has no table", func(c *Certificate) { c.Keys[0].Name = "aws:principaltag/other" }},
		{"stands twice", func(c *Certificate) { c.Keys[0].Atoms[2] = c.Keys[0].Atoms[1] }},
		{"in no cell", func(c *Certificate) { c.Cells = c.Cells[1:] }},
		{"in two cells", func(c *Certificate) { c.Cells = append(c.Cells, c.Cells[4]) }},
		{"not in the table", func(c *Certificate) { c.Cells[4].Where["aws:principaltag/team"][0] = 3 }},
		{"cell 4: it says allowed", func(c *Certificate) { c.Cells[4].Verdict = Allowed }},
		{"cell 2: it says allowed", func(c *Certificate) {
			c.Question.Sides[0].Layers.Identity[0].Text = strings.Replace(c.Question.Sides[0].Layers.Identity[0].Text, "*::foundation-model/*", "eu-*", 1)
		}},
		{"other statements decide", func(c *Certificate) { c.Cells[2].Statements[0].Index = 1 }},
		{"not what the cells come to", func(c *Certificate) { c.Answer.Decision = string(Allowed) }},
		{"the witness is not allowed", func(c *Certificate) { c.Answer.Witness[0] = 2 }},
		{"several", func(c *Certificate) {
			c.Keys[0].Atoms[1] = Value{Values: []string{"ml-x"}, Several: true}
		}},
		{"beyond what can be checked", func(c *Certificate) { c.Keys = append(c.Keys, make([]Key, maxKeys)...) }},
		{"not known", func(c *Certificate) { c.Version = 2 }},
		{"a question is of one set", func(c *Certificate) { c.Question.Sides = nil }},
	} {
		c := byHand()
		test.change(c)
		if err := Check(sealed(t, c)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("want %q, got %v", test.want, err)
		}
	}
}

func TestWhatIsNotWrittenInItsOneFormIsRefused(t *testing.T) {
	data := string(sealed(t, byHand()))
	for name, text := range map[string]string{
		"space":          " " + data,
		"more":           data + "\n",
		"twice":          strings.Replace(data, `"version":1`, `"version":1,"version":1`, 1),
		"unknown":        strings.Replace(data, `"version":1`, `"version":1,"more":1`, 1),
		"case":           strings.Replace(data, `"version":1`, `"Version":1`, 1),
		"cut":            data[:len(data)-2],
		"another digest": strings.Replace(data, `"correlated":true`, `"correlated":false`, 1),
		"nothing":        "",
		"null":           "null",
	} {
		if Check([]byte(text)) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestTheCheckerDoesNotKnowTheAlgebra: what it imports of this module is the
// plain evaluator alone.
func TestTheCheckerDoesNotKnowTheAlgebra(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	evaluator := false
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(files.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			switch path, _ := strconv.Unquote(spec.Path.Value); {
			case path == "github.com/writ-project/writ/internal/awsiam":
				evaluator = true
			case strings.Contains(path, "."):
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
	if !evaluator {
		t.Error("no file imports the evaluator")
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(sealed(f, byHand()), false)
	f.Add(sealed(f, byHand()), true)
	f.Add([]byte(`{"version":1,"question":{"correlated":false,"sides":[{"principal":{},"checks":[{"action":"a:b"}],"layers":{}}]},"keys":[{"name":"resource","atoms":[{"values":["*"]}]}],"cells":[{"verdict":"denied"}],"answer":{"decision":"denied"},"digest":""}`), true)
	f.Add([]byte(`{"version":1}`), true)
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		if seal {
			c := new(Certificate)
			if err := json.Unmarshal(data, c); err != nil {
				return
			}
			data = sealed(t, c)
		}
		if _, err := Decode(data); err != nil && Check(data) == nil {
			t.Fatal("what cannot be decoded is accepted")
		}
		_ = Check(data)
	})
}
