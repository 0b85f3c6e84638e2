package certificate

import (
	"reflect"
	"testing"

	"github.com/writ-project/writ/internal/awsiam"
)

// likeness is what of a statement its decisions rest on.
func likeness(s awsiam.Statement) awsiam.Statement {
	s.Position = awsiam.Position{}
	for _, why := range []*string{&s.Doubts.Effect, &s.Doubts.Action, &s.Doubts.Resource, &s.Doubts.Principal, &s.Doubts.Condition} {
		if *why != "" {
			*why = "doubt"
		}
	}
	if s.Doubts.Principal != "" {
		s.Principal = nil
	}
	if len(s.Actions) == 0 {
		s.Actions = nil
	}
	if len(s.Resources) == 0 {
		s.Resources = nil
	}
	return s
}

var documents = []string{
	`{"Version":"2012-10-17","Statement":{"Sid":"a","Effect":"Allow","Action":"bedrock:*","Resource":"*"}}`,
	`{"Statement":[{"Effect":"Deny","NotAction":["s3:*","iam:Get?"],"NotResource":"arn:aws:s3:::${aws:username}/*","Condition":{"Bool":{"aws:SecureTransport":false},"StringLike":{"a:b":["x","${y:z, 'd'}"],"a:c":"q"}}}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["111122223333","*"],"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"*","Resource":"*"},{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`,
	`{"Version":"2012-10-17","Statement":[7,{"Effect":"Maybe","Action":["a:b","a*:b"],"Resource":["*",null]},{"Effect":"Allow","Action":"a:b","NotAction":"a:c","Resource":"*","NotResource":"*"},{"Effect":"Allow","Resource":"${"}]}`,
	`{"Version":"2020","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Surprise":1},{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Nope":{"a:b":"c"},"StringEquals":{"a:b":[null]},"Null":{"x":[]}}}]}`,
	`{"Statement":[{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*","Principal":{"AWS":[],"Martian":"x"}},{"Effect":"Allow","Action":"*","Resource":"*","Condition":[]}]}`,
	`{"Statement":"x"}`, `[]`, `{`, "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"arn:\xff<&>\"}]}",
}

// compareWritten writes a document, reads it back, and compares.
func compareWritten(t *testing.T, text []byte) {
	t.Helper()
	before, _ := awsiam.Parse("d", text, awsiam.Position{})
	written := Write(before)
	after, _ := awsiam.Parse(written.Name, []byte(written.Text), awsiam.Position{})
	if (before.Doubt == "") != (after.Doubt == "") || before.Doubt == "" && before.Version != after.Version || len(before.Statements) != len(after.Statements) {
		t.Fatalf("%q is written %q", text, written.Text)
	}
	for i := range before.Statements {
		if x, y := likeness(before.Statements[i]), likeness(after.Statements[i]); !reflect.DeepEqual(x, y) {
			t.Errorf("%q is written %q\n%+v\n%+v", text, written.Text, x, y)
		}
	}
}

func TestAWrittenDocumentReadsAsTheSame(t *testing.T) {
	for _, text := range documents {
		compareWritten(t, []byte(text))
	}
}

func FuzzWrite(f *testing.F) {
	for _, text := range documents {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { compareWritten(t, text) })
}
