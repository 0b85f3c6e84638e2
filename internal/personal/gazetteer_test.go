package personal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestListsAreAsTheTableNeedsThem: sorted, without repetition, case or accents.
func TestListsAreAsTheTableNeedsThem(t *testing.T) {
	for name, text := range map[string]string{"given": givenText, "surnames": surnameText, "words": wordText, "places": placeText} {
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if !strings.HasSuffix(text, "\n") || !slices.IsSorted(lines) || len(slices.Compact(slices.Clone(lines))) != len(lines) {
			t.Errorf("%s: not one word a line, sorted and unique", name)
		}
		for _, l := range lines {
			if l == "" || l != strings.ToLower(l) || hashOf(l) != plainHash(l) {
				t.Errorf("%s: %q has case or accents", name, l)
			}
		}
	}
}

// plainHash is the hash of a word's bytes as they are.
func plainHash(s string) hash {
	h := newHash()
	for i := range len(s) {
		h = h.add(s[i])
	}
	return h
}

func TestMarks(t *testing.T) {
	tests := []struct {
		word string
		want mark
	}{
		{"katarzyna", given}, {"KATARZYNA", given}, {"Mark", given | surname | word}, {"okonkwo", surname}, {"Øyvind", given}, {"table", word}, {"toronto", place}, {"qxzvkj", 0},
	}
	for _, tt := range tests {
		if got := names().marks(hashOf(tt.word)); got != tt.want {
			t.Errorf("%s: marks %04b, want %04b", tt.word, got, tt.want)
		}
	}
	if names().marks(hashOf("san").join(hashOf("francisco")))&place == 0 {
		t.Error("San Francisco is no place")
	}
}

// TestOtherWordsAreInNoList: fingerprints take hardly a word for another.
func TestOtherWordsAreInNoList(t *testing.T) {
	wrong := 0
	for i := range 300_000 {
		if names().marks(hashOf(fmt.Sprintf("zq%dx", i))) != 0 {
			wrong++
		}
	}
	if wrong > 1 {
		t.Fatalf("%d of 300,000 made-up words are in a list", wrong)
	}
}

func TestLetters(t *testing.T) {
	for a, b := range map[string]string{
		"Łódź": "lodz", "MÜLLER": "muller", "Straße": "strasse", "Þórdís": "thordis", "Æsa": "aesa", "Nguyễn": "nguyen", "İbrahim": "ibrahim",
		"D’Angelo": "d'angelo", "ANNA\u0301": "anna", "ИВАНОВ": "иванов", "Șerban": "serban", "Đorđe": "dorde",
	} {
		if hashOf(a) != plainHash(b) {
			t.Errorf("%s is not looked up as %s", a, b)
		}
	}
}

// TestEveryRoleIsKnown: a line of the lexicon with a role that no code knows
// would be dropped in silence.
func TestEveryRoleIsKnown(t *testing.T) {
	for _, text := range []string{lexiconText, healthText, moneyText} {
		for line := range strings.Lines(text) {
			if name, _, ok := strings.Cut(line, "\t"); line[0] != '#' && (!ok || roleNames[name] == 0) {
				t.Errorf("no role: %.40q", line)
			}
		}
	}
	used := make(map[role]bool)
	for _, r := range roleNames {
		if used[r] {
			t.Errorf("two names for role %b", r)
		}
		used[r] = true
	}
}

func TestLexiconHasRoom(t *testing.T) {
	n := 0
	for _, l := range roles().slots {
		if l.key != 0 {
			n++
		}
	}
	if n*4 > len(roles().slots)*3 {
		t.Fatalf("%d of %d slots are used: make it larger", n, len(roles().slots))
	}
}

func TestKeySetStopsWhenFull(t *testing.T) {
	var k keySet
	for i := range 1000 {
		k.add(hashOf(fmt.Sprint("k", i)))
	}
	if !k.has(hashOf("k0")) || k.has(hashOf("k999")) || k.n != 192 {
		t.Fatalf("%d keys", k.n)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		g := new(gazetteer)
		g.addLines(givenText, given)
		g.addLines(surnameText, surname)
		g.addLines(wordText, word)
		g.addLines(placeText, place)
	}
}
