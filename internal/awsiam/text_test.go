package awsiam

import (
	"strings"
	"testing"
)

// matches is whether a statement about a resource covers the model, with the
// statement's own problems allowed.
func matches(t *testing.T, statement, resource string, ctx Context) Truth {
	t.Helper()
	return policy(t, statement).Statements[0].MatchResource(resource, ctx)
}

func TestVariablesInResources(t *testing.T) {
	for _, x := range []struct {
		name, pattern, resource string
		ctx                     Context
		want, not               Truth // of Resource, of NotResource
	}{
		{"value", "arn:aws:s3:::b/${aws:PrincipalTag/team}/*", "arn:aws:s3:::b/red/1", context("aws:principaltag/team=red"), True, False},
		{"other value", "arn:aws:s3:::b/${aws:PrincipalTag/team}/*", "arn:aws:s3:::b/red/1", context("aws:PrincipalTag/team=blue"), False, True},
		{"key in another case", "arn:aws:s3:::b/${AWS:principaltag/TEAM}/*", "arn:aws:s3:::b/red/1", context("aws:PrincipalTag/team=red"), True, False},
		{"in an account", "arn:aws:iam::${aws:PrincipalAccount}:role/x", "arn:aws:iam::1:role/x", context("aws:PrincipalAccount=1"), True, False},
		{"two", "arn:aws:s3:::${a:b}-${a:c}", "arn:aws:s3:::x-y", context("a:b=x", "a:c=y"), True, False},
		{"value with wildcards is literal", "arn:aws:s3:::b/${a:b}", "arn:aws:s3:::b/red", context("a:b=*"), False, True},
		{"value with wildcards matches itself", "arn:aws:s3:::b/${a:b}", "arn:aws:s3:::b/*", context("a:b=*"), True, False},
		{"value with a variable is literal", "arn:aws:s3:::b/${a:b}", "arn:aws:s3:::b/${a:c}", context("a:b=${a:c}", "a:c=x"), True, False},
		{"value takes no default", "arn:aws:s3:::b/${a:b, 'none'}", "arn:aws:s3:::b/none", context("a:b=x"), False, True},
		{"default", "arn:aws:s3:::b/${a:b, 'none'}", "arn:aws:s3:::b/none", nil, True, False},
		{"default with wildcards is literal", "arn:aws:s3:::b/${a:b, '*'}", "arn:aws:s3:::b/none", nil, False, True},
		{"no value", "arn:aws:s3:::b/${a:b}*", "arn:aws:s3:::b/x", nil, False, Unknown},
		{"several values", "arn:aws:s3:::b/${a:b}", "arn:aws:s3:::b/x", context("a:b=x|y"), Unknown, Unknown},
		{"value not known", "arn:aws:s3:::b/${a:b}", "arn:aws:s3:::b/x", Context{"a:b": Value{Doubt: "?"}}, Unknown, Unknown},
		{"escaped star", "arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", nil, False, True},
		{"escaped star itself", "arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", nil, True, False},
		{"escaped mark and dollar", "arn:aws:s3:::b/${?}${$}{a}", "arn:aws:s3:::b/?${a}", nil, True, False},
		{"escaped and wild", "arn:aws:s3:::b/${*}*", "arn:aws:s3:::b/*x", nil, True, False},
	} {
		for element, want := range map[string]Truth{"Resource": x.want, "NotResource": x.not} {
			s := `{"Effect":"Allow","Action":"*","` + element + `":"` + x.pattern + `"}`
			if got := matches(t, s, x.resource, x.ctx); got != want {
				t.Errorf("%s: %s %s of %s: %v, want %v", x.name, element, x.pattern, x.resource, got, want)
			}
		}
	}
}

func TestVariablesInConditions(t *testing.T) {
	for _, x := range []struct {
		name, operator, value string
		ctx                   Context
		want, negated         Truth
	}{
		{"value", "StringEquals", "${a:b}", context("x:y=red", "a:b=red"), True, False},
		{"value folded", "StringEqualsIgnoreCase", "${a:b}", context("x:y=red", "a:b=RED"), True, False},
		{"value within", "StringLike", "p-${a:b}-*", context("x:y=p-red-1", "a:b=red"), True, False},
		{"value literal", "StringLike", "${a:b}", context("x:y=red", "a:b=r*"), False, True},
		{"in an ARN", "ArnLike", "arn:aws:s3:::${a:b}/*", context("x:y=arn:aws:s3:::red/1", "a:b=red"), True, False},
		{"default", "StringEquals", "${a:b, 'red'}", context("x:y=red"), True, False},
		{"no value", "StringEquals", "${a:b}", context("x:y=red"), False, True},
		{"no value, like", "StringLike", "${a:b}*", context("x:y=red"), False, True},
		{"no value, ARN", "ArnEquals", "arn:aws:s3:::${a:b}", context("x:y=arn:aws:s3:::red"), False, True},
		{"several values", "StringEquals", "${a:b}", context("x:y=red", "a:b=red|blue"), Unknown, Unknown},
		{"value not known", "ArnEquals", "arn:aws:s3:::${a:b}", Context{"x:y": One("arn:aws:s3:::red"), "a:b": {Doubt: "?"}}, Unknown, Unknown},
	} {
		negated := strings.NewReplacer("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike").Replace(x.operator)
		for operator, want := range map[string]Truth{x.operator: x.want, negated: x.negated} {
			c, err := ParseCondition(operator, "x:y", []string{x.value}, true)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := c.Test(x.ctx); got != want {
				t.Errorf("%s: %s %s: %v, want %v", x.name, operator, x.value, got, want)
			}
		}
	}
}

// A deny whose variable has no value goes away with a positive operator and
// fires with a negated one.
func TestDenyWithAVariableWithoutValue(t *testing.T) {
	for operator, want := range map[string]Outcome{"StringEquals": Allowed, "StringNotEquals": ExplicitDeny} {
		d := policy(t, everything, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"`+operator+`":{"aws:RequestedRegion":"${aws:PrincipalTag/region}"}}}`)
		r := Request{Principal: principal(t, app), Action: "bedrock:InvokeModel", Resource: model, Context: context("aws:RequestedRegion=us-east-1")}
		if got := Evaluate(r, Layers{Identity: []*Document{d}}); got.Outcome != want {
			t.Errorf("%s: %+v", operator, got)
		}
	}
}

func TestOlderVersionHasNoVariables(t *testing.T) {
	const statement = `"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${a:b}","Condition":{"StringEquals":{"x:y":"${a:b}"}}}`
	for _, version := range []string{"", `"Version":"2008-10-17",`} {
		d, problems := Parse("old", []byte("{"+version+statement+"}"), Position{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		s := &d.Statements[0]
		for _, x := range []struct {
			resource, item string
			want           Truth
		}{{"arn:aws:s3:::b/red", "red", False}, {"arn:aws:s3:::b/${a:b}", "${a:b}", True}} {
			ctx := context("a:b=red", "x:y="+x.item)
			if got := s.MatchResource(x.resource, ctx); got != x.want {
				t.Errorf("%q, resource %s: %v", version, x.resource, got)
			}
			if got, _ := s.Conditions[0].Test(ctx); got != x.want {
				t.Errorf("%q, value %s: %v", version, x.item, got)
			}
		}
	}
}

func TestTextThatCannotBeRead(t *testing.T) {
	for s, want := range map[string]string{
		"${a:b":              "does not close",
		"x${}":               "names no key",
		"${ ,'x'}":           "names no key",
		"${a${b}}":           "names no key",
		"${a*}":              "names no key",
		"${a:b, x}":          "not in single quotes",
		"${a:b, '}":          "not in single quotes",
		"${a:b,}":            "not in single quotes",
		"${a:b, \"x\"}":      "not in single quotes",
		"${**}":              "names no key",
		"a ${a:b} and ${c:d": "does not close",
	} {
		if _, err := ParseText(s, true, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", s, err, want)
		}
		if text, err := ParseText(s, false, false); err != nil || !text.match(s) {
			t.Errorf("%s is not itself where variables do not count: %v", s, err)
		}
	}
	s := odd(t, `{"Effect":"Deny","Action":"*","Resource":["arn:aws:s3:::${a:b","arn:aws:s3:::b"]}`, "does not close")
	for resource, want := range map[string]Truth{"arn:aws:s3:::b": True, "arn:aws:s3:::c": Unknown} {
		if got := s.MatchResource(resource, nil); got != want {
			t.Errorf("%s: %v", resource, got)
		}
	}
}

func TestVariablesOfATextAreListed(t *testing.T) {
	text, err := ParseText("a${X:Y}b${*}${x:z, 'q'}", true, true)
	if got := strings.Join(text.Variables(), " "); err != nil || got != "x:y x:z" {
		t.Errorf("%q, %v", got, err)
	}
	c, err := ParseCondition("StringLike", "k:k", []string{"${x:y}", "plain", "${X:y}", "${*}"}, true)
	if got := strings.Join(c.Variables(), " "); err != nil || got != "x:y" || len(c.Texts()) != 2 {
		t.Errorf("%q in %d texts, %v", got, len(c.Texts()), err)
	}
	c, err = ParseCondition("NumericEquals", "k:k", []string{"1"}, true)
	if err != nil || len(c.Texts()) != 0 {
		t.Errorf("a number has %d texts, %v", len(c.Texts()), err)
	}
}
