package bedrock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/fakebedrock"
)

// streamedBy are the streams of the stand-in: a model of each dialect, and how it is asked.
var streamedBy = map[string]struct {
	op   Operation
	path string
	body string // %s: the prompt, quoted
}{
	"converse":  {ConverseStream, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream", `{"messages":[{"role":"user","content":[{"text":%s}]}]}`},
	"anthropic": {InvokeModelWithResponseStream, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke-with-response-stream", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":4000,"messages":[{"role":"user","content":%s}]}`},
	"nova":      {InvokeModelWithResponseStream, "/model/amazon.nova-pro-v1%3A0/invoke-with-response-stream", `{"messages":[{"role":"user","content":[{"text":%s}]}]}`},
	"mistral":   {InvokeModelWithResponseStream, "/model/mistral.mistral-large-2407-v1%3A0/invoke-with-response-stream", `{"messages":[{"role":"user","content":%s}]}`},
	"cohere":    {InvokeModelWithResponseStream, "/model/cohere.command-r-plus-v1%3A0/invoke-with-response-stream", `{"message":%s}`},
	"gpt":       {InvokeModelWithResponseStream, "/model/openai.gpt-oss-120b-1%3A0/invoke-with-response-stream", `{"messages":[{"role":"user","content":%s}]}`},
	"chat":      {ChatCompletionsStream, "/openai/v1/chat/completions", `{"model":"openai.gpt-oss-120b-1:0","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":%s}]}`},
}

// streamOf is what the stand-in streams for a script, cut into units.
func streamOf(t testing.TB, dialect, script string) (Operation, [][]byte) {
	t.Helper()
	s := streamedBy[dialect]
	quoted, _ := json.Marshal(script)
	w := httptest.NewRecorder()
	fakebedrock.New(fakebedrock.Config{Anonymous: true}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, s.path, strings.NewReader(fmt.Sprintf(s.body, quoted))))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", dialect, w.Code, w.Body)
	}
	return s.op, unitsOf(t, s.op, w.Body.Bytes())
}

// unitsOf cuts a stream.
func unitsOf(t testing.TB, op Operation, stream []byte) (units [][]byte) {
	t.Helper()
	if op.OpenAI() {
		for _, e := range bytes.SplitAfter(stream, []byte("\n\n")) {
			if len(e) > 0 {
				units = append(units, e)
			}
		}
		return units
	}
	frames, err := readFrames(bytes.NewReader(stream))
	if err != io.EOF {
		t.Fatal(err)
	}
	for _, f := range frames {
		units = append(units, bytes.Clone(f.Raw))
	}
	return units
}

// watched feeds units to a watch.
func watched(op Operation, units [][]byte) (*ToolWatch, []Touch, error) {
	w := NewToolWatch(op)
	var touches []Touch
	for _, raw := range units {
		var touch Touch
		var err error
		if op.OpenAI() {
			var e Event
			if e, err = readEvent(raw); err == nil {
				touch, err = w.Event(e)
			}
		} else {
			var f Frame
			if f, err = NewFrameReader(bytes.NewReader(raw)).Next(); err == nil {
				touch, err = w.Frame(f)
			}
		}
		if err != nil {
			return w, touches, err
		}
		touches = append(touches, touch)
	}
	return w, touches, nil
}

// collected is what a stream says about itself.
func collected(t testing.TB, op Operation, units [][]byte) Answer {
	t.Helper()
	if op.OpenAI() {
		c := NewEventCollector()
		for _, raw := range units {
			e, err := readEvent(raw)
			if err == nil {
				err = c.Add(e)
			}
			if err != nil {
				t.Fatalf("%q: %v", raw, err)
			}
		}
		return c.Answer()
	}
	c := NewCollector(op)
	for _, raw := range units {
		f, err := NewFrameReader(bytes.NewReader(raw)).Next()
		if err == nil {
			err = c.Add(f)
		}
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
	}
	return c.Answer()
}

const parallel = `[[say: so be it]] [[call: look {"a":"b c d e f g h i j k"}]] [[call: pay {"to":"` + canary + `","amount":12345}]] [[call: look {}]] [[call: pay {"x":"` + canary + `"}]]`

// firstOf is the first unit that touches one of these calls.
func firstOf(touches []Touch, calls ...int) int {
	for i, touch := range touches {
		for _, c := range touch.Touches {
			if slices.Contains(calls, c) {
				return i
			}
		}
	}
	return len(touches)
}

func TestStreamedCallsAreWatched(t *testing.T) {
	for dialect := range streamedBy {
		op, units := streamOf(t, dialect, parallel)
		w, touches, err := watched(op, units)
		if err != nil {
			t.Fatalf("%s: %v", dialect, err)
		}
		var names, arguments []string
		for i, c := range w.Calls() {
			if c.Malformed || c.Odd || c.Fixed || c.Server || c.ID == "" && dialect != "cohere" || c.Index != i {
				t.Errorf("%s: %+v", dialect, c)
			}
			names, arguments = append(names, c.Name), append(arguments, string(c.Arguments))
		}
		if d := cmp.Diff([]string{"look", "pay", "look", "pay"}, names); d != "" {
			t.Errorf("%s: %s", dialect, d)
		}
		if d := cmp.Diff([]string{`{"a":"b c d e f g h i j k"}`, `{"to":"` + canary + `","amount":12345}`, `{}`, `{"x":"` + canary + `"}`}, arguments); d != "" {
			t.Errorf("%s: %s", dialect, d)
		}
		began := 0
		for i, touch := range touches {
			began += len(touch.Began)
			if len(touch.Touches) == 0 && !touch.Other {
				t.Errorf("%s: unit %d says nothing", dialect, i)
			}
			if dialect != "mistral" && dialect != "cohere" && len(touch.Touches) > 0 && touch.Other {
				t.Errorf("%s: unit %d %q is said to say more", dialect, i, units[i])
			}
			if bytes.Contains(units[i], []byte(canary)) && len(touch.Touches) == 0 {
				t.Errorf("%s: unit %d is a part of a call: %q", dialect, i, units[i])
			}
		}
		if began != 4 || w.Units() != len(units) {
			t.Errorf("%s: %d began, %d units", dialect, began, w.Units())
		}
	}
}

// TestWhatIsReleasedIsAsItWas: byte for byte, from whichever unit on it was held.
func TestWhatIsReleasedIsAsItWas(t *testing.T) {
	for dialect := range streamedBy {
		op, units := streamOf(t, dialect, parallel)
		for held := range units {
			w, _, err := watched(op, units)
			if err != nil {
				t.Fatal(err)
			}
			out, err := RewriteTail(op, units[held:], w, make([]Verdict, 4), "")
			if err != nil || !bytes.Equal(out, bytes.Join(units[held:], nil)) {
				t.Errorf("%s from %d: %v", dialect, held, err)
			}
		}
	}
}

// checkStream reads what a client got: a whole answer with these calls, and
// nothing of the canary.
func checkStream(t *testing.T, name string, op Operation, got [][]byte, want []string, note string) {
	t.Helper()
	w, _, err := watched(op, got)
	if err != nil {
		t.Fatalf("%s: %v\n%q", name, err, got)
	}
	var calls []string
	for _, c := range w.Calls() {
		calls = append(calls, c.Name+" "+string(c.Arguments))
		if c.Malformed || c.Fixed {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if d := cmp.Diff(want, calls); d != "" {
		t.Errorf("%s: %s", name, d)
	}
	said, err := json.Marshal(note)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	blocks := -1
	for _, raw := range got {
		data := raw
		if !op.OpenAI() {
			f, err := NewFrameReader(bytes.NewReader(raw)).Next()
			if err != nil {
				t.Fatal(err)
			}
			byAWS(t, raw)
			if data, err = frameJSON(op, f); err != nil {
				t.Fatal(err)
			}
			tree, err := readTree("event", data)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := blockEventOf(tree, op, f.Type); err != nil || b.kind != noBlock && b.index != blocks && b.index != blocks+1 {
				t.Errorf("%s: block %d after %d: %v", name, b.index, blocks, err)
			} else if b.kind != noBlock {
				blocks = b.index
			}
		}
		text.Write(data)
	}
	if strings.Contains(text.String(), canary) {
		t.Errorf("%s: the canary is left", name)
	}
	if n := strings.Count(text.String(), strings.Trim(string(said), `"`)); note != "" && n != 1 {
		t.Errorf("%s: the note is there %d times\n%s", name, n, text.String())
	}
	a := collected(t, op, got)
	calling := plainEnds[a.StopReason] != "" || a.StopReason == "COMPLETE" // Cohere's for both
	if !a.Usage.Known || a.StopReason == "" || len(want) > 0 && !calling || len(want) == 0 && plainEnds[a.StopReason] != "" {
		t.Errorf("%s: %+v", name, a)
	}
}

// TestDroppedCallsLeaveAWholeStream: a client reads an answer to its end, without
// the calls that were dropped, wherever the hold began.
func TestDroppedCallsLeaveAWholeStream(t *testing.T) {
	for dialect := range streamedBy {
		op, units := streamOf(t, dialect, parallel)
		_, touches, err := watched(op, units)
		if err != nil {
			t.Fatal(err)
		}
		look := `look {"a":"b c d e f g h i j k"}`
		for name, c := range map[string]struct {
			verdicts []Verdict
			want     []string
		}{
			"writes": {[]Verdict{{}, {Drop: true}, {}, {Drop: true}}, []string{look, "look {}"}},
			"all":    {[]Verdict{{Drop: true}, {Drop: true}, {Drop: true}, {Drop: true}}, nil},
			"edited": {[]Verdict{{}, {Arguments: []byte(`{"e":1}`)}, {Arguments: []byte(`{"f":"\"é"}`)}, {Drop: true}}, []string{look, `pay {"e":1}`, `look {"f":"\"é"}`}},
		} {
			var changed []int
			for i, v := range c.verdicts {
				if v.Drop || v.Arguments != nil {
					changed = append(changed, i)
				}
			}
			first := firstOf(touches, changed...)
			for held := 0; held <= first; held++ {
				w, _, _ := watched(op, units)
				out, err := RewriteTail(op, units[held:], w, c.verdicts, "a \"note\"")
				if err != nil {
					t.Errorf("%s %s from %d: %v", dialect, name, held, err)
					continue
				}
				got := append(slices.Clone(units[:held]), unitsOf(t, op, out)...)
				checkStream(t, fmt.Sprintf("%s %s from %d", dialect, name, held), op, got, c.want, "a \"note\"")
			}
			w, _, _ := watched(op, units)
			if _, err := RewriteTail(op, units[first+1:], w, c.verdicts, ""); !errors.As(err, new(*FixedError)) {
				t.Errorf("%s %s: a call of which a part is out was changed: %v", dialect, name, err)
			}
		}
	}
}

// TestAnyScriptAndAnyVerdicts: as above, drawn.
func TestAnyScriptAndAnyVerdicts(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dialect := rapid.SampledFrom([]string{"converse", "anthropic", "nova", "mistral", "cohere", "gpt", "chat"}).Draw(r, "dialect")
		script := rapid.SampledFrom([]string{"", "[[say: a |b c]]", "[[say: tool_use\" call\"]]"}).Draw(r, "said")
		if rapid.Bool().Draw(r, "runes") {
			script += "[[chunk: 1]]"
		}
		verdicts := make([]Verdict, rapid.IntRange(1, 4).Draw(r, "calls"))
		var want []string
		for i := range verdicts {
			arguments := `{"a":"x"}`
			switch rapid.IntRange(0, 2).Draw(r, "verdict") {
			case 0:
				verdicts[i].Drop, arguments = true, `{"a":"`+canary+`"}`
			case 1:
				verdicts[i].Arguments = []byte(`{}`)
				want = append(want, fmt.Sprintf("t%d {}", i))
			default:
				want = append(want, fmt.Sprintf("t%d %s", i, arguments))
			}
			script += fmt.Sprintf(" [[call: t%d %s]]", i, arguments)
		}
		op, units := streamOf(t, dialect, script)
		w, _, err := watched(op, units)
		if err != nil {
			r.Fatal(err)
		}
		out, err := RewriteTail(op, units, w, verdicts, "noted")
		if err != nil {
			r.Fatalf("%s %s: %v", dialect, script, err)
		}
		checkStream(t, dialect+" "+script, op, unitsOf(t, op, out), want, "noted")
	})
}
