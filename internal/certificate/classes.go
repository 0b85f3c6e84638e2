package certificate

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
)

// classes are those of the values that a key can hold: which there are, with a
// value of each, and to which a value belongs.
type classes struct {
	all map[string]string
	// of returns the class of a value; an error when the key cannot hold it.
	of func(value string) (string, error)
}

// classes finds what the values of a key fall into.
func (n *need) classes(key string, q *questions) (classes, error) {
	keyType := q.facts.Key(key).Type
	date, texts := key == timeKey || keyType == awsiam.DateType, len(n.patterns) > 0
	switch kinds := n.kinds(); {
	case date && kinds == min(1, len(n.dates))+min(1, len(n.numbers)):
		return momentClasses(n.moments()), nil
	case date:
	case keyType == awsiam.BoolType && (kinds == 0 || n.boolean != texts && kinds == 1 || n.boolean && texts && kinds == 2), n.boolean && kinds == 1:
		return boolClasses(), nil
	case len(n.blocks) > 0 && (kinds == 1 || texts && kinds == 2):
		return n.addressClasses(q.correlated)
	case kinds > 1:
	case len(n.numbers) > 0:
		integral := keyType == awsiam.IntegerType
		return numberClasses(n.numbers, integral, integral && q.correlated), nil
	case len(n.dates) > 0:
		return momentClasses(n.dates), nil
	case len(n.blobs) > 0:
		return blobClasses(n.blobs), nil
	case !n.boolean:
		return n.stringClasses(q.bounds(key, n, keyType))
	}
	return classes{}, fmt.Errorf("operators of different types on one key are %w", ErrBeyond)
}

// kinds counts the types of what the key is compared with.
func (n *need) kinds() (kinds int) {
	for _, has := range []bool{n.boolean, len(n.numbers) > 0, len(n.dates) > 0, len(n.blocks) > 0, len(n.blobs) > 0, len(n.patterns) > 0} {
		if has {
			kinds++
		}
	}
	return kinds
}

// anyARN is what keys hold that operators for ARNs compare.
var anyARN = Shape{Pattern: "arn:*:*:*:*:*"}

// bounds are those that the question states, or those of keys that hold ARNs.
func (q *questions) bounds(key string, n *need, keyType awsiam.KeyType) bounds {
	b := q.bounded[key]
	if len(b.within) == 0 && (n.arn || keyType == awsiam.ARNType && q.correlated) {
		p, _ := anyARN.read() // a constant
		b.within = []pattern{p}
	}
	return b
}

func (n *need) stringClasses(b bounds) (classes, error) {
	c := classes{all: map[string]string{}}
	s := search{patterns: n.patterns, bounds: b, found: func(accepted []int, witness string) {
		if name := fmt.Sprint(accepted); c.all[name] == "" {
			c.all[name] = witness
		}
	}}
	c.of = func(v string) (string, error) {
		accepted, err := matched(v, n.patterns, b)
		return fmt.Sprint(accepted), err
	}
	return c, s.run()
}

// matched lists the patterns that match a value, which must be within bounds.
func matched(v string, patterns []pattern, b bounds) (accepted []int, err error) {
	if !b.hold(v) {
		return nil, fmt.Errorf("%.200q is not what the key can hold", v)
	}
	for i := range patterns {
		if patterns[i].match(v) {
			accepted = append(accepted, i)
		}
	}
	return accepted, nil
}

// blobClasses are the bytes named, each on its own, and all others.
func blobClasses(blobs []string) classes {
	name := func(b string) string {
		if slices.Contains(blobs, b) {
			return fmt.Sprintf("%x", b)
		}
		return "other"
	}
	other := ""
	for slices.Contains(blobs, other) || other == "" {
		other += "\x00"
	}
	c := classes{all: map[string]string{"other": base64.StdEncoding.EncodeToString([]byte(other))}, of: func(v string) (string, error) {
		b, err := base64.StdEncoding.DecodeString(v)
		return name(string(b)), err
	}}
	for _, b := range blobs {
		c.all[name(b)] = base64.StdEncoding.EncodeToString([]byte(b))
	}
	return c
}

func boolClasses() classes {
	return classes{all: map[string]string{"true": "true", "false": "false"}, of: func(v string) (string, error) {
		if v != "true" && v != "false" {
			return "", fmt.Errorf("%.40q is neither true nor false", v)
		}
		return v, nil
	}}
}

// place names where x lies among ends in ascending order: at one, or after one.
func place[T any](ends []T, x T, compare func(a, b T) int) string {
	i, at := slices.BinarySearchFunc(ends, x, compare)
	if at {
		return "at " + strconv.Itoa(i)
	}
	return "before " + strconv.Itoa(i)
}

// numberClasses are the ends and what lies between them; of integers, or of
// natural numbers, where there are any.
func numberClasses(ends []*big.Rat, integral, natural bool) classes {
	ends = slices.Clone(ends)
	slices.SortFunc(ends, (*big.Rat).Cmp)
	c := classes{all: map[string]string{}, of: func(v string) (string, error) {
		x, err := awsiam.ParseNumber(v)
		if err != nil {
			return "", err
		}
		return place(ends, x, (*big.Rat).Cmp), nil
	}}
	for i, end := range ends {
		points := []*big.Rat{end, below(end, integral), above(end, integral), new(big.Rat)}
		if i > 0 && !integral {
			mid := new(big.Rat).Add(ends[i-1], end)
			points = append(points, mid.Quo(mid, big.NewRat(2, 1)))
		}
		for _, x := range points {
			if (!integral || x.IsInt()) && (!natural || x.Sign() >= 0) {
				c.all[place(ends, x, (*big.Rat).Cmp)] = strings.TrimSuffix(x.FloatString(30), "."+strings.Repeat("0", 30))
			}
		}
	}
	return c
}

// below and above are the next number, or the next integer.
func below(x *big.Rat, integral bool) *big.Rat {
	return new(big.Rat).Neg(above(new(big.Rat).Neg(x), integral))
}

func above(x *big.Rat, integral bool) *big.Rat {
	if !integral {
		return new(big.Rat).Add(x, big.NewRat(1, 1))
	}
	floor := new(big.Int).Div(x.Num(), x.Denom()) // Euclidean: down, as the denominator is positive
	return new(big.Rat).SetInt(floor.Add(floor, big.NewInt(1)))
}

// moments are the ends of classes of time, which the dates and the seconds that
// aws:EpochTime is compared with are. What is too far off to be a date comes
// after, or before, all of time.
func (n *need) moments() []time.Time {
	ends := slices.Clone(n.dates)
	for _, x := range n.numbers {
		if s := new(big.Int).Quo(x.Num(), x.Denom()); s.IsInt64() && s.Int64() > -1e11 && s.Int64() < 1e11 {
			ends = append(ends, time.Unix(s.Int64(), 0).UTC())
		}
	}
	return ends
}

// momentClasses are the moments and what lies between them, in whole seconds,
// which is how finely requests tell the time.
func momentClasses(ends []time.Time) classes {
	ends = slices.Clone(ends)
	slices.SortFunc(ends, time.Time.Compare)
	c := classes{all: map[string]string{}, of: func(v string) (string, error) {
		t, err := awsiam.ParseDate(v)
		if err != nil {
			return "", err
		}
		return place(ends, t, time.Time.Compare), nil
	}}
	for _, end := range ends {
		for _, t := range []time.Time{end, end.Add(-1).Truncate(time.Second), end.Truncate(time.Second).Add(time.Second)} {
			c.all[place(ends, t, time.Time.Compare)] = t.UTC().Format(time.RFC3339Nano)
		}
	}
	if len(ends) == 0 {
		c.all["before 0"] = "1970-01-01T00:00:00Z"
	}
	return c
}

// addressClasses are the runs of addresses in which no block begins or ends: of
// IPv4, and of IPv6 if addresses can be that.
func (n *need) addressClasses(six bool) (classes, error) {
	starts := []netip.Addr{netip.IPv4Unspecified()}
	blocks := slices.Clone(n.blocks)
	for i := range n.patterns {
		s, one := n.patterns[i].literal()
		block, err := awsiam.ParsePrefix(s)
		if !one || err != nil {
			return classes{}, fmt.Errorf("addresses compared as strings are %w", ErrBeyond)
		}
		blocks = append(blocks, block)
	}
	for _, b := range blocks {
		six = six || b.Addr().Is6()
		if b.Addr().Is4In6() {
			continue // holds nothing: such addresses count as IPv4
		}
		starts = append(starts, b.Addr())
		if next := last(b).Next(); next.IsValid() {
			starts = append(starts, next)
		}
	}
	if six {
		starts = append(starts, netip.IPv6Unspecified())
	}
	slices.SortFunc(starts, netip.Addr.Compare)
	starts = slices.Compact(starts)
	c := classes{all: map[string]string{}, of: func(v string) (string, error) { return run(starts, v) }}
	for i, a := range starts {
		c.all[strconv.Itoa(i+1)] = a.String()
	}
	return c, nil
}

// run names the run that an address is in: by how many begin at it or before.
func run(starts []netip.Addr, v string) (string, error) {
	a, err := netip.ParseAddr(v)
	if err != nil || a.Zone() != "" {
		return "", errors.New("an address that cannot be read")
	}
	i, at := slices.BinarySearchFunc(starts, a.Unmap(), netip.Addr.Compare)
	if at {
		i++
	}
	if a.Unmap().Is6() && !starts[len(starts)-1].Is6() {
		return "", errors.New("an address of IPv6 where only IPv4 is thought of")
	}
	return strconv.Itoa(i), nil
}

func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
