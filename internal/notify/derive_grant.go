package notify

import (
	"cmp"
	"fmt"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
)

// grant tells of a grant's life. That it was an emergency is told even where the
// grant has gone on since.
func (n *news) grant(g *rights.Grant) []Event {
	var out []Event
	if n.Op == manifest.Create && g.Origin == rights.OriginBreakGlass {
		out = append(out, n.event(EmergencyTaken, n.once("emergency"), n.facts(g,
			"an emergency grant of %s was taken for %s", g.Entitlement, g.Identity), n.concerned(g)...))
	}
	if n.overtaken() {
		return out
	}
	if kind, key, text := n.step(g); kind != "" {
		out = append(out, n.event(kind, key, n.facts(g, text, g.Entitlement, g.Identity), n.concerned(g)...))
	}
	return out
}

// step is what a grant's state says has happened. What is in force on some
// replicas only is not told yet.
func (n *news) step(g *rights.Grant) (kind, key, text string) {
	if n.Op.Ends() {
		return GrantEnded, n.once("ended"), "the grant of %s to %s has ended"
	}
	switch g.State {
	case rights.GrantScheduled:
		return GrantScheduled, n.once("scheduled"), "a grant of %s to %s is scheduled"
	case rights.GrantActive:
		return GrantActivated, "activated", "the grant of %s to %s is in force"
	case "":
		return GrantActivated, n.once("activated"), "the grant of %s to %s is in force"
	case rights.GrantActivationFailed:
		return GrantFailed, n.once("failed"), "the grant of %s to %s could not be put in force"
	case rights.GrantRevokeFailed:
		return GrantFailed, n.once("failed"), "the grant of %s to %s was taken away, and a replica cannot be shown to know"
	}
	return "", "", ""
}

func (n *news) facts(g *rights.Grant, text string, args ...any) Data {
	until := g.NotAfter
	d := Data{
		Summary: fmt.Sprintf(text, args...), Grant: n.Name, Identity: g.Identity, Entitlement: g.Entitlement, Until: &until,
		Reason: clip(cmp.Or(g.Detail, g.Reason)), State: cmp.Or(string(g.End), string(g.State)), Command: "writ grant show " + n.Name,
	}
	if g.From != nil {
		d.Request, d.By = g.From.Request, g.From.Requester
	}
	if g.Ending != nil {
		d.By, d.Reason = g.Ending.By, clip(g.Ending.Reason)
	}
	return d
}

// concerned are those whom a grant concerns.
func (n *news) concerned(g *rights.Grant) []Recipient {
	var to []Recipient
	if g.From != nil && g.From.Requester != "" {
		to = append(to, Recipient{Requester, g.From.Requester})
	}
	to = append(to, n.sponsors(g.Identity)...)
	if n.state != nil {
		if e, ok := n.state.Entitlement(g.Entitlement); ok && e.Owner != "" {
			to = append(to, Recipient{Owner, e.Owner})
		}
	}
	return to
}

// sponsors are those who answer for an identity.
func (n *news) sponsors(name string) []Recipient {
	if n.state == nil {
		return nil
	}
	i, ok := n.state.Identity(name)
	if !ok {
		return nil
	}
	var to []Recipient
	for _, who := range []string{i.Sponsor, i.Owner, i.Deputy} {
		if who != "" {
			to = append(to, Recipient{Sponsor, who})
		}
	}
	return to
}

func (n *news) modelOwner(model string) []Recipient {
	if n.state == nil {
		return nil
	}
	if m, ok := n.state.Catalogue.Model(model); ok && m.Owner != "" {
		return []Recipient{{Owner, m.Owner}}
	}
	return nil
}
