package classifier

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func redactAll(c *Classifier, texts ...string) []string {
	parts := make([]Part, len(texts))
	for i, s := range texts {
		parts[i] = Part{Text: []byte(s)}
	}
	out := append([]string(nil), texts...)
	replaced, _ := NewRedactor().Redact(parts, c.Classify(parts, nil).Findings)
	for _, r := range replaced {
		out[r.Part] = string(r.Text)
	}
	return out
}

func TestTheSameValueGetsTheSamePlaceholder(t *testing.T) {
	got := redactAll(plain(t), "Card "+card+" or "+strings.ReplaceAll(card, " ", "-"), "and "+card, "not 4012888888881881", "write to "+mail)
	want := []string{
		"Card {CREDIT_DEBIT_CARD_NUMBER_1} or {CREDIT_DEBIT_CARD_NUMBER_1}", "and {CREDIT_DEBIT_CARD_NUMBER_1}",
		"not {CREDIT_DEBIT_CARD_NUMBER_2}", "write to {EMAIL_1}",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestWhatIsSentAgainIsReplacedAlike: a longer conversation begins with the
// same bytes, so that a prompt cache serves.
func TestWhatIsSentAgainIsReplacedAlike(t *testing.T) {
	c := plain(t)
	rapid.Check(t, func(t *rapid.T) {
		first := []string{fragments(t, "1"), fragments(t, "2")}
		then := append(first, "{EMAIL_7} was told by an answer", fragments(t, "3"))
		if d := cmp.Diff(redactAll(c, first...), redactAll(c, then...)[:2]); d != "" {
			t.Fatal(d)
		}
	})
}

// TestAPlaceholderThatIsThereIsNotGivenAgain: an answer brought it into the
// conversation for another value.
func TestAPlaceholderThatIsThereIsNotGivenAgain(t *testing.T) {
	got := redactAll(plain(t), "you said {EMAIL_3}, {NAME_x}, {NOBODY_9}", "mine is "+mail)
	if want := "mine is {EMAIL_4}"; got[1] != want {
		t.Errorf("%q", got)
	}
}

// TestWhatIsRedactedIsClean: read again, and redacted again where a placeholder
// lets something else be seen for what it is, nothing is left to replace.
func TestWhatIsRedactedIsClean(t *testing.T) {
	c := plain(t)
	rapid.Check(t, func(t *rapid.T) {
		text := fragments(t, "text")
		out := text
		for range 3 {
			out = redactAll(c, out)[0]
		}
		for _, f := range c.Text([]byte(out)).Findings {
			if Replaced(f.Finding) {
				t.Fatalf("%q became %q, where %+v is", text, out, f)
			}
		}
	})
}
