package classifier

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/writ-project/writ/internal/dataclass"
)

func TestWhatIsRememberedIsWhatWasRead(t *testing.T) {
	c, m := plain(t), NewMemory(8)
	filler := strings.Repeat("Nothing is said here that matters to anyone. ", 10)
	parts := []Part{{Text: []byte(filler + "card " + card)}, {Text: []byte(filler), Field: "note"}, {Text: []byte("short " + ssn)}}
	first := c.Classify(parts, m.Of("s1"))
	if n := m.order.Len(); n != 2 {
		t.Fatalf("%d texts are remembered, want the two long ones", n)
	}
	again := c.Classify(parts, m.Of("s1"))
	if d := cmp.Diff(first, again, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	// The same text elsewhere in the conversation is found there.
	moved := c.Classify([]Part{{Text: []byte("x")}, parts[0]}, m.Of("s1"))
	if len(moved.Findings) != 1 || moved.Findings[0].Part != 1 {
		t.Errorf("%+v", moved.Findings)
	}
}

// TestSessionsDoNotShareAMemory: nor do classifiers, or fields.
func TestSessionsDoNotShareAMemory(t *testing.T) {
	c, m := plain(t), NewMemory(100)
	other := plain(t, dataclass.CustomLabel{ID: "x", Words: []string{"falcon"}})
	p := Part{Text: []byte(strings.Repeat("falcon ", 100))}
	c.Classify([]Part{p}, m.Of("s1"))
	c.Classify([]Part{p}, m.Of("s2"))
	if r := other.Classify([]Part{p}, m.Of("s1")); len(r.Label.Classes) != 1 {
		t.Errorf("%+v", r.Label)
	}
	named := p
	named.Field = "ssn"
	c.Classify([]Part{named}, m.Of("s1"))
	if n := m.order.Len(); n != 4 {
		t.Errorf("%d are remembered, want 4", n)
	}
}

func TestAMemoryIsBounded(t *testing.T) {
	c, m := plain(t), NewMemory(3)
	for i := range 10 {
		c.Classify([]Part{{Text: []byte(fmt.Sprintf("%d %s", i, strings.Repeat("word ", 100)))}}, m.Of("s"))
	}
	if m.order.Len() != 3 || len(m.by) != 3 {
		t.Errorf("%d, %d are remembered", m.order.Len(), len(m.by))
	}
}
