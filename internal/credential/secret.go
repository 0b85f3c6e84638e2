package credential

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// errSecretForm answers every attempt to marshal a secret: a secret that
// leaves does so through Reveal, where a reader of the code can see it.
var errSecretForm = errors.New("a secret has no text form: use Reveal where it is meant")

// Secret is text that must not be printed by accident. Formatting and logging
// yield a placeholder, marshalling fails. It holds a pointer because fmt prints
// the unexported fields of an enclosing struct without asking their methods,
// and then an address is all there is to print.
type Secret struct{ text *string }

func newSecret(s string) Secret { return Secret{text: &s} }

// Reveal returns the text, or "" for the zero Secret.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Format implements fmt.Formatter, for every verb.
func (s Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) }

func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return redacted }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON refuses.
func (s Secret) MarshalJSON() ([]byte, error) { return nil, errSecretForm }

// MarshalText refuses.
func (s Secret) MarshalText() ([]byte, error) { return nil, errSecretForm }
