package config

import (
	"strings"
	"testing"
)

func TestSinksThatCannotWorkStopTheStart(t *testing.T) {
	const good = "notify:\n  chat: {signingSecretFile: /s, users: [{user: U1, operator: dana}]}\n  sinks:\n" +
		"    - {name: hook, kind: webhook, url: https://h.example.com, secretFile: /s}\n" +
		"    - {name: mail, kind: mail, mail: {server: \"m:587\", from: w@example.com}}\n" +
		"    - {name: channel, kind: slack, urlFile: /u, buttons: true}\n"
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a sink without name":         {"name: hook", "name: \"\""},
		"two of one name":             {"name: mail", "name: hook"},
		"another kind":                {"kind: webhook", "kind: pigeon"},
		"a webhook without URL":       {"url: https://h.example.com", "caFile: /c"},
		"a URL twice":                 {"urlFile: /u", "urlFile: /u, url: https://x"},
		"a webhook without secret":    {", secretFile: /s}", "}"},
		"mail without server":         {"server: \"m:587\", ", ""},
		"mail without sender":         {", from: w@example.com", ""},
		"buttons without chat":        {"signingSecretFile: /s, ", ""},
		"buttons of a webhook":        {"secretFile: /s}", "secretFile: /s, buttons: true}"},
		"a user of chat without name": {"user: U1", "user: \"\""},
		"a user twice":                {"operator: dana}", "operator: dana}, {user: U1, operator: eve}"},
		"a console that is no URL":    {"notify:", "notify:\n  console: writ"},
		"an unknown field":            {"kind: mail,", "kind: mail, secret: hunter2,"},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if text == good {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
