package rights

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
)

// Place is where invocations are made: the account, its partition, and the
// regions that callers may name.
type Place struct {
	Account   string
	Partition string
	Regions   []string
}

// Allowances is the least that the gateway's own AWS role must be allowed for
// some entitlements to be of use: the resources by IAM action, sorted. Models
// of a family or provider are listed one by one, since a pattern would also
// cover those that come later. What cannot be invoked from a region is left out.
func Allowances(all []Entitlement, cat *bedrock.Catalogue, at Place) map[string][]string {
	found := make(map[string]map[string]bool)
	for i := range all {
		for _, inv := range invocations(&all[i], cat, at) {
			legs, err := Legs(inv, cat)
			if err != nil {
				continue // not offered there
			}
			for _, l := range legs {
				note(found, l.Action, l.Resource)
			}
		}
		for _, uri := range all[i].Conditions.Objects {
			if path, ok := strings.CutPrefix(uri, "s3://"); ok {
				note(found, actionReadObject, "arn:"+cmp.Or(at.Partition, "aws")+":s3:::"+path)
			}
		}
	}
	out := make(map[string][]string, len(found))
	for action, resources := range found {
		out[action] = slices.Sorted(maps.Keys(resources))
	}
	return out
}

func note(found map[string]map[string]bool, action, resource string) {
	if found[action] == nil {
		found[action] = make(map[string]bool)
	}
	found[action][resource] = true
}

// invocations are the calls that show every leg an entitlement may need: each
// model in each region, streaming and not, plain and with each guardrail and
// system tool.
func invocations(e *Entitlement, cat *bedrock.Catalogue, at Place) (out []Invocation) {
	caps := []bedrock.Capabilities{{}}
	for _, g := range e.Conditions.Guardrails {
		if i := strings.LastIndex(g, ":"); i > 0 {
			caps = append(caps, bedrock.Capabilities{Guardrail: &bedrock.Guardrail{ID: g[:i], Version: g[i+1:]}})
		}
	}
	for _, tool := range e.Conditions.SystemTools {
		caps = append(caps, bedrock.Capabilities{SystemTools: []string{tool}})
	}
	for _, model := range named(e.Models, cat) {
		for _, region := range at.Regions {
			for _, c := range caps {
				for _, op := range []bedrock.Operation{bedrock.Converse, bedrock.ConverseStream} {
					out = append(out, Invocation{Operation: op, ModelID: model, Region: region, Account: at.Account, Partition: at.Partition, Caps: c})
				}
			}
		}
	}
	return out
}

// named lists the models and profiles that selectors name.
func named(selectors []string, cat *bedrock.Catalogue) (ids []string) {
	for _, text := range selectors {
		s, err := ParseSelector(text, cat)
		if err != nil {
			continue
		}
		covers := func(m bedrock.Model) bool {
			return s.Kind == SelectFamily && m.Family == s.ID || s.Kind == SelectProvider && m.Provider == s.ID
		}
		if s.Kind == SelectModel || s.Kind == SelectProfile {
			ids = append(ids, s.ID)
			continue
		}
		for _, m := range cat.Models() {
			if covers(m) {
				ids = append(ids, m.ID)
			}
		}
		for _, p := range cat.Profiles() {
			if m, ok := cat.Model(p.Model); ok && covers(m) {
				ids = append(ids, p.ID)
			}
		}
	}
	return ids
}
