package analyse

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/identity"
)

func TestIdentitiesAreWhoCanInvoke(t *testing.T) {
	e, err := estate.Load(context.Background(), estate.Sources{Accounts: []string{"../../docs/iam-example/account.json"}})
	if err != nil {
		t.Fatal(err)
	}
	a := New(Config{Estate: e, Now: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)})
	rows, err := a.Identities(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Matrix(context.Background(), a.Principals(), a.Targets(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string]identity.Kind)
	for _, r := range rows {
		if len(r.Principals) != 1 || kinds[r.Principals[0]] != "" {
			t.Fatalf("%s is of %v", r.Name, r.Principals)
		}
		kinds[r.Principals[0]] = r.Kind
		i := r.Identity
		if i.ID = r.Name; i.Validate() != nil {
			t.Errorf("%s: %v", r.Name, i.Validate())
		}
		if !slices.Contains(r.Guessed, "kind") || r.State != "" || r.Sponsor != "" || len(r.Purposes) > 0 {
			t.Errorf("%s says more than the account does: %+v", r.Name, r)
		}
	}
	for i, p := range m.Principals {
		if want := m.Any(i) && !p.ServiceLinked; want != (kinds[p.ARN] != "") {
			t.Errorf("%s can invoke: %t", p.ARN, want)
		}
	}
	for name, want := range map[string]identity.Kind{
		"ci-summariser": identity.CIPipeline, "partner-inference": identity.ThirdParty, "support-agent": identity.Workload,
	} {
		if got := kinds["arn:aws:iam::111122223333:role/"+name]; got != want {
			t.Errorf("%s is a %q, want %q", name, got, want)
		}
	}
}

func TestNamesOfIdentitiesAreNamesAndTellPrincipalsApart(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"Support-Agent", "support-agent.111122223333"}, {"a+b@c", "a-b-c.111122223333"},
		{"-x-", ""}, {"AnEnormouslyLongNameOfARoleThatSomeTemplateMadeForNobodyInParticular1", ""}, {"+++", ""},
	} {
		p := &estate.Principal{Name: c.name}
		p.ARN, p.Principal.Account = "arn:aws:iam::111122223333:role/"+c.name, "111122223333"
		got := nameOf(p)
		if !identity.ValidName(got) || c.want != "" && got != c.want {
			t.Errorf("%s is %q, want %q", c.name, got, c.want)
		}
	}
	if shortened("", "arn:a") == shortened("", "arn:b") {
		t.Error("two principals have one name")
	}
}
