package credential

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

// MaxContainer is the longest life of a container token (security S13).
const MaxContainer = time.Hour

// SealContainer makes a container token: what AWS SDKs send, as it stands, in
// the Authorization header of a request for container credentials. The session
// it holds says for whom sessions are given out, until when and from where; a
// token that would be good from anywhere, or for longer than MaxContainer, is
// not made.
func (r *Ring) SealContainer(s identity.Session) (Bearer, error) {
	if err := confined(&s); err != nil {
		return Bearer{}, fmt.Errorf("sealing container token: %w", err)
	}
	token, expires, err := r.sealToken(containerKind, nil, s)
	if err != nil {
		return Bearer{}, err
	}
	return Bearer{Token: newSecret(token), Expires: expires}, nil
}

// OpenContainer reads a container token, as OpenSession does a session token.
func (r *Ring) OpenContainer(token string) (identity.Session, error) {
	plain, key, err := r.openToken(containerKind, token)
	if err != nil {
		return identity.Session{}, err
	}
	s, err := r.session(key, plain)
	if err != nil {
		return identity.Session{}, err
	}
	if confined(&s) != nil {
		return identity.Session{}, errPayload
	}
	return s, nil
}

// IsContainer reports whether text has the form of a container token. It says
// nothing about whether it is one.
func IsContainer(text string) bool {
	return strings.HasPrefix(text, kinds[containerKind].prefix)
}

func confined(s *identity.Session) error {
	switch {
	case len(s.Networks) == 0 || slices.ContainsFunc(s.Networks, func(p netip.Prefix) bool { return p.Bits() == 0 }):
		return errors.New("it is bound to no network")
	case s.Expires.Sub(s.Issued) > MaxContainer:
		return fmt.Errorf("it is longer than %v", MaxContainer)
	}
	return nil
}
