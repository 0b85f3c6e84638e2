package bedrock

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// editAt is an edit of the first place of a string in a body.
func editAt(body, raw, value string) Edit {
	i := strings.Index(body, raw)
	return Edit{i, i + len(raw), []byte(value)}
}

func TestS8_SplicePutsTextsInTheirPlaces(t *testing.T) {
	body := `{ "a" : "x\u0031", "b":["y" , 1e3 ,{"c":"z"}], "d":"\/" }`
	got, err := Splice([]byte(body), []Edit{editAt(body, `"x\u0031"`, `{SSN}`), editAt(body, `"z"`, "a\"b\\c\n\u00fc<&>\u2028")})
	want := "{ \"a\" : \"{SSN}\", \"b\":[\"y\" , 1e3 ,{\"c\":\"a\\\"b\\\\c\\n\u00fc<&>\u2028\"}], \"d\":\"\\/\" }"
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	if got, err := Splice([]byte(`"all"`), []Edit{{0, 5, []byte("x")}}); err != nil || string(got) != `"x"` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestS8_SpliceRefusesWhatIsNoString(t *testing.T) {
	body := `{"name":"a \"b\" c","n":123456,"e":"z"}`
	i := strings.Index(body, `"a `)
	for what, edits := range map[string][]Edit{
		"a part of a string":   {{i + 3, i + 7, []byte("x")}},
		"a string's inside":    {{i + 1, i + 4, []byte("x")}},
		"a name":               {editAt(body, `"name"`, "x")},
		"a number":             {editAt(body, `123456`, "x")},
		"an object":            {{0, len(body), []byte("x")}},
		"out of order":         {editAt(body, `"z"`, "x"), editAt(body, `"a \"b\" c"`, "x")},
		"twice":                {editAt(body, `"z"`, "x"), editAt(body, `"z"`, "y")},
		"beyond the end":       {{len(body), len(body) + 2, []byte("x")}},
		"before the beginning": {{-2, 2, []byte("x")}},
		"nothing":              {{i, i, []byte("x")}},
		"backwards":            {{i + 5, i, []byte("x")}},
		"no UTF-8":             {editAt(body, `"z"`, "\xff")},
	} {
		if got, err := Splice([]byte(body), edits); !errors.Is(err, ErrBadEdit) || got != nil {
			t.Errorf("%s: got %s, %v", what, got, err)
		}
	}
	for _, bad := range []string{"", "x", `{"a":1}{}`, `{"a":1,"a":2}`} {
		if _, err := Splice([]byte(bad), nil); err == nil {
			t.Errorf("%q was spliced", bad)
		}
	}
}

// editsOf draws edits of some of a body's strings, with texts of their own or
// the ones that are there.
func editsOf(t *rapid.T, body []byte, texts Texts) (edits []Edit) {
	for i := range texts.List {
		text := &texts.List[i]
		if !text.Spliceable() || !rapid.Bool().Draw(t, "edit") {
			continue
		}
		var value string
		if err := json.Unmarshal(body[text.Start:text.End], &value); err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "other") {
			value = rapid.StringN(0, 8, -1).Draw(t, "value")
		}
		edits = append(edits, Edit{text.Start, text.End, []byte(value)})
	}
	return edits
}

// TestS8_SpliceChangesNothingElse: every byte that is no edited string's is as
// it was, and the edited strings read as what was put in.
func TestS8_SpliceChangesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := anyBody(t)
		texts, err := ReadTexts(Converse, body)
		if err != nil {
			t.Fatal(err)
		}
		edits := editsOf(t, body, texts)
		got, err := Splice(body, edits)
		if err != nil {
			t.Fatalf("%s %v: %v", body, edits, err)
		}
		from, rest := 0, got
		for _, e := range edits {
			between := body[from:e.Start]
			if !bytes.HasPrefix(rest, between) {
				t.Fatalf("%s became %s", body, got)
			}
			d := json.NewDecoder(bytes.NewReader(rest[len(between):]))
			var s string
			if err := d.Decode(&s); err != nil || s != string(e.Value) {
				t.Fatalf("%q was put in, %q is there (%v)", e.Value, s, err)
			}
			from, rest = e.End, rest[len(between)+int(d.InputOffset()):]
		}
		if !bytes.Equal(rest, body[from:]) {
			t.Fatalf("%s became %s", body, got)
		}
	})
}

// TestS8_SplicedWithTheSameTextsIsTheSame: as JSON, not as bytes: escapes may differ.
func TestS8_SplicedWithTheSameTextsIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := anyBody(t)
		var edits []Edit
		for place, isName := range stringTokens(t, body) {
			var s string
			if err := json.Unmarshal(body[place[0]:place[1]], &s); err != nil {
				t.Fatal(err)
			}
			if !isName {
				edits = append(edits, Edit{place[0], place[1], []byte(s)})
			}
		}
		slices.SortFunc(edits, func(a, b Edit) int { return a.Start - b.Start })
		got, err := Splice(body, edits)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if d := cmp.Diff(decoded(t, body), decoded(t, got)); d != "" {
			t.Fatal(d)
		}
	})
}

func decoded(t interface{ Fatal(...any) }, b []byte) (v any) {
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// byAWS reads a frame with AWS's own decoder.
func byAWS(t interface{ Fatal(...any) }, frame []byte) eventstream.Message {
	m, err := eventstream.NewDecoder().Decode(bytes.NewReader(frame), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRewrittenFramesAreWhole: a frame with edited texts is one that AWS's
// decoder takes, with the headers it had and nothing changed but the texts.
func TestRewrittenFramesAreWhole(t *testing.T) {
	for _, c := range streamEvents {
		if c.op != ConverseStream && c.op != invokeStream {
			continue
		}
		event, payload := c.event, c.json
		if c.op == invokeStream {
			event, payload = "chunk", chunkOf(c.json)
		}
		f := frameOf(t, event, payload)
		p, err := FramePieces(c.op, f)
		if err != nil {
			t.Fatal(err)
		}
		edits := unchanged(p)
		for i := range edits {
			edits[i].Value = []byte("{NAME_1} \"ü\"")
		}
		out, err := RewriteFrame(c.op, f, edits)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		before, after := byAWS(t, f.Raw), byAWS(t, out)
		if d := cmp.Diff(before.Headers, after.Headers); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		want, err := Splice(p.JSON, edits)
		if err != nil {
			t.Fatal(err)
		}
		if c.op == invokeStream {
			want = []byte(chunkOf(string(want)))
		}
		if d := cmp.Diff(string(want), string(after.Payload)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		if same, err := RewriteFrame(c.op, f, nil); err != nil || !bytes.Equal(same, f.Raw) {
			t.Errorf("%s: without edits %x, %v", c.name, same, err)
		}
	}
}

func TestRewriteRefusesWhatIsNotInTheFrame(t *testing.T) {
	f := frameOf(t, "chunk", chunkOf(`{"generation":"Hi"}`))
	for _, e := range []Edit{{0, 5, nil}, {2, 3, nil}, {100, 200, nil}, {1, 13, []byte("x")}} {
		if _, err := RewriteFrame(invokeStream, f, []Edit{e}); !errors.Is(err, ErrBadEdit) {
			t.Errorf("%+v: %v", e, err)
		}
	}
	big := Edit{14, 18, bytes.Repeat([]byte("x"), maxFrame)}
	if _, err := RewriteFrame(invokeStream, f, []Edit{big}); !errors.Is(err, ErrBadFrame) {
		t.Errorf("too large a frame: %v", err)
	}
	if _, err := RewriteEvent(eventOf(t, ": keep-alive\n\n"), []Edit{{0, 2, nil}}); err == nil {
		t.Error("an event without data was edited")
	}
}

func TestRewrittenEventsKeepTheirFields(t *testing.T) {
	raw := ": note\nid: 7\ndata: {\"choices\":[\ndata: {\"delta\":{\"content\":\"Hi\"}}]}\nretry: 5\n\n"
	e := eventOf(t, raw)
	p, err := EventPieces(e)
	if err != nil {
		t.Fatal(err)
	}
	edits := unchanged(p)
	edits[0].Value = []byte("{NAME}")
	got, err := RewriteEvent(e, edits)
	want := ": note\nid: 7\ndata: {\"choices\":[\ndata: {\"delta\":{\"content\":\"{NAME}\"}}]}\nretry: 5\n\n"
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v", got, err)
	}
	if same, err := RewriteEvent(e, nil); err != nil || string(same) != raw {
		t.Errorf("without edits %q, %v", same, err)
	}
}

func FuzzSplice(f *testing.F) {
	f.Add([]byte(`{"a":"b","c":["d"]}`), 5, 8, "x")
	f.Add([]byte(`"a \"b\" c"`), 3, 7, "x")
	f.Fuzz(func(t *testing.T, body []byte, start, end int, value string) {
		got, err := Splice(body, []Edit{{start, end, []byte(value)}})
		if err != nil {
			return
		}
		if len(got)-len(body) < len(value)+2-(end-start) || !bytes.HasPrefix(got, body[:start]) || !bytes.HasSuffix(got, body[end:]) {
			t.Fatalf("%q became %q", body, got)
		}
		var s string
		if err := json.Unmarshal(got[start:len(got)-(len(body)-end)], &s); err != nil || s != value {
			t.Fatalf("%q was put in, %q is there (%v)", value, s, err)
		}
	})
}

func FuzzRewriteFrame(f *testing.F) {
	f.Add("chunk", chunkOf(`{"generation":"Hi"}`), 14, 18, "x")
	f.Add("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hi"}}`, 39, 43, "")
	f.Fuzz(func(t *testing.T, event, payload string, start, end int, value string) {
		if event == "" || len(event) > 60_000 {
			return
		}
		frame := frameOf(t, event, payload)
		for _, op := range []Operation{ConverseStream, invokeStream} {
			out, err := RewriteFrame(op, frame, []Edit{{start, end, []byte(value)}})
			if err != nil {
				continue
			}
			if d := cmp.Diff(byAWS(t, frame.Raw).Headers, byAWS(t, out).Headers); d != "" {
				t.Fatal(d)
			}
		}
	})
}
