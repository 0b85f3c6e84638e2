package credential

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/chacha20poly1305"
)

// KEK is the key-encryption key: the one secret that is not in the store.
type KEK struct{ aead cipher.AEAD }

// maxKEKFile bounds the file: 44 characters and some white space.
const maxKEKFile = 128

// LoadKEK reads a key-encryption key from a file that holds 32 bytes in
// standard base64. A file that its group or others may touch is refused.
func LoadKEK(path string) (*KEK, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading key-encryption key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading key-encryption key: %w", err)
	}
	if err := private(info); err != nil {
		return nil, fmt.Errorf("reading key-encryption key %s: %w", path, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKEKFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading key-encryption key: %w", err)
	}
	if len(text) > maxKEKFile {
		return nil, fmt.Errorf("reading key-encryption key %s: the file is too long", path)
	}
	k, err := parseKEK(text)
	if err != nil {
		return nil, fmt.Errorf("reading key-encryption key %s: %w", path, err)
	}
	return k, nil
}

func private(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("mode %04o lets others at it: want 0600", mode)
	}
	return nil
}

// parseKEK reads the file's content. Its errors do not quote it.
func parseKEK(text []byte) (*KEK, error) {
	text = bytes.TrimSpace(text)
	material := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(material, text)
	if err != nil || n != chacha20poly1305.KeySize || len(text) != base64.StdEncoding.EncodedLen(n) {
		return nil, errors.New("want 32 bytes in base64")
	}
	if bytes.Count(material[:n], material[:1]) == n {
		return nil, errors.New("the bytes are all the same: not a random key")
	}
	return newKEK(material[:n])
}

func newKEK(material []byte) (*KEK, error) {
	aead, err := chacha20poly1305.NewX(material)
	if err != nil {
		return nil, err
	}
	return &KEK{aead: aead}, nil
}

// GenerateKEK makes a random key-encryption key and writes it to a new file
// with mode 0600, durably. An existing file is never touched.
func GenerateKEK(path string) (*KEK, error) {
	material := make([]byte, chacha20poly1305.KeySize)
	_, _ = rand.Read(material)
	if err := writeNew(path, base64.StdEncoding.EncodeToString(material)+"\n"); err != nil {
		return nil, fmt.Errorf("writing key-encryption key: %w", err)
	}
	return newKEK(material)
}

// writeNew creates a private file and forces it and its name to disk: a key
// that wrapped others must not be lost to a power cut. What could not be
// written in full is removed.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Format implements fmt.Formatter, for every verb, without the key.
func (k KEK) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "key-encryption key") }
