// Package analyse answers who can invoke what in AWS accounts that were read
// from files: can, who can, what can, by which path, what is over-broad, what
// the narrow policy would be, and what would leave one door only.
//
// It trusts the estate to be what the files say, and nothing beyond: every
// answer is exact within what was given, and names what was not. Decisions come
// from the algebra in package rights; this room turns questions into cases and
// answers into findings. It opens no file and reads no clock.
package analyse

import (
	"sync"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// Config is what an analysis stands on.
type Config struct {
	Estate    *estate.Estate     // required
	Catalogue *bedrock.Catalogue // nil: the embedded one, with the estate's profiles
	Facts     *awsiam.Facts      // nil: the embedded ones
	Now       time.Time          // required: when the questions are asked
}

// Analysis answers questions about an estate. It is safe for concurrent use.
type Analysis struct {
	Estate    *estate.Estate
	Catalogue *bedrock.Catalogue
	Facts     *awsiam.Facts
	Now       time.Time
	Problems  []awsiam.Problem // of profiles that the catalogue does not take

	classes rights.Classes
	mu      sync.Mutex
	known   map[*estate.Principal]awsiam.Context
}

// New prepares an analysis.
func New(c Config) *Analysis {
	a := &Analysis{Estate: c.Estate, Catalogue: c.Catalogue, Facts: c.Facts, Now: c.Now, known: map[*estate.Principal]awsiam.Context{}}
	if a.Facts == nil {
		a.Facts = awsiam.EmbeddedFacts()
	}
	if a.Catalogue == nil {
		a.Catalogue, a.Problems = c.Estate.Catalogue(bedrock.Embedded())
	}
	return a
}

func (a *Analysis) universe() rights.Universe {
	return rights.Universe{Facts: a.Facts, Correlated: true, Now: a.Now, Classes: &a.classes}
}

// timeless is the universe of questions about every time.
func (a *Analysis) timeless() rights.Universe {
	u := a.universe()
	u.Now = time.Time{}
	return u
}

// Principals are all users and roles, account by account.
func (a *Analysis) Principals() []*estate.Principal {
	var all []*estate.Principal
	for _, acct := range a.Estate.Accounts {
		all = append(all, acct.Principals...)
	}
	return all
}
