package certificate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
)

// anyPattern draws a short pattern over few characters.
func anyPattern(t *rapid.T) pattern {
	p := pattern{fold: rapid.IntRange(0, 3).Draw(t, "fold") == 0}
	p.tokens = characters(rapid.StringOfN(rapid.RuneFrom([]rune("ab:*?B")), 0, 5, -1).Draw(t, "pattern"), true)
	if rapid.IntRange(0, 2).Draw(t, "segments") == 0 {
		p.tokens = bySegment(p.tokens)
	}
	return p
}

// slow matches by trying everything.
func slow(p *pattern, tokens []token, s []rune) bool {
	switch {
	case len(tokens) == 0:
		return len(s) == 0
	case tokens[0].wild == '*':
		return slow(p, tokens[1:], s) || len(s) > 0 && (!tokens[0].stay || s[0] != ':') && slow(p, tokens, s[1:])
	}
	return len(s) > 0 && p.matches(tokens[0], s[0]) && slow(p, tokens[1:], s[1:])
}

// TestTheSearchFindsWhatAnyStringMatches: every string of a small alphabet is
// in a class that the search found, and the example of each class is in it.
func TestTheSearchFindsWhatAnyStringMatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfN(rapid.Custom(anyPattern), 1, 4).Draw(t, "patterns")
		within := rapid.SliceOfN(rapid.Custom(anyPattern), 0, 2).Draw(t, "within")
		without := rapid.SliceOfN(rapid.Custom(anyPattern), 0, 1).Draw(t, "without")
		found := map[string]string{}
		b := bounds{within, without}
		s := search{patterns: patterns, bounds: b, found: func(accepted []int, witness string) { found[fmt.Sprint(accepted)] = witness }}
		if err := s.run(); err != nil {
			t.Fatal(err)
		}
		for name, witness := range found {
			if accepted, err := matched(witness, patterns, b); err != nil || fmt.Sprint(accepted) != name {
				t.Fatalf("%q is in class %v, not %s: %v", witness, accepted, name, err)
			}
		}
		for range 50 {
			v := rapid.StringOfN(rapid.RuneFrom([]rune("abAB:x")), 0, 7, -1).Draw(t, "value")
			var accepted []int
			for i := range patterns {
				if slow(&patterns[i], patterns[i].tokens, []rune(v)) {
					accepted = append(accepted, i)
				}
			}
			matches := func(p pattern) bool { return slow(&p, p.tokens, []rune(v)) }
			in := (len(within) == 0 || slices.ContainsFunc(within, matches)) && !slices.ContainsFunc(without, matches)
			if _, ok := found[fmt.Sprint(accepted)]; in && !ok {
				t.Fatalf("%q is in class %v, which was not found: %v", v, accepted, slices.Sorted(maps.Keys(found)))
			}
		}
	})
}

func TestASearchThatIsTooLargeIsGivenUp(t *testing.T) {
	var patterns []pattern
	for i := range 24 {
		patterns = append(patterns, pattern{tokens: characters("*"+strings.Repeat(string(rune('a'+i)), 12)+"*", true)})
	}
	s := search{patterns: patterns, found: func([]int, string) {}}
	if s.run() == nil {
		t.Error("every class of a bomb was found")
	}
}

// TestThePatternsOfTheCheckerAreThoseOfTheEvaluator: its own reading of a text
// matches what the evaluator's does.
func TestThePatternsOfTheCheckerAreThoseOfTheEvaluator(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "B", "*", "?", ":", "${*}", "${?}", "${$}", "${k:a}", "${K:none, 'a*'}", "${k:none}", "é", "arn:aws:s3:::"}), 0, 6).Draw(t, "parts")
		source, op := strings.Join(parts, ""), rapid.SampledFrom([]string{"StringLike", "StringEquals", "StringEqualsIgnoreCase", "ArnLike"}).Draw(t, "operator")
		variables := rapid.Bool().Draw(t, "variables")
		ctx := awsiam.Context{"k:a": awsiam.One("b*"), "k:none": {}}
		c, err := awsiam.ParseCondition(op, "x:y", []string{source}, variables)
		if err != nil {
			t.Skip("unreadable")
		}
		text, err := readText(source, operatorOf(&c).wild, variables, ctx, func(string) bool { return true })
		if err != nil || text.hole != "" {
			t.Fatal(err)
		}
		p := pattern{text.tokens, operatorOf(&c).fold}
		if op == "ArnLike" {
			p.tokens = bySegment(p.tokens)
		}
		for range 20 {
			v := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "B", "*", ":", "É", "é", "b*", "a*", "arn:aws:s3:::", "$", "{"}), 0, 6).Draw(t, "value"), "")
			ctx["x:y"] = awsiam.One(v)
			got, want := !text.dead && p.match(v), awsiam.False
			if want, _ = c.Test(ctx); want != awsiam.Unknown && got != (want == awsiam.True) {
				t.Fatalf("%s %q on %q: %v, the evaluator %v", op, source, v, got, want)
			}
		}
	})
}
