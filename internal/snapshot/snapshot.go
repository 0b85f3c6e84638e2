// Package snapshot holds the view of the control plane that the gateway
// decides on: everything that is granted, bound and ruled, in memory, as of
// one revision of the store.
//
// A Snapshot is immutable and safe to use from many goroutines; a change makes
// a new one that shares with the old what did not change. A Source follows the
// store and swaps the current snapshot whole.
//
// The package does not trust the store. A row counts only when its digest is
// that of its content and the audit log holds the record that authorised
// exactly this change (security S17). When a row does not, the whole change is
// refused: the snapshot before it stays, the Source says why, and once that
// snapshot is older than its freshness limit it is no longer good for
// decisions. So whoever can write the database, but not the log, can stop
// calls and cannot allow one.
package snapshot

import (
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
)

// Snapshot is the control plane at one revision. What its methods return is
// shared and must not be changed.
type Snapshot struct {
	Revision  int64
	At        time.Time          // when it was built
	Networks  *identity.Networks // never nil
	Catalogue *bedrock.Catalogue // never nil: the embedded one with the organisation's overlay
	Bundle    *policy.Bundle     // never nil
	Budgets   *budget.Book       // never nil: what limits calls, of budgets and of entitlements
	Stops     *Stops             // what is quarantined; nil: nothing is
	// Classifier knows the organisation's labels beside what is built in; never nil.
	Classifier *classifier.Classifier

	content
	index
}

// Resource returns a resource of any kind by name. Requests are in no snapshot.
func (s *Snapshot) Resource(kind manifest.Kind, name string) (manifest.Resource, bool) {
	on := s.on(kind)
	if on == nil {
		return manifest.Resource{}, false
	}
	spec, ok := on.spec(name)
	return manifest.Resource{Kind: kind, Name: name, Spec: spec}, ok
}

// Counts returns how many identities and grants there are.
func (s *Snapshot) Counts() (identities, grants int) { return s.identities.len(), s.grants.len() }
