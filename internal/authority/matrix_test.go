package authority

import (
	"fmt"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/operator"
)

// roleColumns are the columns of the matrices below, in order.
var roleColumns = []operator.Role{
	operator.Requester, operator.Approver, operator.Auditor, operator.Remediator, operator.BreakGlass, operator.Administrator,
}

// me is the operator that the matrices ask about.
const me = "me"

// matrices say, by hand, who may do what to which object. A row that is missing
// is one where nobody may.
var matrices = []struct {
	name  string
	on    Object
	table string
}{
	{"the installation", Object{Kind: "System"}, `
		                requester approver auditor remediator break_glass administrator
		view.state          -        -       yes      yes         -            yes
		view.people         -        -       yes       -          -            yes
		view.right          -        -       yes       -          -             -
		view.record         -        -       yes       -          -             -
		view.decision       -        -       yes       -          -             -
		view.spend          -        -       yes       -          -            yes
		ask.grant          yes       -        -        -          -             -
		ask.emergency       -        -        -        -         yes            -
		ask.change          -        -        -        -          -            yes
		ask.lift            -        -        -       yes         -            yes
		ask.waiver         yes       -        -        -          -            yes
		configure           -        -        -        -          -            yes
		inventory           -        -        -        -          -            yes
		attest              -        -        -        -          -            yes
		manage.people       -        -        -        -          -            yes
		revoke.token        -        -        -       yes         -            yes
		revoke              -        -        -       yes         -             -
		quarantine          -        -        -       yes         -             -
		impersonate         -        -        -        -          -            yes
		rotate.keys         -        -        -        -          -            yes
		switch.observe      -        -        -        -          -            yes
		back.up             -        -        -        -          -            yes
	`},
	{"somebody else's request", Object{Kind: "Request", Name: "r1", Requester: "other", Eligible: []string{"third"}}, `
		                requester approver auditor remediator break_glass administrator
		view.state          -        -       yes      yes         -            yes
		view.people         -        -       yes       -          -            yes
		view.right          -        -       yes       -          -             -
		view.record         -        -       yes       -          -             -
		view.decision       -        -       yes       -          -             -
		view.spend          -        -       yes       -          -            yes
		ask.grant          yes       -        -        -          -             -
		ask.emergency       -        -        -        -         yes            -
		ask.change          -        -        -        -          -            yes
		ask.lift            -        -        -       yes         -            yes
		ask.waiver         yes       -        -        -          -            yes
		configure           -        -        -        -          -            yes
		inventory           -        -        -        -          -            yes
		attest              -        -        -        -          -            yes
		manage.people       -        -        -        -          -            yes
		revoke.token        -        -        -       yes         -            yes
		revoke              -        -        -       yes         -             -
		quarantine          -        -        -       yes         -             -
		impersonate         -        -        -        -          -            yes
		rotate.keys         -        -        -        -          -            yes
		switch.observe      -        -        -        -          -            yes
		back.up             -        -        -        -          -            yes
	`},
	{"a request whose open stage names one", Object{Kind: "Request", Name: "r1", Requester: "other", Eligible: []string{me}}, `
		                requester approver auditor remediator break_glass administrator
		view.state          -        -       yes      yes         -            yes
		view.people         -        -       yes       -          -            yes
		view.right         yes      yes      yes      yes        yes           yes
		view.record         -        -       yes       -          -             -
		view.decision       -        -       yes       -          -             -
		view.spend          -        -       yes       -          -            yes
		ask.grant          yes       -        -        -          -             -
		ask.emergency       -        -        -        -         yes            -
		ask.change          -        -        -        -          -            yes
		ask.lift            -        -        -       yes         -            yes
		ask.waiver         yes       -        -        -          -            yes
		decide              -       yes       -        -          -             -
		close.review        -       yes       -        -          -             -
		decide.hold         -       yes       -        -          -             -
		unfreeze            -       yes       -        -          -             -
		configure           -        -        -        -          -            yes
		inventory           -        -        -        -          -            yes
		attest              -        -        -        -          -            yes
		manage.people       -        -        -        -          -            yes
		revoke.token        -        -        -       yes         -            yes
		revoke              -        -        -       yes         -             -
		quarantine          -        -        -       yes         -             -
		impersonate         -        -        -        -          -            yes
		rotate.keys         -        -        -        -          -            yes
		switch.observe      -        -        -        -          -            yes
		back.up             -        -        -        -          -            yes
	`},
	{"one's own request, which names one too", Object{Kind: "Request", Name: "r1", Requester: me, Eligible: []string{me}}, `
		                requester approver auditor remediator break_glass administrator
		view.state          -        -       yes      yes         -            yes
		view.people         -        -       yes       -          -            yes
		view.right         yes      yes      yes      yes        yes           yes
		view.record         -        -       yes       -          -             -
		view.decision       -        -       yes       -          -             -
		view.spend          -        -       yes       -          -            yes
		ask.grant          yes       -        -        -          -             -
		ask.emergency       -        -        -        -         yes            -
		ask.change          -        -        -        -          -            yes
		ask.lift            -        -        -       yes         -            yes
		ask.waiver         yes       -        -        -          -            yes
		cancel             yes      yes      yes      yes        yes           yes
		configure           -        -        -        -          -            yes
		inventory           -        -        -        -          -            yes
		attest              -        -        -        -          -            yes
		manage.people       -        -        -        -          -            yes
		revoke.token        -        -        -       yes         -            yes
		delegate           yes      yes      yes      yes        yes           yes
		revoke             yes      yes      yes      yes        yes           yes
		quarantine          -        -        -       yes         -             -
		impersonate         -        -        -        -          -            yes
		rotate.keys         -        -        -        -          -            yes
		switch.observe      -        -        -        -          -            yes
		back.up             -        -        -        -          -            yes
	`},
	{"a request about an identity that one sponsors", Object{Kind: "Request", Name: "r1", Requester: "other", Sponsors: []string{me}, Eligible: []string{me}}, `
		                requester approver auditor remediator break_glass administrator
		view.state          -        -       yes      yes         -            yes
		view.people         -        -       yes       -          -            yes
		view.right         yes      yes      yes      yes        yes           yes
		view.record         -        -       yes       -          -             -
		view.decision       -        -       yes       -          -             -
		view.spend          -        -       yes       -          -            yes
		ask.grant          yes       -        -        -          -             -
		ask.emergency       -        -        -        -         yes            -
		ask.change          -        -        -        -          -            yes
		ask.lift           yes      yes      yes      yes        yes           yes
		ask.waiver         yes      yes      yes      yes        yes           yes
		configure           -        -        -        -          -            yes
		inventory           -        -        -        -          -            yes
		confirm            yes      yes      yes      yes        yes           yes
		attest              -        -        -        -          -            yes
		manage.people       -        -        -        -          -            yes
		revoke.token        -        -        -       yes         -            yes
		revoke             yes      yes      yes      yes        yes           yes
		quarantine         yes      yes      yes      yes        yes           yes
		impersonate         -        -        -        -          -            yes
		rotate.keys         -        -        -        -          -            yes
		switch.observe      -        -        -        -          -            yes
		back.up             -        -        -        -          -            yes
	`},
	{"a request for what one owns, which names one", Object{Kind: "Request", Name: "r1", Requester: "other", Owners: []string{me}, Eligible: []string{me}}, `
		                requester approver auditor remediator break_glass administrator
		view.state          -        -       yes      yes         -            yes
		view.people         -        -       yes       -          -            yes
		view.right         yes      yes      yes      yes        yes           yes
		view.record         -        -       yes       -          -             -
		view.decision       -        -       yes       -          -             -
		view.spend          -        -       yes       -          -            yes
		ask.grant          yes       -        -        -          -             -
		ask.emergency       -        -        -        -         yes            -
		ask.change          -        -        -        -          -            yes
		ask.lift            -        -        -       yes         -            yes
		ask.waiver         yes       -        -        -          -            yes
		decide             yes      yes      yes      yes        yes            -
		close.review       yes      yes      yes      yes        yes            -
		decide.hold        yes      yes      yes      yes        yes            -
		unfreeze           yes      yes      yes      yes        yes            -
		configure           -        -        -        -          -            yes
		inventory           -        -        -        -          -            yes
		attest             yes      yes      yes      yes        yes           yes
		manage.people       -        -        -        -          -            yes
		revoke.token        -        -        -       yes         -            yes
		revoke             yes      yes      yes      yes        yes           yes
		quarantine          -        -        -       yes         -             -
		impersonate         -        -        -        -          -            yes
		rotate.keys         -        -        -        -          -            yes
		switch.observe      -        -        -        -          -            yes
		back.up             -        -        -        -          -            yes
	`},
	{"a hold that names one", Object{Kind: "Hold", Name: "h1", Eligible: []string{me}}, `
		                requester approver auditor remediator break_glass administrator
		view.state          -        -       yes      yes         -            yes
		view.people         -        -       yes       -          -            yes
		view.right         yes      yes      yes      yes        yes           yes
		view.record         -        -       yes       -          -             -
		view.decision       -        -       yes       -          -             -
		view.spend          -        -       yes       -          -            yes
		view.hold          yes      yes      yes      yes        yes           yes
		ask.grant          yes       -        -        -          -             -
		ask.emergency       -        -        -        -         yes            -
		ask.change          -        -        -        -          -            yes
		ask.lift            -        -        -       yes         -            yes
		ask.waiver         yes       -        -        -          -            yes
		decide              -       yes       -        -          -             -
		close.review        -       yes       -        -          -             -
		decide.hold         -       yes       -        -          -             -
		unfreeze            -       yes       -        -          -             -
		configure           -        -        -        -          -            yes
		inventory           -        -        -        -          -            yes
		attest              -        -        -        -          -            yes
		manage.people       -        -        -        -          -            yes
		revoke.token        -        -        -       yes         -            yes
		revoke              -        -        -       yes         -             -
		quarantine          -        -        -       yes         -             -
		impersonate         -        -        -        -          -            yes
		rotate.keys         -        -        -        -          -            yes
		switch.observe      -        -        -        -          -            yes
		back.up             -        -        -        -          -            yes
	`},
	{"a hold of an identity that one sponsors", Object{Kind: "Hold", Name: "h1", Sponsors: []string{me}}, `
		                requester approver auditor remediator break_glass administrator
		view.state          -        -       yes      yes         -            yes
		view.people         -        -       yes       -          -            yes
		view.right         yes      yes      yes      yes        yes           yes
		view.record         -        -       yes       -          -             -
		view.decision       -        -       yes       -          -             -
		view.spend          -        -       yes       -          -            yes
		ask.grant          yes       -        -        -          -             -
		ask.emergency       -        -        -        -         yes            -
		ask.change          -        -        -        -          -            yes
		ask.lift           yes      yes      yes      yes        yes           yes
		ask.waiver         yes      yes      yes      yes        yes           yes
		configure           -        -        -        -          -            yes
		inventory           -        -        -        -          -            yes
		confirm            yes      yes      yes      yes        yes           yes
		attest              -        -        -        -          -            yes
		manage.people       -        -        -        -          -            yes
		revoke.token        -        -        -       yes         -            yes
		revoke             yes      yes      yes      yes        yes           yes
		quarantine         yes      yes      yes      yes        yes           yes
		impersonate         -        -        -        -          -            yes
		rotate.keys         -        -        -        -          -            yes
		switch.observe      -        -        -        -          -            yes
		back.up             -        -        -        -          -            yes
	`},
	{"one's own account", Object{Kind: "Operator", Name: me}, `
		                requester approver auditor remediator break_glass administrator
		view.state          -        -       yes      yes         -            yes
		view.people        yes      yes      yes      yes        yes           yes
		view.right          -        -       yes       -          -             -
		view.record         -        -       yes       -          -             -
		view.decision       -        -       yes       -          -             -
		view.spend          -        -       yes       -          -            yes
		ask.grant          yes       -        -        -          -             -
		ask.emergency       -        -        -        -         yes            -
		ask.change          -        -        -        -          -            yes
		ask.lift            -        -        -       yes         -            yes
		ask.waiver         yes       -        -        -          -            yes
		configure           -        -        -        -          -            yes
		inventory           -        -        -        -          -            yes
		attest              -        -        -        -          -            yes
		issue.token        yes      yes      yes      yes        yes           yes
		revoke.token       yes      yes      yes      yes        yes           yes
		revoke              -        -        -       yes         -             -
		quarantine          -        -        -       yes         -             -
		impersonate         -        -        -        -          -            yes
		rotate.keys         -        -        -        -          -            yes
		switch.observe      -        -        -        -          -            yes
		back.up             -        -        -        -          -            yes
	`},
}

// kindsOnly are the rows in which another kind of object changes the answer.
var kindsOnly = []struct {
	kind string
	act  Action
	want []operator.Role
}{
	{"Entitlement", ViewRight, []operator.Role{operator.Requester, operator.BreakGlass, operator.Administrator, operator.Auditor}},
	{"Identity", ViewRight, []operator.Role{operator.Administrator, operator.Remediator, operator.Auditor}},
	{"Model", ViewRight, []operator.Role{operator.Administrator, operator.Remediator, operator.Auditor}},
	{"Grant", ViewRight, []operator.Role{operator.Remediator, operator.Auditor}},
	{"Quarantine", ViewRight, []operator.Role{operator.Remediator, operator.Auditor}},
	{"Request", ViewRight, []operator.Role{operator.Auditor}},
	{"Hold", ViewRight, []operator.Role{operator.Auditor}},
	{"Hold", ViewHold, nil},
	{"Hold", DecideHold, nil},
	{"Waiver", ViewRight, []operator.Role{operator.Auditor}},
	{"Token", ViewPeople, []operator.Role{operator.Administrator, operator.Auditor}},
	{"Token", IssueToken, nil},
	{"Budget", ViewSpend, []operator.Role{operator.Administrator, operator.Approver, operator.Auditor}},
	{"Budget", Unfreeze, nil}, // of those whom it names only
}

func holder(roles ...operator.Role) *operator.Operator {
	o := &operator.Operator{ID: me, Email: "me@example.com"}
	for _, r := range roles {
		o.Roles = append(o.Roles, operator.Held{Role: r})
	}
	return o
}

func rules(t testing.TB, extra ...Document) *Rules {
	t.Helper()
	r, err := New(extra)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEachRoleMayDoWhatTheMatrixSaysAndNothingElse(t *testing.T) {
	r := rules(t)
	for _, m := range matrices {
		allowed := parseMatrix(t, m.table)
		for _, act := range Actions {
			for _, role := range roleColumns {
				d := r.Decide(Subject{Operator: holder(role)}, act, m.on)
				if want := allowed[fmt.Sprint(act, " ", role)]; d.Allowed != want || len(d.Errors) > 0 {
					t.Errorf("%s, %s to %s: allowed %v, want %v (%v %v)", m.name, role, act, d.Allowed, want, d.Reasons, d.Errors)
				}
			}
		}
	}
	for _, k := range kindsOnly {
		for _, role := range roleColumns {
			d := r.Decide(Subject{Operator: holder(role)}, k.act, Object{Kind: k.kind, Name: "x", Requester: "other"})
			want := false
			for _, w := range k.want {
				want = want || w == role
			}
			if d.Allowed != want {
				t.Errorf("%s to %s a %s: allowed %v, want %v", role, k.act, k.kind, d.Allowed, want)
			}
		}
	}
}

// parseMatrix returns the cells that say yes, by "action role".
func parseMatrix(t *testing.T, table string) map[string]bool {
	t.Helper()
	out := make(map[string]bool)
	lines := strings.Split(strings.TrimSpace(table), "\n")
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		if len(cells) != 1+len(roleColumns) {
			t.Fatalf("row %q has %d cells", line, len(cells))
		}
		for i, role := range roleColumns {
			out[cells[0]+" "+string(role)] = cells[1+i] == "yes"
		}
	}
	return out
}
