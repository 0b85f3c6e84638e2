package rights

import (
	"slices"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/diagram"
)

// Coverage is how far grants cover what AWS allows.
type Coverage string

// The coverages, from all to nothing. A grant is nearly always narrower than
// what AWS allows, because AWS has no key for what a prompt holds or a tool
// does.
const (
	NothingToCover Coverage = "denied"       // AWS allows nothing
	Covered        Coverage = "covered"      // every request that AWS allows
	Narrower       Coverage = "narrower"     // every one, as far as AWS could tell; the rest depends on writ: keys alone
	Partly         Coverage = "partly"       // some requests, told apart by keys of AWS
	Uncovered      Coverage = "uncovered"    // none
	UnknownCover   Coverage = "undetermined" // it cannot be excluded that some are not
)

// Remains is what AWS allows and grants do not cover. It over-approximates:
// what is not known to be covered remains.
type Remains struct {
	Coverage Coverage
	// InAWS is the decision of AWS on its own.
	InAWS Decision
	// Condition says which requests remain, as alternatives: in keys of AWS
	// where those tell them apart, and otherwise in writ: keys.
	Condition []Term
	// Remainder lists the writ: keys that decide whether a request is covered.
	Remainder []string
	// Witness is a request that remains, which the plain evaluator allows by AWS's
	// policies and denies by the grants; nil when there is none.
	Witness *Witness
	Doubts  []string
}

// Subtract takes what a second case of the frame allows from what the first
// does, at the time that the frame's universe asks about.
func (f *Frame) Subtract(aws, granted *Case) Remains {
	s := subtraction{reading: &reading{Frame: f, c: aws, at: f.possible}, granted: granted}
	s.now()
	s.from, s.take = f.whole(aws), f.whole(granted)
	r := Remains{InAWS: s.decision(s.from)}
	s.judge(&r)
	if err := f.err(); err != nil {
		return Remains{Coverage: UnknownCover, InAWS: Undetermined, Doubts: []string{err.Error()}}
	}
	return r
}

// subtraction is two functions on their way to a difference.
type subtraction struct {
	*reading
	granted    *Case
	from, take Bounds
}

func (s *subtraction) judge(r *Remains) {
	may := s.space.And(s.from.May, s.at)
	left := s.space.Diff(may, s.take.Must)
	// What no value of the writ: keys could cover.
	open := s.space.Diff(may, s.space.Exists(s.take.Must, s.opaqueKeys()...))
	switch {
	case may == diagram.False:
		r.Coverage = NothingToCover
		return
	case left == diagram.False:
		r.Coverage = Covered
		s.doubt(r)
		return
	case s.space.And(may, s.take.May) == diagram.False:
		r.Coverage = Uncovered
	case open == diagram.False:
		r.Coverage = Narrower
	default:
		r.Coverage = Partly
	}
	r.Remainder = s.remainder(left)
	s.describeLeft(r, left, open)
	s.doubt(r)
}

// doubt says why less than the coverage found may be true. That AWS's own
// decision is in doubt does not make what it may allow covered.
func (s *subtraction) doubt(r *Remains) {
	sure := s.space.Diff(s.space.And(s.from.Must, s.at), s.take.May)
	settled := r.Coverage == Covered || r.Witness != nil && sure != diagram.False
	if settled && len(s.Frame.doubts) == 0 {
		return
	}
	r.Coverage = UnknownCover
	r.Doubts = slices.Clone(s.Frame.doubts)
	if why := s.why(s.c, s.granted); len(r.Doubts) == 0 {
		r.Doubts = []string{why}
	}
}

// describeLeft writes the remains and finds a request among them.
func (s *subtraction) describeLeft(r *Remains, left, open diagram.Node) {
	told := left
	if open != diagram.False {
		told = open
	}
	if told != s.space.And(s.from.May, s.at) || r.InAWS != Allowed {
		r.Condition = s.terms(told, s.at)
	}
	for _, among := range []diagram.Node{told, left} {
		sure := s.space.Diff(s.space.And(s.space.And(s.from.Must, s.at), among), s.take.May)
		if vector, ok := s.pick(sure); ok && s.confirms(s.c, vector, true) && s.confirms(s.granted, vector, false) {
			r.Witness = s.describe(s.c, vector)
			return
		}
	}
}

// opaqueKeys are the variables of writ: keys.
func (s *subtraction) opaqueKeys() (vars []int) {
	for _, v := range s.vars {
		if IsOpaque(v.key) {
			vars = append(vars, v.index)
		}
	}
	return vars
}

// remainder lists the writ: keys that a function depends on.
func (s *subtraction) remainder(n diagram.Node) (keys []string) {
	on := s.space.Support(n)
	for _, v := range s.vars {
		if IsOpaque(v.key) && slices.Contains(on, v.index) {
			keys = append(keys, v.spelling())
		}
	}
	slices.Sort(keys)
	return keys
}

// GrantedCase asks of grants what another case asks of AWS: the same checks, of
// documents that WritePolicy wrote and of nothing else. known are keys over those
// of the other case: what the identity and the call fix (CallKeys).
func GrantedCase(aws *Case, documents []*awsiam.Document, known awsiam.Context) *Case {
	checks := slices.Clone(aws.Checks)
	for i := range checks {
		checks[i].Policy, checks[i].Trust, checks[i].RCPs = nil, false, nil
	}
	if documents == nil {
		documents = []*awsiam.Document{}
	}
	return &Case{
		Principal: aws.Principal, Layers: awsiam.Layers{Identity: documents}, Checks: checks,
		Known: over(aws.Known, known), Within: aws.Within,
	}
}
