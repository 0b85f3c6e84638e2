package gateway

import (
	"errors"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/rights"
)

// resolve turns the model id into legs and the body into capabilities. What
// cannot be resolved is refused before any policy is asked: a rule on a family
// cannot see a model whose family is unknown (security S1, S2).
func (x *exchange) resolve() *refusal {
	x.forwarded = bedrock.Forwardable(x.r.Header)
	if refused := x.prepareAsync(); refused != nil {
		return refused
	}
	var err error
	if x.target, err = x.target.Complete(x.body.Bytes()); err != nil {
		return refuse("malformed", invalid(err.Error()))
	}
	x.model, x.profile = x.state.Catalogue.Find(x.target.ModelID)
	x.caps, err = bedrock.ReadCapabilities(x.target.Operation, x.model.Provider, x.r.Header, x.body.Bytes())
	if err != nil {
		return refuse("malformed", invalid(err.Error()))
	}
	x.target.Join(&x.caps)
	if refused := x.place(); refused != nil {
		return refused
	}
	return x.stopped()
}

// stopped refuses a call of which any leg, in whichever account it would be
// made, is quarantined.
func (x *exchange) stopped() *refusal {
	s := x.state.Stops
	if s == nil {
		return nil
	}
	q := s.Model(x.state.Catalogue, x.target.ModelID, x.legs)
	for _, a := range x.others {
		if q == "" {
			q = s.Model(x.state.Catalogue, x.target.ModelID, a.legs)
		}
	}
	return quarantined(q)
}

func unresolved(err error) *refusal {
	var e *rights.UnresolvedError
	if errors.As(err, &e) {
		return &refusal{kind: "unresolved", err: accessDenied(e.Error()), hint: e.Hint}
	}
	return &refusal{kind: "unresolved", err: accessDenied(err.Error())}
}
