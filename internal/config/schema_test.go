package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// go test ./internal/config -update writes what is derived from reference.yaml
// and the Config type: the block in docs/operate.md and docs/config.schema.json.
var update = flag.Bool("update", false, "write the schema and the manual's block anew")

var (
	manualFile = filepath.Join("..", "..", "docs", "operate.md")
	schemaFile = filepath.Join("..", "..", "docs", "config.schema.json")
)

func TestTheManualIsTheReference(t *testing.T) {
	text, err := os.ReadFile(manualFile)
	if err != nil {
		t.Fatal(err)
	}
	at := manualBlock.FindSubmatchIndex(text)
	if at == nil {
		t.Fatal("docs/operate.md has no configuration block")
	}
	if *update {
		text = bytes.Join([][]byte{text[:at[2]], []byte(Reference), text[at[3]:]}, nil)
		if err := os.WriteFile(manualFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text[at[2]:at[3]]) != Reference {
		t.Error("docs/operate.md and reference.yaml differ: go test ./internal/config -update")
	}
}

func TestTheSchemaFileIsTheSchema(t *testing.T) {
	want, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(schemaFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/config.schema.json is not what the type says (%v): go test ./internal/config -update", err)
	}
}

// compiled is the schema as an independent implementation reads it.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%q is no YAML: %v", text, err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestTheReferenceAndTheExamplesConform(t *testing.T) {
	s := compiled(t)
	texts := map[string]string{"the reference": Reference}
	for _, pattern := range []string{"deploy/*/writ.yaml", "docs/examples/config*.yaml"} {
		files, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			texts[f] = string(text)
		}
	}
	for name, text := range texts {
		if err := valid(t, s, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Parse([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const (
	keyA = "ann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
	keyB = "bob+530daac0+AVk+Y3AmQWOHpsWrPvRHWfk9Y5pdUJC3DhWg6KkJrLrA"
)

// TestSchemaAndParseAgree: what one refuses the other refuses, except where
// the schema's language cannot say it.
func TestSchemaAndParseAgree(t *testing.T) {
	s := compiled(t)
	for text, want := range map[string]struct{ parse, schema bool }{
		"account: \"111122223333\"":         {true, true},
		"listen: 127.0.0.1:1":               {true, true},
		"limits: {freshness: 1m30s}":        {true, true},
		"drain: {delay: 0s, within: 1h}":    {true, true},
		"tls: {cert: a, key: b}":            {true, true},
		"log: {strict: true, reserveMB: 0}": {true, true},
		"listn: x":                          {false, false},
		"store: {dsnFile: x}\nreplica: {name: eu-1, lease: 2s}\nkek: /k": {true, true},
		"replica: {name: eu-1}":                              {false, true},
		"store: {dsnFile: x}\nreplica: {name: Eu/1}":         {false, false},
		"replica: {lease: 0s}":                               {false, true},
		"replica: {lease: 1h}":                               {false, true},
		"limits: {strangers: {failure: 1}}":                  {false, false},
		"account: \"12345\"":                                 {false, false},
		"account: abc":                                       {false, false},
		"region: mars":                                       {false, false},
		"regions: [us-east-1, \"x/y\"]":                      {false, false},
		"regions: us-east-1":                                 {false, false},
		"partition: aws-mars":                                {false, false},
		"tls: {cert: a}":                                     {false, false},
		"tls: {front: maybe}":                                {false, false},
		"limits: {bodyMB: 26}":                               {false, false},
		"limits: {bodyMB: 0}":                                {false, false},
		"limits: {bodyMB: many}":                             {false, false},
		"limits: {freshness: soon}":                          {false, false},
		"limits: {connections: 0}":                           {false, false},
		"limits: {strangers: {failures: -1}}":                {false, false},
		"limits: {strangers: {proofs: 1000000000}}":          {false, false},
		"log: {reserveMB: -1}":                               {false, false},
		"drain: {delay: -1s}":                                {false, false},
		"observe: {approvers: [" + keyA + "]}":               {false, false},
		"observe: {approvers: [x, y]}":                       {false, false},
		"observe: {approvers: [" + keyA + ", " + keyA + "]}": {false, false},
		"account: \"111122223333\"\nhosts: [writ.example.com, 10.0.0.1, \"fd00::1\"]": {true, true},
		"hosts: [\"*.example.com\"]":            {false, false},
		"hosts: [\"https://writ.example.com\"]": {false, false},
		"hosts: [\"writ.example.com:8080\"]":    {false, false},
		"account: \"111122223333\"\nupstream: {accounts: [{account: \"444455556666\", assumeRole: \"arn:aws:iam::444455556666:role/r\", perGrant: false}]}":  {true, true},
		"account: \"111122223333\"\nupstream: {accounts: [{account: \"444455556666\", assumeRole: \"arn:aws:iam::444455556666:role/r\", regions: [mars]}]}":  {false, false},
		"account: \"111122223333\"\nupstream: {accounts: [{account: \"444455556666\", assumeRole: \"arn:aws:iam::444455556666:role/r\", perGrants: false}]}": {false, false},
		"account: \"111122223333\"\nupstream: {accounts: [{account: \"444455556666\", assumeRole: \"arn:aws:iam::444455556666:role/r\", perGrant: maybe}]}":  {false, false},
		"upstream: {accounts: [{account: \"444455556666\"}]}":                                           {false, false},
		"upstream: {accounts: [{account: \"4444\", assumeRole: \"arn:aws:iam::444455556666:role/r\"}]}": {false, false},
		"upstream: {assumeRole: gateway}":                                                               {false, false},
		"upstream: {assumeRole: \"arn:aws:iam::444455556666:user/r\"}":                                  {false, false},
		// Bounds of durations and of one field against another.
		"limits: {freshness: 1h}":                          {false, true},
		"drain: {within: 2h}":                              {false, true},
		"drain: {delay: 1h}":                               {false, true},
		"limits: {inFlightMB: 1}":                          {false, true},
		"limits: {connections: 10, sourceConnections: 11}": {false, true},
		"account: \"111122223333\"\nupstream: {assumeRole: \"arn:aws:iam::444455556666:role/r\"}":                                                                {false, true},
		"account: \"444455556666\"\nupstream: {accounts: [{account: \"444455556666\", assumeRole: \"arn:aws:iam::444455556666:role/r\"}]}":                       {false, true},
		"account: \"111122223333\"\nupstream: {accounts: [{account: \"444455556666\", assumeRole: \"arn:aws:iam::444455556666:role/r\", regions: [eu-west-1]}]}": {false, true},
		"limits: {strangers: {unprovenMB: 1}}": {false, true},
	} {
		_, err := Parse([]byte(text))
		if (err == nil) != want.parse {
			t.Errorf("%s: Parse says %v", text, err)
		}
		if err := valid(t, s, text); (err == nil) != want.schema {
			t.Errorf("%s: the schema says %v", text, err)
		}
	}
}

func TestEveryFieldIsDescribed(t *testing.T) {
	var schema map[string]any
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, of map[string]any)
	walk = func(path string, of map[string]any) {
		fields, ok := of["properties"].(map[string]any)
		if items, list := of["items"].(map[string]any); list && items["properties"] != nil {
			walk(path+"[]", items)
		}
		if !ok {
			if d, _ := of["description"].(string); len(strings.TrimSpace(d)) < 20 {
				t.Errorf("%s is described as %q", path, d)
			}
			return
		}
		for name, f := range fields {
			walk(strings.TrimPrefix(path+"."+name, "."), f.(map[string]any))
		}
	}
	walk("", schema)
}
