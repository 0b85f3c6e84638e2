package upstream

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/rights"
)

// start adds the legs of asynchronous invocations that an entitlement allows,
// one for each place that their answers may go to.
func (a *gathering) start(cat *bedrock.Catalogue, inv rights.Invocation, e *rights.Entitlement) bool {
	found := false
	for _, uri := range e.Conditions.Outputs {
		// As with objects, any location that a prefix begins stands for it.
		location, prefix := strings.CutSuffix(uri, "*")
		if prefix {
			location += "x"
		}
		inv.Caps = bedrock.Capabilities{Output: &bedrock.Output{URI: location}}
		if slices.Contains(e.Actions, bedrock.TagResource) {
			inv.Caps.Tags = []string{"any=tag"}
		}
		legs, err := rights.Legs(inv, cat)
		if err != nil || !within(legs, e.Conditions.Regions) {
			continue
		}
		for _, l := range legs {
			if l.Kind == rights.OutputLeg && prefix {
				l.Resource = strings.TrimSuffix(l.Resource, "x*") + "*"
			}
			a.all.add(l.Action, l.Resource)
		}
		a.use(inv, cat, e.Conditions)
		found = true
	}
	return found
}

// within reports whether every leg lies in one of some regions; none is any.
func within(legs []rights.Leg, regions []string) bool {
	return len(regions) == 0 || !slices.ContainsFunc(legs, func(l rights.Leg) bool {
		return l.Region != "" && !slices.Contains(regions, l.Region)
	})
}
