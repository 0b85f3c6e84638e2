package receipt

import (
	"context"
	"sync"
	"time"
)

// Memory is a Nonces that forgets everything with the process: for tests, and
// for a system that loses what it wrote at the same time. It is safe for
// concurrent use.
type Memory struct {
	now func() time.Time

	mu    sync.Mutex
	used  map[string]time.Time // until when each must be remembered
	sweep int                  // how many it may hold before the past ones are dropped
}

// NewMemory makes one that remembers by the given clock.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, used: make(map[string]time.Time), sweep: 1024}
}

// Use implements Nonces.
func (m *Memory) Use(_ context.Context, id string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, used := m.used[id]; used {
		return ErrUsed
	}
	if len(m.used) >= m.sweep {
		m.forget()
	}
	m.used[id] = until
	return nil
}

// forget drops what is past, and doubles the room if little was.
func (m *Memory) forget() {
	now := m.now()
	for id, until := range m.used {
		if now.After(until) {
			delete(m.used, id)
		}
	}
	m.sweep = max(1024, 2*len(m.used))
}
