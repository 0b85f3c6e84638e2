package certificate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
)

// side is a Side, read.
type side struct {
	principal awsiam.Principal
	known     awsiam.Context
	checks    []check
}

// check is a Check, read.
type check struct {
	action, resource, account string
	known                     awsiam.Context // with the side's
	layers                    awsiam.Layers
}

func (s *Side) read() (side, error) {
	out := side{principal: awsiam.Principal(s.Principal)}
	out.principal.Bounded = s.Principal.Bounded || s.Layers.Boundary != nil
	var err error
	if out.known, err = contextOf(s.Known, nil); err != nil {
		return out, err
	}
	layers := s.Layers.read()
	for _, c := range s.Checks {
		k := check{action: c.Action, resource: c.Resource, account: c.Account, layers: layers}
		k.layers.Resource, k.layers.Trust, k.layers.RCPs = c.Policy.read(), c.Trust, readLevels(c.RCPs)
		if k.known, err = contextOf(c.Known, out.known); err != nil {
			return out, err
		}
		out.checks = append(out.checks, k)
	}
	if len(out.checks) == 0 {
		return out, errors.New("nothing is asked")
	}
	return out, nil
}

func (l *Layers) read() awsiam.Layers {
	return awsiam.Layers{Identity: readAll(l.Identity), SCPs: readLevels(l.SCPs), Boundary: l.Boundary.read(), Sessions: readAll(l.Sessions), Endpoint: l.Endpoint.read()}
}

func readLevels(levels [][]Document) (out [][]*awsiam.Document) {
	for _, level := range levels {
		out = append(out, readAll(level))
	}
	return out
}

// readAll keeps a layer that is not there apart from one that is empty.
func readAll(docs []Document) []*awsiam.Document {
	if docs == nil {
		return nil
	}
	out := make([]*awsiam.Document, len(docs))
	for i := range docs {
		out[i] = docs[i].read()
	}
	return out
}

func (d *Document) read() *awsiam.Document {
	if d == nil {
		return nil
	}
	doc, _ := awsiam.Parse(d.Name, []byte(d.Text), awsiam.Position{})
	return doc
}

func contextOf(known map[string]Value, under awsiam.Context) (awsiam.Context, error) {
	out := awsiam.Context{}
	for k, v := range under {
		out[k] = v
	}
	for k, v := range known {
		value, err := v.read()
		if err != nil || k != awsiam.Key(k) {
			return nil, fmt.Errorf("known key %.80q: it is not in lower case, or its value is none", k)
		}
		out[k] = value
	}
	return out, nil
}

// read returns the value; there is one way to write each.
func (v *Value) read() (awsiam.Value, error) {
	out := awsiam.Value{Items: v.Values, Multi: v.Several, Doubt: v.Doubt}
	n := len(v.Values)
	ok := v.Absent && n == 0 && !v.Several && v.Doubt == "" || // absent
		!v.Absent && n == 0 && v.Doubt != "" || // unknown
		!v.Absent && n > 0 && v.Doubt == "" && (n == 1 || v.Several)
	if !ok {
		return out, errors.New("a value is neither absent, nor one, nor several, nor in doubt")
	}
	return out, nil
}

// knows reports whether a context says what a key holds. A key that ends in *
// stands for all others of its family.
func knows(ctx awsiam.Context, key string) bool {
	if _, ok := ctx[key]; ok {
		return true
	}
	family, _, member := strings.Cut(key, "/")
	_, ok := ctx[family+"/*"]
	return ok && member
}

// documents are all that a check meets.
func (k *check) documents() []*awsiam.Document {
	all := slices.Concat(k.layers.Identity, k.layers.Sessions)
	for _, level := range slices.Concat(k.layers.SCPs, k.layers.RCPs) {
		all = append(all, level...)
	}
	for _, d := range []*awsiam.Document{k.layers.Boundary, k.layers.Resource, k.layers.Endpoint} {
		if d != nil {
			all = append(all, d)
		}
	}
	return all
}

// regionOf is the region in which AWS asks about a resource.
func regionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && parts[3] != "" {
		return parts[3]
	}
	return unspecified
}

// unspecified is the region of a resource whose ARN names none.
const unspecified = "unspecified"
