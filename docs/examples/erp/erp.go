// Package erp is an example of a system of record that writes only what a human
// released: HTTP middleware that asks for a receipt before the handler runs. It
// is written to be copied. It trusts the keys of one installation of Writ, its
// own clock, its own authentication of the caller and its own store of used
// receipts; it does not trust the caller, whose code may be hostile.
//
// Where the write goes to a database, use the receipt in the transaction that
// does the write, as [TxNonces] does: then a receipt is used if and only if the
// write happened. With [RequireReceipt] it is used before the handler runs, and
// a handler that fails has used it up.
package erp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/writ-project/writ/receipt"
)

// Guard says which receipts open a door. All fields are required but Audience.
type Guard struct {
	Tool     string // that the door carries out
	Issuer   string // the installation of Writ whose word counts
	Audience string // this system's name, for receipts that are for one only
	// Keys are the installation's public keys: from /writ/v1/jwks.json, kept, and
	// fetched anew now and then and when a receipt names a key that is not there.
	Keys   func(context.Context) (receipt.Keys, error)
	Nonces receipt.Nonces
	// Caller is whom this system authenticated as the caller, in the names of
	// Writ's identities; empty: nobody.
	Caller func(*http.Request) string
	Now    func() time.Time
}

// RequireReceipt lets a request through to next only with a receipt for exactly
// it: the body, as JSON, is the arguments of the tool. Every other request is
// answered with 401, 403, 409 or 503 and a JSON body that says why.
func RequireReceipt(next http.Handler, g Guard) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, receipt.MaxArguments))
		if err != nil {
			refuse(w, http.StatusRequestEntityTooLarge, "the body cannot be read")
			return
		}
		claims, err := g.verify(r, body)
		if err != nil {
			refuse(w, status(err), err.Error())
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body)) // what was checked is what is done
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, claims)))
	})
}

var errNobody = errors.New("the caller is not authenticated")

func (g Guard) verify(r *http.Request, body []byte) (receipt.Claims, error) {
	caller := g.Caller(r)
	if caller == "" {
		return receipt.Claims{}, errNobody
	}
	tokens := r.Header.Values(receipt.Header)
	if len(tokens) != 1 {
		return receipt.Claims{}, receipt.ErrMalformed
	}
	keys, err := g.Keys(r.Context())
	if err != nil {
		return receipt.Claims{}, receipt.ErrKeys
	}
	want := receipt.Expect{
		Issuer: g.Issuer, Audience: g.Audience, Identity: caller, Tool: g.Tool, Arguments: body, Now: g.Now(),
	}
	return receipt.Verify(r.Context(), tokens[0], keys, want, g.Nonces)
}

// status is the answer to a request without a receipt that counts. Only a store
// or keys that cannot be asked are worth another try with the same receipt.
func status(err error) int {
	switch {
	case errors.Is(err, errNobody):
		return http.StatusUnauthorized
	case errors.Is(err, receipt.ErrUsed):
		return http.StatusConflict
	case errors.Is(err, receipt.ErrNonces), errors.Is(err, receipt.ErrKeys):
		return http.StatusServiceUnavailable
	}
	return http.StatusForbidden
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
}

type claimsKey struct{}

// Receipt returns the claims of the receipt that opened the door for a request,
// to keep with what is written.
func Receipt(r *http.Request) (receipt.Claims, bool) {
	c, ok := r.Context().Value(claimsKey{}).(receipt.Claims)
	return c, ok
}
