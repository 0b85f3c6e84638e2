package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
)

// Holds keeps what waits for a human.
type Holds interface {
	// Open keeps content, and has it wait. On return that is durable, visible on
	// every replica, and has an ID. An error means that nothing waits anywhere.
	Open(ctx context.Context, h hold.Hold, c hold.Content) (hold.Hold, error)
	// Await returns the hold once it is over or, as it stands, when ctx ends.
	Await(ctx context.Context, id string) (hold.Hold, error)
	// Find returns an identity's own hold; store.ErrNotFound for any other.
	Find(ctx context.Context, identity, id string) (hold.Hold, error)
	// Content returns what waited, once it is released.
	Content(ctx context.Context, h hold.Hold) (hold.Content, error)
	// Receipts returns the receipts of the calls that were released.
	Receipts(ctx context.Context, h hold.Hold) ([]hold.Receipt, error)
	// ByToolUse finds an identity's newest hold with a tool call of this id, and
	// the call's place.
	ByToolUse(ctx context.Context, identity, toolUseID string) (hold.Hold, int, error)
	// Collected notes that the answer went to its caller.
	Collected(ctx context.Context, id string) error
}

// Headers of answers of which something waits, or waited.
const (
	HoldHeader    = "X-Writ-Hold"    // the hold's id
	ReceiptHeader = "X-Writ-Receipt" // the receipt of a released call; several in the order of the calls
)

// openWithin is how long a hold may take to be opened or read: a store that is
// silent holds no call open for ever.
const openWithin = 10 * time.Second

// waiting is what of a call's answer may wait, and how.
type waiting struct {
	holding *policy.Holding
	terms   hold.Terms
	serves  bool // the request has the provider run tools of its own, by a right to that
}

// mayWait is nil for a call of whose answer nothing can wait: one without tools,
// which no rule has wait whole.
func (x *exchange) mayWait() *waiting {
	switch {
	case x.g.cfg.Holds == nil, !x.target.Operation.Generates(), len(x.caps.Tools) == 0 && len(x.decision.Obligations) == 0:
		return nil
	}
	q := x.question()
	h := x.state.Bundle.Holding(&q, &x.decision)
	if h == nil {
		return nil
	}
	return &waiting{
		holding: h, terms: hold.Strictest(x.sources(h.Grants)),
		serves: len(x.caps.SystemTools) > 0 || slices.ContainsFunc(x.caps.Extras, servesTools),
	}
}

// servesTools reports a capability by which AWS or the provider runs tools itself.
func servesTools(extra string) bool {
	return extra == "mcp_server" || strings.HasPrefix(extra, "server_tool:")
}

// sources are what the grants say of how their answers wait.
func (x *exchange) sources(grants []string) (out []hold.Source) {
	for _, name := range grants {
		g, ok := x.state.Grant(name)
		if !ok {
			continue
		}
		if e, ok := x.state.Entitlement(g.Entitlement); ok {
			out = append(out, hold.Source{Grant: g.ID, Entitlement: e.ID, Terms: e.Conditions.Hold})
		}
	}
	return out
}

// why says why a tool call waits; empty: it passes. One that the provider has run
// already, by a right to that, is past waiting.
func (w *waiting) why(c *bedrock.ToolCall) string {
	if c.Server && w.serves {
		return ""
	}
	why := w.holding.Waits(c.Name)
	if why != "" && c.Malformed {
		return hold.Malformed
	}
	return why
}

// refuses reports whether a call that would wait is taken out instead: its tool is
// not one that was classified, and the terms say so. Arguments that cannot be read
// do not make a tool known.
func (w *waiting) refuses(c *bedrock.ToolCall) bool {
	why := w.holding.Waits(c.Name)
	return w.terms.Unknown == rights.UnknownRefuse && (why == policy.WaitsUnknown || why == policy.WaitsChanged)
}

// kept is an answer, or the rest of one, of which something may wait.
type kept struct {
	form    shape
	calls   []bedrock.ToolCall
	unread  bool // its calls could not be read: all of it waits
	whole   bool // all of it waits
	asked   []hold.Asked
	dropped []int         // calls that are taken out without waiting
	content hold.Content  // the answer from its beginning
	said    func() string // its text, for whoever decides on all of it
	since   time.Time     // the client has heard nothing since
}

// shape puts an answer together from what may go out of it.
type shape interface {
	// rewrite is the answer with the verdicts applied, and the note where there is
	// one: byte for byte the same where they change nothing.
	rewrite(verdicts []bedrock.Verdict, note string) ([]byte, error)
	// withheld is an answer that says nothing but the note.
	withheld(note string) ([]byte, bool)
}

// sort finds what of the answer waits, and reports whether anything does not
// simply pass.
func (k *kept) sort(w *waiting) bool {
	k.whole = k.unread || w.holding.Answer
	for i := range k.calls {
		c := &k.calls[i]
		why := w.why(c)
		switch {
		case why == "":
		case w.refuses(c) && !c.Fixed:
			k.dropped = append(k.dropped, c.Index)
		default:
			k.whole = k.whole || c.Fixed
			k.asked = append(k.asked, hold.Asked{Index: c.Index, ID: c.ID, Tool: c.Name, ToolDigest: w.holding.Digest(c.Name), Why: why, Arguments: c.Arguments})
		}
	}
	return k.whole || len(k.asked) > 0 || len(k.dropped) > 0
}

// verdicts take out what waits, and what was dropped.
func (k *kept) verdicts() []bedrock.Verdict {
	v := verdictsOf(len(k.calls), k.dropped)
	for _, a := range k.asked {
		v[a.Index].Drop = true
	}
	return v
}

// unchanged reports whether verdicts and note leave an answer as it is.
func unchanged(verdicts []bedrock.Verdict, note string) bool {
	return note == "" && !slices.ContainsFunc(verdicts, func(v bedrock.Verdict) bool { return v.Drop || v.Arguments != nil })
}

func verdictsOf(calls int, dropped []int) []bedrock.Verdict {
	v := make([]bedrock.Verdict, calls)
	for _, i := range dropped {
		if i >= 0 && i < calls {
			v[i].Drop = true
		}
	}
	return v
}

// pending is what goes out in the place of what waits.
func (k *kept) pending(note string) ([]byte, bool) {
	if k.whole {
		return k.form.withheld(note)
	}
	out, err := k.form.rewrite(k.verdicts(), note)
	return out, err == nil
}

// wait has what waits wait, and returns what goes out for now or, where people
// decided while the call waited, for good. No byte of what waits is in it before
// its release.
func (x *exchange) wait(w *waiting, k *kept) ([]byte, *refusal) {
	if _, err := k.form.rewrite(k.verdicts(), aNote); err != nil {
		k.whole = true // a call cannot be taken out of the rest
	}
	if !k.whole && len(k.asked) == 0 {
		x.waited = &auditlog.Held{State: heldRefused, Dropped: int64(len(k.dropped))}
		if out, ok := k.pending(noteDropped); ok {
			return out, nil
		}
		return nil, &refusal{kind: "held", err: accessDenied(noteDropped)}
	}
	h, refused := x.openHold(w, k)
	if refused != nil {
		return nil, refused
	}
	x.w.Header()[HoldHeader] = []string{h.ID}
	if h.Mode == rights.HoldWait {
		h = x.awaited(h, w.terms.Wait, k.since)
	}
	x.noteHold(&h, len(k.dropped))
	if refused := x.leaves(); refused != nil {
		return nil, refused
	}
	if h.State == hold.Released && !x.stillHeld(&h) {
		return nil, rightEnded
	}
	if h.State == hold.Released {
		return x.givenFree(k, &h)
	}
	if out, ok := k.pending(noteOf(&h, k.whole)); ok {
		return out, nil
	}
	return nil, &refusal{kind: "held", err: accessDenied(noteOf(&h, k.whole))}
}

var tooLargeToHold = &refusal{kind: "held", err: accessDenied("the answer would have to wait for a person's release, and is larger than what can be held")}

// openHold opens the hold. Where that fails, what would have waited goes nowhere.
func (x *exchange) openHold(w *waiting, k *kept) (hold.Hold, *refusal) {
	x.waited = &auditlog.Held{State: heldRefused, Mode: w.terms.Mode, Whole: k.whole, Calls: int64(len(k.asked)), Dropped: int64(len(k.dropped))}
	k.content.Note = noteContent(k.dropped)
	if k.whole {
		k.content.Text = k.said()
	}
	h, content, err := hold.New(x.opening(w, k), time.Now())
	switch {
	case errors.Is(err, hold.ErrTooLarge):
		return h, tooLargeToHold
	case err != nil:
		x.g.cfg.Log.Warn("an answer could not be held", "id", x.id, "err", err)
		return h, &refusal{kind: "held", err: accessDenied("the answer would have to wait for a person's release, and cannot be held as it is")}
	}
	ctx, cancel := context.WithTimeout(x.ctx, openWithin)
	defer cancel()
	if h, err = x.g.cfg.Holds.Open(ctx, h, content); err != nil {
		if errors.Is(err, hold.ErrTooLarge) {
			return h, tooLargeToHold
		}
		x.g.cfg.Log.Error("a hold could not be opened", "id", x.id, "err", err)
		return h, unready(errors.New("the answer has to wait for a person's release, and that cannot be arranged"))
	}
	return h, nil
}

func (x *exchange) opening(w *waiting, k *kept) hold.Opening {
	i := x.identity
	return hold.Opening{
		Identity: i.ID, Session: x.proven.session.ID, Environment: i.Environment, Team: i.Team,
		Model: x.target.ModelID, Operation: string(x.target.Operation), Region: x.region, Account: x.account,
		Decision: x.id, Shard: x.g.instance.Shard, Record: x.intent,
		Prompt: labelOf(&x.prompt), Answer: labelOf(&x.answered.label), Whole: k.whole, Terms: w.terms, Calls: k.asked, Content: k.content,
	}
}

func labelOf(l *dataclass.Label) hold.Label {
	out := hold.Label{Level: l.Level.String(), Unscanned: len(l.Unscanned) > 0 || l.Truncated}
	for _, c := range l.Classes {
		out.Classes = append(out.Classes, string(c))
	}
	return out
}

// awaited waits for people to decide: as long as the terms say, as the client can
// be kept waiting, as the call goes on, and as the server does.
func (x *exchange) awaited(h hold.Hold, longest time.Duration, since time.Time) hold.Hold {
	left := min(longest, rights.MaxHoldWait-time.Since(since))
	if left <= 0 {
		return h
	}
	ctx, cancel := context.WithTimeout(x.ctx, left)
	defer cancel()
	defer context.AfterFunc(x.g.serving, cancel)()
	now, err := x.g.cfg.Holds.Await(ctx, h.ID)
	if err != nil {
		x.g.cfg.Log.Warn("a hold could not be waited for", "id", x.id, "hold", h.ID, "err", err)
		return h // it is open all the same
	}
	return now.At(time.Now())
}

// leaves reports why nothing may go out any more: the client left, or the call
// was cut.
func (x *exchange) leaves() *refusal {
	if !x.lost() && x.ctx.Err() == nil {
		return nil
	}
	var cut *cutError
	if errors.As(context.Cause(x.ctx), &cut) {
		x.result.ended = endedCut
		return &refusal{kind: "cut", err: accessDenied(cut.Error())}
	}
	x.result.ended = endedClientGone
	return &refusal{kind: "client_gone", err: accessDenied("the client left")}
}

// givenFree is the answer as people released it.
func (x *exchange) givenFree(k *kept, h *hold.Hold) ([]byte, *refusal) {
	ctx, cancel := context.WithTimeout(x.ctx, openWithin)
	defer cancel()
	content, err := x.g.cfg.Holds.Content(ctx, *h)
	if err == nil {
		err = x.addReceipts(ctx, h)
	}
	var out []byte
	if err == nil {
		out, err = k.form.rewrite(releasedVerdicts(len(k.calls), h, &content), noteReleased(h))
	}
	if err != nil {
		x.g.cfg.Log.Error("a released answer could not be given", "id", x.id, "hold", h.ID, "err", err)
		delete(x.w.Header(), ReceiptHeader)
		return nil, unready(fmt.Errorf("the answer was released (hold %s), and cannot be given now", h.ID))
	}
	x.noteCollected(h)
	return out, nil
}

// releasedVerdicts are what people decided of each call, and what was dropped.
func releasedVerdicts(calls int, h *hold.Hold, c *hold.Content) []bedrock.Verdict {
	v := verdictsOf(calls, droppedOf(c))
	for _, call := range h.Calls {
		if call.Index >= calls {
			continue
		}
		switch call.Verdict {
		case hold.Release:
		case hold.Edit:
			v[call.Index].Arguments = c.Edited[call.Index]
		default:
			v[call.Index].Drop = true
		}
	}
	return v
}

// mostReceipts bounds the receipts in an answer's head, which clients bound too.
// All of them are at the path of receipts.
const mostReceipts = 8

func (x *exchange) addReceipts(ctx context.Context, h *hold.Hold) error {
	receipts, err := x.g.cfg.Holds.Receipts(ctx, *h)
	if err != nil {
		return err
	}
	for _, r := range receipts[:min(len(receipts), mostReceipts)] {
		x.w.Header()[ReceiptHeader] = append(x.w.Header()[ReceiptHeader], r.Token)
	}
	return nil
}

// heldRefused is how a record says that nothing waits, nor goes out.
const heldRefused = "refused"

// noteHold notes for the record how a hold stands.
func (x *exchange) noteHold(h *hold.Hold, dropped int) {
	x.waited = heldGroup(h)
	x.waited.Dropped = int64(dropped)
}

func heldGroup(h *hold.Hold) *auditlog.Held {
	return &auditlog.Held{ID: h.ID, Mode: h.Mode, State: string(h.State), Whole: h.Whole, Calls: int64(len(h.Calls))}
}
