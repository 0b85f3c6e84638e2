package estate

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

func TestHowTheStreamIsReadDoesNotMatter(t *testing.T) {
	text := page([]string{}, nil, []string{roleJSON("One", invokeDoc, ""), roleJSON("Two", denyDoc, `,"X":"\\\"é"`)}, []string{policyJSON("P", invokeDoc)})
	whole, err := inMemory(t, text)
	if err != nil {
		t.Fatal(err)
	}
	noProblem(t, whole)
	for name, slow := range map[string]func(io.Reader) io.Reader{"byte by byte": iotest.OneByteReader, "halves": iotest.HalfReader, "data with error": iotest.DataErrReader} {
		l := newLoader(context.Background(), Sources{Accounts: []string{"part-0.json"}})
		fromMemory(l, map[string]func() io.Reader{"part-0.json": func() io.Reader { return slow(strings.NewReader(text)) }})
		if err := l.load(); err != nil {
			t.Fatal(name, err)
		}
		sameEstate(t, whole, l.estate)
		if a, b := principal(t, whole, roleARN("Two")), principal(t, l.estate, roleARN("Two")); a.Position != b.Position {
			t.Errorf("%s: position %+v, want %+v", name, b.Position, a.Position)
		}
	}
}

func TestAReadErrorIsAnError(t *testing.T) {
	bad := errors.New("bad disk")
	l := newLoader(context.Background(), Sources{Accounts: []string{"a.json"}})
	fromMemory(l, map[string]func() io.Reader{"a.json": func() io.Reader {
		return io.MultiReader(strings.NewReader(rolesJSON(roleJSON("One", invokeDoc, ""))[:400]), iotest.ErrReader(bad))
	}})
	if err := l.load(); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
}

func TestValuesLargerThanTheWindowKeepTheirPlaces(t *testing.T) {
	var roles []string
	for _, name := range []string{"A", "B", "C", "D"} {
		roles = append(roles, roleJSON(name, invokeDoc, `,"X":"`+strings.Repeat("x", windowSize/2+len(roles)*windowSize)+`"`))
	}
	e := load(t, rolesJSON(roles...))
	noProblem(t, e)
	for _, p := range e.Accounts[0].Principals {
		text := readAll(t, p.Position.File)
		if !strings.HasPrefix(text[p.Position.Offset:], `{"Path":"/","RoleName":"`+p.Name+`"`) || p.Position.Column > len(roleARN("A"))*4 {
			t.Errorf("%s: %+v", p.Name, p.Position)
		}
	}
}

// anyJSON draws a JSON value with odd strings in it.
func anyJSON() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any { return drawJSON(t, 4) })
}

func drawJSON(t *rapid.T, depth int) any {
	text := rapid.StringOf(rapid.RuneFrom([]rune("a\"\\{}[],: \n\té/#")))
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int32().Draw(t, "number")
	case 3:
		return text.Draw(t, "text")
	case 4:
		list := make([]any, rapid.IntRange(0, 4).Draw(t, "items"))
		for i := range list {
			list[i] = drawJSON(t, depth-1)
		}
		return list
	}
	object := map[string]any{}
	for range rapid.IntRange(0, 4).Draw(t, "members") {
		object[text.Draw(t, "name")] = drawJSON(t, depth-1)
	}
	return object
}

func TestPropertyValuesAreCutWhereAParserWouldCutThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		var want []string
		for range rapid.IntRange(1, 6).Draw(t, "values") {
			v, err := json.MarshalIndent(anyJSON().Draw(t, "value"), "", rapid.SampledFrom([]string{"", " "}).Draw(t, "indent"))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, string(v))
			text.WriteString(string(v) + rapid.SampledFrom([]string{"\n", " ", "\r\n"}).Draw(t, "between"))
		}
		f := newFramer(&input{name: "x", text: iotest.HalfReader(strings.NewReader(text.String()))}, Limits{}.orDefaults())
		for _, w := range want {
			got, err := f.value()
			if err != nil || string(got) != w || !jsontext.Value(got).IsValid() {
				t.Fatalf("value %q, want %q, error %v", got, w, err)
			}
		}
		if _, err := f.peek(); !errors.Is(err, io.EOF) {
			t.Fatalf("after the last: %v", err)
		}
	})
}
