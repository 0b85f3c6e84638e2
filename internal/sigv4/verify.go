package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"time"
)

// Verify checks a signature: that its date lies within Window of now, that the
// body is the one it speaks of, and that the holder of secret made it. secret
// is the secret access key that belongs to p's access key id and token;
// SigV4 does not sign the access key id, so that link is the caller's to check.
// bodySum is the SHA-256 of the body as received. Every error is an *Error.
// Keys may be shared; p belongs to one request and one goroutine.
func (k *Keys) Verify(p *Presented, secret string, bodySum [32]byte, now time.Time) error {
	if skew := now.Sub(p.time); skew > Window || skew < -Window {
		return refuse(RequestTimeTooSkewed, "X-Amz-Date is more than 5 minutes away from this host's clock")
	}
	if secret == "" {
		return refuse(UnrecognizedClient, "the access key is unknown")
	}
	if p.sum != nil && subtle.ConstantTimeCompare(p.sum[:], bodySum[:]) != 1 {
		return refuse(InvalidSignature, "X-Amz-Content-Sha256 is not the body's SHA-256")
	}
	want := p.sign(k.key(secret, p.scope, now), bodySum)
	if !hmac.Equal(want[:], p.signature[:]) {
		return refuse(InvalidSignature, "the request signature does not match: check the secret access key and that nothing on the way changed path or headers")
	}
	return nil
}

// sign computes the signature that key makes over what was presented.
func (p *Presented) sign(key *signer, bodySum [32]byte) signingKey {
	request := hex.AppendEncode(p.canonical, bodySum[:]) // into the room left for it
	sum := sha256.Sum256(request)

	b := make([]byte, 0, 256)
	b = append(b, Algorithm+"\n"...)
	b = append(b, p.date...)
	b = append(b, '\n')
	b = append(b, p.scope.Date...)
	b = append(b, '/')
	b = append(b, p.scope.Region...)
	b = append(b, '/')
	b = append(b, p.scope.Service...)
	b = append(b, "/"+terminator+"\n"...)
	b = hex.AppendEncode(b, sum[:])
	return key.sign(b)
}
