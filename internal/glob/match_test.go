package glob

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestMatchTakesTheWholeString(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a:b\n", true},
		{"?", "", false},
		{"?", "é", true},
		{"?", "\xff", true},
		{"?", "\xc3\x28", false},
		{"??", "\xc3\x28", true},
		{"a\xff", "a\ufffd", true},
		{"a*", "a", true},
		{"*a", "ba", true},
		{"*ab", "aab", true},
		{"a*b*c", "axbxbxc", true},
		{"a*b*c", "axbxbx", false},
		{"abc", "abcd", false},
		{"abc*d", "abc", false},
		{"arn:aws:bedrock:*::foundation-model/*", "arn:aws:bedrock:::foundation-model/m", true},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b/c:d/e", true},
		{"bedrock:Invoke*", "bedrock:invokeModel", false},
	} {
		if got := Parse(c.pattern).Match(c.s); got != c.want {
			t.Errorf("%q matches %q: %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
}

func TestFoldedMatchIsBlindToCase(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"bedrock:invoke*", "Bedrock:InvokeModel", true},
		{"ÉK?", "ék\xff", true},
		{"k", "\u212a", true}, // the Kelvin sign
		{"i", "İ", true},
		{"ß", "ss", false},
		{"a*", "b", false},
	} {
		if got := Parse(c.pattern).Fold().Match(c.s); got != c.want {
			t.Errorf("%q folded matches %q: %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
}

func TestSegmentWiseWildcardsKeepToTheirSegment(t *testing.T) {
	for _, c := range []struct {
		pattern, s  string
		whole, wise bool
	}{
		{"arn:aws:bedrock:*:*:m/*", "arn:aws:bedrock:r:1:m/a:b", true, true},
		{"arn:aws:bedrock:*:*:m/*", "arn:aws:bedrock:r:1:x:m/a", true, false},
		{"arn:aws:bedrock:u?:*:m", "arn:aws:bedrock:u:::m", true, false},
		{"arn:aws:bedrock:*::m", "arn:aws:bedrock:::m", true, true},
		{"a:*b:*:*:*:*", "a:bxb::::", true, true},
	} {
		p, _ := SegmentWise(c.pattern)
		if Parse(c.pattern).Match(c.s) != c.whole || p.Match(c.s) != c.wise {
			t.Errorf("%q on %q: whole %v, segment-wise %v, want %v and %v",
				c.pattern, c.s, !c.whole, p.Match(c.s), c.whole, c.wise)
		}
	}
}

// oracle translates tokens into a regular expression, an independent matcher.
func oracle(tokens []Token, folded bool) func(string) bool {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for _, t := range tokens {
		switch t {
		case Star:
			b.WriteString(`.*`)
		case One:
			b.WriteString(`.`)
		case StarInSegment:
			b.WriteString(`[^:]*`)
		case OneInSegment:
			b.WriteString(`[^:]`)
		default:
			r := rune(t)
			if folded {
				r = unicode.ToLower(r)
			}
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	re := regexp.MustCompile(b.String() + `\z`)
	return func(s string) bool {
		if folded {
			s = strings.Map(unicode.ToLower, s)
		}
		return re.MatchString(s)
	}
}

var (
	anyToken = rapid.SampledFrom([]Token{'a', 'b', 'A', 'K', 'k', ':', ':', '*', 0xfffd,
		Star, Star, One, StarInSegment, StarInSegment, OneInSegment})
	anyTokens = rapid.SliceOfN(anyToken, 0, 9)
	anyText   = rapid.Custom(func(t *rapid.T) string {
		parts := []string{"a", "b", "A", "B", "k", "K", "\u212a", ":", "*", "\xff", "\xc3", "é"}
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 10).Draw(t, "parts"), "")
	})
)

func TestMatchAgreesWithARegularExpression(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens, folded := anyTokens.Draw(t, "tokens"), rapid.Bool().Draw(t, "folded")
		p, want := Compile(tokens), oracle(tokens, folded)
		if folded {
			p = p.Fold()
		}
		for range 20 {
			s := anyText.Draw(t, "string")
			if got := p.Match(s); got != want(s) {
				t.Fatalf("%v (folded: %v) matches %q: %v", tokens, folded, s, got)
			}
			if got := p.simulate(strings.TrimPrefix(s, p.prefix)); strings.HasPrefix(s, p.prefix) && got != want(s) {
				t.Fatalf("%v (folded: %v) simulated on %q: %v", tokens, folded, s, got)
			}
		}
	})
}

func TestSegmentWiseAgreesWithSegmentsMatchedOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`([ab*?]{0,3}:){5}[ab*?:]{0,4}`).Draw(t, "pattern")
		s := rapid.StringMatching(`([ab]{0,3}:){4,6}[ab:]{0,4}`).Draw(t, "string")
		ps, ss := strings.SplitN(pattern, ":", 6), strings.SplitN(s, ":", 6)
		want := len(ss) == 6
		for i := range ss {
			want = want && Parse(ps[i]).Match(ss[i])
		}
		p, _ := SegmentWise(pattern)
		if got := p.Match(s); got != want {
			t.Fatalf("SegmentWise(%q) matches %q: %v, want %v", pattern, s, got, want)
		}
	})
}

func TestGlobBombsAreMatchedInStepsThatMultiply(t *testing.T) {
	s := strings.Repeat("a", 2000)
	for _, p := range []Pattern{
		Parse(strings.Repeat("a*", 500) + "b"),
		Parse(strings.Repeat("*a", 500) + "b").Fold(),
		Parse(strings.Repeat("*?a", 300) + "b"),
		Compile(append(slices.Repeat([]Token{StarInSegment, 'a', One}, 300), 'b')),
		Compile(append(slices.Repeat([]Token{Star, 'a', StarInSegment, 'a'}, 200), 'b')),
	} {
		if p.Match(s) || !p.Match(s+"b") {
			t.Errorf("%.20v… does not match what it should", p)
		}
	}
}

func TestPatternsOutOfOrderFollowEveryWay(t *testing.T) {
	for _, c := range []struct {
		tokens []Token
		s      string
	}{
		{[]Token{Star, 'a', StarInSegment, 'b'}, "a:axb"},
		{[]Token{StarInSegment, 'a', One, StarInSegment, 'b'}, "aa:b"},
		{[]Token{StarInSegment, 'a', One, StarInSegment, ':', 'b'}, "aa::b"},
	} {
		if p := Compile(c.tokens); p.ordered || !p.Match(c.s) {
			t.Errorf("%v does not match %q, or is held to be in order: %v", p, c.s, p.ordered)
		}
	}
}
