package awsiam

import (
	"strings"
	"testing"
)

// operatorCases has every operator with a value that it holds for, as far as
// it is not negated, and one that it does not hold for.
var operatorCases = []struct {
	operator, value, same, other string
	negated                      bool
}{
	{"StringEquals", "Red", "Red", "red", false},
	{"StringNotEquals", "Red", "Red", "red", true},
	{"StringEqualsIgnoreCase", "Red", "rED", "blue", false},
	{"StringNotEqualsIgnoreCase", "Red", "rED", "blue", true},
	{"StringLike", "R?d*", "Red: all", "red", false},
	{"StringNotLike", "R?d*", "Red: all", "red", true},
	{"NumericEquals", "10", "10.0", "11", false},
	{"NumericNotEquals", "10", "10.0", "11", true},
	{"NumericLessThan", "10", "9.99", "10", false},
	{"NumericLessThanEquals", "10", "10", "10.01", false},
	{"NumericGreaterThan", "10", "10.5", "10", false},
	{"NumericGreaterThanEquals", "10", "10", "-10", false},
	{"DateEquals", "2030-01-01T00:00:00Z", "1893456000", "2030-01-01T00:00:01Z", false},
	{"DateNotEquals", "2030-01-01T00:00:00Z", "1893456000", "2030-01-01T00:00:01Z", true},
	{"DateLessThan", "2030-01-01T00:00:00Z", "2029-12-31T23:59:59Z", "2030-01-01T00:00:00Z", false},
	{"DateLessThanEquals", "2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "2030-01-01T00:00:01Z", false},
	{"DateGreaterThan", "2030-01-01T00:00:00Z", "2030-01-01T00:00:01Z", "2030-01-01T00:00:00Z", false},
	{"DateGreaterThanEquals", "2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "2029-12-31T23:59:59Z", false},
	{"Bool", "true", "TRUE", "false", false},
	{"BinaryEquals", "QmluYXJ5", "QmluYXJ5", "YmluYXJ5", false},
	{"IpAddress", "203.0.113.0/24", "203.0.113.255", "203.0.114.0", false},
	{"NotIpAddress", "203.0.113.0/24", "203.0.113.255", "203.0.114.0", true},
	{"ArnEquals", "arn:aws:s3:::b*/x", "arn:aws:s3:::bucket/x", "arn:aws:s3:::Bucket/x", false},
	{"ArnLike", "arn:aws:s3:::b*/x", "arn:aws:s3:::bucket/x", "arn:aws:s3:::Bucket/x", false},
	{"ArnNotEquals", "arn:aws:s3:::b*/x", "arn:aws:s3:::bucket/x", "arn:aws:s3:::Bucket/x", true},
	{"ArnNotLike", "arn:aws:s3:::b*/x", "arn:aws:s3:::bucket/x", "arn:aws:s3:::Bucket/x", true},
}

func holds(t *testing.T, operator, value string, v *Value) Truth {
	t.Helper()
	c, err := ParseCondition(operator, "test:Key", []string{value}, true)
	if err != nil {
		t.Fatal(err)
	}
	ctx := Context{}
	if v != nil {
		ctx.Set("TEST:key", *v)
	}
	truth, why := c.Test(ctx)
	if truth == Unknown && why == "" {
		t.Errorf("%s is unknown and does not say why", operator)
	}
	return truth
}

func given(v Value) *Value { return &v }

func TestEveryOperatorInEveryForm(t *testing.T) {
	if len(operatorCases) != len(operators)-1 { // all but Null
		t.Fatalf("%d operators of %d have a case", len(operatorCases), len(operators)-1)
	}
	for _, c := range operatorCases {
		yes, no := Of(!c.negated), Of(c.negated)
		for _, x := range []struct {
			form string
			v    *Value
			want Truth
		}{
			{"%", given(One(c.same)), yes},
			{"%", given(One(c.other)), no},
			{"%", nil, no}, // a positive operator needs the key, a negated one its absence
			{"%IfExists", given(One(c.same)), yes},
			{"%IfExists", given(One(c.other)), no},
			{"%IfExists", nil, True},
			{"ForAllValues:%", given(Many(c.same, c.same)), yes},
			{"ForAllValues:%", given(Many(c.other, c.other)), no},
			{"ForAllValues:%", given(Many(c.same, c.other)), False},
			{"ForAllValues:%", given(One(c.same)), yes},
			{"ForAllValues:%", given(Many()), True},
			{"ForAllValues:%", nil, True},
			{"ForAllValues:%IfExists", nil, True},
			{"ForAnyValue:%", given(Many(c.same, c.same)), yes},
			{"ForAnyValue:%", given(Many(c.other)), no},
			{"ForAnyValue:%", given(Many(c.other, c.same)), True},
			{"ForAnyValue:%", nil, False},
			{"ForAnyValue:%IfExists", given(Many(c.same)), yes},
			{"ForAnyValue:%IfExists", nil, Unknown},
			{"%", given(Many(c.same, c.other)), Unknown},
			{"%", given(Value{Doubt: "not in the input"}), Unknown},
		} {
			operator := strings.Replace(x.form, "%", c.operator, 1)
			for _, spelled := range []string{operator, strings.ToLower(operator)} {
				if got := holds(t, spelled, c.value, x.v); got != x.want {
					t.Errorf("%s %s of %+v: %v, want %v", spelled, c.value, x.v, got, x.want)
				}
			}
		}
	}
}

// Of a condition's values one is enough; of a negated one's, none may be met.
func TestValuesAreAlternatives(t *testing.T) {
	for _, x := range []struct {
		operator, item string
		want           Truth
	}{
		{"StringEquals", "b", True}, {"StringEquals", "d", False},
		{"StringNotEquals", "b", False}, {"StringNotEquals", "d", True},
		{"ForAllValues:StringEquals", "a|c", True}, {"ForAllValues:StringEquals", "a|d", False},
		{"ForAllValues:StringNotEquals", "d|e", True}, {"ForAllValues:StringNotEquals", "d|a", False},
		{"ForAnyValue:StringNotEquals", "d|a", True}, {"ForAnyValue:StringNotEquals", "b|a", False},
	} {
		c, err := ParseCondition(x.operator, "test:key", []string{"a", "b", "c"}, true)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := c.Test(context("test:key=" + x.item)); got != x.want {
			t.Errorf("%s a, b, c of %s: %v", x.operator, x.item, got)
		}
	}
}

func TestNullAsksForAbsence(t *testing.T) {
	for _, x := range []struct {
		value string
		v     *Value
		want  Truth
	}{
		{"true", nil, True}, {"false", nil, False},
		{"true", given(One("")), False}, {"false", given(One("")), True},
		{"TRUE", given(Many("a", "b")), False}, {"false", given(Many()), False},
		{"true", given(Value{Doubt: "not in the input"}), Unknown},
	} {
		if got := holds(t, "Null", x.value, x.v); got != x.want {
			t.Errorf("Null %s of %+v: %v", x.value, x.v, got)
		}
	}
}

func TestValuesAreComparedByTheirKind(t *testing.T) {
	for _, x := range []struct {
		operator, value, item string
		want                  Truth
	}{
		{"StringEquals", "a*", "ab", False},
		{"StringEquals", "a*", "a*", True},
		{"StringLike", "*", "", True},
		{"StringLike", "a?c", "a\ncd", False},
		{"StringNotEquals", "", "", False},
		{"StringNotEquals", "", "a", True},
		{"StringEqualsIgnoreCase", "STRASSE", "straße", False},
		{"NumericEquals", "010", "10", True},
		{"NumericEquals", "0.1", ".1", True},
		{"NumericLessThan", "9007199254740993", "9007199254740992", True}, // not as float64
		{"NumericEquals", "1", "one", Unknown},
		{"DateEquals", "2030-01-01", "2030-01-01T00:00:00Z", True},
		{"DateEquals", "2030-01-01T01:00:00+01:00", "2030-01-01T00:00:00Z", True},
		{"DateEquals", "2030-01-01T01:00+0100", "2030-01-01T00:00Z", True},
		{"DateLessThan", "2030", "1893455999", True},
		{"DateLessThan", "2030-01-01T00:00:00Z", "tomorrow", Unknown},
		{"Bool", "true", "yes", Unknown},
		{"IpAddress", "203.0.113.7", "203.0.113.7", True},
		{"IpAddress", "203.0.113.9/24", "203.0.113.7", True}, // bits after the length do not count
		{"IpAddress", "0.0.0.0/0", "::1", False},
		{"IpAddress", "::/0", "10.0.0.1", False},
		{"IpAddress", "2001:db8::/32", "2001:db8:1::", True},
		{"IpAddress", "10.0.0.0/8", "::ffff:10.1.1.1", True},
		{"IpAddress", "10.0.0.0/8", "AWS Internal", Unknown},
		{"BinaryEquals", "QQ==", "QQ", Unknown},
		{"ArnLike", "arn:aws:bedrock:*:*:guardrail/*", "arn:aws:bedrock:us-east-1:111122223333:guardrail/g:1", True},
		{"ArnLike", "arn:aws:*:guardrail/*:x:y", "arn:aws:bedrock:us-east-1:1:x:y", False}, // segment by segment
		{"ArnEquals", "arn:aws:s3:::b", "ARN:aws:s3:::b", False},
		{"ArnLike", "arn:aws:s3:::b", "b", Unknown},
		{"ArnNotLike", "arn:aws:s3:::b", "b", Unknown},
		{"ArnLike", "*", "arn:aws:s3:::b", Unknown},
	} {
		if got := holds(t, x.operator, x.value, given(One(x.item))); got != x.want {
			t.Errorf("%s %s of %q: %v, want %v", x.operator, x.value, x.item, got, x.want)
		}
	}
}

func TestConditionThatCannotBeReadIsUnknown(t *testing.T) {
	for _, x := range []struct {
		operator, key string
		values        []string
		want          string
	}{
		{"StringLikeIgnoreCase", "a:b", []string{"x"}, "no condition operator"},
		{"ForSomeValues:StringLike", "a:b", []string{"x"}, "no condition operator"},
		{"StringEquals" + strings.Repeat("IfExists", 9), "a:b", []string{"x"}, "no condition operator"},
		{"NullIfExists", "a:b", []string{"true"}, "Null takes no"},
		{"ForAnyValue:Null", "a:b", []string{"true"}, "Null takes no"},
		{"StringEquals", "a:b", nil, "has no value"},
		{"StringEquals", "ab", []string{"x"}, "not service:name"},
		{"StringEquals", ":b", []string{"x"}, "not service:name"},
		{"NumericEquals", "a:b", []string{"1", "ten"}, "is no number"},
		{"NumericEquals", "a:b", []string{"1e3"}, "is no number"},
		{"NumericEquals", "a:b", []string{"1/3"}, "is no number"},
		{"NumericEquals", "a:b", []string{"--1"}, "is no number"},
		{"NumericEquals", "a:b", []string{"."}, "is no number"},
		{"NumericEquals", "a:b", []string{"${aws:x}"}, "is no number"},
		{"DateEquals", "a:b", []string{"2030-13-01"}, "is no date"},
		{"DateEquals", "a:b", []string{"next year"}, "is no date"},
		{"Bool", "a:b", []string{"1"}, "is not true or false"},
		{"Null", "a:b", []string{""}, "is not true or false"},
		{"BinaryEquals", "a:b", []string{"*"}, "illegal base64"},
		{"IpAddress", "a:b", []string{"10.*"}, "is no address"},
		{"IpAddress", "a:b", []string{"10.0.0.0/33"}, "is no address block"},
		{"IpAddress", "a:b", []string{"::ffff:10.0.0.0/104"}, "is no address block"},
		{"IpAddress", "a:b", []string{"fe80::1%eth0"}, "is no address"},
		{"StringEquals", "a:b", []string{"${aws:x"}, "does not close it"},
	} {
		c, err := ParseCondition(x.operator, x.key, x.values, true)
		if err == nil || !strings.Contains(err.Error(), x.want) || c.Doubt() != err.Error() {
			t.Errorf("%s %s %q: error %v, doubt %q, want %q", x.operator, x.key, x.values, err, c.Doubt(), x.want)
		}
		if got, why := c.Test(context("a:b=x")); got != Unknown || why == "" {
			t.Errorf("%s %s %q: %v because %q", x.operator, x.key, x.values, got, why)
		}
	}
}

func TestKeysAreBlindToCaseAndValuesAreNot(t *testing.T) {
	c, err := ParseCondition("StringEquals", "aws:PrincipalTag/Team", []string{"Red"}, true)
	if err != nil {
		t.Fatal(err)
	}
	for pair, want := range map[string]Truth{"AWS:principaltag/TEAM=Red": True, "aws:PrincipalTag/Team=red": False} {
		if got, _ := c.Test(context(pair)); got != want {
			t.Errorf("%s: %v", pair, got)
		}
	}
}
