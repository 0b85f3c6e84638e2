package analyse

import (
	"sync"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
)

// holding is what an identity was granted and may use now. It is safe for
// concurrent use.
type holding struct {
	permits    *policy.Permits
	live       []string
	statements []*awsiam.Statement
	known      awsiam.Context

	mu sync.Mutex
	// matching are the resources of every statement that match an ARN.
	matching map[string][][]awsiam.Text
}

// nothing is what nobody holds.
func nothing() *holding {
	return &holding{known: awsiam.Context{}, matching: map[string][][]awsiam.Text{}}
}

// holding converts what an identity holds. A grant that is not in force covers
// nothing now.
func (a *Analysis) holding(b *policy.Bundle, i *identity.Identity, place rights.Place) (*holding, error) {
	p, err := b.Permits(i, place)
	if err != nil {
		return nil, err
	}
	h := nothing()
	h.permits, h.known = p, policy.IdentityKeys(i)
	for _, g := range p.Granted {
		if a.Now.Before(g.Until) && !a.Now.Before(g.From) {
			h.live = append(h.live, g.Grant)
			h.add(g.Document)
		}
	}
	for _, f := range p.Forbids {
		h.add(f.Document)
	}
	return h, nil
}

func (h *holding) add(d *awsiam.Document) {
	for i := range d.Statements {
		h.statements = append(h.statements, &d.Statements[i])
	}
}

// document is all that the identity holds as far as it is about some checks. A
// grant of a provider names hundreds of resources, of which a call meets a few.
func (h *holding) document(checks []rights.Check) *awsiam.Document {
	met := make([][][]awsiam.Text, len(checks))
	for i := range checks {
		met[i] = h.about(checks[i].Resource)
	}
	d := &awsiam.Document{Name: "grants"}
	for n, s := range h.statements {
		var texts []awsiam.Text
		for i := range checks {
			texts = append(texts, met[i][n]...)
		}
		if len(texts) > 0 {
			narrow := *s
			narrow.Resources = texts
			d.Statements = append(d.Statements, narrow)
		}
	}
	return d
}

// about are, statement by statement, the resources that match an ARN. Policies
// that rights.WritePolicy wrote have no variables in resources, and no
// NotResource.
func (h *holding) about(arn string) [][]awsiam.Text {
	h.mu.Lock()
	defer h.mu.Unlock()
	if texts, ok := h.matching[arn]; ok {
		return texts
	}
	texts := make([][]awsiam.Text, len(h.statements))
	for i, s := range h.statements {
		for j := range s.Resources {
			if p, fixed := s.Resources[j].Fixed(); fixed && p.Match(arn) {
				texts[i] = append(texts[i], s.Resources[j])
			}
		}
	}
	h.matching[arn] = texts
	return texts
}
