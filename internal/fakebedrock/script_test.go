package fakebedrock

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// asking is a Converse body whose prompt is text.
func asking(text string) string {
	return string(encode(object{"messages": []object{{"role": "user", "content": []object{{"text": text}}}}}))
}

// streamedAs are the texts and tool inputs of a ConverseStream, delta by delta.
func streamedAs(t *testing.T, cfg Config, prompt string) (texts, inputs []string) {
	t.Helper()
	for _, m := range frames(t, read(t, post(t, cfg, modelPath(claude, "converse-stream"), asking(prompt)))) {
		var e object
		if err := json.Unmarshal(m.Payload, &e); err != nil {
			t.Fatal(err)
		}
		if s, ok := at(e, "delta", "text").(string); ok {
			texts = append(texts, s)
		}
		if s, ok := at(e, "delta", "toolUse", "input").(string); ok {
			inputs = append(inputs, s)
		}
	}
	return texts, inputs
}

// TestAScriptIsFollowed: what a prompt says is to be said is said, in the parts
// that it asks for.
func TestAScriptIsFollowed(t *testing.T) {
	for prompt, want := range map[string]struct{ texts, inputs []string }{
		"please [[say: two words]] now":               {texts: []string{"two ", "words"}},
		"[[say: it is 12|3-4|5 | ok]]":                {texts: []string{"it is 12", "3-4", "5 ", " ok"}},
		"[[chunk: 1]] [[say: a|bü]]":                  {texts: []string{"a", "b", "ü"}},
		"[[say: many words here]][[chunk: 3]]":        {texts: []string{"man", "y w", "ord", "s h", "ere"}},
		`[[call: pay {"to":"A|nn","n":[1,2]}]]`:       {inputs: []string{`{"to":"A`, `nn","n":[1,2]}`}},
		`[[say: so]] [[call: pay {}]] [[chunk: 1]]`:   {texts: []string{"s", "o"}, inputs: []string{"{", "}"}},
		"[[pause: 1ms]] [[say: x]]":                   {texts: []string{"x"}},
		"[[say: a\nb \"c\" [d] ]]":                    {texts: []string{"a\nb ", "\"c\" ", "[d] "}},
		"[[say: ]]":                                   {},
		"[[say: x]] [[chunk: no]] [[pause: forever]]": {texts: []string{"x"}},
	} {
		texts, inputs := streamedAs(t, Config{}, prompt)
		if d := cmp.Diff(want.texts, texts); d != "" {
			t.Errorf("%s: %s", prompt, d)
		}
		if d := cmp.Diff(want.inputs, inputs); d != "" {
			t.Errorf("%s: %s", prompt, d)
		}
		whole := readObject(t, post(t, Config{}, modelPath(claude, "converse"), asking(prompt)))
		if s, _ := at(whole, "output", "message", "content", 0, "text").(string); s != strings.Join(want.texts, "") {
			t.Errorf("%s: whole %q", prompt, s)
		}
	}
}

// TestEveryFamilyFollowsAScript: whole and streamed answers say the same.
func TestEveryFamilyFollowsAScript(t *testing.T) {
	for model, body := range native {
		body = strings.Replace(body, "Name three rivers.", "[[say: one |two]]", 1)
		where := whereText[model]
		whole := readObject(t, post(t, Config{}, modelPath(model, "invoke"), body))
		if s := at(whole, where.whole...); s != "one two" {
			t.Errorf("%s: %v", model, s)
		}
		var parts []string
		for _, e := range chunksOf(t, read(t, post(t, Config{}, modelPath(model, "invoke-with-response-stream"), body))) {
			if s, _ := at(e, where.streamed...).(string); s != "" {
				parts = append(parts, s)
			}
		}
		if d := cmp.Diff([]string{"one ", "two"}, parts); d != "" {
			t.Errorf("%s: %s", model, d)
		}
	}
}

// TestAnswerMayReturnAScript: for tests whose prompts are fixed.
func TestAnswerMayReturnAScript(t *testing.T) {
	cfg := Config{Answer: func(model, prompt string) string { return "[[say: " + prompt + "]] [[chunk: 2]]" }}
	if texts, _ := streamedAs(t, cfg, "abc"); !cmp.Equal(texts, []string{"ab", "c"}) {
		t.Errorf("got %q", texts)
	}
}

// TestNoScriptIsNoScript: what only looks like one changes nothing.
func TestNoScriptIsNoScript(t *testing.T) {
	for _, prompt := range []string{"[[say nothing]]", "[say: x]", "[[call: pay {]]", "[[chunk: 1]]"} {
		if texts, inputs := streamedAs(t, Config{}, prompt); len(texts) < 5 || inputs != nil {
			t.Errorf("%s: %q %q", prompt, texts, inputs)
		}
	}
}
