package proof

import (
	"crypto/sha256"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	maxRegulars = 4096
	regularFor  = 13 * time.Hour // longer than any session: whoever refreshes stays
	regularEach = 30             // proofs a minute of one of them
)

// regulars are the subjects that proved themselves lately, by the source they
// did it from. When strangers have spent a source's proofs, those behind the
// same address who prove themselves every hour still may: the name that a
// token claims, unverified, only chooses the budget (security S16).
type regulars struct {
	mu   sync.Mutex
	rows map[[sha256.Size]byte]*regular
}

type regular struct {
	budget *rate.Limiter
	last   time.Time
}

func newRegulars() *regulars { return &regulars{rows: make(map[[sha256.Size]byte]*regular)} }

func regularKey(req WebIdentityRequest, c claims) [sha256.Size]byte {
	text := sourceOf(req.Origin).String() + "\x00" + c.issuer + "\x00" + c.subject
	return sha256.Sum256([]byte(text))
}

// may reports whether the token claims to be a regular's, and spends one of
// that regular's proofs.
func (r *regulars) may(req WebIdentityRequest, now time.Time) bool {
	u, err := readToken(req.Token)
	if err != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.rows[regularKey(req, u.claims)]
	return ok && now.Sub(known.last) < regularFor && known.budget.AllowN(now, 1)
}

// note remembers who has proved itself.
func (r *regulars) note(req WebIdentityRequest, c claims, now time.Time) {
	key := regularKey(req, c)
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.rows[key]; ok {
		known.last = now
		return
	}
	if len(r.rows) >= maxRegulars {
		for k, old := range r.rows {
			if now.Sub(old.last) >= regularFor {
				delete(r.rows, k)
			}
		}
	}
	if len(r.rows) < maxRegulars {
		r.rows[key] = &regular{perMinute(regularEach), now}
	}
}
