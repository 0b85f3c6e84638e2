package credential

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/writ-project/writ/internal/identity"
)

// contained is a session that a container token may hold.
func contained() identity.Session {
	s := sample()
	s.Networks = s.Networks[:2]
	return s
}

func mustSealContainer(t testing.TB, r *Ring, s identity.Session) string {
	t.Helper()
	b, err := r.SealContainer(s)
	if err != nil {
		t.Fatal(err)
	}
	return b.Token.Reveal()
}

func TestContainerTokenComesBack(t *testing.T) {
	r, want := mustRing(t, 2, pair(1, 2)), contained()
	token := mustSealContainer(t, r, want)
	got, err := r.OpenContainer(token)
	if err != nil {
		t.Fatal(err)
	}
	want.KeyEpoch = 2
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); d != "" {
		t.Error(d)
	}
	if !IsContainer(token) || IsContainer("writb.v1.x") || IsContainer("eyJ") {
		t.Error("container tokens are not told by their form")
	}
}

// Each kind of token, as it is and with every other kind's prefix, is refused
// in every other kind's place.
func TestS10_ContainerTokenIsNoSessionNorBearer(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	issued := mustSeal(t, r, contained())
	tokens := map[kind]string{
		sessionKind: issued.SessionToken.Reveal(), bearerKind: mustSealBearer(t, r, contained()), containerKind: mustSealContainer(t, r, contained()),
	}
	open := map[kind]func(string) error{
		sessionKind:   func(s string) error { _, _, err := r.OpenSession(issued.AccessKeyID, s); return err },
		bearerKind:    func(s string) error { _, err := r.OpenBearer(s); return err },
		containerKind: func(s string) error { _, err := r.OpenContainer(s); return err },
	}
	for from, token := range tokens {
		for to, opens := range open {
			renamed := kinds[to].prefix + strings.TrimPrefix(token, kinds[from].prefix)
			for name, presented := range map[string]string{"as it is": token, "with the prefix swapped": renamed} {
				if err := opens(presented); (err == nil) != (from == to) || err != nil && !errors.Is(err, ErrInvalid) {
					t.Errorf("%s opened as %s, %s: %v", kinds[from].label, kinds[to].label, name, err)
				}
			}
		}
	}
}

func TestS13_ContainerTokenIsBoundAndShort(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	for name, spoil := range map[string]func(*identity.Session){
		"no network":    func(s *identity.Session) { s.Networks = nil },
		"every address": func(s *identity.Session) { s.Networks = append(s.Networks, netip.MustParsePrefix("::/0")) },
		"too long":      func(s *identity.Session) { s.Expires = s.Issued.Add(MaxContainer + time.Second) },
	} {
		s := contained()
		spoil(&s)
		if _, err := r.SealContainer(s); err == nil {
			t.Errorf("%s: sealed", name)
		}
		// Nor is one believed that somebody with the keys made all the same.
		token, _, err := r.sealToken(containerKind, nil, s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.OpenContainer(token); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: opened: %v", name, err)
		}
	}
}

func FuzzOpenContainer(f *testing.F) {
	r := mustRing(f, 0, pair(1, 0))
	token := mustSealContainer(f, r, contained())
	f.Add(token)
	f.Add("writc.v1.")
	f.Add("writb.v1." + strings.TrimPrefix(token, "writc.v1."))
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := r.OpenContainer(s); (s == token) != (err == nil) {
			t.Fatalf("%v", err)
		}
	})
}
