package personal

import (
	"testing"
	"unicode"
)

// TestLettersAreWhatUnicodeSays: the shortcuts know every character.
func TestLettersAreWhatUnicodeSays(t *testing.T) {
	for r := range rune(unicode.MaxRune + 1) {
		accent := r >= 0x300 && r < 0x370
		l := alphabets().of(r)
		if l.goesOn != (accent || unicode.IsLetter(r)) || l.upper != unicode.IsUpper(r) {
			t.Fatalf("%U: %+v", r, l)
		}
		if lower := alphabets().of(unicode.ToLower(r)); l.goesOn && lower.folded != l.folded {
			t.Errorf("%U is looked up by its case", r)
		}
	}
}

// TestACapitalIsSeenInEveryScript.
func TestACapitalIsSeenInEveryScript(t *testing.T) {
	s := &scanner{letters: alphabets()}
	for r := range rune(0x20000) {
		if text := []byte("lower 漢字 " + string(r) + " и"); s.hasCapital(text) != unicode.IsUpper(r) {
			t.Fatalf("%U: %v", r, s.hasCapital(text))
		}
	}
}
