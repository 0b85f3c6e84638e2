package config

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	c, err := Parse([]byte("account: \"111122223333\"\nregions: [us-west-2]\nhosts: [writ.example.com, 192.0.2.80, \"2001:db8::7\"]\nlimits: {freshness: 10s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.AllRegions(); len(got) != 2 || got[0] != "us-east-1" || c.Limits.BodyMB != 25 {
		t.Fatalf("got %+v", c)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"listn: x":                          "listn",
		"account: abc":                      "12 digits",
		"region: \"us-east-1.evil.test/\"":  "region",
		"tls: {cert: a.pem}":                "go together",
		"hosts: [\"https://writ.example\"]": "hosts",
		"hosts: [\"writ.example:8080\"]":    "hosts",
		"hosts: [\"*.example\"]":            "hosts",
		"hosts: [0.0.0.0]":                  "hosts",
		"limits: {bodyMB: 100}":             "bodyMB",
		"limits: {freshness: 1h}":           "freshness",
		"account: \"1\"\naccount: \"2\"":    "account",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error about %s", text, err, want)
		}
	}
}

func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:8080": true, "[::1]:0": true, "localhost:1": true, "127.9.9.9:1": true, "[::ffff:127.0.0.1]:1": true,
		":8080": false, "0.0.0.0:8080": false, "192.0.2.1:80": false, "example.com:80": false, "127.0.0.1": false,
	} {
		if Loopback(addr) != want {
			t.Errorf("%s: got %v", addr, !want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("account: \"111122223333\""))
	f.Add([]byte("limits: {bodyMB: 1e9}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err == nil && c.Validate() != nil {
			t.Fatal("an invalid configuration was accepted")
		}
	})
}
