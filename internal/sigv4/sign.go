package sigv4

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Outbound says how to sign a request that leaves.
type Outbound struct {
	Credentials aws.Credentials // required; a session token is added to the request
	Service     string          // the signing name
	Region      string
	Time        time.Time
}

// Sign signs a request in place, in the header form, over its path as escaped,
// its headers and the SHA-256 of its body. It sets Authorization, X-Amz-Date
// and, for session credentials, X-Amz-Security-Token.
func Sign(r *http.Request, bodySum [32]byte, o Outbound) error {
	// The SDK's signer remembers derived keys by access key id alone, without
	// the secret. A signer of its own for each request forgets: 2 µs, and
	// never another secret's key.
	err := v4.NewSigner().SignHTTP(r.Context(), o.Credentials, r, hex.EncodeToString(bodySum[:]), o.Service, o.Region, o.Time)
	if err != nil {
		return fmt.Errorf("signing request: %w", err)
	}
	return nil
}
