package proof

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/writ-project/writ/internal/identity"
)

// verified is a proof whose signature, issuer and times are good. Only verify
// and verifyCertificate make one.
type verified struct {
	kind   identity.ProofKind
	issuer identity.Issuer
	claims claims
}

// satisfies reports whether the proof meets a binding: of tokens for a token,
// of certificates for a certificate.
func (p verified) satisfies(b *identity.Binding) bool {
	if p.kind == identity.ProofSPIFFE {
		return b.SatisfiedByCertificate(p.issuer.ID, p.claims.subject)
	}
	return b.Satisfied(p.issuer.ID, p.claims.subject, p.claims.audiences, p.claims.text)
}

// verify believes a token, or says why not. The order matters: nothing is
// fetched for an issuer that is not configured, and no signature is verified
// with an algorithm or a key that the issuer's configuration did not choose.
func (x *Exchange) verify(ctx context.Context, w World, t Token, now time.Time) (verified, error) {
	u, err := readToken(t)
	if err != nil {
		return verified{}, refuse(MalformedProof, err)
	}
	issuer, err := w.issuer(u.claims.issuer)
	if err != nil {
		return verified{}, err
	}
	algorithms := issuer.Algorithms
	if len(algorithms) == 0 {
		algorithms = identity.DefaultAlgorithms
	}
	if !slices.Contains(algorithms, u.algorithm) {
		return verified{}, refuse(AlgorithmRefused, fmt.Errorf("issuer %s signs with %v, token says %q", issuer.ID, algorithms, u.algorithm))
	}
	if err := u.claims.complete(); err != nil {
		return verified{}, refuse(ClaimsIncomplete, err)
	}
	// Times are checked before the signature, too: an expired token costs
	// neither a fetch nor a verification.
	if err := u.claims.timely(now, x.cfg.ProofLifetime); err != nil {
		return verified{}, err
	}
	keys, err := x.keys.find(ctx, w, issuer, u.keyID, u.algorithm)
	if err != nil {
		return verified{}, err
	}
	if !x.budget.verification(now) {
		return verified{}, refuse(Throttled, errors.New("too many proofs in total"))
	}
	if err := signed(ctx, issuer, algorithms, keys, t, u.claims); err != nil {
		return verified{}, refuse(SignatureInvalid, err)
	}
	return verified{kind: identity.ProofOIDC, issuer: issuer, claims: u.claims}, nil
}

// signed checks the signature, and that a second reader finds the same issuer
// and subject in the token as ours did. Expiry and audience are ours to check.
func signed(ctx context.Context, issuer identity.Issuer, algorithms []string, keys []crypto.PublicKey, t Token, c claims) error {
	v := oidc.NewVerifier(issuer.URL, &oidc.StaticKeySet{PublicKeys: keys}, &oidc.Config{
		SupportedSigningAlgs: algorithms,
		SkipClientIDCheck:    true,
		SkipExpiryCheck:      true,
	})
	id, err := v.Verify(ctx, string(t))
	if err != nil {
		return fmt.Errorf("verifying signature: %w", err)
	}
	if id.Issuer != c.issuer || id.Subject != c.subject || !slices.Equal(id.Audience, c.audiences) {
		return errors.New("verifying signature: two readers disagree about the claims")
	}
	return nil
}

// issuer finds the configured issuer whose URL is exactly the token's iss.
func (w World) issuer(iss string) (identity.Issuer, error) {
	var found []identity.Issuer
	for name, i := range w.Issuers {
		if iss != "" && i.URL == iss {
			i.ID = name
			found = append(found, i)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return identity.Issuer{}, refuse(IssuerUnknown, fmt.Errorf("no issuer is configured for iss %.200q", iss))
	}
	return identity.Issuer{}, refuse(IssuerAmbiguous, fmt.Errorf("%d issuers are configured for iss %q", len(found), iss))
}
