package glob

import (
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestEqualPatternsHaveEqualKeys(t *testing.T) {
	for _, c := range []struct {
		name string
		p, q Pattern
		want bool
	}{
		{"two stars are one", Parse("a**b"), Parse("a*b"), true},
		{"wildcards in a row have no order", Parse("*?*?b"), Parse("??*b"), true},
		{"a star swallows one that keeps to a segment", Compile([]Token{StarInSegment, Star, StarInSegment}), Parse("*"), true},
		{"the order within a segment", Compile([]Token{StarInSegment, OneInSegment}), Compile([]Token{OneInSegment, StarInSegment}), true},
		{"the zero pattern is empty", Pattern{}, Parse(""), true},
		{"folding what has no case", Parse("1:*").Fold(), Parse("1:*"), true},
		{"folding twice", Parse("Ab*").Fold().Fold(), Parse("aB*").Fold(), true},
		{"no character", Compile([]Token{0xd800, 'a', -9}), Literal("\xffa\xfe"), true},
		{"wildcards and literals", Parse("a*"), Literal("a*"), false},
		{"one and any", Parse("a?"), Parse("a*"), false},
		{"folded and not", Parse("a").Fold(), Parse("a"), false},
		{"the kind of a wildcard", Compile([]Token{StarInSegment}), Parse("*"), false},
		{"mixed single characters", Compile([]Token{One, OneInSegment}), Compile([]Token{OneInSegment, One}), false},
	} {
		if got := c.p.Key() == c.q.Key(); got != c.want || c.p.Equal(c.q) != c.want {
			t.Errorf("%s: equal is %v, want %v: %q, %q", c.name, got, c.want, c.p.Key(), c.q.Key())
		}
	}
}

func TestCompileKeepsNothingOfItsArgument(t *testing.T) {
	tokens := []Token{'a', Star}
	p := Compile(tokens)
	tokens[0] = 'b'
	if !p.Match("ax") || p.Match("bx") {
		t.Errorf("%v follows a change of the tokens that it came from", p)
	}
}

func TestIsLiteralNamesTheOnlyMatch(t *testing.T) {
	for _, c := range []struct {
		p    Pattern
		want string
		ok   bool
	}{
		{Pattern{}, "", true},
		{Parse("arn:aws:é"), "arn:aws:é", true},
		{Literal("a*?"), "a*?", true},
		{Parse("12").Fold(), "12", true},
		{Parse("a*"), "", false},
		{Parse("a").Fold(), "", false},
		{Literal("a\xff"), "", false},
	} {
		if got, ok := c.p.IsLiteral(); got != c.want || ok != c.ok {
			t.Errorf("IsLiteral(%v) = %q, %v, want %q, %v", c.p, got, ok, c.want, c.ok)
		}
	}
}

func TestStringSpellsWildcardsAndLiteralsApart(t *testing.T) {
	p := Compile([]Token{'a', '*', '?', Star, One, 'b', StarInSegment, ':', OneInSegment})
	if got, want := p.String(), "a${*}${?}?*b*:?"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func TestSegmentWiseNeedsSixSegments(t *testing.T) {
	for s, want := range map[string]bool{
		"":                                    false,
		"*":                                   false,
		"arn:aws:bedrock:*":                   false,
		"arn:aws:bedrock:*:model/*":           false,
		"::::":                                false,
		":::::":                               true,
		"arn:*:bedrock:*::foundation-model/*": true,
		"*:*:*:*:*:*:*":                       true,
	} {
		if _, ok := SegmentWise(s); ok != want {
			t.Errorf("SegmentWise(%q) is %v, want %v", s, ok, want)
		}
	}
}

func TestSegmentWiseKeepsFoldingAndLiteralStars(t *testing.T) {
	p := Compile([]Token{'A', '*', Star, ':', ':', ':', ':', ':', Star}).Fold()
	q, ok := p.SegmentWise()
	if !ok || !q.Match("a*x::::::y") || q.Match("ax:::::y") || q.Match("a*x:y:::") {
		t.Errorf("the segment-wise reading of %v does not match as it should", p)
	}
}

func TestSegmentWisePatternsAreInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`([ab*?]{0,4}:){5}[ab*?:]{0,6}`).Draw(t, "pattern")
		p, ok := SegmentWise(s)
		if !ok || !p.ordered {
			t.Fatalf("SegmentWise(%q) is %v, in order: %v", s, ok, p.ordered)
		}
	})
}

func TestCaseVariantsAreAllCharactersOfALowerCase(t *testing.T) {
	want := map[rune]int{}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		low := unicode.ToLower(r)
		if unicode.ToLower(low) != low {
			t.Errorf("the lower case of %U is not its own", r)
		}
		want[low]++
	}
	for low, n := range want {
		variants := caseVariants(low)
		if len(variants) != n || variants[0] != low {
			t.Errorf("caseVariants(%U) = %U, want %d", low, variants, n)
		}
	}
}

func TestBitsAreASet(t *testing.T) {
	var a, b Bits
	for _, i := range []int{0, 63, 64, 200} {
		a.Set(i)
	}
	b.Set(200)
	if a.Count() != 4 || !a.Has(64) || a.Has(65) || a.Has(1000) || a.Has(-1) || a.Equal(b) || a.Key() == b.Key() {
		t.Errorf("a set of 0, 63, 64 and 200 is %x", a)
	}
	if long := append(Bits{1}, 0, 0); !long.Equal(Bits{1}) || long.Key() != (Bits{1}).Key() || !(Bits{0}).Equal(nil) {
		t.Error("trailing zero words make a difference")
	}
}
