package proof

import (
	"context"
	"net/http"

	"github.com/writ-project/writ/internal/identity"
)

// Reach fetches an issuer's keys once, under the rules and with the dialler
// that an exchange has, and says how many there are: for `writ doctor`.
func Reach(ctx context.Context, i identity.Issuer) (keys int, err error) {
	ctx, cancel := context.WithTimeout(ctx, defaultFetchTimeout)
	defer cancel()
	set, err := keySourceOf(i).fetch(ctx)
	return len(set), err
}

// Client is the client by which issuers are asked, for whoever else talks to one:
// no redirects, no proxy, no address that guard refuses (security S12). caFile
// may be empty; local allows loopback and private addresses.
func Client(caFile string, local bool) (*http.Client, error) {
	return keySource{caFile: caFile, local: local}.client()
}
