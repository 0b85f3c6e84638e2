package identity

import "cmp"

// Remark is who did something to a resource, and why, in their own words. It stands
// in the store, where it can be erased; the log has who, and not the words.
type Remark struct {
	By     string `json:"by" yaml:"by"` // operator
	Reason string `json:"reason,omitempty" yaml:"reason,omitempty"`
}

// String is the remark in a line; empty for none.
func (r *Remark) String() string {
	if r == nil {
		return ""
	}
	return r.By + ": " + cmp.Or(r.Reason, "no reason given")
}
