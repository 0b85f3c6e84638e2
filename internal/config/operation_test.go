package config

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func approver(t *testing.T, name string) string {
	t.Helper()
	_, v, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestObserveTakesTwoPeople: nobody, or two different people at least.
func TestObserveTakesTwoPeople(t *testing.T) {
	ann, bob := approver(t, "ann"), approver(t, "bob")
	again, err := note.NewVerifier(ann)
	if err != nil {
		t.Fatal(err)
	}
	renamed := renamedKey(t, ann, "ann-again")
	for name, c := range map[string]struct {
		approvers []string
		ok        bool
	}{
		"nobody":                   {nil, true},
		"two":                      {[]string{ann, bob}, true},
		"one":                      {[]string{ann}, false},
		"one twice":                {[]string{ann, ann}, false},
		"one name with two keys":   {[]string{ann, approver(t, again.Name())}, false},
		"one key under two names":  {[]string{ann, renamed}, false},
		"two, and one of them new": {[]string{ann, bob, renamed}, false},
		"no key":                   {[]string{ann, "bob"}, false},
	} {
		text := fmt.Sprintf("observe: {approvers: [%s]}", strings.Join(quoted(c.approvers), ", "))
		if _, err := Parse([]byte(text)); (err == nil) != c.ok {
			t.Errorf("%s: got %v", name, err)
		}
		if c.ok {
			if err := valid(t, compiled(t), text); err != nil {
				t.Errorf("%s: the schema says %v", name, err)
			}
		}
	}
}

// renamedKey is the same public key under another name, with the hash that
// goes with it.
func renamedKey(t *testing.T, verifier, name string) string {
	t.Helper()
	key, err := publicKey(verifier)
	if err != nil {
		t.Fatal(err)
	}
	out, err := note.NewEd25519VerifierKey(name, []byte(key[1:]))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func quoted(in []string) (out []string) {
	for _, s := range in {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return out
}
