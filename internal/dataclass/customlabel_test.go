package dataclass

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func falcon(change func(*CustomLabel)) *CustomLabel {
	c := &CustomLabel{ID: "project-falcon", Level: "restricted", Regulated: true, Words: []string{"Project Falcon", "żółw"}, Patterns: []string{`\bF-[0-9]{4}\b`}}
	change(c)
	return c
}

func TestCustomLabelValidate(t *testing.T) {
	many := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("w%d", i))
		}
		return out
	}
	for name, tc := range map[string]struct {
		change func(*CustomLabel)
		want   string // in the error; empty: it is valid
	}{
		"as it is":         {func(*CustomLabel) {}, ""},
		"words alone":      {func(c *CustomLabel) { c.Patterns, c.Level = nil, "" }, ""},
		"patterns alone":   {func(c *CustomLabel) { c.Words = nil }, ""},
		"most words":       {func(c *CustomLabel) { c.Words = many(2000) }, ""},
		"nothing":          {func(c *CustomLabel) { c.Words, c.Patterns = nil, nil }, "at least one"},
		"a name":           {func(c *CustomLabel) { c.ID = "Falcon" }, "name"},
		"a name with dots": {func(c *CustomLabel) { c.ID = "a.b" }, "name"},
		"a level":          {func(c *CustomLabel) { c.Level = "secret" }, "level"},
		"too many words":   {func(c *CustomLabel) { c.Words = many(2001) }, "at most 2000"},
		"too many":         {func(c *CustomLabel) { c.Patterns = many(51) }, "at most 50"},
		"a long word":      {func(c *CustomLabel) { c.Words = []string{strings.Repeat("x", 513)} }, "words[0]"},
		"a long pattern":   {func(c *CustomLabel) { c.Patterns = []string{strings.Repeat("x", 513)} }, "patterns[0]"},
		"an empty word":    {func(c *CustomLabel) { c.Words = append(c.Words, "") }, "words[2]"},
		"a spaced word":    {func(c *CustomLabel) { c.Words = []string{" x"} }, "words[0]"},
		"a word of lines":  {func(c *CustomLabel) { c.Words = []string{"a\nb"} }, "words[0]"},
		"no UTF-8":         {func(c *CustomLabel) { c.Words = []string{"a\xff"} }, "words[0]"},
		"a word twice":     {func(c *CustomLabel) { c.Words = []string{"x", "x"} }, "twice"},
		"no pattern":       {func(c *CustomLabel) { c.Patterns = []string{"("} }, "patterns[0]: it is not a pattern"},
		"looking back":     {func(c *CustomLabel) { c.Patterns = []string{`(?<=a)b`} }, "patterns[0]"},
		"a reference":      {func(c *CustomLabel) { c.Patterns = []string{`(a)\1`} }, "patterns[0]"},
		"many repeats":     {func(c *CustomLabel) { c.Patterns = []string{`a{1001}`} }, "patterns[0]"},
		"too large":        {func(c *CustomLabel) { c.Patterns = []string{`(a{500}){500}`} }, "patterns[0]"},
		"matches nothing":  {func(c *CustomLabel) { c.Patterns = []string{`x*`} }, "everything"},
	} {
		c := falcon(tc.change)
		err := c.Validate()
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "Falcon") && name != "a name" {
			t.Errorf("%s: a word is repeated: %v", name, err)
		}
	}
	if c := falcon(func(*CustomLabel) {}); c.Class() != "custom:project-falcon" || c.Sensitivity() != Restricted || (&CustomLabel{}).Sensitivity() != Confidential {
		t.Errorf("%s, %s", c.Class(), c.Sensitivity())
	}
}

func TestALabelIsWithinOneThatOnlyAdds(t *testing.T) {
	was := falcon(func(c *CustomLabel) { c.Level, c.Regulated = "internal", false })
	for name, tc := range map[string]struct {
		change func(*CustomLabel)
		want   bool
	}{
		"the same":      {func(*CustomLabel) {}, true},
		"a word more":   {func(c *CustomLabel) { c.Words = append(c.Words, "osprey") }, true},
		"another order": {func(c *CustomLabel) { c.Words = []string{"żółw", "Project Falcon"} }, true},
		"a level up":    {func(c *CustomLabel) { c.Level = "confidential" }, true},
		"regulated":     {func(c *CustomLabel) { c.Regulated = true }, true},
		"a title":       {func(c *CustomLabel) { c.Title = "x" }, true},
		"a word less":   {func(c *CustomLabel) { c.Words = c.Words[:1] }, false},
		"no patterns":   {func(c *CustomLabel) { c.Patterns = nil }, false},
		"a level down":  {func(c *CustomLabel) { c.Level = "public" }, false},
		"in its case":   {func(c *CustomLabel) { c.CaseSensitive = true }, false},
	} {
		now := falcon(func(c *CustomLabel) { c.Level, c.Regulated = "internal", false; tc.change(c) })
		if got := was.Within(now); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if was.Within(nil) {
		t.Error("within nothing")
	}
	sensitive := falcon(func(c *CustomLabel) { c.CaseSensitive = true })
	if sensitive.Within(falcon(func(*CustomLabel) {})) {
		t.Error("a pattern that excludes a letter may take less in any case")
	}
}

// TestValidLabelsNeverPanic: whatever is written into one.
func TestValidLabelsNeverPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &CustomLabel{ID: rapid.String().Draw(t, "id"), Level: rapid.String().Draw(t, "level"), Words: rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "words"), Patterns: rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "patterns")}
		if err := c.Validate(); err == nil {
			if _, err := ParseClass(string(c.Class())); err != nil || !c.Within(c) {
				t.Fatalf("%+v: %v", c, err)
			}
		}
	})
}
