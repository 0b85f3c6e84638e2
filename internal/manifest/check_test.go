package manifest

import (
	"strings"
	"testing"
)

const organisation = `
apiVersion: writ/v1
kind: Issuer
name: ci
spec: {url: "https://issuer.example"}
---
apiVersion: writ/v1
kind: Network
name: office
spec: {cidrs: ["10.0.0.0/8"]}
---
apiVersion: writ/v1
kind: Identity
name: bot
spec: {kind: agent, environment: prod}
---
apiVersion: writ/v1
kind: Binding
name: bot.ci
spec: {identity: bot, issuer: ci, audience: writ, subject: "repo:org/bot", networks: [office]}
---
apiVersion: writ/v1
kind: Entitlement
name: nova
spec: {models: ["amazon.nova-lite-v1:0"], maxDuration: 720h, conditions: {networks: [office]}}
---
apiVersion: writ/v1
kind: Grant
name: bot.nova
spec: {identity: bot, entitlement: nova, notBefore: 2026-11-01T00:00:00Z, notAfter: 2026-11-30T00:00:00Z}
---
apiVersion: writ/v1
kind: Budget
name: bots
spec: {covers: {identities: [bot], entitlements: [nova], grants: [long.gone], models: ["family:amazon.nova", "amazon.nova-lite-v1:0"]}, usd: 12.50, window: month}
---
apiVersion: writ/v1
kind: Model
name: amazon.nova-lite-v1:0
spec: {requires: [prompt_handling]}
---
apiVersion: writ/v1
kind: Model
name: "arn:aws:bedrock:us-east-1:111122223333:imported-model/pricing0001"
spec: {kind: imported_model, base: "amazon.nova-lite-v1:0", regions: [us-east-1]}
---
apiVersion: writ/v1
kind: Validation
name: nova.prompts
spec: {model: "amazon.nova-lite-v1:0", kind: prompt_handling, by: ann, at: 2026-11-01T00:00:00Z, expires: 2027-11-01T00:00:00Z}
`

func TestCheckAcceptsASoundSet(t *testing.T) {
	all, err := Parse("org.yaml", []byte(organisation))
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(all); err != nil {
		t.Error(err)
	}
	cat, err := Catalogue(all)
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := cat.Model("amazon.nova-lite-v1:0"); !ok || len(m.Requires) != 1 {
		t.Errorf("the overlay is not in the catalogue: %+v", m)
	}
}

func TestCheckRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"binding's identity":    {"identity: bot, issuer", "identity: robot, issuer", `org.yaml:17: Binding/bot.ci: identity: Identity "robot" does not exist`},
		"binding's issuer":      {"issuer: ci,", "issuer: cd,", `Issuer "cd" does not exist`},
		"binding's network":     {"networks: [office]}\n---\napiVersion: writ/v1\nkind: Ent", "networks: [home]}\n---\napiVersion: writ/v1\nkind: Ent", `Binding/bot.ci: networks: Network "home" does not exist`},
		"entitlement's network": {"conditions: {networks: [office]", "conditions: {networks: [home]", `Entitlement/nova: conditions.networks: Network "home"`},
		"entitlement's model":   {`models: ["amazon.nova-lite-v1:0"]`, `models: ["amazon.nova-light-v1:0"]`, "Entitlement/nova"},
		"grant's identity":      {"identity: bot, entitlement", "identity: robot, entitlement", `Grant/bot.nova: identity: Identity "robot"`},
		"grant's entitlement":   {"entitlement: nova,", "entitlement: nova2,", `Entitlement "nova2" does not exist`},
		"grant too long":        {"notAfter: 2026-11-30", "notAfter: 2027-11-30", "Grant/bot.nova"},
		"validation's model":    {`model: "amazon.nova-lite-v1:0", kind`, `model: "amazon.nova-light-v1:0", kind`, "is not in the catalogue"},
		"budget's identity":     {"identities: [bot]", "identities: [robot]", `Budget/bots: covers.identities: Identity "robot" does not exist`},
		"budget's entitlement":  {"entitlements: [nova]", "entitlements: [lite]", `Budget/bots: covers.entitlements: Entitlement "lite" does not exist`},
		"budget's family":       {"family:amazon.nova", "family:amazon.supernova", `Budget/bots: covers.models: family "amazon.supernova" is not in the catalogue`},
		"budget's model":        {`"amazon.nova-lite-v1:0"]}, usd`, `"amazon.nova-light-v1:0"]}, usd`, "Budget/bots: covers.models"},
		"entitlement's limits":  {"maxDuration: 720h,", "maxDuration: 720h, limits: [{usd: 1, window: day}, {usd: 2, window: day}],", "limits: usd over window day is limited twice"},
		"model's base":          {`base: "amazon.nova-lite-v1:0"`, `base: "amazon.nova-light-v1:0"`, "pricing0001"},
		"an issuer twice":       {"kind: Network\nname: office", "kind: Issuer\nname: cd\nspec: {url: \"https://issuer.example\"}\n---\napiVersion: writ/v1\nkind: Network\nname: office", "the URL is taken by org.yaml:2"},
		"a name twice":          {"kind: Network\nname: office\nspec: {cidrs: [\"10.0.0.0/8\"]}", "kind: Network\nname: office\nspec: {cidrs: [\"10.0.0.0/8\"]}\n---\napiVersion: writ/v1\nkind: Network\nname: office\nspec: {cidrs: [\"10.1.0.0/16\"]}", "the name is taken by org.yaml:7"},
	} {
		t.Run(name, func(t *testing.T) {
			doc := strings.Replace(organisation, c.old, c.new, 1)
			if doc == organisation {
				t.Fatal("the case changes nothing")
			}
			all, err := Parse("org.yaml", []byte(doc))
			if err != nil {
				t.Fatal(err)
			}
			if err := Check(all); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("says %v, want %q", err, c.want)
			}
		})
	}
}
