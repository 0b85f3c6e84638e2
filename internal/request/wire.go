package request

// Wire is a state in the words of AuthZEN's Access Request and Approval Profile,
// draft 1, where whatever is not decided is pending. A state that it does not know
// is failed: never approved.
func Wire(s State) string {
	switch s {
	case Draft, Submitted, InStage:
		return "pending"
	case Approved, Denied, Expired, Cancelled:
		return string(s)
	}
	return "failed"
}
