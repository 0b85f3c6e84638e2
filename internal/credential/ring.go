package credential

import (
	"cmp"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// RingConfig is what a ring is made of.
type RingConfig struct {
	// Keys are seal and derive keys, at least one of each that is not retired.
	// The oldest (lowest id) that is not retired is used for new sessions; all
	// open old ones. So a rotation without a gap adds a key, waits until every
	// replica has it, then retires the one before; a retired key can leave the
	// ring MaxSession later. Keys of an earlier epoch are passed over.
	Keys []Key
	// Epoch is raised in an emergency, together with new keys of that epoch:
	// every earlier session is then refused at once.
	Epoch uint32
}

// Ring seals and opens sessions. It is immutable and safe for concurrent use.
type Ring struct {
	epoch  uint32
	seal   map[uint16]*sealKey
	derive map[uint16]*deriveKey
	sealer *sealKey   // the one for new sessions
	source *deriveKey // likewise
	opened *opened
}

type sealKey struct {
	id      uint16
	retired time.Time
	aead    cipher.AEAD
	aad     [len(kinds)][]byte // by kind
}

type deriveKey struct {
	id   uint16
	macs sync.Pool // of HMACs under the key: setting one up costs as much as using it
}

func newDeriveKey(id uint16, material [32]byte) *deriveKey {
	return &deriveKey{id: id, macs: sync.Pool{New: func() any { return hmac.New(sha256.New, material[:]) }}}
}

// NewRing builds a ring.
func NewRing(c RingConfig) (*Ring, error) {
	r := &Ring{epoch: c.Epoch, seal: map[uint16]*sealKey{}, derive: map[uint16]*deriveKey{}, opened: new(opened)}
	keys := slices.Clone(c.Keys)
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.ID, b.ID))
	})
	for i, k := range keys {
		if i > 0 && k.Purpose == keys[i-1].Purpose && k.ID == keys[i-1].ID {
			return nil, fmt.Errorf("building key ring: %v is given twice", k)
		}
		if k.Epoch < c.Epoch {
			continue
		}
		if err := r.add(k); err != nil {
			return nil, fmt.Errorf("building key ring: %w", err)
		}
	}
	if err := r.choose(keys); err != nil {
		return nil, fmt.Errorf("building key ring: %w", err)
	}
	return r, nil
}

func (r *Ring) add(k Key) error {
	switch {
	case k.secret.Reveal() == "":
		return fmt.Errorf("%v holds no material", k)
	case k.Epoch > r.epoch:
		return fmt.Errorf("%v is of epoch %d, the ring of epoch %d", k, k.Epoch, r.epoch)
	case k.Purpose != SealPurpose && k.Purpose != DerivePurpose:
		return fmt.Errorf("%v does not belong here", k)
	}
	material := k.Reveal()
	if k.Purpose == DerivePurpose {
		r.derive[k.ID] = newDeriveKey(k.ID, material)
		return nil
	}
	aead, err := chacha20poly1305.NewX(material[:])
	if err != nil {
		return err
	}
	s := &sealKey{id: k.ID, retired: k.Retired, aead: aead}
	for i := range kinds {
		s.aad[i] = binary.BigEndian.AppendUint16([]byte(kinds[i].label), k.ID)
	}
	r.seal[k.ID] = s
	return nil
}

// choose finds the keys for new sessions; keys is sorted.
func (r *Ring) choose(keys []Key) error {
	for _, k := range slices.Backward(keys) {
		if k.Epoch != r.epoch || !k.Retired.IsZero() {
			continue
		}
		if k.Purpose == SealPurpose {
			r.sealer = r.seal[k.ID]
		} else {
			r.source = r.derive[k.ID]
		}
	}
	if r.sealer == nil || r.source == nil {
		return errors.New("want a seal key and a derive key of this epoch that are not retired")
	}
	return nil
}

// Format implements fmt.Formatter, for every verb, without the keys.
func (r Ring) Format(w fmt.State, _ rune) {
	_, _ = io.WriteString(w, fmt.Sprintf("key ring of epoch %d", r.epoch))
}

// Epoch returns the ring's epoch.
func (r *Ring) Epoch() uint32 { return r.epoch }
