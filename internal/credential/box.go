package credential

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// Box seals content that waits in the store, by the keys of the purpose hold: the
// newest seals, every one opens. It is immutable and safe for concurrent use.
//
// The form is a version byte (1), the key's id as two bytes, big-endian, a nonce of
// 24 bytes, and the text under XChaCha20-Poly1305. What it is bound to — version,
// id, and the caller's label — is authenticated with it.
type Box struct {
	keys   map[uint16]cipher.AEAD
	newest uint16
}

const (
	boxVersion = 1
	boxHead    = 3
	boxLabel   = "writ held content v1"
)

// ErrBox is the one answer to what cannot be opened.
var ErrBox = errors.New("opening held content: it was not sealed by this installation for this hold")

// NewBox makes a box of the keys among these that are for holds; an error when
// there is none.
func NewBox(keys []Key) (*Box, error) {
	b := &Box{keys: make(map[uint16]cipher.AEAD)}
	for _, k := range keys {
		if k.Purpose != HoldPurpose {
			continue
		}
		material := k.Reveal()
		aead, err := chacha20poly1305.NewX(material[:])
		if err != nil {
			return nil, fmt.Errorf("hold key %d: %w", k.ID, err)
		}
		b.keys[k.ID], b.newest = aead, max(b.newest, k.ID)
	}
	if len(b.keys) == 0 {
		return nil, errors.New("there is no key for what waits for a human")
	}
	return b, nil
}

// Seal encrypts a text for a label, by which alone it opens again.
func (b *Box) Seal(text []byte, label string) []byte {
	out := make([]byte, boxHead+chacha20poly1305.NonceSizeX, boxHead+chacha20poly1305.NonceSizeX+len(text)+chacha20poly1305.Overhead)
	out[0] = boxVersion
	binary.BigEndian.PutUint16(out[1:], b.newest)
	nonce := out[boxHead:]
	_, _ = rand.Read(nonce)
	return b.keys[b.newest].Seal(out, nonce, text, boundTo(out[:boxHead], label))
}

// Open decrypts what Seal made for the same label; ErrBox otherwise.
func (b *Box) Open(sealed []byte, label string) ([]byte, error) {
	if len(sealed) < boxHead+chacha20poly1305.NonceSizeX || sealed[0] != boxVersion {
		return nil, ErrBox
	}
	head, rest := sealed[:boxHead], sealed[boxHead:]
	aead, ok := b.keys[binary.BigEndian.Uint16(head[1:])]
	if !ok {
		return nil, ErrBox
	}
	text, err := aead.Open(nil, rest[:chacha20poly1305.NonceSizeX], rest[chacha20poly1305.NonceSizeX:], boundTo(head, label))
	if err != nil {
		return nil, ErrBox
	}
	return text, nil
}

func boundTo(head []byte, label string) []byte {
	return append(append([]byte(boxLabel), head...), label...)
}
