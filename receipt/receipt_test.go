package receipt_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/receipt"
)

var (
	private  = ed25519.NewKeyFromSeed([]byte("a seed for tests, 32 bytes long."))
	signer   = receipt.NewKey(private.Public().(ed25519.PublicKey))
	known    = receipt.Keys{Issuer: "writ.example/log/main", Keys: []receipt.Key{signer}}
	released = time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)
)

const payment = `{"invoice":"INV-1041","amount":1250.00,"currency":"EUR"}`

// claims are those of a payment that was released.
func claims(t testing.TB) receipt.Claims {
	t.Helper()
	digest, err := receipt.Digest([]byte(payment))
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Claims{
		Issuer: "writ.example/log/main", Identity: "invoice-triage", ID: "0123456789abcdef0123456789abcdef",
		IssuedAt: released.Unix(), Expires: released.Add(15 * time.Minute).Unix(),
		Tool: "post_payment", Arguments: digest, Hold: "h-7", Call: "tooluse_1",
		Approvers: []string{"ana"}, LogOrigin: "writ.example/log/main", LogIndex: 4711,
	}
}

func sign(t testing.TB, c receipt.Claims) string {
	t.Helper()
	token, err := receipt.Sign(private, signer.ID, c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// payOut is what the system of record is about to do.
func payOut() receipt.Expect {
	return receipt.Expect{
		Issuer: "writ.example/log/main", Identity: "invoice-triage", Tool: "post_payment",
		Arguments: []byte(payment), Now: released.Add(time.Minute),
	}
}

func clock() time.Time { return released.Add(time.Minute) }

// refused checks that a token is refused for one reason, with its nonce unused.
func refused(t *testing.T, token string, keys receipt.Keys, want receipt.Expect, reason error) {
	t.Helper()
	nonces := receipt.NewMemory(clock)
	c, err := receipt.Verify(t.Context(), token, keys, want, nonces)
	if !errors.Is(err, reason) {
		t.Errorf("got %v, want %v", err, reason)
	}
	if c.Tool != "" {
		t.Errorf("claims of a refused receipt came out: %+v", c)
	}
	if err := nonces.Use(t.Context(), claims(t).ID, released.Add(time.Hour)); err != nil {
		t.Errorf("a refused receipt was used up")
	}
}

func TestAReceiptSaysWhatWasSigned(t *testing.T) {
	want := claims(t)
	want.Audience, want.Edited, want.Approvers = "erp", true, []string{"ana", "ben <ben@example.com>"}
	token := sign(t, want)
	doing := payOut()
	doing.Audience = "erp"
	got, err := receipt.Verify(t.Context(), token, known, doing, receipt.NewMemory(clock))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if again := sign(t, want); again != token {
		t.Error("the same claims gave another token")
	}
}

func TestOtherReadersOfJWSAgree(t *testing.T) {
	token := sign(t, claims(t))
	parsed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	var theirs jose.JSONWebKeySet
	if err := json.Unmarshal(known.JWKS(), &theirs); err != nil {
		t.Fatal(err)
	}
	found := theirs.Key(parsed.Signatures[0].Header.KeyID)
	if len(found) != 1 {
		t.Fatalf("the set holds %d keys of the token's id", len(found))
	}
	payload, err := parsed.Verify(found[0])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(payload), `"tool":"post_payment"`) {
		t.Errorf("they read %s", payload)
	}
	if got := parsed.Signatures[0].Header.ExtraHeaders["typ"]; got != receipt.Type {
		t.Errorf("typ is %v", got)
	}

	by, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: private},
		(&jose.SignerOptions{}).WithType(receipt.Type).WithHeader("kid", signer.ID))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := by.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	other, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.Check(other, known, payOut()); err != nil {
		t.Errorf("what they sign is refused: %v", err)
	}
}

// TestTheKeyOfRFC8037 is its appendix A: key, thumbprint and signature.
func TestTheKeyOfRFC8037(t *testing.T) {
	seed := part(t, "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	key := ed25519.NewKeyFromSeed(seed)
	named := receipt.NewKey(key.Public().(ed25519.PublicKey))
	if want := "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; named.ID != want {
		t.Errorf("thumbprint %s, want %s", named.ID, want)
	}
	set := []byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	keys, err := receipt.ParseKeys(set)
	if err != nil {
		t.Fatal(err)
	}
	if !keys.Keys[0].Public.Equal(key.Public()) {
		t.Error("x is read as another key")
	}
	input := "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
	signature := part(t, "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
	if !ed25519.Verify(keys.Keys[0].Public, []byte(input), signature) {
		t.Error("the signature of A.4 does not verify")
	}
	// A good signature is not enough: this is no receipt.
	refused(t, input+"."+base64.RawURLEncoding.EncodeToString(signature), keys, payOut(), receipt.ErrMalformed)
}

func part(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// broken is a store that cannot be asked.
type broken struct{}

func (broken) Use(context.Context, string, time.Time) error { return errors.New("no connection") }

func TestANonceStoreThatFailsRefuses(t *testing.T) {
	token := sign(t, claims(t))
	if _, err := receipt.Verify(t.Context(), token, known, payOut(), broken{}); !errors.Is(err, receipt.ErrNonces) {
		t.Errorf("got %v", err)
	}
	if _, err := receipt.Verify(t.Context(), token, known, payOut(), nil); !errors.Is(err, receipt.ErrNonces) {
		t.Errorf("without a store: got %v", err)
	}
}

// noted remembers until when the verifier asked it to remember.
type noted struct{ until time.Time }

func (n *noted) Use(_ context.Context, _ string, until time.Time) error {
	n.until = until
	return nil
}

func TestANonceIsRememberedAsLongAsItsReceiptCounts(t *testing.T) {
	n := new(noted)
	want := payOut()
	want.Now = released.Add(15*time.Minute + receipt.Skew - time.Nanosecond)
	if _, err := receipt.Verify(t.Context(), sign(t, claims(t)), known, want, n); err != nil {
		t.Fatal(err)
	}
	if !n.until.After(want.Now) {
		t.Errorf("remembered until %v, and the receipt counted at %v", n.until, want.Now)
	}
}

func TestMemoryForgetsWhatIsPast(t *testing.T) {
	now := released
	m := receipt.NewMemory(func() time.Time { return now })
	names := func(i int) string {
		return strings.Repeat("n", 22) + string(rune('a'+i%26)) + strings.Repeat("m", i/26)
	}
	for i := range 3000 {
		if err := m.Use(t.Context(), names(i), now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3000 {
		if err := m.Use(t.Context(), names(i), now.Add(time.Minute)); !errors.Is(err, receipt.ErrUsed) {
			t.Fatalf("nonce %d was forgotten while it counted: %v", i, err)
		}
	}
	now = now.Add(time.Hour)
	for i := range 10000 { // enough for a sweep
		if err := m.Use(t.Context(), "later"+names(i), now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Use(t.Context(), names(0), now.Add(time.Minute)); err != nil {
		t.Errorf("a nonce of an hour ago is still held: %v", err)
	}
}

func TestSignRefusesClaimsThatSayTooLittle(t *testing.T) {
	for name, spoil := range map[string]func(*receipt.Claims){
		"no issuer":       func(c *receipt.Claims) { c.Issuer = "" },
		"no identity":     func(c *receipt.Claims) { c.Identity = "" },
		"no tool":         func(c *receipt.Claims) { c.Tool = "" },
		"no hold":         func(c *receipt.Claims) { c.Hold = "" },
		"no call":         func(c *receipt.Claims) { c.Call = "" },
		"no log":          func(c *receipt.Claims) { c.LogOrigin = "" },
		"no approver":     func(c *receipt.Claims) { c.Approvers = nil },
		"short nonce":     func(c *receipt.Claims) { c.ID = c.ID[:21] },
		"odd nonce":       func(c *receipt.Claims) { c.ID += "!" },
		"no time":         func(c *receipt.Claims) { c.IssuedAt = 0 },
		"no life":         func(c *receipt.Claims) { c.Expires = c.IssuedAt },
		"long life":       func(c *receipt.Claims) { c.Expires = c.IssuedAt + 24*3600 + 1 },
		"upper-case hex":  func(c *receipt.Claims) { c.Arguments = strings.ToUpper(c.Arguments) },
		"half a digest":   func(c *receipt.Claims) { c.Arguments = c.Arguments[:32] },
		"tool not UTF-8":  func(c *receipt.Claims) { c.Tool = "post\xffpayment" },
		"very long":       func(c *receipt.Claims) { c.Approvers = []string{strings.Repeat("a", receipt.MaxToken)} },
		"people not text": func(c *receipt.Claims) { c.Approvers = []string{"\xff"} },
	} {
		c := claims(t)
		spoil(&c)
		if token, err := receipt.Sign(private, signer.ID, c); err == nil {
			t.Errorf("%s: signed as %s", name, token)
		}
	}
	if _, err := receipt.Sign(private[:31], signer.ID, claims(t)); err == nil {
		t.Error("half a key signs")
	}
	if _, err := receipt.Sign(private, "", claims(t)); err == nil {
		t.Error("a key without a name signs")
	}
}

func TestKeysSurviveTheirSet(t *testing.T) {
	old := receipt.NewKey(ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey))
	want := receipt.Keys{Issuer: "writ.example/log/main", Keys: []receipt.Key{signer, old}}
	got, err := receipt.ParseKeys(want.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseKeysPassesOverOtherKindsAndRefusesDoubt(t *testing.T) {
	const good = `{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	rsa := `{"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB"}`
	keys, err := receipt.ParseKeys([]byte(`{"keys":[` + rsa + `,` + good + `,{"kty":"OKP","crv":"X25519","kid":"x","x":"AA"}],"more":1}`))
	if err != nil || len(keys.Keys) != 1 || keys.Keys[0].ID != "a" {
		t.Errorf("got %v, %v", keys, err)
	}
	for name, set := range map[string]string{
		"no JSON":         `keys`,
		"a list":          `[` + good + `]`,
		"nothing of ours": `{"keys":[` + rsa + `]}`,
		"empty":           `{"keys":[]}`,
		"one id twice":    `{"keys":[` + good + `,` + good + `]}`,
		"another's id":    `{"keys":[` + strings.Replace(rsa, `"r"`, `"a"`, 1) + `,` + good + `]}`,
		"a private key":   `{"keys":[` + strings.Replace(good, `"x"`, `"d":"AAAA","x"`, 1) + `]}`,
		"no id":           `{"keys":[` + strings.Replace(good, `"kid":"a",`, ``, 1) + `]}`,
		"short x":         `{"keys":[` + strings.Replace(good, `HURo`, ``, 1) + `]}`,
		"padded x":        `{"keys":[` + strings.Replace(good, `HURo"`, `HURo="`, 1) + `]}`,
		"loose x":         `{"keys":[` + strings.Replace(good, `HURo"`, `HURp"`, 1) + `]}`, // other trailing bits, same bytes
		"keys twice":      `{"keys":[` + good + `],"keys":[` + good + `]}`,
		"more after it":   `{"keys":[` + good + `]} {}`,
		"too long":        `{"keys":[` + good + `]` + strings.Repeat(" ", 1<<20) + `}`,
	} {
		if keys, err := receipt.ParseKeys([]byte(set)); !errors.Is(err, receipt.ErrKeys) {
			t.Errorf("%s: got %v, %v", name, keys, err)
		}
	}
}
