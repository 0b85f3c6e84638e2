package governance

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

func row(name string, change func(*identity.Identity)) identity.Row {
	r := identity.Row{Line: 2, Name: name, Identity: identity.Identity{Kind: identity.Workload, Environment: "prod"}}
	change(&r.Identity)
	return r
}

func TestAnImportEntersAndUpdatesAndNeverWidens(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		h := settled(t, dsn, t.TempDir())
		ada := h.actor(t, "ada")
		const arn = "arn:aws:iam::111122223333:role/support"
		report, err := h.office.Import(t.Context(), ada, ImportOrder{Rows: []identity.Row{
			row("fresh", func(i *identity.Identity) { i.Sponsor = "dana@example.com" }),
			row("stray", func(*identity.Identity) {}),
			row("support", func(i *identity.Identity) {
				i.Kind, i.Environment, i.Team, i.Purposes = identity.Workload, "dev", "sales", []string{"everything"}
				i.Owner, i.Tags, i.Principals, i.MaxSession = "mira@example.com", []string{"pii"}, []string{arn}, identity.Duration(12*time.Hour)
			}),
		}})
		if err != nil || len(report.Problems) > 0 {
			t.Fatal(err, report.Problems)
		}
		if report.Created != 2 || report.Updated != 1 {
			t.Errorf("%+v", report)
		}
		item := report.Items[2]
		if !slices.Equal(item.Fields, []string{"owner", "tags", "principals"}) || !slices.Equal(item.Kept, []string{"environment", "kind", "maxSession", "purposes", "team"}) {
			t.Errorf("support: changed %v, kept %v", item.Fields, item.Kept)
		}
		s := h.state.Current()
		fresh, _ := s.Identity("fresh")
		stray, _ := s.Identity("stray")
		support, _ := s.Identity("support")
		if fresh.State != identity.Claimed || stray.State != identity.Discovered || support.State != identity.Claimed {
			t.Errorf("states %s, %s, %s", fresh.State, stray.State, support.State)
		}
		if support.Kind != identity.Agent || support.Environment != "prod" || support.Team != "support" || len(support.Purposes) > 0 || support.MaxSession != 0 {
			t.Errorf("an import widened an identity: %+v", support)
		}
		if !slices.Equal(support.Tags, []string{"eu", "pii"}) {
			t.Errorf("tags %v", support.Tags)
		}
		// What is found in an account means the identity by its principal, and
		// changes nothing that somebody stated.
		report, err = h.office.Import(t.Context(), ada, ImportOrder{Found: true, Rows: []identity.Row{
			row("support.111122223333", func(i *identity.Identity) { i.Principals, i.Sponsor = []string{arn}, "ada@example.com" }),
		}})
		if err != nil || report.Unchanged != 1 || report.Items[0].Name != "support" {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

func TestAnImportWithAProblemDoesNothing(t *testing.T) {
	h := settled(t, storetest.SQLite(t), t.TempDir())
	h.put(t, manifest.Update, manifest.Resource{Kind: manifest.Identity, Name: "bot", Spec: &identity.Identity{Kind: identity.Agent, Environment: "prod", Principals: []string{"arn:x"}}})
	before := h.state.Current().Revision
	for name, c := range map[string]struct {
		rows []identity.Row
		want string
	}{
		"no environment":       {[]identity.Row{row("a", func(i *identity.Identity) { i.Environment = "" })}, "environment"},
		"no kind":              {[]identity.Row{row("a", func(i *identity.Identity) { i.Kind = "robot" })}, "robot"},
		"no name":              {[]identity.Row{row("A b", func(*identity.Identity) {})}, "name"},
		"a state":              {[]identity.Row{row("a", func(i *identity.Identity) { i.State = identity.Governed })}, "not for an import"},
		"an epoch":             {[]identity.Row{row("a", func(i *identity.Identity) { i.Epoch = 9 })}, "not for an import"},
		"a confirmation":       {[]identity.Row{row("a", func(i *identity.Identity) { i.ConfirmedBy = "dana" })}, "not for an import"},
		"one identity twice":   {[]identity.Row{row("bot", func(*identity.Identity) {}), row("z", func(i *identity.Identity) { i.Principals = []string{"arn:x"} })}, "same identity"},
		"another's principal":  {[]identity.Row{row("support", func(i *identity.Identity) { i.Principals = []string{"arn:x"} })}, "known as another"},
		"one of two is broken": {[]identity.Row{row("a", func(*identity.Identity) {}), row("b", func(i *identity.Identity) { i.Environment = "" })}, "environment"},
	} {
		report, err := h.office.Import(t.Context(), h.actor(t, "ada"), ImportOrder{Rows: c.rows})
		if err != nil || len(report.Problems) != 1 || !strings.Contains(report.Problems[0].Text, c.want) {
			t.Errorf("%s: %+v, %v", name, report.Problems, err)
		}
	}
	if _, err := h.office.Import(t.Context(), h.actor(t, "ada"), ImportOrder{Rows: []identity.Row{row("a", func(*identity.Identity) {})}, DryRun: true}); err != nil {
		t.Fatal(err)
	}
	if now := h.state.Current().Revision; now != before {
		t.Errorf("the revision went from %d to %d", before, now)
	}
	report, err := h.office.Import(t.Context(), h.actor(t, "dana"), ImportOrder{Rows: []identity.Row{row("a", func(*identity.Identity) {})}})
	if err == nil && len(report.Problems) != 1 {
		t.Errorf("a requester imported: %+v", report)
	}
}

func TestAnImportOfManyIsCommittedInParts(t *testing.T) {
	h := settled(t, storetest.SQLite(t), t.TempDir())
	var rows []identity.Row
	for n := range batch*2 + 5 {
		rows = append(rows, row("many-"+string(rune('a'+n/26))+string(rune('a'+n%26)), func(*identity.Identity) {}))
	}
	before := h.state.Current().Revision
	report, err := h.office.Import(t.Context(), h.actor(t, "ada"), ImportOrder{Rows: rows})
	if err != nil || report.Created != len(rows) || report.Revision != before+3 {
		t.Errorf("%d made at revision %d, after %d: %v", report.Created, report.Revision, before, err)
	}
}

func TestOnlyWhoAnswersForAnIdentityConfirmsIt(t *testing.T) {
	h := settled(t, storetest.SQLite(t), t.TempDir())
	v, err := h.office.Identity(t.Context(), h.actor(t, "dana"), "support")
	if err != nil || !has(v.Flags, identity.Unconfirmed) {
		t.Fatalf("%+v, %v", v.Flags, err)
	}
	for name, want := range map[string]error{"ada": ErrForbidden, "otto": ErrForbidden, "mira": store.ErrNotFound} {
		if _, err := h.office.Confirm(t.Context(), h.actor(t, name), "support", v.Version); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if _, err := h.office.Confirm(t.Context(), h.actor(t, "dana"), "support", v.Version+7); !errors.Is(err, ErrStaleView) {
		t.Errorf("a version that nobody saw: %v", err)
	}
	robot := h.actor(t, "dana")
	program := *robot.Operator
	program.Kind = operator.Automation
	robot.Operator = &program
	if _, err := h.office.Confirm(t.Context(), robot, "support", v.Version); !errors.Is(err, ErrForbidden) {
		t.Errorf("a program confirmed: %v", err)
	}
	v, err = h.office.Confirm(t.Context(), h.actor(t, "dana"), "support", v.Version)
	if err != nil || v.ConfirmedBy != "dana" || !v.Confirmed.Equal(h.now) || has(v.Flags, identity.Unconfirmed) {
		t.Errorf("%+v, %v", v, err)
	}
	h.now = h.now.Add(identity.ConfirmEvery + time.Second)
	if v, err = h.office.Identity(t.Context(), h.actor(t, "dana"), "support"); err != nil || !has(v.Flags, identity.Unconfirmed) {
		t.Errorf("after 180 days: %+v, %v", v.Flags, err)
	}
}

func has(flags []identity.Flag, name string) bool {
	return slices.ContainsFunc(flags, func(f identity.Flag) bool { return f.Name == name })
}

func TestIdentitiesAreSeenRowByRow(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		h := settled(t, dsn, t.TempDir())
		for name, want := range map[string][]string{"otto": {"bot", "support"}, "dana": {"support"}, "mira": {}} {
			page, err := h.office.Identities(t.Context(), h.actor(t, name), IdentityQuery{})
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, v := range page.Items {
				got = append(got, v.ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s sees %v, want %v", name, got, want)
			}
		}
		otto := h.actor(t, "otto")
		first, err := h.office.Identities(t.Context(), otto, IdentityQuery{Limit: 1})
		if err != nil || len(first.Items) != 1 || first.Next == "" {
			t.Fatalf("%+v, %v", first, err)
		}
		second, err := h.office.Identities(t.Context(), otto, IdentityQuery{Limit: 1, After: first.Next})
		if err != nil || len(second.Items) != 1 || second.Items[0].ID != "support" || second.Next != "" {
			t.Errorf("%+v, %v", second, err)
		}
		for q, want := range map[IdentityQuery]int{
			{Flag: identity.Orphaned}: 1, {Tag: "eu"}: 1, {Team: "support"}: 1, {Sponsor: "dana@example.com"}: 1, {State: identity.Claimed}: 1, {Kind: identity.Workload}: 0,
		} {
			if page, err := h.office.Identities(t.Context(), otto, q); err != nil || len(page.Items) != want {
				t.Errorf("%+v: %d, %v; want %d", q, len(page.Items), err, want)
			}
		}
	})
}

func TestDecommissioningEndsEverything(t *testing.T) {
	h := settled(t, storetest.SQLite(t), t.TempDir())
	dana := h.actor(t, "dana")
	if _, err := h.office.Move(t.Context(), dana, "support", identity.Decommissioned, "", 0); !errors.Is(err, ErrInvalid) {
		t.Errorf("without a reason: %v", err)
	}
	if v, err := h.office.Move(t.Context(), dana, "support", identity.Governed, "", 0); err != nil || v.State != identity.Governed {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := h.office.Move(t.Context(), h.actor(t, "mira"), "support", identity.Dormant, "", 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("by a stranger: %v", err)
	}
	v, err := h.office.Move(t.Context(), dana, "support", identity.Decommissioned, "the team is gone", 0)
	if err != nil || v.Standing != identity.Decommissioned || v.Epoch != 1 {
		t.Fatalf("%+v, %v", v, err)
	}
	g, ok := h.state.Current().Grant("support.chat")
	if !ok || g.State.Confers() || g.End != rights.EndOffboarded {
		t.Errorf("its grant is %+v", g)
	}
	if _, err := h.office.Move(t.Context(), dana, "support", identity.Claimed, "", 0); !errors.Is(err, ErrInvalid) {
		t.Errorf("back from the end: %v", err)
	}
}

func TestAnIdentityWithManyGrantsIsDecommissionedWhole(t *testing.T) {
	h := settled(t, storetest.SQLite(t), t.TempDir())
	for n := range batch + 10 {
		name := "many-" + string(rune('a'+n/26)) + string(rune('a'+n%26))
		h.put(t, manifest.Create, manifest.Resource{Kind: manifest.Grant, Name: name, Spec: &rights.Grant{Identity: "support", Entitlement: "chat", NotAfter: h.now.AddDate(1, 0, 0)}})
	}
	if _, err := h.office.Move(t.Context(), h.actor(t, "dana"), "support", identity.Decommissioned, "gone", 0); err != nil {
		t.Fatal(err)
	}
	for _, g := range h.state.Current().GrantsOf("support") {
		if g.State.Confers() {
			t.Fatalf("%s is in force", g.ID)
		}
	}
}
