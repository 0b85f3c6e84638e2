package governance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

func TestR1_NobodyApprovesTheirOwn(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "chat"))
	h.tries(t, "dana", r.ID, ErrSelf)
	own := h.submit(t, "owen", askGrant("cousin", "chat"))
	h.tries(t, "owen", own.ID, ErrSelf)
	h.tries(t, LocalAdmin, own.ID, ErrSelf) // whoever holds the data directory last wrote the entitlement
	for _, via := range []string{"cli", "api", "chat", "console"} {
		a := h.as(t, "owen")
		a.Via = via
		if _, err := h.office.Decide(t.Context(), a, own.ID, Verdict{Verdict: request.Approve}); !errors.Is(err, ErrSelf) {
			t.Errorf("by %s: %v", via, err)
		}
	}
}

func TestR1_ASecondAccountOfTheSamePersonDoesNotHelp(t *testing.T) {
	h := openHall(t)
	e, _ := h.state.Current().Entitlement("chat")
	open := *e
	open.Access.Requesters = []string{"anyone"}
	h.apply(t, manifest.Resource{Kind: manifest.Entitlement, Name: "chat", Spec: &open})
	r := h.submit(t, "alex", askGrant("bot", "chat"))
	h.tries(t, "al", r.ID, store.ErrNotFound) // it is not even theirs to see
	if why := excluded(t, h, r.ID); why["al"] == "" {
		t.Errorf("al may decide; excluded are %v", why)
	}
	h.approve(t, "sam", r.ID)
}

func TestR1_TwoAccountsOfOnePersonAreOneVoice(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "grave"))
	h.approve(t, "sam", r.ID)
	h.approve(t, "alex", r.ID)
	h.tries(t, "al", r.ID, ErrIneligible)
}

func TestR2_SelfIncludesOwnersSiblingsAndEditors(t *testing.T) {
	h := openHall(t)
	e, _ := h.state.Current().Entitlement("chat")
	open := *e
	open.Access.Requesters = []string{"anyone"}
	open.Title = "Chat"
	h.apply(t, manifest.Resource{Kind: manifest.Entitlement, Name: "chat", Spec: &open})
	r := h.submit(t, "alex", askGrant("bot", "chat"))
	h.tries(t, "owen", r.ID, store.ErrNotFound) // owns a sibling: same sponsor
	why := excluded(t, h, r.ID)
	if !strings.Contains(why["owen"], "same sponsor") {
		t.Errorf("owen is excluded since %q", why["owen"])
	}
}

// excluded says who of the approvers may not decide on a request, and why.
func excluded(t *testing.T, h *hall, id string) map[string]string {
	t.Helper()
	w, err := h.office.waiting(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	editors, err := h.office.editors(t.Context(), &w.Request)
	if err != nil {
		t.Fatal(err)
	}
	_, out := h.office.circleOf(h.state.Current(), &w.Request, editors).eligible([]string{"role:approver"})
	return out
}

func TestR3_AProgramIsNeverTheSoleApproverAboveTheLowestTier(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "chat"))
	if by := h.approve(t, "robo", r.ID); by.State != request.InStage || len(h.live("bot")) > 0 {
		t.Fatalf("a program alone: the request is %s, live %v", by.State, h.live("bot"))
	}
	if by := h.approve(t, "alex", r.ID); by.State != request.Approved {
		t.Errorf("with a human: %s", by.State)
	}
}

// TestARequestThatIsDecidedWhileItIsReadIsReadAgain: a word between the reading and
// the judging of a row is no forgery.
func TestARequestThatIsDecidedWhileItIsReadIsReadAgain(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "chat"))
	row, err := h.db.Get(t.Context(), manifest.Request, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.approve(t, "robo", r.ID)
	if w, err := h.office.believed(t.Context(), row); err != nil || len(w.Decisions) != 1 || w.version <= row.Revision {
		t.Errorf("with one word more: %d decisions of version %d, %v", len(w.Decisions), w.version, err)
	}
	h.approve(t, "alex", r.ID)
	if _, err := h.office.believed(t.Context(), row); !errors.Is(err, ErrOver) {
		t.Errorf("decided meanwhile: %v", err)
	}
}

func TestR4_WithoutAnybodyToApproveTheRequestIsRefusedAndSaysWho(t *testing.T) {
	h := openHall(t)
	e, _ := h.state.Current().Entitlement("chat")
	alone := *e
	alone.Access.Stages = []rights.Stage{{Name: "owner", Approvers: []string{"operator:owen"}}}
	h.apply(t, manifest.Resource{Kind: manifest.Entitlement, Name: "chat", Spec: &alone})
	_, err := h.office.Submit(t.Context(), h.as(t, "dana"), askGrant("bot", "chat"))
	var nobody *NoApproverError
	if !errors.As(err, &nobody) || nobody.Excluded["owen"] == "" || nobody.Stage != "owner" {
		t.Fatalf("got %v", err)
	}
	if page, err := h.office.Requests(t.Context(), h.as(t, "ada"), RequestQuery{}); err != nil || len(page.Items) > 0 {
		t.Errorf("something was filed: %v %v", page, err)
	}
}

func TestR6_EndingOneOfTwoGrantsLeavesTheOther(t *testing.T) {
	h := openHall(t)
	first := h.approve(t, "alex", h.submit(t, "dana", askGrant("bot", "chat")).ID)
	h.approve(t, "alex", h.submit(t, "dana", askGrant("bot", "chat")).ID)
	h.round(t)
	name, _ := strings.CutPrefix(first.Outcome, "Grant/")
	out, err := h.office.Revoke(t.Context(), h.as(t, "rita"), Order{Target: rights.Target{Kind: rights.TargetGrant, Name: name}, Reason: "no longer needed"})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.StillGiven) != 1 || out.StillGiven[0] == name {
		t.Errorf("still given by %v", out.StillGiven)
	}
	h.round(t)
	if got := h.live("bot"); len(got) != 1 {
		t.Errorf("live: %v, want the other grant", got)
	}
}

func TestR9_WhatCameDueWhileNobodyWatchedEndsBeforeAnythingIsServed(t *testing.T) {
	h := openHall(t)
	for range 30 { // more than one batch
		h.approve(t, "alex", h.submit(t, "dana", askGrant("bot", "chat")).ID)
	}
	h.pass(48 * time.Hour)
	h.round(t)
	rows, err := h.db.Page(t.Context(), store.Query{Kind: manifest.Grant})
	if err != nil || len(rows) > 0 {
		t.Errorf("%d grants live on, %v", len(rows), err)
	}
}

func TestR10_AnApprovalMayBeNarrowerAndNeverWider(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "chat"))
	_, err := h.office.Decide(t.Context(), h.as(t, "alex"), r.ID, Verdict{Verdict: request.Approve, Duration: 5 * time.Hour})
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("longer than asked: %v", err)
	}
	_, err = h.office.Decide(t.Context(), h.as(t, "alex"), r.ID, Verdict{Verdict: request.Approve, Narrow: &rights.Narrowing{Models: []string{"amazon.nova-pro-v1:0"}}})
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("a model that was not asked for: %v", err)
	}
	done, err := h.office.Decide(t.Context(), h.as(t, "alex"), r.ID, Verdict{Verdict: request.Approve, Duration: time.Hour, Narrow: &rights.Narrowing{MaxTokens: 100}})
	if err != nil {
		t.Fatal(err)
	}
	g, err := h.office.Grant(t.Context(), h.as(t, "dana"), strings.TrimPrefix(done.Outcome, "Grant/"))
	if err != nil {
		t.Fatal(err)
	}
	if g.NotAfter.Sub(g.NotBefore) != time.Hour || g.Narrow == nil || g.Narrow.MaxTokens != 100 {
		t.Errorf("granted %v with %+v", g.NotAfter.Sub(g.NotBefore), g.Narrow)
	}
}

func TestR11_AutomaticDenyBeatsApprove(t *testing.T) {
	h := openHall(t)
	long := h.submit(t, "dana", askGrant("bot", "small"))
	if long.State != request.Denied {
		t.Errorf("4 hours: %s", long.State)
	}
	in := askGrant("bot", "small")
	in.Ask.Grant.Duration = time.Hour
	if short := h.submit(t, "dana", in); short.State != request.Approved || len(h.live("bot")) != 1 {
		t.Errorf("1 hour: %s, live %v", short.State, h.live("bot"))
	}
}

func TestR16_DelegationIsForATimeAndDoesNotChain(t *testing.T) {
	h := openHall(t)
	ctx := t.Context()
	delegate := func(from, to string) error {
		_, err := h.office.Delegate(ctx, h.as(t, from), DelegationOrder{To: to, NotBefore: h.now, NotAfter: h.now.Add(time.Hour), Reason: "away"})
		return err
	}
	if err := delegate("alex", "pat"); err != nil {
		t.Fatal(err)
	}
	if err := delegate("pat", "dana"); err == nil {
		t.Error("pat, who decides only in another's place, delegated on")
	}
	r := h.submit(t, "dana", askGrant("bot", "chat"))
	h.tries(t, "pat", r.ID, ErrIneligible) // not by themselves
	if _, err := h.office.Decide(ctx, h.as(t, "pat"), r.ID, Verdict{Verdict: request.Approve, For: "sam"}); !errors.Is(err, ErrIneligible) {
		t.Errorf("in sam's place: %v", err)
	}
	done, err := h.office.Decide(ctx, h.as(t, "pat"), r.ID, Verdict{Verdict: request.Approve, For: "alex"})
	if err != nil || done.State != request.Approved {
		t.Fatalf("in alex's place: %v %v", done.State, err)
	}
	late := h.submit(t, "dana", askGrant("bot", "chat"))
	h.pass(2 * time.Hour)
	if _, err := h.office.Decide(ctx, h.as(t, "pat"), late.ID, Verdict{Verdict: request.Approve, For: "alex"}); !errors.Is(err, ErrIneligible) {
		t.Errorf("after the delegation: %v", err)
	}
}

func TestR16_ADelegateOfTheRequesterIsTheRequester(t *testing.T) {
	h := openHall(t)
	if _, err := h.office.Delegate(t.Context(), h.as(t, "alex"), DelegationOrder{To: "dana", NotBefore: h.now, NotAfter: h.now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	r := h.submit(t, "dana", askGrant("bot", "chat"))
	if _, err := h.office.Decide(t.Context(), h.as(t, "dana"), r.ID, Verdict{Verdict: request.Approve, For: "alex"}); !errors.Is(err, ErrSelf) {
		t.Errorf("dana in alex's place, on her own request: %v", err)
	}
}

func TestR17_AnEmergencyIsShortLoudAndReviewedBySomebodyElse(t *testing.T) {
	h := openHall(t)
	in := askGrant("bot", "chat")
	in.Ask.Grant.Emergency, in.Justification = true, ""
	if _, err := h.office.Submit(t.Context(), h.as(t, "bea"), in); !errors.Is(err, ErrInvalid) {
		t.Errorf("without a word: %v", err)
	}
	in.Justification = "production is down"
	if _, err := h.office.Submit(t.Context(), h.as(t, "dana"), in); !errors.Is(err, ErrForbidden) {
		t.Errorf("dana takes an emergency: %v", err)
	}
	done := h.submit(t, "bea", in)
	if done.State != request.Approved || len(h.live("bot")) != 1 {
		t.Fatalf("%s, live %v", done.State, h.live("bot"))
	}
	g := h.state.Current().GrantsOf("bot")[0]
	if g.NotAfter.Sub(g.NotBefore) != time.Hour || g.Origin != rights.OriginBreakGlass {
		t.Errorf("for %v, origin %q", g.NotAfter.Sub(g.NotBefore), g.Origin)
	}
	h.pass(30 * 24 * time.Hour)
	h.round(t)
	page, err := h.office.Requests(t.Context(), h.as(t, "ada"), RequestQuery{Kind: request.ForReview})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("reviews %v, %v: one stays open, however long", page.Items, err)
	}
	h.tries(t, "bea", page.Items[0].ID, ErrSelf)
	if closed := h.approve(t, "alex", page.Items[0].ID); closed.State != request.Approved {
		t.Errorf("the review is %s", closed.State)
	}
}

func TestR18_SeeingIsNotDeciding(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "chat"))
	if _, err := h.office.Request(t.Context(), h.as(t, "ada"), r.ID); err != nil {
		t.Errorf("the auditor does not see: %v", err)
	}
	h.tries(t, "ada", r.ID, ErrIneligible)
	for _, name := range []string{"pat", "rita", "finn", "bea"} {
		if _, err := h.office.Request(t.Context(), h.as(t, name), r.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s sees a request that is none of theirs: %v", name, err)
		}
		h.tries(t, name, r.ID, store.ErrNotFound)
	}
}

func TestWithdrawnRequestsAreNotApproved(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "chat"))
	if _, err := h.office.Cancel(t.Context(), h.as(t, "alex"), r.ID, "", 0); !errors.Is(err, ErrForbidden) {
		t.Errorf("alex withdraws it: %v", err)
	}
	if _, err := h.office.Cancel(t.Context(), h.as(t, "dana"), r.ID, "changed plans", 0); err != nil {
		t.Fatal(err)
	}
	h.tries(t, "alex", r.ID, ErrOver)
}

func TestTwoApproversAtOnceMakeOneGrant(t *testing.T) {
	h := openHall(t)
	for range 5 {
		r := h.submit(t, "dana", askGrant("bot", "chat"))
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i, name := range []string{"alex", "sam"} {
			a := h.as(t, name)
			wg.Go(func() { _, errs[i] = h.office.Decide(t.Context(), a, r.ID, Verdict{Verdict: request.Approve}) })
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), ErrOver) {
			t.Fatalf("got %v", errs)
		}
	}
	if got := len(h.state.Current().GrantsOf("bot")); got != 5 {
		t.Errorf("%d grants of 5 requests", got)
	}
}

func TestADecisionOnAnOldViewIsRefused(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "grave"))
	h.approve(t, "sam", r.ID)
	_, err := h.office.Decide(t.Context(), h.as(t, "alex"), r.ID, Verdict{Verdict: request.Approve, Seen: r.Version})
	if !errors.Is(err, ErrStaleView) {
		t.Errorf("got %v", err)
	}
}

func TestS18_ApprovalsCountForWhatTheyWereAskedAbout(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "grave"))
	h.approve(t, "sam", r.ID)
	e, _ := h.state.Current().Entitlement("grave")
	wider := *e
	wider.Conditions.Data.Regulated = true
	h.apply(t, manifest.Resource{Kind: manifest.Entitlement, Name: "grave", Spec: &wider})
	h.tries(t, "alex", r.ID, ErrStaleView)
	v, err := h.office.Request(t.Context(), h.as(t, "ada"), r.ID)
	if err != nil || v.Stage != 0 || v.Round != 1 || !strings.Contains(v.Voided, "Entitlement/grave") {
		t.Fatalf("stage %d of round %d, voided %q, %v", v.Stage, v.Round, v.Voided, err)
	}
	h.approve(t, "sam", r.ID)
	h.approve(t, "alex", r.ID)
	if v, _ = h.office.Request(t.Context(), h.as(t, "ada"), r.ID); v.State != request.InStage {
		t.Errorf("one of two approvals of the second stage: %s", v.State)
	}
	h.tries(t, "sam", r.ID, nil)
}

func TestStagesEscalateAndRequestsExpire(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "grave"))
	h.approve(t, "sam", r.ID)
	h.pass(25 * time.Hour)
	h.round(t)
	v, _ := h.office.Request(t.Context(), h.as(t, "dana"), r.ID)
	if !v.Escalated {
		t.Error("the second stage did not escalate")
	}
	h.pass(30 * 24 * time.Hour)
	h.round(t)
	if v, _ = h.office.Request(t.Context(), h.as(t, "dana"), r.ID); v.State != request.Expired {
		t.Errorf("the request is %s", v.State)
	}
	h.tries(t, "alex", r.ID, ErrOver)
}

func TestQuarantineTakesNobodysConsentAndItsEndDoes(t *testing.T) {
	h := openHall(t)
	ctx := t.Context()
	target := rights.Target{Kind: rights.TargetIdentity, Name: "bot"}
	out, err := h.office.Quarantine(ctx, h.as(t, "rita"), Order{Target: target, Reason: "leaked key"})
	if err != nil || !out.Spread.Everyone {
		t.Fatalf("%+v, %v", out, err)
	}
	if i, _ := h.state.Current().Identity("bot"); i.Epoch != 1 {
		t.Errorf("sessions count on: epoch %d", i.Epoch)
	}
	if again, err := h.office.Quarantine(ctx, h.as(t, "rita"), Order{Target: target, Reason: "again"}); err != nil || again.Quarantine != out.Quarantine {
		t.Errorf("a second time: %+v, %v", again, err)
	}
	lift := Submission{Ask: request.Ask{Lift: &request.LiftAsk{Quarantine: out.Quarantine}}, Justification: "key rotated"}
	r := h.submit(t, "rita", lift)
	h.tries(t, "rita", r.ID, ErrSelf)
	if _, there := h.state.Current().Quarantine(out.Quarantine); !there {
		t.Fatal("asking lifted it")
	}
	h.approve(t, "alex", r.ID)
	if _, there := h.state.Current().Quarantine(out.Quarantine); there {
		t.Error("it was not lifted")
	}
}

func TestRevokingAnIdentityEndsItsGrantsAndSessions(t *testing.T) {
	h := openHall(t)
	for range 30 {
		h.approve(t, "alex", h.submit(t, "dana", askGrant("bot", "chat")).ID)
	}
	out, err := h.office.Revoke(t.Context(), h.as(t, "rita"), Order{Target: rights.Target{Kind: rights.TargetIdentity, Name: "bot"}, Reason: "offboarded"})
	if err != nil || len(out.Grants) != 30 || !out.Spread.Everyone {
		t.Fatalf("%d grants, %+v, %v", len(out.Grants), out.Spread, err)
	}
	if got := h.live("bot"); len(got) > 0 {
		t.Errorf("live: %v", got)
	}
	h.round(t)
	page, err := h.office.Grants(t.Context(), h.as(t, "ada"), GrantQuery{Identity: "bot", Ended: true, Limit: 100})
	if err == nil && (page.Items[0].Ending == nil || page.Items[0].Ending.By != "rita" || page.Items[0].Ending.Reason != "offboarded") {
		t.Errorf("why it was taken away is lost: %v", page.Items[0].Ending)
	}
	if err != nil || len(page.Items) != 30 || page.Items[0].Standing != string(rights.EndRevoked) {
		t.Errorf("%d ended, %v", len(page.Items), err)
	}
}

func TestListsGoOnWhereTheyStopped(t *testing.T) {
	h := openHall(t)
	for range 7 {
		h.submit(t, "dana", askGrant("bot", "chat"))
	}
	seen := make(map[string]bool)
	q := RequestQuery{Limit: 3}
	for n := 0; ; n++ {
		page, err := h.office.Requests(t.Context(), h.as(t, "dana"), q)
		if err != nil || n > 3 {
			t.Fatal(n, err)
		}
		for _, r := range page.Items {
			seen[r.ID] = true
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d of 7", len(seen))
	}
}

func TestOperatorsEndBootstrapForGood(t *testing.T) {
	h := openHall(t)
	if _, err := h.db.Fact(t.Context(), store.BootstrapEnded); err != nil {
		t.Fatal(err)
	}
	p, err := h.office.Plan(t.Context(), Local("cli"), []manifest.Resource{
		{Kind: manifest.Grant, Name: "bot.chat", Spec: &rights.Grant{ID: "bot.chat", Identity: "bot", Entitlement: "chat", NotAfter: h.now.Add(2 * time.Hour)}},
	}, false)
	if err != nil || len(p.Requests) != 1 || p.Steps() != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	_, filed, err := h.office.Apply(t.Context(), Local("cli"), "apply", p)
	if err != nil || len(filed) != 1 {
		t.Fatal(filed, err)
	}
	if got := h.live("bot"); len(got) > 0 {
		t.Errorf("the file gave %v", got)
	}
	h.approve(t, "alex", filed[0])
	if got := h.live("bot"); len(got) != 1 {
		t.Errorf("approved: %v", got)
	}
}

func TestS18_AWideningChangeIsARequest(t *testing.T) {
	h := openHall(t)
	h.approve(t, "alex", h.submit(t, "dana", askGrant("bot", "chat")).ID)
	h.round(t)
	e, _ := h.state.Current().Entitlement("chat")
	wider := *e
	wider.Models = append(slices.Clone(e.Models), "amazon.nova-pro-v1:0")
	p, err := h.office.Plan(t.Context(), h.as(t, "adam"), []manifest.Resource{{Kind: manifest.Entitlement, Name: "chat", Spec: &wider}}, false)
	if err != nil || len(p.Requests) != 1 || p.Steps() != 0 {
		t.Fatalf("%d requests, %d steps, %v", len(p.Requests), p.Steps(), err)
	}
	_, filed, err := h.office.Apply(t.Context(), h.as(t, "adam"), "apply", p)
	if err != nil {
		t.Fatal(err)
	}
	if now, _ := h.state.Current().Entitlement("chat"); len(now.Models) != 1 {
		t.Fatal("it was widened without anybody's consent")
	}
	h.approve(t, "alex", filed[0])
	if now, _ := h.state.Current().Entitlement("chat"); len(now.Models) != 2 {
		t.Error("the approved change is not there")
	}
	narrower := *e
	narrower.Conditions.MaxTokens = 100
	if p, err = h.office.Plan(t.Context(), h.as(t, "adam"), []manifest.Resource{{Kind: manifest.Entitlement, Name: "chat", Spec: &narrower}}, false); err != nil || len(p.Requests) > 0 {
		t.Errorf("narrowing takes %d requests, %v", len(p.Requests), err)
	}
}

func TestNewRolesAreARequestOnceThereIsSomebodyToAsk(t *testing.T) {
	h := openHall(t)
	pat := operator.Operator{ID: "pat", Email: "pat@example.com", Roles: []operator.Held{{Role: operator.Approver}}}
	p, err := h.office.Plan(t.Context(), h.as(t, "adam"), []manifest.Resource{{Kind: manifest.Operator, Name: "pat", Spec: &pat}}, false)
	if err != nil || len(p.Requests) != 1 {
		t.Fatalf("%+v %v", p, err)
	}
}

func TestManyPendingRequestsAreListedByPages(t *testing.T) {
	h := openHall(t)
	const n = 300 // each is a record and a commit; the benchmark has ten thousand
	for i := range n {
		in := askGrant("bot", "chat")
		in.Ticket = fmt.Sprintf("T-%d", i)
		h.submit(t, "dana", in)
	}
	total := 0
	q := RequestQuery{Limit: 500, ToDecide: true}
	for {
		page, err := h.office.Requests(t.Context(), h.as(t, "sam"), q)
		if err != nil {
			t.Fatal(err)
		}
		if total += len(page.Items); page.Next == "" {
			break
		}
		q.After = page.Next
	}
	if total != n {
		t.Errorf("%d of %d", total, n)
	}
}

func TestS18_WhatAChangeWidensIsFoundAndNotBelieved(t *testing.T) {
	h := openHall(t)
	h.approve(t, "alex", h.submit(t, "dana", askGrant("bot", "chat")).ID)
	e, _ := h.state.Current().Entitlement("chat")
	wider := *e
	wider.Models = append(slices.Clone(e.Models), "amazon.nova-pro-v1:0")
	spec, err := (manifest.Resource{Kind: manifest.Entitlement, Name: "chat", Spec: &wider}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(c request.Change) (RequestView, error) {
		return h.office.Submit(t.Context(), h.as(t, "adam"), Submission{
			Ask: request.Ask{Change: &request.ChangeAsk{Changes: []request.Change{c}, Widens: []request.Widens{{Operator: "pat", Cause: "x", Text: "nothing much"}}}}, Justification: "a small thing",
		})
	}
	r, err := ask(request.Change{Op: "update", Kind: "Entitlement", Name: "chat", Spec: spec, Before: "00"})
	if err != nil {
		t.Fatal(err)
	}
	if w := r.Ask.Change.Widens; len(w) != 1 || w[0].Grant == "" || r.Stages[0].Entitlement != "chat" {
		t.Errorf("widens %+v, stages %+v", w, r.Stages)
	}
	grant, err := (manifest.Resource{Kind: manifest.Grant, Name: "mine", Spec: &rights.Grant{ID: "mine", Identity: "bot", Entitlement: "grave", NotBefore: h.now, NotAfter: h.now.Add(time.Hour)}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []request.Change{
		{Op: "create", Kind: "Grant", Name: "mine", Spec: grant},
		{Op: "create", Kind: "Token", Name: "mine", Spec: []byte(`{}`)},
		{Op: "delete", Kind: "Quarantine", Name: "identity.bot"},
		{Op: "update", Kind: "Entitlement", Name: "chat", Spec: []byte(`{"models":1}`)},
	} {
		if _, err := ask(c); err == nil {
			t.Errorf("a change of %s was taken", c.Kind)
		}
	}
	same, err := (manifest.Resource{Kind: manifest.Entitlement, Name: "chat", Spec: e}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(request.Change{Op: "update", Kind: "Entitlement", Name: "chat", Spec: same}); !errors.Is(err, ErrNothing) {
		t.Errorf("what widens nothing: %v", err)
	}
}

func TestS18_ARowWidenedInTheStoreIsNotWhatWasApproved(t *testing.T) {
	h := openHall(t)
	h.approve(t, "alex", h.submit(t, "dana", askGrant("bot", "chat")).ID)
	e, _ := h.state.Current().Entitlement("chat")
	wider := *e
	wider.Models = append(slices.Clone(e.Models), "amazon.nova-pro-v1:0")
	wanted := manifest.Resource{Kind: manifest.Entitlement, Name: "chat", Spec: &wider}
	spec, err := wanted.Encode()
	if err != nil {
		t.Fatal(err)
	}
	revision, err := h.db.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Somebody writes the database, and has the administrator apply what is there.
	if _, err := h.db.Commit(t.Context(), store.Commit{Record: store.Ref{Shard: "0", Index: 9999}, Expect: revision, Changes: []store.Change{
		{Op: manifest.Update, Kind: manifest.Entitlement, Name: "chat", Spec: spec},
	}}); err != nil {
		t.Fatal(err)
	}
	p, err := h.office.Plan(t.Context(), h.as(t, "adam"), []manifest.Resource{wanted}, false)
	if err == nil && (p.Steps() > 0 || len(p.Requests) != 1) {
		t.Errorf("%d steps, %d requests: the store's word was taken", p.Steps(), len(p.Requests))
	}
}

func TestS17_ARequestThatNobodyRecordedKeepsNothingFromEnding(t *testing.T) {
	h := openHall(t)
	r := h.submit(t, "dana", askGrant("bot", "chat"))
	forged := r.Request
	forged.Expires = h.now.Add(time.Minute)
	spec, err := (manifest.Resource{Kind: manifest.Request, Name: "forged", Spec: &forged}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	revision, err := h.db.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.db.Commit(t.Context(), store.Commit{Record: store.Ref{Shard: "0", Index: 9999}, Expect: revision, Changes: []store.Change{
		{Op: manifest.Create, Kind: manifest.Request, Name: "forged", Spec: spec},
	}}); err != nil {
		t.Fatal(err)
	}
	if page, err := h.office.Requests(t.Context(), h.as(t, "ada"), RequestQuery{}); err != nil || len(page.Items) != 1 {
		t.Errorf("listed: %d, %v", len(page.Items), err)
	}
	h.pass(30 * 24 * time.Hour)
	h.round(t)
	if v, err := h.office.Request(t.Context(), h.as(t, "dana"), r.ID); err != nil || v.State != request.Expired {
		t.Errorf("the true one is %s, %v", v.State, err)
	}
	h.tries(t, "alex", "forged", snapshot.ErrUnauthorised)
}
