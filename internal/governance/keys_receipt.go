package governance

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"slices"

	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/receipt"
)

// receiptKeys is what receipts are signed and checked by. It is immutable.
type receiptKeys struct {
	private ed25519.PrivateKey
	id      string
	public  receipt.Keys
	jwks    []byte
}

// receiptsCount is how long a retired key stays among the public ones: as long
// as the last receipt that it signed can count, by the slowest clock.
const receiptsCount = receipt.MaxLife + 2*receipt.Skew

// buildReceipts takes the receipt keys over: those of the newest epoch, for an
// emergency voids what the earlier ones signed. Like sessions, receipts are made
// by the oldest key in use, which every replica has.
func (k *Keys) buildReceipts(all []credential.Key) {
	var keys []credential.Key
	for _, key := range all {
		past := !key.Retired.IsZero() && k.cfg.Now().Sub(key.Retired) > receiptsCount
		if key.Purpose == credential.ReceiptPurpose && !past {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b credential.Key) int {
		return cmp.Or(cmp.Compare(b.Epoch, a.Epoch), cmp.Compare(a.ID, b.ID))
	})
	r := &receiptKeys{public: receipt.Keys{Issuer: k.cfg.Issuer}}
	for _, key := range keys {
		if key.Epoch == keys[0].Epoch {
			r.add(key)
		}
	}
	r.jwks = r.public.JWKS()
	k.receipts.Store(r)
}

func (r *receiptKeys) add(key credential.Key) {
	seed := key.Reveal()
	private := ed25519.NewKeyFromSeed(seed[:])
	public := receipt.NewKey(private.Public().(ed25519.PublicKey))
	r.public.Keys = append(r.public.Keys, public)
	if r.private == nil && key.Retired.IsZero() {
		r.private, r.id = private, public.ID
	}
}

// SignReceipt signs a receipt in the installation's name. The same claims give
// the same receipt until the keys are rotated, and the same nonce for good.
func (k *Keys) SignReceipt(c receipt.Claims) (string, error) {
	r := k.receipts.Load()
	if r.private == nil {
		return "", errors.New("there is no key that signs receipts")
	}
	c.Issuer = k.cfg.Issuer
	return receipt.Sign(r.private, r.id, c)
}

// Receipts are the public keys of every receipt that may still count.
func (k *Keys) Receipts() receipt.Keys {
	public := k.receipts.Load().public
	public.Keys = slices.Clone(public.Keys)
	return public
}

// JWKS are the same keys as a JWK Set (RFC 7517), in bytes that must not be
// changed.
func (k *Keys) JWKS() []byte { return k.receipts.Load().jwks }
