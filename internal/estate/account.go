package estate

import (
	"slices"
	"strings"
)

// Principal returns the account's user or role with an ARN, or nil.
func (a *Account) Principal(arn string) *Principal {
	i, ok := slices.BinarySearchFunc(a.Principals, arn, func(p *Principal, arn string) int { return strings.Compare(p.ARN, arn) })
	if !ok {
		return nil
	}
	return a.Principals[i]
}
