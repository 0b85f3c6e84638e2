package estate

import (
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
)

// Catalogue lays the inference profiles of the input over a catalogue: where a
// system profile's calls may run from the regions the input tells of, and the
// application profiles, which only the input knows. What does not fit the
// catalogue is a problem, and left as it was there.
func (e *Estate) Catalogue(base *bedrock.Catalogue) (*bedrock.Catalogue, []awsiam.Problem) {
	o := overlay{base: base, profiles: map[string]*bedrock.Profile{}}
	for _, p := range e.Profiles {
		o.add(p)
	}
	if e.Bedrock != nil {
		for _, r := range e.Bedrock.Regions {
			for _, p := range r.Profiles {
				o.add(p)
			}
		}
	}
	cat := base
	for _, id := range slices.Sorted(maps.Keys(o.profiles)) {
		next, err := cat.With(nil, []bedrock.Profile{*o.profiles[id]})
		if err != nil {
			o.problem(id, "%v", err)
			continue
		}
		cat = next
	}
	return cat, o.problems.list
}

// overlay gathers profiles by their catalogue id.
type overlay struct {
	base     *bedrock.Catalogue
	profiles map[string]*bedrock.Profile
	problems problems
}

func (o *overlay) problem(id, format string, args ...any) {
	o.problems.limit = 10_000
	o.problems.at(awsiam.Position{}, id, format, args...)
}

func (o *overlay) add(p Profile) {
	ref, err := bedrock.ParseModelID(p.ARN)
	if err != nil { // one that was kept always parses
		o.problem(p.ARN, "%v", err)
		return
	}
	id := ref.CatalogueID()
	model, regions, global := o.routes(id, p.Models)
	if model == "" {
		return
	}
	q := o.profiles[id]
	if q == nil {
		q = &bedrock.Profile{ID: id, Model: model, Global: global}
		if below, ok := o.base.Profile(id); ok {
			q.Destinations = maps.Clone(below.Destinations)
		}
		o.profiles[id] = q
	}
	switch {
	case q.Model != model:
		o.problem(id, "the input has it of %q and of %q", q.Model, model)
	case q.Global || global: // its destinations are unbounded
		q.Global, q.Destinations = true, nil
	default:
		if q.Destinations == nil {
			q.Destinations = map[string][]string{}
		}
		q.Destinations[ref.Region] = regions
	}
}

// routes is the one model behind a profile, and the regions of its ARNs; one
// without a region makes it global.
func (o *overlay) routes(id string, arns []string) (model string, regions []string, global bool) {
	for _, arn := range arns {
		region, m, ok := foundation(arn)
		switch {
		case !ok:
			o.problem(id, "%.200q is not the ARN of a foundation model", arn)
			return "", nil, false
		case model != "" && m != model:
			o.problem(id, "it leads to %q and to %q: one model was expected", model, m)
			return "", nil, false
		}
		model = m
		global = global || region == ""
		if region != "" && !slices.Contains(regions, region) {
			regions = append(regions, region)
		}
	}
	if model == "" {
		o.problem(id, "it lists no models")
	}
	slices.Sort(regions)
	return model, regions, global
}

// foundation reads a foundation model's ARN, whose region may be empty, as
// bedrock.ParseModelID does not allow.
func foundation(arn string) (region, model string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !bedrock.ValidPartition(parts[1]) || parts[2] != "bedrock" || parts[4] != "" {
		return "", "", false
	}
	model, ok = strings.CutPrefix(parts[5], "foundation-model/")
	if ref, err := bedrock.ParseModelID(model); err != nil || !ref.Bare() {
		return "", "", false
	}
	return parts[3], model, ok && (parts[3] == "" || bedrock.ValidRegion(parts[3]))
}
