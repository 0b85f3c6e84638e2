package proof

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/identity"
)

func TestS16_ProofsPerSourceAreLimited(t *testing.T) {
	o := open(t, func(c *Config) { c.PerSource = 3 })
	garbage := o.request("not.a.token")
	for range 3 {
		o.deny(MalformedProof, garbage)
	}
	r := o.deny(Throttled, garbage)
	if a := r.Answer(); a.Code != "Throttling" {
		t.Errorf("answer %+v", a)
	}
	o.deny(Throttled, o.request(o.token(nil)))
	elsewhere := o.request(o.token(nil))
	elsewhere.Origin = from("192.0.2.99")
	o.allow(elsewhere) // one source's garbage is not another's trouble
	o.clock.Advance(20 * time.Second)
	o.allow(o.request(o.token(nil)))
	o.deny(Throttled, garbage)
}

func TestS16_VerificationsInTotalAreLimited(t *testing.T) {
	o := open(t, func(c *Config) { c.Total = 2 })
	for i := range 2 {
		req := o.request(o.token(nil))
		req.Origin = from(fmt.Sprintf("192.0.2.%d", i+1))
		o.allow(req)
	}
	// What is refused before any signature is verified costs nobody anything.
	o.deny(MalformedProof, o.request("not.a.token"))
	o.deny(Throttled, o.request(o.token(nil)))
	o.clock.Advance(30 * time.Second)
	o.allow(o.request(o.token(nil)))
}

func TestS16_SourceIsWhatOneHostCannotChange(t *testing.T) {
	peer := netip.MustParseAddr("10.0.0.1")
	for _, c := range []struct {
		origin identity.Origin
		want   string
	}{
		{from("192.0.2.7"), "192.0.2.7/32"},
		{from("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64"},
		{identity.Origin{Addr: netip.MustParseAddr("192.0.2.7"), Peer: peer}, "192.0.2.7/32"},
		{identity.Origin{Peer: peer}, "10.0.0.1/32"},
		{identity.Origin{}, "invalid Prefix"},
	} {
		if got := sourceOf(c.origin).String(); got != c.want {
			t.Errorf("source of %+v is %s: want %s", c.origin, got, c.want)
		}
	}
}

func TestS16_SourcesAreBounded(t *testing.T) {
	b := newBudget(2, 1000)
	source := func(i int) identity.Origin {
		return identity.Origin{Addr: netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})}
	}
	for i := range maxSources {
		b.source(source(i), epoch)
	}
	// No room: newcomers share one budget, and the known keep theirs.
	got := 0
	for i := range 10 {
		if b.source(source(maxSources+i), epoch) {
			got++
		}
	}
	if got != 2 || len(b.sources) != maxSources {
		t.Errorf("%d newcomers of 10 served, %d sources kept: want 2 and %d", got, len(b.sources), maxSources)
	}
	if !b.source(source(0), epoch) || b.source(source(0), epoch) {
		t.Error("a known source lost, or gained, budget")
	}
	later := epoch.Add(time.Minute)
	if !b.source(source(maxSources), later) || len(b.sources) != 1 {
		t.Errorf("%d sources after all had recovered: want the newcomer alone", len(b.sources))
	}
}

// Whatever the pattern of requests, and whoever is forgotten meanwhile, a
// source never gets more than its limit at once and its rate over time.
func TestS16_BudgetIsNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		b := newBudget(limit, 1_000_000)
		now, granted := epoch, 0
		for _, step := range rapid.SliceOfN(rapid.IntRange(0, 5000), 1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(step) * time.Millisecond)
			if rapid.Bool().Draw(t, "sweep") {
				b.forget(now)
			}
			if b.source(from("192.0.2.1"), now) {
				granted++
			}
		}
		most := float64(limit) * (1 + now.Sub(epoch).Minutes())
		if float64(granted) > most+0.001 {
			t.Fatalf("%d granted in %v: want at most %.2f", granted, now.Sub(epoch), most)
		}
	})
}
