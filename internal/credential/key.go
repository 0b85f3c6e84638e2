package credential

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// Purpose is the one thing a key is for.
type Purpose string

// The purposes. A key of one is refused in the place of another.
const (
	SealPurpose    Purpose = "seal"    // encrypts session and bearer tokens
	DerivePurpose  Purpose = "derive"  // makes secret access keys out of tokens
	LogPurpose     Purpose = "log"     // signs the audit log's checkpoints
	ReceiptPurpose Purpose = "receipt" // signs receipts of human approval
	HoldPurpose    Purpose = "hold"    // encrypts what waits for a human
)

// purposes gives each purpose its code in wrapped keys: its place here.
var purposes = []Purpose{"", SealPurpose, DerivePurpose, LogPurpose, ReceiptPurpose, HoldPurpose}

// Key is 32 random bytes for one purpose. Only NewKey and Unwrap make one that
// holds material; the zero Key is refused everywhere.
type Key struct {
	ID      uint16 // unique among the keys of its purpose, rising
	Purpose Purpose
	// Epoch is the key ring's epoch that the key was made in. A ring of a
	// later epoch does not take it: emergency rotation has no overlap.
	Epoch   uint32
	Created time.Time // whole seconds
	Retired time.Time // whole seconds; zero while in use
	secret  Secret    // the 32 bytes; a Secret, so that no enclosing struct prints them
}

// NewKey makes a random key. created is cut to whole seconds.
func NewKey(id uint16, p Purpose, epoch uint32, created time.Time) Key {
	material := make([]byte, 32)
	_, _ = rand.Read(material) // never fails: crypto/rand ends the program first
	return Key{ID: id, Purpose: p, Epoch: epoch, Created: wholeSeconds(created), secret: newSecret(string(material))}
}

// Retire returns the key as retired at the given time, cut to whole seconds.
func (k Key) Retire(at time.Time) Key {
	k.Retired = wholeSeconds(at)
	return k
}

// Reveal returns the key's material. It panics on a key that holds none.
func (k Key) Reveal() [32]byte { return [32]byte([]byte(k.secret.Reveal())) }

// Format implements fmt.Formatter, for every verb, without the material.
func (k Key) Format(w fmt.State, _ rune) {
	_, _ = io.WriteString(w, fmt.Sprintf("%s key %d", string(k.Purpose), k.ID))
}

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(k)) }

// MarshalJSON refuses: keys are stored wrapped.
func (k Key) MarshalJSON() ([]byte, error) { return nil, errSecretForm }

// A wrapped key is a 24-byte head, which is also associated data, then nonce
// and sealed material:
//
//	version 1 | purpose, 1 | id, 2 | epoch, 4 | created, 8 | retired, 8 | nonce, 24 | sealed material, 48
//
// with times in Unix seconds, zero for "not retired".
const (
	wrapVersion = 1
	wrapHead    = 24
	wrapLabel   = "writ wrapped key v1"
	wrapSize    = wrapHead + chacha20poly1305.NonceSizeX + 32 + chacha20poly1305.Overhead
)

// errWrapped is the one answer to a wrapped key that cannot be opened.
var errWrapped = errors.New("unwrapping key: not a key wrapped by this key-encryption key")

// Wrap encrypts a key for storage; the result is bound to all of its fields.
// Like Reveal, it panics on a key that holds no material.
func Wrap(kek *KEK, k Key) []byte {
	b := make([]byte, 0, wrapSize)
	b = append(b, wrapVersion, byte(slices.Index(purposes, k.Purpose)))
	b = binary.BigEndian.AppendUint16(b, k.ID)
	b = binary.BigEndian.AppendUint32(b, k.Epoch)
	b = binary.BigEndian.AppendUint64(b, unixSeconds(k.Created))
	b = binary.BigEndian.AppendUint64(b, unixSeconds(k.Retired))
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	_, _ = rand.Read(nonce)
	label := append([]byte(wrapLabel), b...)
	b = append(b, nonce...)
	material := k.Reveal()
	return kek.aead.Seal(b, nonce, material[:], label)
}

// Unwrap decrypts what Wrap made under the same key-encryption key.
func Unwrap(kek *KEK, wrapped []byte) (Key, error) {
	if len(wrapped) != wrapSize || wrapped[0] != wrapVersion {
		return Key{}, errWrapped
	}
	head, rest := wrapped[:wrapHead], wrapped[wrapHead:]
	nonce, sealed := rest[:chacha20poly1305.NonceSizeX], rest[chacha20poly1305.NonceSizeX:]
	material, err := kek.aead.Open(nil, nonce, sealed, append([]byte(wrapLabel), head...))
	if err != nil {
		return Key{}, errWrapped
	}
	code := int(head[1])
	if code == 0 || code >= len(purposes) {
		return Key{}, errWrapped
	}
	return Key{
		Purpose: purposes[code],
		ID:      binary.BigEndian.Uint16(head[2:]),
		Epoch:   binary.BigEndian.Uint32(head[4:]),
		Created: fromUnix(binary.BigEndian.Uint64(head[8:])),
		Retired: fromUnix(binary.BigEndian.Uint64(head[16:])),
		secret:  newSecret(string(material)),
	}, nil
}

// wholeSeconds cuts a time to what the formats here can hold.
func wholeSeconds(t time.Time) time.Time { return fromUnix(unixSeconds(t)) }

// unixSeconds is 0 for the zero time and for times before 1970.
func unixSeconds(t time.Time) uint64 { return uint64(max(t.Unix(), 0)) }

// fromUnix is the inverse of unixSeconds: 0 is the zero time.
func fromUnix(seconds uint64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}
