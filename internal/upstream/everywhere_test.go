package upstream

import (
	"testing"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/rights"
)

// place is a call that could be made.
type place struct {
	rights.Invocation
	catalogue *bedrock.Catalogue
}

// everywhere is a call through every profile of the embedded catalogue from
// every region it is known to be callable in.
func everywhere(t testing.TB) (all []place) {
	t.Helper()
	cat := bedrock.Embedded()
	for _, p := range cat.Profiles() {
		regions := []string{"us-east-1"} // of a global profile
		for r := range p.Destinations {
			regions = append(regions, r)
		}
		for _, r := range regions {
			all = append(all, place{rights.Invocation{Operation: bedrock.ConverseStream, ModelID: p.ID, Region: r, Account: home}, cat})
		}
	}
	return all
}
