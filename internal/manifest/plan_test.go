package manifest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/identity"
)

func agent(name string, edit func(*identity.Identity)) Resource {
	i := &identity.Identity{ID: name, Kind: identity.Agent, Environment: "prod"}
	if edit != nil {
		edit(i)
	}
	return Resource{Kind: Identity, Name: name, Spec: i}
}

func TestPlanOrdersItsSteps(t *testing.T) {
	policy := Resource{Kind: PolicyKind, Name: "p", Spec: &Policy{ID: "p", Text: "x"}}
	network := Resource{Kind: Network, Name: "n", Spec: &identity.Network{ID: "n"}}
	current := []Resource{agent("same", nil), agent("changed", nil), agent("gone", nil), {Kind: PolicyKind, Name: "old", Spec: &Policy{ID: "old", Text: "x"}}}
	wanted := []Resource{policy, agent("same", nil), agent("changed", func(i *identity.Identity) { i.Team = "t" }), network}
	steps := func(prune bool) (out []string) {
		for _, c := range Plan(current, wanted, prune) {
			out = append(out, string(c.Op)+" "+c.Resource.ID())
		}
		return out
	}
	want := []string{"create Network/n", "update Identity/changed", "unchanged Identity/same", "create Policy/p"}
	if d := cmp.Diff(want, steps(false)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(append(want, "delete Policy/old", "delete Identity/gone"), steps(true)); d != "" {
		t.Error(d)
	}
}

func TestS17_ApplyNeverLowersAnEpoch(t *testing.T) {
	current := []Resource{agent("a", func(i *identity.Identity) { i.Epoch = 7 })}
	for _, c := range []struct {
		stated, want uint32
		op           Op
	}{{0, 7, Unchanged}, {3, 7, Unchanged}, {7, 7, Unchanged}, {9, 9, Update}} {
		got := Plan(current, []Resource{agent("a", func(i *identity.Identity) { i.Epoch = c.stated })}, false)[0]
		if e := got.Resource.Spec.(*identity.Identity).Epoch; e != c.want || got.Op != c.op {
			t.Errorf("stating epoch %d gives %s to %d, want %s to %d", c.stated, got.Op, e, c.op, c.want)
		}
	}
}

func TestApplyDoesNotEndAQuarantineBySilence(t *testing.T) {
	current := []Resource{agent("a", func(i *identity.Identity) { i.State = identity.Quarantined })}
	got := Plan(current, []Resource{agent("a", nil)}, false)[0]
	if got.Op != Unchanged || got.Resource.Spec.(*identity.Identity).State != identity.Quarantined {
		t.Errorf("re-applying makes it %s %+v", got.Op, got.Resource.Spec)
	}
	got = Plan(current, []Resource{agent("a", func(i *identity.Identity) { i.State = identity.Governed })}, false)[0]
	if got.Op != Update {
		t.Error("stating a state does not change it")
	}
}

func TestPlanReachesWhatIsWanted(t *testing.T) {
	set := rapid.SliceOfNDistinct(resources(), 0, 6, Resource.ID)
	rapid.Check(t, func(t *rapid.T) {
		current, wanted := set.Draw(t, "current"), set.Draw(t, "wanted")
		now := After(current, Plan(current, wanted, true))
		if len(now) != len(wanted) {
			t.Fatalf("%d resources, want %d", len(now), len(wanted))
		}
		kept := After(current, Plan(current, wanted, false))
		if len(kept) != len(After(current, Plan(nil, wanted, false))) {
			t.Fatal("without prune something is gone")
		}
		for _, c := range Plan(now, wanted, true) {
			if c.Op != Unchanged {
				t.Fatalf("a second apply would %s %s", c.Op, c.Resource.ID())
			}
		}
	})
}

func TestDiffNamesTheFields(t *testing.T) {
	before := agent("a", func(i *identity.Identity) { i.Team = "x"; i.Purposes = []string{"p", "q"} })
	after := agent("a", func(i *identity.Identity) { i.Shared = true; i.Purposes = []string{"p", "r"} })
	got := Change{Op: Update, Resource: after, Before: &before}.Diff()
	want := []FieldChange{{"purposes[1]", `"q"`, `"r"`}, {"shared", "", "true"}, {"team", `"x"`, ""}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := (Change{Op: Delete, Resource: before, Before: &before}).Diff(); len(got) != 5 || got[0].After != "" {
		t.Errorf("a deletion shows %v", got)
	}
	if got := (Change{Op: Create, Resource: after}).Diff(); len(got) != 5 || got[0].Before != "" {
		t.Errorf("a creation shows %v", got)
	}
}
