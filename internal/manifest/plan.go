package manifest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/operator"
)

// Op is what a change does to a resource.
type Op string

// The operations of a change.
const (
	Create    Op = "create"
	Update    Op = "update"
	Delete    Op = "delete"
	Unchanged Op = "unchanged"
	// Close ends a resource whose last state is worth keeping: the change
	// carries that state, which goes to the archive.
	Close Op = "close"
)

// Ends reports whether the resource is gone after the operation.
func (o Op) Ends() bool { return o == Delete || o == Close }

// Change is one step of an apply.
type Change struct {
	Op       Op
	Resource Resource  // as wanted; for a deletion, as it was
	Before   *Resource // nil for a creation
}

// Plan says what turns current into wanted. With prune, what is current and
// not wanted is deleted; without, it is left alone. Creations and updates come
// in the order of Kinds, so that nothing refers to what is not there yet;
// deletions follow, in reverse.
//
// Two fields of an identity belong to operators and not to files: an apply
// never lowers its epoch (security S17), and one that states no lifecycle
// state leaves the present one, so that re-applying a file cannot end a
// quarantine by its silence.
func Plan(current, wanted []Resource, prune bool) []Change {
	before := make(map[string]Resource, len(current))
	for _, r := range current {
		before[r.ID()] = r
	}
	var out []Change
	for _, r := range slices.SortedFunc(slices.Values(wanted), compare) {
		was, ok := before[r.ID()]
		delete(before, r.ID())
		if !ok {
			out = append(out, Change{Op: Create, Resource: r})
			continue
		}
		r = inherit(r, was)
		c := Change{Op: Update, Resource: r, Before: &was}
		if r.Digest() == was.Digest() {
			c.Op = Unchanged
		}
		out = append(out, c)
	}
	if !prune {
		return out
	}
	gone := slices.SortedFunc(maps.Values(before), compare)
	slices.Reverse(gone)
	for _, was := range gone {
		out = append(out, Change{Op: Delete, Resource: was, Before: &was})
	}
	return out
}

// After is the set of resources that current becomes by a plan: what Check is
// to be asked about before anything is recorded.
func After(current []Resource, plan []Change) []Resource {
	state := make(map[string]Resource, len(current))
	for _, r := range current {
		state[r.ID()] = r
	}
	for _, c := range plan {
		if c.Op.Ends() {
			delete(state, c.Resource.ID())
			continue
		}
		state[c.Resource.ID()] = c.Resource
	}
	return slices.SortedFunc(maps.Values(state), compare)
}

// inherit keeps what a file may not take back from an identity or an operator.
func inherit(r, was Resource) Resource {
	if now, ok := r.Spec.(*operator.Operator); ok {
		if old, also := was.Spec.(*operator.Operator); also {
			r.Spec = operator.Succeed(old, now)
		}
		return r
	}
	now, ok := r.Spec.(*identity.Identity)
	old, also := was.Spec.(*identity.Identity)
	if !ok || !also {
		return r
	}
	kept := *now
	kept.Epoch = max(now.Epoch, old.Epoch)
	if now.State == "" {
		kept.State = old.State
	}
	r.Spec = &kept
	return r
}

// WithEpoch returns the identity resource r at no less than the given epoch;
// any other resource comes back as it is.
func WithEpoch(r Resource, epoch uint32) Resource {
	i, ok := r.Spec.(*identity.Identity)
	if !ok || i.Epoch >= epoch {
		return r
	}
	raised := *i
	raised.Epoch = epoch
	r.Spec = &raised
	return r
}

// FieldChange is one field that a change touches.
type FieldChange struct {
	Path   string // dotted, with list positions in brackets: conditions.networks[0]
	Before string // JSON; empty when the field was not there
	After  string // JSON; empty when the field goes
}

// Diff lists the fields that a change touches, sorted by path.
func (c Change) Diff() []FieldChange {
	var before, after map[string]string
	if c.Before != nil {
		before = flatten(*c.Before)
	}
	if c.Op != Delete {
		after = flatten(c.Resource)
	}
	var out []FieldChange
	for _, path := range slices.Sorted(maps.Keys(union(before, after))) {
		if before[path] != after[path] {
			out = append(out, FieldChange{Path: path, Before: before[path], After: after[path]})
		}
	}
	return out
}

func union(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	if out == nil {
		out = make(map[string]string, len(b))
	}
	maps.Copy(out, b)
	return out
}

// flatten maps every scalar of a spec to its path. A spec that cannot be
// encoded has no fields to show.
func flatten(r Resource) map[string]string {
	out := make(map[string]string)
	spec, err := r.Encode()
	if err != nil {
		return out
	}
	var v any
	if json.Unmarshal(spec, &v) == nil {
		flattenInto(out, "", v)
	}
	return out
}

func flattenInto(out map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			inner := k
			if path != "" {
				inner = path + "." + k
			}
			flattenInto(out, inner, e)
		}
	case []any:
		for i, e := range v {
			flattenInto(out, path+"["+strconv.Itoa(i)+"]", e)
		}
	default:
		b, _ := json.Marshal(v) // a decoded JSON scalar always encodes
		out[path] = string(b)
	}
}
