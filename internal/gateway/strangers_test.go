package gateway

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

func testStrangers() *strangers {
	return newStrangers(Strangers{Failures: 10, AllFailures: 100, Openings: 5, Unproven: 1 << 20})
}

func TestS16_FailuresOfASourceAreBudgeted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, bad, good := testStrangers(), source("192.0.2.1"), source("192.0.2.2")
		for i := range 10 {
			if !s.failed(bad, time.Now()) {
				t.Fatalf("failure %d is over the budget of 10", i+1)
			}
		}
		if s.failed(bad, time.Now()) || !s.failed(good, time.Now()) {
			t.Error("a source's budget does not end, or is another's too")
		}
		time.Sleep(6 * time.Second) // a tenth of a minute: one of ten
		if !s.failed(bad, time.Now()) || s.failed(bad, time.Now()) {
			t.Error("the budget does not come back at its rate")
		}
		time.Sleep(time.Hour)
		for range 10 {
			s.failed(bad, time.Now())
		}
		if s.failed(bad, time.Now()) {
			t.Error("a budget grows beyond its size")
		}
	})
}

func TestS16_FailuresOfAllSourcesTogetherAreBudgeted(t *testing.T) {
	s, now, answered := testStrangers(), time.Now(), 0
	for i := range 1000 {
		if s.failed(source(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String()), now) {
			answered++
		}
	}
	if answered != 100 {
		t.Errorf("%d failures were answered in full, want 100", answered)
	}
}

// Successes cost nothing: a token is opened for whoever has failed too often
// too, as long as the processor time for it lasts.
func TestS16_TokensOfAFloodingSourceAreOpenedWithinABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, bad := testStrangers(), source("192.0.2.1")
		for range 1000 {
			if !s.mayOpen(source("192.0.2.9"), time.Now()) {
				t.Fatal("opening tokens costs a source that never failed its budget")
			}
		}
		for range 20 {
			s.failed(bad, time.Now())
		}
		opened := 0
		for range 100 {
			if s.mayOpen(bad, time.Now()) {
				opened++
			}
		}
		if opened != 5 {
			t.Errorf("%d tokens were opened, want 5", opened)
		}
		if !s.mayOpen(source("192.0.2.9"), time.Now()) {
			t.Error("a flood from one source keeps another's tokens shut")
		}
		time.Sleep(time.Second)
		if !s.mayOpen(bad, time.Now()) {
			t.Error("the budget does not come back")
		}
		time.Sleep(time.Hour)
		if !s.mayOpen(bad, time.Now()) || !s.calm.Load() || len(s.sources.rows) != 0 {
			t.Error("a source that was quiet for an hour is still on record")
		}
	})
}

// Who has the token of a session but not its secret makes us read so many
// bytes, from each source, and no more; the session's holder elsewhere, and
// other sessions beside the thief, are none the worse.
func TestS16_BytesOfAnUnprovenSessionAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testStrangers()
		thief := presenter{source("192.0.2.1"), "stolen"}
		read := int64(0)
		for range 1000 {
			n := int64(100_000)
			lent, ok := s.lend(thief, n, time.Now())
			if !ok {
				continue
			}
			read += n
			s.disproved(thief, n, lent, time.Now())
		}
		if read > 1<<20 || read == 0 {
			t.Errorf("%d bytes were read unproven, want at most %d", read, 1<<20)
		}
		for _, p := range []presenter{{source("192.0.2.2"), "stolen"}, {source("192.0.2.1"), "other"}} {
			if _, ok := s.lend(p, 500_000, time.Now()); !ok {
				t.Errorf("%v pays for another", p)
			}
		}
		if _, ok := s.lend(thief, smallBody, time.Now()); ok {
			t.Error("small bodies of a session that failed are free")
		}
		time.Sleep(time.Minute)
		if _, ok := s.lend(thief, 500_000, time.Now()); !ok {
			t.Error("the budget does not come back")
		}
	})
}

func TestS16_ProvenBytesAreGivenBack(t *testing.T) {
	s, p, now := testStrangers(), presenter{source("192.0.2.1"), "session"}, time.Now()
	for i := range 1000 {
		lent, ok := s.lend(p, 900_000, now)
		if !ok || !lent {
			t.Fatalf("call %d of an honest session: lent %v, %v", i, lent, ok)
		}
		s.repay(p, 900_000, now)
	}
	if len(s.sessions.rows) != 0 || s.suspects.Load() != 0 {
		t.Errorf("an honest session stays on record: %d", len(s.sessions.rows))
	}
}

func TestS16_MapsAreBoundedUnderRandomSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testStrangers()
		random := rand.New(rand.NewPCG(1, 2))
		for range 4 * maxStrangers {
			var a [16]byte
			a[0], a[1] = 0x20, 0x01
			for i := 2; i < 16; i++ {
				a[i] = byte(random.Uint32())
			}
			p := presenter{identity.SourceOf(netip.AddrFrom16(a)), string(a[:])}
			s.failed(p.source, time.Now())
			s.mayOpen(p.source, time.Now())
			lent, _ := s.lend(p, 1<<17, time.Now())
			s.disproved(p, 1<<17, lent, time.Now())
		}
		if n, m := len(s.sources.rows), len(s.sessions.rows); n > maxStrangers || m > maxStrangers {
			t.Errorf("%d sources and %d sessions are kept, want at most %d", n, m, maxStrangers)
		}
		time.Sleep(2 * time.Minute)
		fresh := source("192.0.2.77")
		s.failed(fresh, time.Now())
		if _, ok := s.sources.rows[fresh]; !ok || len(s.sources.rows) != 1 {
			t.Errorf("full budgets are not forgotten: %d are kept", len(s.sources.rows))
		}
	})
}

func TestS16_ConnectionsAreBoundedInTotalAndPerSource(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := Bound(l, 10, 2)
	defer b.Close()
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := b.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	clients := []net.Conn{dial(), dial()}
	first := <-accepted
	<-accepted
	third := dial()
	if _, err := third.Read(make([]byte, 1)); err == nil {
		t.Error("a third connection of one source was kept")
	}
	if b.Open() != 2 || b.Closed() != 1 {
		t.Errorf("%d open and %d turned away, want 2 and 1", b.Open(), b.Closed())
	}
	first.Close()
	first.Close() // a second close gives back no second place
	clients = append(clients, dial())
	if <-accepted; b.Open() != 2 {
		t.Errorf("%d open after one left and one came, want 2", b.Open())
	}
	for _, c := range clients {
		c.Close()
	}
}

func TestS16_ConnectionsAreBoundedInTotal(t *testing.T) {
	b := Bound(nil, 3, 2)
	a, c := source("192.0.2.1"), source("192.0.2.2")
	for i, step := range []struct {
		source netip.Prefix
		want   bool
	}{{a, true}, {a, true}, {a, false}, {c, true}, {c, false}} {
		if got := b.enter(step.source); got != step.want {
			t.Errorf("step %d: %v enters %v, want %v", i, step.source, got, step.want)
		}
	}
	b.leave(a)
	b.leave(a)
	b.leave(c)
	if len(b.of) != 0 || b.held != 0 {
		t.Errorf("after all have left: %+v", b.of)
	}
}
