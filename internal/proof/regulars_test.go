package proof

import (
	"fmt"
	"testing"
	"time"
)

// Strangers who spend a source's proofs do not keep out those behind the same
// address who prove themselves as they always do; newcomers wait.
func TestS16_RegularsPassBesideAFloodOfProofs(t *testing.T) {
	o := open(t, func(c *Config) { c.PerSource = 3 })
	o.allow(o.request(o.token(nil)))
	garbage := o.request("not.a.token")
	for range 5 {
		_, _ = o.WebIdentity(t.Context(), o.world, garbage)
	}
	o.deny(Throttled, garbage)
	o.clock.Advance(2 * time.Second)
	o.allow(o.request(o.token(nil)))
	elsewhere := o.request(o.token(nil))
	elsewhere.Origin = from("192.0.2.99")
	for range 3 {
		_, _ = o.WebIdentity(t.Context(), o.world, WebIdentityRequest{Token: "not.a.token", Origin: elsewhere.Origin})
	}
	o.deny(Throttled, elsewhere) // a regular of one address is none of another
	for range regularEach + 5 {
		_, _ = o.WebIdentity(t.Context(), o.world, o.request(o.token(nil)))
		_, _ = o.WebIdentity(t.Context(), o.world, garbage)
	}
	o.deny(Throttled, o.request(o.token(nil))) // even a regular has a budget
}

func TestS16_RegularsAreBounded(t *testing.T) {
	r := newRegulars()
	for i := range 2 * maxRegulars {
		r.note(WebIdentityRequest{}, claims{issuer: "i", subject: fmt.Sprint(i)}, epoch)
	}
	if len(r.rows) != maxRegulars {
		t.Errorf("%d are kept, want %d", len(r.rows), maxRegulars)
	}
	r.note(WebIdentityRequest{}, claims{issuer: "i", subject: "later"}, epoch.Add(regularFor))
	if len(r.rows) != 1 {
		t.Errorf("%d are kept after all have gone, want the newcomer alone", len(r.rows))
	}
}

// After an emergency rotation the session that a repeat would get is void.
func TestS10_ARepeatAfterAnEmergencyRotationIsANewSession(t *testing.T) {
	o := open(t, nil)
	req := o.request(o.token(nil))
	first := o.allow(req)
	if again := o.allow(req); again.Session.ID != first.Session.ID {
		t.Fatal("a repeat is no repeat")
	}
	o.Forget()
	if again := o.allow(req); again.Session.ID == first.Session.ID || again.Repeated {
		t.Error("the void session is given out again")
	}
}
