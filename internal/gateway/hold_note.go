package gateway

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/hold"
)

// What stands in an answer in the place of what waits. It is for the model's
// caller to read, and for the model, should it be shown to it.
const (
	aNote       = "x" // any; to see whether there is a place for one
	noteDropped = "[Writ] A tool call was taken out of this answer: its tool is not one that this right covers."
)

// noteOf says how a hold stands, and what may be done about it.
func noteOf(h *hold.Hold, whole bool) string {
	what := "A tool call was taken out of this answer"
	if whole {
		what = "This answer was withheld"
	}
	switch h.State {
	case hold.Rejected:
		return fmt.Sprintf("[Writ] %s: a person rejected it (hold %s)%s", what, h.ID, reasonOf(h))
	case hold.Expired:
		return fmt.Sprintf("[Writ] %s: nobody released it in time (hold %s).", what, h.ID)
	}
	return fmt.Sprintf("[Writ] %s: it waits for a person's release until %s as hold %s. Collect it with the same request and the request metadata %s=%s, or from %s%s.",
		what, h.Expires.UTC().Format(time.RFC3339), h.ID, metadataHold, h.ID, holdsPath, h.ID)
}

// longestReason bounds what of a reason goes into an answer, in bytes.
const longestReason = 1024

func reasonOf(h *hold.Hold) string {
	if h.Reason == "" {
		return "."
	}
	return ": " + clip(h.Reason, longestReason)
}

// noteReleased says what of a released answer was rejected; "" is nothing.
func noteReleased(h *hold.Hold) string {
	for _, c := range h.Calls {
		if c.Verdict != hold.Release && c.Verdict != hold.Edit {
			return fmt.Sprintf("[Writ] A tool call was taken out of this answer: a person rejected it (hold %s)%s", h.ID, reasonOf(h))
		}
	}
	return ""
}

// contentNote is what the gateway keeps beside content: calls that were taken out
// without waiting.
type contentNote struct {
	Dropped []int `json:"dropped,omitempty"`
}

func noteContent(dropped []int) json.RawMessage {
	if len(dropped) == 0 {
		return nil
	}
	text, _ := json.Marshal(contentNote{dropped}) // numbers: it cannot fail
	return text
}

// droppedOf reads what noteContent wrote. The content is sealed, so it is ours.
func droppedOf(c *hold.Content) []int {
	var n contentNote
	if len(c.Note) > 0 {
		_ = json.Unmarshal(c.Note, &n)
	}
	return n.Dropped
}
