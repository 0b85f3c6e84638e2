package proof

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

func FuzzParseSTS(f *testing.F) {
	f.Add(formType, form(nil))
	f.Add(formType, []byte("Version=2011-06-15&Action=GetCallerIdentity"))
	f.Add(formType, []byte("Version=2011-06-15&Action=AssumeRoleWithWebIdentity&Policy={}"))
	f.Add("text/plain", []byte("Action=%00&Action=';--"))
	f.Fuzz(func(t *testing.T, media string, body []byte) {
		c, err := ParseSTS(media, body)
		if err != nil {
			var r *Refusal
			if !errors.As(err, &r) || r.Message == "" {
				t.Fatalf("error %v: want a refusal that says what is wrong", err)
			}
			return
		}
		switch c.Action {
		case GetCallerIdentity:
			if c != (Call{Action: GetCallerIdentity}) {
				t.Fatalf("GetCallerIdentity with %+v", c)
			}
		case AssumeRoleWithWebIdentity:
			if _, err := ParseRole(c.RoleARN); err != nil || !sessionName.MatchString(c.SessionName) || len(c.Token) > maxToken {
				t.Fatalf("accepted %+v", c)
			}
			if c.Duration != 0 && (c.Duration < minDuration*time.Second || c.Duration > maxDuration*time.Second) {
				t.Fatalf("accepted duration %v", c.Duration)
			}
		default:
			t.Fatalf("accepted action %q", c.Action)
		}
	})
}

func FuzzParseRole(f *testing.F) {
	f.Add(testRole)
	f.Add("arn:aws-cn:iam::111122223333:role/a/b/c")
	f.Add("arn:aws:iam::111122223333:role/*")
	f.Fuzz(func(t *testing.T, arn string) {
		r, err := ParseRole(arn)
		if err != nil {
			return
		}
		if !strings.HasSuffix(arn, "/"+r.Name) || strings.ContainsAny(arn, "*?\r\n\x00 ") || len(r.Account) != 12 {
			t.Fatalf("%q read as %+v", arn, r)
		}
	})
}

// Whatever a token says, reading it neither panics nor quotes it, and a token
// that reads has the properties that verification relies on.
func FuzzReadToken(f *testing.F) {
	f.Add([]byte(`{"alg":"ES256","kid":"k","typ":"JWT"}`), []byte(`{"iss":"https://i","sub":"s","aud":"a","iat":1,"exp":2}`), []byte("sig"))
	f.Add([]byte(`{"alg":"none"}`), []byte(`{"aud":["a","b"],"a":{"b":[1]},"a.b":true}`), []byte{})
	f.Add([]byte(`{"alg":"ES256","kid":"k","jwk":{}}`), []byte(`{"Iss":"x"}`), []byte("."))
	enc := base64.RawURLEncoding.EncodeToString
	f.Fuzz(func(t *testing.T, header, payload, sig []byte) {
		tok := Token(enc(header) + "." + enc(payload) + "." + enc(sig))
		u, err := readToken(tok)
		if err != nil {
			return
		}
		if u.algorithm == "" || u.keyID == "" || len(u.claims.audiences) > maxAudiences || u.claims.text == nil {
			t.Fatalf("accepted %+v", u)
		}
		for path := range u.claims.text {
			if strings.HasPrefix(path, asserted+".") {
				t.Fatalf("kept %q", path)
			}
		}
	})
}

// Raw text in a token's place is refused for malformation or for its issuer:
// it never reaches a fetch.
func FuzzTokenText(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	never := errors.New("called for a token that nobody signed")
	x, err := New(Config{
		Record:    func(context.Context, Mint) (uint64, error) { return 0, never },
		Seal:      func(identity.Session) (Credentials, error) { return Credentials{}, never },
		Now:       func() time.Time { return epoch },
		PerSource: 1 << 30,
	})
	if err != nil {
		f.Fatal(err)
	}
	w := World{Identity: func(string) (*identity.Identity, bool) { return nil, false }}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := x.WebIdentity(t.Context(), w, WebIdentityRequest{Token: Token(text), Origin: from("192.0.2.1")})
		var r *Refusal
		if !errors.As(err, &r) || (r.Reason != MalformedProof && r.Reason != IssuerUnknown) {
			t.Fatalf("error %v", err)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA","kid":"k"},{"kty":"OKP","crv":"Ed25519","kid":"e","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB","x5c":["AA=="]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		set, err := parseKeys(b)
		if err == nil && len(set) == 0 {
			t.Fatal("an empty key set")
		}
		for id, keys := range set {
			for _, k := range keys {
				if k.KeyID != id || id == "" || !verifies(&k) {
					t.Fatalf("kept key %+v under %q", k, id)
				}
			}
		}
	})
}
