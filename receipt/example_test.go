package receipt_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/writ-project/writ/receipt"
)

// A system of record checks what it is about to do against the receipt that came
// with the request.
func Example() {
	// What the installation publishes at /writ/v1/jwks.json; the verifier keeps it.
	private := ed25519.NewKeyFromSeed([]byte("a seed for tests, 32 bytes long."))
	key := receipt.NewKey(private.Public().(ed25519.PublicKey))
	published := receipt.Keys{Issuer: "writ.example/log/main", Keys: []receipt.Key{key}}.JWKS()

	// What the agent got when a human released the call.
	now := time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)
	arguments := []byte(`{"invoice": "INV-1041", "amount": 1250.00}`)
	digest, _ := receipt.Digest(arguments)
	token, _ := receipt.Sign(private, key.ID, receipt.Claims{
		Issuer: "writ.example/log/main", Identity: "invoice-triage", Tool: "post_payment", Arguments: digest,
		ID: receipt.NewID("writ.example/log/main", "h-7", 0, "writ.example/log/main", 4711), Hold: "h-7", Call: "tooluse_1",
		IssuedAt: now.Unix(), Expires: now.Add(15 * time.Minute).Unix(), Approvers: []string{"ana"},
		LogOrigin: "writ.example/log/main", LogIndex: 4711,
	})

	// What the system of record does.
	keys, err := receipt.ParseKeys(published)
	if err != nil {
		fmt.Println(err)
		return
	}
	used := receipt.NewMemory(func() time.Time { return now }) // better: a table in the transaction of the write
	post := func(body string) {
		claims, err := receipt.Verify(context.Background(), token, keys, receipt.Expect{
			Issuer: "writ.example/log/main", Identity: "invoice-triage", Tool: "post_payment",
			Arguments: []byte(body), Now: now.Add(time.Minute),
		}, used)
		switch {
		case errors.Is(err, receipt.ErrUsed):
			fmt.Println("not again")
		case err != nil:
			fmt.Println("refused:", err)
		default:
			fmt.Println("posted, released by", claims.Approvers)
		}
	}
	post(`{"amount":9250,"invoice":"INV-1041"}`)
	post(`{"amount":1250,"invoice":"INV-1041"}`)
	post(`{"amount":1250,"invoice":"INV-1041"}`)
	// Output:
	// refused: the receipt is for other arguments
	// posted, released by [ana]
	// not again
}
