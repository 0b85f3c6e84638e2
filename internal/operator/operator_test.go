package operator

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func dana() *Operator {
	return &Operator{
		ID: "dana", Email: "dana@example.com", Teams: []string{"fraud"},
		Roles: []Held{{Role: Requester}, {Role: Approver, Tiers: []string{"low", "high"}, Teams: []string{"fraud"}}},
		Login: &Login{Issuer: "https://login.example.com", Subject: "00u1"},
	}
}

func TestOperatorsAreChecked(t *testing.T) {
	if err := dana().Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Operator){
		"1–64 of":          func(o *Operator) { o.ID = "Dana Smith" },
		"is reserved":      func(o *Operator) { o.ID = "local-admin" },
		`"writ": it is`:    func(o *Operator) { o.ID = "writ" },
		"human or":         func(o *Operator) { o.Kind = "ghost" },
		"in lower case":    func(o *Operator) { o.Email = "Dana@example.com" },
		`email ""`:         func(o *Operator) { o.Email = "" },
		`email "a@b@c"`:    func(o *Operator) { o.Email = "a@b@c" },
		`want one of`:      func(o *Operator) { o.Roles = []Held{{Role: "god"}} },
		"cannot approve":   func(o *Operator) { o.Roles = append(o.Roles, Held{Role: Administrator, Teams: []string{"x"}}) },
		"issuer (a URL)":   func(o *Operator) { o.Login.Issuer = "login.example.com" },
		"and subject are ": func(o *Operator) { o.Login.Subject = "" },
	} {
		o := dana()
		spoil(o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestNamesMeanAccountsAndAddresses(t *testing.T) {
	o := dana()
	for name, want := range map[string]bool{"dana": true, "Dana@Example.com": true, "dana@example.com": true, "Dana": false, "": false, "dan": false} {
		if o.Is(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
	if o.Behind() != "dana@example.com" {
		t.Errorf("behind it is %q", o.Behind())
	}
	if o.Person = "dana-smith"; o.Behind() != "dana-smith" {
		t.Errorf("behind it is %q", o.Behind())
	}
}

func TestWhatEndsSignInsRaisesTheEpoch(t *testing.T) {
	before := dana()
	before.Epoch = 7
	for name, c := range map[string]struct {
		change func(*Operator)
		want   uint32
	}{
		"nothing":         {func(*Operator) {}, 7},
		"a lower epoch":   {func(o *Operator) { o.Epoch = 2 }, 7},
		"a higher epoch":  {func(o *Operator) { o.Epoch = 9; o.Disabled = true }, 9},
		"disabled":        {func(o *Operator) { o.Disabled = true }, 8},
		"another subject": {func(o *Operator) { o.Login.Subject = "00u2" }, 8},
		"no subject":      {func(o *Operator) { o.Login = nil }, 8},
		"a role":          {func(o *Operator) { o.Roles = nil }, 7},
	} {
		after := dana()
		c.change(after)
		if got := Succeed(before, after); got.Epoch != c.want {
			t.Errorf("%s: %d, want %d", name, got.Epoch, c.want)
		}
	}
}

func TestTokensAreChecked(t *testing.T) {
	_, digest := NewSecret("t1", "sesame")
	good := Token{ID: "t1", Operator: "dana", Scopes: []string{"*"}, Created: noon, Expires: noon.Add(time.Hour), Digest: digest}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Token){
		"name":        func(k *Token) { k.ID = "" },
		"operator":    func(k *Token) { k.Operator = "" },
		"scopes":      func(k *Token) { k.Scopes = nil },
		"SHA-256":     func(k *Token) { k.Digest = "abcd" },
		"a time afte": func(k *Token) { k.Expires = noon },
		"at most a y": func(k *Token) { k.Expires = noon.Add(MaxTokenLife + 1) },
	} {
		k := good
		spoil(&k)
		if err := k.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for secret, want := range map[string]bool{"sesame": true, "Sesame": false, "": false, "sesame ": false} {
		if good.Opens(secret) != want {
			t.Errorf("%q opens it: %v", secret, !want)
		}
	}
	if (&Token{}).Opens("") {
		t.Error("the zero token opens")
	}
}

func TestR16_DelegationsAreBoundedInTime(t *testing.T) {
	good := Delegation{ID: "d1", From: "dana", To: "erin", NotBefore: noon, NotAfter: noon.Add(24 * time.Hour)}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Delegation){
		"no name":  func(d *Delegation) { d.ID = "" },
		"oneself":  func(d *Delegation) { d.To = d.From },
		"nobody":   func(d *Delegation) { d.To = "" },
		"no start": func(d *Delegation) { d.NotBefore = time.Time{} },
		"no end":   func(d *Delegation) { d.NotAfter = time.Time{} },
		"backward": func(d *Delegation) { d.NotAfter = noon.Add(-1) },
		"for ever": func(d *Delegation) { d.NotAfter = noon.Add(MaxDelegation + 1) },
	} {
		d := good
		spoil(&d)
		if d.Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	for at, want := range map[time.Time]bool{noon.Add(-1): false, noon: true, noon.Add(24*time.Hour - 1): true, noon.Add(24 * time.Hour): false} {
		if good.During(at) != want {
			t.Errorf("at %v: %v", at, !want)
		}
	}
}

func TestSecretsComeBackAndDoNotPrint(t *testing.T) {
	s, _ := NewSecret("a-b_c.d", "SESAME")
	id, secret, err := ParseSecret(s.Reveal())
	if err != nil || id != "a-b_c.d" || secret != "SESAME" {
		t.Errorf("%q %q %v", id, secret, err)
	}
	holder := struct{ S Secret }{s}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s, "holder", holder)
	for _, text := range []string{fmt.Sprint(s, holder), fmt.Sprintf("%+v %#v %q %s %x", s, holder, s, s, s), log.String()} {
		if strings.Contains(text, "SESAME") {
			t.Errorf("it prints: %s", text)
		}
	}
	if b, err := json.Marshal(holder); err == nil {
		t.Errorf("it marshals: %s", b)
	}
	for _, bad := range []string{"", "writ_", "writ__x", "writ_a_", "writ_A_b", "bearer_a_b", "writ_a", "writ_a_" + strings.Repeat("x", MaxSecret)} {
		if _, _, err := ParseSecret(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if (Secret{}).Reveal() != "" || IsSecret("writs.v1.x") || !IsSecret(s.Reveal()) {
		t.Error("forms are mixed up")
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add("writ_a_b")
	f.Add("writ_a__")
	f.Fuzz(func(t *testing.T, text string) {
		id, secret, err := ParseSecret(text)
		if err != nil {
			return
		}
		if s, _ := NewSecret(id, secret); s.Reveal() != text {
			t.Errorf("%q comes back as %q", text, s.Reveal())
		}
	})
}
