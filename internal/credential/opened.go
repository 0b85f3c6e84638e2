package credential

import (
	"crypto/subtle"
	"hash/maphash"
	"sync/atomic"

	"github.com/writ-project/writ/internal/identity"
)

// opened remembers sessions that a ring has opened: a workload shows the same
// token with each of its calls. What a token opens to depends on the ring and
// on nothing else, so an entry is good for as long as its ring is; whether the
// session still counts is Check's question each time. Tokens are compared
// whole, and access key ids too (CVE-2026-35030 is a cache that did not). It
// does not grow.
type opened struct {
	slots [1024]atomic.Pointer[openedSession]
}

type openedSession struct {
	accessKeyID string
	token       Secret
	session     identity.Session
	secret      Secret
}

var openedSeed = maphash.MakeSeed()

func (o *opened) slot(token string) *atomic.Pointer[openedSession] {
	return &o.slots[maphash.String(openedSeed, token)%uint64(len(o.slots))]
}

func (o *opened) recall(accessKeyID, token string) (*openedSession, bool) {
	e := o.slot(token).Load()
	if e == nil || !equal(e.token.Reveal(), token) || !equal(e.accessKeyID, accessKeyID) {
		return nil, false
	}
	return e, true
}

func (o *opened) keep(e *openedSession) { o.slot(e.token.Reveal()).Store(e) }

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
