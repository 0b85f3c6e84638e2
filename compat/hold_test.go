package compat

import (
	"regexp"
	"strings"
	"testing"
)

// Models of testdata/organisation.yaml whose tool calls wait for a person: one
// answers at once, the other once nobody has decided for a second.
const (
	pending    = "anthropic.claude-sonnet-4-20250514-v1:0"
	waits      = "anthropic.claude-3-7-sonnet-20250219-v1:0"
	ossPending = "openai.gpt-5.4"
	ossWaits   = "openai.gpt-5.5"
)

var whereItWaits = regexp.MustCompile(`writ\.hold=([0-9A-Za-z_-]+)`)

// held asks for a tool call that waits: the client gets an answer like any other,
// without the call, that says where it waits.
func held(t *testing.T, c client, to Target) {
	for _, model := range []string{pending, waits} {
		got := c.run(t, "tools", to.plain(model), nil)
		if len(got) != c.ways() {
			t.Fatalf("got %d steps, want %d: %+v", len(got), c.ways(), got)
		}
		for _, s := range got {
			if s.Error != "" || s.Tool != "" || s.ToolInput != nil || s.StopReason != "end_turn" {
				t.Errorf("%s, %s: got %+v, want an ordinary end and no tool call", model, s.Step, s)
			}
			if !whereItWaits.MatchString(s.Text) || strings.Contains(s.Text, "get_weather") {
				t.Errorf("%s, %s: says %q", model, s.Step, s.Text)
			}
		}
	}
}
