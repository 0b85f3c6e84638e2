package gateway

// identify settles who the call is for. credential.Check already refused an
// unknown, halted or revoked identity before the body was read; this step
// states it again as the path's own condition, so that no later change to
// authentication can lose it. Whoever is quarantined, as an identity, by a tag,
// as a session or by where the call comes from, goes no further.
func (x *exchange) identify() *refusal {
	if x.identity == nil || x.identity.Current().Halted() {
		return &refusal{kind: "revoked", err: accessDenied("the identity may not invoke")}
	}
	return quarantined(x.state.Stops.Caller(x.identity, x.proven.session.ID, x.origin))
}

// quarantined refuses what a quarantine stops; "" is none. Which one, and what
// it is of, is for operators (security S20).
func quarantined(quarantine string) *refusal {
	if quarantine == "" {
		return nil
	}
	return &refusal{kind: "quarantined", quarantine: quarantine, err: accessDenied("what the call needs is under quarantine")}
}
