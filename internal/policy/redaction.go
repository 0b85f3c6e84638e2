package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
)

// redaction settles whether the prompt must be redacted (security S8), before
// anything else is asked: what is asked then is asked of the prompt as it would
// be sent. The call goes on once somebody has rewritten the body and asked anew.
func (h *hearing) redaction() {
	by := h.obliged(obligation(ObligeRedact))
	if len(by) == 0 {
		return
	}
	prompt := h.prompt()
	switch why := unredactable(prompt); {
	case why != "":
		h.cannotMeet(strings.Join(by, ", "), "the prompt must be redacted, and "+why)
	case prompt.ToRedact():
		h.redacting = true
		h.decision.Obligations = append(h.decision.Obligations, Obligation{Name: ObligeRedact, Policies: by})
		h.facts.restate(h.bundle.atlas.records.content(prompt.Redacted()))
	}
}

// prompt is the label that rules see of the prompt, before redaction.
func (h *hearing) prompt() dataclass.Label { return withUnread(h.r.Prompt, h.r.Caps.UnknownContent) }

// unredactable says why content cannot be redacted, or "".
func unredactable(l dataclass.Label) string {
	switch {
	case len(l.Unscanned) > 0 || l.Truncated:
		return "a part of it was not read"
	case l.ToRedact() && !l.Redactable:
		return "it is not known where in it everything is that must be replaced"
	}
	return ""
}

// obliged asks one obligation for the legs that end at models, and names what
// imposes it.
func (h *hearing) obliged(action uid) (by []string) {
	if !h.oblige[0].about(action) && !h.oblige[1].about(action) {
		return nil
	}
	for _, r := range h.imposed(action) {
		by = append(by, r.id)
	}
	slices.Sort(by)
	return slices.Compact(by)
}

// answerRedaction settles whether an answer must be redacted, and returns the
// label that it is judged on: that of what would be let out.
func (h *hearing) answerRedaction(grants []string, output dataclass.Label) dataclass.Label {
	action := obligation(ObligeRedactAnswer)
	if !h.oblige[0].about(action) && !h.oblige[1].about(action) {
		return output
	}
	l := h.facts.named(h.r.Legs)
	q := h.query(l)
	q.Action = action
	h.gatherOf(h.oblige, &q, grants)
	if len(h.rules) == 0 {
		return output
	}
	q.Context = h.facts.answered(*l, h.bundle.atlas.records.content(output))
	var by []string
	for _, r := range h.asked(q) {
		by = append(by, r.id)
	}
	if len(by) == 0 {
		return output
	}
	slices.Sort(by)
	switch why := unredactable(output); {
	case why != "":
		h.cannotMeet(strings.Join(by, ", "), "the answer must be redacted, and "+why)
	case output.ToRedact():
		h.decision.Obligations = append(h.decision.Obligations, Obligation{Name: ObligeRedactAnswer, Policies: slices.Compact(by)})
		return output.Redacted()
	}
	return output
}

// limitOutput settles the obligation to ask for few tokens, which only the caller
// can meet: Writ adds nothing to a body.
func (h *hearing) limitOutput() {
	action := obligation(ObligeMaxOutputTokens)
	if !h.oblige[0].about(action) {
		return // grants state their limit as a condition
	}
	var most int64
	var by []string
	for _, r := range h.imposed(action) {
		by = append(by, r.id)
		if most == 0 || r.bound < most {
			most = r.bound
		}
	}
	if n := h.r.Caps.MaxTokens; len(by) > 0 && (n <= 0 || n > most) {
		slices.Sort(by)
		for _, id := range slices.Compact(by) {
			h.cannotMeet(id, fmt.Sprintf("an answer of at most %d tokens must be asked for: state maxTokens, or what the model calls it, as %d or less", most, most))
		}
	}
}

// foreseen labels an answer that is yet to come: text will be read as it passes,
// of numbers there is nothing to read, and what is drawn or spoken nobody reads.
func (h *hearing) foreseen() dataclass.Label {
	if h.r.Output != nil {
		return *h.r.Output
	}
	if h.r.Operation.Async() {
		return dataclass.Unscanned("s3")
	}
	_, resource, _ := h.subject(h.facts.named(h.r.Legs)) // hear has checked every leg
	return foreseenOf(modalityOf(resource))
}

func foreseenOf(modality string) dataclass.Label {
	switch modality {
	case bedrock.ModalityImage, bedrock.ModalityVideo, bedrock.ModalitySpeech:
		return dataclass.Unscanned(modality)
	}
	return dataclass.Label{Redactable: true}
}

// Release answers whether the output of a permitted call may be let out, as far
// as it has been read. The request is the one the permit was made for, with the
// present time; only the grants that permitted the call are asked. A decision that
// permits may oblige to redact the answer. It carries no permit.
func (b *Bundle) Release(p *Permit, r Request, output dataclass.Label) Decision {
	h, err := b.hearAnswer(p, &r)
	if err != nil {
		return refused(err)
	}
	h.release(p.answer, output)
	if p.observed && len(h.unmet) == 0 {
		h.passOver()
	}
	d := h.close(nil)
	d.Permit = nil
	return d
}

// hearAnswer checks that an answer can be put to the rules.
func (b *Bundle) hearAnswer(p *Permit, r *Request) (*hearing, error) {
	switch {
	case !p.Covers(r.Digest):
		return nil, fmt.Errorf("the permit is for another call")
	case !r.Operation.Generates():
		return nil, fmt.Errorf("the operation has no answer of a model's to release")
	}
	return b.hear(r)
}

// ReadsOutput reports whether it depends on what an answer holds whether, and how,
// Release lets it out. Where it does not, nothing needs to be held back.
func (b *Bundle) ReadsOutput(p *Permit, r Request) bool {
	h, err := b.hearAnswer(p, &r)
	if err != nil {
		return true
	}
	q := h.query(h.facts.named(h.r.Legs))
	q.Action = obligation(ObligeRedactAnswer)
	h.gatherOf(h.oblige, &q, p.answer)
	if len(h.rules) > 0 {
		return true
	}
	if p.observed {
		return false // what its rules would say is passed over
	}
	q.Action = actRelease
	h.gatherOf(h.decide, &q, p.answer)
	return slices.ContainsFunc(h.rules, func(r *rule) bool { return r.output })
}

// generating reports whether a call has an answer of a model's, now or later.
func generating(o bedrock.Operation) bool { return o.Generates() || o.Async() }
