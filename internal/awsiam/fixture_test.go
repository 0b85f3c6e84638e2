package awsiam

import (
	"strings"
	"testing"
)

// The cast of the tests.
const (
	home = "111122223333"
	away = "444455556666"

	bob     = "arn:aws:iam::111122223333:user/bob"
	app     = "arn:aws:iam::111122223333:role/app"
	session = "arn:aws:sts::111122223333:assumed-role/app/s1"
	root    = "arn:aws:iam::111122223333:root"
	guest   = "arn:aws:sts::111122223333:federated-user/guest"

	model = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"
)

func principal(t testing.TB, s string) Principal {
	t.Helper()
	p, err := ParsePrincipal(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// policy is a document of statements, which must have no problem.
func policy(t testing.TB, statements ...string) *Document {
	t.Helper()
	d, problems := Parse("policy", []byte(`{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`), Position{})
	if len(problems) > 0 {
		t.Fatalf("%v in %v", problems, statements)
	}
	return d
}

// odd is the first statement of a document that has problems, which say what.
func odd(t testing.TB, statement string, what ...string) *Statement {
	t.Helper()
	d, problems := Parse("odd", []byte(`{"Version":"2012-10-17","Statement":[`+statement+`]}`), Position{})
	if len(problems) != len(what) {
		t.Fatalf("problems %v, want %q, in %s", problems, what, statement)
	}
	for i, p := range problems {
		if !strings.Contains(p.Reason, what[i]) || p.Line != 1 || p.Column < 1 {
			t.Errorf("problem %+v, want %q", p, what[i])
		}
	}
	if len(d.Statements) != 1 {
		t.Fatalf("%d statements", len(d.Statements))
	}
	return &d.Statements[0]
}

// context reads "key=value" pairs; a value with | has several.
func context(pairs ...string) Context {
	c := Context{}
	for _, p := range pairs {
		key, value, _ := strings.Cut(p, "=")
		if strings.Contains(value, "|") {
			c.Set(key, Many(strings.Split(value, "|")...))
			continue
		}
		c.Set(key, One(value))
	}
	return c
}

const everything = `{"Effect":"Allow","Action":"*","Resource":"*"}`

// truths are written so in tables.
func (t Truth) String() string { return [...]string{"false", "unknown", "true"}[t] }
