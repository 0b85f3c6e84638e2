package certificate

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
)

// trial asks the plain evaluator about every combination of values.
type trial struct {
	*questions
	seen   []bool // by combination
	counts map[Verdict]int
	asked  []bool // by atom of the time: whether it is the time asked about
	// answers are those of all conditions on the region, by region.
	answers map[string]string
}

// cells verifies that the cells have every combination once, and what each says.
func (r *trial) cells() error {
	total := 1
	for _, values := range r.tables {
		total *= len(values)
	}
	r.seen, r.counts, r.answers = make([]bool, total), map[Verdict]int{}, map[string]string{}
	if err := r.now(); err != nil {
		return err
	}
	for i := range r.cert.Cells {
		if err := r.cell(&r.cert.Cells[i]); err != nil {
			return fmt.Errorf("cell %d: %w", i, err)
		}
	}
	if slices.Contains(r.seen, false) {
		return errors.New("a combination of values is in no cell")
	}
	return nil
}

// now finds the atom of the time asked about; it must be that very time.
func (r *trial) now() error {
	i, ok := r.index[timeKey]
	if r.cert.Question.Now == "" || !ok {
		return nil
	}
	now, err := time.Parse(time.RFC3339, r.cert.Question.Now)
	if err != nil {
		return errors.New("the time asked about cannot be read")
	}
	r.asked = make([]bool, len(r.tables[i]))
	for j, v := range r.tables[i] {
		at, err := awsiam.ParseDate(v.Items[0])
		r.asked[j] = err == nil && at.Equal(now)
	}
	if !slices.Contains(r.asked, true) {
		return errors.New("the time asked about is not in the table")
	}
	return nil
}

func (r *trial) cell(c *Cell) error {
	choices := make([][]int, len(r.tables))
	for i, values := range r.tables {
		choices[i] = make([]int, len(values))
		for j := range values {
			choices[i][j] = j
		}
	}
	for key, atoms := range c.Where {
		i, ok := r.index[key]
		if !ok || len(atoms) == 0 || !ascending(atoms) || atoms[0] < 0 || atoms[len(atoms)-1] >= len(r.tables[i]) {
			return fmt.Errorf("its values of %.80q are not in the table", key)
		}
		choices[i] = atoms
	}
	refs := map[Ref]bool{}
	err := r.each(choices, make([]int, len(choices)), 0, func(vector []int) error { return r.vector(c, vector, refs) })
	if err != nil {
		return err
	}
	if !slices.Equal(slices.SortedFunc(maps.Keys(refs), Ref.Compare), c.Statements) {
		return errors.New("other statements decide than it lists")
	}
	return nil
}

// each goes through all combinations of the choices.
func (r *trial) each(choices [][]int, vector []int, at int, do func([]int) error) error {
	if at == len(choices) {
		return do(vector)
	}
	for _, vector[at] = range choices[at] {
		if err := r.each(choices, vector, at+1, do); err != nil {
			return err
		}
	}
	return nil
}

// vector verifies one combination of a cell.
func (r *trial) vector(c *Cell, vector []int, refs map[Ref]bool) error {
	n := 0
	for i, j := range vector {
		n = n*len(r.tables[i]) + j
	}
	if r.seen[n] {
		return errors.New("a combination of values is in two cells")
	}
	r.seen[n] = true
	verdict, fact := r.verdict(vector, refs)
	if verdict != c.Verdict || fact != c.Fact {
		return fmt.Errorf("it says %s%s, but %s is %s%s", c.Verdict, because(c.Fact), r.describe(vector), verdict, because(fact))
	}
	if r.isAsked(vector) {
		r.counts[verdict]++
	}
	return nil
}

func because(fact string) string {
	if fact == "" {
		return ""
	}
	return " because " + fact
}

func (r *trial) describe(vector []int) string {
	text := "the request with"
	for i, j := range vector {
		text += fmt.Sprintf(" %s %.100q", r.cert.Keys[i].Name, r.tables[i][j].Items)
	}
	return text
}

func (r *trial) isAsked(vector []int) bool {
	i, ok := r.index[timeKey]
	return !ok || r.asked == nil || r.asked[vector[i]]
}

// verdict decides a combination on all sides, and adds the statements that do.
func (r *trial) verdict(vector []int, refs map[Ref]bool) (Verdict, string) {
	if fact := r.impossible(vector); fact != "" {
		return Impossible, fact
	}
	outcomes := make([]Verdict, len(r.sides))
	for i := range r.sides {
		outcomes[i] = r.decide(i, vector, refs)
	}
	if len(outcomes) == 1 {
		return outcomes[0], ""
	}
	return Compare(outcomes[0], outcomes[1]), ""
}

// Compare is the verdict on two sets of policies from those on each.
func Compare(base, candidate Verdict) Verdict {
	switch {
	case base == Allowed && candidate == Allowed:
		return Both
	case base == Denied && candidate == Denied:
		return Neither
	case base == Allowed && candidate == Denied:
		return BaseOnly
	case base == Denied && candidate == Allowed:
		return CandidateOnly
	case base == Allowed || candidate == Denied:
		return NotNew
	}
	return Undetermined
}

// decide is the conjunction of a side's checks.
func (r *trial) decide(i int, vector []int, refs map[Ref]bool) Verdict {
	s := &r.sides[i]
	verdict := Allowed
	for j := range s.checks {
		d := r.ask(s, &s.checks[j], vector)
		for _, ref := range d.Statements {
			refs[Ref{i, ref.Layer, ref.Level, ref.Document, ref.Index}] = true
		}
		switch {
		case d.Outcome == awsiam.Undetermined && verdict == Allowed:
			verdict = Undetermined
		case d.Outcome != awsiam.Allowed && d.Outcome != awsiam.Undetermined:
			verdict = Denied
		}
	}
	return verdict
}

// ask puts one request to the plain evaluator. What a check knows stands over
// what is free for others.
func (r *trial) ask(s *side, k *check, vector []int) awsiam.Decision {
	ctx := maps.Clone(k.known)
	resource := k.resource
	for i, key := range r.cert.Keys {
		v := r.tables[i][vector[i]]
		switch {
		case key.Name == ResourceKey && resource == "":
			resource = v.Items[0]
		case key.Name == ResourceKey:
		case !knows(k.known, key.Name):
			ctx[key.Name] = v
		}
		if key.Name == timeKey && !knows(k.known, epochKey) {
			ctx[epochKey] = epoch(v)
		}
	}
	return awsiam.Evaluate(awsiam.Request{Principal: s.principal, Action: k.action, Resource: resource, Account: k.account, Context: ctx}, k.layers)
}

// epoch is a time in seconds since 1970.
func epoch(v awsiam.Value) awsiam.Value {
	t, err := awsiam.ParseDate(v.Items[0])
	if err != nil {
		return awsiam.Value{Doubt: err.Error()}
	}
	return awsiam.One(fmt.Sprint(t.Unix()))
}

// Compare puts refs in the order in which cells list them.
func (r Ref) Compare(s Ref) int {
	return cmp.Or(cmp.Compare(r.Side, s.Side), cmp.Compare(r.Layer, s.Layer), cmp.Compare(r.Level, s.Level), cmp.Compare(r.Document, s.Document), cmp.Compare(r.Index, s.Index))
}

// impossible names the fact that a combination breaks.
func (r *trial) impossible(vector []int) string {
	if !r.correlated {
		return ""
	}
	for _, k := range awsiam.Correlations() {
		for i := range r.sides {
			a, hasA := r.value(k.A, &r.sides[i], vector)
			b, hasB := r.value(k.B, &r.sides[i], vector)
			if hasA && hasB && !k.Holds(a, b) {
				return k.Fact
			}
		}
	}
	if r.tied() && !r.inRegion(vector) {
		return RegionFact
	}
	return ""
}

// value is what a request holds for a key: free, or known to the side.
func (r *trial) value(key string, s *side, vector []int) (awsiam.Value, bool) {
	if i, free := r.index[key]; free {
		return r.tables[i][vector[i]], true
	}
	v, ok := s.known[key]
	return v, ok
}

// inRegion reports whether the region of a combination is, to all conditions,
// that of its resource.
func (r *trial) inRegion(vector []int) bool {
	i, j := r.index[ResourceKey], r.index[regionKey]
	resource := r.tables[i][vector[i]].Items[0]
	return resource == "*" || r.regionAnswers(r.tables[j][vector[j]].Items[0]) == r.regionAnswers(regionOf(resource))
}

func (r *trial) regionAnswers(region string) string {
	n := r.survey.needs[regionKey]
	if n == nil {
		return ""
	}
	answers, ok := r.answers[region]
	if !ok {
		answers = n.answers(regionKey, awsiam.One(region))
		r.answers[region] = answers
	}
	return answers
}
