package snapshot

import (
	"net/netip"
	"slices"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// Stops is what is quarantined, found by what a call shows. Each question
// returns the name of a quarantine that stops it, or "". A nil *Stops stops
// nothing, at the cost of looking at a pointer.
type Stops struct {
	named    map[rights.Target]string // by target, as named
	prefixes []stoppedPrefix
	networks []string // quarantines of networks, by name
	models   bool     // there are quarantines of models
	tags     bool
}

type stoppedPrefix struct {
	cidr       netip.Prefix
	quarantine string
}

// newStops takes quarantines in the order of their names; the first of several
// of one target is the one that is named.
func newStops(all []*rights.Quarantine) *Stops {
	if len(all) == 0 {
		return nil
	}
	s := &Stops{named: make(map[rights.Target]string, len(all))}
	for _, q := range all {
		s.name(q.Target, q.ID)
		switch q.Target.Kind {
		case rights.TargetModel:
			s.models = true
			s.name(rights.Target{Kind: rights.TargetModel, Name: everywhere(q.Target.Name)}, q.ID)
		case rights.TargetTag:
			s.tags = true
		case rights.TargetNetwork:
			s.networks = append(s.networks, q.ID)
			if p, ok := q.Target.Prefix(); ok {
				s.prefixes = append(s.prefixes, stoppedPrefix{p, q.ID})
			}
		}
	}
	return s
}

func (s *Stops) name(t rights.Target, quarantine string) {
	if _, taken := s.named[t]; !taken {
		s.named[t] = quarantine
	}
}

// everywhere is a model's name in the catalogue: who quarantines a foundation
// model by the ARN it has in one region means the model.
func everywhere(name string) string {
	if ref, err := bedrock.ParseModelID(name); err == nil {
		return ref.CatalogueID()
	}
	return name
}

// Caller asks about who calls: the identity, by name or tag, the session (empty:
// none yet) and where the call comes from.
func (s *Stops) Caller(i *identity.Identity, session string, o identity.Origin) string {
	if s == nil {
		return ""
	}
	if q := s.named[rights.Target{Kind: rights.TargetIdentity, Name: i.ID}]; q != "" {
		return q
	}
	if session != "" {
		if q := s.named[rights.Target{Kind: rights.TargetSession, Name: session}]; q != "" {
			return q
		}
	}
	if s.tags {
		if q := s.any(rights.TargetTag, i.Tags); q != "" {
			return q
		}
	}
	return s.origin(o)
}

// origin asks about where a call comes from. While any network is stopped, a
// call whose address is not known may come from it, and is stopped too.
func (s *Stops) origin(o identity.Origin) string {
	switch {
	case len(s.networks) == 0:
		return ""
	case !o.Addr.IsValid():
		return s.networks[0]
	}
	if q := s.any(rights.TargetNetwork, o.Networks); q != "" {
		return q
	}
	i := slices.IndexFunc(s.prefixes, func(p stoppedPrefix) bool { return p.cidr.Contains(o.Addr.Unmap()) })
	if i < 0 {
		return ""
	}
	return s.prefixes[i].quarantine
}

// Model asks about what is called: the model as the caller named it and every
// leg of the call, by model, profile, base, family, provider or ARN.
func (s *Stops) Model(cat *bedrock.Catalogue, called string, legs []rights.Leg) string {
	if s == nil || !s.models {
		return ""
	}
	if q := s.model(cat, called); q != "" {
		return q
	}
	for i := range legs {
		l := &legs[i]
		for _, name := range []string{l.Model, l.Profile, l.Resource} {
			if q := s.model(cat, name); q != "" {
				return q
			}
		}
	}
	return ""
}

// model asks about one name of a model or profile, and what is behind it.
func (s *Stops) model(cat *bedrock.Catalogue, name string) string {
	if name == "" {
		return ""
	}
	id := everywhere(name)
	names := []string{name, id}
	if p, ok := cat.Profile(id); ok {
		names = append(append(names, p.Model), p.Routes...)
	}
	for _, n := range names {
		m, ok := cat.Model(n)
		if !ok {
			continue
		}
		names = append(names, m.Base, "family:"+m.Family, "provider:"+m.Provider)
		if b, ok := cat.Model(m.Base); ok {
			names = append(names, "family:"+b.Family, "provider:"+b.Provider)
		}
	}
	return s.any(rights.TargetModel, names)
}

func (s *Stops) any(kind rights.TargetKind, names []string) string {
	for _, name := range names {
		if q := s.named[rights.Target{Kind: kind, Name: name}]; q != "" {
			return q
		}
	}
	return ""
}
