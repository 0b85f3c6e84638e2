package receipt_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/receipt"
)

func TestS24_AReceiptCountsOnce(t *testing.T) {
	token := sign(t, claims(t))
	nonces := receipt.NewMemory(clock)
	var taken, used atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			switch _, err := receipt.Verify(t.Context(), token, known, payOut(), nonces); {
			case err == nil:
				taken.Add(1)
			case errors.Is(err, receipt.ErrUsed):
				used.Add(1)
			}
		})
	}
	all.Wait()
	if taken.Load() != 1 || used.Load() != 63 {
		t.Errorf("taken %d times, refused as used %d times", taken.Load(), used.Load())
	}
}

// TestS24_AReceiptSignedAnewIsTheSameReceipt: after a rotation of keys another
// token says the same; its nonce is the first one's.
func TestS24_AReceiptSignedAnewIsTheSameReceipt(t *testing.T) {
	fresh := ed25519.NewKeyFromSeed([]byte("another seed for tests, 32 bytes"))
	named := receipt.NewKey(fresh.Public().(ed25519.PublicKey))
	keys := receipt.Keys{Keys: []receipt.Key{named, signer}}
	again, err := receipt.Sign(fresh, named.ID, claims(t))
	if err != nil {
		t.Fatal(err)
	}
	nonces := receipt.NewMemory(clock)
	if _, err := receipt.Verify(t.Context(), sign(t, claims(t)), keys, payOut(), nonces); err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.Verify(t.Context(), again, keys, payOut(), nonces); !errors.Is(err, receipt.ErrUsed) {
		t.Errorf("got %v", err)
	}
}

func TestS24_AReceiptIsForOneThing(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*receipt.Expect)
		reason error
	}{
		{"another tool", func(w *receipt.Expect) { w.Tool = "delete_invoice" }, receipt.ErrTool},
		{"the tool in another case", func(w *receipt.Expect) { w.Tool = "Post_Payment" }, receipt.ErrTool},
		{"a confusable tool", func(w *receipt.Expect) { w.Tool = "post_раyment" }, receipt.ErrTool}, // Cyrillic er and a
		{"no tool", func(w *receipt.Expect) { w.Tool = "" }, receipt.ErrTool},
		{"another identity", func(w *receipt.Expect) { w.Identity = "support-agent" }, receipt.ErrIdentity},
		{"another installation", func(w *receipt.Expect) { w.Issuer = "writ.test/log/main" }, receipt.ErrIssuer},
		{"no installation", func(w *receipt.Expect) { w.Issuer = "" }, receipt.ErrIssuer},
		{"no clock", func(w *receipt.Expect) { w.Now = time.Time{} }, receipt.ErrEarly},
		{"before it was made", func(w *receipt.Expect) { w.Now = released.Add(-receipt.Skew - time.Second) }, receipt.ErrEarly},
		{"at the instant of expiry", func(w *receipt.Expect) { w.Now = released.Add(15*time.Minute + receipt.Skew) }, receipt.ErrExpired},
		{"a day later", func(w *receipt.Expect) { w.Now = released.Add(24 * time.Hour) }, receipt.ErrExpired},
		{"another amount", amount(`12500.00`), receipt.ErrArguments},
		{"the amount as text", amount(`"1250.00"`), receipt.ErrArguments},
		{"a digit more", amount(`1250.000000000001`), receipt.ErrArguments},
		{"a member more", amount(`1250.00,"memo":null`), receipt.ErrArguments},
		{"the amount twice", amount(`1250.00,"amount":9`), receipt.ErrAmbiguous},
		{"the amount twice, escaped", amount(`1250.00,"\u0061mount":9`), receipt.ErrAmbiguous},
		{"the amount twice, in capitals", amount(`1250.00,"AMOUNT":9`), receipt.ErrAmbiguous},
		{"no arguments", func(w *receipt.Expect) { w.Arguments = nil }, receipt.ErrAmbiguous},
		{"more after them", func(w *receipt.Expect) { w.Arguments = []byte(payment + payment) }, receipt.ErrAmbiguous},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := payOut()
			c.change(&want)
			refused(t, sign(t, claims(t)), known, want, c.reason)
		})
	}
}

func amount(text string) func(*receipt.Expect) {
	return func(w *receipt.Expect) {
		w.Arguments = []byte(strings.Replace(payment, "1250.00", text, 1))
	}
}

func TestS24_OnlyTheMeaningOfArgumentsCounts(t *testing.T) {
	for _, same := range []string{
		payment,
		" {\n\t\"currency\" : \"EUR\",\r\n \"amount\":1250,\"invoice\":\"INV-1041\"} ",
		`{"amount":1.25e3,"invoice":"INV-1041","currency":"EUR"}`,
		`{"amount":125000E-2,"inv\u006fice":"INV\u002d1041","currency":"EUR"}`,
	} {
		want := payOut()
		want.Arguments = []byte(same)
		if _, err := receipt.Verify(t.Context(), sign(t, claims(t)), known, want, receipt.NewMemory(clock)); err != nil {
			t.Errorf("%s: %v", same, err)
		}
	}
}

func TestS24_AReceiptForOneSystemIsRefusedByOthers(t *testing.T) {
	c := claims(t)
	c.Audience = "erp"
	want := payOut()
	for _, other := range []string{"", "crm", "ERP"} {
		want.Audience = other
		refused(t, sign(t, c), known, want, receipt.ErrAudience)
	}
}

func TestS24_EveryByteOfAReceiptCounts(t *testing.T) {
	token := sign(t, claims(t))
	for i := range token {
		for _, b := range []byte{token[i] ^ 1, '.', '=', '\n', ' ', 'A'} {
			if b == token[i] {
				continue
			}
			forged := token[:i] + string(b) + token[i+1:]
			if _, err := receipt.Check(forged, known, payOut()); err == nil {
				t.Fatalf("taken with byte %d changed to %q", i, b)
			}
		}
		if _, err := receipt.Check(token[:i], known, payOut()); err == nil {
			t.Fatalf("taken when cut at %d", i)
		}
		if _, err := receipt.Check(token[:i]+"\n"+token[i:], known, payOut()); err == nil {
			t.Fatalf("taken with a line break at %d", i)
		}
	}
}

func TestS24_PartsAreNotExchanged(t *testing.T) {
	token := sign(t, claims(t))
	c := claims(t)
	c.Identity = "support-agent"
	other := strings.Split(sign(t, c), ".")
	p := strings.Split(token, ".")
	for name, forged := range map[string]string{
		"another's claims":    p[0] + "." + other[1] + "." + p[2],
		"another's signature": p[0] + "." + p[1] + "." + other[2],
		"header and claims":   p[1] + "." + p[0] + "." + p[2],
		"two parts":           p[0] + "." + p[1],
		"no signature":        p[0] + "." + p[1] + ".",
		"no claims":           p[0] + ".." + p[2],
		"four parts":          token + "." + p[2],
		"five parts":          token + "...",
		"padding":             token + "=",
		"nothing":             "",
		"white space":         " " + token,
		"a scheme":            "Bearer " + token,
		"very long":           token + strings.Repeat("A", receipt.MaxToken),
	} {
		if _, err := receipt.Check(forged, known, payOut()); !errors.Is(err, receipt.ErrMalformed) && !errors.Is(err, receipt.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// signed makes a token of any header and claims that the right key has signed.
func signed(head, body string) string {
	enc := base64.RawURLEncoding
	input := enc.EncodeToString([]byte(head)) + "." + enc.EncodeToString([]byte(body))
	return input + "." + enc.EncodeToString(ed25519.Sign(private, []byte(input)))
}

// opened are a good token's header and claims.
func opened(t *testing.T) (head, body string) {
	t.Helper()
	p := strings.Split(sign(t, claims(t)), ".")
	return string(part(t, p[0])), string(part(t, p[1]))
}

func TestS24_NoOtherAlgorithm(t *testing.T) {
	head, body := opened(t)
	if _, err := receipt.Check(signed(head, body), known, payOut()); err != nil {
		t.Fatalf("the forge does not even make good tokens: %v", err)
	}
	for _, alg := range []string{"none", "None", "", "HS256", "ES256", "RS256", "Ed25519", "Ed448", "eddsa"} {
		h := strings.Replace(head, "EdDSA", alg, 1)
		refused(t, signed(h, body), known, payOut(), receipt.ErrMalformed)
	}
	// The public key as the secret of an HMAC, the classic confusion.
	enc := base64.RawURLEncoding
	input := enc.EncodeToString([]byte(strings.Replace(head, "EdDSA", "HS256", 1))) + "." + enc.EncodeToString([]byte(body))
	for _, secret := range [][]byte{signer.Public, known.JWKS()} {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		refused(t, input+"."+enc.EncodeToString(mac.Sum(nil)), known, payOut(), receipt.ErrMalformed)
	}
	unsigned := enc.EncodeToString([]byte(`{"alg":"none","kid":"`+signer.ID+`","typ":"writ-receipt+jwt"}`)) + "." + enc.EncodeToString([]byte(body)) + "."
	refused(t, unsigned, known, payOut(), receipt.ErrMalformed)
}

func TestS24_TheHeaderSaysThreeThings(t *testing.T) {
	head, body := opened(t)
	for name, h := range map[string]string{
		"another type":        strings.Replace(head, "writ-receipt+jwt", "JWT", 1),
		"the type in capital": strings.Replace(head, "writ-receipt+jwt", "WRIT-RECEIPT+JWT", 1),
		"no type":             `{"alg":"EdDSA","kid":"` + signer.ID + `"}`,
		"crit":                strings.Replace(head, `{`, `{"crit":["exp"],`, 1),
		"a key of its own":    strings.Replace(head, `{`, `{"jwk":{"kty":"OKP"},`, 1),
		"a place for keys":    strings.Replace(head, `{`, `{"jku":"https://evil.example/",`, 1),
		"unencoded payload":   strings.Replace(head, `{`, `{"b64":false,`, 1),
		"alg twice":           strings.Replace(head, `{`, `{"alg":"none",`, 1),
		"Alg beside alg":      strings.Replace(head, `{`, `{"Alg":"none",`, 1),
		"no id":               strings.Replace(head, signer.ID, "", 1),
		"a list":              `[` + head + `]`,
		"no JSON":             `EdDSA`,
		"two":                 head + head,
	} {
		t.Run(name, func(t *testing.T) { refused(t, signed(h, body), known, payOut(), receipt.ErrMalformed) })
	}
	refused(t, signed(strings.Replace(head, signer.ID, "other", 1), body), known, payOut(), receipt.ErrKey)
}

// TestS24_ClaimsAreReadOneWay: what the right key signed is still read strictly.
func TestS24_ClaimsAreReadOneWay(t *testing.T) {
	head, body := opened(t)
	for name, b := range map[string]string{
		"a claim twice":        strings.Replace(body, `{`, `{"tool":"other",`, 1),
		"a claim in capitals":  strings.Replace(body, `"exp"`, `"EXP"`, 1),
		"a time with fraction": strings.Replace(body, `"exp":`, `"exp":0.5e1,"x":`, 1),
		"a time as text":       strings.Replace(body, `"exp":`, `"exp":"1","x":`, 1),
		"no nonce":             strings.Replace(body, `"jti"`, `"jtj"`, 1),
		"no expiry":            strings.Replace(body, `"exp"`, `"expires"`, 1),
		"several audiences":    strings.Replace(body, `{`, `{"aud":["a","b"],`, 1),
		"not UTF-8":            strings.Replace(body, "ana", "a\xffa", 1),
		"half a surrogate":     strings.Replace(body, "ana", `a\ud800a`, 1),
		"null":                 `null`,
	} {
		t.Run(name, func(t *testing.T) { refused(t, signed(head, b), known, payOut(), receipt.ErrMalformed) })
	}
	more := strings.Replace(body, `{`, `{"a_later_claim":{"x":[1]},`, 1)
	if _, err := receipt.Check(signed(head, more), known, payOut()); err != nil {
		t.Errorf("a claim that later releases add: %v", err)
	}
}

func TestS24_KeysOfAnotherAreNoKeys(t *testing.T) {
	evil := ed25519.NewKeyFromSeed([]byte("the seed of somebody else, a foe"))
	stolen := receipt.Key{ID: signer.ID, Public: evil.Public().(ed25519.PublicKey)}
	token, err := receipt.Sign(evil, signer.ID, claims(t)) // under our key's name
	if err != nil {
		t.Fatal(err)
	}
	refused(t, token, known, payOut(), receipt.ErrSignature)
	for _, both := range [][]receipt.Key{{signer, stolen}, {stolen, signer}} {
		refused(t, token, receipt.Keys{Keys: both}, payOut(), receipt.ErrKeys)
		refused(t, sign(t, claims(t)), receipt.Keys{Keys: both}, payOut(), receipt.ErrKeys)
	}
	refused(t, token, receipt.Keys{}, payOut(), receipt.ErrKey)
	refused(t, token, receipt.Keys{Keys: []receipt.Key{{ID: signer.ID, Public: signer.Public[:31]}}}, payOut(), receipt.ErrKeys)

	// An installation's keys do not speak for another's, whatever the claims say.
	theirs := receipt.Keys{Issuer: "evil.example/log/main", Keys: []receipt.Key{stolen}}
	refused(t, token, theirs, payOut(), receipt.ErrIssuer)
}

func TestS24_ErrorsDoNotTellWhatTheyAreAbout(t *testing.T) {
	const canary = "canary-4711"
	c := claims(t)
	c.Tool = canary
	want := payOut()
	want.Arguments = []byte(`{"` + canary + `":1,"` + canary + `":2}`)
	head, _ := opened(t)
	for _, token := range []string{sign(t, c), signed(head, `{"`+canary+`":`), signed(head, `{"exp":"`+canary+`"}`), canary, sign(t, claims(t))} {
		_, err := receipt.Check(token, known, want)
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v", err)
		}
	}
}
