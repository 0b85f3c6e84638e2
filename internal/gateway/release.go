package gateway

import (
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/policy"
)

// answered is what is known of an answer's content.
type answered struct {
	label    dataclass.Label
	found    []classifier.Found
	where    func(part int) string // names a part for operators
	read     bool                  // somebody looked
	redacted int                   // findings replaced
	received [32]byte              // digest of the answer as it came, where it was rewritten
	changed  bool
}

// governed reports whether it may depend on the answer's content if it is let
// out. Otherwise the content is recorded, and nothing held back for it.
func (x *exchange) governed() bool {
	return x.target.Operation.Generates() && x.state.Bundle.ReadsOutput(x.decision.Permit, x.question())
}

// released decides whether an answer of these contents may be let out, under the
// action Release (security S7).
func (x *exchange) released(label dataclass.Label) policy.Decision {
	q := x.question()
	q.Now = time.Now().UTC()
	return x.state.Bundle.Release(x.decision.Permit, q, label)
}

// release reads a whole answer and decides on it. It returns the body to pass
// on, with what has to be replaced replaced: that is read and decided on again.
func (x *exchange) release(body []byte) ([]byte, *refusal) {
	if !x.target.Operation.Generates() {
		return body, nil
	}
	c := x.readAnswer(body)
	if !x.governed() {
		return body, nil
	}
	first, replaced := x.answered, 0
	for range redactions + 1 {
		d := x.released(x.answered.label)
		switch {
		case d.Code != policy.CodePermit:
			return nil, x.withheld(&d)
		case !obliges(&d, policy.ObligeRedactAnswer):
			if replaced > 0 { // the record says what was found, not what is left
				x.answered = first
				x.answered.redacted, x.answered.changed, x.answered.received = replaced, true, x.result.sum
			}
			return body, nil
		}
		out, n, err := c.redacted(x.redactor(), body)
		if err != nil || n == 0 {
			x.g.cfg.Log.Error("an answer could not be redacted", "id", x.id, "err", err)
			return nil, unredacted
		}
		body, replaced = out, replaced+n
		c = x.readAnswer(body)
	}
	return nil, unredacted
}

// readAnswer classifies a whole answer. One that is no JSON is read as the text
// that it may be, and does not count as read.
func (x *exchange) readAnswer(body []byte) *content {
	c := &content{}
	x.answered = answered{read: true, where: c.where}
	var err error
	if c.texts, err = bedrock.ReadAnswerTexts(x.target.Operation, body); err == nil {
		c.parts = partsOf(&c.texts)
	} else {
		c.parts = []classifier.Part{{Text: body, Fixed: true}}
		x.answered.where = func(int) string { return "body" }
	}
	r := x.state.Classifier.Classify(c.parts, nil)
	c.found, x.answered.found, x.answered.label = r.Findings, r.Findings, r.Label
	if err != nil {
		x.answered.label = r.Label.Join(dataclass.Unscanned("opaque_body"))
	}
	return c
}

// withheld words the refusal of an answer: of what class its content is, and
// neither what nor where (security S20).
func (x *exchange) withheld(d *policy.Decision) *refusal {
	x.answered.reasons(x, d)
	return &refusal{kind: "release", err: accessDenied("the answer is withheld: " + holds(x.answered.label) + ", which no right of this call lets out")}
}

// reasons keeps for the record by which rules an answer was withheld.
func (a *answered) reasons(x *exchange, d *policy.Decision) {
	x.result.withheld = d.Code
	for _, r := range d.Reasons {
		x.result.rules = append(x.result.rules, r.Policy)
	}
}

// holds says in a caller's words what is in content.
func holds(l dataclass.Label) string {
	var what []string
	for _, c := range l.Classes {
		what = append(what, string(c))
	}
	switch {
	case len(what) > 0:
		return "it holds data of class " + strings.Join(what, ", ")
	case len(l.Unscanned) > 0:
		return "a part of it cannot be read (" + strings.Join(l.Unscanned, ", ") + ")"
	default:
		return "its content is of level " + l.Level.String()
	}
}
