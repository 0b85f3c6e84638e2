package proof

import (
	"testing"
	"time"
)

// LiteLLM's cache of verified tokens (CVE-2026-35030): an entry for a token
// ends with the token, though a repeat would have been good for longer.
func TestIncident_CVE_2026_35030_ACachedProofDiesWithItsToken(t *testing.T) {
	o := open(t, nil)
	tok := o.token(func(c map[string]any) { c["exp"] = o.clock.Now().Add(20 * time.Second).Unix() })
	first := o.allow(o.request(tok))
	o.clock.Advance(10 * time.Second)
	if again := o.allow(o.request(tok)); again.Session.ID != first.Session.ID {
		t.Error("a repeat within its time got another session: nothing was remembered")
	}
	// Ten seconds to its end, a minute of allowance for clocks that differ, and
	// a repeat in between that renews nothing.
	o.clock.Advance(50 * time.Second)
	o.allow(o.request(tok))
	o.clock.Advance(21 * time.Second)
	o.deny(ProofExpired, o.request(tok))
}
