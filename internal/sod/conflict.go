package sod

// Conflict is two duties that meet in one hand.
type Conflict struct {
	Rule     string `json:"rule"`
	Title    string `json:"title"`
	Severity string `json:"severity"`
	Subject  string `json:"subject"` // Identity/name or Operator/name
	Left     Held   `json:"left"`
	Right    Held   `json:"right"`
	Prevent  bool   `json:"prevent"`
	Waiver   string `json:"waiver,omitempty"` // the waiver that excuses it
}

// Held is a duty of a hand, and where it comes from.
type Held struct {
	Duty   Duty   `json:"duty"`
	Object string `json:"object,omitempty"` // Identity/name, Entitlement/name, Model/name
	Source string `json:"source,omitempty"` // Grant/name, Request/id, role administrator
}
