package gateway

import (
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/policy"
)

// redactions is how often content is redacted before it is refused: what stands
// in a value's place may let the next one be seen for what it is.
const redactions = 3

// redact replaces what was found in the prompt. The new body is a body like any
// other: it is parsed, resolved and classified before it is decided upon
// (security S8).
func (x *exchange) redact() *refusal {
	body, n, err := x.content.redacted(x.redactor(), x.body.Bytes())
	if err != nil {
		x.g.cfg.Log.Error("a prompt could not be redacted", "id", x.id, "err", err)
		return unredacted
	}
	x.replace(body)
	x.redacted += n
	for _, step := range []func() *refusal{x.resolve, x.classify} {
		if refused := step(); refused != nil {
			return refused
		}
	}
	return x.judge()
}

// unredacted refuses a call whose content an obligation wants replaced and that
// cannot be.
var unredacted = &refusal{
	kind: "obligation", err: accessDenied("sensitive content has to be replaced before it may pass, and it cannot be"),
	hint: "send it as text, not within a file, a number or a member's name",
}

// redacted is a body with what was found in it replaced, and how many findings
// were.
func (c *content) redacted(r *classifier.Redactor, body []byte) ([]byte, int, error) {
	replaced, n := r.Redact(c.parts, c.found)
	edits := make([]bedrock.Edit, 0, len(replaced))
	for _, p := range replaced {
		t := &c.texts.List[p.Part]
		edits = append(edits, bedrock.Edit{Start: t.Start, End: t.End, Value: p.Text})
	}
	body, err := bedrock.Splice(body, edits)
	return body, n, err
}

// redactor is the exchange's own: the answer's placeholders go on from the
// prompt's.
func (x *exchange) redactor() *classifier.Redactor {
	if x.placeholders == nil {
		x.placeholders = classifier.NewRedactor()
	}
	return x.placeholders
}

// replace puts another body in the place of the one received, whose digest is
// recorded beside the new one's.
func (x *exchange) replace(body []byte) {
	if !x.rewritten {
		x.rewritten, x.received = true, x.body.Sum()
	}
	x.body = bedrock.NewBody(body)
}

// obliges reports whether a decision imposes an obligation.
func obliges(d *policy.Decision, name string) bool {
	for _, o := range d.Obligations {
		if o.Name == name {
			return true
		}
	}
	return false
}
