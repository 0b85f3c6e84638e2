package awsiam

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Values that no pattern of the cuts tells apart are the same to a condition.
func TestCutsTellApartWhatConditionsDo(t *testing.T) {
	letters := rapid.StringOfN(rapid.RuneFrom([]rune("aAb:*")), 0, 7, -1)
	values := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("aAb:*?")), 0, 7, -1), 1, 3)
	rapid.Check(t, func(t *rapid.T) {
		operator := rapid.SampledFrom([]string{"StringEquals", "StringNotEquals", "StringLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "ArnLike", "ArnNotEquals"}).Draw(t, "operator")
		list := values.Draw(t, "values")
		arn := strings.HasPrefix(operator, "Arn")
		if rapid.Bool().Draw(t, "variable") {
			list = append(list, "${x:y}"+list[0])
		}
		for i := range list {
			if arn {
				list[i] = "arn:a:b::" + list[i]
			}
		}
		c, err := ParseCondition(operator, "k:k", list, true)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context("x:y=" + letters.Draw(t, "x:y"))
		var cuts Cuts
		c.Cut(ctx, &cuts)
		c.Cut(ctx, &cuts)
		if len(cuts.Conditions) != 1 {
			t.Fatalf("one condition cuts %d times", len(cuts.Conditions))
		}
		lie := func(s string) (side string) {
			for _, p := range cuts.Patterns {
				side += Of(p.Match(s)).String()
			}
			return side
		}
		a, b := letters.Draw(t, "a"), letters.Draw(t, "b")
		if arn {
			a, b = "arn:a:b::x"+a+":", "arn:a:b::x"+b+":"
		}
		if lie(a) != lie(b) {
			return
		}
		ctx.Set("k:k", One(a))
		first, _ := c.Test(ctx)
		ctx.Set("k:k", One(b))
		if second, _ := c.Test(ctx); first != second {
			t.Fatalf("%s: %v of %q, %v of %q, which lie alike", c.String(), first, a, second, b)
		}
	})
}

func TestCutsAreOfTheKindOfTheOperator(t *testing.T) {
	var cuts Cuts
	for operator, value := range map[string]string{
		"NumericLessThan": "3", "DateGreaterThan": "2030-01-01", "NotIpAddress": "10.0.0.0/8", "Bool": "true", "Null": "true", "BinaryEquals": "QQ==", "ArnLike": "short",
	} {
		c, err := ParseCondition(operator, "k:k", []string{value}, true)
		if err != nil {
			t.Fatal(err)
		}
		c.Cut(Context{}, &cuts)
	}
	if len(cuts.Numbers) != 1 || len(cuts.Dates) != 1 || len(cuts.Prefixes) != 1 || !cuts.Boolean || len(cuts.Patterns) != 1 || len(cuts.Conditions) != 7 {
		t.Errorf("%+v", cuts)
	}
}

// The fillings of a variable are all values with which the text matches.
func TestFillingsAreAllThatMatch(t *testing.T) {
	around := rapid.StringOfN(rapid.RuneFrom([]rune("aAb*?")), 0, 4, -1)
	rapid.Check(t, func(t *rapid.T) {
		s := around.Draw(t, "before") + "${x:y}" + around.Draw(t, "after")
		ctx := context("o:o=" + rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 0, 2, -1).Draw(t, "other"))
		if rapid.Bool().Draw(t, "two") {
			s = "${o:o}" + s
		}
		text, err := ParseText(s, true, true)
		if err != nil {
			t.Fatal(err)
		}
		against := rapid.StringOfN(rapid.RuneFrom([]rune("abB")), 0, 6, -1).Draw(t, "against")
		fold := rapid.Bool().Draw(t, "fold")
		got, ok := text.Fillings("x:y", against, ctx, fold)
		if !ok {
			t.Fatalf("%s cannot be filled", s)
		}
		for i := 0; i <= len(against); i++ {
			for j := i; j <= len(against); j++ {
				ctx.Set("x:y", One(against[i:j]))
				p, _ := text.Resolve(ctx)
				if fold {
					p = p.Fold()
				}
				same := func(v string) bool { return v == against[i:j] || fold && strings.EqualFold(v, against[i:j]) }
				if p.Match(against) != slices.ContainsFunc(got, same) {
					t.Fatalf("%s against %s: fillings %q, and %q is %v", s, against, got, against[i:j], p.Match(against))
				}
			}
		}
	})
}

func TestFillingsNeedOneFreeVariable(t *testing.T) {
	for s, ctx := range map[string]Context{
		"${x:y}${x:y}": {}, "a": {}, "${o:o}${x:y}": {}, "${x:y}-${o:o}": context("o:o=a|b"), "${x:y}${o:o, 'd'}": {"o:o": {Doubt: "?"}},
	} {
		text, err := ParseText(s, true, true)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := text.Fillings("x:y", "ab", ctx, false); ok {
			t.Errorf("%s: %q", s, got)
		}
	}
}

func TestContextsThatAWSNeverSends(t *testing.T) {
	for _, x := range []struct {
		ctx  Context
		want string
	}{
		{Context{}, ""},
		{context("aws:SourceVpce=vpce-1"), ""}, // the others are free
		{Context{"aws:sourcevpce": One("vpce-1"), "aws:sourcevpc": {}}, "comes from a VPC"},
		{context("aws:SourceVpce=vpce-1", "aws:SourceVpc=vpc-1", "aws:VpcSourceIp=10.0.0.1"), ""},
		{context("aws:SourceVpce=vpce-1", "aws:SourceIp=203.0.113.7"), "no public address"},
		{Context{"aws:sourceip": {}, "aws:sourcevpce": {}}, "no public address"},
		{context("aws:MultiFactorAuthAge=3", "aws:MultiFactorAuthPresent=false"), "MFA was used"},
		{context("aws:MultiFactorAuthAge=3", "aws:MultiFactorAuthPresent=True"), ""},
		{Context{"aws:multifactorauthpresent": One("true"), "aws:tokenissuetime": {}}, "temporary credentials"},
	} {
		if got := x.ctx.Impossible(); (got == "") != (x.want == "") || !strings.Contains(got, x.want) {
			t.Errorf("%v: %q, want %q", x.ctx, got, x.want)
		}
	}
	if len(Correlations()) == 0 {
		t.Error("nothing is tied together")
	}
}
