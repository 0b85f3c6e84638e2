package proof

import (
	"context"

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
