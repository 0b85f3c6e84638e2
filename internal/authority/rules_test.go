package authority

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/operator"
)

func TestEveryActionIsInTheSchema(t *testing.T) {
	vocabulary := theVocabulary()
	known := map[string]bool{}
	for id := range vocabulary.Actions() {
		if vocabulary.Concrete(id) {
			known[string(id.ID)] = true
		}
	}
	for _, a := range Actions {
		if !known[string(a)] {
			t.Errorf("%s is not in the schema", a)
		}
		delete(known, string(a))
	}
	for name := range known {
		t.Errorf("the schema has %s, which is no Action", name)
	}
}

func TestWhatIsNotInTheSchemaIsRefused(t *testing.T) {
	r := rules(t)
	for _, act := range []Action{"", "view", "judge", "run", "become.god"} {
		d := r.Decide(Subject{Operator: holder(operator.Administrator, operator.Auditor)}, act, Object{Kind: "System"})
		if d.Allowed || len(d.Errors) == 0 {
			t.Errorf("%q: %+v", act, d)
		}
	}
}

func TestNobodyMayDoNothing(t *testing.T) {
	r := rules(t)
	for _, act := range Actions {
		for _, o := range []*operator.Operator{nil, {ID: me}} {
			if d := r.Decide(Subject{Operator: o}, act, Object{Kind: "System"}); d.Allowed {
				t.Errorf("%v may %s", o, act)
			}
		}
	}
}

func TestADisabledAccountMayDoNothing(t *testing.T) {
	r := rules(t)
	for _, m := range matrices {
		for _, act := range Actions {
			gone := holder(roleColumns...)
			gone.Disabled = true
			if d := r.Decide(Subject{Operator: gone}, act, m.on); d.Allowed {
				t.Errorf("%s: may still %s", m.name, act)
			}
		}
	}
}

func TestScopesOfARoleAllMustMatch(t *testing.T) {
	r := rules(t)
	on := Object{
		Kind: "Request", Name: "r1", Requester: "other", Eligible: []string{me},
		Tier: "high", Team: "fraud", Entitlement: "fraud-eu", Models: []string{"family:a", "family:b"},
	}
	for _, c := range []struct {
		name string
		held operator.Held
		want bool
	}{
		{"everything", operator.Held{}, true},
		{"its tier", operator.Held{Tiers: []string{"low", "high"}}, true},
		{"another tier", operator.Held{Tiers: []string{"low"}}, false},
		{"its team", operator.Held{Teams: []string{"fraud"}}, true},
		{"another team", operator.Held{Teams: []string{"claims"}}, false},
		{"its entitlement", operator.Held{Entitlements: []string{"fraud-eu"}}, true},
		{"another entitlement", operator.Held{Entitlements: []string{"fraud-us"}}, false},
		{"all of its models", operator.Held{Models: []string{"family:b", "family:a", "family:c"}}, true},
		{"one of its models", operator.Held{Models: []string{"family:a"}}, false},
		{"its team, another tier", operator.Held{Teams: []string{"fraud"}, Tiers: []string{"low"}}, false},
		{"its team and tier", operator.Held{Teams: []string{"fraud"}, Tiers: []string{"high"}}, true},
	} {
		for _, role := range []operator.Role{operator.Approver, operator.Auditor, operator.Remediator, operator.Requester} {
			held := c.held
			held.Role = role
			act := map[operator.Role]Action{operator.Approver: Decide, operator.Auditor: ViewRecord, operator.Remediator: Revoke, operator.Requester: AskGrant}[role]
			o := &operator.Operator{ID: me, Roles: []operator.Held{held}}
			if d := r.Decide(Subject{Operator: o}, act, on); d.Allowed != c.want {
				t.Errorf("%s of %s: may %s is %v", role, c.name, act, d.Allowed)
			}
			if Holds(o, role, on) != c.want {
				t.Errorf("%s of %s: holds is %v", role, c.name, !c.want)
			}
		}
	}
	bounded := &operator.Operator{ID: me, Roles: []operator.Held{{Role: operator.Administrator, Teams: []string{"fraud"}}, {Role: operator.Auditor, Models: []string{"family:a"}}}}
	for _, act := range []Action{Configure, ViewState, ManagePeople} {
		if d := r.Decide(Subject{Operator: bounded}, act, Object{Kind: "System"}); d.Allowed {
			t.Errorf("a role over one team may %s the installation", act)
		}
	}
}

func TestR1_NobodyDecidesOnTheirOwn(t *testing.T) {
	r := rules(t)
	open := Object{Kind: "Request", Name: "r1", Eligible: []string{me, "absent"}, Owners: []string{me, "absent"}, Requester: "other"}
	absent := &operator.Operator{ID: "absent", Roles: []operator.Held{{Role: operator.Approver}}}
	for _, own := range []string{me, "absent"} {
		for name, mark := range map[string]func(*Object){
			"requester": func(o *Object) { o.Requester = own },
			"sponsor":   func(o *Object) { o.Sponsors = []string{"x", own} },
			"barred":    func(o *Object) { o.Barred = []string{own, "y"} },
		} {
			on := open
			mark(&on)
			for _, act := range []Action{Decide, CloseReview} {
				subject := Subject{Operator: holder(operator.Approver), Place: absent}
				if d := r.Decide(subject, act, on); d.Allowed {
					t.Errorf("%s, as %s, may %s", own, name, act)
				}
			}
		}
	}
	if d := r.Decide(Subject{Operator: holder(operator.Approver), Place: absent}, Decide, open); !d.Allowed {
		t.Errorf("with nothing of their own: %+v", d)
	}
}

func TestR1_ACredentialCountsAsItsMakersToo(t *testing.T) {
	r := rules(t)
	open := Object{Kind: "Request", Name: "r1", Eligible: []string{me}, Requester: "other"}
	for name, mark := range map[string]func(*Object){
		"requester": func(o *Object) { o.Requester = "maker" },
		"sponsor":   func(o *Object) { o.Sponsors = []string{"maker"} },
		"barred":    func(o *Object) { o.Barred = []string{"maker"} },
	} {
		on := open
		mark(&on)
		for _, act := range []Action{Decide, CloseReview} {
			if d := r.Decide(Subject{Operator: holder(operator.Approver), Maker: "maker"}, act, on); d.Allowed {
				t.Errorf("by a credential of the %s: may %s", name, act)
			}
			if d := r.Decide(Subject{Operator: holder(operator.Approver)}, act, on); !d.Allowed {
				t.Errorf("by one of their own: %+v", d)
			}
		}
	}
	if d := r.Decide(Subject{Operator: holder(operator.Approver), Maker: "maker"}, Decide, open); !d.Allowed {
		t.Errorf("on what is not the maker's: %+v", d)
	}
}

func TestR16_ADelegateDecidesOnlyWhereTheAbsentCould(t *testing.T) {
	r := rules(t)
	on := Object{Kind: "Request", Name: "r1", Requester: "other", Team: "fraud", Eligible: []string{"absent"}}
	approver := func(team string) *operator.Operator {
		return &operator.Operator{ID: "absent", Roles: []operator.Held{{Role: operator.Approver, Teams: []string{team}}}}
	}
	for _, c := range []struct {
		name  string
		place *operator.Operator
		mark  func(*Object)
		want  bool
	}{
		{"an approver of the team", approver("fraud"), func(*Object) {}, true},
		{"an approver of another team", approver("claims"), func(*Object) {}, false},
		{"an owner", &operator.Operator{ID: "absent"}, func(o *Object) { o.Owners = []string{"absent"} }, true},
		{"neither", &operator.Operator{ID: "absent"}, func(*Object) {}, false},
		{"somebody that the stage does not name", approver("fraud"), func(o *Object) { o.Eligible = []string{me} }, false},
		{"a disabled account", &operator.Operator{ID: "absent", Disabled: true, Roles: approver("fraud").Roles}, func(*Object) {}, false},
		{"oneself", &operator.Operator{ID: me, Roles: approver("fraud").Roles}, func(*Object) {}, false},
	} {
		object := on
		c.mark(&object)
		d := r.Decide(Subject{Operator: holder(operator.Requester), Place: c.place}, Decide, object)
		if d.Allowed != c.want {
			t.Errorf("in the place of %s: %+v", c.name, d)
		}
		if d := r.Decide(Subject{Operator: holder(operator.Administrator), Place: c.place}, Decide, object); d.Allowed {
			t.Errorf("an administrator decides in the place of %s", c.name)
		}
		for _, act := range Actions {
			if act == Decide || act == CloseReview || act == DecideHold || act == Unfreeze {
				continue
			}
			alone := r.Decide(Subject{Operator: holder(operator.Requester)}, act, object).Allowed
			if r.Decide(Subject{Operator: holder(operator.Requester), Place: c.place}, act, object).Allowed && !alone {
				t.Errorf("in the place of %s: may %s", c.name, act)
			}
		}
	}
}

func TestAnAdministratorOfAnythingJudgesNothing(t *testing.T) {
	o := holder(operator.Approver, operator.BreakGlass)
	o.Roles = append(o.Roles, operator.Held{Role: operator.Administrator, Teams: []string{"another"}})
	on := Object{Kind: "Request", Name: "r1", Requester: "other", Team: "fraud", Owners: []string{me}, Eligible: []string{me}}
	for _, act := range []Action{Decide, CloseReview, DecideHold, AskEmergency} {
		if d := rules(t).Decide(Subject{Operator: o}, act, on); d.Allowed {
			t.Errorf("may %s: %v", act, d.Reasons)
		}
	}
}

func TestS24_AProgramReleasesNothingAndSeesNothingHeld(t *testing.T) {
	r := rules(t)
	on := Object{Kind: "Hold", Name: "h1", Eligible: []string{me, "absent"}}
	program, human := holder(operator.Approver), holder(operator.Approver)
	program.Kind = operator.Automation
	absent := &operator.Operator{ID: "absent", Kind: operator.Automation, Roles: human.Roles}
	for _, act := range []Action{DecideHold, ViewHold} {
		if d := r.Decide(Subject{Operator: program}, act, on); d.Allowed {
			t.Errorf("a program: may %s: %v", act, d.Reasons)
		}
		if d := r.Decide(Subject{Operator: human, Place: absent}, act, on); d.Allowed {
			t.Errorf("in a program's place: may %s: %v", act, d.Reasons)
		}
		if d := r.Decide(Subject{Operator: human}, act, on); !d.Allowed {
			t.Errorf("a human: may not %s: %v", act, d.Reasons)
		}
		if d := r.Decide(Subject{Operator: human, Scopes: []string{string(Decide)}}, act, on); d.Allowed {
			t.Errorf("by a token for other things: may %s: %v", act, d.Reasons)
		}
	}
}

func TestAProgramTakesNoEmergencyGrant(t *testing.T) {
	o := holder(operator.BreakGlass)
	o.Kind = operator.Automation
	if d := rules(t).Decide(Subject{Operator: o}, AskEmergency, Object{Kind: "Entitlement", Name: "e"}); d.Allowed {
		t.Error("it does")
	}
}

func TestTokensForOthersAreForProgramsOnly(t *testing.T) {
	r := rules(t)
	for _, c := range []struct {
		on   Object
		want bool
	}{
		{Object{Kind: "Operator", Name: "bot", Automation: true}, true},
		{Object{Kind: "Operator", Name: "dana"}, false},
	} {
		if d := r.Decide(Subject{Operator: holder(operator.Administrator)}, IssueToken, c.on); d.Allowed != c.want {
			t.Errorf("%+v: %v", c.on, d.Allowed)
		}
	}
}

func TestS6_AForbidThatErrsDenies(t *testing.T) {
	r := rules(t, Document{Name: "house", Text: `@id("sum") forbid (principal, action == Control::Action::"configure", resource)
		when { resource.models.contains(resource.name) && resource.name like "x*" && principal.roles.contains("none") };`})
	if d := r.Decide(Subject{Operator: holder(operator.Administrator)}, Configure, Object{Kind: "Model", Name: "x", Models: []string{"x"}}); !d.Allowed || len(d.Errors) > 0 {
		t.Errorf("a forbid that does not hold: %+v", d)
	}
	r = rules(t, Document{Name: "house", Text: `@id("sum") forbid (principal, action == Control::Action::"configure", resource)
		when { 9223372036854775807 + (if principal.disabled then 0 else 1) > 0 };`})
	d := r.Decide(Subject{Operator: holder(operator.Administrator)}, Configure, Object{Kind: "System"})
	if d.Allowed || len(d.Errors) != 1 || d.Errors[0].Rule != "house/sum" {
		t.Errorf("a forbid that errs: %+v", d)
	}
}

func TestAnOrganisationMayForbidAndNotPermit(t *testing.T) {
	r := rules(t, Document{Name: "house", Text: `@id("two-hands") @text("decisions are made signed in") forbid (principal, action == Control::Action::"decide", resource) when { context.byToken };`})
	on := Object{Kind: "Request", Name: "r", Requester: "other", Eligible: []string{me}}
	if d := r.Decide(Subject{Operator: holder(operator.Approver)}, Decide, on); !d.Allowed {
		t.Errorf("signed in: %+v", d)
	}
	d := r.Decide(Subject{Operator: holder(operator.Approver), Scopes: []string{AllScopes}}, Decide, on)
	if d.Allowed || !slices.Contains(d.Reasons, "decisions are made signed in") {
		t.Errorf("by token: %+v", d)
	}
	for name, text := range map[string]string{
		"only a forbid":        `permit (principal, action, resource);`,
		"not valid":            `forbid (principal, action, resource) when { principal.rols.contains("x") };`,
		"parsing":              `forbid (principal`,
		"empty or reserved":    ``,
		"the name is taken":    `@id("a") forbid (principal, action, resource); @id("a") forbid (principal, action, resource);`,
		"not in another world": `forbid (principal is Writ::Identity, action, resource);`,
	} {
		doc := Document{Name: "house", Text: text}
		if text == "" {
			doc.Name = builtinName
		}
		_, err := New([]Document{doc})
		if err == nil || strings.Contains(name, "only") && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func drawOperator(t *rapid.T) *operator.Operator {
	o := &operator.Operator{ID: me, Kind: rapid.SampledFrom([]operator.Kind{"", operator.Human, operator.Automation}).Draw(t, "kind")}
	for range rapid.IntRange(0, 4).Draw(t, "roles") {
		o.Roles = append(o.Roles, drawHeld(t, rapid.SampledFrom(operator.Roles).Draw(t, "role")))
	}
	return o
}

func drawHeld(t *rapid.T, role operator.Role) operator.Held {
	some := func(name string, of ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 0, 2, rapid.ID).Draw(t, name)
	}
	return operator.Held{Role: role, Tiers: some("tiers", "low", "high"), Teams: some("teams", "fraud", "claims"),
		Entitlements: some("entitlements", "e1", "e2"), Models: some("models", "m1", "m2")}
}

func drawObject(t *rapid.T) Object {
	who := func(name string) []string {
		return rapid.SliceOfN(rapid.SampledFrom([]string{me, "other", "third"}), 0, 2).Draw(t, name)
	}
	return Object{
		Kind: rapid.SampledFrom([]string{"Request", "Grant", "Identity", "Model", "Entitlement", "Operator", "Token", "Delegation", "Quarantine", "System"}).Draw(t, "on"),
		Name: rapid.SampledFrom([]string{"", me, "other", "x"}).Draw(t, "name"),
		Tier: rapid.SampledFrom([]string{"", "low", "high"}).Draw(t, "tier"), Team: rapid.SampledFrom([]string{"", "fraud", "claims"}).Draw(t, "team"),
		Entitlement: rapid.SampledFrom([]string{"", "e1", "e2"}).Draw(t, "entitlement"),
		Models:      rapid.SliceOfN(rapid.SampledFrom([]string{"m1", "m2"}), 0, 2).Draw(t, "of"),
		Requester:   rapid.SampledFrom([]string{"", me, "other"}).Draw(t, "requester"), Automation: rapid.Bool().Draw(t, "automation"),
		Sponsors: who("sponsors"), Owners: who("owners"), Eligible: who("eligible"), Barred: who("barred"),
	}
}

func TestR18_SeeingAndDecidingAreDifferentRights(t *testing.T) {
	r := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		o, on := drawOperator(t), drawObject(t)
		with := func(role operator.Role) *operator.Operator {
			more := *o
			more.Roles = append(slices.Clone(o.Roles), drawHeld(t, role))
			return &more
		}
		auditor, approver := with(operator.Auditor), with(operator.Approver)
		for _, act := range Actions {
			before := r.Decide(Subject{Operator: o}, act, on).Allowed
			looks := strings.HasPrefix(string(act), "view.")
			if r.Decide(Subject{Operator: auditor}, act, on).Allowed && !before && !looks {
				t.Fatalf("being an auditor too lets %+v %s %+v", o, act, on)
			}
			if r.Decide(Subject{Operator: approver}, act, on).Allowed && !before && looks {
				t.Fatalf("being an approver too lets %+v %s %+v", o, act, on)
			}
		}
	})
}

func TestScopesOfATokenOnlyNarrow(t *testing.T) {
	r := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		o, on := drawOperator(t), drawObject(t)
		scopes := []string{}
		for range rapid.IntRange(0, 3).Draw(t, "scopes") {
			scopes = append(scopes, string(rapid.SampledFrom(Actions).Draw(t, "scope")))
		}
		for _, act := range Actions {
			without := r.Decide(Subject{Operator: o}, act, on).Allowed
			with := r.Decide(Subject{Operator: o, Scopes: scopes}, act, on).Allowed
			if want := without && slices.Contains(scopes, string(act)); with != want {
				t.Fatalf("%v: %s is %v, want %v", scopes, act, with, want)
			}
			if all := r.Decide(Subject{Operator: o, Scopes: []string{AllScopes}}, act, on).Allowed; all != without {
				t.Fatalf("*: %s is %v", act, all)
			}
		}
	})
}

func TestDecidingIsDeterministicInTheOrderOfRoles(t *testing.T) {
	r := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		o, on := drawOperator(t), drawObject(t)
		turned := *o
		turned.Roles = slices.Clone(o.Roles)
		slices.Reverse(turned.Roles)
		for _, act := range Actions {
			if a, b := r.Decide(Subject{Operator: o}, act, on), r.Decide(Subject{Operator: &turned}, act, on); a.Allowed != b.Allowed {
				t.Fatalf("%s: %v and %v", act, a, b)
			}
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	r := rules(b)
	on := Object{Kind: "Request", Name: "r1", Requester: "other", Tier: "high", Team: "fraud", Models: []string{"family:a"}, Eligible: []string{me, "x", "y"}, Sponsors: []string{"s", "o"}}
	subject := Subject{Operator: holder(operator.Approver, operator.Requester)}
	b.ReportAllocs()
	for b.Loop() {
		if !r.Decide(subject, ViewRight, on).Allowed {
			b.Fatal("not allowed")
		}
	}
}
