package snapshot

import (
	"time"

	"github.com/writ-project/writ/internal/manifest"
)

// Of builds the snapshot that resources would make, without asking the log
// whether they are authorised: to check a plan before it is recorded, and to
// explain what is in a store nobody serves. The gateway never decides on one.
func Of(resources []manifest.Resource, at time.Time) (*Snapshot, error) {
	b := newBuilder(nil, at)
	for _, r := range resources {
		b.apply(r.Kind, r.Name, r.Spec)
	}
	return b.finish()
}
