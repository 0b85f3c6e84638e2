package api

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// Token is an operator's secret. It redacts itself; Reveal gives it.
type Token struct{ secret string }

const tokenPrefix = "writ-admin-"

// NewToken makes a random token.
func NewToken() Token { return Token{tokenPrefix + strings.ToLower(rand.Text())} }

// ReadToken takes a token from its text.
func ReadToken(s string) Token { return Token{strings.TrimSpace(s)} }

// LoadToken reads a token file that only its owner may read.
func LoadToken(path string) (Token, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Token{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Token{}, fmt.Errorf("%s can be read by others: want mode 0600", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Token{}, err
	}
	if t := ReadToken(string(b)); t.secret != "" {
		return t, nil
	}
	return Token{}, errors.New("the token file is empty")
}

// Reveal returns the secret.
func (t Token) Reveal() string { return t.secret }

// Is compares in constant time; the zero token is no token's equal.
func (t Token) Is(s string) bool {
	a, b := sha256.Sum256([]byte(t.secret)), sha256.Sum256([]byte(s))
	return t.secret != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (t Token) String() string { return "[redacted]" }

// Format implements fmt.Formatter: no verb prints the secret.
func (t Token) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.String()) }

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalJSON implements json.Marshaler without the secret.
func (t Token) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }
