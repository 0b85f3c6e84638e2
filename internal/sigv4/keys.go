package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"
)

// signingKey is a link of the key chain, or a signature made with its last one.
type signingKey [32]byte

// signer makes signatures with one signing key.
type signer struct {
	macs sync.Pool // of hash.Hash keyed by it: keying one costs more than using it
}

func newSigner(key signingKey) *signer {
	return &signer{macs: sync.Pool{New: func() any { return hmac.New(sha256.New, key[:]) }}}
}

func (s *signer) sign(message []byte) (out signingKey) {
	mac := s.macs.Get().(hash.Hash)
	mac.Reset()
	mac.Write(message)
	mac.Sum(out[:0])
	s.macs.Put(mac)
	return out
}

// keyLifetime is how long derived keys are remembered.
const keyLifetime = time.Hour

const shardCount = 16

// Keys remembers derived signing keys, because deriving one costs four HMACs.
// An entry is found by the SHA-256 of everything the key depends on, the whole
// secret included. Memory is bounded: entries live in two generations, and when
// the young one is full it replaces the old one. Everything is forgotten after
// an hour, so that no key stays behind its session for long.
type Keys struct {
	limit  int // entries of one generation of one shard
	shards [shardCount]keyShard
}

type keyShard struct {
	mu         sync.RWMutex // guards what follows
	young, old map[signingKey]*signer
	born       time.Time // when the oldest entry may have been made
}

// NewKeys makes a memory for about limit signing keys; each takes about 1 KB
// while it is in use. A limit of a few times the number of live sessions is enough.
func NewKeys(limit int) *Keys {
	return &Keys{limit: max(limit/(2*shardCount), 1)}
}

// Format implements fmt.Formatter, for every verb, without the keys.
func (k *Keys) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "sigv4.Keys") }

// key returns the signer for a secret and a scope.
func (k *Keys) key(secret string, scope Scope, now time.Time) *signer {
	name := keyName(secret, scope)
	shard := &k.shards[name[0]%shardCount]
	if key, ok := shard.get(name, now); ok {
		return key
	}
	key := newSigner(derive(secret, scope))
	shard.put(name, key, now, k.limit)
	return key
}

func (s *keyShard) get(name signingKey, now time.Time) (*signer, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if now.Sub(s.born) > keyLifetime {
		return nil, false
	}
	if key, ok := s.young[name]; ok {
		return key, true
	}
	// A hit is not moved to the young generation: deriving a key in use anew
	// now and then costs less than taking the write lock here would.
	key, ok := s.old[name]
	return key, ok
}

func (s *keyShard) put(name signingKey, key *signer, now time.Time, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case now.Sub(s.born) > keyLifetime:
		s.young, s.old, s.born = make(map[signingKey]*signer), nil, now
	case len(s.young) >= limit:
		s.young, s.old = make(map[signingKey]*signer), s.young
	}
	s.young[name] = key
}

// keyName digests the full inputs of the derivation, each behind its length.
func keyName(secret string, scope Scope) signingKey {
	b := make([]byte, 0, 256)
	for _, part := range [...]string{secret, scope.Date, scope.Region, scope.Service} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}

// derive walks the key chain.
func derive(secret string, scope Scope) signingKey {
	key := mac([]byte("AWS4"+secret), []byte(scope.Date))
	for _, part := range [...]string{scope.Region, scope.Service, terminator} {
		key = mac(key[:], []byte(part))
	}
	return key
}

func mac(key, message []byte) signingKey {
	var out signingKey
	h := hmac.New(sha256.New, key)
	h.Write(message)
	h.Sum(out[:0])
	return out
}
