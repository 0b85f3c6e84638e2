package proof

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestClaimsFlatten(t *testing.T) {
	c, err := readClaims([]byte(`{"iss":"i","sub":"s","aud":["a","b"],"exp":2,"iat":1.5,
		"n":12345678901234567890,"f":1.50,"yes":true,"no":false,"nil":null,"list":["x"],"empty":{},"text":"\u00e9\"",
		"a.b":"dotted","a":{"c":"nested","d":{"e":1}},"x.y":"one","x":{"y":"other"},"p":{"q.r":1},"p.q":{"r":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"iss": "i", "sub": "s", "exp": "2", "iat": "1.5",
		"n": "12345678901234567890", "f": "1.50", "yes": "true", "no": "false", "text": "é\"",
		"a.b": "dotted", "a.c": "nested", "a.d.e": "1",
	}
	if d := cmp.Diff(want, c.text); d != "" {
		t.Errorf("claims (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"a", "b"}, c.audiences); d != "" {
		t.Errorf("audiences (-want +got):\n%s", d)
	}
}

func TestS5_RequestTagsBindNothing(t *testing.T) {
	for _, payload := range []string{
		`{"https://sts.amazonaws.com/":{"request_tags":{"team":"finance"},"request_tags_of":"kept"}}`,
		`{"https://sts.amazonaws.com/.request_tags":{"team":"finance"},"https://sts.amazonaws.com/.request_tags_of":"kept"}`,
		`{"https://sts.amazonaws.com/.request_tags.team":"finance","https://sts.amazonaws.com/.request_tags_of":"kept"}`,
		`{"https://sts.amazonaws":{"com/.request_tags":"finance","com/.request_tags_of":"kept"}}`,
	} {
		c, err := readClaims([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(map[string]string{"https://sts.amazonaws.com/.request_tags_of": "kept"}, c.text); d != "" {
			t.Errorf("%s (-want +got):\n%s", payload, d)
		}
	}
}

// A naive walk over what the standard library reads finds the same paths, and
// leaves out those that it finds twice.
func TestClaimsAgainstNaiveWalk(t *testing.T) {
	names := rapid.SampledFrom([]string{"a", "b", "a.b", "b.a", "a.b.a", "", "."})
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		scalar := rapid.OneOf(rapid.Map(rapid.String(), func(s string) any { return s }), rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Just(any(nil)))
		if depth == 0 {
			return scalar
		}
		object := rapid.Map(rapid.MapOfN(names, rapid.Deferred(func() *rapid.Generator[any] { return value(depth - 1) }), 0, 4), func(m map[string]any) any { return m })
		return rapid.OneOf(scalar, object, rapid.Just(any([]any{"x"})))
	}
	rapid.Check(t, func(t *rapid.T) {
		doc := rapid.MapOfN(names, value(3), 0, 5).Draw(t, "claims")
		b, err := json.Marshal(doc)
		if err != nil {
			t.Skip(err)
		}
		got, err := readClaims(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		found := map[string][]string{}
		walk(found, "", true, doc)
		want := map[string]string{}
		for path, v := range found {
			if len(v) == 1 {
				want[path] = v[0]
			}
		}
		if d := cmp.Diff(want, got.text); d != "" {
			t.Fatalf("%s (-want +got):\n%s", b, d)
		}
	})
}

func walk(found map[string][]string, path string, top bool, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if top {
				walk(found, name, false, member)
			} else {
				walk(found, path+"."+name, false, member)
			}
		}
	case string:
		found[path] = append(found[path], v)
	case bool:
		found[path] = append(found[path], fmt.Sprint(v))
	}
}

func TestSecretsRedactThemselves(t *testing.T) {
	c := Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "canary-secret", SessionToken: "canary-session"}
	holders := []any{
		c, &c, Minted{Credentials: c}, &Minted{Credentials: c}, Token("canary-jwt"), WebIdentityRequest{Token: "canary-jwt"},
		Call{Token: "canary-jwt"}, []Credentials{c}, map[string]Token{"t": "canary-jwt"},
	}
	for _, v := range holders {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			requireNoSecret(t, fmt.Sprintf(verb, v))
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		requireNoSecret(t, string(b))
		for _, text := range []bool{true, false} {
			var out strings.Builder
			var h slog.Handler = slog.NewJSONHandler(&out, nil)
			if text {
				h = slog.NewTextHandler(&out, nil)
			}
			slog.New(h).Info("minting", "value", v)
			requireNoSecret(t, out.String())
		}
	}
}

func requireNoSecret(t *testing.T, s string) {
	t.Helper()
	if strings.Contains(s, "canary") || strings.Contains(s, fmt.Sprintf("%x", "canary")) {
		t.Errorf("a secret was printed: %s", s)
	}
}
