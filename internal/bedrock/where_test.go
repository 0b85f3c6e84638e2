package bedrock

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPlacesHoldNoNamesOfTheCallers(t *testing.T) {
	for path, want := range map[string]string{
		"messages[0].content[12].text":                           "messages[0].content[12].text",
		"messages[1].content[0].toolUse.input.ssn":               "messages[1].content[0].toolUse.input.*",
		`messages[1].content[0].toolUse.input."card 5105.1051"`:  "messages[1].content[0].toolUse.input.*",
		`messages[0].content[0].toolUse.input.a[3][4]."b\".c".d`: "messages[0].content[0].toolUse.input.*[3][4].*.*",
		`input."cut off in the mid…`:                             "input.*",
		"0.text":                                                 "0.text",
		"choices.0.tool_calls.1.function.arguments":              "choices.0.tool_calls.1.function.arguments",
		`1.toolUse.input."name 5105"`:                            "1.toolUse.input.*",
		"input.5105":                                             "input.*",
		"header":                                                 "*",
		"":                                                       "",
	} {
		if got := Place(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// Whatever a member is called, what a record says of its place does not hold it.
func TestPlacesOfAnyNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := "input"
		for range rapid.IntRange(1, 4).Draw(t, "depth") {
			path = pathTo(path, "SECRET"+rapid.String().Draw(t, "name")+"SECRET")
		}
		if place := Place(path); strings.Contains(place, "SECRET") || !strings.HasPrefix(place, "input.*") {
			t.Errorf("%q becomes %q", path, place)
		}
	})
}
