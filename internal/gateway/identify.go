package gateway

// identify settles who the call is for. credential.Check already refused an
// unknown, halted or revoked identity before the body was read; this step
// states it again as the path's own condition, so that no later change to
// authentication can lose it.
func (x *exchange) identify() *refusal {
	if x.identity == nil || x.identity.Current().Halted() {
		return &refusal{kind: "revoked", err: accessDenied("the identity may not invoke")}
	}
	return nil
}
