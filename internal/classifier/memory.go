package classifier

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/writ-project/writ/internal/dataclass"
)

// The bounds of a memory.
const (
	worthKeeping = 256 // bytes; shorter texts are read as fast as they are found
	mostFindings = 64  // of one text that is remembered
)

type digest [sha256.Size]byte

// Memory remembers what was found in texts, by their digests, never the texts:
// a conversation is sent again with every turn, so most of what a session sends
// was read before. It keeps the latest and is safe for concurrent use.
type Memory struct {
	mu    sync.Mutex
	most  int
	order list.List // of *remembered, latest first
	by    map[digest]*list.Element
}

type remembered struct {
	key  digest
	seen seen
}

// NewMemory makes a memory of at most so many texts, at a few hundred bytes
// each.
func NewMemory(most int) *Memory {
	return &Memory{most: most, by: make(map[digest]*list.Element)}
}

// Scope is a memory as one session may use it: what another session sent is
// not to be told from how long an answer takes. A nil Scope remembers nothing.
type Scope struct {
	memory  *Memory
	session digest
}

// Of scopes the memory to a session.
func (m *Memory) Of(session string) *Scope {
	return &Scope{m, sha256.Sum256([]byte(session))}
}

// key is what a part is remembered by; ok is false for one that is not.
func (s *Scope) key(c *Classifier, p *Part) (k digest, ok bool) {
	if s == nil || len(p.Text) < worthKeeping {
		return k, false
	}
	h := sha256.New()
	h.Write(s.session[:])
	var n [8]byte
	for _, field := range [...]string{c.version, p.Field} {
		binary.BigEndian.PutUint64(n[:], uint64(len(field)))
		h.Write(n[:])
		h.Write([]byte(field))
	}
	if p.File {
		h.Write([]byte{1})
	} else {
		h.Write([]byte{0})
	}
	h.Write(p.Text)
	h.Sum(k[:0])
	return k, true
}

func (s *Scope) recall(k digest, ok bool) (seen, bool) {
	if !ok {
		return seen{}, false
	}
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.by[k]
	if !ok {
		return seen{}, false
	}
	m.order.MoveToFront(e)
	return e.Value.(*remembered).seen, true
}

// keep remembers what was found in a part that was read in full.
func (s *Scope) keep(k digest, ok bool, what seen, b *dataclass.Budget) {
	if !ok || b.Overspent || len(what.found) > mostFindings {
		return
	}
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.by[k]; ok {
		return
	}
	m.by[k] = m.order.PushFront(&remembered{k, what})
	if m.order.Len() > m.most {
		last := m.order.Back()
		m.order.Remove(last)
		delete(m.by, last.Value.(*remembered).key)
	}
}
