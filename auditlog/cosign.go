package auditlog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// algCosignature is the signature type of Ed25519 cosignatures
// (https://c2sp.org/tlog-cosignature).
const algCosignature = 0x04

// cosigner verifies the cosignatures of one witness.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// newCosigner reads the verifier key of a witness: name+hash+base64(0x04 || key).
func newCosigner(vkey string) (*cosigner, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	hash, b64, _ := strings.Cut(rest, "+")
	data, err := base64.StdEncoding.Strict().DecodeString(b64)
	if err != nil || name == "" || len(data) != 1+ed25519.PublicKeySize || data[0] != algCosignature {
		return nil, errors.New("cosigner key: want name+hash+base64 of an Ed25519 cosignature key (type 0x04)")
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), data...))
	id := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", id) != hash {
		return nil, fmt.Errorf("cosigner key: hash %q does not match the key", hash)
	}
	return &cosigner{name: name, hash: id, key: ed25519.PublicKey(data[1:])}, nil
}

func newCosigners(vkeys []string) ([]*cosigner, error) {
	out := make([]*cosigner, len(vkeys))
	for i, k := range vkeys {
		c, err := newCosigner(k)
		if err != nil {
			return nil, err
		}
		out[i] = c
	}
	return out, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

// Verify checks an 8-byte big-endian POSIX time and an Ed25519 signature over
// the header line, the time line and the note text.
func (c *cosigner) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	t := binary.BigEndian.Uint64(sig)
	if t >= 1<<62 {
		return false
	}
	msg := append([]byte("cosignature/v1\ntime "+strconv.FormatUint(t, 10)+"\n"), text...)
	return ed25519.Verify(c.key, msg, sig[8:])
}

// cosigned returns who among the cosigners vouched for a checkpoint, and when.
// A false cosignature under a known name is an error, not an absence.
func cosigned(c Checkpoint, cosigners []*cosigner) ([]anchor, error) {
	if len(cosigners) == 0 || len(c.Note) == 0 {
		return nil, nil
	}
	vs := make([]note.Verifier, len(cosigners))
	for i, w := range cosigners {
		vs[i] = w
	}
	n, err := note.Open(c.Note, note.VerifierList(vs...))
	if _, none := errors.AsType[*note.UnverifiedNoteError](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("checking cosignatures: %w", err)
	}
	if n.Text != c.Text() {
		return nil, errors.New("checking cosignatures: the note is not the one of the checkpoint")
	}
	var out []anchor
	for _, s := range n.Sigs {
		raw, err := base64.StdEncoding.DecodeString(s.Base64)
		if err != nil || len(raw) < 12 {
			return nil, errors.New("checking cosignatures: malformed signature")
		}
		at := time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0).UTC()
		out = append(out, anchor{who: "cosigner " + s.Name, at: at, size: c.Size})
	}
	return out, nil
}
