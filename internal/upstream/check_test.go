package upstream

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

func TestCheckSaysWhoseCredentialsThereAre(t *testing.T) {
	c := newCloud(t)
	found := c.Check(t.Context())
	if len(found) != 2 {
		t.Fatalf("%d accounts", len(found))
	}
	for i, role := range []string{homeRole, awayRole} {
		f := found[i]
		if f.Role != role || !f.PerGrant || f.Problem != "" || f.Caller != "arn:aws:sts::"+RoleAccount(role)+":assumed-role/writ-gateway/writ-check" {
			t.Errorf("%+v", f)
		}
	}
	if got := c.seen.Requests(); !strings.Contains(string(got[0].Body), "Deny") {
		t.Error("a check assumes more than the right to do nothing")
	}
	c.down.Store(true)
	_, err := c.send(t, alice, usPro)
	if err == nil {
		t.Fatal("a call was made without a session")
	}
	found = c.Check(t.Context())
	if f := found[0]; !strings.Contains(f.Problem, "AccessDenied") || !strings.Contains(f.Error, "AccessDenied") || f.ErrorAt.IsZero() {
		t.Errorf("%+v", f)
	}
	text, err := json.Marshal(found)
	if err != nil || strings.Contains(string(text), secret) || strings.Contains(string(text), external) {
		t.Errorf("%s, %v", text, err)
	}
}

// Credentials of another account than is meant are found before a call is
// billed to it.
func TestCheckFindsCredentialsOfAnotherAccount(t *testing.T) {
	c := newCloud(t)
	base := credentials.NewStaticCredentialsProvider(keyID, secret, "") // of home
	place := STS{Region: "us-east-1", Endpoint: c.url}
	shared, err := Role{ARN: awayRole, ExternalID: external, Base: base, STS: place}.Shared()
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := New(Config{
		Account: away, Credentials: base, STS: place,
		Accounts: []Account{{ID: home, Credentials: shared, Role: awayRole, STS: place}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range wrong.Check(t.Context()) {
		if !strings.Contains(f.Problem, "are of account") {
			t.Errorf("%+v", f)
		}
	}
}

func TestARoleIsOfItsAccount(t *testing.T) {
	for arn, want := range map[string]string{
		homeRole: home, awayRole: away, "arn:aws-us-gov:iam::111122223333:role/x": home,
		"": "", "arn:aws:iam::111122223333:role/": "", "arn:aws:iam::111122223333:user/x": "", "arn:aws:iam::1111:role/x": "",
		"arn:aws:sts::111122223333:assumed-role/x/y": "", "arn:aws:iam:us-east-1:111122223333:role/x": "", "arn:evil:iam::111122223333:role/x": "",
	} {
		if got := RoleAccount(arn); got != want {
			t.Errorf("%q: %q, want %q", arn, got, want)
		}
	}
	c := newCloud(t)
	if _, err := New(Config{Account: away, Sessions: c.home}); err == nil {
		t.Error("a role of one account serves another")
	}
	for _, role := range []Role{{ARN: "arn:aws:iam::1:user/x"}, {ARN: homeRole, STS: STS{Endpoint: "https://x/path"}}} {
		if _, err := NewSessions(role, nil); err == nil {
			t.Errorf("%+v was accepted", role)
		}
		if _, err := role.Shared(); err == nil {
			t.Errorf("%+v was accepted, shared", role)
		}
	}
}
