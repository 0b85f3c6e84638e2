package secret

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// example is a text that a shape matches.
func (s *shape) example(d drawn) string {
	var b strings.Builder
	for _, st := range s.steps {
		most := st.max
		if most < 0 || most > st.min+3 {
			most = st.min + 3
		}
		var from []byte
		for c := byte(0x21); c < 0x7f; c++ {
			if st.set.has(c) && (isLetter(c) || isDigit(c)) {
				from = append(from, c)
			}
		}
		for c := byte(0x20); c < 0x7f && len(from) == 0; c++ {
			if st.set.has(c) {
				from = append(from, c)
			}
		}
		if len(from) == 0 {
			from = []byte{'\n'}
		}
		b.WriteString(d.text(string(from), st.min+d.Intn(most-st.min+1)))
	}
	return b.String()
}

// TestShapesMatchWhatTheExpressionMatches: on texts made from the shapes of
// every rule, and on the same with one byte changed.
func TestShapesMatchWhatTheExpressionMatches(t *testing.T) {
	rules, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	d := values(11)
	for _, r := range rules.rules {
		for _, f := range r.forms {
			if f.names != nil {
				continue
			}
			expr := regexp.MustCompile(`\A(?:` + strings.TrimSuffix(f.pattern.source, ending) + `)`)
			for i := range f.shapes {
				if s := &f.shapes[i]; s.exact {
					agree(t, r.id, expr, f.shapes, s.example(d), d)
				}
			}
		}
	}
}

func agree(t *testing.T, id string, expr *regexp.Regexp, shapes []shape, text string, d drawn) {
	t.Helper()
	if end, ok := longest(shapes, text); !ok || end != len(text) && expr.FindStringIndex(text)[1] != end {
		t.Errorf("%s: a text of %d bytes made from a shape matches up to %d", id, len(text), end)
	}
	for range 8 {
		changed := []byte(text)
		changed[d.Intn(len(changed))] = " ~-_aZ0"[d.Intn(7)]
		_, shaped := longest(shapes, string(changed))
		if all := exactly(shapes); all && shaped != expr.Match(changed) {
			t.Errorf("%s: shapes and expression differ on a text of %d bytes", id, len(changed))
		}
	}
}

func longest(shapes []shape, text string) (int, bool) {
	most, found := 0, false
	for i := range shapes {
		if end, _, _, ok := shapes[i].match([]byte(text), 0); ok {
			most, found = max(most, end), true
		}
	}
	return most, found
}

func exactly(shapes []shape) bool {
	for i := range shapes {
		if !shapes[i].exact {
			return false
		}
	}
	return true
}

// TestShapesNeverMissAMatch: what is not exact is what every match begins with.
func TestShapesNeverMissAMatch(t *testing.T) {
	exprs := []string{`ab(c|de)*f`, `[ab]{2,4}a`, `\bx?y+z{2}\b`, `a(?:b|c(?:d|e))f?`, `(?i)key-[0-9]{1,3}x`, `^a+b$`, `a[^b]+b`, `(a|ab)c`}
	rapid.Check(t, func(t *rapid.T) {
		expr := rapid.SampledFrom(exprs).Draw(t, "expr")
		text := rapid.StringMatching(`[abcdefxyzKkey0-9-]{0,12}`).Draw(t, "text")
		shapes, err := shapesOf(expr)
		if err != nil {
			t.Fatal(err)
		}
		want := regexp.MustCompile(`\A(?:` + expr + `)`).MatchString(text)
		if _, ok := longest(shapes, text); want && !ok {
			t.Fatalf("%q is missed by the shapes of %q", text, expr)
		} else if ok && !want && exactly(shapes) {
			t.Fatalf("%q is matched by the shapes of %q", text, expr)
		}
	})
}

func TestEntropyIsShannons(t *testing.T) {
	for text, want := range map[string]float64{"": 0, "aaaa": 0, "ab": 1, "abab": 1, "abcd": 2, "abcdefgh": 3} {
		if got := entropy([]byte(text)); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("%q has %v bits, want %v", text, got, want)
		}
	}
}
