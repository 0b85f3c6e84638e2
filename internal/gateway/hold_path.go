package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/hold"
)

// Own paths of holds.
const (
	holdsPath    = "/writ/v1/holds/"    // and the hold's id: how it stands and, once it is released, the answer
	receiptsPath = "/writ/v1/receipts/" // and a tool call's id: its receipt
	keySetPath   = "/writ/v1/jwks.json" // the public keys of receipts
)

// keptHolds is what an exchange at these paths is in metrics.
const keptHolds = "holds"

// longestName bounds what is asked for by name in a path, in bytes.
const longestName = hold.MaxName

// serveHolds answers the paths of holds, and reports whether it was one. They ask
// for a session, by signature or bearer token, as Bedrock's do.
func (x *exchange) serveHolds() bool {
	path := x.r.URL.EscapedPath()
	if path == keySetPath && x.g.cfg.KeySet != nil {
		x.serveKeySet()
		return true
	}
	for prefix, serve := range map[string]func(name string) (any, *refusal){holdsPath: x.holdView, receiptsPath: x.receiptView} {
		rest, ok := strings.CutPrefix(path, prefix)
		if !ok || x.g.cfg.Holds == nil {
			continue
		}
		name, err := url.PathUnescape(rest)
		if err != nil || name == "" || len(name) > longestName || strings.Contains(rest, "/") {
			return false
		}
		x.serveHeld(func() (any, *refusal) { return serve(name) })
		return true
	}
	return false
}

func (x *exchange) serveHeld(view func() (any, *refusal)) {
	var out any
	for _, step := range []func() *refusal{x.begin, x.bare, x.authenticate, x.identify, func() (refused *refusal) {
		out, refused = view()
		return refused
	}} {
		if refused := step(); refused != nil {
			x.refuse(refused)
			return
		}
	}
	x.kind, x.status = keptHolds, http.StatusOK
	x.writeJSON("application/json", encodedView(out))
}

// bare refuses what these paths do not take: another method, or a body.
func (x *exchange) bare() *refusal {
	if x.r.Method != http.MethodGet || x.r.ContentLength != 0 {
		return refuse("malformed", invalid("this path is asked by GET, without a body"))
	}
	return nil
}

func (x *exchange) serveKeySet() {
	x.kind, x.status, x.start = keptHolds, http.StatusOK, time.Now().UTC()
	if refused := x.bare(); refused != nil {
		x.status = x.statusOf(refused.err)
		x.writeError(refused.err)
		return
	}
	x.w.Header()["Cache-Control"] = []string{"max-age=300"}
	x.writeJSON("application/jwk-set+json", x.g.cfg.KeySet())
}

func (x *exchange) writeJSON(contentType string, body []byte) {
	h := x.w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["X-Amzn-Requestid"] = []string{x.id}
	x.w.WriteHeader(x.status)
	if _, err := x.w.Write(body); err != nil {
		x.g.cfg.Log.Debug("an answer was not delivered", "id", x.id, "err", err)
	}
}

func encodedView(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return []byte(`{}`) // views are texts, numbers and JSON that was checked
	}
	return append(text, '\n')
}

// heldView is how a hold stands, for its caller.
type heldView struct {
	ID        string         `json:"id"`
	State     hold.State     `json:"state"`
	Mode      string         `json:"mode"`
	Operation string         `json:"operation"`
	Model     string         `json:"model"`
	Whole     bool           `json:"whole,omitempty"`
	Created   time.Time      `json:"created"`
	Expires   time.Time      `json:"expires"`
	Reason    string         `json:"reason,omitempty"`
	Waits     int            `json:"waits"`           // tool calls that wait, or waited
	Calls     []heldCallView `json:"calls,omitempty"` // once it is released: until then they are what waits
	// Answer is the released answer: as JSON where it is that, else in base64.
	Answer      json.RawMessage `json:"answer,omitempty"`
	AnswerBytes []byte          `json:"answerBytes,omitempty"`
	ContentType string          `json:"contentType,omitempty"`
}

type heldCallView struct {
	ToolUseID string      `json:"toolUseId,omitempty"`
	Tool      string      `json:"tool"`
	Verdict   hold.Choice `json:"state"` // release, edit or reject
	Edited    bool        `json:"edited,omitempty"`
	Receipt   string      `json:"receipt,omitempty"`
}

// holdView is one hold of the caller's.
func (x *exchange) holdView(id string) (any, *refusal) {
	h, refused := x.findHold(id)
	if refused == nil {
		refused = x.stoppedHold(&h)
	}
	if refused != nil {
		return nil, refused
	}
	v := &heldView{
		ID: h.ID, State: h.State, Mode: h.Mode, Operation: h.Operation, Model: h.Model, Whole: h.Whole,
		Created: h.Created, Expires: h.Expires, Reason: h.Reason, Waits: len(h.Calls),
	}
	x.w.Header()[HoldHeader] = []string{h.ID}
	if h.State != hold.Released {
		return v, nil
	}
	for _, c := range h.Calls {
		v.Calls = append(v.Calls, heldCallView{ToolUseID: c.ID, Tool: c.Tool, Verdict: c.Verdict, Edited: c.Verdict == hold.Edit})
	}
	return v, x.addAnswer(v, &h)
}

// addAnswer puts the released answer and its receipts into a view.
func (x *exchange) addAnswer(v *heldView, h *hold.Hold) *refusal {
	x.ctx, x.cancel = context.WithCancelCause(x.r.Context())
	body, contentType, refused := x.take(h)
	if refused != nil {
		return refused
	}
	v.ContentType = contentType
	if json.Valid(body) {
		v.Answer = body
	} else {
		v.AnswerBytes = body
	}
	receipts, err := x.g.cfg.Holds.Receipts(x.ctx, *h)
	if err != nil {
		return unready(err)
	}
	for _, r := range receipts {
		for i, c := range h.Calls {
			if c.Index == r.Call {
				v.Calls[i].Receipt = r.Token
			}
		}
	}
	return nil
}

// stoppedHold refuses what a quarantine of the model stops.
func (x *exchange) stoppedHold(h *hold.Hold) *refusal {
	return quarantined(x.state.Stops.Model(x.state.Catalogue, h.Model, nil))
}

// receiptView is the receipt of one tool call.
func (x *exchange) receiptView(toolUseID string) (any, *refusal) {
	h, index, err := x.g.cfg.Holds.ByToolUse(x.r.Context(), x.identity.ID, toolUseID)
	h, refused := x.checkedHold(h, err)
	if refused == nil {
		refused = x.stoppedHold(&h)
	}
	if refused != nil {
		return nil, refused
	}
	if h.State != hold.Released {
		return nil, noSuchReceipt
	}
	receipts, err := x.g.cfg.Holds.Receipts(x.r.Context(), h)
	if err != nil {
		x.g.cfg.Log.Error("receipts could not be made", "id", x.id, "hold", h.ID, "err", err)
		return nil, unready(err)
	}
	for _, r := range receipts {
		if r.Call == index {
			return map[string]string{"hold": h.ID, "toolUseId": toolUseID, "receipt": r.Token}, nil
		}
	}
	return nil, noSuchReceipt
}

var noSuchReceipt = &refusal{kind: "no_hold", err: accessDenied("there is no receipt of such a tool call: it was not released")}
