package upstream

import "testing"

// After a change of rules, what no permit asks for any more is dropped, and
// what is in use is not asked of STS again.
func TestS19_SessionsThatNoRuleStandsForAreDropped(t *testing.T) {
	c := newCloud(t)
	used, _ := alice.allows(t, usPro)
	unused, _ := alice.allows(t, lite)
	first := c.creds(t, used)
	c.creds(t, unused)
	c.home.doubt()
	if again := c.creds(t, used); again.AccessKeyID != first.AccessKeyID {
		t.Error("a session in use was made anew")
	}
	if n := c.home.sweep(c.home.epoch); n != 1 {
		t.Errorf("%d dropped, want 1", n)
	}
	if again := c.creds(t, used); again.AccessKeyID != first.AccessKeyID {
		t.Error("a session in use was dropped")
	}
	if n, _ := c.asked(); n != 2 {
		t.Errorf("STS was asked %d times, want 2", n)
	}
	c.Doubt()
	if n := c.home.sweep(c.home.epoch); n != 1 {
		t.Errorf("%d dropped once nothing is used, want 1", n)
	}
}
