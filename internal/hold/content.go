package hold

import "encoding/json"

// Content is what waits. It is kept sealed, apart from the hold.
type Content struct {
	Status      int               `json:"status"`
	ContentType string            `json:"contentType"`
	Header      map[string]string `json:"header,omitempty"` // further headers that the answer goes out with
	Stream      bool              `json:"stream,omitempty"`
	Text        string            `json:"text,omitempty"` // of the answer, for whoever decides on a whole one
	Answer      []byte            `json:"answer"`         // the whole body, as the model gave it and the rules left it
	// Calls are the arguments of the calls that wait, as the model gave them, by
	// Call.Index.
	Calls map[int][]byte `json:"calls,omitempty"`
	// Note is the gateway's own: what it needs to put the answer together again.
	Note json.RawMessage `json:"note,omitempty"`
	// Edited are the arguments that calls are released with in the place of the
	// model's. Open leaves it alone; it is filled in when released content is read.
	Edited map[int][]byte `json:"-"`
}

// Receipt is the signed proof that one call was released.
type Receipt struct {
	Call      int    // Call.Index
	ToolUseID string // Call.ID
	Token     string // JWS, compact
}
