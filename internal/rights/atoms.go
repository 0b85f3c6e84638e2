package rights

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/glob"
)

// atom is a class of values of one key that no condition tells apart, with one
// of them to stand for all.
type atom struct {
	value awsiam.Value
	// until is where the class ends, for classes of time; zero: never.
	from, until time.Time
}

// The limits of a key's atoms; beyond them an answer is undetermined.
const (
	maxAtoms = 2000
	maxSets  = 512
)

var atomLimit = glob.Limit{States: 40_000, Atoms: maxAtoms}

// keyAtoms returns the atoms of a key, and why they may be too coarse to rely
// on, when they may.
func keyAtoms(key string, cuts *awsiam.Cuts, within []glob.Pattern, u *Universe) (atoms []atom, doubt string) {
	fact := u.Facts.Key(key)
	var items []string
	switch {
	case key == timeKey:
		return timeAtoms(cuts, u.Now), mixed(key, cuts, len(cuts.Prefixes) > 0 || cuts.Boolean || len(cuts.Patterns) > 0)
	case cuts.Boolean || fact.Type == awsiam.BoolType:
		items = []string{"true", "false"}
		doubt = mixed(key, cuts, len(cuts.Numbers)+len(cuts.Dates)+len(cuts.Prefixes) > 0 || fact.Type != awsiam.BoolType && len(cuts.Patterns) > 0)
	case len(cuts.Prefixes) > 0:
		items, doubt = addresses(key, cuts, u.Correlated)
	case len(cuts.Numbers) > 0 && fact.Type != awsiam.DateType:
		items, doubt = numbers(key, cuts, fact.Type == awsiam.IntegerType, u.Correlated)
	case len(cuts.Dates) > 0 || fact.Type == awsiam.DateType:
		for _, a := range timeAtoms(cuts, time.Time{}) {
			items = append(items, a.value.Items[0])
		}
		doubt = mixed(key, cuts, len(cuts.Patterns) > 0)
	case cuts.Binary:
		items, doubt = blobs(key, cuts)
	default:
		items, doubt = texts(key, cuts, within, fact.Type == awsiam.ARNType && u.Correlated)
	}
	if multivalued(fact, cuts) {
		atoms, whole := setAtoms(items, cuts)
		if !whole {
			doubt = fmt.Sprintf("the sets of values of %s are too many to tell apart", key)
		}
		return atoms, doubt
	}
	if canBeAbsent(key, fact, u) {
		atoms = append(atoms, atom{})
	}
	for _, s := range items {
		atoms = append(atoms, atom{value: awsiam.One(s)})
	}
	return atoms, doubt
}

func mixed(key string, _ *awsiam.Cuts, is bool) string {
	if !is {
		return ""
	}
	return fmt.Sprintf("%s is compared by operators of different types", key)
}

// multivalued reports whether a key holds several values. What is not known of
// a key, the conditions on it say.
func multivalued(fact awsiam.KeyFact, cuts *awsiam.Cuts) bool {
	if !fact.Unknown {
		return fact.Multi
	}
	return slices.ContainsFunc(cuts.Conditions, func(c *awsiam.Condition) bool { return c.Quantifier() != awsiam.NoQuantifier })
}

func canBeAbsent(key string, fact awsiam.KeyFact, u *Universe) bool {
	if key == regionKey || !u.Correlated {
		return key != regionKey && key != timeKey
	}
	return fact.When != awsiam.Always
}

// texts returns one string of every class. ARN operators are asked about ARNs
// only: what they make of anything else, AWS does not say.
func texts(key string, cuts *awsiam.Cuts, within []glob.Pattern, arns bool) ([]string, string) {
	if within == nil && (arns || slices.ContainsFunc(cuts.Conditions, (*awsiam.Condition).ARN)) {
		within = []glob.Pattern{anyARN}
	}
	classes, err := glob.Atoms(cuts.Patterns, within, atomLimit)
	if err != nil {
		return []string{""}, fmt.Sprintf("the patterns on %s are too many to tell apart", key)
	}
	items := make([]string, len(classes))
	for i, c := range classes {
		items[i] = c.Witness
	}
	return items, ""
}

// blobs returns every value named, and one more, which is base64 too.
func blobs(key string, cuts *awsiam.Cuts) (items []string, doubt string) {
	for _, p := range cuts.Patterns {
		s, literal := p.IsLiteral()
		if !literal {
			doubt = mixed(key, cuts, true)
		} else if !slices.Contains(items, s) {
			items = append(items, s)
		}
	}
	other := make([]byte, 1)
	for slices.Contains(items, base64.StdEncoding.EncodeToString(other)) {
		other = append(other, 0)
	}
	return append(items, base64.StdEncoding.EncodeToString(other)), doubt
}

var anyARN = glob.Parse("arn:*:*:*:*:*")

// numbers returns the end points, and one number between each two.
func numbers(key string, cuts *awsiam.Cuts, integral, natural bool) ([]string, string) {
	ends := slices.Clone(cuts.Numbers)
	slices.SortFunc(ends, (*big.Rat).Cmp)
	ends = slices.CompactFunc(ends, func(a, b *big.Rat) bool { return a.Cmp(b) == 0 })
	one := big.NewRat(1, 1)
	var out []*big.Rat
	for i, e := range ends {
		if i == 0 {
			out = append(out, new(big.Rat).Sub(e, one))
		}
		out = append(out, e)
		switch next := new(big.Rat).Add(e, one); {
		case i == len(ends)-1 || next.Cmp(ends[i+1]) < 0:
			out = append(out, next)
		case !integral:
			mid := new(big.Rat).Add(e, ends[i+1])
			out = append(out, mid.Quo(mid, big.NewRat(2, 1)))
		}
	}
	var items []string
	for _, n := range out {
		if (integral && !n.IsInt()) || (integral && natural && n.Sign() < 0) {
			continue
		}
		items = append(items, decimal(n))
	}
	return items, mixed(key, cuts, len(cuts.Patterns)+len(cuts.Dates) > 0)
}

func decimal(n *big.Rat) string {
	if n.IsInt() {
		return n.Num().String()
	}
	return strings.TrimRight(n.FloatString(20), "0")
}

// moments are the ends of classes of time.
func moments(cuts *awsiam.Cuts) []time.Time {
	ends := slices.Clone(cuts.Dates)
	for _, n := range cuts.Numbers { // of aws:EpochTime
		if s, _ := n.Float64(); s > -1e11 && s < 1e11 {
			ends = append(ends, time.Unix(int64(s), 0).UTC())
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	return slices.CompactFunc(ends, time.Time.Equal)
}

// timeAtoms splits time at every date named: the dates themselves, and what
// lies between them. The class that now is in has now to stand for it.
func timeAtoms(cuts *awsiam.Cuts, now time.Time) []atom {
	ends := moments(cuts)
	if len(ends) == 0 {
		at := now
		if at.IsZero() {
			at = time.Unix(0, 0).UTC()
		}
		return []atom{moment(at, time.Time{}, time.Time{})}
	}
	atoms := []atom{moment(ends[0].Add(-time.Second), time.Time{}, ends[0])}
	for i, e := range ends {
		atoms = append(atoms, moment(e, e, e))
		if i+1 < len(ends) {
			atoms = append(atoms, moment(e.Add(ends[i+1].Sub(e)/2), e, ends[i+1]))
		} else {
			atoms = append(atoms, moment(e.Add(time.Second), e, time.Time{}))
		}
	}
	if i := slices.IndexFunc(atoms, func(a atom) bool { return !now.IsZero() && a.holds(now) }); i >= 0 {
		atoms[i] = moment(now, atoms[i].from, atoms[i].until)
	}
	return atoms
}

func moment(at, from, until time.Time) atom {
	return atom{value: awsiam.One(at.UTC().Format(time.RFC3339Nano)), from: from, until: until}
}

// holds reports whether a moment is in a class of time: at its one point, or
// strictly between its ends.
func (a atom) holds(t time.Time) bool {
	if !a.from.IsZero() && a.from.Equal(a.until) {
		return t.Equal(a.from)
	}
	return (a.from.IsZero() || t.After(a.from)) && (a.until.IsZero() || t.Before(a.until))
}

// epoch is a moment in seconds since 1970.
func epoch(v awsiam.Value) awsiam.Value {
	t, err := awsiam.ParseDate(v.Items[0])
	if err != nil {
		return awsiam.Value{Doubt: err.Error()}
	}
	return awsiam.One(strconv.FormatInt(t.Unix(), 10))
}

// addresses returns one address of every class: of IPv4, and of IPv6 when the
// universe or a condition knows it.
func addresses(key string, cuts *awsiam.Cuts, six bool) ([]string, string) {
	prefixes := slices.Clone(cuts.Prefixes)
	doubt := ""
	for _, p := range cuts.Patterns {
		s, literal := p.IsLiteral()
		block, err := awsiam.ParsePrefix(s)
		if !literal || err != nil {
			doubt = mixed(key, cuts, true)
			continue
		}
		prefixes = append(prefixes, block)
	}
	var four, sixes []netip.Addr
	for _, p := range prefixes {
		ends := &four
		if p.Addr().Is6() {
			ends, six = &sixes, true
		}
		*ends = append(*ends, p.Addr())
		if after := lastOf(p).Next(); after.IsValid() {
			*ends = append(*ends, after)
		}
	}
	out := representatives(append(four, netip.IPv4Unspecified()), sample4)
	if six {
		out = append(out, representatives(append(sixes, netip.IPv6Unspecified()), sample6)...)
	}
	return out, doubt
}

// The addresses that stand for a class when they are in it: of networks for
// documentation, RFC 5737 and 3849.
var (
	sample4 = netip.MustParseAddr("198.51.100.7")
	sample6 = netip.MustParseAddr("2001:db8::7")
)

// representatives returns one address of every interval that begins at one of
// the addresses.
func representatives(starts []netip.Addr, sample netip.Addr) []string {
	slices.SortFunc(starts, netip.Addr.Compare)
	starts = slices.Compact(starts)
	out := make([]string, len(starts))
	for i, a := range starts {
		out[i] = a.String()
		if a.Compare(sample) <= 0 && (i+1 == len(starts) || starts[i+1].Compare(sample) > 0) {
			out[i] = sample.String()
		}
	}
	return out
}

// lastOf is the last address of a block.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// setAtoms are classes of sets of values. A condition sees of a set only
// whether some and whether all of its values match, so a set is told by the
// answers of the conditions, and adding values to it leads to every class. It
// reports whether it found them all.
func setAtoms(items []string, cuts *awsiam.Cuts) (atoms []atom, whole bool) {
	answers := func(v awsiam.Value) string {
		var b strings.Builder
		for i := range cuts.Conditions {
			b.WriteByte('0' + byte(cuts.Answer(i, v)))
		}
		return b.String()
	}
	atoms = []atom{{}}
	seen := map[string]bool{answers(awsiam.Value{}) + "absent": true}
	for i := 0; i < len(atoms); i++ {
		if len(atoms) > maxSets {
			return atoms, false
		}
		for _, s := range items {
			set := awsiam.Many(with(atoms[i].value.Items, s)...)
			if k := answers(set); !seen[k] {
				seen[k] = true
				atoms = append(atoms, atom{value: set})
			}
		}
	}
	return atoms, true
}

func with(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	out := append(slices.Clone(list), s)
	slices.SortFunc(out, cmp.Compare[string])
	return out
}
