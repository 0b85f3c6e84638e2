package snapshot

import (
	"time"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
)

// With is what the snapshot would become by changes, without asking the log
// whether they are authorised: to check them before they are recorded. It
// shares what does not change, and its revision is that of the snapshot it
// comes from. The gateway never decides on one.
func (s *Snapshot) With(changes []store.Change, at time.Time) (*Snapshot, error) {
	b := newBuilder(s, at)
	for _, c := range changes {
		if c.Op.Ends() {
			b.apply(c.Kind, c.Name, nil)
			continue
		}
		r, err := manifest.Decode(c.Kind, c.Name, c.Spec)
		if err != nil {
			b.errs = append(b.errs, err)
			continue
		}
		b.apply(c.Kind, c.Name, r.Spec)
	}
	return b.finish()
}
