package glob

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func parseAll(patterns ...string) []Pattern {
	var out []Pattern
	for _, s := range patterns {
		out = append(out, Parse(s))
	}
	return out
}

// accepts returns which patterns match s, according to Match.
func accepts(patterns []Pattern, s string) Bits {
	var b Bits
	for i, p := range patterns {
		if p.Match(s) {
			b.Set(i)
		}
	}
	return b
}

// summary lists atoms as index,index:witness.
func summary(patterns []Pattern, atoms []Atom) []string {
	var out []string
	for _, a := range atoms {
		var members []string
		for i := range patterns {
			if a.Accepts.Has(i) {
				members = append(members, fmt.Sprint(i))
			}
		}
		out = append(out, strings.Join(members, ",")+":"+a.Witness)
	}
	return out
}

func TestAtomsAreTheClassesThatPatternsTellApart(t *testing.T) {
	wise, _ := SegmentWise("a:*:::*:*")
	for _, c := range []struct {
		name             string
		patterns, within []Pattern
		want             []string
	}{
		{"no pattern", nil, nil, []string{":x"}},
		{"literals", parseAll("b", "a", "b"), nil, []string{"0,2:b", "1:a", ":x"}},
		{"the empty string as a literal", parseAll(""), nil, []string{"0:", ":x"}},
		{"folded literals", []Pattern{Parse("Ab").Fold(), Parse("aB").Fold()}, nil, []string{"0,1:ab", ":x"}},
		{"everything", parseAll("*"), nil, []string{"0:"}},
		{"a literal of a wild pattern", parseAll("a*", "a"), nil, []string{":", "0,1:a", "0:ax"}},
		{"an order of witnesses", parseAll("?", "/", "b"), nil, []string{":", "0:x", "0,2:b", "0,1:/"}},
		{"a class that is empty", parseAll("a*", "ab*", "abc*"), nil, []string{":", "0:a", "0,1:ab", "0,1,2:abc"}},
		{"a folded pattern and a literal", []Pattern{Parse("a").Fold(), Parse("a")}, nil, []string{":", "0:A", "0,1:a"}},
		{"all cases are taken but one", []Pattern{Parse("k?").Fold(), Parse("k*"), Parse("K*")}, nil,
			[]string{":", "2:K", "1:k", "0,2:Kx", "0,1:kx", "0:\u212ax"}},
		{"segment-wise and whole", []Pattern{Parse("a:*:::*:*"), wise}, nil,
			[]string{":", "0,1:a:::::", "0:a::x::::"}},
		{"within", parseAll("a*", "*b"), parseAll("a?"), []string{"0:ax", "0,1:ab"}},
		{"within literals", parseAll("a*", "c"), parseAll("ab", "b"), []string{":b", "0:ab"}},
		{"within nothing else", parseAll("a", "b"), parseAll("a"), []string{"0:a"}},
		{"within everything", parseAll("a*"), parseAll("*"), []string{":", "0:a"}},
		{"bytes that are not UTF-8", parseAll("\xff*"), nil, []string{":", "0:\ufffd"}},
	} {
		atoms, err := Atoms(c.patterns, c.within, Limit{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d := cmp.Diff(c.want, summary(c.patterns, atoms)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestAtomsOfADomainLeaveOutWhatIsOutside(t *testing.T) {
	for _, c := range []struct {
		name     string
		patterns []Pattern
		domain   Domain
		want     []string
	}{
		{"without some", parseAll("a*", "*b"), Domain{Without: parseAll("?*x")}, []string{":", "0:a", "1:b", "0,1:ab"}},
		{"without a class", parseAll("a*", "b*"), Domain{Without: parseAll("b*")}, []string{":", "0:a"}},
		{"without a literal", parseAll("a", "b"), Domain{Without: parseAll("a")}, []string{":", "1:b"}},
		{"without two", parseAll("*"), Domain{Without: parseAll("", "?")}, []string{"0:xx"}},
		{"without the rest", parseAll("a"), Domain{Without: parseAll("?*")}, []string{":"}},
		{"within and without", parseAll("*b"), Domain{parseAll("a*"), parseAll("a", "*x*")}, []string{":az", "0:ab"}},
		{"without what is within", parseAll("*b"), Domain{parseAll("a?"), parseAll("a*")}, nil},
		{"without anything", parseAll("a"), Domain{Without: parseAll("*")}, nil},
		{"without the same in another case", parseAll("*"), Domain{parseAll("A", "a", "b"), []Pattern{Parse("a").Fold()}}, []string{"0:b"}},
	} {
		atoms, err := c.domain.Atoms(c.patterns, Limit{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d := cmp.Diff(c.want, summary(c.patterns, atoms)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestTheCharacterForAllOthersIsNamedByNoPattern(t *testing.T) {
	all := preferred + "àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþ"
	for n := range utf8.RuneCountInString(all) {
		p := Literal(string([]rune(all)[:n]))
		for _, p := range []Pattern{p, p.Fold()} {
			atoms, err := Atoms([]Pattern{p, Parse("?*")}, nil, Limit{})
			if err != nil || len(atoms) < 2 {
				t.Fatalf("%d letters: %v, %v", n, atoms, err)
			}
			for _, a := range atoms {
				if !a.Accepts.Equal(accepts([]Pattern{p, Parse("?*")}, a.Witness)) {
					t.Errorf("%d letters: the witness %q is of another class", n, a.Witness)
				}
			}
		}
	}
}

// has reports whether a string is in the domain, according to Match.
func (d Domain) has(s string) bool {
	return (len(d.Within) == 0 || accepts(d.Within, s).Count() > 0) && accepts(d.Without, s).Count() == 0
}

// checkAtoms reports what is wrong with atoms, given a sample of strings in
// which shorter ones come first: a witness of another class, a class that
// occurs twice or is missing, a witness that is not the shortest.
func checkAtoms(patterns []Pattern, d Domain, atoms []Atom, sample []string) error {
	byClass := map[string]Atom{}
	for _, a := range atoms {
		if !a.Accepts.Equal(accepts(patterns, a.Witness)) {
			return fmt.Errorf("the witness %q is of another class than %x", a.Witness, a.Accepts)
		}
		if !d.has(a.Witness) {
			return fmt.Errorf("the witness %q is outside the domain", a.Witness)
		}
		if _, twice := byClass[a.Accepts.Key()]; twice {
			return fmt.Errorf("the class %x occurs twice", a.Accepts)
		}
		byClass[a.Accepts.Key()] = a
	}
	wild := slices.ContainsFunc(patterns, Pattern.wild)
	for _, s := range sample {
		if !d.has(s) {
			continue
		}
		a, ok := byClass[accepts(patterns, s).Key()]
		if !ok {
			return fmt.Errorf("the class of %q is missing", s)
		}
		if wild && utf8.RuneCountInString(a.Witness) > utf8.RuneCountInString(s) {
			return fmt.Errorf("%q is shorter than the witness %q", s, a.Witness)
		}
	}
	return nil
}

// stringsUpTo returns all strings of at most n of the characters.
func stringsUpTo(n int, chars ...string) []string {
	out := []string{""}
	for first := 0; n > 0; n-- {
		last := len(out)
		for _, s := range out[first:last] {
			for _, c := range chars {
				out = append(out, s+c)
			}
		}
		first = last
	}
	return out
}

var anyPattern = rapid.Custom(func(t *rapid.T) Pattern {
	token := rapid.SampledFrom([]Token{'a', 'b', 'A', ':', Star, Star, One, StarInSegment, OneInSegment})
	p := Compile(rapid.SliceOfN(token, 0, 6).Draw(t, "tokens"))
	if rapid.IntRange(0, 3).Draw(t, "fold") == 0 {
		p = p.Fold()
	}
	return p
})

func TestAtomsAreThoseOfAllShortStrings(t *testing.T) {
	sample := stringsUpTo(5, "a", "b", "A", ":", "x")
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfN(anyPattern, 0, 4).Draw(t, "patterns")
		d := Domain{rapid.SliceOfN(anyPattern, 0, 4).Draw(t, "within"), rapid.SliceOfN(anyPattern, 0, 2).Draw(t, "without")}
		atoms, err := d.Atoms(patterns, Limit{})
		if err != nil {
			t.Fatal(err)
		}
		if err := checkAtoms(patterns, d, atoms, sample); err != nil {
			t.Fatal(err)
		}
	})
}

func TestGlobBombsEndInAtomsOrAnError(t *testing.T) {
	for _, c := range []struct {
		name     string
		patterns []string
		tooMany  bool
	}{
		{"many stars", []string{strings.Repeat("a*", 200) + "b"}, false},
		{"two of many stars", []string{strings.Repeat("a*", 200) + "b", strings.Repeat("*b", 200) + "a"}, false},
		{"subsets of positions", []string{"*a" + strings.Repeat("?", 40)}, true},
		{"many inner words", strings.Fields("*ab* *ba* *cd* *dc* *ef* *fe* *gh* *hg* *ij* *ji* *kl* *lk* *mn* *nm*"), true},
	} {
		atoms, err := Atoms(parseAll(c.patterns...), nil, Limit{})
		if errors.Is(err, ErrTooMany) != c.tooMany || (err == nil) == c.tooMany {
			t.Errorf("%s: %d atoms, error %v", c.name, len(atoms), err)
		}
		if err := checkAtoms(parseAll(c.patterns...), Domain{}, atoms, nil); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestLimitsGiveTooMany(t *testing.T) {
	var letters []string
	for r := rune(0x4e00); r < 0x4e00+maxSymbols; r++ {
		letters = append(letters, string(r))
	}
	for _, c := range []struct {
		name     string
		patterns []Pattern
		limit    Limit
	}{
		{"states", parseAll("abcdef*"), Limit{States: 6}},
		{"atoms", parseAll("a*", "b*"), Limit{Atoms: 2}},
		{"atoms of literals", parseAll("a", "b"), Limit{Atoms: 2}},
		{"memory, at once", parseAll(strings.Repeat("a", 1000) + "*"), Limit{States: 6}},
		{"memory, in states", parseAll("*a*", "*"+strings.Repeat("a?", 200)), Limit{States: 100}},
		{"characters", parseAll(letters...), Limit{}},
	} {
		if atoms, err := Atoms(c.patterns, nil, c.limit); !errors.Is(err, ErrTooMany) || atoms != nil {
			t.Errorf("%s: %d atoms, error %v", c.name, len(atoms), err)
		}
	}
	if atoms, err := Atoms(parseAll("a*", "b*"), nil, Limit{States: 4, Atoms: 3}); err != nil || len(atoms) != 3 {
		t.Errorf("just within the limits: %d atoms, error %v", len(atoms), err)
	}
}

func TestManyLiteralsBesideAWildPatternStayCheap(t *testing.T) {
	patterns := parseAll("arn:aws:bedrock:*::foundation-model/m-1*")
	for i := range 2000 {
		patterns = append(patterns, Literal(fmt.Sprintf("arn:aws:bedrock:us-east-1::foundation-model/m-%d", i)))
	}
	atoms, err := Atoms(patterns, nil, Limit{States: 20_000})
	if err != nil || len(atoms) != 2002 {
		t.Fatalf("%d atoms, error %v, want each literal and two more", len(atoms), err)
	}
	if err := checkAtoms(patterns, Domain{}, atoms, nil); err != nil {
		t.Error(err)
	}
}

func TestWithinKeepsTheSearchAwayFromTheRest(t *testing.T) {
	words := parseAll(strings.Fields("*ab* *ba* *cd* *dc* *ef* *fe* *gh* *hg* *ij* *ji* *kl* *lk* *mn* *nm*")...)
	atoms, err := Atoms(words, parseAll("x-abcd", "x-efgh?"), Limit{States: 100})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"0,2:x-abcd", "4,6:x-efghz", "4,6,7:x-efghg"}
	if d := cmp.Diff(want, summary(words, atoms)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestFormsOfADomainDoNotMultiplyTheStates(t *testing.T) {
	var within []Pattern
	for _, kind := range strings.Fields("a-model b-model c-model d-model e-model f-model g-model h-model i-model j-model") {
		within = append(within, Parse("arn:"+kind+"/?*"))
	}
	words := parseAll("*alpha*beta*", "*gamma*delta*", "arn:a*", "*mod*eps*")
	one, err := Atoms(words, within[:1], Limit{States: 200})
	if err != nil {
		t.Fatal(err)
	}
	all, err := Atoms(words, within, Limit{States: 400})
	if err != nil || len(all) != 2*len(one) {
		t.Fatalf("%d atoms, error %v, want twice the %d of one form", len(all), err, len(one))
	}
}
