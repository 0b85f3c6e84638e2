package rights

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/diagram"
	"github.com/writ-project/writ/internal/glob"
)

// anyBedrock is every string that has the form of a Bedrock resource's ARN.
var anyBedrock = []glob.Pattern{glob.Parse("arn:aws:bedrock:*:*:*")}

// plausible are the forms of what a model is invoked on
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html),
// in the commercial partition. They keep nonsense from standing for a class of
// resources.
var plausible = plausibleIn("aws")

// ownedKinds are the types of resource of an account, by an id each.
var ownedKinds = []string{"inference-profile", "application-inference-profile", "provisioned-model", "custom-model-deployment", "imported-model", "prompt-router", "default-prompt-router", "async-invoke", "guardrail", "project"}

func plausibleIn(partition string) (forms []glob.Pattern) {
	home := "arn:" + partition + ":bedrock:"
	owned := home + "*-*-?:" + strings.Repeat("?", 12) + ":"
	for _, kind := range ownedKinds {
		forms = append(forms, segments(owned+kind+"/?*"))
	}
	return append(forms, segments(owned+marketplaceResource), segments(home+"*-*-?::foundation-model/?*.?*"), segments(home+"::foundation-model/?*.?*"))
}

// anyResource is every ARN, and * for actions without a resource.
var anyResource = []glob.Pattern{segments("arn:*:*:*:*:?*"), glob.Literal("*")}

func invokes(action string) bool {
	return slices.ContainsFunc(InvokeActions, func(a string) bool { return strings.EqualFold(a, action) })
}

// domain is what the open resource can be. Models are invoked on Bedrock's
// resources; every other action may be about anything.
func (f *Frame) domain() glob.Domain {
	switch {
	case !f.open.invoked:
		return glob.Domain{Within: anyResource}
	case !f.u.Correlated:
		return glob.Domain{Within: anyBedrock}
	}
	d := glob.Domain{Within: plausible, Without: nested}
	for _, partition := range f.open.partitions() {
		d.Within = append(slices.Clone(d.Within), plausibleIn(partition)...)
	}
	return d
}

// partitions are those beside the commercial one that some pattern names.
func (r *resourceVariable) partitions() (out []string) {
	for _, p := range r.patterns {
		parts := strings.SplitN(p.String(), ":", 3)
		if len(parts) == 3 && parts[1] != "aws" && bedrock.ValidPartition(parts[1]) && !slices.Contains(out, parts[1]) {
			out = append(out, parts[1])
		}
	}
	return out
}

// nested is what no id of a plausible form holds, though a * of a pattern may
// stand for it: another slash, and so another resource's path.
var nested = func() (forms []glob.Pattern) {
	for _, kind := range append(ownedKinds, "foundation-model") {
		forms = append(forms, segments("arn:*:*:*:*:"+kind+"/*/*"))
	}
	return forms
}()

// regionless is what tells apart resources whose region AWS reports as a word.
var regionless = segments("arn:*:*::*:*")

func segments(s string) glob.Pattern {
	p, _ := glob.SegmentWise(s)
	return p
}

// split makes the atoms of the open resource: one resource of every class that
// the patterns tell apart.
func (r *resourceVariable) split(f *Frame) (doubt string) {
	patterns, domain := slices.Clone(r.patterns), f.domain()
	if f.u.Correlated {
		if v := f.byKey[regionKey]; v != nil {
			patterns = append(append(patterns, regionless), regionPatterns(v)...)
		}
	}
	classes, err := f.u.Classes.of(domain, patterns)
	if err != nil {
		r.names = []string{"*"}
		return "the resource patterns are too many to tell apart"
	}
	r.classes, r.told = classes, patterns
	for _, c := range classes {
		r.names = append(r.names, c.Witness)
	}
	return ""
}

// name has a class named for people to read: by a resource that exists, if one
// that is counted is in it, else by a plausible one.
func (f *Frame) name(i int) {
	r := f.open
	for _, arn := range f.u.Counted {
		if at, ok := r.class(arn); ok && at == i {
			r.names[i] = arn
			return
		}
	}
	if !r.invoked || isPlausible(r.names[i]) || i >= len(r.classes) {
		return
	}
	for _, arn := range r.guesses() {
		if at, ok := r.class(arn); ok && at == i && isPlausible(arn) {
			r.names[i] = arn
			return
		}
	}
	if r.sane == nil {
		r.sane, _ = glob.Domain{Within: plausible}.Atoms(r.patterns, atomLimit)
	}
	for _, c := range r.sane {
		if c.Accepts.Equal(r.classes[i].Accepts) {
			r.names[i] = c.Witness
		}
	}
}

// usual are the regions that a guess is made in.
var usual = []string{"us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2"}

// guesses are resources that look like what the patterns name: cheaper to try
// than to search for one.
func (r *resourceVariable) guesses() (arns []string) {
	ids, owner := []string{"foundation-model/x.x", "inference-profile/us.x"}, strings.Repeat("1", 12)
	for _, p := range r.patterns {
		if parts := strings.SplitN(p.String(), ":", 6); len(parts) == 6 {
			if bedrock.ValidAccount(parts[4]) {
				owner = parts[4]
			}
			if id := wildcards.Replace(parts[5]); !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	for _, id := range ids {
		account := owner
		if strings.HasPrefix(id, "foundation-model/") {
			account = ""
		}
		for _, region := range usual {
			arns = append(arns, "arn:aws:bedrock:"+region+":"+account+":"+id)
		}
	}
	return arns
}

var wildcards = strings.NewReplacer("*", "x", "?", "x")

func isPlausible(arn string) bool {
	return slices.ContainsFunc(plausible, func(p glob.Pattern) bool { return p.Match(arn) })
}

// class returns the class that a resource is in.
func (r *resourceVariable) class(arn string) (int, bool) {
	var accepts glob.Bits
	for i, p := range r.told {
		if p.Match(arn) {
			accepts.Set(i)
		}
	}
	i := slices.IndexFunc(r.classes, func(c glob.Atom) bool { return c.Accepts.Equal(accepts) })
	return i, i >= 0
}

// count adds, to a set, the resources whose class is in a function.
func (f *Frame) count(fn diagram.Node, in map[string]bool) {
	if f.open == nil {
		return
	}
	allowed := f.space.Allowed(fn, f.open.index)
	for _, arn := range f.u.Counted {
		if i, ok := f.open.class(arn); ok && allowed.Has(i) {
			in[arn] = true
		}
	}
}

// regionPatterns are the patterns on the region, put where an ARN has it.
func regionPatterns(v *variable) (out []glob.Pattern) {
	for _, p := range v.cuts.Patterns {
		if s, literal := p.IsLiteral(); literal {
			out = append(out, segments("arn:*:*:"+s+":*:*"))
			continue
		}
		out = append(out, segments("arn:*:*:"+strings.ReplaceAll(p.String(), ":", "?")+":*:*"))
	}
	return out
}

// regionOf is the region that AWS reports for a check on a resource: the ARN's,
// or the word that stands for none.
func regionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && parts[3] != "" {
		return parts[3]
	}
	return UnspecifiedRegion
}

// region ties the region to that of the resource: to the class of regions that
// it is in.
func (r *resourceVariable) region(f *Frame) diagram.Node {
	v := f.byKey[regionKey]
	ok := diagram.False
	for i, name := range r.names {
		var with diagram.Set
		for j := range v.atoms {
			if name == "*" || v.alike(v.atoms[j].value, awsiam.One(regionOf(name))) {
				with.Add(j)
			}
		}
		ok = f.space.Or(ok, f.space.And(f.space.In(r.index, diagram.SetOf(i)), f.space.In(v.index, with)))
	}
	return ok
}

// alike reports whether all conditions on a variable answer alike to two values.
func (v *variable) alike(a, b awsiam.Value) bool {
	for i := range v.cuts.Conditions {
		if v.answer(i, a) != v.answer(i, b) {
			return false
		}
	}
	return true
}

// answer is the truth of the i-th condition on a variable for one of its values.
func (v *variable) answer(i int, value awsiam.Value) awsiam.Truth {
	if v.cuts.Conditions[i].Name() == epochKey {
		value = epoch(value)
	}
	return v.cuts.Answer(i, value)
}
