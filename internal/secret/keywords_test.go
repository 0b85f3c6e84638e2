package secret

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type place struct {
	word string
	end  int
}

func byAutomaton(k *keywords, words []string, text string) []place {
	var out []place
	at := uint32(0)
	for i := range len(text) {
		at = k.step(at, text[i])
		if at&1 == 0 {
			continue
		}
		for state := k.state(at); state != 0; state = k.suffix[state] {
			for w := k.first[state]; w != 0; w = k.chain[w-1] {
				out = append(out, place{words[w-1], i + 1})
			}
		}
	}
	return out
}

func byHand(words []string, text string) []place {
	var out []place
	low := strings.ToLower(text)
	for end := 1; end <= len(text); end++ {
		for _, w := range words {
			if strings.HasSuffix(low[:end], w) {
				out = append(out, place{w, end})
			}
		}
	}
	return out
}

func ordered(p []place) []place {
	slices.SortFunc(p, func(a, b place) int {
		if a.end != b.end {
			return a.end - b.end
		}
		return strings.Compare(a.word, b.word)
	})
	return p
}

// TestKeywordsAreAllFound: every word, wherever it is, overlapping others or
// inside them, in whatever case.
func TestKeywordsAreAllFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab_ñ]{1,4}`), 1, 8, rapid.ID[string]).Draw(t, "words")
		text := rapid.StringMatching(`[abAB_ñc ]{0,40}`).Draw(t, "text")
		got := ordered(byAutomaton(newKeywords(words), words, text))
		if d := cmp.Diff(ordered(byHand(words, text)), got, cmp.AllowUnexported(place{})); d != "" {
			t.Fatal(d)
		}
	})
}
