package meter

import "github.com/writ-project/writ/internal/store"

// Leaser is what the meter needs of the store.
type Leaser = leaser

// Through puts something between the meter and its store.
func Through(cfg Config, l Leaser) Config {
	cfg.leaser = l
	return cfg
}

// Flush reports all that has happened up to now.
func (m *Meter) Flush() error { return m.flush(urgent) }

// Tick does what Run does every second.
func (m *Meter) Tick() error { return m.flush(ticking) }

// Leave does what Run does at its end.
func (m *Meter) Leave() error { return m.flush(leaving) }

// DryFor is how long an account without room is not asked for again.
const DryFor = dryFor

// Visit recovers from a log of one entry.
func Visit(entry []byte) ([]store.LeaseEntry, error) {
	s := newSalvage(store.Mark{}, nil)
	if err := s.visit(0, entry); err != nil {
		return nil, err
	}
	err := s.rest()
	return s.entries(), err
}
