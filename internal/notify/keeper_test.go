package notify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

func (w *world) quarantines(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.commit(manifest.Create, manifest.Quarantine, name, &rights.Quarantine{
			ID: name, Target: rights.Target{Kind: rights.TargetTag, Name: name}, Reason: "x", By: "ann", At: time.Now().UTC(),
		})
	}
}

func subjects(r *recorder) []string {
	var out []string
	for _, p := range r.sent {
		out = append(out, p.Event.Subject)
	}
	return out
}

// A crash between sending and writing it down sends again, with the same id.
func TestASendThatWasNotWrittenDownIsRepeatedUnderItsID(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		var first, second recorder
		a, b := w.keeper("a", hook, &first), w.keeper("b", hook, &second)
		w.pass(a)
		w.quarantines("q1")
		// As the event leaves, the replica loses the sink: it cannot settle.
		first.fail = func(parcel) error {
			if err := db.ReleaseSink(t.Context(), "hook", "a"); err != nil {
				t.Error(err)
			}
			_, err := db.HoldSink(t.Context(), "hook", "b", time.Minute)
			return err
		}
		if err := a.pass(t.Context()); !errors.Is(err, store.ErrHeld) {
			t.Fatalf("it settled what it no longer held: %v", err)
		}
		w.pass(b)
		if len(first.sent) != 1 || len(second.sent) != 1 || first.sent[0].Event.ID != second.sent[0].Event.ID {
			t.Errorf("sent %v, then %v", first.sent, second.sent)
		}
	})
}

func TestTwoReplicasSendEachEventOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		var got recorder // of both
		a, b := w.keeper("a", hook, &got), w.keeper("b", hook, &got)
		w.pass(a)
		var names []string
		for i := range 20 {
			names = append(names, fmt.Sprintf("q%02d", i))
		}
		var wg sync.WaitGroup
		for _, k := range []*keeper{a, b} {
			wg.Go(func() {
				for range 20 {
					if err := k.pass(t.Context()); err != nil && !errors.Is(err, store.ErrHeld) && !errors.Is(err, store.ErrConflict) {
						t.Error(err)
					}
				}
			})
		}
		w.quarantines(names...)
		wg.Wait()
		w.pass(a)
		all := subjects(&got)
		slices.Sort(all)
		if len(all) != len(names) || len(slices.Compact(all)) != len(names) {
			t.Errorf("%d sent of %d events", len(got.sent), len(names))
		}
		if b.pass(t.Context()) == nil {
			t.Error("the other replica took the sink from its holder")
		}
	})
}

func TestEventsAboutOneThingKeepTheirOrder(t *testing.T) {
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	var got recorder
	k := w.keeper("a", hook, &got)
	clock := time.Now()
	k.now = func() time.Time { return clock }
	w.pass(k)
	now := time.Now().UTC()
	q := &rights.Quarantine{ID: "q1", Target: rights.Target{Kind: rights.TargetTag, Name: "x"}, Reason: "x", By: "ann", At: now}
	down := true
	got.fail = func(p parcel) error {
		if down && p.Event.Subject == "Quarantine/q1" {
			return errDown
		}
		return nil
	}
	w.commit(manifest.Create, manifest.Quarantine, "q1", q)
	w.pass(k)
	w.commit(manifest.Close, manifest.Quarantine, "q1", q)
	w.quarantines("q2")
	w.pass(k)
	if d := cmp.Diff([]string{"Quarantine/q2"}, subjects(&got)); d != "" {
		t.Errorf("while q1 cannot be told: %s", d)
	}
	down = false
	w.pass(k)
	if len(got.sent) != 1 {
		t.Error("it was tried again at once")
	}
	clock = clock.Add(firstWait)
	w.pass(k)
	if d := cmp.Diff([]string{QuarantineSet, QuarantineSet, QuarantineLifted}, got.types()); d != "" {
		t.Error(d)
	}
}

func TestWhatCannotBeSentDiesAndCanBeTriedAgain(t *testing.T) {
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	var got recorder
	k := w.keeper("a", hook, &got)
	clock := time.Now()
	k.now = func() time.Time { return clock }
	w.pass(k)
	tries := 0
	got.fail = func(parcel) error { tries++; return errDown }
	w.quarantines("q1")
	for range attempts + 5 {
		w.pass(k)
		clock = clock.Add(lastWait)
	}
	dead, err := k.n.Dead(t.Context())
	if err != nil || len(dead) != 1 || dead[0].Attempts != attempts || !strings.Contains(dead[0].Error, "down") || tries != attempts {
		t.Fatalf("after %d tries: %+v %v", tries, dead, err)
	}
	if v, err := k.n.Sinks(t.Context()); err != nil || v[0].Dead != 1 || v[0].Holder != "a" {
		t.Errorf("sinks: %+v %v", v, err)
	}
	got.fail = nil
	if err := k.n.Retry(t.Context(), dead[0].ID); err != nil {
		t.Fatal(err)
	}
	w.pass(k)
	if len(got.sent) != 1 {
		t.Error("it was not tried again")
	}
	if err := k.n.Retry(t.Context(), dead[0].ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("tried again though it arrived: %v", err)
	}
	got.fail = func(parcel) error { return permanentError{errDown} }
	w.quarantines("q2")
	w.pass(k)
	if dead, _ := k.n.Dead(t.Context()); len(dead) != 1 || dead[0].Attempts != 1 {
		t.Errorf("what no trying mends is tried: %+v", dead)
	}
}

func TestBackoffGrowsAndIsBounded(t *testing.T) {
	for n := 1; n < 40; n++ {
		most := min(lastWait, firstWait<<min(n-1, 20))
		if w := backoff(n); w > most || w <= most/2 {
			t.Errorf("after %d attempts: %v, want (%v, %v]", n, w, most/2, most)
		}
	}
}

// A sink is told of what happens once it is there, and not of the past.
func TestANewSinkIsNotToldThePast(t *testing.T) {
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	w.quarantines("q1")
	var got recorder
	k := w.keeper("a", hook, &got)
	w.pass(k)
	w.quarantines("q2")
	w.pass(k)
	if d := cmp.Diff([]string{"Quarantine/q2"}, subjects(&got)); d != "" {
		t.Error(d)
	}
}

func TestSinksPickByTypeAndAudience(t *testing.T) {
	mailTo := func(audience ...string) Sink {
		return Sink{Name: "mail", Kind: MailSink, Audience: audience, Mail: Mail{Server: "mail.example.com:587", From: "writ@example.com", To: []string{"soc@example.com"}}}
	}
	emails := map[string]string{"rita": "rita@example.com", "ann": "ann@example.com", "sam@example.com": "sam@example.com"}
	e := Event{Type: RequestNeeds, To: []Recipient{{Approvers, "ann"}, {Requester, "rita"}, {Sponsor, "sam@example.com"}, {Sponsor, "nobody"}}}
	end := Event{Type: RequestEnded, To: e.To}
	only := func(s Sink, events ...string) Sink { s.Events = events; return s }
	web := func(audience ...string) Sink { s := hook; s.Audience = audience; return s }
	for name, c := range map[string]struct {
		sink  Sink
		event Event
		want  []string
	}{
		"everybody":                     {mailTo(), e, []string{"ann@example.com", "rita@example.com", "sam@example.com", "soc@example.com"}},
		"approvers":                     {mailTo(Approvers), e, []string{"ann@example.com"}},
		"security":                      {mailTo(Security), e, []string{"soc@example.com"}},
		"another type":                  {only(mailTo(), "grant.*"), e, nil},
		"the requester hears the end":   {only(mailTo(Security), "grant.*"), end, []string{"rita@example.com"}},
		"a hook":                        {web(), e, []string{""}},
		"a hook for approvers":          {web(Approvers), e, []string{""}},
		"a hook for owners":             {web(Owner), e, nil},
		"a hook for security":           {web(Security), Event{Type: QuarantineSet}, []string{""}},
		"a hook for one type":           {only(web(), "request.needs_decision"), e, []string{""}},
		"a hook for one type in full":   {only(web(), RequestNeeds), e, []string{""}},
		"a hook for one type, not this": {only(web(), "request.ended"), e, nil},
	} {
		var got []string
		for _, p := range c.sink.parcels(c.event, func(n string) string { return emails[n] }) {
			got = append(got, p.To)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestEmailsAreThoseOfOperatorsOrAsWritten(t *testing.T) {
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	k := w.keeper("a", hook, &recorder{})
	for name, want := range map[string]string{
		"ann": "ann@example.com", "sam@example.com": "sam@example.com", "local-admin": "", "": "", "Sam <sam@example.com>": "",
		"x@example.com\r\nBcc: y@example.com": "",
	} {
		if got := k.n.email(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}
