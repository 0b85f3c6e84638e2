package gateway

import (
	"sync/atomic"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/proof"
	"github.com/writ-project/writ/internal/snapshot"
)

// World is the part of a snapshot that exchanging a proof needs. Gathering it
// looks at every binding.
func World(s *snapshot.Snapshot) proof.World {
	w := proof.World{Issuers: make(map[string]identity.Issuer), Identity: s.Identity, Networks: s.Networks, Stopped: s.Stops.Caller}
	for _, i := range s.Issuers() {
		w.Issuers[i.ID] = *i
		for _, b := range s.BindingsOf(i.ID) {
			w.Bindings = append(w.Bindings, *b)
		}
	}
	return w
}

// worlds remembers the world of the snapshot that was last asked about.
type worlds struct {
	last atomic.Pointer[world]
}

type world struct {
	of *snapshot.Snapshot
	proof.World
}

func (w *worlds) of(s *snapshot.Snapshot) proof.World {
	last := w.last.Load()
	if last == nil || last.of != s {
		last = &world{s, World(s)}
		w.last.Store(last)
	}
	return last.World
}
