package governance

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/login"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// staffed is a lodge with people of every role and nothing else, on each engine.
func staffed(t *testing.T, test func(*testing.T, *lodge)) {
	t.Helper()
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		h := openLodge(t, dsn, t.TempDir()).attach(t)
		h.put(t, manifest.Create, staff()...)
		test(t, h)
	})
}

func staff() []manifest.Resource {
	bot := somebody("bot", operator.Requester, operator.Approver)
	bot.Spec.(*operator.Operator).Kind = operator.Automation
	pat := somebody("pat", operator.Requester)
	pat.Spec.(*operator.Operator).Login = &operator.Login{Issuer: "https://login.example.com", Subject: "00u1"}
	return []manifest.Resource{
		somebody("ada", operator.Administrator), somebody("omar", operator.Approver), somebody("ines", operator.Approver),
		somebody("otto", operator.Auditor), somebody("rem", operator.Remediator), somebody("dana", operator.Requester), bot, pat,
	}
}

func wants(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestS17_TheFirstAccountEndsBootstrapForGood(t *testing.T) {
	h := openLodge(t, "sqlite:"+filepath.Join(t.TempDir(), "writ.db"), t.TempDir()).attach(t)
	if _, err := h.db.Fact(t.Context(), store.BootstrapEnded); !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	out, err := h.office.CreateOperator(t.Context(), Local("cli"), operator.Operator{ID: "ada", Email: "ada@example.com", Roles: []operator.Held{{Role: operator.Administrator}}}, "")
	if err != nil || out.Operator == nil || out.Operator.Version == 0 || out.Request != "" {
		t.Fatalf("%+v %v", out, err)
	}
	if _, err := h.db.Fact(t.Context(), store.BootstrapEnded); err != nil {
		t.Error(err)
	}
	row, err := h.db.Get(t.Context(), manifest.Operator, "ada")
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.ledger.Control(t.Context(), row.Record)
	if err != nil || c.Actor != LocalAdmin || c.Action != "operator.put" || c.Target != "operator/ada" {
		t.Errorf("%+v %v", c, err)
	}
}

func TestAccountsAreMadeByAdministratorsOfOthersOnly(t *testing.T) {
	staffed(t, func(t *testing.T, h *lodge) {
		fresh := operator.Operator{ID: "new", Email: "new@example.com"}
		for _, name := range []string{"omar", "otto", "rem", "dana", "bot"} {
			_, err := h.office.CreateOperator(t.Context(), h.actor(t, name), fresh, "why")
			wants(t, name, err, ErrForbidden)
			_, err = h.office.DisableOperator(t.Context(), h.actor(t, name), "dana", "left")
			wants(t, name, err, ErrForbidden)
		}
		ada := h.actor(t, "ada")
		self := *ada.Operator
		_, err := h.office.PutOperator(t.Context(), ada, self, 0, "")
		wants(t, "oneself", err, ErrForbidden)
		for name, op := range map[string]operator.Operator{
			"a reserved name":      {ID: "local-admin", Email: "x@example.com"},
			"both":                 {ID: "new", Email: "x@example.com", Roles: []operator.Held{{Role: operator.Administrator}, {Role: operator.Approver}}},
			"another's login":      {ID: "new", Email: "x@example.com", Login: &operator.Login{Issuer: "https://login.example.com", Subject: "00u1"}},
			"no address":           {ID: "new"},
			"a name that is taken": {ID: "dana", Email: "x@example.com"},
		} {
			_, err := h.office.CreateOperator(t.Context(), ada, op, "why")
			wants(t, name, err, ErrInvalid)
		}
	})
}

func TestS18_WhatLetsAnAccountDoMoreIsAskedFor(t *testing.T) {
	staffed(t, func(t *testing.T, h *lodge) {
		ada := h.actor(t, "ada")
		seen, err := h.office.Operator(t.Context(), ada, "dana")
		if err != nil {
			t.Fatal(err)
		}
		wider := seen.Operator
		wider.ID, wider.Roles = "dana", append(slices.Clone(wider.Roles), operator.Held{Role: operator.Approver})
		_, err = h.office.PutOperator(t.Context(), ada, wider, seen.Version, "")
		wants(t, "without a word of why", err, ErrNeedsRequest)
		out, err := h.office.PutOperator(t.Context(), ada, wider, seen.Version, "she covers for omar")
		if err != nil || out.Operator != nil || out.Request == "" {
			t.Fatalf("%+v %v", out, err)
		}
		if op, _ := h.state.Current().Operator("dana"); op.Has(operator.Approver) {
			t.Error("the role is held before anybody agreed")
		}
		r, err := h.office.Request(t.Context(), ada, out.Request)
		if err != nil || r.Ask.Change == nil || r.Ask.Change.Widens[0].Operator != "dana" || slices.Contains(r.Eligible, "dana") || !slices.Contains(r.Eligible, "omar") {
			t.Errorf("%+v %v", r, err)
		}
		narrower := seen.Operator
		narrower.ID, narrower.Roles = "dana", nil
		if out, err := h.office.PutOperator(t.Context(), ada, narrower, seen.Version, ""); err != nil || out.Operator == nil {
			t.Errorf("taking away takes a request: %+v %v", out, err)
		}
		_, err = h.office.PutOperator(t.Context(), ada, narrower, seen.Version, "")
		wants(t, "what was seen is past", err, ErrStaleView)
		out, err = h.office.CreateOperator(t.Context(), ada, operator.Operator{ID: "new", Email: "new@example.com"}, "a new colleague")
		if err != nil || out.Request == "" {
			t.Errorf("a new account: %+v %v", out, err)
		}
	})
}

func (h *lodge) issue(t *testing.T, a Actor, in TokenOrder) (string, TokenView) {
	t.Helper()
	secret, v, err := h.office.IssueToken(t.Context(), a, in)
	if err != nil {
		t.Fatal(err)
	}
	return secret.Reveal(), v
}

func TestATokenActsAsItsOperatorWithinItsScopes(t *testing.T) {
	staffed(t, func(t *testing.T, h *lodge) {
		omar := h.actor(t, "omar")
		secret, v := h.issue(t, omar, TokenOrder{Scopes: []string{"view.right", "issue.token"}, Note: "a script"})
		if v.Operator != "omar" || v.Expires.Sub(v.Created) != tokenLife || v.Maker != "" || v.Void != "" {
			t.Errorf("%+v", v)
		}
		a, err := h.office.Bearer(t.Context(), secret)
		if err != nil || a.Name != "omar" || a.Token == nil || a.Maker != "" {
			t.Fatalf("%+v %v", a, err)
		}
		on := authority.Object{Kind: "Request", Name: "r", Requester: "dana", Eligible: []string{"omar"}}
		if err := h.office.May(t.Context(), a, authority.ViewRight, on); err != nil {
			t.Error(err)
		}
		wants(t, "out of scope", h.office.May(t.Context(), a, authority.Decide, on), ErrForbidden)
		if err := h.office.May(t.Context(), omar, authority.Decide, on); err != nil {
			t.Error(err)
		}
		row, err := h.db.Get(t.Context(), manifest.Token, v.ID)
		if err != nil || strings.Contains(string(row.Spec), secret[len("writ_")+len(v.ID)+1:]) {
			t.Errorf("the store holds the secret: %s %v", row.Spec, err)
		}
	})
}

func TestWrongAndEndedTokensAreNobodys(t *testing.T) {
	staffed(t, func(t *testing.T, h *lodge) {
		secret, v := h.issue(t, h.actor(t, "omar"), TokenOrder{Scopes: []string{"*"}, Life: time.Hour})
		other, _ := h.issue(t, h.actor(t, "dana"), TokenOrder{Scopes: []string{"*"}})
		_, tail, _ := operator.ParseSecret(other)
		mixed, _ := operator.NewSecret(v.ID, tail)
		for name, text := range map[string]string{
			"nothing": "", "no token": "omar", "an unknown id": "writ_x_y", "another's secret": mixed.Reveal(), "cut off": secret[:len(secret)-1],
			"in capitals": strings.ToUpper(secret), "longer": secret + "A",
		} {
			_, err := h.office.Bearer(t.Context(), text)
			wants(t, name, err, ErrUnknown)
		}
		if _, err := h.office.Bearer(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		wants(t, "another's token", h.office.RevokeToken(t.Context(), h.actor(t, "dana"), v.ID), store.ErrNotFound)
		wants(t, "one that is only seen", h.office.RevokeToken(t.Context(), h.actor(t, "otto"), v.ID), ErrForbidden)
		h.now = h.now.Add(time.Hour)
		_, err := h.office.Bearer(t.Context(), secret)
		wants(t, "expired", err, ErrUnknown)
		if err := h.office.RevokeToken(t.Context(), h.actor(t, "rem"), v.ID); err != nil {
			t.Error(err)
		}
		again, w := h.issue(t, h.actor(t, "dana"), TokenOrder{Scopes: []string{"*"}})
		if err := h.office.RevokeToken(t.Context(), h.actor(t, "dana"), w.ID); err != nil {
			t.Error(err)
		}
		_, err = h.office.Bearer(t.Context(), again)
		wants(t, "revoked", err, ErrUnknown)
	})
}

func TestDisablingAnAccountVoidsItsTokensAndSignInsForGood(t *testing.T) {
	staffed(t, func(t *testing.T, h *lodge) {
		ada := h.actor(t, "ada")
		secret, _ := h.issue(t, h.actor(t, "dana"), TokenOrder{Scopes: []string{"*"}})
		dana, _ := h.state.Current().Operator("dana")
		in := credential.SignIn{ID: "i1", Operator: "dana", Epoch: dana.Epoch, Issued: h.now, Expires: h.now.Add(time.Hour)}
		if a, err := h.office.SignedIn(t.Context(), in); err != nil || a.Name != "dana" {
			t.Fatalf("%+v %v", a, err)
		}
		_, err := h.office.DisableOperator(t.Context(), ada, "dana", "")
		wants(t, "without a reason", err, ErrInvalid)
		v, err := h.office.DisableOperator(t.Context(), ada, "dana", "she has left")
		if err != nil || !v.Disabled {
			t.Fatalf("%+v %v", v, err)
		}
		_, err = h.office.DisableOperator(t.Context(), ada, "dana", "again")
		wants(t, "twice", err, ErrNothing)
		for range 2 { // disabled, and enabled again
			_, err = h.office.Bearer(t.Context(), secret)
			wants(t, "the token", err, ErrUnknown)
			_, err = h.office.SignedIn(t.Context(), in)
			wants(t, "the sign-in", err, ErrUnknown)
			back := v.Operator
			back.ID, back.Disabled = "dana", false
			h.put(t, manifest.Update, manifest.Resource{Kind: manifest.Operator, Name: "dana", Spec: &back})
		}
		_, _, err = h.office.IssueToken(t.Context(), ada, TokenOrder{Operator: "nobody", Scopes: []string{"*"}})
		wants(t, "a token for nobody", err, store.ErrNotFound)
	})
}

func TestAnAccountThatIsMadeAnewIsNotTheOldOne(t *testing.T) {
	h := openLodge(t, "sqlite:"+filepath.Join(t.TempDir(), "writ.db"), t.TempDir()).attach(t)
	dana := operator.Operator{ID: "dana", Email: "dana@example.com"}
	first, err := h.office.CreateOperator(t.Context(), Local("cli"), dana, "")
	if err != nil {
		t.Fatal(err)
	}
	in := credential.SignIn{ID: "i1", Operator: "dana", Epoch: first.Operator.Epoch, Issued: h.now, Expires: h.now.Add(time.Hour)}
	h.put(t, manifest.Delete, manifest.Resource{Kind: manifest.Operator, Name: "dana", Spec: &dana})
	_, err = h.office.SignedIn(t.Context(), in)
	wants(t, "gone", err, ErrUnknown)
	h.now = h.now.Add(time.Second)
	if _, err := h.office.CreateOperator(t.Context(), Local("cli"), dana, ""); err != nil {
		t.Fatal(err)
	}
	_, err = h.office.SignedIn(t.Context(), in)
	wants(t, "made anew", err, ErrUnknown)
}

func TestTokensAreBoundedByWhatMakesThem(t *testing.T) {
	staffed(t, func(t *testing.T, h *lodge) {
		omar := h.actor(t, "omar")
		secret, v := h.issue(t, omar, TokenOrder{Scopes: []string{"view.right", "issue.token"}, Life: time.Hour})
		a, err := h.office.Bearer(t.Context(), secret)
		if err != nil {
			t.Fatal(err)
		}
		for name, in := range map[string]TokenOrder{
			"another scope": {Scopes: []string{"view.right", "decide"}, Life: time.Minute},
			"every scope":   {Scopes: []string{"*"}, Life: time.Minute},
			"a longer life": {Scopes: []string{"view.right"}, Life: 2 * time.Hour},
		} {
			_, _, err := h.office.IssueToken(t.Context(), a, in)
			wants(t, name, err, ErrForbidden)
		}
		h.now = h.now.Add(time.Minute)
		if _, w := h.issue(t, a, TokenOrder{Scopes: []string{"view.right"}, Life: time.Minute}); w.Expires.After(v.Expires) {
			t.Errorf("%+v", w)
		}
		for name, in := range map[string]TokenOrder{
			"no scope": {}, "an unknown scope": {Scopes: []string{"everything"}}, "a group": {Scopes: []string{"view"}},
			"two years": {Scopes: []string{"*"}, Life: 2 * operator.MaxTokenLife}, "before now": {Scopes: []string{"*"}, Life: -time.Hour},
			"a long note": {Scopes: []string{"*"}, Note: strings.Repeat("x", 300)},
		} {
			_, _, err := h.office.IssueToken(t.Context(), omar, in)
			wants(t, name, err, ErrInvalid)
		}
		_, _, err = h.office.IssueToken(t.Context(), Local("cli"), TokenOrder{Scopes: []string{"*"}})
		wants(t, "the local administrator's", err, ErrInvalid)
		_, _, err = h.office.IssueToken(t.Context(), omar, TokenOrder{Operator: "dana", Scopes: []string{"*"}})
		wants(t, "another's", err, ErrForbidden)
		_, _, err = h.office.IssueToken(t.Context(), h.actor(t, "ada"), TokenOrder{Operator: "dana", Scopes: []string{"*"}})
		wants(t, "a human's, by an administrator", err, ErrForbidden)
	})
}

func TestR1_ATokenMadeForAProgramCountsAsItsMakersToo(t *testing.T) {
	staffed(t, func(t *testing.T, h *lodge) {
		secret, v := h.issue(t, h.actor(t, "ada"), TokenOrder{Operator: "bot", Scopes: []string{"*"}})
		a, err := h.office.Bearer(t.Context(), secret)
		if err != nil || v.Maker != "ada" || a.Maker != "ada" {
			t.Fatalf("%+v %v", a, err)
		}
		on := authority.Object{Kind: "Request", Name: "r", Requester: "ada", Eligible: []string{"bot"}}
		wants(t, "on its maker's request", h.office.May(t.Context(), a, authority.Decide, on), ErrForbidden)
		on.Requester = "dana"
		if err := h.office.May(t.Context(), a, authority.Decide, on); err != nil {
			t.Error(err)
		}
		// A token that it makes for itself is no way out.
		again, w := h.issue(t, a, TokenOrder{Scopes: []string{"decide"}, Life: time.Hour})
		b, err := h.office.Bearer(t.Context(), again)
		if err != nil || w.Maker != "ada" || b.Maker != "ada" {
			t.Errorf("%+v %v", b, err)
		}
	})
}

func TestListsHoldWhatTheirReaderMaySee(t *testing.T) {
	staffed(t, func(t *testing.T, h *lodge) {
		h.issue(t, h.actor(t, "omar"), TokenOrder{Scopes: []string{"*"}})
		h.issue(t, h.actor(t, "dana"), TokenOrder{Scopes: []string{"*"}})
		for name, want := range map[string][2]int{"ada": {8, 2}, "otto": {8, 2}, "omar": {1, 1}, "dana": {1, 1}, "rem": {1, 0}} {
			people, err := h.office.Operators(t.Context(), h.actor(t, name), OperatorQuery{})
			tokens, err2 := h.office.Tokens(t.Context(), h.actor(t, name), "", "", 0)
			if err := errors.Join(err, err2); err != nil || len(people.Items) != want[0] || len(tokens.Items) != want[1] {
				t.Errorf("%s sees %d operators and %d tokens, want %v (%v)", name, len(people.Items), len(tokens.Items), want, err)
			}
		}
		if got, err := h.office.Tokens(t.Context(), h.actor(t, "dana"), "omar", "", 0); err != nil || len(got.Items) != 0 {
			t.Errorf("another's tokens, by name: %+v %v", got, err)
		}
		_, err := h.office.Operator(t.Context(), h.actor(t, "dana"), "omar")
		wants(t, "another operator", err, store.ErrNotFound)
		page, err := h.office.Operators(t.Context(), h.actor(t, "otto"), OperatorQuery{Role: operator.Approver, Limit: 2})
		if err != nil || len(page.Items) != 2 || page.Next == "" {
			t.Errorf("%+v %v", page, err)
		}
	})
}

func TestR16_DelegationIsTimeBoxedAndDoesNotChain(t *testing.T) {
	staffed(t, func(t *testing.T, h *lodge) {
		omar, week := h.actor(t, "omar"), h.now.Add(7*24*time.Hour)
		d, err := h.office.Delegate(t.Context(), omar, DelegationOrder{To: "dana", NotAfter: week, Reason: "on leave"})
		if err != nil || d.From != "omar" || !d.Now || d.Version == 0 {
			t.Fatalf("%+v %v", d, err)
		}
		for name, c := range map[string]struct {
			by string
			in DelegationOrder
		}{
			"oneself":              {"omar", DelegationOrder{To: "omar", NotAfter: week}},
			"a program":            {"omar", DelegationOrder{To: "bot", NotAfter: week}},
			"an administrator":     {"omar", DelegationOrder{To: "ada", NotAfter: week}},
			"for ever":             {"omar", DelegationOrder{To: "ines", NotAfter: h.now.Add(operator.MaxDelegation + time.Hour)}},
			"nothing of one's own": {"dana", DelegationOrder{To: "ines", NotAfter: week}},
			"no end":               {"omar", DelegationOrder{To: "ines"}},
			"long ago":             {"omar", DelegationOrder{To: "ines", NotBefore: h.now.Add(-time.Hour), NotAfter: h.now.Add(-time.Minute)}},
		} {
			_, err := h.office.Delegate(t.Context(), h.actor(t, c.by), c.in)
			wants(t, name, err, ErrInvalid)
		}
		_, err = h.office.Delegate(t.Context(), omar, DelegationOrder{To: "nobody", NotAfter: week})
		wants(t, "nobody", err, store.ErrNotFound)
		if _, err := h.office.Delegate(t.Context(), omar, DelegationOrder{To: "ines", NotAfter: week}); err != nil {
			t.Fatal(err)
		}
		_, err = h.office.Delegate(t.Context(), h.actor(t, "ines"), DelegationOrder{To: "omar", NotAfter: week})
		wants(t, "a circle", err, ErrInvalid)
		for name, want := range map[string]int{"omar": 2, "dana": 1, "ines": 1, "otto": 2, "rem": 0} {
			if got, err := h.office.Delegations(t.Context(), h.actor(t, name)); err != nil || len(got) != want {
				t.Errorf("%s sees %d, want %d (%v)", name, len(got), want, err)
			}
		}
		wants(t, "a stranger ends it", h.office.EndDelegation(t.Context(), h.actor(t, "rem"), d.ID), store.ErrNotFound)
		wants(t, "an auditor ends it", h.office.EndDelegation(t.Context(), h.actor(t, "otto"), d.ID), ErrForbidden)
		if err := h.office.EndDelegation(t.Context(), h.actor(t, "dana"), d.ID); err != nil {
			t.Errorf("who was given it gives it back: %v", err)
		}
	})
}

func TestAPersonIsOneAccount(t *testing.T) {
	staffed(t, func(t *testing.T, h *lodge) {
		const issuer = "https://login.example.com"
		got, err := h.office.SignIn(t.Context(), login.Person{Issuer: issuer, Subject: "00u1"})
		if err != nil || got.Operator != "pat" {
			t.Fatalf("%+v %v", got, err)
		}
		if got, err := h.office.SignIn(t.Context(), login.Person{Issuer: issuer, Subject: "00u9", Email: "dana@example.com"}); err != nil || got.Operator != "dana" {
			t.Errorf("by address: %+v %v", got, err)
		}
		twin := somebody("dana2", operator.Approver)
		twin.Spec.(*operator.Operator).Email = "dana@example.com"
		h.put(t, manifest.Create, twin)
		for name, p := range map[string]login.Person{
			"another subject":           {Issuer: issuer, Subject: "00u2"},
			"another issuer":            {Issuer: "https://evil.example", Subject: "00u1"},
			"an address with a subject": {Issuer: issuer, Subject: "00u9", Email: "pat@example.com"},
			"a program's address":       {Issuer: issuer, Subject: "00u9", Email: "bot@example.com"},
			"two accounts' address":     {Issuer: issuer, Subject: "00u9", Email: "dana@example.com"},
			"nobody":                    {},
		} {
			_, err := h.office.SignIn(t.Context(), p)
			wants(t, name, err, login.ErrNoAccount)
		}
		if _, err := h.office.DisableOperator(t.Context(), h.actor(t, "ada"), "pat", "left"); err != nil {
			t.Fatal(err)
		}
		_, err = h.office.SignIn(t.Context(), login.Person{Issuer: issuer, Subject: "00u1"})
		wants(t, "a disabled account", err, login.ErrNoAccount)
	})
}

func TestLinksAreForPeopleThatNoProviderVouchesFor(t *testing.T) {
	staffed(t, func(t *testing.T, h *lodge) {
		ada := h.actor(t, "ada")
		if err := h.office.MayInvite(t.Context(), ada, "omar"); err != nil {
			t.Error(err)
		}
		wants(t, "by no administrator", h.office.MayInvite(t.Context(), h.actor(t, "omar"), "dana"), ErrForbidden)
		wants(t, "of a program", h.office.MayInvite(t.Context(), ada, "bot"), ErrInvalid)
		wants(t, "of who signs in by a provider", h.office.MayInvite(t.Context(), ada, "pat"), ErrInvalid)
		wants(t, "of oneself", h.office.MayInvite(t.Context(), ada, "ada"), ErrForbidden)
		wants(t, "of the local administrator", h.office.MayInvite(t.Context(), ada, "local-admin"), ErrInvalid)
		got, err := h.office.SignInByLink(t.Context(), "omar", "ada")
		if err != nil || got.Operator != "omar" || got.Maker != "ada" {
			t.Fatalf("%+v %v", got, err)
		}
		_, err = h.office.SignInByLink(t.Context(), "pat", "ada")
		wants(t, "a link from before the login", err, login.ErrNoAccount)
		in := credential.SignIn{ID: "i1", Operator: "omar", Epoch: got.Epoch, Maker: "ada", Issued: h.now, Expires: h.now.Add(time.Hour)}
		a, err := h.office.SignedIn(t.Context(), in)
		if err != nil || a.Maker != "ada" {
			t.Fatalf("%+v %v", a, err)
		}
		on := authority.Object{Kind: "Request", Name: "r", Requester: "ada", Eligible: []string{"omar"}}
		wants(t, "on who made the link's request", h.office.May(t.Context(), a, authority.Decide, on), ErrForbidden)
		if err := h.db.UseOnce(t.Context(), login.EndedID("i1"), h.now.Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		_, err = h.office.SignedIn(t.Context(), in)
		wants(t, "signed out", err, ErrUnknown)
		in.ID, in.Expires = "i2", h.now
		_, err = h.office.SignedIn(t.Context(), in)
		wants(t, "expired", err, ErrUnknown)
		admin, err := h.office.SignedIn(t.Context(), credential.SignIn{ID: "i3", Operator: LocalAdmin, Issued: h.now, Expires: h.now.Add(time.Hour)})
		if err != nil || admin.Name != LocalAdmin || admin.Operator.Has(operator.Approver) {
			t.Errorf("%+v %v", admin, err)
		}
	})
}

func TestR1_ALinkedSignInDecidesOnNothingOfItsMakers(t *testing.T) {
	h := openLodge(t, "sqlite:"+filepath.Join(t.TempDir(), "writ.db"), t.TempDir()).attach(t)
	h.put(t, manifest.Create, parish(h.now)...)
	h.put(t, manifest.Create, somebody("omar", operator.Approver), somebody("ines", operator.Approver))
	q := rights.Quarantine{ID: "q1", Target: rights.Target{Kind: rights.TargetIdentity, Name: "support"}, Reason: "odd", By: "ada", At: h.now}
	h.put(t, manifest.Create, manifest.Resource{Kind: manifest.Quarantine, Name: "q1", Spec: &q})
	ask := Submission{Justification: "it was a false alarm"}
	ask.Ask.Lift = &request.LiftAsk{Quarantine: "q1", Target: q.Target}
	r, err := h.office.Submit(t.Context(), h.actor(t, "ada"), ask)
	if err != nil {
		t.Fatal(err)
	}
	omar := h.actor(t, "omar")
	omar.Maker = "ada"
	_, err = h.office.Decide(t.Context(), omar, r.ID, Verdict{Verdict: "approve", Reason: "fine"})
	wants(t, "by a credential that the requester made", err, ErrSelf)
	omar.Maker = ""
	if _, err := h.office.Decide(t.Context(), omar, r.ID, Verdict{Verdict: "approve", Reason: "fine"}); err != nil {
		t.Errorf("by their own: %v", err)
	}
}
