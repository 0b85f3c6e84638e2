package gateway

import (
	"net/http"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/hold"
)

// holdWhole has what waits of a whole answer wait, and returns the body to pass
// on. What is held is what would have been let out: it comes after release.
func (x *exchange) holdWhole(w *waiting, body []byte) ([]byte, *refusal) {
	if x.target.Operation.Streams() {
		return nil, &refusal{kind: "held", err: accessDenied("the answer did not come as a stream: what of it has to wait is not known")}
	}
	k := &kept{since: x.began, content: hold.Content{
		Status: x.resp.StatusCode, ContentType: x.resp.Header.Get("Content-Type"), Header: keptHeader(x.resp.Header), Answer: body,
	}}
	calls, err := bedrock.ReadToolCalls(x.target.Operation, body)
	k.calls, k.unread = calls, err != nil
	k.form = &wholeAnswer{op: x.target.Operation, model: x.model, used: x.result.usage.Tokens, body: body}
	if !k.sort(w) {
		return body, nil
	}
	k.said = func() string { return wholeText(x.target.Operation, body) }
	return x.wait(w, k)
}

// wholeAnswer is the shape of an answer that came whole.
type wholeAnswer struct {
	op    bedrock.Operation
	model bedrock.Model
	used  bedrock.Tokens
	body  []byte
}

func (a *wholeAnswer) rewrite(verdicts []bedrock.Verdict, note string) ([]byte, error) {
	if unchanged(verdicts, note) {
		return a.body, nil
	}
	return bedrock.RewriteToolCalls(a.op, a.body, verdicts, note)
}

func (a *wholeAnswer) withheld(note string) ([]byte, bool) {
	body, _, ok := bedrock.Withheld(a.op, a.model, note, a.used)
	return body, ok
}

// longestText bounds what of an answer's text is kept for people to read, in bytes.
const longestText = 128 << 10

// wholeText is what an answer says, for whoever decides on it; of one that cannot
// be read it is the body.
func wholeText(op bedrock.Operation, body []byte) string {
	texts, err := bedrock.ReadAnswerTexts(op, body)
	if err != nil {
		return clip(string(body), longestText)
	}
	var b strings.Builder
	for i := range texts.List {
		if t := &texts.List[i]; (t.Kind == bedrock.Prose || t.Kind == bedrock.Data) && b.Len() < longestText {
			b.Write(t.Value)
			b.WriteByte('\n')
		}
	}
	return clip(b.String(), longestText)
}

// keptHeader is what of an answer's head is kept with it.
func keptHeader(h http.Header) map[string]string {
	out := make(map[string]string)
	for _, name := range answerHeaders {
		if v := h.Get(name); v != "" && name != "Content-Type" {
			out[name] = v
		}
	}
	return out
}
