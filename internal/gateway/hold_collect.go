package gateway

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// metadataHold is the request metadata by which a caller fetches an answer that
// waited, with the same call as the one before. Such a call goes no further than
// here.
const metadataHold = "writ.hold"

// collects returns the hold that a call is to fetch, if it is one of those.
func (x *exchange) collects() (id string, ok bool) {
	id, ok = x.caps.Metadata[metadataHold]
	return id, ok
}

// noSuchHold answers alike for an unknown hold, another identity's, another
// call's, and one whose content is gone (security S20).
var noSuchHold = &refusal{kind: "no_hold", err: accessDenied("the identity has no such hold of this operation and model")}

// collect answers a call that fetches what waited. Its right was decided anew, as
// if it were to go to Bedrock; nothing does.
func (x *exchange) collect(id string) {
	body, contentType, refused := x.collected(id)
	if refused != nil {
		x.refuse(refused)
		return
	}
	h := x.w.Header()
	h["Content-Type"] = []string{contentType}
	h["X-Writ-Decision"] = []string{x.id}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.w.WriteHeader(x.status)
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(x.g.cfg.Limits.FrameTime))
	if _, err := x.w.Write(body); err != nil {
		x.g.cfg.Log.Debug("a held answer was not delivered", "id", x.id, "err", err)
	}
}

func (x *exchange) collected(id string) (body []byte, contentType string, refused *refusal) {
	h, refused := x.findHold(id)
	if refused == nil && (h.Operation != string(x.target.Operation) || h.Model != x.target.ModelID) {
		refused = noSuchHold
	}
	if refused == nil {
		refused = x.follow()
	}
	if refused == nil && h.State == hold.Pending && h.Mode == rights.HoldWait {
		h = x.awaited(h, x.waitOf(&h), x.began)
		refused = x.leaves()
	}
	if refused != nil {
		return nil, "", refused
	}
	x.w.Header()[HoldHeader] = []string{h.ID}
	if h.State == hold.Released {
		return x.take(&h)
	}
	x.kind, x.status = "held", http.StatusOK
	body, contentType, ok := bedrock.Withheld(x.target.Operation, x.model, noteOf(&h, true), bedrock.Tokens{})
	if !ok {
		return nil, "", &refusal{kind: "held", err: accessDenied(noteOf(&h, true))}
	}
	return body, contentType, nil
}

// follow lists the call as open, so that it is cut when its right ends while it
// waits.
func (x *exchange) follow() *refusal {
	x.ctx, x.cancel = context.WithCancelCause(x.r.Context())
	x.register()
	if latest := x.g.cfg.State.Current(); latest != x.state && !x.call.reconsider(latest) {
		return &refusal{kind: "revoked", err: accessDenied("the right to make this call ended while it was being decided")}
	}
	return nil
}

// waitOf is how long the terms of a hold's rights, as they are now, have a call wait.
func (x *exchange) waitOf(h *hold.Hold) time.Duration {
	return hold.Strictest(x.sources(h.Grants())).Wait
}

// findHold finds a hold of the caller's own whose rights still stand.
func (x *exchange) findHold(id string) (hold.Hold, *refusal) {
	if x.g.cfg.Holds == nil {
		return hold.Hold{}, noSuchHold
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), openWithin)
	defer cancel()
	h, err := x.g.cfg.Holds.Find(ctx, x.identity.ID, id)
	return x.checkedHold(h, err)
}

func (x *exchange) checkedHold(h hold.Hold, err error) (hold.Hold, *refusal) {
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && h.Identity != x.identity.ID:
		return h, noSuchHold
	case err != nil:
		x.g.cfg.Log.Error("a hold could not be read", "id", x.id, "err", err)
		return h, unready(errors.New("the hold cannot be read"))
	case !x.stillHeld(&h):
		return h, rightEnded
	}
	return h.At(time.Now()), nil
}

// stillHeld reports whether every grant that a held answer stood on is in force
// now: what people released is not given out by a right that ended since.
func (x *exchange) stillHeld(h *hold.Hold) bool {
	state, now := x.g.cfg.State.Current(), time.Now()
	for _, name := range h.Grants() {
		g, ok := state.Grant(name)
		if !ok || g.Identity != x.identity.ID || !g.State.Confers() || now.Before(g.NotBefore) || !now.Before(g.NotAfter) {
			return false
		}
	}
	return true
}

// rightEnded refuses what was held by a right that is not in force any more.
var rightEnded = &refusal{kind: "revoked", err: accessDenied("the right that the held answer stood on has ended")}

// take returns a released answer, once it is recorded that it goes out.
func (x *exchange) take(h *hold.Hold) (body []byte, contentType string, refused *refusal) {
	body, content, err := x.assembled(h)
	refused = x.leaves()
	if refused == nil && !x.stillHeld(h) { // it may have waited
		refused = rightEnded
	}
	if refused == nil && err == nil {
		err = x.recordCollected(h)
	}
	switch {
	case refused != nil:
		delete(x.w.Header(), ReceiptHeader)
		return nil, "", refused
	case err != nil:
		x.g.cfg.Log.Error("a released answer could not be given", "id", x.id, "hold", h.ID, "err", err)
		delete(x.w.Header(), ReceiptHeader)
		return nil, "", unready(errors.New("the released answer cannot be given now"))
	}
	for name, v := range content.Header {
		x.w.Header().Set(name, v)
	}
	x.kind, x.status = "collected", content.Status
	return body, content.ContentType, nil
}

// assembled puts a released answer together from what was kept.
func (x *exchange) assembled(h *hold.Hold) ([]byte, *hold.Content, error) {
	ctx, cancel := context.WithTimeout(x.ctx, openWithin)
	defer cancel()
	content, err := x.g.cfg.Holds.Content(ctx, *h)
	if err != nil {
		return nil, nil, err
	}
	if err := x.addReceipts(ctx, h); err != nil {
		return nil, nil, err
	}
	op := bedrock.Operation(h.Operation)
	form, calls := recalledShape(op, &content)
	body, err := form.rewrite(releasedVerdicts(calls, h, &content), noteReleased(h))
	return body, &content, err
}

// recalledShape is kept content as the shape that it came in, and how many tool
// calls there are in it.
func recalledShape(op bedrock.Operation, c *hold.Content) (shape, int) {
	if c.Stream {
		r := replay(op, c.Answer)
		return r, len(r.watch.Calls())
	}
	calls, _ := bedrock.ReadToolCalls(op, c.Answer) // what cannot be read is given as it is, or not at all
	return &wholeAnswer{op: op, body: c.Answer}, len(calls)
}

// recordCollected makes it durable that a held answer goes to its caller, before
// it does: no record, no answer.
func (x *exchange) recordCollected(h *hold.Hold) error {
	r := x.callRecord(auditlog.KindCollected)
	if x.target.Operation == "" {
		r.Decision = nil // fetched by its id: nothing was put to the rules
	}
	r.Hold = heldGroup(h)
	entry, err := r.Marshal()
	if err != nil {
		return err
	}
	index, err := x.g.cfg.Journal.Append(context.WithoutCancel(x.ctx), entry)
	if err != nil {
		return err
	}
	x.w.Header()["X-Writ-Record"] = []string{strconv.FormatUint(index, 10)}
	x.noteCollected(h)
	return nil
}

// noteCollected notes at the hold that its answer goes out. That this fails keeps
// nothing back: the log has it.
func (x *exchange) noteCollected(h *hold.Hold) {
	if err := x.g.cfg.Holds.Collected(context.WithoutCancel(x.ctx), h.ID); err != nil {
		x.g.cfg.Log.Warn("it could not be noted that a held answer was collected", "id", x.id, "hold", h.ID, "err", err)
	}
}
