package widening

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
)

// TestS18_AnOperatorWhoMayDoMoreIsFound.
func TestS18_AnOperatorWhoMayDoMoreIsFound(t *testing.T) {
	dana := operator.Operator{Email: "dana@example.com", Teams: []string{"payments"}, Login: &operator.Login{Issuer: "https://idp.example", Subject: "1"}, Epoch: 3,
		Roles: []operator.Held{{Role: operator.Requester}, {Role: operator.Approver, Tiers: []string{"low", "medium"}, Teams: []string{"payments"}}}}
	approving := func(o *operator.Operator) *operator.Held { return &o.Roles[1] }
	for name, tc := range map[string]struct {
		prepare, change func(*operator.Operator)
		text            string // empty: no widening
	}{
		"a role":             {nil, func(o *operator.Operator) { o.Roles = append(o.Roles, operator.Held{Role: operator.Auditor}) }, "auditor over everything"},
		"a tier":             {nil, func(o *operator.Operator) { approving(o).Tiers = append(approving(o).Tiers, "high") }, "tiers low, medium, high"},
		"every tier":         {nil, func(o *operator.Operator) { approving(o).Tiers = nil }, "teams payments"},
		"one tier only":      {nil, func(o *operator.Operator) { approving(o).Tiers = []string{"low"} }, ""},
		"one model only":     {nil, func(o *operator.Operator) { approving(o).Models = []string{"family:amazon.nova"} }, ""},
		"a role less":        {nil, func(o *operator.Operator) { o.Roles = o.Roles[:1] }, ""},
		"a team":             {nil, func(o *operator.Operator) { o.Teams = append(o.Teams, "risk") }, "team risk"},
		"a login":            {func(o *operator.Operator) { o.Login = nil }, func(o *operator.Operator) { o.Login = dana.Login }, "login"},
		"another login":      {nil, func(o *operator.Operator) { o.Login = &operator.Login{Issuer: "https://idp.example", Subject: "2"} }, "login"},
		"no login":           {nil, func(o *operator.Operator) { o.Login = nil }, ""},
		"in use again":       {func(o *operator.Operator) { o.Disabled = true }, func(o *operator.Operator) { o.Disabled = false }, "in use again"},
		"disabled":           {nil, func(o *operator.Operator) { o.Disabled, o.Teams = true, []string{"risk"} }, ""},
		"another person":     {nil, func(o *operator.Operator) { o.Person = "erin" }, "person"},
		"another address":    {nil, func(o *operator.Operator) { o.Email = "erin@example.com" }, "named by"},
		"no automation":      {func(o *operator.Operator) { o.Kind = operator.Automation }, func(o *operator.Operator) { o.Kind = operator.Human }, "human"},
		"automation":         {nil, func(o *operator.Operator) { o.Kind = operator.Automation }, ""},
		"an epoch back":      {nil, func(o *operator.Operator) { o.Epoch = 2 }, "count again"},
		"sign-ins voided":    {nil, func(o *operator.Operator) { o.Epoch = 4 }, ""},
		"roles in any order": {nil, func(o *operator.Operator) { o.Roles[0], o.Roles[1] = o.Roles[1], o.Roles[0] }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			with := func(change func(*operator.Operator)) edits {
				return edits{edit(manifest.Operator, "dana", func(o *operator.Operator) {
					if o.Email == "" {
						*o = dana
						o.Roles = append([]operator.Held(nil), dana.Roles...)
					}
					if change != nil {
						change(o)
					}
				})}
			}
			before, _ := changed(t, theTown(), with(tc.prepare))
			after, changes := changed(t, before, with(tc.change))
			found := Roles(before, after, changes)
			if len(found) > 1 || len(found) == 1 != (tc.text != "") {
				t.Fatalf("found %+v", found)
			}
			if tc.text != "" && (found[0].Operator != "dana" || found[0].Cause != "Operator/dana" || !strings.Contains(found[0].Text, tc.text)) {
				t.Errorf("found %+v, want %q", found[0], tc.text)
			}
		})
	}
}

// TestS18_ANewOperatorIsFound, whatever it holds: its address may be an owner's.
func TestS18_ANewOperatorIsFound(t *testing.T) {
	for name, tc := range map[string]struct {
		made operator.Operator
		want int
	}{
		"with a role":  {operator.Operator{Email: "erin@example.com", Roles: []operator.Held{{Role: operator.Approver}}}, 1},
		"with nothing": {operator.Operator{Email: "erin@example.com"}, 1},
	} {
		after, changes := changed(t, theTown(), edits{edit(manifest.Operator, "erin", func(o *operator.Operator) { *o = tc.made })})
		if found := Roles(theTown(), after, changes); len(found) != tc.want {
			t.Errorf("%s: found %+v", name, found)
		}
	}
}
