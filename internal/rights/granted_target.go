package rights

import (
	"errors"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
)

// reach is what an entitlement's models come to, as the resources of legs.
type reach struct {
	direct   []string            // models that are called by themselves
	either   []string            // models that may be called by themselves or through any profile
	profiles []string            // profiles called
	through  map[string][]string // models by the pattern of the profile they are reached through

	// Endpoints of the Marketplace share one resource: they are told apart by
	// the model that the call names.
	endpoints map[string][]string // catalogue ids by resource
	aims      aims
}

// aims are the same as what a call is aimed at, by catalogue id.
type aims struct{ direct, either, profiles []string }

// reach resolves the models that the entitlement names.
func (c *converter) reach(names []string) (*reach, error) {
	if len(names) == 0 && c.ent.NeedsModels() {
		return nil, errors.New("models is required")
	}
	r := &reach{through: map[string][]string{}, endpoints: map[string][]string{}}
	for _, name := range names {
		s, err := ParseSelector(name, c.Catalogue)
		if err != nil {
			return nil, err
		}
		switch s.Kind {
		case SelectModel:
			r.aims.direct = append(r.aims.direct, s.ID)
			r.model(c, &r.direct, s.ID)
		case SelectProfile:
			p, _ := c.Catalogue.Profile(s.ID)
			r.profile(c, p)
		default:
			r.group(c, s)
		}
	}
	return r, nil
}

func (r *reach) model(c *converter, into *[]string, id string) {
	ref, err := bedrock.ParseModelID(id)
	switch {
	case err == nil && ref.Kind == bedrock.MarketplaceEndpointRef:
		shared := "arn:" + ref.Partition + ":bedrock:" + ref.Region + ":" + ref.Account + ":" + marketplaceResource
		r.endpoints[shared] = append(r.endpoints[shared], id)
	case err == nil && !ref.Bare():
		*into = append(*into, id)
	default:
		*into = append(*into, c.foundation(id))
	}
}

// foundation is a foundation model in every region, and the region-less one.
func (c *converter) foundation(id string) string {
	return "arn:" + c.Partition + ":bedrock:*::foundation-model/" + id
}

// profileARN is an inference profile in every region.
func (c *converter) profileARN(id string) string {
	if strings.HasPrefix(id, "arn:") {
		return id
	}
	return c.own("bedrock", "*", "inference-profile/"+id)
}

// own is a resource of the account.
func (c *converter) own(service, region, resource string) string {
	return "arn:" + c.Partition + ":" + service + ":" + region + ":" + c.account + ":" + resource
}

func (r *reach) profile(c *converter, p bedrock.Profile) {
	arn := c.profileARN(p.ID)
	r.profiles = append(r.profiles, arn)
	r.aims.profiles = append(r.aims.profiles, p.ID)
	for _, m := range append([]string{p.Model}, p.Routes...) {
		r.through[arn] = append(r.through[arn], c.foundation(m))
	}
}

// group adds every model and every profile of a family or provider.
func (r *reach) group(c *converter, s Selector) {
	for _, m := range c.Catalogue.Models() {
		if s.holds(m, c.Catalogue) {
			r.aims.either = append(r.aims.either, m.ID)
			r.model(c, &r.either, m.ID)
		}
	}
	for _, p := range c.Catalogue.Profiles() {
		if slices.ContainsFunc(append([]string{p.Model}, p.Routes...), func(id string) bool {
			m, ok := c.Catalogue.Model(id)
			return ok && s.is(m)
		}) {
			r.profiles = append(r.profiles, c.profileARN(p.ID))
		}
	}
}

// holds reports whether a model, or one it is made from, is in the group.
func (s Selector) holds(m bedrock.Model, cat *bedrock.Catalogue) bool {
	for range 8 { // a chain of bases is one long, and a circle ends
		if s.is(m) {
			return true
		}
		base, ok := cat.Model(m.Base)
		if !ok {
			return false
		}
		m = base
	}
	return false
}

func (s Selector) is(m bedrock.Model) bool {
	if s.Kind == SelectFamily {
		return m.Family == s.ID
	}
	return m.Provider == s.ID
}

// named are the resources that a call can name: its first leg.
func (r *reach) named() []string { return slices.Concat(r.direct, r.either, r.profiles) }

// counted is the reach of counting tokens, which knows no profiles: one that is
// named stands for the models behind it.
func (r *reach) counted(c *converter) *reach {
	out := &reach{direct: slices.Clone(r.direct), either: r.either, endpoints: r.endpoints}
	out.aims = aims{direct: slices.Clone(r.aims.direct), either: r.aims.either}
	for _, id := range r.aims.profiles {
		p, _ := c.Catalogue.Profile(id)
		for _, m := range append([]string{p.Model}, p.Routes...) {
			out.aims.direct = append(out.aims.direct, m)
			out.direct = append(out.direct, c.foundation(m))
		}
	}
	return out
}

// terms are the ways in which a call can be aimed at what the entitlement names,
// whatever the leg.
func (a aims) terms() (ways []Term) {
	model, profile := Opaque("request", "model"), Opaque("request", "profile")
	if len(a.profiles) > 0 {
		ways = append(ways, Term{equals(profile, a.profiles...)})
	}
	if len(a.direct) > 0 {
		ways = append(ways, Term{equals(model, a.direct...), isAbsent(profile, true)})
	}
	if len(a.either) > 0 {
		ways = append(ways, Term{equals(model, a.either...)})
	}
	return ways
}
