package identity

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestValidName(t *testing.T) {
	for _, good := range []string{"a", "support-agent", "ci.summariser_2", strings.Repeat("a", 64)} {
		if !ValidName(good) {
			t.Errorf("%q refused", good)
		}
	}
	for _, bad := range []string{"", "-a", "a-", "A", "a b", "a/b", "a\x00", "ä", strings.Repeat("a", 65), "a\n"} {
		if ValidName(bad) {
			t.Errorf("%q accepted", bad)
		}
	}
}

func TestIdentityValidate(t *testing.T) {
	good := Identity{ID: "support-agent", Kind: Agent, Environment: "prod"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Identity){
		"kind":        func(i *Identity) { i.Kind = "robot" },
		"environment": func(i *Identity) { i.Environment = "" },
		"state":       func(i *Identity) { i.State = "retired" },
		"maxSession":  func(i *Identity) { i.MaxSession = Duration(13 * time.Hour) },
		"name":        func(i *Identity) { i.ID = "Support Agent" },
	} {
		i := good
		spoil(&i)
		if err := i.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("bad %s: got %v", name, err)
		}
	}
}

func TestDurationRoundTrip(t *testing.T) {
	b, err := json.Marshal(struct{ D Duration }{Duration(15 * time.Minute)})
	if err != nil || string(b) != `{"D":"15m0s"}` {
		t.Fatalf("got %s, %v", b, err)
	}
	var v struct{ D Duration }
	if err := json.Unmarshal(b, &v); err != nil || v.D != Duration(15*time.Minute) {
		t.Fatalf("got %v, %v", v.D, err)
	}
}

func TestBindingSatisfied(t *testing.T) {
	b := Binding{
		ID: "ci", Identity: "ci-summariser", Issuer: "github", Audience: "writ",
		Subject: "repo:acme/summariser:ref:refs/heads/main", Claims: map[string]string{"repository_owner": "acme", "run_attempt": "?"},
	}
	claims := map[string]string{"repository_owner": "acme", "run_attempt": "1"}
	if !b.Satisfied("github", b.Subject, []string{"other", "writ"}, claims) {
		t.Fatal("the matching proof was refused")
	}
	refused := map[string]bool{
		"issuer":        b.Satisfied("gitlab", b.Subject, []string{"writ"}, claims),
		"subject":       b.Satisfied("github", "repo:acme/other:ref:refs/heads/main", []string{"writ"}, claims),
		"audience":      b.Satisfied("github", b.Subject, []string{"writ2"}, claims),
		"no audience":   b.Satisfied("github", b.Subject, nil, claims),
		"claim absent":  b.Satisfied("github", b.Subject, []string{"writ"}, map[string]string{"run_attempt": "1"}),
		"claim differs": b.Satisfied("github", b.Subject, []string{"writ"}, map[string]string{"repository_owner": "acme", "run_attempt": "12"}),
	}
	for name, ok := range refused {
		if ok {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestS11_BindingsThatSeveralSubjectsSatisfyAreFlagged(t *testing.T) {
	if w := (&Binding{Subject: "repo:acme/*"}).Wide(); w == "" {
		t.Error("repo:acme/* was not flagged")
	}
	if w := (&Binding{Subject: "repo:acme/a"}).Wide(); w != "" {
		t.Errorf("an exact subject was flagged: %s", w)
	}
	b := Binding{ID: "x", Identity: "i", Issuer: "g", Audience: AWSAudience, Subject: "s"}
	if b.Validate() == nil {
		t.Error("AWS's audience was accepted without opting in")
	}
	b.AllowAWSAudience = true
	if err := b.Validate(); err != nil {
		t.Error(err)
	}
	b.Subject = "**"
	if b.Validate() == nil {
		t.Error("a subject that matches everything was accepted")
	}
}

// matchOracle is Match by definition, exponential and obvious.
func matchOracle(p, s string) bool {
	switch {
	case p == "":
		return s == ""
	case p[0] == '*':
		return matchOracle(p[1:], s) || (s != "" && matchOracle(p, s[1:]))
	case s == "":
		return false
	default:
		return (p[0] == '?' || p[0] == s[0]) && matchOracle(p[1:], s[1:])
	}
}

func TestMatchEqualsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringOfN(rapid.RuneFrom([]rune("ab*?")), 0, 8, -1).Draw(t, "pattern")
		s := rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 0, 10, -1).Draw(t, "text")
		if Match(p, s) != matchOracle(p, s) {
			t.Fatalf("Match(%q, %q) = %v", p, s, Match(p, s))
		}
	})
}

func TestIssuerValidate(t *testing.T) {
	for url, want := range map[string]bool{
		"https://token.actions.githubusercontent.com": true,
		"http://127.0.0.1:9000":                       false, // without allowLocal
		"https://user@host/":                          false,
		"https://host/#f":                             false,
		"ftp://host/":                                 false,
		"":                                            false,
	} {
		i := Issuer{ID: "x", URL: url}
		if got := i.Validate() == nil; got != want {
			t.Errorf("%q: valid %v, want %v", url, got, want)
		}
	}
	local := Issuer{ID: "x", URL: "http://127.0.0.1:9000", AllowLocal: true}
	if err := local.Validate(); err != nil {
		t.Error(err)
	}
	for _, alg := range []string{"none", "HS256", "rs256"} {
		if (&Issuer{ID: "x", URL: "https://h", Algorithms: []string{alg}}).Validate() == nil {
			t.Errorf("algorithm %s was accepted", alg)
		}
	}
}
