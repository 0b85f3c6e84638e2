package awsiam

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/glob"
)

// kind is how an operator compares.
type kind uint8

const (
	stringKind kind = iota
	stringFoldKind
	stringLikeKind
	numericEqual
	numericLess
	numericLessEqual
	numericGreater
	numericGreaterEqual
	dateEqual
	dateLess
	dateLessEqual
	dateGreater
	dateGreaterEqual
	boolKind
	binaryKind
	ipKind
	arnKind
	nullKind
)

// operators lists them by name in lower case, without quantifier and IfExists
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
var operators = map[string]struct {
	kind    kind
	negated bool
}{
	"stringequals": {stringKind, false}, "stringnotequals": {stringKind, true},
	"stringequalsignorecase": {stringFoldKind, false}, "stringnotequalsignorecase": {stringFoldKind, true},
	"stringlike": {stringLikeKind, false}, "stringnotlike": {stringLikeKind, true},
	"numericequals": {numericEqual, false}, "numericnotequals": {numericEqual, true},
	"numericlessthan": {numericLess, false}, "numericlessthanequals": {numericLessEqual, false},
	"numericgreaterthan": {numericGreater, false}, "numericgreaterthanequals": {numericGreaterEqual, false},
	"dateequals": {dateEqual, false}, "datenotequals": {dateEqual, true},
	"datelessthan": {dateLess, false}, "datelessthanequals": {dateLessEqual, false},
	"dategreaterthan": {dateGreater, false}, "dategreaterthanequals": {dateGreaterEqual, false},
	"bool": {boolKind, false}, "binaryequals": {binaryKind, false},
	"ipaddress": {ipKind, false}, "notipaddress": {ipKind, true},
	"arnequals": {arnKind, false}, "arnlike": {arnKind, false},
	"arnnotequals": {arnKind, true}, "arnnotlike": {arnKind, true},
	"null": {nullKind, false},
}

// test is one value of a condition, read as its operator wants it.
type test struct {
	text    Text
	number  *big.Rat
	date    time.Time
	prefix  netip.Prefix
	boolean bool
	bytes   string
	isARN   bool // a text without variables; then its pattern is read segment-wise
}

func (t *test) parse(k kind, s string, variables bool) (err error) {
	switch {
	case k == boolKind || k == nullKind:
		t.boolean, err = parseBool(s)
	case k == ipKind:
		t.prefix, err = ParsePrefix(s)
	case k == binaryKind:
		var b []byte
		b, err = base64.StdEncoding.DecodeString(s)
		t.bytes = string(b)
	case k >= numericEqual && k <= numericGreaterEqual:
		t.number, err = ParseNumber(s)
	case k >= dateEqual && k <= dateGreaterEqual:
		t.date, err = ParseDate(s)
	default:
		t.text, err = ParseText(s, k == stringLikeKind || k == arnKind, variables)
		if p, fixed := t.text.Fixed(); fixed && err == nil && k == stringFoldKind {
			t.text.pat, t.text.exact = p.Fold(), false
		} else if fixed && err == nil && k == arnKind {
			t.text.pat, t.isARN = p.SegmentWise()
			t.text.exact = false
		}
	}
	return err
}

// match compares one value of a key with the test.
func (t *test) match(k kind, item string, ctx Context) (Truth, string) {
	switch {
	case k == boolKind:
		b, err := parseBool(item)
		return known(t.boolean == b, err)
	case k == ipKind:
		a, err := netip.ParseAddr(item)
		return known(err == nil && t.prefix.Contains(a.Unmap()), err)
	case k == binaryKind:
		b, err := base64.StdEncoding.DecodeString(item)
		return known(string(b) == t.bytes, err)
	case k >= numericEqual && k <= numericGreaterEqual:
		n, err := ParseNumber(item)
		if err != nil {
			return Unknown, err.Error()
		}
		return Of(ordered(k-numericEqual, n.Cmp(t.number))), ""
	case k >= dateEqual && k <= dateGreaterEqual:
		d, err := ParseDate(item)
		if err != nil {
			return Unknown, err.Error()
		}
		return Of(ordered(k-dateEqual, d.Compare(t.date))), ""
	case k == arnKind:
		return t.matchARN(item, ctx)
	}
	return t.matchText(k, item, ctx)
}

func known(b bool, err error) (Truth, string) {
	if err != nil {
		return Unknown, err.Error()
	}
	return Of(b), ""
}

// ordered applies =, <, <=, >, >= in the order of the kinds.
func ordered(relation kind, cmp int) bool {
	switch relation {
	case 0:
		return cmp == 0
	case 1:
		return cmp < 0
	case 2:
		return cmp <= 0
	case 3:
		return cmp > 0
	}
	return cmp >= 0
}

func (t *test) matchText(k kind, item string, ctx Context) (Truth, string) {
	if t.text.fixed {
		return Of(t.text.match(item)), ""
	}
	p, ok := t.text.Resolve(ctx)
	switch {
	case ok == Unknown:
		return Unknown, fmt.Sprintf("the value of a variable in %q is not known", t.text.Source)
	case ok == False:
		return False, ""
	case k == stringFoldKind:
		p = p.Fold()
	}
	return Of(p.Match(item)), ""
}

// matchARN compares segment by segment. What AWS makes of a value that is no
// ARN it does not say.
func (t *test) matchARN(item string, ctx Context) (Truth, string) {
	p, ok := t.text.pat, t.isARN
	if !t.text.fixed {
		tokens, known := t.text.resolveTokens(ctx)
		switch known {
		case Unknown:
			return Unknown, fmt.Sprintf("the value of a variable in %q is not known", t.text.Source)
		case False:
			return False, ""
		}
		p, ok = glob.Compile(tokens).SegmentWise()
	}
	if !ok || strings.Count(item, ":") < 5 {
		return Unknown, fmt.Sprintf("AWS does not say how an Arn operator compares %q with %q: one is no ARN", t.text.Source, item)
	}
	return Of(p.Match(item)), ""
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%.40q is not true or false", s)
}

// ParsePrefix reads a CIDR block, or an address, which is a block of one.
func ParsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%.60q is no address", s)
		}
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%.60q is no address block", s)
	}
	return p.Masked(), nil
}

// ParseNumber reads a decimal number, exactly.
func ParseNumber(s string) (*big.Rat, error) {
	if len(s) > 40 || strings.Trim(s, "+-.0123456789") != "" || strings.Trim(s, "+-.") == "" {
		return nil, fmt.Errorf("%.40q is no number", s)
	}
	n, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("%.40q is no number", s)
	}
	return n, nil
}

// dateForms are the forms of ISO 8601 that IAM takes.
var dateForms = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04Z0700",
	"2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly, "2006-01", "2006",
}

// ParseDate reads a date as IAM does: ISO 8601, or seconds since 1970. A date
// without a zone is in UTC. Four digits are a year.
func ParseDate(s string) (time.Time, error) {
	if len(s) > 4 && strings.Trim(s, "0123456789") == "" {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && n < 1<<40 {
			return time.Unix(n, 0).UTC(), nil
		}
	}
	for _, form := range dateForms {
		if d, err := time.Parse(form, s); err == nil {
			return d.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no date", s)
}
