package rights

import (
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
)

const guardrail = arnPrefix + "guardrail/gr0001"

// entitlement is one that states every kind of condition.
func entitlement() Entitlement {
	return Entitlement{
		ID: "support-converse", Actions: []string{"InvokeModel"}, Models: []string{usSonnet, "family:amazon.nova", imported},
		Conditions: Conditions{
			Networks: []string{"office"}, Environments: []string{"prod"}, Purposes: []string{"customer support"},
			Regions: []string{"us-east-1", "unspecified"}, Guardrails: []string{guardrail + ":7"}, RequireGuardrail: true,
			Data:  Data{MaxLevel: "confidential", Forbid: []string{"health", "custom:deal"}},
			Tools: Tools{Read: []string{"lookup"}, Write: []string{"post_payment"}}, MaxTokens: 4096,
			ServiceTiers: []string{"default", "flex"}, Extras: []string{"thinking"}, Objects: []string{"s3://bucket/in/*", "s3://bucket/one"},
			MaxSessionAge: identity.Duration(time.Hour),
		},
		MaxDuration: identity.Duration(24 * time.Hour), RiskTier: "high",
	}
}

func TestEntitlementValidate(t *testing.T) {
	if err := entitlement().Validate(organisation(t)); err != nil {
		t.Fatal(err)
	}
	if err := (Entitlement{ID: "least", Models: []string{usSonnet}}).Validate(bedrock.Embedded()); err != nil {
		t.Errorf("the least entitlement: %v", err)
	}
	tests := []struct {
		name   string
		change func(*Entitlement)
		want   string
	}{
		{"name", func(e *Entitlement) { e.ID = "Has Space" }, "name"},
		{"action", func(e *Entitlement) { e.Actions = []string{"Converse"} }, "actions"},
		{"risk tier", func(e *Entitlement) { e.RiskTier = "extreme" }, "riskTier"},
		{"negative duration", func(e *Entitlement) { e.MaxDuration = -1 }, "maxDuration"},
		{"no models", func(e *Entitlement) { e.Models = nil }, "models is required"},
		{"model twice", func(e *Entitlement) { e.Models = []string{usSonnet, usSonnet} }, "twice"},
		{"unknown model", func(e *Entitlement) { e.Models = []string{"amazon.nova-pro-v1:9"} }, "did you mean"},
		{"everything", func(e *Entitlement) { e.Models = []string{"*"} }, "model id"},
		{"network", func(e *Entitlement) { e.Conditions.Networks = []string{"10.0.0.0/8"} }, "networks"},
		{"environment", func(e *Entitlement) { e.Conditions.Environments = []string{""} }, "environments"},
		{"empty purpose", func(e *Entitlement) { e.Conditions.Purposes = []string{""} }, "purposes"},
		{"region", func(e *Entitlement) { e.Conditions.Regions = []string{"us-*"} }, "regions"},
		{"region twice", func(e *Entitlement) { e.Conditions.Regions = []string{"us-east-1", "us-east-1"} }, "twice"},
		{"guardrail required but none", func(e *Entitlement) { e.Conditions.Guardrails = nil }, "requireGuardrail"},
		{"maximum tokens", func(e *Entitlement) { e.Conditions.MaxTokens = -1 }, "maxTokens"},
		{"service tier", func(e *Entitlement) { e.Conditions.ServiceTiers = []string{"turbo"} }, "serviceTiers"},
		{"session age", func(e *Entitlement) { e.Conditions.MaxSessionAge = -1 }, "maxSessionAge"},
		{"level", func(e *Entitlement) { e.Conditions.Data.MaxLevel = "secret" }, "maxLevel"},
		{"class", func(e *Entitlement) { e.Conditions.Data.Forbid = []string{"pii"} }, "forbid"},
		{"tool in both lists", func(e *Entitlement) { e.Conditions.Tools.Write = []string{"lookup"} }, "both read and write"},
		{"every object", func(e *Entitlement) { e.Conditions.Objects = []string{"s3://*"} }, "whole bucket"},
		{"half a bucket", func(e *Entitlement) { e.Conditions.Objects = []string{"s3://buck*"} }, "whole bucket"},
		{"star inside", func(e *Entitlement) { e.Conditions.Objects = []string{"s3://bucket/*/x"} }, "wildcards"},
		{"parent", func(e *Entitlement) { e.Conditions.Objects = []string{"s3://bucket/a/../*"} }, "relative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := entitlement()
			tt.change(&e)
			if err := e.Validate(organisation(t)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
}

func TestEntitlementValidateReportsEverythingInOneOrder(t *testing.T) {
	e := Entitlement{ID: "x", Models: []string{"a"}, Conditions: Conditions{MaxTokens: -1, Regions: []string{"x"}, Networks: []string{""}, Purposes: []string{""}}}
	first := e.Validate(bedrock.Embedded()).Error()
	if n := strings.Count(first, "\n"); n < 4 {
		t.Errorf("%d problems in %q", n+1, first)
	}
	for range 20 {
		if again := e.Validate(bedrock.Embedded()).Error(); again != first {
			t.Fatalf("another order:\n%s\n%s", first, again)
		}
	}
}

func TestS4_GuardrailByNumericVersion(t *testing.T) {
	arn, version, err := ParseGuardrail(guardrail + ":12")
	if err != nil || arn != guardrail || version != "12" {
		t.Errorf("%q, %q, %v", arn, version, err)
	}
	for _, s := range []string{"", "gr0001:1", guardrail, guardrail + ":DRAFT", guardrail + ":0", guardrail + ":01", guardrail + ":", guardrail + ":123456789",
		guardrail + ":*", arnPrefix + "imported-model/x:1", "arn:aws:bedrock:us-east-1::guardrail/gr1:1", "arn:aws:bedrock:*:111122223333:guardrail/gr1:1", arnPrefix + "guardrail/*:1"} {
		if arn, version, err := ParseGuardrail(s); err == nil {
			t.Errorf("ParseGuardrail(%q) = %q, %q", s, arn, version)
		}
	}
}

// FuzzParseGuardrail holds that what is accepted is its parts again.
func FuzzParseGuardrail(f *testing.F) {
	f.Add(guardrail + ":12")
	f.Add(guardrail + ":DRAFT")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		arn, version, err := ParseGuardrail(s)
		if err == nil && (arn+":"+version != s || strings.ContainsAny(s, "*? \n")) {
			t.Errorf("ParseGuardrail(%q) = %q, %q", s, arn, version)
		}
	})
}

func TestGrantValidate(t *testing.T) {
	start := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	grant := Grant{ID: "g1", Identity: "support-agent", Entitlement: "support-converse", NotBefore: start, NotAfter: start.Add(24 * time.Hour)}
	limited, unlimited := entitlement(), entitlement()
	unlimited.MaxDuration = 0
	if err := grant.Validate(limited); err != nil {
		t.Fatal(err)
	}
	open := grant
	open.NotBefore = time.Time{}
	if err := open.Validate(unlimited); err != nil {
		t.Errorf("a grant without a beginning, where no length is set: %v", err)
	}
	tests := []struct {
		name   string
		change func(*Grant)
		want   string
	}{
		{"name", func(g *Grant) { g.ID = "" }, "name"},
		{"identity", func(g *Grant) { g.Identity = "*" }, "identity"},
		{"another entitlement", func(g *Grant) { g.Entitlement = "other" }, "entitlement"},
		{"for ever", func(g *Grant) { g.NotAfter = time.Time{} }, "for ever"},
		{"ends when it begins", func(g *Grant) { g.NotAfter = g.NotBefore }, "not after"},
		{"ends before it begins", func(g *Grant) { g.NotAfter = g.NotBefore.Add(-time.Second) }, "not after"},
		{"too long", func(g *Grant) { g.NotAfter = g.NotAfter.Add(time.Nanosecond) }, "allows 24h"},
		{"of unknown length", func(g *Grant) { g.NotBefore = time.Time{} }, "notBefore is required"},
		{"reason too long", func(g *Grant) { g.Reason = strings.Repeat("x", maxReason+1) }, "reason"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := grant
			tt.change(&g)
			if err := g.Validate(limited); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
}

func TestAnEntitlementIsForAnAccount(t *testing.T) {
	for account, want := range map[string]string{
		"": "", "444455556666": "", "111122223333": "", "4444": "want twelve digits", "44445555666x": "want twelve digits",
	} {
		e := Entitlement{ID: "e", Account: account, Models: []string{"amazon.nova-pro-v1:0"}}
		err := e.Validate(bedrock.Embedded())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("account %q: %v, want %q", account, err, want)
		}
	}
	// An account's own model is in that account and in no other.
	for account, fine := range map[string]bool{"": true, "111122223333": true, "444455556666": false} {
		e := Entitlement{ID: "e", Account: account, Models: []string{imported}}
		if err := e.Validate(organisation(t)); (err == nil) != fine {
			t.Errorf("an imported model for account %q: %v", account, err)
		}
	}
}
