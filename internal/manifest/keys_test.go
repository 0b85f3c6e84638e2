package manifest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/sod"
)

func TestResourcesAreFoundByTheirKeys(t *testing.T) {
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	later := noon.Add(time.Hour)
	inStage := request.Request{State: request.InStage, Since: noon, Expires: noon.Add(3 * time.Hour),
		Stages: []request.Stage{{Timeout: time.Hour}}, Ask: request.Ask{Grant: &request.GrantAsk{Identity: "bot", Entitlement: "chat"}}}
	escalated, denied, waiting := inStage, inStage, inStage
	escalated.Escalated, denied.State = true, request.Denied
	waiting.Stages = []request.Stage{{}}
	for name, c := range map[string]struct {
		spec any
		want Keys
	}{
		"a grant of files":       {&rights.Grant{Identity: "bot", Entitlement: "chat", NotAfter: later}, Keys{"bot", "chat", "active", later}},
		"a scheduled grant":      {&rights.Grant{Identity: "bot", Entitlement: "chat", State: rights.GrantScheduled, NotBefore: noon, NotAfter: later}, Keys{"bot", "chat", "scheduled", noon}},
		"a revoking grant":       {&rights.Grant{Identity: "bot", State: rights.GrantRevoking, NotBefore: noon, NotAfter: later}, Keys{"bot", "", "revoking", time.Time{}}},
		"a request in a stage":   {&inStage, Keys{"bot", "chat", "in_stage", later}},
		"an escalated request":   {&escalated, Keys{"bot", "chat", "in_stage", noon.Add(3 * time.Hour)}},
		"a stage without limit":  {&waiting, Keys{"bot", "chat", "in_stage", noon.Add(3 * time.Hour)}},
		"a request that is over": {&denied, Keys{"bot", "chat", "denied", time.Time{}}},
		"a request to lift":      {&request.Request{State: request.Submitted, Ask: request.Ask{Lift: &request.LiftAsk{Quarantine: "q"}}}, Keys{Subject: "q", State: "submitted"}},
		"a request to waive":     {&request.Request{Ask: request.Ask{Waiver: &request.WaiverAsk{Subject: "Identity/bot"}}}, Keys{Subject: "Identity/bot"}},
		"a review":               {&request.Request{Ask: request.Ask{Review: &request.ReviewAsk{Identity: "bot"}}}, Keys{Subject: "bot"}},
		"an impossible stage":    {&request.Request{State: request.InStage, Stage: 7}, Keys{State: "in_stage"}},
		"an identity":            {&identity.Identity{Sponsor: "ann", Team: "claims"}, Keys{Subject: "ann", Parent: "claims", State: "governed"}},
		"a binding":              {&identity.Binding{Identity: "bot", Issuer: "idp"}, Keys{Subject: "bot", Parent: "idp"}},
		"a validation":           {&bedrock.Validation{Model: "m", Kind: "bias", Expires: later}, Keys{Subject: "m", Parent: "bias", Due: later}},
		"a token":                {&operator.Token{Operator: "ann", Expires: later}, Keys{Subject: "ann", Due: later}},
		"a delegation":           {&operator.Delegation{From: "ann", To: "bob", NotAfter: later}, Keys{Subject: "bob", Parent: "ann", Due: later}},
		"a waiver":               {&sod.Waiver{Rule: "r", Subject: "Identity/bot", Expires: later}, Keys{Subject: "Identity/bot", Parent: "r", Due: later}},
		"a quarantine":           {&rights.Quarantine{Target: rights.Target{Kind: rights.TargetTag, Name: "x"}}, Keys{Subject: "tag/x", Parent: "tag"}},
		"a hold that waits":      {&hold.Hold{Identity: "bot", Model: "m", State: hold.Pending, Expires: later}, Keys{"bot", "m", "pending", later}},
		"a hold that is over":    {&hold.Hold{Identity: "bot", Model: "m", State: hold.Released, Expires: noon, Ended: noon, Keep: identity.Duration(time.Hour)}, Keys{"bot", "m", "released", later}},
		"a policy":               {&Policy{}, Keys{}},
	} {
		if d := cmp.Diff(c.want, Resource{Spec: c.spec}.Keys()); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

func TestKindsThatHaveKeysSaySo(t *testing.T) {
	for _, kind := range Kinds {
		spec, err := newSpec(kind)
		if err != nil {
			t.Fatal(err)
		}
		switch s := spec.(type) {
		case *hold.Hold:
			s.Model = "m"
		case *identity.Identity:
			s.Team = "t"
		case *identity.Binding:
			s.Issuer = "i"
		case *bedrock.Validation:
			s.Kind = "k"
		case *operator.Token:
			s.Operator = "o"
		case *operator.Delegation:
			s.From = "o"
		case *sod.Waiver:
			s.Rule = "r"
		case *request.Request:
			s.State = request.Draft
		}
		if has := (Resource{Kind: kind, Spec: spec}).Keys() != (Keys{}); has != kind.Found() {
			t.Errorf("%s: has keys: %v", kind, has)
		}
	}
}
