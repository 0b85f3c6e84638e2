package rights

import (
	"slices"
	"strconv"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/diagram"
)

// Grid decides many questions for many principals at once: the same answers as
// Solve gives one by one. It rests on two things. Checks that all statements of
// a principal treat alike have the same function, so one of them is decided for
// its class; and how a statement treats the checks is the same for everyone who
// has it, so it is worked out once.
//
// A grid is not safe for concurrent use: give each worker its own.
type Grid struct {
	u       Universe
	checks  []Check
	actions []string // of the checks
	// cells are the questions, as indexes of the checks that must all pass.
	cells [][]int32
	// varying are the keys that some check knows and that differ between checks.
	varying map[string]bool

	statements map[*awsiam.Statement]*split
	conditions map[*awsiam.Condition]*split
	relevant   map[*awsiam.Document][]*awsiam.Statement
	classOf    []uint8
}

// maxClasses bounds the classes of one principal; beyond it, and where checks
// cannot be classed, every cell is solved on its own.
const maxClasses = 60

// NewGrid makes a grid over questions, each a list of checks.
func NewGrid(u Universe, cells [][]Check) *Grid {
	g := &Grid{u: u, varying: map[string]bool{}, statements: map[*awsiam.Statement]*split{}, conditions: map[*awsiam.Condition]*split{}, relevant: map[*awsiam.Document][]*awsiam.Statement{}}
	at := map[string]int32{}
	for _, list := range cells {
		var cell []int32
		for i := range list {
			cell = append(cell, g.intern(at, &list[i]))
		}
		slices.Sort(cell)
		g.cells = append(g.cells, slices.Compact(cell))
	}
	g.classOf = make([]uint8, len(g.checks))
	for i := range g.checks {
		if !slices.Contains(g.actions, g.checks[i].Action) {
			g.actions = append(g.actions, g.checks[i].Action)
		}
	}
	for i := range g.checks {
		for key, v := range g.checks[i].Known {
			if other, same := g.checks[0].Known[key]; !same || !v.Equal(other) {
				g.varying[key] = true
			}
		}
		for key := range g.checks[0].Known {
			if _, same := g.checks[i].Known[key]; !same {
				g.varying[key] = true
			}
		}
	}
	return g
}

// intern returns the index of a check, the same for equal ones.
func (g *Grid) intern(at map[string]int32, k *Check) int32 {
	var id strings.Builder
	id.WriteString(k.Action + "\x00" + k.Resource)
	for _, key := range []string{regionKey, "bedrock:inferenceprofilearn"} {
		id.WriteByte(0)
		id.WriteString(strings.Join(k.Known[key].Items, "\x01"))
	}
	if k.Policy != nil || k.RCPs != nil {
		id.WriteString("\x00" + strconv.Itoa(len(g.checks)))
	}
	i, ok := at[id.String()]
	if !ok {
		i = int32(len(g.checks))
		at[id.String()], g.checks = i, append(g.checks, *k)
	}
	return i
}

// bits is a set of checks.
type bits []uint64

func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bits) set(i int)      { b[i/64] |= 1 << (i % 64) }

func (g *Grid) none() bits { return make(bits, (len(g.checks)+63)/64) }

// split says how something treats every check: parts are where it is true, and
// where it is not known; it is false elsewhere. A split that is the same for all
// checks has no parts.
type split struct {
	parts [2]bits
	// apart: checks cannot be classed by it.
	apart bool
}

func (g *Grid) splitBy(test func(k *Check) awsiam.Truth) *split {
	s := &split{parts: [2]bits{g.none(), g.none()}}
	for i := range g.checks {
		switch test(&g.checks[i]) {
		case awsiam.True:
			s.parts[0].set(i)
		case awsiam.Unknown:
			s.parts[1].set(i)
		}
	}
	return s
}

// Row decides every cell for a principal: the case's own checks are not looked
// at.
func (g *Grid) Row(c *Case, row []Decision) {
	for i := range row {
		row[i] = ImplicitDeny
	}
	if len(g.cells) == 0 || g.Silent(c.Layers.Identity) {
		return
	}
	classes, ok := g.classes(c)
	if !ok {
		g.oneByOne(c, row)
		return
	}
	g.decide(c, classes, row)
}

// Silent reports whether nothing can be allowed to whoever has these identity
// policies, because they do not speak of any check, nor do resource policies.
func (g *Grid) Silent(docs []*awsiam.Document) bool {
	for _, d := range docs {
		if d.Doubt != "" || len(g.about(d)) > 0 {
			return false
		}
	}
	return !slices.ContainsFunc(g.checks, func(k Check) bool { return k.Policy != nil })
}

// about are the statements of a document that some check's action meets.
func (g *Grid) about(d *awsiam.Document) []*awsiam.Statement {
	list, ok := g.relevant[d]
	if ok {
		return list
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		if slices.ContainsFunc(g.actions, func(a string) bool { return s.MatchAction(a) != awsiam.False }) {
			list = append(list, s)
		}
	}
	g.relevant[d] = list
	return list
}

func (g *Grid) oneByOne(c *Case, row []Decision) {
	for i, cell := range g.cells {
		one := *c
		one.Checks = nil
		for _, k := range cell {
			one.Checks = append(one.Checks, g.checks[k])
		}
		row[i] = Solve(g.u, &one).Decision
	}
}

// classes parts the checks so that every statement treats those of a class
// alike. It is not ok when they cannot be.
func (g *Grid) classes(c *Case) (classes []bits, ok bool) {
	all := g.none()
	for i := range g.checks {
		all.set(i)
		if k := &g.checks[i]; k.Policy != nil || k.RCPs != nil {
			return nil, false
		}
	}
	classes = []bits{all}
	for _, d := range documents(c.Layers) {
		for _, s := range g.about(d) {
			if classes, ok = g.refine(classes, s, c); !ok {
				return nil, false
			}
		}
	}
	return classes, true
}

// refine parts classes by one statement.
func (g *Grid) refine(classes []bits, s *awsiam.Statement, c *Case) ([]bits, bool) {
	for i := range s.Conditions {
		sp := g.conditionSplit(&s.Conditions[i])
		if sp != nil && sp.apart {
			return nil, false
		}
		if classes = refineBy(classes, sp); len(classes) > maxClasses {
			return nil, false
		}
	}
	sp := g.statementSplit(s, c)
	if sp.apart {
		return nil, false
	}
	classes = refineBy(classes, sp)
	return classes, len(classes) <= maxClasses
}

// refineBy splits classes by the parts of a split.
func refineBy(classes []bits, s *split) []bits {
	if s == nil {
		return classes
	}
	for _, p := range s.parts {
		for _, cl := range classes {
			in, out := make(bits, len(cl)), make(bits, len(cl))
			some, others := uint64(0), uint64(0)
			for w := range cl {
				in[w], out[w] = cl[w]&p[w], cl[w]&^p[w]
				some, others = some|in[w], others|out[w]
			}
			if some != 0 && others != 0 {
				copy(cl, out)
				classes = append(classes, in)
			}
		}
	}
	return classes
}

// statementSplit is how the action and the resource of a statement treat the
// checks. Texts with variables depend on the principal.
func (g *Grid) statementSplit(s *awsiam.Statement, c *Case) *split {
	free := freeVariables(s.Resources, nil)
	if len(free) > 0 {
		for _, key := range free {
			if g.varies(key) || !isKnown(c.Known, key) {
				return &split{apart: true}
			}
		}
		return g.splitBy(g.matching(s, c.Known))
	}
	sp := g.statements[s]
	if sp == nil {
		sp = g.splitBy(g.matching(s, nil))
		g.statements[s] = sp
	}
	return sp
}

// matching asks whether a statement's action and resource match a check. There
// are many checks, and few actions.
func (g *Grid) matching(s *awsiam.Statement, known awsiam.Context) func(*Check) awsiam.Truth {
	about := make(map[string]awsiam.Truth, len(g.actions))
	for _, action := range g.actions {
		about[action] = s.MatchAction(action)
	}
	return func(k *Check) awsiam.Truth {
		if t := about[k.Action]; t != awsiam.False {
			return t.And(s.MatchResource(k.Resource, known))
		}
		return awsiam.False
	}
}

// conditionSplit is how a condition treats the checks; nil when it treats all
// alike, because no check differs in its key.
func (g *Grid) conditionSplit(c *awsiam.Condition) *split {
	for _, key := range freeVariables(c.Texts(), nil) {
		if g.varies(key) {
			return &split{apart: true}
		}
	}
	if !g.varies(c.Name()) {
		return nil
	}
	if len(c.Texts()) > 0 {
		return &split{apart: true}
	}
	sp := g.conditions[c]
	if sp == nil {
		sp = g.splitBy(func(k *Check) awsiam.Truth {
			if !isKnown(k.Known, c.Name()) {
				return awsiam.Unknown
			}
			t, _ := c.Test(k.Known)
			return t
		})
		if slices.ContainsFunc(g.checks, func(k Check) bool { return !isKnown(k.Known, c.Name()) }) &&
			slices.ContainsFunc(g.checks, func(k Check) bool { return k.Known[c.Name()].Doubt != "" }) {
			sp = &split{apart: true}
		}
		g.conditions[c] = sp
	}
	return sp
}

// varies reports whether checks differ in what they know of a key, by itself or
// by its family.
func (g *Grid) varies(key string) bool { return g.varying[key] || g.varying[familyOf(key)] }

// familyOf is the name that stands for all keys of a key's family.
func familyOf(key string) string {
	family, _, tagged := strings.Cut(key, "/")
	if !tagged {
		return ""
	}
	return family + "/*"
}

// decide builds the function of one check of every class, and reads off each
// cell the conjunction of its classes.
func (g *Grid) decide(c *Case, classes []bits, row []Decision) {
	f := NewFrame(g.u)
	cases := make([]Case, len(classes))
	for i, cl := range classes {
		first := -1
		for k := range g.checks {
			if cl.has(k) {
				g.classOf[k] = uint8(i)
				if first < 0 {
					first = k
				}
			}
		}
		cases[i] = Case{Principal: c.Principal, Layers: c.Layers, Known: c.Known, Within: c.Within, Checks: g.checks[first : first+1]}
		f.Add(&cases[i])
	}
	f.Close()
	r := reading{Frame: f, c: c, at: f.possible}
	r.now()
	at := make([]Bounds, len(classes))
	for i := range cases {
		at[i] = f.build(&cases[i], &cases[i].Checks[0]).result
	}
	seen := make(map[uint64]Decision, 16)
	for i, cell := range g.cells {
		mask := uint64(0)
		for _, k := range cell {
			mask |= 1 << g.classOf[k]
		}
		d, known := seen[mask]
		if !known {
			d = r.conjunction(at, mask)
			seen[mask] = d
		}
		row[i] = d
	}
}

// conjunction decides the classes of a mask together.
func (r *reading) conjunction(at []Bounds, mask uint64) Decision {
	all := Bounds{diagram.True, diagram.True}
	for i := range at {
		if mask&(1<<i) != 0 {
			all = r.and(all, at[i])
		}
	}
	d := r.decision(all)
	if r.err() != nil {
		return Undetermined
	}
	return d
}
