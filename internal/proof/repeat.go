package proof

import (
	"crypto/sha256"
	"strconv"
	"sync"
	"time"
)

const (
	repeatWindow = time.Minute
	maxRepeats   = 4096
)

// repeats remembers sessions for as long as an equal request gets them again.
// It is asked only after a proof was verified and bound, so that an entry can
// neither stand in for a check nor outlive a change of binding or identity:
// all of these are part of the fingerprint.
type repeats struct {
	mu   sync.Mutex
	kept map[[32]byte]repeat
}

type repeat struct {
	minted Minted
	until  time.Time
}

func newRepeats() *repeats { return &repeats{kept: map[[32]byte]repeat{}} }

func (r *repeats) get(key [32]byte, now time.Time) (Minted, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.kept[key]
	if !ok || !now.Before(k.until) {
		return Minted{}, false
	}
	k.minted.Repeated = true
	return k.minted, true
}

// put remembers a session. When memory is full of live entries it is not
// remembered: a repeat then costs a record, nothing else.
func (r *repeats) put(key [32]byte, m Minted, now time.Time) {
	until := now.Add(repeatWindow)
	if m.Session.Expires.Before(until) {
		until = m.Session.Expires
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) >= maxRepeats {
		for k, v := range r.kept {
			if !now.Before(v.until) {
				delete(r.kept, k)
			}
		}
	}
	if len(r.kept) < maxRepeats {
		r.kept[key] = repeat{minted: m, until: until}
	}
}

// Forget has every request get a session of its own again: after the keys
// rotated without overlap, what is remembered is void.
func (x *Exchange) Forget() {
	x.repeats.mu.Lock()
	defer x.repeats.mu.Unlock()
	clear(x.repeats.kept)
}

// fingerprint is the SHA-256 of the whole request, token and all, and of what
// was decided about it. A key made from a part of the token would hand one
// caller another's session (CVE-2026-35030).
func fingerprint(req WebIdentityRequest, m Mint) [32]byte {
	s := m.Session
	fields := []string{
		string(req.Token), req.RoleARN, req.Identity, string(req.Form), req.SessionName, req.Duration.String(),
		req.Origin.Addr.String(), req.Origin.Peer.String(),
		s.Identity, s.Binding, s.Issuer, s.Subject, m.Audience,
		s.Expires.Sub(s.Issued).String(), strconv.FormatUint(uint64(s.Epoch), 10),
	}
	for _, p := range s.Networks {
		fields = append(fields, p.String())
	}
	var b []byte
	for _, f := range fields {
		b = appendField(b, f)
	}
	return sha256.Sum256(b)
}
