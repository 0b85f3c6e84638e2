package rights

import (
	"slices"

	"github.com/writ-project/writ/internal/awsiam"
)

// CallKeys are the writ: keys that the legs of an invocation fix: what is
// called, in which region, and where it may run.
func CallKeys(legs []Leg, region string) awsiam.Context {
	model, profile := "", ""
	regions := []string{region}
	for _, l := range legs {
		if l.ofModel() {
			if profile == "" {
				profile = l.Profile
			}
			if model == "" {
				model = l.Model
			}
		}
		if l.Region != "" && !slices.Contains(regions, l.Region) {
			regions = append(regions, l.Region)
		}
	}
	c := awsiam.Context{}
	SetText(c, Opaque("request", "model"), model)
	SetText(c, Opaque("request", "profile"), profile)
	SetText(c, Opaque("request", "region"), region)
	SetTexts(c, Opaque("request", "regions"), regions)
	return c
}

// ofModel reports whether a leg is about what the call invokes.
func (l Leg) ofModel() bool {
	switch l.Kind {
	case ProfileLeg, SourceLeg, DestinationLeg, GlobalLeg, CustomLeg:
		return true
	}
	return false
}

// SetText gives a writ: key a string; an empty one is an absent key.
func SetText[T ~string](c awsiam.Context, key string, s T) {
	if s == "" {
		c.Set(key, awsiam.Value{})
		return
	}
	c.Set(key, awsiam.One(string(s)))
}

// SetTexts gives a writ: key a set of strings; an empty one is an absent key.
func SetTexts[T ~string](c awsiam.Context, key string, set []T) {
	items := make([]string, len(set))
	for i, s := range set {
		items[i] = string(s)
	}
	slices.Sort(items)
	c.Set(key, awsiam.Value{Items: slices.Compact(items), Multi: true})
}
