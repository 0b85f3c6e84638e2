package proof

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"github.com/writ-project/writ/internal/identity"
)

const (
	// keyRefresh is how long fetched keys are used without asking again. A key
	// that its issuer withdraws is believed no longer than this (and StaleKeys,
	// if the issuer cannot be reached just then).
	keyRefresh = 10 * time.Minute
	// fetchInterval is the least time from one fetch for an issuer to the next,
	// whatever the reason and whatever came of it (security S12).
	fetchInterval = time.Minute
)

// keyrings holds a keyring for each configured issuer.
type keyrings struct {
	now     func() time.Time
	stale   time.Duration
	timeout time.Duration

	mu    sync.Mutex
	rings map[keySource]*keyring
}

func newKeyrings(now func() time.Time, stale, timeout time.Duration) *keyrings {
	return &keyrings{now: now, stale: stale, timeout: timeout, rings: map[keySource]*keyring{}}
}

// find returns the public keys that may verify a token of this issuer, with
// this key id and algorithm.
func (k *keyrings) find(ctx context.Context, w World, i identity.Issuer, keyID, algorithm string) ([]crypto.PublicKey, error) {
	set, err := k.ring(w, keySourceOf(i)).get(ctx, keyID)
	if err != nil {
		return nil, refuse(KeysUnavailable, fmt.Errorf("issuer %s: %w", i.ID, err))
	}
	var out []crypto.PublicKey
	for _, key := range set[keyID] {
		if key.Algorithm == "" || key.Algorithm == algorithm {
			out = append(out, key.Key)
		}
	}
	if len(out) == 0 {
		return nil, refuse(KeyUnknown, fmt.Errorf("issuer %s has no %s key %.100q", i.ID, algorithm, keyID))
	}
	return out, nil
}

// ring finds or makes the keyring of a source. Making one is the moment to
// drop those whose issuer is no longer configured, which bounds their number.
func (k *keyrings) ring(w World, s keySource) *keyring {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r, ok := k.rings[s]; ok {
		return r
	}
	wanted := make(map[keySource]bool, len(w.Issuers))
	for _, i := range w.Issuers {
		wanted[keySourceOf(i)] = true
	}
	for old := range k.rings {
		if !wanted[old] {
			delete(k.rings, old)
		}
	}
	r := &keyring{source: s, now: k.now, stale: k.stale, timeout: k.timeout}
	k.rings[s] = r
	return r
}

// keySet is an issuer's usable signature keys, by key id.
type keySet map[string][]jose.JSONWebKey

// keyring is one issuer's keys, fetched when needed.
type keyring struct {
	source  keySource
	now     func() time.Time
	stale   time.Duration
	timeout time.Duration
	flight  singleflight.Group

	mu      sync.Mutex
	keys    keySet    // never changed once here, only replaced
	fetched time.Time // when keys were asked for; zero: never
	tried   time.Time // when a fetch last began; zero: never
	err     error     // what came of that fetch
}

var errNeverFetched = errors.New("no keys were ever fetched")

// get returns the issuer's keys: what is at hand if it is fresh and has the
// key, else what a fetch brings, else what is at hand and not too stale. It
// returns an error only when there are no keys to look in.
func (r *keyring) get(ctx context.Context, keyID string) (keySet, error) {
	keys, fresh, _ := r.hold()
	if _, ok := keys[keyID]; ok && fresh {
		return keys, nil
	}
	done := r.flight.DoChan("", func() (any, error) {
		r.refresh(context.WithoutCancel(ctx))
		return nil, nil
	})
	select {
	case <-done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	keys, _, err := r.hold()
	return keys, err
}

// hold returns the keys at hand, unless they are too old to believe, and
// whether they need no refresh yet.
func (r *keyring) hold() (keys keySet, fresh bool, err error) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.keys == nil && r.err == nil:
		return nil, false, errNeverFetched
	case r.keys == nil:
		return nil, false, r.err
	case now.Sub(r.fetched) > r.stale:
		return nil, false, fmt.Errorf("keys of %v are too old: %w", r.fetched.UTC(), r.err)
	}
	return r.keys, now.Sub(r.fetched) < keyRefresh, nil
}

// refresh fetches the keys, unless that was tried less than fetchInterval ago.
// It runs in a goroutine of the flight, which the timeout ends.
func (r *keyring) refresh(ctx context.Context) {
	start := r.now()
	r.mu.Lock()
	wait := !r.tried.IsZero() && start.Sub(r.tried) < fetchInterval
	if !wait {
		r.tried = start
	}
	r.mu.Unlock()
	if wait {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	keys, err := r.source.fetch(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	if err == nil {
		r.keys, r.fetched = keys, start
	}
}
