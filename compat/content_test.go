package compat

import (
	"strings"
	"testing"
)

// What is asked: each prompt tells the stand-in what to answer. The bars keep
// what the answer will hold out of the prompt.
const (
	card = "5105 1051 0510 5100"

	cleanQuestion = "How do I reset my router? [[say: Hold the button.]]"
	cardQuestion  = "My card " + card + " was charged twice. [[say: Card " + card + " is noted.]]"
	leakQuestion  = "Who is it? [[say: The social security number |is |5|36-|22-81|47.]]"

	beforeTheLeak = "The social security number is "
)

// content asks with and without a card number in the prompt, under a right that
// refuses it and under one that has it replaced, and for an answer that says
// what it may not. No client calls again (security S23).
func content(t *testing.T, c client, to Target) {
	front, arrived := counting(t, to.Runtime)
	to.Runtime = front
	ask := func(verb, question string, models ...string) []step {
		t.Helper()
		arrived.Store(0)
		got := c.run(t, verb, append(to.plain(models...), "COMPAT_QUESTION="+question, "AWS_MAX_ATTEMPTS=3"), nil)
		if n := int(arrived.Load()); n != len(got) {
			t.Errorf("%d calls took %d requests", len(got), n)
		}
		return got
	}
	for _, s := range c.atLeast(t, 1, ask("each", cleanQuestion, to.Model)) {
		if s.Text != "Hold the button." || s.Message != "" {
			t.Errorf("a clean prompt: %+v", s)
		}
	}
	with := c.atLeast(t, 2, ask("each", cardQuestion, to.Model, covered))
	for _, s := range with[:c.ways()] {
		c.checkRefused(t, s)
		s.checkNames(t, "payment_card")
	}
	// What the stand-in says is what it was sent.
	for _, s := range with[c.ways():] {
		if s.Text != "Card {CREDIT_DEBIT_CARD_NUMBER_1} is noted." || s.Message != "" {
			t.Errorf("redacted: %+v", s)
		}
	}
	leaking := one(t, ask("call", leakQuestion, to.Model))
	c.checkRefused(t, leaking)
	leaking.checkNames(t, "regulated_personal")
	if c.can("stream") {
		c.checkWithheld(t, one(t, ask("stream", leakQuestion, to.Model)))
	}
}

// atLeast wants a step for each way to ask each of so many models.
func (c client) atLeast(t *testing.T, models int, got []step) []step {
	t.Helper()
	if len(got) != models*c.ways() {
		t.Fatalf("got %d steps, want %d: %+v", len(got), models*c.ways(), got)
	}
	return got
}

// checkNames wants a message that names a class, and nothing that was found.
func (s step) checkNames(t *testing.T, class string) {
	t.Helper()
	if !strings.Contains(s.Message, class) || strings.Contains(s.Message, "5105 1051") || strings.Contains(s.Message, "22-81") {
		t.Errorf("%s: the message is %q, want the class %s", s.Step, s.Message, class)
	}
}

// checkWithheld wants text that stands before what may not leave, nothing of that, and
// then the client's own error.
func (c client) checkWithheld(t *testing.T, s step) {
	t.Helper()
	code := "ModelStreamErrorException"
	if c.bearerOnly {
		code = "AccessDeniedException"
	}
	if !strings.EqualFold(s.Error, code) || s.Class != c.cut || s.OriginalStatus != c.cutStatus {
		t.Errorf("withheld: got %s (%s) with original status %d, want %s (%s) with %d", s.Error, s.Class, s.OriginalStatus, code, c.cut, c.cutStatus)
	}
	if s.Text == "" || !strings.HasPrefix(beforeTheLeak, s.Text) || s.StopReason != "" {
		t.Errorf("withheld: got text %q and stop reason %q, want the beginning of %q and no end", s.Text, s.StopReason, beforeTheLeak)
	}
	s.checkNames(t, "regulated_personal")
}
