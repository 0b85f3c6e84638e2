package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/writ-project/writ/auditlog"
)

// salts caches the commitment salts of the day, so that the hot path asks the
// store once per identity and day.
type salts struct {
	fetch SaltFunc

	mu   sync.RWMutex
	day  time.Time
	held map[string]*auditlog.Committer // by identity
}

// saltWithin is how long a call waits for its salt: a database that is silent
// holds no call open. Without a salt nothing can be recorded, so the call is
// refused.
const saltWithin = 5 * time.Second

func newSalts(fetch SaltFunc) *salts {
	return &salts{fetch: fetch, held: make(map[string]*auditlog.Committer)}
}

func (s *salts) get(ctx context.Context, identity string, now time.Time) (*auditlog.Committer, error) {
	day := now.UTC().Truncate(24 * time.Hour)
	s.mu.RLock()
	committer := s.held[identity]
	fresh := s.day.Equal(day)
	s.mu.RUnlock()
	if fresh && committer != nil {
		return committer, nil
	}
	ctx, cancel := context.WithTimeout(ctx, saltWithin)
	defer cancel()
	salt, err := s.fetch(ctx, identity, day)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.day.Equal(day) {
		s.day, s.held = day, make(map[string]*auditlog.Committer)
	}
	committer = auditlog.NewCommitter(salt)
	s.held[identity] = committer
	return committer, nil
}
