package compat

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/clients.md")

const document = "../docs/clients.md"

const heading = `# Clients

These clients are driven, unmodified, against a whole gateway and against the
stand-in for Bedrock behind it. ` + "`go test ./compat -update`" + ` writes this page from what
the tests there assert.

`

const notes = `
Exceptions are the classes that a caller catches. boto3 has one for everything in
mid-stream; ` + "`error.response[\"Error\"][\"Code\"]`" + ` tells them apart.

A stream is cut when the right behind it ends. It ends in a
` + "`modelStreamErrorException`" + `, the one exception of a stream that no SDK retries
and that carries another's status; throttling and unavailability would be tried,
and paid for, again. A refused call takes one request, though the SDK may retry.
`

// row is a line of the table: one cell for each client.
type row struct {
	title string
	cell  func(client) string
}

func yes(client) string { return "yes" }

func class(pick func(client) string) func(client) string {
	return func(c client) string { return "`" + strings.TrimPrefix(pick(c), "*") + "`" }
}

// table is what the scenarios found. A row of plain yes is a scenario that
// every client passes.
func table(t *testing.T) []row {
	driven := map[string]string{"go": goVersion(t), "js": jsVersion(t), python: oldestBoto3 + " or newer"}
	return []row{
		{"version", func(c client) string { return driven[c.name] }},
		{"speaks to `http://`", func(c client) string { return c.plain }},
		{"speaks to `https://`", func(c client) string { return c.secure }},
		{"Converse, InvokeModel, and their streams", yes},
		{"tools, whole and streamed", yes},
		{"OIDC token, exchanged and renewed at the STS endpoint", yes},
		{"the same, both endpoints over `https://`", yes},
		{"session keys in the environment", yes},
		{"profile with `credential_process`", yes},
		{"bearer token over `https://`", yes},
		{"bearer token over `http://`", func(c client) string {
			if c.bearerOverTLS {
				return "refused by the SDK"
			}
			return "yes"
		}},
		{"`sts:GetCallerIdentity`", yes},
		{"refused: status 403", class(func(c client) string { return c.refused })},
		{"throttled by Bedrock in mid-stream", class(func(c client) string { return c.broken })},
		{"cut by Writ in mid-stream", class(func(c client) string { return c.cut })},
		{"`originalStatusCode` of the cut", func(c client) string {
			if c.cutStatus == 0 {
				return "not shown"
			}
			return fmt.Sprint(c.cutStatus)
		}},
	}
}

func TestClientsDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString(heading + "| |")
	for _, c := range clients {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(clients)) + "\n")
	for _, r := range table(t) {
		b.WriteString("| " + r.title + " |")
		for _, c := range clients {
			b.WriteString(" " + r.cell(c) + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString(notes)
	if *update {
		if err := os.WriteFile(document, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("docs/clients.md is not what the tests assert; run them with -update (-want +got):\n%s", diff)
	}
}

var goModule = regexp.MustCompile(`service/bedrockruntime v(\S+)`)

func goVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("go/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	match := goModule.FindSubmatch(text)
	if match == nil {
		t.Fatal("go/go.mod does not require the SDK")
	}
	return string(match[1])
}

func jsVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("js/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Dependencies map[string]string }
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	return manifest.Dependencies["@aws-sdk/client-bedrock-runtime"]
}
