package auditlog

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a leaf, node or root of the tree.
type Hash = tlog.Hash

// maxSize bounds tree sizes, so that no arithmetic on them can overflow.
const maxSize = 1 << 56

// maxNote bounds a signed checkpoint in bytes.
const maxNote = 64 << 10

// Checkpoint is a tree head: the size and root hash of the log called Origin.
// Parsed checkpoints carry the signed note that said so.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   Hash
	Note   []byte // the signed note, verbatim
}

// Text is the note text that is signed.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// Sign returns the checkpoint with its Note signed by s, whose name must be
// the origin.
func (c Checkpoint) Sign(s note.Signer) (Checkpoint, error) {
	if s.Name() != c.Origin {
		return Checkpoint{}, fmt.Errorf("signing checkpoint: key is for %q, log is %q", s.Name(), c.Origin)
	}
	msg, err := note.Sign(&note.Note{Text: c.Text()}, s)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("signing checkpoint: %w", err)
	}
	c.Note = msg
	return c, nil
}

// ParseCheckpoint reads a signed checkpoint. At least one of the keys must
// have signed it under the name of its origin. Every byte counts: a note that
// is not in canonical form is refused, as are extension lines.
func ParseCheckpoint(msg []byte, keys ...note.Verifier) (Checkpoint, error) {
	if len(msg) > maxNote {
		return Checkpoint{}, fmt.Errorf("parsing checkpoint: %d bytes, at most %d", len(msg), maxNote)
	}
	n, err := note.Open(msg, note.VerifierList(keys...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("parsing checkpoint: %w", err)
	}
	if err := canonicalNote(msg, n); err != nil {
		return Checkpoint{}, fmt.Errorf("parsing checkpoint: %w", err)
	}
	c, err := parseHead(n.Text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("parsing checkpoint: %w", err)
	}
	for _, s := range n.Sigs {
		if s.Name == c.Origin {
			c.Note = bytes.Clone(msg)
			return c, nil
		}
	}
	return Checkpoint{}, fmt.Errorf("parsing checkpoint: not signed by the log %q", c.Origin)
}

// canonicalNote refuses what note.Open overlooks: repeated signature lines
// (dropped) and stray bits at the end of a signature's base64 (ignored).
func canonicalNote(msg []byte, n *note.Note) error {
	sigs := append(n.Sigs[:len(n.Sigs):len(n.Sigs)], n.UnverifiedSigs...)
	want := len(n.Text) + len("\n")
	for _, s := range sigs {
		want += len("— ") + len(s.Name) + len(" ") + len(s.Base64) + len("\n")
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return fmt.Errorf("signature of %q: %w", s.Name, err)
		}
	}
	if want != len(msg) {
		return errors.New("repeated signature lines")
	}
	return nil
}

func parseHead(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return Checkpoint{}, errors.New("want three lines: origin, size and root hash")
	}
	size, err := parseDecimal(lines[1])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("size: %w", err)
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("root: %w", err)
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

// parseDecimal reads a number below maxSize without sign or leading zeros.
func parseDecimal(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != s || n >= maxSize {
		return 0, fmt.Errorf("%q is not a canonical number", s)
	}
	return n, nil
}

func parseHash(s string) (Hash, error) {
	h, err := tlog.ParseHash(s)
	if err != nil || h.String() != s {
		return Hash{}, fmt.Errorf("%q is not a canonical base64 hash", s)
	}
	return h, nil
}

// VerifierKey returns the public key of the log called origin, in the form
// that -key options and the directory's key file hold.
func VerifierKey(origin string, key ed25519.PublicKey) (string, error) {
	vkey, err := note.NewEd25519VerifierKey(origin, key)
	if err != nil {
		return "", fmt.Errorf("encoding verifier key: %w", err)
	}
	return vkey, nil
}

// NewSigner returns a signer of checkpoints of the log called origin. It keeps
// the key; it never prints it.
func NewSigner(origin string, key ed25519.PrivateKey) (note.Signer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("signing key is not an Ed25519 private key")
	}
	vkey, err := VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("origin %q: %w", origin, err)
	}
	return &signer{name: origin, hash: v.KeyHash(), sign: func(msg []byte) []byte { return ed25519.Sign(key, msg) }}, nil
}

// signer is a note.Signer over a key held in memory. The key hides in a
// closure so that printing a signer cannot show it.
type signer struct {
	name string
	hash uint32
	sign func(msg []byte) []byte
}

func (s *signer) Name() string                    { return s.name }
func (s *signer) KeyHash() uint32                 { return s.hash }
func (s *signer) Sign(msg []byte) ([]byte, error) { return s.sign(msg), nil }
