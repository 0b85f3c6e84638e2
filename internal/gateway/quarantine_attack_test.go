package gateway_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/writtest"
)

// targets are the ways to stop support-agent's call to sonnet from loopback.
var targets = map[string]rights.Target{
	"identity":          {Kind: rights.TargetIdentity, Name: "support-agent"},
	"tag":               {Kind: rights.TargetTag, Name: "customer-facing"},
	"session":           {Kind: rights.TargetSession, Name: "session"},
	"network by name":   {Kind: rights.TargetNetwork, Name: "here"},
	"network by CIDR":   {Kind: rights.TargetNetwork, Name: "127.0.0.0/8"},
	"one address":       {Kind: rights.TargetNetwork, Name: "127.0.0.1"},
	"profile":           {Kind: rights.TargetModel, Name: sonnet},
	"profile's ARN":     {Kind: rights.TargetModel, Name: "arn:aws:bedrock:us-east-1:111122223333:inference-profile/" + sonnet},
	"model behind it":   {Kind: rights.TargetModel, Name: strings.TrimPrefix(sonnet, "us.")},
	"model's ARN there": {Kind: rights.TargetModel, Name: "arn:aws:bedrock:us-west-2::foundation-model/" + strings.TrimPrefix(sonnet, "us.")},
	"provider":          {Kind: rights.TargetModel, Name: "provider:anthropic"},
}

// others are targets that the call has nothing to do with.
var others = []rights.Target{
	{Kind: rights.TargetIdentity, Name: "sales-agent"}, {Kind: rights.TargetTag, Name: "batch"}, {Kind: rights.TargetSession, Name: "another"},
	{Kind: rights.TargetNetwork, Name: "192.0.2.0/24"}, {Kind: rights.TargetModel, Name: lite}, {Kind: rights.TargetModel, Name: "provider:amazon"},
	{Kind: rights.TargetIdentity, Name: "session"}, {Kind: rights.TargetSession, Name: "support-agent"}, // one kind's name is not another's
}

// tagged gives support-agent a tag and loopback a name.
func tagged(t *testing.T, c *changing) {
	t.Helper()
	i, _ := c.source.Current().Identity("support-agent")
	with := *i
	with.Tags = []string{"customer-facing"}
	c.change(t, manifest.Resource{Kind: manifest.Identity, Name: with.ID, Spec: &with}, manifest.Update)
	c.change(t, manifest.Resource{Kind: manifest.Network, Name: "here", Spec: &identity.Network{
		ID: "here", CIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	}}, manifest.Create)
}

// TestS19_QuarantineStopsEveryTarget: whatever a quarantine is of, the call is
// refused although it is granted, nothing reaches Bedrock, the caller is not
// told which it was, the log is; and lifting it is enough.
func TestS19_QuarantineStopsEveryTarget(t *testing.T) {
	t.Parallel()
	in, c := newInsideChanging(t)
	tagged(t, c)
	family := c.source.Current().Catalogue
	m, _ := family.Model(strings.TrimPrefix(sonnet, "us."))
	all := map[string]rights.Target{"family": {Kind: rights.TargetModel, Name: "family:" + m.Family}}
	for name, target := range targets {
		all[name] = target
	}
	for name, target := range all {
		t.Run(name, func(t *testing.T) {
			q := quarantine(target.Kind, target.Name)
			mark := "stopped by " + strings.NewReplacer("'", "", " ", "-").Replace(name)
			c.change(t, q, manifest.Create)
			a := in.call(t, "converse", writtest.Say(mark))
			if a.Status != 403 || a.ErrorType() != "AccessDeniedException" || strings.Contains(a.Body, "q-secret-name") {
				t.Errorf("answered %d %s %s", a.Status, a.ErrorType(), a.Body)
			}
			if slices.ContainsFunc(in.seen.Requests(), func(r fakebedrock.Request) bool { return strings.Contains(string(r.Body), mark) }) {
				t.Error("it reached Bedrock")
			}
			if d := in.lastRefusal(t); d.Code != "quarantined" || !slices.Contains(d.Policies, "quarantine:q-secret-name") {
				t.Errorf("recorded %+v", d)
			}
			c.change(t, q, manifest.Delete)
			if a := in.call(t, "converse", writtest.Say("lifted")); a.Status != 200 {
				t.Errorf("lifted: %d %s", a.Status, a.Body)
			}
		})
	}
	for _, target := range others {
		c.change(t, quarantine(target.Kind, target.Name), manifest.Create)
		if a := in.call(t, "converse", writtest.Say("not concerned")); a.Status != 200 {
			t.Errorf("%v: %d %s", target, a.Status, a.Body)
		}
		c.change(t, quarantine(target.Kind, target.Name), manifest.Delete)
	}
}

// TestS19_QuarantineCutsOpenStreams: what is already running ends too.
func TestS19_QuarantineCutsOpenStreams(t *testing.T) {
	t.Parallel()
	in, c := newInsideChanging(t)
	tagged(t, c)
	for name, target := range targets {
		t.Log(name)
		st := begin(t, in.asking(t, sonnet, "converse-stream", writtest.Say("fault=stall/2")))
		if _, err := st.next(); err != nil {
			t.Fatal(err)
		}
		c.change(t, quarantine(target.Kind, target.Name), manifest.Create)
		st.cutShort(t, "the right was withdrawn")
		c.change(t, quarantine(target.Kind, target.Name), manifest.Delete)
	}
	st := begin(t, in.asking(t, sonnet, "converse-stream", writtest.Say("fault=stall/2")))
	for _, target := range others {
		c.change(t, quarantine(target.Kind, target.Name), manifest.Create)
		c.change(t, quarantine(target.Kind, target.Name), manifest.Delete)
	}
	if in.Open() != 1 {
		t.Error("a stream that no quarantine concerns was cut")
	}
	st.leave()
}

// TestS19_AnIdentityThatComesToBeTaggedIsStopped: the tag may come after the
// quarantine.
func TestS19_AnIdentityThatComesToBeTaggedIsStopped(t *testing.T) {
	t.Parallel()
	in, c := newInsideChanging(t)
	c.change(t, quarantine(rights.TargetTag, "customer-facing"), manifest.Create)
	st := begin(t, in.asking(t, sonnet, "converse-stream", writtest.Say("fault=stall/2")))
	if _, err := st.next(); err != nil {
		t.Fatal(err)
	}
	tagged(t, c)
	st.cutShort(t, "the right was withdrawn")
	if a := in.call(t, "converse", writtest.Say("after")); a.Status != 403 {
		t.Errorf("answered %d", a.Status)
	}
}

// TestS19_QuarantineReachesTheDoors: an exchange of proofs decides on the same
// quarantines.
func TestS19_QuarantineReachesTheDoors(t *testing.T) {
	t.Parallel()
	c := newChanging(t, nil)
	tagged(t, c)
	i, _ := c.source.Current().Identity("support-agent")
	from := identity.Origin{Addr: netip.MustParseAddr("127.0.0.1"), Networks: []string{"here"}}
	for name, target := range targets {
		c.change(t, quarantine(target.Kind, target.Name), manifest.Create)
		got := gateway.World(c.source.Current()).Stopped(i, "session", from)
		if stops := target.Kind != rights.TargetModel; stops != (got == "q-secret-name") {
			t.Errorf("%s: the doors are told %q", name, got)
		}
		c.change(t, quarantine(target.Kind, target.Name), manifest.Delete)
	}
	c.change(t, quarantine(rights.TargetNetwork, "192.0.2.0/24"), manifest.Create)
	if c.source.Current().Stops.Caller(i, "", identity.Origin{}) == "" {
		t.Error("a call from nobody knows where is not stopped while a network is")
	}
}

// lastRefusal is the decision of the newest refusal in the journal.
func (in *inside) lastRefusal(t *testing.T) auditlog.Decision {
	t.Helper()
	all := in.entries(t, auditlog.KindRefusal)
	if len(all) == 0 {
		t.Fatal("no refusal is recorded")
	}
	return *all[len(all)-1].Decision
}
