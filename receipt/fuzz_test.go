package receipt_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/writ-project/writ/receipt"
)

func FuzzVerify(f *testing.F) {
	good := sign(f, claims(f))
	f.Add(good)
	f.Add("..")
	f.Add(signed(`{"alg":"none","kid":"`+signer.ID+`","typ":"writ-receipt+jwt"}`, `{}`))
	f.Fuzz(func(t *testing.T, token string) {
		c, err := receipt.Verify(t.Context(), token, known, payOut(), receipt.NewMemory(clock))
		if err == nil && token != good {
			t.Errorf("a forgery is taken: %+v", c)
		}
		// What anybody can sign is read without a panic too, past the signature.
		_, _ = receipt.Check(signed(`{"alg":"EdDSA","kid":"`+signer.ID+`","typ":"writ-receipt+jwt"}`, token), known, payOut())
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add(known.JWKS())
	f.Add([]byte(`{"keys":[{"kty":"RSA"}]}`))
	f.Fuzz(func(t *testing.T, set []byte) {
		keys, err := receipt.ParseKeys(set)
		if err != nil {
			return
		}
		again, err := receipt.ParseKeys(keys.JWKS())
		if err != nil || len(again.Keys) != len(keys.Keys) {
			t.Errorf("%v becomes %v, %v", keys, again, err)
		}
	})
}

// FuzzDigest: what has a digest is JSON that the standard library reads to one
// value, and the same value written anew has the same digest.
func FuzzDigest(f *testing.F) {
	for _, text := range []string{payment, `[1e2,-12.5,"\u00eb",null,{"a":{"A":[]}}]`, `9007199254740993`, `{"a":1,"A":2}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := receipt.Digest(text)
		if err != nil {
			return
		}
		var v any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber() // floats could hide what is lost
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%q has a digest and is no JSON: %v", text, err)
		}
		again, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > receipt.MaxArguments {
			return
		}
		if other, err := receipt.Digest(again); err != nil || other != got {
			t.Errorf("%q and %q differ: %v", text, again, err)
		}
	})
}
