package operator

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/writ-project/writ/internal/identity"
)

// Secret is an API token as its holder has it: writ_ID_SECRET. It redacts itself;
// Reveal gives it. It holds a pointer because fmt prints the unexported fields of
// an enclosing struct without asking their methods.
type Secret struct{ text *string }

const (
	secretPrefix = "writ_"
	// MaxSecret is the longest text of an API token.
	MaxSecret = 128
)

// NewSecret is the secret of a token, with the digest that the token keeps.
func NewSecret(id, secret string) (s Secret, digest string) {
	text := secretPrefix + id + "_" + secret
	sum := sha256.Sum256([]byte(secret))
	return Secret{&text}, hex.EncodeToString(sum[:])
}

var errSecret = errors.New("not an API token: want writ_ID_SECRET")

// ParseSecret splits the text of an API token. No error holds a byte of it.
func ParseSecret(text string) (id, secret string, err error) {
	rest, ok := strings.CutPrefix(text, secretPrefix)
	i := strings.LastIndexByte(rest, '_')
	if !ok || len(text) > MaxSecret || i < 0 || i+1 == len(rest) || !identity.ValidName(rest[:i]) {
		return "", "", errSecret
	}
	return rest[:i], rest[i+1:], nil
}

// IsSecret reports whether text has the form of an API token. It says nothing
// about whether it is one.
func IsSecret(text string) bool { return strings.HasPrefix(text, secretPrefix) }

// Reveal returns the text, or "" for the zero Secret.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

func (s Secret) String() string { return "[redacted]" }

// Format implements fmt.Formatter: no verb prints the secret.
func (s Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, s.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON refuses: a secret that leaves does so through Reveal, where a reader
// of the code can see it.
func (s Secret) MarshalJSON() ([]byte, error) {
	return nil, errors.New("a secret has no text form: use Reveal where it is meant")
}
