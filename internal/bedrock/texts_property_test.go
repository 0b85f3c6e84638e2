package bedrock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// anyBody draws a JSON object with the wire's names and others, and texts that
// need escapes, and writes it in one of several ways.
func anyBody(t *rapid.T) []byte {
	text := rapid.SampledFrom([]string{"", "a", "user", "4111 1111", "\"", "\\", "\n", "ü", "👋", "s3://b/k", "https://e.test/", "data:image/png;base64,QQ==",
		picture, "{\"a\":\"b\"}", "<b>&", "\u2028", "base64", "tool_result", "tool", "x\x00y"})
	name := rapid.SampledFrom([]string{"text", "content", "messages", "type", "role", "source", "data", "bytes", "input", "json", "image", "url", "toolResult",
		"metadata", "index", "finish_reason", "choices", "delta", "own name", "4111", "ключ", "a.b", "top_logprobs", "token", "signature", "p"})
	var value func(depth int) any
	value = func(depth int) any {
		switch kind := rapid.IntRange(0, 7).Draw(t, "kind"); {
		case kind == 0:
			return rapid.SampledFrom([]any{nil, true, 1, 4111111111111111, 0.5}).Draw(t, "scalar")
		case kind <= 3 || depth > 5:
			return text.Draw(t, "text")
		case kind <= 5:
			out := map[string]any{}
			for range rapid.IntRange(0, 4).Draw(t, "members") {
				out[name.Draw(t, "name")] = value(depth + 1)
			}
			return out
		}
		out := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			out = append(out, value(depth+1))
		}
		return out
	}
	body := map[string]any{}
	for range rapid.IntRange(0, 5).Draw(t, "top") {
		body[name.Draw(t, "name")] = value(0)
	}
	return written(t, body)
}

// written is a value in JSON, with more or fewer escapes and blanks.
func written(t *rapid.T, v any) []byte {
	b, err := json.Marshal(v)
	if err == nil && rapid.Bool().Draw(t, "spaced") {
		b, err = json.MarshalIndent(v, " ", "\t")
	}
	if err != nil {
		t.Fatal(err)
	}
	if rapid.Bool().Draw(t, "escaped") {
		b = bytes.ReplaceAll(b, []byte(`"a`), []byte(`"\u0061`))
	}
	return b
}

// stringTokens are the strings of a JSON text by a reader of its own: their
// places, and whether each is a name.
func stringTokens(t interface{ Fatal(...any) }, body []byte) map[[2]int]bool {
	out := make(map[[2]int]bool)
	d := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		kind, n := d.StackIndex(d.StackDepth())
		tok, err := d.ReadToken()
		if err != nil {
			if len(out) == 0 || d.StackDepth() == 0 {
				return out
			}
			t.Fatal(err)
		}
		if tok.Kind() != '"' {
			continue
		}
		end := int(d.InputOffset())
		start := end - 1
		for start--; ; start-- { // back to the quote that begins it
			var s string
			if body[start] == '"' && json.Unmarshal(body[start:end], &s) == nil && s == tok.String() {
				break
			}
		}
		out[[2]int{start, end}] = kind == '{' && n%2 == 0
	}
}

// TestEveryStringIsListedOnce: whatever a body holds, every string of it is
// listed once, with its exact place and its value; of names, those that the
// wire does not have.
func TestEveryStringIsListedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := anyBody(t)
		texts, err := ReadTexts(Converse, body)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		want := stringTokens(t, body)
		for i, text := range texts.List {
			raw := body[text.Start:text.End]
			if text.Kind == Number {
				if !bytes.Equal(raw, text.Value) {
					t.Fatalf("%s: number %q at %q", body, text.Value, raw)
				}
				continue
			}
			isName, ok := want[[2]int{text.Start, text.End}]
			if !ok || isName != (text.Kind == Name) {
				t.Fatalf("%s: %q (%s) is no string of it, or listed twice", body, raw, text.Kind)
			}
			delete(want, [2]int{text.Start, text.End})
			var s string
			if err := json.Unmarshal(raw, &s); err != nil || s != string(text.Value) && !(text.Kind == Bytes && strings.HasSuffix(s, string(text.Value))) {
				t.Fatalf("%s: %s reads %q, not %q", body, raw, s, text.Value)
			}
			checkText(t, texts, i)
		}
		for at, isName := range want {
			var s string
			_ = json.Unmarshal(body[at[0]:at[1]], &s)
			if _, known := places[s]; s != "" && (!isName || !known) {
				t.Fatalf("%s: %s is not listed", body, body[at[0]:at[1]])
			}
		}
	})
}

// checkText holds what is true of every text.
func checkText(t interface{ Fatalf(string, ...any) }, texts Texts, i int) {
	text := &texts.List[i]
	if text.Runs && (text.After < 0 || text.After >= i || texts.List[text.After].Kind == Skipped) {
		t.Fatalf("text %d goes on from %d", i, text.After)
	}
	if w := texts.Where(i); len(w) > maxWhere || !utf8.ValidString(w) {
		t.Fatalf("path %q", w)
	}
	if !utf8.Valid(text.Value) || text.End < text.Start {
		t.Fatalf("text %d: %q at %d–%d", i, text.Value, text.Start, text.End)
	}
}

// TestOnlyWordsAreSkipped: what is called one of the wire's own words has none
// of the forms that an identifier has.
func TestOnlyWordsAreSkipped(t *testing.T) {
	for _, s := range []string{"078-05-1120", "4111-1111-1111-1111", "4111.1111", "123456", "a 1", "a@b", "Müller", strings.Repeat("a", 65), "12:34:56", "1_2_3_4_5_6", "AKIAI2345EXAMPLEKEYS", "x_" + "abcdefgh1abcdefgh"} {
		if isWord([]byte(s)) {
			t.Errorf("%q is a word", s)
		}
	}
	for _, s := range []string{"", "user", "end_turn", "tooluse_a1B2c3", "image/png", "v1:0", "AVeryLongNameWithoutDigits", "guardrail_intervened", "claude-3-5-sonnet"} {
		if !isWord([]byte(s)) {
			t.Errorf("%q is no word", s)
		}
	}
}

// TestUnreadableBodiesAreErrors: what one parser reads and another does not was
// not read.
func TestUnreadableBodiesAreErrors(t *testing.T) {
	for _, body := range []string{"", "hello", `{`, `{}{}`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, strings.Repeat("[", 200) + strings.Repeat("]", 200)} {
		for _, op := range []Operation{Converse, InvokeModel, ChatCompletions, CountTokens} {
			if got, err := ReadTexts(op, []byte(body)); err == nil || got.List != nil {
				t.Errorf("%s %.20q: %v, %v", op, body, got.List, err)
			}
		}
		if _, err := ReadAnswerTexts(Converse, []byte(body)); err == nil {
			t.Errorf("answer %.20q was read", body)
		}
	}
	for _, body := range []string{`{"input":{"invokeModel":{"body":"e30"}}}`, `{"input":{"invokeModel":{"body":"e3\n0="}}}`, `{"input":{"invokeModel":{"body":""}}}`, `{"input":{"invokeModel":{"body":"aGk="}}}`} {
		if _, err := ReadTexts(CountTokens, []byte(body)); err == nil {
			t.Errorf("%s was read", body)
		}
	}
	if _, err := ReadTexts("Unknown", []byte(`{}`)); err == nil {
		t.Error("an unknown operation's body was read")
	}
	if got, err := ReadTexts(GetAsyncInvoke, nil); err != nil || len(got.List) != 0 {
		t.Errorf("no body: %v, %v", got, err)
	}
}

// TestCountedBodyIsRead: what is to be counted is read like what is to be
// invoked, and cannot be edited in place.
func TestCountedBodyIsRead(t *testing.T) {
	body := []byte(countBody(`{"messages":[{"role":"user","content":[{"type":"text","text":"my card \u0034111"}]}]}`))
	texts, err := ReadTexts(CountTokens, body)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for i := range texts.List {
		text := &texts.List[i]
		checkText(t, texts, i)
		if string(text.Value) == "my card 4111" {
			found = texts.Where(i) == "input.invokeModel.body.messages[0].content[0].text" && !text.Spliceable()
		}
	}
	if !found {
		t.Errorf("got %s", listed(texts))
	}
}

// TestReadersKeepNothing: what one call read does not show in the next, and
// what it returned stays.
func TestReadersKeepNothing(t *testing.T) {
	first, err := ReadTexts(Converse, []byte(`{"messages":[{"content":[{"text":"first"}]}],"odd":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	before := listed(first)
	for range 10 {
		if _, err := ReadTexts(Converse, []byte(`{"messages":[{"content":[{"text":"other"},{"text":"o2"}]}],"even":["y","z"]}`)); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(before, listed(first)); d != "" {
		t.Error(d)
	}
	again, err := ReadTexts(Converse, []byte(`{"messages":[{"content":[{"text":"first"}]}],"odd":"x"}`))
	if err != nil || listed(again) != before {
		t.Errorf("%s, %v", listed(again), err)
	}
}

// TestPathsAreBounded: a path is cut, whatever names lead to a text.
func TestPathsAreBounded(t *testing.T) {
	body := strings.Repeat(`{"`+strings.Repeat("ü", 300)+`":`, 100) + `"x"` + strings.Repeat("}", 100)
	texts, err := ReadTexts(InvokeModel, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := range texts.List {
		checkText(t, texts, i)
	}
}

// TestResultsOfToolsAreDataHoweverNested: what an object says of itself at its
// end holds for all of it, and for nothing beside it.
func TestResultsOfToolsAreDataHoweverNested(t *testing.T) {
	body := `{"content":[{"text":"before"},
		{"content":[{"content":[{"text":"deep"}],"type":"tool_result"},{"text":"between"},{"content":"small","type":"web_search_tool_result"}],"type":"tool_result"},
		{"text":"after"}]}`
	texts, err := ReadTexts(InvokeModel, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]TextKind)
	for _, text := range texts.List {
		got[string(text.Value)] = text.Kind
	}
	want := map[string]TextKind{"before": Prose, "deep": Data, "between": Data, "small": Data, "after": Prose, "tool_result": Skipped, "web_search_tool_result": Skipped}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestListsAreBounded: what is too much to list was not read.
func TestListsAreBounded(t *testing.T) {
	for what, one := range map[string]string{"texts": `"a"`, "objects and arrays": `[]`} {
		body := `{"texts":[` + one + strings.Repeat(","+one, maxTexts) + `]}`
		if got, err := ReadTexts(InvokeModel, []byte(body)); err == nil || !strings.Contains(err.Error(), what) || got.List != nil {
			t.Errorf("%s: %d texts, %v", what, len(got.List), err)
		}
	}
	empty := `{"texts":[""` + strings.Repeat(`,""`, maxTexts) + `,"a"]}`
	if got, err := ReadTexts(InvokeModel, []byte(empty)); err != nil || len(got.List) != 1 || got.Where(0) != fmt.Sprintf("texts[%d]", maxTexts+1) {
		t.Errorf("empty texts: %d listed, %v", len(got.List), err)
	}
}

func FuzzReadTexts(f *testing.F) {
	for _, c := range requestTexts {
		f.Add(c.body)
	}
	f.Add(countBody(`{"messages":[]}`))
	f.Fuzz(func(t *testing.T, body string) {
		for _, op := range Operations() {
			texts, err := ReadTexts(op, []byte(body))
			if err != nil {
				if texts.List != nil {
					t.Fatal("texts beside an error")
				}
				continue
			}
			last := 0
			for i := range texts.List {
				text := &texts.List[i]
				checkText(t, texts, i)
				if text.End == 0 && op == CountTokens {
					continue
				}
				if text.Start < last || text.End > len(body) {
					t.Fatalf("%s: text %d at %d–%d after %d", op, i, text.Start, text.End, last)
				}
				last = text.End
			}
		}
	})
}

func FuzzReadAnswerTexts(f *testing.F) {
	for _, c := range answerTexts {
		f.Add(c.body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		texts, err := ReadAnswerTexts(Converse, []byte(body))
		if err != nil {
			return
		}
		var edits []Edit
		for i := range texts.List {
			checkText(t, texts, i)
			if text := &texts.List[i]; text.Spliceable() {
				edits = append(edits, Edit{text.Start, text.End, text.Value})
			}
		}
		if _, err := Splice([]byte(body), edits); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
	})
}

// benchTexts is a conversation of so many messages, and a tool's result.
func benchTexts(messages int) []byte {
	turn := `{"role":"user","content":[{"text":"` + strings.Repeat("Please look at the order and tell me when it comes. ", 20) + `"}]}`
	rows := slices.Repeat([]string{`{"id":"A-1","status":"open","amount":12.5,"note":"call back"}`}, 10)
	result := `{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"json":[` + strings.Join(rows, ",") + `]}]}}]}`
	return fmt.Appendf(nil, `{"messages":[%s,%s]}`, strings.Join(slices.Repeat([]string{turn}, messages), ","), result)
}

func BenchmarkReadTexts(b *testing.B) {
	for name, body := range map[string][]byte{"letters": []byte(`{"texts":["a"` + strings.Repeat(`,"a"`, 100_000) + `]}`), "2KB": benchTexts(1), "100KB": benchTexts(90),
		"rows": []byte(`{"documents":[` + strings.Join(slices.Repeat([]string{`{"id":"A-1","status":"open","amount":12.5}`}, 2000), ",") + `]}`)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ReadTexts(Converse, body); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(body))*1024/1000, "µs/KiB")
		})
	}
}
