package rights

import (
	"fmt"
	"slices"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/diagram"
	"github.com/writ-project/writ/internal/glob"
)

// The keys that the algebra treats apart.
const (
	timeKey   = "aws:currenttime"
	epochKey  = "aws:epochtime"
	regionKey = "aws:requestedregion"
	// endpointKey is present on calls through a VPC endpoint, which its policy
	// then limits.
	endpointKey = "aws:sourcevpce"
)

// Frame is the universe of one question: the keys that are free, their atoms,
// and the diagrams over them. Cases are added, then the frame is closed, then
// their functions are built; all functions of one frame can be combined.
//
// A frame is not safe for concurrent use.
type Frame struct {
	u      Universe
	vars   []*variable
	byKey  map[string]*variable
	opaque map[string]*variable
	within map[string][]glob.Pattern
	open   *resourceVariable
	space  *diagram.Space
	// possible is the set of vectors that can occur together.
	possible diagram.Node
	cases    []*Case
	doubts   []string
}

// variable is one free key, or one condition that ties two free keys together
// and is taken to hold or not on its own (opaque).
type variable struct {
	key    string
	cuts   awsiam.Cuts
	atoms  []atom
	index  int
	opaque string
	// condition is the one that opaque is the text of, if its own key is free.
	condition *awsiam.Condition
	doubt     string // why the atoms may be too coarse; then nothing is known of where a condition holds
	leaves    map[*awsiam.Condition]Bounds
}

// resourceVariable is the resource of an open question.
type resourceVariable struct {
	patterns []glob.Pattern
	told     []glob.Pattern // what tells its classes apart: patterns, and what ties regions
	classes  []glob.Atom
	invoked  bool        // by every action that is asked about it
	sane     []glob.Atom // of plausible resources, once asked for
	names    []string    // of its atoms: a resource each
	doubt    string      // why the classes are too coarse to tell where a pattern matches
	index    int
}

// Bounds is a function known from both sides: where it surely holds, and where
// it may.
type Bounds struct{ Must, May diagram.Node }

var (
	never  = Bounds{diagram.False, diagram.False}
	always = Bounds{diagram.True, diagram.True}
	maybe  = Bounds{diagram.False, diagram.True}
)

// NewFrame begins a frame.
func NewFrame(u Universe) *Frame {
	return &Frame{u: u, byKey: map[string]*variable{}, opaque: map[string]*variable{}, within: map[string][]glob.Pattern{}}
}

func (f *Frame) doubt(why string) {
	if why != "" && !slices.Contains(f.doubts, why) {
		f.doubts = append(f.doubts, why)
	}
}

// Add registers a case: what its conditions tell apart.
func (f *Frame) Add(c *Case) {
	f.cases = append(f.cases, c)
	for key, patterns := range c.Within {
		f.within[awsiam.Key(key)] = patterns
	}
	if _, known := c.Known[endpointKey]; c.Layers.Endpoint != nil && !known {
		f.variable(endpointKey)
	}
	for i := range c.Checks {
		k := &c.Checks[i]
		if k.Resource == "" && f.open == nil {
			f.open = &resourceVariable{invoked: true}
		}
		if k.Resource == "" && !invokes(k.Action) {
			f.open.invoked = false
		}
		ctx := lazy{under: c.Known, upper: k.Known}
		for _, d := range documents(c.layers(k)) {
			f.addDocument(c, k, d, &ctx)
		}
	}
}

// lazy is a context that is made when it is first asked for: most documents say
// nothing about a check.
type lazy struct{ under, upper, made awsiam.Context }

func (l *lazy) get() awsiam.Context {
	if l.made == nil {
		l.made = over(l.under, l.upper)
	}
	return l.made
}

// documents are all of a case's documents.
func documents(l awsiam.Layers) []*awsiam.Document {
	all := slices.Concat(l.Identity, l.Sessions)
	for _, level := range slices.Concat(l.SCPs, l.RCPs) {
		all = append(all, level...)
	}
	for _, d := range []*awsiam.Document{l.Boundary, l.Resource, l.Endpoint} {
		if d != nil {
			all = append(all, d)
		}
	}
	return all
}

func (f *Frame) addDocument(c *Case, k *Check, d *awsiam.Document, known *lazy) {
	for i := range d.Statements {
		s := &d.Statements[i]
		if s.MatchAction(k.Action) == awsiam.False {
			continue
		}
		if named, _ := s.MatchPrincipal(c.asking()); named == awsiam.False {
			continue
		}
		ctx := known.get()
		if k.Resource != "" && len(freeVariables(s.Resources, ctx)) == 0 && s.MatchResource(k.Resource, ctx) == awsiam.False {
			continue
		}
		f.addResources(s, k, ctx)
		for j := range s.Conditions {
			f.addCondition(&s.Conditions[j], ctx)
		}
	}
}

// freeVariables lists the keys that texts refer to and a context leaves free.
func freeVariables(texts []awsiam.Text, ctx awsiam.Context) (keys []string) {
	for i := range texts {
		if _, fixed := texts[i].Fixed(); fixed {
			continue
		}
		for _, k := range texts[i].Variables() {
			if !isKnown(ctx, k) && !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

func (f *Frame) addResources(s *awsiam.Statement, k *Check, ctx awsiam.Context) {
	free := freeVariables(s.Resources, ctx)
	if len(free) > 0 && !f.fill(s.Resources, k.Resource, free, ctx, false) {
		f.addOpaque(tiedResource(s, k, ctx), resourceText(s))
		return
	}
	if k.Resource != "" {
		return
	}
	for i := range s.Resources {
		if p, known := s.Resources[i].Resolve(ctx); known == awsiam.True {
			f.open.add(p)
		}
	}
}

func (r *resourceVariable) add(p glob.Pattern) {
	if !slices.ContainsFunc(r.patterns, p.Equal) {
		r.patterns = append(r.patterns, p)
	}
}

// fill turns texts that refer to one free key into what they say about that
// key, given what they are matched against. It reports whether that could be
// done exactly. With fold, case does not count.
func (f *Frame) fill(texts []awsiam.Text, against string, free []string, ctx awsiam.Context, fold bool) bool {
	if len(free) != 1 || against == "" {
		return false
	}
	var values []glob.Pattern
	for _, t := range texts {
		if !slices.Contains(t.Variables(), free[0]) {
			continue
		}
		fillings, ok := t.Fillings(free[0], against, ctx, fold)
		if !ok {
			return false
		}
		for _, v := range fillings {
			p := glob.Literal(v)
			if fold {
				p = p.Fold()
			}
			values = append(values, p)
		}
	}
	v := f.variable(free[0])
	v.cuts.Patterns = append(v.cuts.Patterns, values...)
	return true
}

func resourceText(s *awsiam.Statement) string {
	text := "the resource matches"
	for i := range s.Resources {
		text += " " + s.Resources[i].Source
	}
	if s.NotResource {
		return "not: " + text
	}
	return text
}

func (f *Frame) variable(key string) *variable {
	if key == epochKey {
		key = timeKey
	}
	v := f.byKey[key]
	if v == nil {
		v = &variable{key: key, index: len(f.vars), leaves: map[*awsiam.Condition]Bounds{}}
		f.byKey[key], f.vars = v, append(f.vars, v)
	}
	return v
}

func (f *Frame) addOpaque(tie, text string) {
	if f.opaque[tie] == nil {
		v := &variable{opaque: text, index: len(f.vars), atoms: make([]atom, 2)}
		f.opaque[tie], f.vars = v, append(f.vars, v)
	}
}

// tied tells apart what free keys come to together: the same text is another
// question where the keys that are known hold other values, as in another leg.
func tied(text string, keys []string, ctx awsiam.Context) string {
	for _, k := range keys {
		if isKnown(ctx, k) {
			text += fmt.Sprintf("\x00%s=%q", k, ctx[k].Items)
		}
	}
	return text
}

func tiedCondition(c *awsiam.Condition, ctx awsiam.Context) string {
	return tied(c.String(), append(c.Variables(), c.Name()), ctx)
}

func tiedResource(s *awsiam.Statement, k *Check, ctx awsiam.Context) string {
	text := resourceText(s) + "\x00" + k.Resource
	for _, t := range s.Resources {
		text = tied(text, t.Variables(), ctx)
	}
	return text
}

// addCondition registers what a condition tells apart: values of its own key
// when that is free, or of the one free key that its values refer to.
func (f *Frame) addCondition(c *awsiam.Condition, ctx awsiam.Context) {
	if c.Doubt() != "" {
		return
	}
	value, known := ctx[c.Name()], isKnown(ctx, c.Name())
	free := freeVariables(c.Texts(), ctx)
	switch {
	case !known && len(free) == 0:
		c.Cut(ctx, &f.variable(c.Name()).cuts)
	case !known:
		f.variable(c.Name())
		f.addOpaque(tiedCondition(c, ctx), c.String())
		f.opaque[tiedCondition(c, ctx)].condition = c
	case len(free) == 0 || absentValue(value):
	case value.Multi || !f.fill(c.Texts(), value.Items[0], free, ctx, c.Fold()):
		f.addOpaque(tiedCondition(c, ctx), c.String())
	}
}

// Close makes the atoms of every key and what ties them together.
func (f *Frame) Close() {
	sizes := make([]int, 0, len(f.vars)+1)
	for _, v := range f.vars {
		if v.opaque == "" {
			v.atoms, v.doubt = keyAtoms(v.key, &v.cuts, f.within[v.key], &f.u)
			f.doubt(v.doubt)
		}
		sizes = append(sizes, len(v.atoms))
	}
	if f.open != nil {
		f.open.index = len(sizes)
		f.open.doubt = f.open.split(f)
		f.doubt(f.open.doubt)
		sizes = append(sizes, len(f.open.names))
	}
	f.space = diagram.New(sizes, f.u.Nodes)
	f.possible = diagram.True
	for _, v := range f.opaque {
		f.whenAbsent(v)
	}
	if f.u.Correlated {
		f.correlate()
	}
}

// whenAbsent ties what a condition comes to to its key's absence, which settles
// it whatever its values refer to.
func (f *Frame) whenAbsent(v *variable) {
	if v.condition == nil {
		return
	}
	key := f.byKey[variableKey(v.condition.Name())]
	if t, _ := v.condition.Test(awsiam.Context{}); t != awsiam.Unknown && absentValue(key.atoms[0].value) {
		present := diagram.SetOf(0).Complement(len(key.atoms))
		settled := f.space.Or(f.space.In(key.index, present), f.space.In(v.index, diagram.SetOf(int(t)/int(awsiam.True))))
		f.possible = f.space.And(f.possible, settled)
	}
}

// correlate excludes vectors that AWS cannot produce.
func (f *Frame) correlate() {
	for _, k := range awsiam.Correlations() {
		a, b := f.byKey[k.A], f.byKey[k.B]
		switch {
		case a != nil && b != nil:
			f.exclude(a, b, k.Holds)
		case a != nil:
			f.excludeKnown(a, k.B, func(v, w awsiam.Value) bool { return k.Holds(v, w) })
		case b != nil:
			f.excludeKnown(b, k.A, func(v, w awsiam.Value) bool { return k.Holds(w, v) })
		}
	}
	if f.open != nil && f.byKey[regionKey] != nil {
		f.possible = f.space.And(f.possible, f.open.region(f))
	}
}

func (f *Frame) exclude(a, b *variable, holds func(a, b awsiam.Value) bool) {
	ok := diagram.False
	for i := range a.atoms {
		var with diagram.Set
		for j := range b.atoms {
			if holds(a.atoms[i].value, b.atoms[j].value) {
				with.Add(j)
			}
		}
		ok = f.space.Or(ok, f.space.And(f.space.In(a.index, diagram.SetOf(i)), f.space.In(b.index, with)))
	}
	f.possible = f.space.And(f.possible, ok)
}

// excludeKnown excludes values of a key that cannot stand beside one that every
// case knows.
func (f *Frame) excludeKnown(v *variable, key string, holds func(v, w awsiam.Value) bool) {
	for _, c := range f.cases {
		known, ok := c.Known[key]
		if !ok {
			continue
		}
		var with diagram.Set
		for i := range v.atoms {
			if holds(v.atoms[i].value, known) {
				with.Add(i)
			}
		}
		f.possible = f.space.And(f.possible, f.space.In(v.index, with))
	}
}

// err says why no answer can be read off the frame.
func (f *Frame) err() error {
	if err := f.space.Err(); err != nil {
		return fmt.Errorf("the policies are too large to decide exactly: %w", err)
	}
	return nil
}
