package glob

import (
	"errors"
	"strings"
	"testing"
)

func FuzzMatch(f *testing.F) {
	f.Add("a*b?c", "axxbyc", false, false)
	f.Add("arn:aws:bedrock:*::foundation-model/*", "arn:aws:bedrock:eu-west-1::foundation-model/m", false, true)
	f.Add("Inv\xff*k\u212a", "inv\xfeKK", true, false)
	f.Add("a*a*a*a*b", "aaaaaaaaaaaa", false, false)
	f.Fuzz(func(t *testing.T, pattern, s string, folded, bySegment bool) {
		p := Parse(pattern)
		if wise, ok := p.SegmentWise(); ok && bySegment {
			p = wise
		}
		want := oracle(p.tokens, folded)
		if folded {
			p = p.Fold()
		}
		if got := p.Match(s); got != want(s) {
			t.Fatalf("%q (folded: %v, segment-wise: %v) matches %q: %v", pattern, folded, bySegment, s, got)
		}
		if only, ok := p.IsLiteral(); ok && p.Match(s) != (s == only) {
			t.Fatalf("%q is literal, but %q matches", pattern, s)
		}
	})
}

// FuzzAtoms reads patterns line by line; one that begins with ~ is folded, with
// % segment-wise, with > one of those within, and with < one of those without.
func FuzzAtoms(f *testing.F) {
	f.Add("a*\n*b\n~aB?\n>?*", "ab")
	f.Add("%a:*:*:*:*:*\na:*", "a:::b:::")
	f.Add("*a???\n\xff*\nab", "\xff")
	f.Add("a*\n>a?*\n>b?*\n>%a:*:*:*:*:*\n<*aa\n<~ab*", "aab")
	f.Fuzz(func(t *testing.T, lines, s string) {
		patterns, d := readLines(lines)
		atoms, err := d.Atoms(patterns, Limit{States: 5000, Atoms: 500})
		if err != nil {
			if !errors.Is(err, ErrTooMany) || atoms != nil {
				t.Fatalf("%d atoms, error %v", len(atoms), err)
			}
			return
		}
		if err := checkAtoms(patterns, d, atoms, []string{s}); err != nil {
			t.Fatalf("%q: %v", lines, err)
		}
	})
}

func readLines(lines string) (patterns []Pattern, d Domain) {
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		line, inside := strings.CutPrefix(line, ">")
		line, outside := strings.CutPrefix(line, "<")
		line, bySegment := strings.CutPrefix(line, "%")
		line, folded := strings.CutPrefix(line, "~")
		p := Parse(line)
		if wise, ok := p.SegmentWise(); ok && bySegment {
			p = wise
		}
		if folded {
			p = p.Fold()
		}
		switch {
		case inside:
			d.Within = append(d.Within, p)
		case outside:
			d.Without = append(d.Without, p)
		default:
			patterns = append(patterns, p)
		}
	}
	return patterns, d
}
