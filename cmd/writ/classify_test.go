package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/dataclass"
)

func newClassifier(tb testing.TB) *classifier.Classifier {
	tb.Helper()
	c, err := classifier.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// TestTheDocumentHasEveryEntityInItsClass: the table says of every entity which
// class it is of, and of every class what it counts as.
func TestTheDocumentHasEveryEntityInItsClass(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "classification.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[dataclass.Class]string)
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 6 {
			name := strings.Trim(cells[1], " `")
			if name == "none" {
				name = ""
			}
			rows[dataclass.Class(name)] += line
		}
	}
	for _, e := range dataclass.Entities() {
		if row := rows[e.Kind().Class]; !strings.Contains(row, "`"+string(e)+"`") {
			t.Errorf("%s is not in the row of %q", e, e.Kind().Class)
		}
	}
	for _, c := range dataclass.Classes() {
		regulated := "no"
		if c.Regulated() {
			regulated = "yes"
		}
		if want := "| `" + string(c) + "` | " + c.Level().String() + " | " + regulated + " |"; !strings.HasPrefix(rows[c], want) {
			t.Errorf("no row begins with %s", want)
		}
	}
}

// TestLinesAreAnsweredOneByOne, whatever is between them.
func TestLinesAreAnsweredOneByOne(t *testing.T) {
	in := "{\"id\":1,\"text\":\"a\"}\r\n\n{\"id\":1.50,\"text\":\"\"}\n{\"id\":\"é\",\"text\":\"c\"}"
	var out bytes.Buffer
	wrong, err := classifyLines(newClassifier(t), "in", strings.NewReader(in), &out)
	if err != nil || wrong != 0 {
		t.Fatal(wrong, err)
	}
	var ids []string
	for line := range strings.Lines(out.String()) {
		var got classifyOut
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, string(got.ID))
	}
	if d := cmp.Diff([]string{"1", "1.50", `"é"`}, ids); d != "" {
		t.Error(d)
	}
}

// TestALineThatIsTooLongIsPassedOver, and the one after it is read.
func TestALineThatIsTooLongIsPassedOver(t *testing.T) {
	lines := newLineReader(io.MultiReader(io.LimitReader(endless{}, mostLine+1), strings.NewReader("\nnext\nlast")))
	if _, err := lines.next(); !errors.Is(err, errLongLine) {
		t.Fatal(err)
	}
	for _, want := range []string{"next", "last"} {
		if line, err := lines.next(); err != nil || string(line) != want {
			t.Fatalf("%q, %v", line, err)
		}
	}
	if _, err := lines.next(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// TestLinesComeWhole: however the input is cut, lines are the same.
func TestLinesComeWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,9}`), 1, 5).Draw(t, "lines")
		lines := newLineReader(strings.NewReader(strings.Join(want, "\n")))
		for _, w := range want {
			if got, err := lines.next(); err != nil || string(got) != w {
				t.Fatalf("%q, %v", got, err)
			}
		}
	})
}

// TestAnswersNeverHoldTheText: neither the lines nor what is said of bad ones.
func TestAnswersNeverHoldTheText(t *testing.T) {
	const number = "4485120399477167"
	var out bytes.Buffer
	if _, err := classifyLines(newClassifier(t), "in", strings.NewReader(`{"id":"1","text":"card number `+number+`"}`), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "CREDIT_DEBIT_CARD_NUMBER") || strings.Contains(out.String(), number) {
		t.Error(out.String())
	}
	enc := json.NewEncoder(io.Discard)
	for _, line := range []string{`{"text":` + number + `}`, `{"id":{"a":` + number + `},"text":"a"}`, number} {
		if err := classifyLine(newClassifier(t), []byte(line), enc); err == nil || strings.Contains(err.Error(), number) {
			t.Errorf("%v", err)
		}
	}
}
