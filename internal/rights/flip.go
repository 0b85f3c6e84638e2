package rights

import (
	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/diagram"
)

// Flip is one key whose change turns an allowed request into a denied one.
type Flip struct {
	Key    string   `json:"key"`
	Value  any      `json:"value"` // as in the allowed request; null: absent
	Other  any      `json:"other"` // with which it is denied
	Denied Witness  `json:"denied"`
	By     []string `json:"by,omitempty"` // statements that then deny
}

// Explain answers a case, and for every key that matters finds the nearest
// request that is denied: it differs from the witness in that key alone. The
// plain evaluator confirms each.
func Explain(u Universe, c *Case) (Answer, []Flip) {
	f := NewFrame(u)
	f.Add(c)
	f.Close()
	a := f.Answer(c)
	r := reading{Frame: f, c: c, at: f.possible}
	r.now()
	all := f.whole(c)
	vector, ok := f.pick(f.space.And(all.Must, r.at))
	if !ok || f.err() != nil {
		return a, nil
	}
	var flips []Flip
	for _, v := range f.vars {
		if flip, ok := f.flip(c, v, vector, r.at); ok && v.opaque == "" {
			flips = append(flips, flip)
		}
	}
	return a, flips
}

// flip looks for another value of one key with which the request is denied.
func (f *Frame) flip(c *Case, v *variable, vector []int, at diagram.Node) (Flip, bool) {
	before := vector[v.index]
	defer func() { vector[v.index] = before }()
	for i := range v.atoms {
		vector[v.index] = i
		if i == before || !f.space.Eval(at, vector) || !f.confirms(c, vector, false) {
			continue
		}
		flip := Flip{Key: v.spelling(), Value: plain(v.atoms[before].value), Other: plain(v.atoms[i].value), Denied: *f.describe(c, vector)}
		for j := range c.Checks {
			ctx, resource := f.concrete(c, &c.Checks[j], vector)
			d := awsiam.Evaluate(c.request(&c.Checks[j], ctx, resource), c.layers(&c.Checks[j]))
			if d.Outcome == awsiam.ExplicitDeny {
				for _, s := range d.Statements {
					flip.By = appendOnce(flip.By, s.String())
				}
			}
		}
		return flip, true
	}
	return Flip{}, false
}

// plain is a value as JSON has it.
func plain(v awsiam.Value) any {
	switch {
	case v.Multi:
		return v.Items
	case len(v.Items) == 1:
		return v.Items[0]
	}
	return nil
}
