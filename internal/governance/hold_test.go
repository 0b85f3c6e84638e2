package governance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/receipt"
)

const pay900 = `{"amount": 900, "to": "DE1"}`

func TestAHoldIsOpenedReleasedAndCollectedOnce(t *testing.T) {
	eachVault(t, rights.Hold{}, func(t *testing.T, v *vault) {
		n := v.opens(t, pay900)
		if _, err := v.holds.Content(t.Context(), n); !errors.Is(err, ErrUnreleased) {
			t.Fatalf("the content goes out before it is released: %v", err)
		}
		if _, err := v.holds.Receipts(t.Context(), n); !errors.Is(err, ErrUnreleased) {
			t.Fatalf("receipts go out before: %v", err)
		}
		v.restart(t)
		if got, err := v.holds.Find(t.Context(), "payer", n.ID); err != nil || got.State != hold.Pending {
			t.Fatalf("after a restart: %s, %v", got.State, err)
		}
		v.pass(time.Minute)
		view := v.releases(t, "alex", n.ID)
		if view.State != hold.Released {
			t.Fatalf("it is %s", view.State)
		}
		if _, err := v.decides(t, "sam", n.ID, HoldVerdict{Verdict: hold.Release}); !errors.Is(err, ErrOver) {
			t.Errorf("released twice: %v", err)
		}
		v.restart(t)
		got, at, err := v.holds.ByToolUse(t.Context(), "payer", "tooluse_1")
		if err != nil || at != 0 || got.ID != n.ID || got.State != hold.Released {
			t.Fatalf("by its tool use: %+v at %d, %v", got, at, err)
		}
		c, err := v.holds.Content(t.Context(), got)
		if err != nil || !strings.Contains(string(c.Answer), secret) || string(c.Calls[0]) != pay900 {
			t.Fatalf("collected: %q, %v", c.Answer, err)
		}
		first := v.receipt(t, got)
		if again := v.receipt(t, got); again != first {
			t.Error("a second collection has another receipt")
		}
		claims, err := receipt.Check(first, v.keys.Receipts(), receipt.Expect{Issuer: "test/0", Tool: "post_payment", Identity: "payer", Arguments: []byte(pay900), Now: v.now})
		if err != nil || claims.Hold != n.ID || claims.Call != "tooluse_1" || !slices.Equal(claims.Approvers, []string{"alex"}) || claims.LogOrigin != "test/0" || claims.Edited {
			t.Errorf("%+v, %v", claims, err)
		}
		if claims.Expires-claims.IssuedAt != int64((15 * time.Minute).Seconds()) {
			t.Errorf("it counts for %d s", claims.Expires-claims.IssuedAt)
		}
	})
}

func (v *vault) receipt(t *testing.T, n hold.Hold) string {
	t.Helper()
	all, err := v.holds.Receipts(t.Context(), n)
	if err != nil || len(all) != 1 || all[0].ToolUseID != "tooluse_1" {
		t.Fatalf("%+v, %v", all, err)
	}
	return all[0].Token
}

// TestS24_WhoIsNearToAHoldDoesNotDecideOnIt: by themselves, by another account, in
// another's place or by a token that one of them made.
func TestS24_WhoIsNearToAHoldDoesNotDecideOnIt(t *testing.T) {
	v := openVault(t, rights.Hold{})
	n := v.opens(t, pay900)
	for who, want := range map[string]error{
		"vera": ErrSelf, // deputy
		"owen": ErrSelf, // asked for the right
		"robo": store.ErrNotFound, "pat": store.ErrNotFound, "rita": store.ErrNotFound, "dana": ErrSelf,
		"ada": ErrIneligible, LocalAdmin: ErrIneligible, "finn": store.ErrNotFound,
	} {
		for _, verdict := range []HoldVerdict{{Verdict: hold.Release}, {Verdict: hold.Reject, Reason: "no"}} {
			if _, err := v.decides(t, who, n.ID, verdict); !errors.Is(err, want) {
				t.Errorf("%s to %s: %v, want %v", who, verdict.Verdict, err, want)
			}
		}
	}
	by := v.as(t, "alex")
	by.Maker, by.Token = "owen", &operator.Token{Operator: "alex", Scopes: []string{"*"}}
	if _, err := v.office.DecideHold(t.Context(), by, n.ID, HoldVerdict{Verdict: hold.Release}); !errors.Is(err, ErrSelf) {
		t.Errorf("by a token that the requester made: %v", err)
	}
	if got, err := v.holds.Find(t.Context(), "payer", n.ID); err != nil || got.State != hold.Pending {
		t.Errorf("it is %s, %v", got.State, err)
	}
}

func TestS24_ADelegateOfWhoIsNearReleasesNothing(t *testing.T) {
	v := openVault(t, rights.Hold{})
	n := v.opens(t, pay900)
	hand := func(from, to string) manifest.Resource {
		return manifest.Resource{Kind: manifest.Delegation, Name: from + "." + to, Spec: &operator.Delegation{
			ID: from + "." + to, From: from, To: to, NotBefore: v.now.Add(-time.Hour), NotAfter: v.now.Add(time.Hour), Reason: "away",
		}}
	}
	v.put(t, manifest.Create, hand("vera", "pat"), hand("alex", "owen"), hand("alex", "pat"))
	for _, c := range []struct {
		by, place string
		want      error
	}{{"pat", "vera", ErrSelf}, {"owen", "alex", ErrSelf}, {"pat", "sam", ErrIneligible}} {
		if _, err := v.decides(t, c.by, n.ID, HoldVerdict{Verdict: hold.Release, For: c.place}); !errors.Is(err, c.want) {
			t.Errorf("%s for %s: %v, want %v", c.by, c.place, err, c.want)
		}
	}
	view, err := v.decides(t, "pat", n.ID, HoldVerdict{Verdict: hold.Release, For: "alex"})
	if err != nil || view.State != hold.Released || view.Decisions[0].For.Operator != "alex" {
		t.Errorf("for alex: %+v, %v", view.Decisions, err)
	}
}

func TestTwoAreNeededOverAThreshold(t *testing.T) {
	eachVault(t, rights.Hold{Thresholds: []rights.Threshold{{Tool: "post_payment", Argument: "/amount", Over: "1000", Needed: 2}}}, func(t *testing.T, v *vault) {
		if n := v.opens(t, pay900); v.releases(t, "alex", n.ID).State != hold.Released {
			t.Error("900 is not released by one")
		}
		for _, arguments := range []string{`{"amount": 1000.01}`, `{"amount": "900"}`, `{}`} {
			n := v.opens(t, arguments)
			view := v.releases(t, "alex", n.ID)
			if view.State != hold.Pending || view.Given != 1 || view.Wanted != 2 {
				t.Errorf("%s: by one it is %s, %d of %d", arguments, view.State, view.Given, view.Wanted)
			}
			if _, err := v.decides(t, "al", n.ID, HoldVerdict{Verdict: hold.Release}); !errors.Is(err, ErrIneligible) {
				t.Errorf("%s: by one's second account: %v", arguments, err)
			}
			if view = v.releases(t, "sam", n.ID); view.State != hold.Released {
				t.Errorf("%s: by two it is %s", arguments, view.State)
			}
		}
	})
}

func TestEditedArgumentsAreWhatIsReleased(t *testing.T) {
	eachVault(t, rights.Hold{Needed: 2}, func(t *testing.T, v *vault) {
		n := v.opens(t, pay900)
		less := HoldVerdict{Verdict: hold.Release, Calls: []hold.CallChoice{{Index: 0, Verdict: hold.Edit, Arguments: []byte(`{"amount":90,"to":"DE1"}`)}}}
		if _, err := v.decides(t, "alex", n.ID, less); err != nil {
			t.Fatal(err)
		}
		view, err := v.office.HoldOf(t.Context(), v.as(t, "sam"), n.ID)
		if err != nil || !view.Shown || len(view.Asked) != 1 || !slices.Contains(view.Asked[0].Diff, hold.Line{Sign: "+", Text: `  "amount": 90,`}) {
			t.Fatalf("the second sees %+v, %v", view.Asked, err)
		}
		less.Version = view.Version
		if view, err = v.decides(t, "sam", n.ID, less); err != nil || view.State != hold.Released {
			t.Fatalf("%s, %v", view.State, err)
		}
		c, err := v.holds.Content(t.Context(), n)
		if err != nil || string(c.Edited[0]) != `{"amount":90,"to":"DE1"}` {
			t.Errorf("%q, %v", c.Edited[0], err)
		}
		want := receipt.Expect{Issuer: "test/0", Tool: "post_payment", Now: v.now, Arguments: []byte(pay900)}
		if _, err := receipt.Check(v.receipt(t, n), v.keys.Receipts(), want); !errors.Is(err, receipt.ErrArguments) {
			t.Errorf("the receipt is of what the model asked for: %v", err)
		}
		want.Arguments = []byte(`{"to":"DE1","amount":90.0}`)
		if claims, err := receipt.Check(v.receipt(t, n), v.keys.Receipts(), want); err != nil || !claims.Edited || len(claims.Approvers) != 2 {
			t.Errorf("%+v, %v", claims, err)
		}
	})
}

func TestADecisionAtTheInstantOfExpiryIsRefused(t *testing.T) {
	eachVault(t, rights.Hold{}, func(t *testing.T, v *vault) {
		n := v.opens(t, pay900)
		v.now = n.Expires
		if _, err := v.decides(t, "alex", n.ID, HoldVerdict{Verdict: hold.Release}); !errors.Is(err, ErrOver) {
			t.Fatalf("released at the instant: %v", err)
		}
		if got, err := v.holds.Find(t.Context(), "payer", n.ID); err != nil || got.State != hold.Expired {
			t.Fatalf("to its caller it is %s, %v", got.State, err)
		}
		v.round(t)
		row, err := v.db.Get(t.Context(), manifest.Hold, n.ID)
		if err != nil {
			t.Fatal(err)
		}
		if k, err := v.office.vouchedHold(t.Context(), row); err != nil || k.State != hold.Expired || !k.Ended.Equal(n.Expires) {
			t.Errorf("written down: %s at %v, %v", k.State, k.Ended, err)
		}
	})
}

func TestAHoldOfARightThatEndedIsNotReleased(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *vault){
		"the grant ends by itself": func(_ *testing.T, v *vault) { v.pass(2 * 24 * time.Hour) },
		"the grant is revoked": func(t *testing.T, v *vault) {
			v.revoke(t, rights.Target{Kind: rights.TargetGrant, Name: "payer.pay"})
		},
		"the identity is quarantined": func(t *testing.T, v *vault) {
			v.quarantine(t, rights.Target{Kind: rights.TargetIdentity, Name: "payer"})
		},
		"its tag is quarantined": func(t *testing.T, v *vault) {
			v.quarantine(t, rights.Target{Kind: rights.TargetTag, Name: "green"})
		},
		"its session is": func(t *testing.T, v *vault) {
			v.quarantine(t, rights.Target{Kind: rights.TargetSession, Name: "s1"})
		},
		"the identity is halted": func(t *testing.T, v *vault) {
			i, _ := v.state.Current().Identity("payer")
			next := *i
			next.State = identity.Quarantined
			v.put(t, manifest.Update, manifest.Resource{Kind: manifest.Identity, Name: "payer", Spec: &next})
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := openVault(t, rights.Hold{Expires: identity.Duration(rights.MaxHoldExpiry)})
			v.pass(29 * 24 * time.Hour) // of the month that the grant lasts
			decided, left := v.opens(t, pay900), v.opens(t, pay900)
			end(t, v)
			_, err := v.decides(t, "alex", decided.ID, HoldVerdict{Verdict: hold.Release})
			if !errors.Is(err, ErrOver) {
				t.Errorf("it is released: %v", err)
			}
			v.pass(compareEvery)
			v.round(t)
			for _, n := range []hold.Hold{decided, left} {
				if got, err := v.holds.Find(t.Context(), "payer", n.ID); err != nil || got.State != hold.Rejected || got.Reason == "" {
					t.Errorf("afterwards it is %s (%s), %v", got.State, got.Reason, err)
				}
			}
		})
	}
}

func (v *vault) revoke(t *testing.T, target rights.Target) {
	t.Helper()
	if _, err := v.office.Revoke(t.Context(), v.as(t, "rita"), Order{Target: target, Reason: "no more"}); err != nil {
		t.Fatal(err)
	}
}

func (v *vault) quarantine(t *testing.T, target rights.Target) {
	t.Helper()
	if _, err := v.office.Quarantine(t.Context(), v.as(t, "rita"), Order{Target: target, Reason: "no more"}); err != nil {
		t.Fatal(err)
	}
}

func TestAReleaseIsNotCollectedByAnIdentityThatWasStopped(t *testing.T) {
	v := openVault(t, rights.Hold{})
	n := v.opens(t, pay900)
	v.releases(t, "alex", n.ID)
	v.quarantine(t, rights.Target{Kind: rights.TargetIdentity, Name: "payer"})
	if _, err := v.holds.Content(t.Context(), n); !errors.Is(err, ErrUnreleased) {
		t.Errorf("its content: %v", err)
	}
	if _, err := v.holds.Receipts(t.Context(), n); !errors.Is(err, ErrUnreleased) {
		t.Errorf("its receipts: %v", err)
	}
}

func TestAnothersHoldIsNoHold(t *testing.T) {
	v := openVault(t, rights.Hold{})
	n := v.opens(t, pay900)
	_, others := v.holds.Find(t.Context(), "bot", n.ID)
	_, nobodys := v.holds.Find(t.Context(), "bot", strings.Repeat("0", len(n.ID)))
	if !errors.Is(others, store.ErrNotFound) || !errors.Is(nobodys, store.ErrNotFound) {
		t.Errorf("another's: %v; none: %v", others, nobodys)
	}
	if _, _, err := v.holds.ByToolUse(t.Context(), "bot", "tooluse_1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("by its tool use: %v", err)
	}
}

func TestWhatIsHeldIsSeenByWhoMayDecideAlone(t *testing.T) {
	v := openVault(t, rights.Hold{})
	n := v.opens(t, `{"note":"`+secret+`"}`)
	for who, shown := range map[string]bool{"alex": true, "sam": true, "ada": false, "dana": false, "vera": false, "owen": false, LocalAdmin: false} {
		view, err := v.office.HoldOf(t.Context(), v.as(t, who), n.ID)
		if err != nil || view.Shown != shown || (len(view.Asked) > 0) != shown {
			t.Errorf("%s: shown %v, want %v (%v)", who, view.Shown, shown, err)
		}
		if may := slices.Contains(view.May, "decide"); may != shown || may == (view.WhyNot != "") {
			t.Errorf("%s: may %v, %q", who, view.May, view.WhyNot)
		}
	}
	for _, who := range []string{"pat", "bea", "adam"} {
		if _, err := v.office.HoldOf(t.Context(), v.as(t, who), n.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s sees it: %v", who, err)
		}
	}
	list, err := v.office.Holds(t.Context(), v.as(t, "alex"), HoldQuery{ToDecide: true})
	if err != nil || len(list.Items) != 1 || list.Items[0].Shown || list.Items[0].Sponsor != "dana@example.com" || list.Items[0].Rights[0].Until.IsZero() {
		t.Errorf("the queue: %+v, %v", list.Items, err)
	}
}

func TestADisabledAccountReleasesNothing(t *testing.T) {
	v := openVault(t, rights.Hold{})
	n := v.opens(t, pay900)
	alex, _ := v.state.Current().Operator("alex")
	gone := *alex
	gone.Disabled = true
	v.put(t, manifest.Update, manifest.Resource{Kind: manifest.Operator, Name: "alex", Spec: &gone})
	if _, err := v.decides(t, "alex", n.ID, HoldVerdict{Verdict: hold.Release}); err == nil {
		t.Error("it does")
	}
	if view, err := v.office.HoldOf(t.Context(), v.as(t, "sam"), n.ID); err != nil || slices.Contains(view.Eligible, "alex") || view.State != hold.Pending {
		t.Errorf("eligible %v, %s, %v", view.Eligible, view.State, err)
	}
}

// TestManyHoldsAreOpenedAtOnce: more than an act has attempts.
func TestManyHoldsAreOpenedAtOnce(t *testing.T) {
	v := openVault(t, rights.Hold{})
	errs := make(chan error)
	const many = 4 * attempts
	for range many {
		go func() {
			_, err := v.tryOpen(context.Background(), pay900)
			errs <- err
		}()
	}
	for range many {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if list, err := v.office.Holds(t.Context(), v.as(t, "alex"), HoldQuery{Limit: many + 1}); err != nil || len(list.Items) != many {
		t.Errorf("%d of %d, %v", len(list.Items), many, err)
	}
}

// TestAHoldThatIsDecidedWhileItIsReadIsReadAgain: a decision between the reading and
// the judging of a row is no forgery.
func TestAHoldThatIsDecidedWhileItIsReadIsReadAgain(t *testing.T) {
	v := openVault(t, rights.Hold{})
	n := v.opens(t, pay900)
	row, err := v.db.Get(t.Context(), manifest.Hold, n.ID)
	if err != nil {
		t.Fatal(err)
	}
	v.releases(t, "alex", n.ID)
	if k, err := v.office.vouchedHold(t.Context(), row); err != nil || k.State != hold.Released {
		t.Errorf("decided meanwhile: it is %s, %v", k.State, err)
	}
	v.pass(defaultKeep + time.Minute)
	v.round(t)
	if _, err := v.office.vouchedHold(t.Context(), row); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("purged meanwhile: %v", err)
	}
}

func TestWaitingEndsWithTheDecision(t *testing.T) {
	v := openVault(t, rights.Hold{})
	n := v.opens(t, pay900)
	got := make(chan hold.Hold)
	for range 3 {
		go func() {
			h, err := v.holds.Await(context.Background(), n.ID)
			if err != nil {
				t.Error(err)
			}
			got <- h
		}()
	}
	v.releases(t, "alex", n.ID)
	for range 3 {
		if h := <-got; h.State != hold.Released {
			t.Errorf("it is %s", h.State)
		}
	}
	other := v.opens(t, pay900)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if h, err := v.holds.Await(ctx, other.ID); err != nil || h.State != hold.Pending {
		t.Errorf("when the caller goes: %s, %v", h.State, err)
	}
	if len(v.holds.waiting) > 0 {
		t.Errorf("%d are waited for still", len(v.holds.waiting))
	}
}
