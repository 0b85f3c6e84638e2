package notify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store/storetest"
)

// waiting is a hold of one payment that two people must agree on.
func (w *world) waiting(id string) hold.Hold {
	w.t.Helper()
	h, _, err := hold.New(hold.Opening{
		Identity: "agent", Model: "m", Operation: "Converse", Decision: "d", Terms: hold.Strictest([]hold.Source{{Grant: "g", Entitlement: "pay", Terms: rights.Hold{Needed: 2}}}),
		Calls: []hold.Asked{{Tool: "post_payment\u202e", ID: "t", Why: hold.Write, Arguments: []byte(`{"iban":"DE89370400440532013000"}`)}},
	}, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	h.ID, h.Eligible = id, []string{"ann", "bob"}
	return h
}

func (w *world) heldOn(h hold.Hold, by string, v hold.Choice) hold.Hold {
	w.t.Helper()
	d := hold.Decision{By: request.Party{Operator: by, Person: by + "@example.com", Via: "cli"}, Verdict: v, Reason: "because"}
	if v == hold.Release {
		d.Calls = []hold.CallChoice{{Verdict: hold.Release}}
	}
	n, err := h.Decide(d, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	w.commit(manifest.Update, manifest.Hold, h.ID, &n)
	return n
}

func TestAHoldIsToldOfToWhoMayDecide(t *testing.T) {
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	got := &recorder{}
	k := w.keeper("a", hook, got)
	w.pass(k)
	h := w.waiting("h1")
	w.commit(manifest.Create, manifest.Hold, h.ID, &h)
	w.pass(k)
	h = w.heldOn(h, "ann", hold.Release)
	w.pass(k)
	h = w.heldOn(h, "bob", hold.Release)
	w.pass(k)
	w.commit(manifest.Close, manifest.Hold, h.ID, &h)
	w.pass(k)
	if d := cmp.Diff([]string{HoldNeeds, HoldDecided, HoldNeeds, HoldDecided, HoldEnded}, got.types()); d != "" {
		t.Fatal(d)
	}
	for i, want := range []string{"approvers:ann approvers:bob", "", "approvers:bob", "", "approvers:ann approvers:bob"} {
		var to []string
		for _, r := range toldTo(got.sent[i].Event) {
			if strings.HasPrefix(r, Approvers) {
				to = append(to, r)
			}
		}
		slices.Sort(to)
		if strings.Join(to, " ") != want {
			t.Errorf("event %d is told to %v, want %s", i, to, want)
		}
	}
	first, last := got.sent[0].Event, got.sent[4].Event
	if first.Data.Hold != "h1" || first.Data.Until == nil || !strings.Contains(first.Data.Command, "writ hold release h1") || first.Data.Version == 0 {
		t.Errorf("%+v", first.Data)
	}
	if last.Data.State != "released" || last.Data.Identity != "agent" {
		t.Errorf("%+v", last.Data)
	}
	for _, p := range got.sent {
		if text := p.Event.Data.Summary + p.Event.Data.Reason; strings.Contains(text, "DE89") || strings.Contains(text, "\u202e") {
			t.Errorf("%s says what waits, or is turned around by it: %q", p.Event.Type, text)
		}
	}
}

func TestARejectedHoldSaysWhy(t *testing.T) {
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	got := &recorder{}
	k := w.keeper("a", hook, got)
	w.pass(k)
	h := w.waiting("h1")
	w.commit(manifest.Create, manifest.Hold, h.ID, &h)
	w.heldOn(h, "bob", hold.Reject)
	w.pass(k)
	last := got.sent[len(got.sent)-1].Event
	if last.Type != HoldEnded || last.Data.State != "rejected" || last.Data.Reason != "because" {
		t.Errorf("%s: %+v", last.Type, last.Data)
	}
}
